"""The case and what may happen to it: ``apply(case, step, at)`` is the whole state machine.

::

    report ─▶ reported ─dispatch▶ dispatched ─arrive▶ arrived ─handle▶ handled ─verify▶ verified ─close▶ closed ─assess▶ assessed
                 ▲ ▲ pass_up, pass_down, return │           │             │ return (not done)            │ reopen          │
                 │ └──────────────────────────────┴───────────┘◀────────────┘                              │ (within a week) │
                 └─────────────────────────────────────────────────────────────────────────────────────────┴─────────────────┘
    merge: from any open state to merged.        note: in any state, changes nothing else.

Nothing can go on for ever: passes, returns, reopenings, units and notes are each bounded by the :class:`Rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from twin.cases.step import CaseStep, Kind, Level, Result
from twin.cases.types import deadline_after
from twin.errors import BadInput


class State(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    HANDLED = "handled"
    VERIFIED = "verified"
    CLOSED = "closed"
    ASSESSED = "assessed"
    MERGED = "merged"


OPEN = frozenset({State.REPORTED, State.DISPATCHED, State.ARRIVED, State.HANDLED, State.VERIFIED})
DONE = frozenset({State.CLOSED, State.ASSESSED})
LEVELS = tuple(Level)


class Refused(BadInput):
    """A step that the case does not allow; the case is as it was."""


@dataclass(frozen=True)
class Rules:
    """How often a case may change hands.

    After ``most_passes`` between levels it may only go up, so the higher level must decide. A case comes back
    (not theirs, or not done) ``most_returns`` times, after that it is decided where it lies or passed up. It can be
    reopened ``most_reopenings`` times within ``reopen_window`` of its closing, after an assessment only if the
    rating was at most ``bad_rating``. Defaults are editable; none is from a standard.
    """

    most_passes: int = 3
    most_returns: int = 3
    most_reopenings: int = 2
    reopen_window: timedelta = timedelta(days=7)
    bad_rating: int = 2
    most_units: int = 64
    most_notes: int = 200


RULES = Rules()


class Taken(NamedTuple):
    """A step with its moment: who (``step.by``), when (``at``), why (``step.why``), and where it was reported from."""

    at: datetime
    step: CaseStep
    place: tuple[float, float] | None = None
    grid: str | None = None


@dataclass(slots=True)
class Case:
    """What is known of a case after its steps; treat it as a value, :func:`apply` returns the next one.

    ``place`` is (x, y) in the district's CRS [m] or (lon, lat) for records from elsewhere, as reported. Times are
    aware UTC: ``arrived_at`` is the first arrival, ``handled_at``, ``verified_at`` and ``closed_at`` the latest.
    ``reported_at`` is the first report, ``due_at`` the deadline of handling. ``handlers`` are all who ever handled
    it, ``units`` those who are on it now.
    """

    id: str
    type: str
    reported_at: datetime
    due_at: datetime
    level: Level = Level.COMMUNITY
    grid: str | None = None
    place: tuple[float, float] | None = None
    state: State = State.REPORTED
    units: tuple[str, ...] = ()
    on_scene: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    passes: int = 0
    returns: int = 0
    reopenings: int = 0
    notes: int = 0
    dispatched_at: datetime | None = None
    arrived_at: datetime | None = None
    handled_at: datetime | None = None
    verified_at: datetime | None = None
    closed_at: datetime | None = None
    assessed_at: datetime | None = None
    merged_at: datetime | None = None
    result: Result | None = None
    rating: int | None = None
    duplicate_of: str | None = None
    history: list[Taken] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN

    @property
    def is_closed(self) -> bool:
        """Whether the loop was closed, assessed or not."""
        return self.state in DONE


def apply(case: Case | None, step: CaseStep, at: datetime, *, place: tuple[float, float] | None = None,
          grid: str | None = None, rules: Rules = RULES) -> Case:
    """Return the case after a step, or raise :class:`Refused` with the reason; the case given is never changed.

    ``case`` is None for a report. ``place`` and ``grid`` say where a report was made, if its step does not.
    """
    if step.step is Kind.REPORT:
        if case is not None:
            raise Refused(f"case {step.case} is already reported", mend="add a note to it, or report under a new id")
        return opened(Taken(at, step, place, grid))
    if case is None:
        raise Refused(f"case {step.case} is not reported yet", mend="report it first")
    after = copied(case)
    advance(after, Taken(at, step), rules)
    return after


def copied(case: Case) -> Case:
    """A case of its own that may be changed."""
    other = copy(case)
    other.history = list(case.history)
    return other


def opened(taken: Taken) -> Case:
    """The case that a report opens."""
    at, step, place, grid = taken
    kind = step.type or ""
    return Case(step.case, kind, at, step.deadline or deadline_after(kind, at), step.level or Level.COMMUNITY,
                step.grid or grid, place, history=[taken])


def advance(case: Case, taken: Taken, rules: Rules = RULES) -> None:
    """Take a step on the case itself; raises :class:`Refused` before anything is changed."""
    at, step, _, _ = taken
    kind = step.step
    if step.case != case.id:
        raise Refused(f"a step of case {step.case} was put to case {case.id}", mend="name the case that it belongs to")
    if at < case.history[-1].at:
        raise Refused(f"case {case.id} has a later step already", mend="give the steps of a case in the order of their times")
    if case.state not in _FROM[kind]:
        raise Refused(f"case {case.id} is {case.state.value}, {_SAID[kind]}", mend=_mend(kind))
    _DO[kind](case, step, at, rules)
    case.history.append(taken)


def _dispatch(case: Case, step: CaseStep, at: datetime, rules: Rules) -> None:
    new = [unit for unit in dict.fromkeys(step.units) if unit not in case.units]
    if not new:
        raise Refused(f"{', '.join(step.units)} is on case {case.id} already", mend="send somebody else, or nobody")
    if len(case.units) + len(new) > rules.most_units:
        raise Refused(f"case {case.id} would have more than {rules.most_units} units on it", mend="decide with those there")
    case.units += tuple(new)
    if case.dispatched_at is None:
        case.dispatched_at = at
    if case.state is State.REPORTED:
        case.state = State.DISPATCHED


def _arrive(case: Case, step: CaseStep, at: datetime, _rules: Rules) -> None:
    _require_sent(case, step)
    if step.by in case.on_scene:
        raise Refused(f"{step.by} is at case {case.id} already", mend="nothing needs to be done")
    if case.arrived_at is None:
        case.arrived_at = at
    case.on_scene += (step.by,)
    case.state = State.ARRIVED


def _handle(case: Case, step: CaseStep, at: datetime, _rules: Rules) -> None:
    _require_sent(case, step)
    if step.by not in case.handlers:
        case.handlers += (step.by,)
    case.handled_at = at
    case.state = State.HANDLED


def _require_sent(case: Case, step: CaseStep) -> None:
    if step.by not in case.units:
        raise Refused(f"{step.by} was not sent to case {case.id}",
                      mend=f"dispatch it first, or let {', '.join(sorted(case.units))} do it")


def _return(case: Case, step: CaseStep, _at: datetime, rules: Rules) -> None:
    if case.returns >= rules.most_returns:
        raise Refused(f"case {case.id} came back {case.returns} times already", mend="decide it here, or pass it up")
    if case.state is State.HANDLED:
        _require_other_than_handler(case, step)
        case.state = State.DISPATCHED
    else:
        _require_sent(case, step)
        case.units = ()
        case.state = State.REPORTED
    case.on_scene = ()
    case.returns += 1


def _verify(case: Case, step: CaseStep, at: datetime, _rules: Rules) -> None:
    _require_other_than_handler(case, step)
    case.result = step.result or Result.SOLVED
    case.verified_at = at
    case.state = State.VERIFIED


def _require_other_than_handler(case: Case, step: CaseStep) -> None:
    if step.by in case.handlers:
        raise Refused(f"{step.by} handled case {case.id} and cannot judge it", mend="let somebody else do it")


def _close(case: Case, _step: CaseStep, at: datetime, _rules: Rules) -> None:
    case.closed_at = at
    case.state = State.CLOSED


def _assess(case: Case, step: CaseStep, at: datetime, _rules: Rules) -> None:
    _require_other_than_handler(case, step)
    case.rating = step.rating
    case.assessed_at = at
    case.state = State.ASSESSED


def _reopen(case: Case, step: CaseStep, at: datetime, rules: Rules) -> None:
    assert case.closed_at is not None
    if at - case.closed_at > rules.reopen_window:
        raise Refused(f"case {case.id} was closed more than {rules.reopen_window.days} days ago", mend="report a new case")
    if case.rating is not None and case.rating > rules.bad_rating:
        raise Refused(f"case {case.id} was rated {case.rating}, which closed the loop", mend="report a new case")
    if case.reopenings >= rules.most_reopenings:
        raise Refused(f"case {case.id} was reopened {case.reopenings} times already", mend="report a new case")
    case.reopenings += 1
    case.due_at = step.deadline or deadline_after(case.type, at)
    case.result = case.rating = case.verified_at = case.closed_at = case.assessed_at = case.handled_at = None
    _put_down(case)


def _pass_up(case: Case, step: CaseStep, _at: datetime, _rules: Rules) -> None:
    if case.level is LEVELS[-1]:
        raise Refused(f"case {case.id} is at the highest level", mend="decide it here")
    _pass(case, step, LEVELS[LEVELS.index(case.level) + 1])


def _pass_down(case: Case, step: CaseStep, _at: datetime, rules: Rules) -> None:
    if case.level is LEVELS[0]:
        raise Refused(f"case {case.id} is at the lowest level", mend="decide it here, or pass it up")
    if case.passes >= rules.most_passes:
        raise Refused(f"case {case.id} was passed {case.passes} times already", mend="decide it at this level")
    _pass(case, step, LEVELS[LEVELS.index(case.level) - 1])


def _pass(case: Case, step: CaseStep, to: Level) -> None:
    if step.level is not None and step.level is not to:
        raise Refused(f"case {case.id} goes to the level {to.value} next, not {step.level.value}",
                      mend="pass it one level at a time")
    case.level = to
    case.passes += 1
    case.due_at = step.deadline or case.due_at
    _put_down(case)


def _put_down(case: Case) -> None:
    """Nobody is on the case any more; it waits for a dispatch."""
    case.units = case.on_scene = ()
    case.state = State.REPORTED


def _merge(case: Case, step: CaseStep, at: datetime, _rules: Rules) -> None:
    case.duplicate_of = step.duplicate_of
    case.merged_at = at
    case.units = case.on_scene = ()
    case.state = State.MERGED


def _note(case: Case, _step: CaseStep, _at: datetime, rules: Rules) -> None:
    if case.notes >= rules.most_notes:
        raise Refused(f"case {case.id} has {case.notes} notes already", mend="decide it")
    case.notes += 1


_WITH_UNITS = frozenset({State.DISPATCHED, State.ARRIVED})
_FROM: dict[Kind, frozenset[State]] = {
    Kind.REPORT: frozenset(),
    Kind.REOPEN: DONE,
    Kind.PASS_UP: frozenset({State.REPORTED, *_WITH_UNITS, State.HANDLED}),
    Kind.PASS_DOWN: frozenset({State.REPORTED, *_WITH_UNITS}),
    Kind.DISPATCH: frozenset({State.REPORTED, *_WITH_UNITS}),
    Kind.ARRIVE: _WITH_UNITS,
    Kind.HANDLE: _WITH_UNITS,
    Kind.RETURN: frozenset({*_WITH_UNITS, State.HANDLED}),
    Kind.VERIFY: frozenset({State.HANDLED}),
    Kind.CLOSE: frozenset({State.VERIFIED}),
    Kind.ASSESS: frozenset({State.CLOSED}),
    Kind.MERGE: OPEN,
    Kind.NOTE: frozenset(State),
}
_SAID = {
    Kind.REPORT: "it cannot be reported again", Kind.REOPEN: "only a closed case can be reopened",
    Kind.PASS_UP: "it cannot be passed up any more", Kind.PASS_DOWN: "it cannot be passed down any more",
    Kind.DISPATCH: "nobody can be sent to it", Kind.ARRIVE: "nobody was sent to it",
    Kind.HANDLE: "nobody was sent to it", Kind.RETURN: "it cannot come back",
    Kind.VERIFY: "only a handled case can be verified", Kind.CLOSE: "only a verified case can be closed",
    Kind.ASSESS: "only a closed case can be assessed", Kind.MERGE: "only an open case can be merged", Kind.NOTE: "no note fits",
}
_DO: dict[Kind, Callable[[Case, CaseStep, datetime, Rules], None]] = {
    Kind.REOPEN: _reopen, Kind.PASS_UP: _pass_up, Kind.PASS_DOWN: _pass_down, Kind.DISPATCH: _dispatch, Kind.ARRIVE: _arrive,
    Kind.HANDLE: _handle, Kind.RETURN: _return, Kind.VERIFY: _verify, Kind.CLOSE: _close, Kind.ASSESS: _assess,
    Kind.MERGE: _merge, Kind.NOTE: _note,
}


def _mend(kind: Kind) -> str:
    states = [state.value for state in State if state in _FROM[kind]]
    return f"{kind.value} needs a case that is {' or '.join(states)}"
