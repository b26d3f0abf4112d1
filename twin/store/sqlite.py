"""The log in SQLite: WAL, one writing connection, a read-only connection for every reading thread.

Words that repeat (streams, sources, kinds, objects, grids) are numbers in the rows and stand once in the table
``words``; the view ``log`` shows everything readable.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twin.errors import BadInput
from twin.live.observation import TELEMETRY
from twin.live.operation import Operation
from twin.live.row import Row, microseconds, moment
from twin.store.migrate import SQLITE, migrate
from twin.store.query import Query, Refusal, StoreDown
from twin.store.segment import Segment
from twin.store.sqlite_condition import condition
from twin.store.sqlite_file import connect, hold
from twin.store.sqlite_insert import insert_rows
from twin.store.sqlite_words import ROW, Words
from twin.store.tables import Selected

_SEGMENT = "name, stream, since, until, first, upto, rows, size, cleared"


class SqliteTables:
    """A log in one file, with a folder of segments beside it (``NAME.segments``).

    One process writes, which a lock on ``NAME.lock`` makes sure of: two would give the same numbers to different rows.
    Any number of others may read (``read_only``).
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = Path(path).resolve()
        self.where = f"sqlite:///{self.path}"
        self._folder = self.path.with_name(self.path.name + ".segments")
        self._read_only = read_only
        if read_only and not self.path.is_file():
            raise BadInput("there is no such log", where=str(path), mend="name the file of a log")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._held = None if read_only else hold(self.path)
        self._readers: dict[int, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        try:
            self._writer = connect(self.path, read_only=read_only)
            migrate(self._writer, () if read_only else SQLITE, where=str(self.path), known=len(SQLITE))
        except BadInput:
            self._let_go()
            raise
        except sqlite3.DatabaseError as error:
            self._let_go()
            raise BadInput(f"this is not a log that can be opened ({error})", where=str(self.path),
                           mend="name another file, or check the disk") from error
        self._words = Words(self.where)
        self._seen: set[tuple[int, int, int]] = set()
        self._words.load(self._writer)
        self._seen.update(self._writer.execute("SELECT stream, kind, object FROM objects"))
        rolled = self._writer.execute("SELECT max(upto) FROM segments").fetchone()[0] or 0
        self._seq = max(self._writer.execute("SELECT max(seq) FROM observations").fetchone()[0] or 0, rolled,
                        self._writer.execute("SELECT last FROM counter").fetchone()[0])
        if not read_only:
            self._sweep()

    # writing

    def insert(self, rows: Sequence[Row]) -> list[int]:
        """Store rows in one transaction."""
        if not rows:
            return []
        with self._transaction() as writer:
            outcomes, objects = insert_rows(writer, self._words, rows, self._seq + 1)
            self._seq += len(rows)
            self._note_objects(writer, objects)
        return outcomes

    def _note_objects(self, writer: sqlite3.Connection, objects: set[tuple[int, int, int]]) -> None:
        fresh = objects - self._seen
        if fresh:
            writer.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?)", sorted(fresh))
            self._seen |= fresh

    def delete(self, before: int, kinds: frozenset[str] | None, stream: str | None) -> int:
        """Delete rows observed before a moment, and give their pages back to the disk overwritten."""
        where, values = ["observed_at < ?"], [before]
        if stream is not None:
            where.append("stream = ?")
            values.append(self._words.number(stream))
        if kinds is not None:
            where.append(f"kind IN ({self._words.listed(kinds)})")
        condition = " AND ".join(where)
        with self._transaction() as writer:
            writer.execute("UPDATE counter SET last = ?", (self._seq,))
            writer.execute(f"DELETE FROM places WHERE seq IN (SELECT seq FROM observations WHERE {condition})", values)
            gone = writer.execute(f"DELETE FROM observations WHERE {condition}", values).rowcount
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    # reading

    def select(self, query: Query) -> Selected:
        """Rows in the order of the query."""
        with self._reading() as reader:
            segments = self._met(reader, query)
            where, values = condition(query, self._words, reader)
            order = "seq" if query.after is not None else "observed_at, seq"
            limit = f" LIMIT {query.limit}" if query.limit is not None else ""
            found = reader.execute(f"SELECT {ROW} FROM observations o WHERE {where} ORDER BY {order}{limit}", values)
            return Selected(self._words.rows(found), segments)

    def latest(self, query: Query) -> Selected:
        """The newest row of every kind and object: one look into an index for each."""
        with self._reading() as reader:
            segments = self._met(reader, query)
            where, values = condition(query, self._words, reader)
            objects = ["objects.stream = ?"]
            chosen: list[Any] = [self._words.number(query.stream)]
            if query.object is not None:
                objects.append("objects.object = ?")
                chosen.append(self._words.number(query.object))
            if query.kinds is not None:
                objects.append(f"objects.kind IN ({self._words.listed(query.kinds)})")
            newest = (f"SELECT o.seq FROM observations o WHERE o.stream = objects.stream AND o.kind = objects.kind "
                      f"AND o.object = objects.object AND {where} ORDER BY o.observed_at DESC, o.id DESC LIMIT 1")
            rows = self._words.rows(reader.execute(
                f"SELECT {', '.join('r.' + name for name in ROW.split(', '))} FROM objects CROSS JOIN observations r "
                f"ON r.seq = ({newest}) WHERE {' AND '.join(objects)}", (*values, *chosen)))
            return Selected(rows, segments)

    def streams(self) -> list[str]:
        """Names of the streams."""
        with self._reading() as reader:
            return [word for (word,) in reader.execute(
                "SELECT word FROM words WHERE number IN (SELECT DISTINCT stream FROM objects) ORDER BY word")]

    # snapshots

    def put_state(self, stream: str, at: int, state: bytes) -> None:
        """Keep a snapshot."""
        with self._transaction() as writer:
            number = self._words.numbers(writer, {stream})[stream]
            writer.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (number, at, state))

    def state(self, stream: str, at: int) -> tuple[int, bytes] | None:
        """The newest snapshot at or before a moment."""
        with self._reading() as reader:
            found: tuple[int, bytes] | None = reader.execute(
                "SELECT at, state FROM states WHERE stream = ? AND at <= ? ORDER BY at DESC LIMIT 1",
                (self._words.number(stream), at)).fetchone()
            return found

    def newest_state(self, stream: str) -> int | None:
        """Moment of the newest snapshot."""
        found: int | None = self._writer.execute("SELECT max(at) FROM states WHERE stream = ?",
                                                 (self._words.number(stream),)).fetchone()[0]
        return found

    def drop_states(self, stream: str | None, since: int | None) -> None:
        """Forget snapshots."""
        with self._transaction() as writer:
            writer.execute("DELETE FROM states WHERE (? OR stream = ?) AND at >= ?",
                           (stream is None, self._words.number(stream or ""), -2**63 if since is None else since))

    # segments

    def put_segment(self, segment: Segment, data: bytes) -> None:
        """Keep a segment: the file first, under another name until it is whole, then the line that names it."""
        self._folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".draft", delete=False) as draft:
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(self._file(segment.name))
        with self._transaction() as writer:
            number = self._words.numbers(writer, {segment.stream})[segment.stream]
            writer.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           (segment.name, number, segment.since, segment.until, segment.first, segment.upto, segment.rows,
                            segment.size, segment.cleared))

    def clear(self, segment: Segment, most: int) -> int:
        """Delete rows of the table that a segment holds."""
        with self._transaction() as writer:
            gone = writer.execute(
                f"DELETE FROM observations WHERE seq IN (SELECT seq FROM observations WHERE stream = ? AND observed_at >= ? "
                f"AND observed_at < ? AND seq <= ? AND kind IN ({self._words.listed(TELEMETRY)}) LIMIT ?)",
                (self._words.number(segment.stream), segment.since, segment.until, segment.upto, most)).rowcount
            if gone < most:
                writer.execute("UPDATE segments SET cleared = 1 WHERE name = ?", (segment.name,))
        return gone

    def segments(self) -> list[Segment]:
        """All segments."""
        with self._reading() as reader:
            return self._segments_of(reader.execute(f"SELECT {_SEGMENT} FROM segments ORDER BY stream, since, name"))

    def segment_data(self, name: str) -> bytes:
        """The Parquet file of a segment."""
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError as error:
            raise KeyError(name) from error

    def drop_segment(self, name: str) -> None:
        """Delete a segment: the line first, then the file."""
        with self._transaction() as writer:
            writer.execute("UPDATE counter SET last = ?", (self._seq,))
            writer.execute("DELETE FROM segments WHERE name = ?", (name,))
        self._file(name).unlink(missing_ok=True)

    def _met(self, reader: sqlite3.Connection, query: Query) -> list[Segment]:
        found = reader.execute(f"SELECT {_SEGMENT} FROM segments WHERE stream = ? ORDER BY since, name",
                               (self._words.number(query.stream),))
        return [segment for segment in self._segments_of(found) if segment.meets(query)]

    def _segments_of(self, found: Iterable[tuple[Any, ...]]) -> list[Segment]:
        return [Segment(name, self._words.text(stream), since, until, first, upto, rows, size, bool(cleared))
                for name, stream, since, until, first, upto, rows, size, cleared in found]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"

    def _sweep(self) -> None:
        """Remove files that no line names: they were being written when the process ended."""
        if self._folder.is_dir():
            named = {segment.name for segment in self.segments()}
            for path in self._folder.iterdir():
                if path.suffix == ".draft" or (path.suffix == ".parquet" and path.stem not in named):
                    path.unlink()

    # quarantine, operations, backups

    def put_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Keep what was not taken in."""
        with self._transaction() as writer:
            writer.executemany("INSERT INTO quarantine (received_at, stream, source, reason, body) VALUES (?, ?, ?, ?, ?)",
                               [(microseconds(r.received_at), r.stream, r.source, r.reason, r.body) for r in refusals])

    def refusals(self, after: int, limit: int) -> list[Refusal]:
        """What was not taken in."""
        with self._reading() as reader:
            return [Refusal(moment(at), stream, source, reason, body, seq) for seq, at, stream, source, reason, body in
                    reader.execute("SELECT seq, received_at, stream, source, reason, body FROM quarantine WHERE seq > ? "
                                   "ORDER BY seq LIMIT ?", (after, limit))]

    def drop_refusals(self, before: int) -> int:
        """Forget what was refused before a moment."""
        with self._transaction() as writer:
            return writer.execute("DELETE FROM quarantine WHERE received_at < ?", (before,)).rowcount

    def put_operation(self, operation: Operation) -> None:
        """Declare an operation."""
        with self._transaction() as writer:
            writer.execute("INSERT OR REPLACE INTO operations VALUES (?, ?, ?)",
                           (operation.id, microseconds(operation.start), operation.model_dump_json()))

    def operations(self) -> list[Operation]:
        """All operations."""
        with self._reading() as reader:
            return [Operation.model_validate_json(text) for (text,) in
                    reader.execute("SELECT declared FROM operations ORDER BY start, id")]

    def backup(self, folder: Path) -> None:
        """Write a copy of the file and of its segments."""
        copy = folder / self.path.with_name("log.sqlite").name
        self._writer.execute("VACUUM INTO ?", (str(copy),))
        (folder / "log.sqlite.segments").mkdir(exist_ok=True)
        for segment in self.segments():
            (folder / "log.sqlite.segments" / f"{segment.name}.parquet").write_bytes(self.segment_data(segment.name))
        with self._transaction() as writer:
            writer.execute("INSERT OR REPLACE INTO backups VALUES (?, ?)", (str(folder), microseconds(datetime.now(UTC))))

    def backups(self) -> list[Path]:
        """Folders of the copies that were made."""
        with self._reading() as reader:
            return [Path(folder) for (folder,) in reader.execute("SELECT folder FROM backups")
                    if Path(folder) != self.path.parent]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for reader in self._readers.values():
                reader.close()
            self._readers.clear()
        self._writer.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    # connections

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._read_only:
            raise StoreDown(f"{self.path}: this log was opened for reading only.")
        if not self.path.exists():
            raise StoreDown(f"{self.path}: the log is gone from the disk; put the file back, or restart with another.")
        kept = self._seq
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            self._forget(kept)
            raise

    def _forget(self, kept: int) -> None:
        """After a rollback: words and objects that were not stored are not known."""
        self._seq = kept
        self._words.forget()
        with contextlib.suppress(sqlite3.Error):
            self._words.load(self._writer)
            self._seen = set(self._writer.execute("SELECT stream, kind, object FROM objects"))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        me = threading.get_ident()
        with self._lock:
            reader = self._readers.get(me)
            if reader is None:
                reader = self._readers[me] = connect(self.path, read_only=True)
        reader.execute("BEGIN")
        if self._read_only:
            self._words.load(reader)  # another process writes
        try:
            yield reader
        finally:
            reader.execute("COMMIT")
