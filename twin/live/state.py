"""The live state: what was last observed of everything. It is a fold of the log, so any moment can be shown again.

Of two observations of one object the later observed counts, of two at the same moment the one with the higher id. That
makes the fold a join: the order in which reports arrive, and how often, does not matter.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from twin.live.observation import LIVE, Kind, Observation, Value
from twin.live.row import Row, microseconds, moment, observation, rows

if TYPE_CHECKING:
    from twin.store import Log

STALE_S: dict[Kind, float] = {"position": 60.0, "crowd": 120.0, "occupancy": 900.0, "part": 30 * 86_400.0}
"""Age [s] from which a value is shown as stale. Cases, alarms and notes hold until something else is reported."""
SNAPSHOT_LAG = timedelta(minutes=2)
"""Snapshots are taken so long after their moment: what comes later than that makes them wrong, and they are forgotten."""

_NEVER = datetime(9000, 1, 1, tzinfo=UTC)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one object at a moment, with its age [s], source and accuracy."""

    kind: str
    object: str
    value: Value
    observed_at: datetime
    age_s: float
    stale: bool
    source: str
    accuracy_m: float | None
    x: float | None
    y: float | None
    grid: str | None


class State:
    """The newest row of every kind and object. Sets of reports may be folded in any order, alone or together."""

    def __init__(self, known: Iterable[Row] = ()) -> None:
        self._newest: dict[_Key, Row] = {}
        self.apply(known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._plain() == other._plain()

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._newest)

    def __repr__(self) -> str:
        return f"State({len(self)} objects)"

    def apply(self, observations: Iterable[Observation | Row]) -> State:
        """Fold observations in; returns the state itself."""
        newest = self._newest
        for row in rows(observations):
            key = (row.kind, row.object)
            known = newest.get(key)
            if known is None or (row.observed_at, row.id) > (known.observed_at, known.id):
                newest[key] = row
        return self

    def join(self, other: State) -> State:
        """Both together, as a new state."""
        return State([*self._newest.values(), *other._newest.values()])

    def rows(self) -> list[Row]:
        """The newest rows, by kind and object."""
        return [self._newest[key] for key in sorted(self._newest)]

    def known(self, now: datetime, *, kinds: Sequence[str] | None = None, grids: frozenset[str] | None = None) -> Iterator[Known]:
        """What is known at a moment, with ages. ``grids`` is a scope: only what lies in them."""
        for row in self.rows():
            if (kinds is None or row.kind in kinds) and (grids is None or row.grid in grids):
                yield _known(row, now)

    def find(self, kind: Kind, thing: str, now: datetime) -> Known | None:
        """What is known of one object."""
        row = self._newest.get((kind, thing))
        return None if row is None else _known(row, now)

    def to_bytes(self) -> bytes:
        """The state for a snapshot; the same state gives the same bytes."""
        return zlib.compress(json.dumps([row[:-1] for row in self.rows()], ensure_ascii=False, separators=(",", ":")).encode(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """A state from a snapshot."""
        state = cls()
        for line in json.loads(zlib.decompress(data)):
            row = Row(*line)
            state._newest[row.kind, row.object] = row
        return state

    @classmethod
    def at(cls, log: Log, stream: str = LIVE, at: datetime | None = None) -> State:
        """The state at a moment (the newest if none is given): the last snapshot before it and what was observed since."""
        from twin.store import query
        end = at if at is not None else _NEVER
        found = log.load_state(stream, end)
        start, state = (found[0], cls.from_bytes(found[1])) if found else (None, cls())
        asked = query(stream, since=start)
        return state.apply(log.latest_rows(replace(asked, until=microseconds(end) + 1)))

    def _plain(self) -> list[tuple[object, ...]]:
        return [row[:-1] for row in self.rows()]  # where a row lies in the log is no part of the state


def take_snapshots(log: Log, stream: str, until: datetime, *, every: timedelta = timedelta(minutes=10),
                   first: datetime | None = None) -> int:
    """Take the snapshots that are missing up to a moment, each from the one before; returns how many were taken.

    Without ``first`` they start after the newest snapshot, or at the first observation of the stream.
    """
    newest = log.load_state(stream, until)
    if first is None and newest is None:
        oldest = log.read(stream=stream, limit=1)
        first = oldest[0].observed_at if oldest else None
    start = newest[0] if newest is not None else first
    if start is None:
        return 0
    taken = 0
    at = _whole(start, every) + every
    while at <= until:
        log.save_state(stream, at, State.at(log, stream, at).to_bytes())
        taken += 1
        at += every
    return taken


def _whole(at: datetime, every: timedelta) -> datetime:
    """The last whole multiple of a period before a moment."""
    return moment(microseconds(at) // (every // timedelta(microseconds=1)) * (every // timedelta(microseconds=1)))


def _known(row: Row, now: datetime) -> Known:
    o = observation(row)
    age = (now - o.observed_at).total_seconds()
    return Known(o.kind, o.object, o.value, o.observed_at, age, age > STALE_S.get(o.kind, float("inf")), o.source,
                 o.accuracy_m, o.x, o.y, o.grid)
