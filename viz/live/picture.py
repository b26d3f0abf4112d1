"""What is known of the live district at one moment: the newest report of every thing, and the cases."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from twin.cases import Case, CaseBook
from twin.live.row import Row, observation
from twin.live.state import STALE_S

_STALE: dict[str, float] = {str(kind): age for kind, age in STALE_S.items()}
ENDED_S = 24 * 3600.0
"""How long a case that is over stays in the picture [s]."""


@dataclass(frozen=True)
class Thing:
    """The newest report of one thing. ``at_s`` is when it was observed [s since 1970], ``x, y`` are local metres."""

    id: str
    kind: str
    at_s: float
    source: str
    x: float | None
    y: float | None
    accuracy_m: float | None
    grid: str | None
    value: dict[str, Any]
    before: dict[str, Any] | None = None  # the value of the report before
    first_s: float | None = None  # when an alarm was raised

    def age_s(self, now_s: float) -> float:
        """Seconds since it was observed."""
        return max(now_s - self.at_s, 0.0)

    def stale(self, now_s: float) -> bool:
        """Whether it is too old to be taken for the present state."""
        return self.age_s(now_s) > _STALE.get(self.kind, math.inf)


def thing(row: Row, origin: tuple[float, float], before: Thing | None = None) -> Thing:
    """A row of the log as the newest report of its thing."""
    value = json.loads(row.value)
    x, y = (None, None) if row.x is None or row.y is None else (row.x - origin[0], row.y - origin[1])
    first = None
    if row.kind == "alarm":
        again = value.get("state") == "raised" or before is None
        first = row.observed_at / 1e6 if again else before.first_s if before else None
        if before is not None:
            value = {**{k: before.value[k] for k in ("about", "measure", "reading", "limit") if k in before.value}, **value}
            if value.get("measure") == "other" and before.value.get("measure"):
                value["measure"] = before.value["measure"]
            x, y = (x, y) if x is not None else (before.x, before.y)
    return Thing(row.object, row.kind, row.observed_at / 1e6, row.source, x, y, row.accuracy_m,
                 row.grid or (before.grid if before and row.kind == "alarm" else None), value,
                 before.value if before is not None and before.at_s < row.observed_at / 1e6 else None, first)


@dataclass
class Fold:
    """The newest report of everything but positions, built up row by row in any order of arrival."""

    origin: tuple[float, float]
    newest: dict[tuple[str, str], Thing] = field(default_factory=dict)
    notes: list[Thing] = field(default_factory=list)
    book: CaseBook = field(default_factory=CaseBook)
    version: int = 0
    _standing: list[Case] | None = None

    def take(self, row: Row) -> None:
        """Take one row; an older report than is known changes nothing but the list of notes and the case it is of."""
        if row.kind == "position":
            return
        self.version += 1
        if row.kind == "case":
            self.book.take(observation(row))
            self._standing = None
            return
        key = (row.kind, row.object)
        before = self.newest.get(key)
        if row.kind == "note":
            self.notes.append(thing(row, self.origin))
            return
        if before is None or row.observed_at / 1e6 >= before.at_s:
            self.newest[key] = thing(row, self.origin, before)

    def cases(self, at_s: float) -> list[Case]:
        """Cases that are open, or were over less than a day before a moment: a year of closed ones costs nothing."""
        if self._standing is None:
            self._standing = [case for case in self.book if case.is_open or case.history[-1].at.timestamp() > at_s - ENDED_S]
        return self._standing

    def take_all(self, rows: Iterable[Row]) -> Fold:
        """Take many rows; returns the fold itself."""
        for row in rows:
            self.take(row)
        return self


@dataclass(frozen=True)
class Picture:
    """One moment as one viewer may see it. ``at_s`` [s since 1970]; ``live`` is False for a moment that is past."""

    at_s: float
    live: bool
    crowds: list[Thing]
    alarms: list[Thing]
    parts: list[Thing]
    lots: list[Thing]
    notes: list[Thing]
    cases: list[Case]
    units: list[Thing]
    version: int

    @property
    def open_cases(self) -> list[Case]:
        """Cases that somebody still has to do something about."""
        return [case for case in self.cases if case.is_open]

    @property
    def people(self) -> int | None:
        """People whom the cameras count, stale counts left out; None if none counts."""
        counts = [c.value.get("people_count") for c in self.crowds if not c.stale(self.at_s)]
        present = [n for n in counts if n is not None]
        return sum(present) if present else None

    @property
    def on_shift(self) -> list[Thing]:
        """Units that were heard of lately and are not off."""
        return [u for u in self.units if not u.stale(self.at_s) and u.value.get("status") != "off"]

    def case(self, case_id: str) -> Case | None:
        """A case by id."""
        return next((case for case in self.cases if case.id == case_id), None)


def picture(fold: Fold, units: list[Thing], at_s: float, *, live: bool, grids: Collection[str] | None,
            may_units: bool = True, may_cases: bool = True) -> Picture:
    """What of a fold may be seen within a scope (None is everywhere; what lies in no grid is then seen by nobody else)."""
    def seen(one: Thing) -> bool:
        return grids is None or one.grid in grids

    by_kind: dict[str, list[Thing]] = {"crowd": [], "alarm": [], "part": [], "occupancy": []}
    for one in fold.newest.values():
        if one.kind in by_kind and seen(one):
            by_kind[one.kind].append(one)
    cases = [c for c in fold.cases(at_s) if grids is None or c.grid in grids] if may_cases else []
    return Picture(at_s, live, by_kind["crowd"], by_kind["alarm"], by_kind["part"], by_kind["occupancy"],
                   [note for note in fold.notes if grids is None or note.grid in grids],
                   cases, [unit for unit in units if seen(unit)] if may_units else [], fold.version)
