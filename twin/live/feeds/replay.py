"""Replay: rows with times played at any speed, and any recorded hour of a log into a stream of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from twin.errors import BadInput
from twin.live.observation import LIVE
from twin.live.row import Row, microseconds, moment
from twin.store import Log, Receipt, query

STEP_S = 0.5
"""Rows that are due within so long are brought together, so that a fast replay is not slowed by commits."""
MOST_TOGETHER = 5_000


def paced(rows: Iterable[Row], speed: float, *, start: int | None = None, sleep: Callable[[float], None] = time.sleep,
          now: Callable[[], float] = time.monotonic) -> Iterator[list[Row]]:
    """Rows in order of time, in handfuls, when they are due: ``speed`` recorded seconds a second, 0 for no waiting.

    Time starts at ``start`` [us], the first row's if none is given; rows before then are due at once.
    """
    begun = now()
    handful: list[Row] = []
    until = 0
    for row in rows:
        if start is None:
            start = row.observed_at
        if handful and ((speed > 0 and row.observed_at >= until) or len(handful) >= MOST_TOGETHER):
            yield handful
            handful = []
        if not handful:
            until = row.observed_at + int(STEP_S * speed * 1e6)
            wait = begun + (row.observed_at - start) / 1e6 / speed - now() if speed > 0 else 0.0
            if wait > 0:
                sleep(wait)
        handful.append(row)
    if handful:
        yield handful


class Target(Protocol):
    """What rows are brought to: a log, or a server (:class:`twin.live.feeds.post.Poster`)."""

    def append(self, rows: list[Row], /) -> Receipt:
        """Store rows; they are durable when this returns."""


def play(rows: Iterable[Row], log: Target, *, speed: float = 1.0, start: int | None = None,
         done: Callable[[Row], None] = lambda _row: None) -> Receipt:
    """Bring rows to a log when they are due; what is observed counts as received when it is brought, never before."""
    total = Receipt()
    for handful in paced(rows, speed, start=start):
        received = microseconds(datetime.now(UTC))
        total += log.append([row._replace(received_at=max(received, row.observed_at)) for row in handful])
        done(handful[-1])
    return total


def replay(log: Log, since: datetime, until: datetime, into: str, *, stream: str = LIVE, speed: float = 1.0,
           target: Target | None = None, done: Callable[[Row], None] = lambda _row: None) -> Receipt:
    """Play what was recorded in a span of time into another stream, with its times; never into the live one.

    It goes into the log that it comes from unless another ``target`` is named.
    """
    if into == LIVE or not into.startswith(("drill:", "sim:")):
        raise BadInput(f"a recording cannot be played into {into!r}", mend="name a stream of its own, such as drill:night")
    if into == stream:
        raise BadInput("a stream cannot be played into itself", where=into, mend="name another")
    if not since < until:
        raise BadInput("the span ends before it begins", where=f"{since:%H:%M} to {until:%H:%M}",
                       mend="give the earlier time first")
    recorded = (row._replace(stream=into) for row in log.read_rows(query(stream, since=since, until=until)))
    return play(recorded, target or log, speed=speed, start=microseconds(since), done=done)


def span(log: Log, stream: str) -> tuple[datetime, datetime] | None:
    """Times of the first and of the last observation of a stream."""
    first = log.read(stream=stream, limit=1)
    last = max((row.observed_at for row in log.latest_rows(query(stream))), default=None)
    return (first[0].observed_at, moment(last)) if first and last is not None else None
