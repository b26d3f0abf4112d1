"""Marks: expected actions against what was done, with times, and what the crowd came to, objective by objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sim.drill.drill import Decision
from sim.drill.order import Expected
from sim.drill.plan import TRAINER, DrillPlan, Inject, Objective, Outcome

Mark = Literal["in time", "late", "missed", "not asked"]
POINTS: dict[Mark, float] = {"in time": 1.0, "late": 0.5, "missed": 0.0}
"""What an expected action counts; what was never asked for counts nothing either way."""


@dataclass(frozen=True)
class Answer:
    """One expected action and what came of it: ``took_s`` from the inject to the decision."""

    inject: Inject
    asked_at_s: float | None
    expected: Expected
    decision: Decision | None
    took_s: float | None
    mark: Mark


@dataclass(frozen=True)
class Reached:
    """One outcome of the crowd: what it had to be, and what it was."""

    outcome: Outcome
    value: float
    met: bool


@dataclass(frozen=True)
class ObjectiveMarks:
    """Everything that counts for one objective. ``share`` is what was reached of what could be, None if nothing counts."""

    name: str
    objective: Objective
    answers: list[Answer]
    outcomes: list[Reached]
    share: float | None


def answers(lines: Sequence[Mapping[str, Any]], decisions: Sequence[Decision]) -> list[Answer]:
    """Expected actions in the order of their injects; each is met by the first decision after its inject that fits, was
    carried out, and met nothing else. ``lines`` are those of ``drill.json``."""
    found, used = [], set()
    for line in sorted(lines, key=lambda line: (line["at_s"] is None, line["at_s"] or 0.0)):
        inject = Inject.model_validate(line["inject"])
        for action in inject.actions:
            if line["state"] != "out":
                found.append(Answer(inject, None, action, None, None, "not asked"))
                continue
            asked = float(line["at_s"])
            decision = next((d for d in decisions if d.number not in used and d.at_s >= asked and _counts(d)
                             and d.order is not None and action.met_by(d.order)), None)
            if decision is None:
                found.append(Answer(inject, asked, action, None, None, "missed"))
                continue
            used.add(decision.number)
            took = decision.at_s - asked
            found.append(Answer(inject, asked, action, decision, took, "in time" if took <= inject.within_s else "late"))
    return found


def _counts(decision: Decision) -> bool:
    return decision.role != TRAINER and decision.outcome in ("done", "under way")


def marks(plan: DrillPlan, lines: Sequence[Mapping[str, Any]], decisions: Sequence[Decision],
          metrics: Mapping[str, float]) -> list[ObjectiveMarks]:
    """The marks of a drill, one entry an objective; expected actions without an objective are not among them."""
    given = answers(lines, decisions)
    out = []
    for name, objective in plan.objectives.items():
        mine = [answer for answer in given if answer.inject.objective == name]
        reached = []
        for outcome in objective.outcomes:
            value = float(metrics.get(outcome.measure, float("nan")))
            reached.append(Reached(outcome, value, outcome.met(value)))
        points = [POINTS[a.mark] for a in mine if a.mark != "not asked"] + [float(r.met) for r in reached]
        out.append(ObjectiveMarks(name, objective, mine, reached, sum(points) / len(points) if points else None))
    return out
