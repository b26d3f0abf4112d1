"""The log in memory: for tests, drills on the spot and trials. Gone when the process ends."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from twin.live.observation import TELEMETRY
from twin.live.operation import Operation
from twin.live.row import Row, microseconds
from twin.store.query import Query, Refusal
from twin.store.segment import Segment, newest_rows
from twin.store.tables import CONFLICT, DUPLICATE, Selected


class MemoryTables:
    """Everything in lists and dictionaries, under one lock."""

    where = "memory:"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, list[Row]] = {}  # stream -> in the order of the log
        self._known: dict[tuple[str, str], Row] = {}
        self._states: dict[str, list[tuple[int, bytes]]] = {}
        self._segments: dict[str, tuple[Segment, bytes]] = {}
        self._refusals: list[Refusal] = []
        self._operations: dict[str, Operation] = {}
        self._streams: set[str] = set()
        self._seq = self._refused = 0

    def insert(self, rows: Sequence[Row]) -> list[int]:
        """Store rows."""
        outcomes = []
        with self._lock:
            for row in rows:
                known = self._known.get((row.stream, row.id))
                if known is not None:
                    outcomes.append(DUPLICATE if known.content == row.content else CONFLICT)
                    continue
                self._seq += 1
                stored = row._replace(seq=self._seq)
                self._known[row.stream, row.id] = stored
                self._rows.setdefault(row.stream, []).append(stored)
                self._streams.add(row.stream)
                outcomes.append(self._seq)
        return outcomes

    def select(self, query: Query) -> Selected:
        """Rows in the order of the query."""
        with self._lock:
            rows = sorted(filter(query.takes, self._in_table(query.stream)), key=query.place)
            return Selected(rows[:query.limit], self._met(query))

    def latest(self, query: Query) -> Selected:
        """The newest row of every kind and object."""
        with self._lock:
            return Selected(newest_rows(filter(query.takes, self._in_table(query.stream))), self._met(query))

    def delete(self, before: int, kinds: frozenset[str] | None, stream: str | None) -> int:
        """Delete rows observed before a moment."""
        with self._lock:
            gone = [row for name, rows in self._rows.items() if stream in (None, name) for row in rows
                    if row.observed_at < before and (kinds is None or row.kind in kinds)]
            self._drop(gone)
        return len(gone)

    def streams(self) -> list[str]:
        """Names of the streams."""
        with self._lock:
            return sorted(self._streams)

    def put_state(self, stream: str, at: int, state: bytes) -> None:
        """Keep a snapshot."""
        with self._lock:
            states = self._states.setdefault(stream, [])
            states[:] = [kept for kept in states if kept[0] != at]
            insort(states, (at, state))

    def state(self, stream: str, at: int) -> tuple[int, bytes] | None:
        """The newest snapshot at or before a moment."""
        with self._lock:
            return next((kept for kept in reversed(self._states.get(stream, [])) if kept[0] <= at), None)

    def newest_state(self, stream: str) -> int | None:
        """Moment of the newest snapshot."""
        with self._lock:
            states = self._states.get(stream)
            return states[-1][0] if states else None

    def drop_states(self, stream: str | None, since: int | None) -> None:
        """Forget snapshots."""
        with self._lock:
            for name, states in self._states.items():
                if stream in (None, name):
                    states[:] = [kept for kept in states if since is not None and kept[0] < since]

    def put_segment(self, segment: Segment, data: bytes) -> None:
        """Keep a segment."""
        with self._lock:
            self._segments[segment.name] = segment, data

    def clear(self, segment: Segment, most: int) -> int:
        """Delete rows of the table that a segment holds."""
        with self._lock:
            held = [row for row in self._rows.get(segment.stream, []) if row.kind in TELEMETRY and segment.holds(row)]
            self._drop(held[:most])
            if len(held) <= most:
                kept, data = self._segments[segment.name]
                self._segments[segment.name] = replace(kept, cleared=True), data
        return min(len(held), most)

    def segments(self) -> list[Segment]:
        """All segments."""
        with self._lock:
            return sorted((segment for segment, _ in self._segments.values()), key=lambda s: (s.stream, s.since, s.name))

    def segment_data(self, name: str) -> bytes:
        """The Parquet file of a segment."""
        return self._segments[name][1]

    def drop_segment(self, name: str) -> None:
        """Delete a segment."""
        with self._lock:
            self._segments.pop(name, None)

    def put_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Keep what was not taken in."""
        with self._lock:
            for refusal in refusals:
                self._refused += 1
                self._refusals.append(replace(refusal, seq=self._refused))

    def refusals(self, after: int, limit: int) -> list[Refusal]:
        """What was not taken in."""
        with self._lock:
            return [refusal for refusal in self._refusals if refusal.seq > after][:limit]

    def drop_refusals(self, before: int) -> int:
        """Forget what was refused before a moment."""
        with self._lock:
            kept = [refusal for refusal in self._refusals if microseconds(refusal.received_at) >= before]
            gone = len(self._refusals) - len(kept)
            self._refusals = kept
        return gone

    def put_operation(self, operation: Operation) -> None:
        """Declare an operation."""
        with self._lock:
            self._operations[operation.id] = operation

    def operations(self) -> list[Operation]:
        """All operations."""
        with self._lock:
            return sorted(self._operations.values(), key=lambda operation: (operation.start, operation.id))

    def backup(self, folder: Path) -> None:
        """There is nothing to copy to: write it into a SQLite log."""
        from twin.store.sqlite import SqliteTables
        copy = SqliteTables(folder / "log.sqlite")
        with self._lock:
            for rows in self._rows.values():
                copy.insert(rows)
            for segment, data in self._segments.values():
                copy.put_segment(segment, data)
            copy.put_refusals(self._refusals)
            for operation in self._operations.values():
                copy.put_operation(operation)
        copy.close()
        self._backups = [*self.backups(), folder]

    _backups: list[Path] = []  # noqa: RUF012 - replaced, never changed

    def backups(self) -> list[Path]:
        """Folders of the copies that were made."""
        return list(self._backups)

    def close(self) -> None:
        """Nothing to let go of."""

    def _in_table(self, stream: str) -> list[Row]:
        pending = [segment for segment, _ in self._segments.values() if segment.stream == stream and not segment.cleared]
        rows = self._rows.get(stream, [])
        if not pending:
            return rows
        return [row for row in rows if row.kind not in TELEMETRY or not any(segment.holds(row) for segment in pending)]

    def _met(self, query: Query) -> list[Segment]:
        return [segment for segment in self.segments() if segment.meets(query)]

    def _drop(self, gone: list[Row]) -> None:
        numbers = {row.seq for row in gone}
        for rows in self._rows.values():
            rows[:] = [row for row in rows if row.seq not in numbers]
        for row in gone:
            del self._known[row.stream, row.id]
