"""The rota: who is on which shift in which area, so that areas rotate, rest is kept, and nobody works more than others.

Units are taken in the order of a queue: whoever worked longest ago is next. If shifts with too little rest between
them never need more units together than there are, that queue keeps every rest; if they do, no rota can, and it is
refused. Where shifts are of one length and need, numbers of shifts then differ by one at most. Afterwards shifts are
exchanged between units where that makes night shifts more even and keeps every rest. Within a shift, areas go to the
units that had them least, nobody being in the same area for more than ``most_running`` shifts on end.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from scipy.optimize import linear_sum_assignment

from twin.cases.step import Id
from twin.errors import BadInput

REST = timedelta(hours=11)
"""Rest between two shifts of a unit; 11 hours a day are the least in Directive 2003/88/EC, article 3."""
_NEVER = 1e9


class Shift(BaseModel):
    """One shift: aware start and end, and whether it counts as a night."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    start: AwareDatetime
    end: AwareDatetime
    night: bool = False
    needs: Annotated[dict[Id, Annotated[int, Field(ge=0, le=500)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Shift:
        if self.end <= self.start:
            raise ValueError(f"shift {self.id} ends before it starts")
        return self

    @property
    def needed(self) -> int:
        """How many units it needs in all."""
        return sum(self.needs.values())


@dataclass(frozen=True)
class Rota:
    """Who is where: ``rows`` has ``shift, start, end, night, area, unit``; ``fairness`` has one row a unit: ``unit, shifts,
    nights, hours, areas`` (different ones)."""

    rows: pd.DataFrame
    fairness: pd.DataFrame


def make_rota(units: Sequence[str], shifts: Sequence[Shift], *, rest: timedelta = REST, most_running: int = 3) -> Rota:
    """Assign units (call-signs) to shifts and areas.

    Raises :class:`BadInput` where the units are too few for the shifts and the rest between them, or where areas cannot
    rotate as asked.
    """
    if len(set(units)) != len(units) or not units:
        raise BadInput("the rota needs units with different call-signs", mend="name each unit once")
    if most_running < 1:
        raise BadInput(f"nobody can be in an area for at most {most_running} shifts", mend="allow at least 1")
    ordered = sorted(shifts, key=lambda shift: (shift.start, shift.id))
    if len({shift.id for shift in ordered}) != len(ordered):
        raise BadInput("two shifts have the same id", mend="give every shift an id of its own")
    close = _too_close(ordered, rest)
    working = _from_queue(list(units), ordered, close)
    _even_out_nights(working, ordered, close)
    return _tables(list(units), ordered, _areas(working, ordered, most_running))


def _too_close(shifts: list[Shift], rest: timedelta) -> list[list[int]]:
    """For every shift, the others that nobody on it can work as well."""
    return [[j for j, other in enumerate(shifts) if j != k and other.start < shift.end + rest and shift.start < other.end + rest]
            for k, shift in enumerate(shifts)]


def _from_queue(units: list[str], shifts: list[Shift], close: list[list[int]]) -> list[set[str]]:
    """Units of every shift. The queue gives whoever worked longest ago among those who are rested."""
    queue = deque(units)
    working: list[set[str]] = []
    for k, shift in enumerate(shifts):
        tired = {unit for j in close[k] if j < k for unit in working[j]}
        rested = [unit for unit in queue if unit not in tired]
        if len(rested) < shift.needed:
            raise BadInput(f"shift {shift.id} needs {shift.needed} units and {len(rested)} of {len(units)} are rested",
                           mend="add units, need fewer, or shorten the rest")
        chosen = rested[:shift.needed]
        for unit in chosen:
            queue.remove(unit)
            queue.append(unit)
        working.append(set(chosen))
    return working


def _even_out_nights(working: list[set[str]], shifts: list[Shift], close: list[list[int]]) -> None:
    """Exchange a night against a day of the same length between two units, as long as that makes nights more even.

    Every exchange brings the two numbers of nights together, so this ends.
    """
    nights = [k for k, shift in enumerate(shifts) if shift.night]
    counts = Counter({unit: 0 for on in working for unit in on})
    counts.update(unit for k in nights for unit in working[k])
    while (found := _exchange(working, shifts, close, nights, counts)) is not None:
        most, least, night, day = found
        working[night] ^= {most, least}
        working[day] ^= {most, least}
        counts[most] -= 1
        counts[least] += 1


def _exchange(working: list[set[str]], shifts: list[Shift], close: list[list[int]], nights: list[int],
              counts: Counter[str]) -> tuple[str, str, int, int] | None:
    """The next exchange that helps: who has most nights, who least, which night and which day; None if there is none."""
    days = [k for k, shift in enumerate(shifts) if not shift.night]
    fewest_first = sorted(counts, key=lambda unit: (counts[unit], unit))
    for most in reversed(fewest_first):
        for least in fewest_first:
            if counts[most] - counts[least] < 2:
                break
            for night in (k for k in nights if most in working[k]):
                length = shifts[night].end - shifts[night].start
                for day in (k for k in days if least in working[k] and shifts[k].end - shifts[k].start == length):
                    if _exchange_holds(working, close, most, least, night, day):
                        return most, least, night, day
    return None


def _exchange_holds(working: list[set[str]], close: list[list[int]], most: str, least: str, night: int, day: int) -> bool:
    """Whether ``most`` can take the day and ``least`` the night, all else staying as it is."""
    if most in working[day] or least in working[night]:
        return False
    most_rests = all(most not in working[j] for j in close[day] if j != night)
    least_rests = all(least not in working[j] for j in close[night] if j != day)
    return most_rests and least_rests


def _areas(working: list[set[str]], shifts: list[Shift], most_running: int) -> list[dict[str, str]]:
    """Area of every unit on every shift: the cheapest assignment by how often and how lately each was there."""
    had: Counter[tuple[str, str]] = Counter()
    running: dict[str, tuple[str, int]] = {}
    placed: list[dict[str, str]] = []
    for shift, on in zip(shifts, working, strict=True):
        names = sorted(on)
        slots = [area for area, need in sorted(shift.needs.items()) for _ in range(need)]
        cost = np.zeros((len(names), len(slots)))
        for i, unit in enumerate(names):
            last, length = running.get(unit, ("", 0))
            for j, area in enumerate(slots):
                cost[i, j] = had[unit, area] + 0.5 * (area == last)
                if area == last and length >= most_running:
                    cost[i, j] = _NEVER
        rows, columns = linear_sum_assignment(cost)
        if len(rows) and cost[rows, columns].max() >= _NEVER:
            raise BadInput(f"in shift {shift.id} the areas cannot rotate after {most_running} shifts",
                           mend="allow more shifts in the same area, or make areas of a like size")
        there = {names[i]: slots[j] for i, j in zip(rows, columns, strict=True)}
        for unit, area in there.items():
            last, length = running.get(unit, ("", 0))
            running[unit] = (area, length + 1 if area == last else 1)
            had[unit, area] += 1
        placed.append(there)
    return placed


def _tables(units: list[str], shifts: list[Shift], placed: list[dict[str, str]]) -> Rota:
    rows = [(shift.id, shift.start, shift.end, shift.night, area, unit) for shift, there in zip(shifts, placed, strict=True)
            for unit, area in sorted(there.items(), key=lambda pair: (pair[1], pair[0]))]
    length = {shift.id: (shift.end - shift.start) / timedelta(hours=1) for shift in shifts}
    fair = []
    for unit in units:
        own = [row for row in rows if row[5] == unit]
        hours = sum(length[row[0]] for row in own)
        fair.append((unit, len(own), sum(row[3] for row in own), hours, len({row[4] for row in own})))
    return Rota(pd.DataFrame(rows, columns=["shift", "start", "end", "night", "area", "unit"]),
                pd.DataFrame(fair, columns=["unit", "shifts", "nights", "hours", "areas"]))
