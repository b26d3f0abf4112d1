"""What is asked of a log, and what it answers when something is brought."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from twin.errors import HutongError
from twin.live.row import Row, microseconds

Bounds = tuple[float, float, float, float]


class StoreDown(HutongError):
    """The log cannot be written just now: nothing of what was brought is acknowledged; bring it again."""


class Shed(HutongError):
    """The queue in front of the log was full and these positions gave way to what came after them; not acknowledged."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of observations that were brought: stored, known already, or refused (id known with other content)."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(self.stored + other.stored, self.duplicates + other.duplicates, self.refused + other.refused)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was not taken in, and why. ``body`` is what came, cut at :data:`MOST_BODY` characters."""

    received_at: datetime
    stream: str
    source: str
    reason: str
    body: str
    seq: int = 0


MOST_BODY = 2000


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows. Times in microseconds, ``since`` inclusive, ``until`` exclusive; ``bounds`` west, south, east, north [m].

    ``grids`` is a scope: only rows that lie in one of these grids, so that an empty scope sees nothing. With ``after``
    rows come in the order of the log, without it in the order of time observed, then of the log.
    """

    stream: str
    since: int | None = None
    until: int | None = None
    kinds: frozenset[str] | None = None
    object: str | None = None
    bounds: Bounds | None = None
    grids: frozenset[str] | None = None
    after: int | None = None
    limit: int | None = None
    beyond: tuple[int, int] | None = None  # time observed and seq of the last row of the page before

    def takes(self, row: Row) -> bool:
        """Whether a row is asked for."""
        return (row.stream == self.stream
                and (self.since is None or row.observed_at >= self.since)
                and (self.until is None or row.observed_at < self.until)
                and (self.kinds is None or row.kind in self.kinds)
                and (self.object is None or row.object == self.object)
                and (self.grids is None or row.grid in self.grids)
                and (self.after is None or row.seq > self.after)
                and (self.beyond is None or (row.observed_at, row.seq) > self.beyond)
                and (self.bounds is None or _inside(row, self.bounds)))

    def place(self, row: Row) -> tuple[int, int]:
        """What the answer is sorted by."""
        return (row.seq, 0) if self.after is not None else (row.observed_at, row.seq)


def _inside(row: Row, bounds: Bounds) -> bool:
    west, south, east, north = bounds
    return row.x is not None and row.y is not None and west <= row.x <= east and south <= row.y <= north


def query(stream: str, *, since: datetime | None = None, until: datetime | None = None,
          kinds: Collection[str] | None = None, object: str | None = None,  # noqa: A002
          bounds: Bounds | None = None, grids: Collection[str] | None = None, after: int | None = None,
          limit: int | None = None) -> Query:
    """A query from aware times and any collections."""
    return Query(stream, microseconds(since) if since else None, microseconds(until) if until else None,
                 frozenset(kinds) if kinds is not None else None, object, bounds,
                 frozenset(grids) if grids is not None else None, after, limit)
