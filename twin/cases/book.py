"""The case book: every case of a stream, as a fold over its steps.

The order in which steps arrive does not matter. The book is what one gets by taking all steps in the order of their
observed times; steps of one case at one moment are taken in the order of :class:`~twin.cases.step.Kind`, then of their
content. A step that arrives late is put where it belongs and its case is folded again, so a step that was refused
may be accepted once what it rests on has arrived, and the other way round. The same step of the same moment counts
once. A merge holds if the other case was reported by then and was not itself merged before; otherwise it is refused
and the case stays open, so that two cases cannot vanish into each other.
"""

from __future__ import annotations

import gc
from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from twin.cases.case import RULES, Case, Refused, Rules, State, Taken, advance, apply, copied, opened
from twin.cases.step import CaseStep, Kind

_RANK = {kind: rank for rank, kind in enumerate(Kind)}
Place = tuple[float, float]


class CaseObservation(Protocol):
    """What the book reads of an observation of kind ``case``."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def stream(self) -> str: ...  # noqa: D102
    @property
    def observed_at(self) -> datetime: ...  # noqa: D102
    @property
    def x(self) -> float | None: ...  # noqa: D102
    @property
    def y(self) -> float | None: ...  # noqa: D102
    @property
    def grid(self) -> str | None: ...  # noqa: D102
    @property
    def value(self) -> object: ...  # noqa: D102


class Refusal(NamedTuple):
    """A step that was not taken, and why."""

    at: datetime
    step: CaseStep
    reason: str


@dataclass(slots=True)
class _File:
    """All steps of one case in order, and what they come to."""

    entries: list[Taken] = field(default_factory=list)
    case: Case | None = None
    refused: list[Refusal] = field(default_factory=list)


class Counts(NamedTuple):
    """How many cases there are: ``received = open + closed + merged``, always."""

    received: int
    open: int
    closed: int
    merged: int
    refused_steps: int
    unreported: int


class CaseBook:
    """All cases of one stream. Taking a step costs the same however many cases there are."""

    def __init__(self, rules: Rules = RULES) -> None:
        self._rules = rules
        self._files: dict[str, _File] = {}
        self._merging_into: dict[str, set[str]] = {}

    @classmethod
    def of(cls, observations: Iterable[CaseObservation], *, stream: str | None = None, rules: Rules = RULES) -> CaseBook:
        """The book of all case observations, of one stream if it is named."""
        book = cls(rules)
        with _uncollected():
            for observation in observations:
                if stream is None or observation.stream == stream:
                    book.take(observation)
        return book

    def __len__(self) -> int:
        return sum(file.case is not None for file in self._files.values())

    def __iter__(self) -> Iterator[Case]:
        return (file.case for file in self._files.values() if file.case is not None)

    def __contains__(self, case_id: object) -> bool:
        file = self._files.get(str(case_id))
        return file is not None and file.case is not None

    def __getitem__(self, case_id: str) -> Case:
        """The case, as a value of its own; raises :class:`Refused` if it was not reported."""
        file = self._files.get(case_id)
        if file is None or file.case is None:
            raise Refused(f"there is no case {case_id}", mend="look the id up in the list of cases")
        return copied(file.case)

    def take(self, observation: CaseObservation) -> None:
        """Take an observation of kind ``case``; others are passed over. Never raises for a step that is refused."""
        if observation.kind == "case" and isinstance(observation.value, CaseStep):
            x, y = observation.x, observation.y
            self.add(observation.value, observation.observed_at,
                     place=None if x is None or y is None else (x, y), grid=observation.grid)

    def add(self, step: CaseStep, at: datetime, *, place: Place | None = None, grid: str | None = None) -> None:
        """Take a step that was observed at a moment, whenever it arrives; a refused one is kept under ``refusals``."""
        file = self._files.get(step.case)
        if file is None:
            file = self._files[step.case] = _File()
        target = step.case in self._merging_into
        before = _standing(file.case) if target else None
        taken = Taken(at, step, place, grid)
        if not file.entries or _after(taken, file.entries[-1]):
            file.entries.append(taken)
            self._fold_one(file, taken)
        elif not self._insert(file, taken):
            return
        if target and _standing(file.case) != before:
            self._settle_merges(step.case)

    def check(self, step: CaseStep, at: datetime, *, place: Place | None = None, grid: str | None = None) -> Case:
        """Return the case as it would be after a step, or raise :class:`Refused`; the book is not changed.

        This is what a desk asks before it writes the step to the log.
        """
        file = self._files.get(step.case)
        case = file.case if file is not None else None
        if case is not None and step.step is Kind.MERGE:
            self._require_mergeable(step, at)
        return apply(case, step, at, place=place, grid=grid, rules=self._rules)

    def refusals(self, case_id: str | None = None) -> list[Refusal]:
        """Steps that were not taken, of one case or of all."""
        files = self._files.values() if case_id is None else [self._files[case_id]] if case_id in self._files else []
        return [refusal for file in files for refusal in file.refused]

    def counts(self) -> Counts:
        """How many cases are open, closed and merged, and how many steps were refused."""
        tally = dict.fromkeys(("open", "closed", "merged"), 0)
        refused = unreported = 0
        for file in self._files.values():
            refused += len(file.refused)
            if file.case is None:
                unreported += 1
            else:
                tally["merged" if file.case.state is State.MERGED else "open" if file.case.is_open else "closed"] += 1
        return Counts(sum(tally.values()), tally["open"], tally["closed"], tally["merged"], refused, unreported)

    def root(self, case_id: str) -> str:
        """The case that a merged one belongs to in the end; the case itself if it was not merged."""
        while (case := self._files[case_id].case) is not None and case.state is State.MERGED and case.duplicate_of:
            case_id = case.duplicate_of
        return case_id

    def duplicates(self, case_id: str) -> list[str]:
        """Ids of the cases that were merged straight into this one, in order."""
        return sorted(other for other in self._merging_into.get(case_id, ())
                      if (case := self._files[other].case) is not None and case.duplicate_of == case_id)

    def _insert(self, file: _File, taken: Taken) -> bool:
        """Put a late step where it belongs and fold its case again; False if it is there already."""
        if any(entry.at == taken.at and entry.step == taken.step for entry in file.entries):
            return False
        insort(file.entries, taken, key=_in_full_order)
        self._fold(file)
        return True

    def _fold(self, file: _File) -> None:
        file.case = None
        file.refused = []
        for entry in file.entries:
            self._fold_one(file, entry)

    def _fold_one(self, file: _File, taken: Taken) -> None:
        step, case = taken.step, file.case
        try:
            if case is None and step.step is Kind.REPORT:
                file.case = opened(taken)
                return
            if case is None or step.step is Kind.REPORT:
                apply(case, step, taken.at)  # says why not
                return
            if step.step is Kind.MERGE and step.duplicate_of:
                self._merging_into.setdefault(step.duplicate_of, set()).add(step.case)
                self._require_mergeable(step, taken.at)
            advance(case, taken, self._rules)
        except Refused as refused:
            file.refused.append(Refusal(taken.at, step, str(refused)))

    def _require_mergeable(self, step: CaseStep, at: datetime) -> None:
        other_id = step.duplicate_of or ""
        other = self._files[other_id].case if other_id in self._files else None
        if other is None or other.reported_at > at:
            raise Refused(f"case {other_id} was not reported by then", mend="name a case that is there")
        if other.merged_at is not None and (other.merged_at, other.id) < (at, step.case):
            raise Refused(f"case {other_id} was itself merged into {other.duplicate_of}", mend="merge into that one")

    def _settle_merges(self, case_id: str) -> None:
        """Fold again what merges into a case whose report or merge has moved, and so on until nothing moves.

        It ends, because whether a merge holds depends on earlier moments only.
        """
        moved = deque([case_id])
        while moved:
            for other in sorted(self._merging_into.get(moved.popleft(), ())):
                file = self._files[other]
                before = _standing(file.case)
                self._fold(file)
                if _standing(file.case) != before:
                    moved.append(other)


def _standing(case: Case | None) -> tuple[datetime | None, datetime | None]:
    """What other cases' merges rest on: when it was reported and when it was merged."""
    return (None, None) if case is None else (case.reported_at, case.merged_at)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would walk a growing book again and again; a fold makes no cycles."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _after(taken: Taken, other: Taken) -> bool:
    """Whether a step comes after another one of its case, whatever they say."""
    if taken.at != other.at:
        return taken.at > other.at
    return _RANK[taken.step.step] > _RANK[other.step.step]


def _in_full_order(taken: Taken) -> tuple[datetime, int, str]:
    return taken.at, _RANK[taken.step.step], taken.step.model_dump_json()
