"""Steps for tests: short to write, whole in what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twin.cases import Case, CaseStep, apply

START = datetime(2026, 1, 5, tzinfo=UTC)


def moment(minutes: float) -> datetime:
    """So many minutes after the start of the tests' week, a Monday."""
    return START + timedelta(minutes=minutes)


def step(kind: str, by: str = "desk-1", case: str = "c-1", **says: Any) -> CaseStep:
    """A step with what its kind needs filled in."""
    needed: dict[str, dict[str, Any]] = {"report": {"type": "rubbish"}, "dispatch": {"units": ("P-1",)}, "assess": {"rating": 5}}
    return CaseStep(**{"step": kind, "case": case, "by": by, "why": "as the rules say", **needed.get(kind, {}), **says})


def walk(*steps: CaseStep, gap_min: float = 10.0) -> Case:
    """The case after steps that are some minutes apart, the first at the start."""
    case: Case | None = None
    for number, one in enumerate(steps):
        case = apply(case, one, moment(number * gap_min))
    assert case is not None
    return case


def closed(**report: Any) -> Case:
    """A case that went straight through to its closing, at minute 50."""
    return walk(step("report", **report), step("dispatch"), step("arrive", "P-1"), step("handle", "P-1"),
                step("verify", "verifier-1"), step("close"))
