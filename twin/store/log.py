"""The log: every observation there is, whatever brought it, durable before it is acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from twin.errors import HutongError
from twin.live.observation import LIVE, TELEMETRY, Observation
from twin.live.operation import Operation
from twin.live.row import Row, microseconds, moment, observation, rows
from twin.store import segment as parquet
from twin.store.archive import PAGE, Archive
from twin.store.commit import Done, GroupCommit, Pace
from twin.store.query import MOST_BODY, Bounds, Query, Receipt, Refusal, query
from twin.store.segment import Segment, newest_rows
from twin.store.tables import CONFLICT, DUPLICATE, Tables

_row = partial(tuple.__new__, Row)  # a NamedTuple without the checks of its arguments: there are thousands a second
Listener = Callable[[Sequence[Row]], None]


class Log:
    """One log over one database. All methods may be called from several threads.

    What it takes and gives are observations, or rows (:class:`twin.live.row.Row`) where there are many.
    """

    def __init__(self, tables: Tables, *, most_waiting: int = 100_000) -> None:
        self._tables = tables
        self._commit = GroupCommit(self._write, most=most_waiting)
        self._listeners: list[Listener] = []
        self._newest_states: dict[str, int | None] = {}
        self._archive = Archive(tables, self._commit)
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """What was opened, without a password."""
        return self._tables.where

    # bringing

    def append(self, observations: Iterable[Observation | Row]) -> Receipt:
        """Store observations; they are durable when this returns.

        The same id with the same content is a duplicate: it is acknowledged and stored once. The same id with other
        content is refused and goes to the quarantine. Raises :class:`twin.store.StoreDown` if nothing could be stored.
        """
        answer: Future[Receipt] = Future()

        def done(receipt: Receipt | HutongError) -> None:
            if isinstance(receipt, Receipt):
                answer.set_result(receipt)
            else:
                answer.set_exception(receipt)
        self.submit(observations, done)
        return answer.result()

    def submit(self, observations: Iterable[Observation | Row], done: Done) -> None:
        """Queue observations for the next commit and return; ``done`` is called on the writer's thread, soon."""
        brought = rows(observations)
        if not brought:
            done(Receipt())
            return
        self._commit.submit(brought, done)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call a function with the rows of every commit, on the writer's thread; returns what ends that."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

        def end() -> None:
            with self._lock:
                self._listeners = [known for known in self._listeners if known is not listener]
        return end

    # reading

    def read(self, *, stream: str = LIVE, since: datetime | None = None, until: datetime | None = None,
             kinds: Collection[str] | None = None, object: str | None = None,  # noqa: A002
             bounds: Bounds | None = None, grids: Collection[str] | None = None, after: int | None = None,
             limit: int | None = None) -> list[Observation]:
        """Observations with ``since <= observed_at < until``, in order of time; with ``after`` in the order of the log.

        ``grids`` is a scope: nothing outside these grids is read. ``bounds`` are west, south, east, north in metres.
        """
        asked = query(stream, since=since, until=until, kinds=kinds, object=object, bounds=bounds, grids=grids,
                      after=after, limit=limit)
        return [observation(row) for row in self.read_rows(asked)]

    def read_rows(self, asked: Query) -> Iterator[Row]:
        """Rows that a query takes, page by page: a long log does not have to fit into memory."""
        left = asked.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = self._page(replace(asked, limit=size))
            yield from page
            if len(page) < size:
                return
            left = None if left is None else left - len(page)
            last = page[-1]
            asked = (replace(asked, after=last.seq) if asked.after is not None
                     else replace(asked, beyond=(last.observed_at, last.seq)))

    def latest(self, *, stream: str = LIVE, at: datetime | None = None, since: datetime | None = None,
               kinds: Collection[str] | None = None, object: str | None = None,  # noqa: A002
               bounds: Bounds | None = None, grids: Collection[str] | None = None) -> list[Observation]:
        """The newest observation of every kind and object, observed at or before a moment."""
        asked = query(stream, since=since, kinds=kinds, object=object, bounds=bounds, grids=grids)
        return [observation(row) for row in self.latest_rows(replace(asked, until=microseconds(at) + 1 if at else None))]

    def latest_rows(self, asked: Query) -> list[Row]:
        """The newest row of every kind and object within a query."""
        found = self._tables.latest(asked)
        newest = list(found.rows)
        for segment, data in self._archive.opened(found):
            if segment.meets(asked):
                newest += parquet.last_of_each(parquet.unpack(data, asked))
        return newest_rows(newest)

    def streams(self) -> list[str]:
        """Names of the streams that were ever written."""
        return self._tables.streams()

    # snapshots

    def save_state(self, stream: str, at: datetime, state: bytes) -> None:
        """Keep a snapshot of the state at a moment; it is forgotten when something observed before then comes in later."""
        def put() -> None:
            self._tables.put_state(stream, microseconds(at), state)
            self._newest_states.pop(stream, None)
        self._commit.call(put)

    def load_state(self, stream: str, at: datetime) -> tuple[datetime, bytes] | None:
        """The newest snapshot at or before a moment, with its moment."""
        found = self._tables.state(stream, microseconds(at))
        return (moment(found[0]), found[1]) if found else None

    # quarantine

    def quarantine(self, refusals: Sequence[Refusal]) -> None:
        """Keep what was not taken in, for the auditor; long bodies are cut."""
        if refusals:
            cut = [replace(refusal, body=refusal.body[:MOST_BODY]) for refusal in refusals]
            self._commit.call(lambda: self._tables.put_refusals(cut))

    def read_quarantine(self, *, after: int = 0, limit: int = 1000) -> list[Refusal]:
        """What was not taken in, in order; ``after`` is the ``seq`` of the last one read."""
        return self._tables.refusals(after, limit)

    def drop_refused(self, before: datetime) -> int:
        """Forget what was refused before a moment; returns how much that was."""
        return self._commit.call(lambda: self._tables.drop_refusals(microseconds(before)))

    # operations

    def declare(self, operation: Operation) -> None:
        """Declare an operation, or change one with the same id."""
        self._commit.call(lambda: self._tables.put_operation(operation))

    def operations(self) -> list[Operation]:
        """Operations that were ever declared, by their start."""
        return self._tables.operations()

    # keeping

    def segments(self) -> list[Segment]:
        """Telemetry that lies in Parquet segments."""
        return self._tables.segments()

    def segment_data(self, name: str) -> bytes:
        """The Parquet file of a segment."""
        return self._tables.segment_data(name)

    def roll(self, now: datetime, *, older_than_s: float = 3600.0) -> int:
        """Move telemetry of whole hours that are older than this into segments; returns how many rows moved.

        Rows are copied first and leave the table in small steps between commits, so that feeds do not wait. It can be
        stopped at any point and goes on the next time.
        """
        return self._archive.roll(microseconds(now) - int(older_than_s * 1e6))

    def purge(self, before: datetime, kinds: Collection[str] | None = None, stream: str | None = None) -> int:
        """Delete what was observed before a moment: from the table, the segments, the snapshots and the backups.

        Returns how many observations went. With no kinds and no stream named, what was refused before then goes too.
        """
        limit, which = microseconds(before), frozenset(kinds) if kinds is not None else None

        def delete() -> int:
            gone = self._tables.delete(limit, which, stream)
            if which is None or which & TELEMETRY:
                gone += self._archive.purge(limit, which, stream)
            self._tables.drop_states(stream, None)
            self._newest_states.clear()
            if kinds is None and stream is None:
                self._tables.drop_refusals(limit)
            return gone
        gone = self._commit.call(delete)
        for folder in self._tables.backups():
            _purge_backup(folder, before, kinds, stream)
        return gone

    def backup(self, folder: Path) -> None:
        """Write a copy into an empty folder; :meth:`purge` reaches it for as long as it lies there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._commit.call(lambda: self._tables.backup(folder.resolve()))

    def pace(self) -> Pace:
        """How the writer keeps up."""
        return self._commit.pace()

    def close(self) -> None:
        """Commit what waits and let go of the database."""
        self._commit.close()
        self._tables.close()

    # on the writer's thread

    def _write(self, group: list[Sequence[Row]]) -> list[Receipt]:
        everything = [row for brought in group for row in brought]
        known = self._archive.known_of(everything)
        outcomes = self._insert(everything, known)
        stored: list[Row] = []
        conflicts: list[Row] = []
        receipts: list[Receipt] = []
        start = 0
        for brought in group:
            mine = outcomes[start:start + len(brought)]
            start += len(brought)
            duplicates, refused = mine.count(DUPLICATE), mine.count(CONFLICT)
            receipts.append(Receipt(len(brought) - duplicates - refused, duplicates, refused))
            if refused:
                conflicts += [row for row, outcome in zip(brought, mine, strict=True) if outcome == CONFLICT]
            if self._listeners:
                stored += [_row((*row[:-1], seq)) for row, seq in zip(brought, mine, strict=True) if seq > 0]
        if conflicts:
            self._tables.put_refusals([_conflict(row) for row in conflicts])
        self._forget_states(everything)
        if stored:
            for listener in self._listeners:
                listener(stored)
        return receipts

    def _insert(self, everything: list[Row], known: dict[int, int]) -> list[int]:
        if not known:
            return self._tables.insert(everything)
        fresh = iter(self._tables.insert([row for k, row in enumerate(everything) if k not in known]))
        return [known[k] if k in known else next(fresh) for k in range(len(everything))]

    def _forget_states(self, everything: list[Row]) -> None:
        """Snapshots from the time of a late observation on do not hold it: forget them."""
        for stream in {row.stream for row in everything}:
            if stream not in self._newest_states:
                self._newest_states[stream] = self._tables.newest_state(stream)
            newest = self._newest_states[stream]
            if newest is not None:
                earliest = min(row.observed_at for row in everything if row.stream == stream)
                if earliest <= newest:
                    self._tables.drop_states(stream, earliest)
                    del self._newest_states[stream]

    # segments

    def _page(self, asked: Query) -> list[Row]:
        found = self._tables.select(asked)
        if not found.segments:
            return found.rows
        page = list(found.rows)
        for segment, data in self._archive.opened(found):
            if segment.meets(asked):
                page += parquet.to_rows(parquet.unpack(data, asked))
        page.sort(key=asked.place)
        return page[:asked.limit]


def _conflict(row: Row) -> Refusal:
    return Refusal(datetime.now(UTC), row.stream, row.source,
                   f"the id {row.id} is known with other content", str(row[:-1]))


def _purge_backup(folder: Path, before: datetime, kinds: Collection[str] | None, stream: str | None) -> None:
    from twin.store.sqlite import SqliteTables
    path = folder / "log.sqlite"
    if path.is_file():
        copy = Log(SqliteTables(path))
        copy.purge(before, kinds, stream)
        copy.close()
