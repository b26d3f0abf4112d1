"""What a verification test is, and what comes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

Figures = Mapping[str, float]
"""Measured figures by name; names end with their unit."""
Status = Literal["pass", "fail", "not applicable"]


@dataclass(frozen=True)
class Result:
    """What came of a test. ``reason`` says why it fails or does not apply; ``unexpected`` marks what nobody foresaw: a
    failure without a known reason, or a pass where a failure was foreseen."""

    suite: str
    test: str
    criterion: str
    measured: Figures
    status: Status
    reason: str
    unexpected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Suite, test, criterion, measured, status and reason."""
        row = asdict(self)
        row.pop("unexpected")
        return row


class Check(ABC):
    """A verification test of a guideline: measures figures and judges them.

    ``counterexample`` are figures that the criterion must refuse. ``known_failure`` is the reason why the model fails
    with its default parameters; it is strict: if the test passes all the same, that is reported as a failure. ``slow``
    tests take more than a few seconds.
    """

    suite: ClassVar[str]
    test: ClassVar[str]
    title: ClassVar[str]
    criterion: ClassVar[str]
    counterexample: ClassVar[Figures]
    known_failure: ClassVar[str] = ""
    slow: ClassVar[bool] = False

    @abstractmethod
    def measure(self) -> Figures:
        """Run the experiment."""

    @abstractmethod
    def judge(self, figures: Figures) -> bool:
        """Whether figures meet the criterion."""

    def result(self) -> Result:
        """Run the test."""
        figures = self.measure()
        return self.verdict(figures)

    def verdict(self, figures: Figures) -> Result:
        """What these figures mean for the test."""
        rounded = {key: round(float(value), 3) for key, value in figures.items()}
        met = self.judge(figures)
        if met and self.known_failure:
            reason = f"it was known to fail ({self.known_failure}) and passes now: take the mark away"
            return Result(self.suite, self.test, self.criterion, rounded, "fail", reason, unexpected=True)
        reason = "" if met else self.known_failure or "the criterion is not met"
        return Result(
            self.suite,
            self.test,
            self.criterion,
            rounded,
            "pass" if met else "fail",
            reason,
            unexpected=not met and not self.known_failure,
        )


@dataclass(frozen=True)
class Absent:
    """A test of a guideline that cannot be run, and why."""

    suite: str
    test: str
    title: str
    criterion: str
    reason: str
    slow: bool = False

    def result(self) -> Result:
        """Not applicable, with the reason."""
        return Result(self.suite, self.test, self.criterion, {}, "not applicable", self.reason)
