"""Who answers which call: the nearest free staff by walking time, turnout and travel apart.

A small event simulation: staff leave their post, walk as fast as the crowd lets them, work for as long as the problem
takes, and walk back; who is away cannot answer the next call. What NFPA 1710 (2020) keeps apart is kept apart: turnout
(from the call until a unit sets off), travel (until it is there), the first unit and the whole force.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.draw import quantile, stream
from sim.protection.calls import Call, Places
from sim.protection.crowding import Period, at_time
from sim.protection.plan import PATROL_SPEED, Plan, Station
from sim.terms import Distribution, StaffKind


@dataclass(frozen=True)
class Travel:
    """Walking times between places of problems and all places where staff may be, at 1 m/s in free walking.

    ``seconds`` (periods, places, columns) float32; ``columns[station id]`` are the columns of its track.
    """

    seconds: NDArray[np.float32]
    columns: dict[str, NDArray[np.int64]]
    periods: list[Period]


def travel_times(plan: Plan, stations: Sequence[Station], periods: list[Period], where: Places) -> Travel:
    """Walk from every place to all that the stations' tracks pass, in the crowd of every period."""
    tracks = np.concatenate([station.track for station in stations]) if stations else np.empty((0, 2))
    distinct, column = np.unique(plan.ground.snap(tracks), return_inverse=True)
    to = plan.ground.nodes[distinct]
    known: dict[bytes, NDArray[np.float32]] = {}
    for period in periods:
        key = period.density.values.tobytes()
        if key not in known:
            density = period.density if period.density.values.any() else None
            known[key] = plan.ground.time_table(where.xy, to, density=density, speed=1.0).astype(np.float32)
    seconds = np.stack([known[period.density.values.tobytes()] for period in periods])
    ends = np.cumsum([len(station.track) for station in stations])
    columns = {station.id: column[end - len(station.track):end] for station, end in zip(stations, ends, strict=True)}
    return Travel(seconds, columns, periods)


@dataclass(frozen=True)
class Answer:
    """How a call was answered [s]; NaN where nobody came, or not all that are needed.

    ``waited`` until a unit was free, ``turnout`` and ``travel`` of the unit of the lead kind (the one that is named first in
    what the problem needs) that was first there, ``first`` when it was there and ``whole`` when all were, both from the call.
    """

    call: Call
    waited: float
    turnout: float
    travel: float
    first: float
    whole: float
    sent: tuple[tuple[str, int], ...]


class Answering:
    """One replication of the answers of some stations to some calls."""

    def __init__(self, plan: Plan, stations: Sequence[Station], travel: Travel, seed: int) -> None:
        self._plan, self._stations, self._travel = plan, list(stations), travel
        staff = plan.scenario.staff
        self._kind = np.array([station.kind for station in stations])
        self._free = np.array([station.staff - station.stay for station in stations])
        self._from = np.array([station.span.from_s for station in stations])
        self._until = np.array([np.inf if s.span.until_s is None else s.span.until_s for s in stations])
        self._length = np.array([len(station.track) for station in stations])
        self._first = np.concatenate([travel.columns[s.id] for s in stations]) if stations else np.empty(0, int)
        self._start = np.concatenate([[0], np.cumsum(self._length)[:-1]]).astype(int) if stations else np.empty(0, int)
        self._stride = np.array([_stride(station) for station in stations])
        self._phase = np.repeat(stream(seed, "protection/rounds").random(1), len(stations))
        self._speed = {kind: staff.speed_of(kind) for kind in {s.kind for s in stations}}
        self._turnout = {kind: staff.turnout_of(kind) for kind in self._speed}
        self._back: list[tuple[float, int, int]] = []
        self._waiting: list[_Open] = []

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer all calls; returns one answer each, in the order of the calls."""
        opened = [_Open(call, dict(call.needs), []) for call in calls]
        for one in opened:
            self._come_back(one.call.time_s)
            self._send(one, one.call.time_s)
            if any(one.missing.values()):
                self._waiting.append(one)
        self._come_back(np.inf)
        return [one.answered() for one in opened]

    def _come_back(self, until: float) -> None:
        """Let staff return to their posts up to a time, and answer what waits for them."""
        while self._back and self._back[0][0] <= until:
            now, station, number = heapq.heappop(self._back)
            self._free[station] += number
            for one in self._waiting:
                self._send(one, now)
            self._waiting = [one for one in self._waiting if any(one.missing.values())]

    def _send(self, one: _Open, now: float) -> None:
        """Send whoever is free and soonest there, as far as they are needed."""
        period = at_time(self._travel.periods, now)
        for kind, missing in one.missing.items():
            here = np.flatnonzero((self._kind == kind) & (self._free > 0) & (self._from <= now) & (now < self._until))
            if not missing or not len(here):
                continue
            walk = self._walk(one.call.place, here, period, now) / self._speed[kind]
            for k in np.argsort(walk, kind="stable"):
                if missing == 0 or not np.isfinite(walk[k]):
                    break
                number = min(missing, int(self._free[here[k]]))
                self._free[here[k]] -= number
                missing -= number
                there = one.send(self._stations[here[k]].id, kind, number, now, float(walk[k]), self._turnout[kind])
                heapq.heappush(self._back, (there + one.call.on_scene_s + float(walk[k]), int(here[k]), number))
            one.missing[kind] = missing

    def _walk(self, place: int, here: NDArray[np.int64], period: int, now: float) -> NDArray[np.float64]:
        """Walking times [s] at 1 m/s from where the stations' staff are now."""
        step = np.floor(now * self._stride[here] + self._phase[here] * self._length[here]).astype(int) % self._length[here]
        return self._travel.seconds[period, place, self._first[self._start[here] + step]].astype(float)


def _stride(station: Station) -> float:
    """Places of its track that a patrol passes in a second."""
    if len(station.track) == 1:
        return 0.0
    length = float(np.hypot(*np.diff(station.track, axis=0).T).sum()) * len(station.track) / (len(station.track) - 1)
    return PATROL_SPEED * len(station.track) / max(length, 1.0)


@dataclass(frozen=True)
class _Sent:
    """Some staff of one station on the way to a call."""

    station: str
    kind: StaffKind
    number: int
    at_s: float
    turnout: float
    travel: float

    @property
    def there_s(self) -> float:
        return self.at_s + self.turnout + self.travel


@dataclass
class _Open:
    """A call that is being answered: who is still missing, and who was sent."""

    call: Call
    missing: dict[StaffKind, int]
    sent: list[_Sent]

    def send(self, station: str, kind: StaffKind, number: int, now: float, travel: float, turnout: Distribution) -> float:
        """Note who sets off and return when they are there; those who go together leave when the last is ready."""
        used = sum(one.number for one in self.sent)
        ready = float(np.maximum(quantile(turnout, self.call.luck[used:used + number]), 0.0).max())
        self.sent.append(_Sent(station, kind, number, now, ready, travel))
        return self.sent[-1].there_s

    def answered(self) -> Answer:
        """What became of the call."""
        names = tuple((one.station, one.number) for one in self.sent)
        lead = [one for one in self.sent if one.kind == next(iter(self.call.needs))]
        begun = self.call.time_s
        whole = np.nan if any(self.missing.values()) else max(one.there_s for one in self.sent) - begun
        if not lead:
            return Answer(self.call, np.nan, np.nan, np.nan, np.nan, whole, names)
        first = min(lead, key=lambda one: one.there_s)
        return Answer(self.call, first.at_s - begun, first.turnout, first.travel, first.there_s - begun, whole, names)
