"""The log in SQLite: WAL, one writing connection, a read-only connection for every reading thread.

Words that repeat (streams, sources, kinds, objects, grids) are numbers in the rows and stand once in the table
``words``; the view ``log`` shows everything readable. An id is found by a 63-bit number made of it and its stream:
numbers are far quicker to index than texts, and rows whose numbers meet by chance move on to the next free one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from twin.errors import BadInput
from twin.live.observation import TELEMETRY
from twin.live.operation import Operation
from twin.live.row import Row, microseconds, moment
from twin.store.migrate import SQLITE, migrate
from twin.store.query import Query, Refusal, StoreDown
from twin.store.segment import Segment
from twin.store.sqlite_file import connect, hold, keys_of
from twin.store.tables import CONFLICT, DUPLICATE, Selected

_COLUMNS = "seq, key, id, stream, source, kind, object, observed_at, received_at, x, y, accuracy_m, grid, value"
_ROW = "id, stream, source, kind, object, observed_at, received_at, x, y, accuracy_m, grid, value, seq"
_SIZES = (500, 100, 20, 4, 1)  # rows of one INSERT: fewer, longer statements let other threads run meanwhile
_INSERT = {size: f"INSERT OR IGNORE INTO observations ({_COLUMNS}) VALUES " + ", ".join(["(" + ", ".join("?" * 14) + ")"] * size)
           for size in _SIZES}
_SEGMENT = "name, stream, since, until, first, upto, rows, size, cleared"
_TRIES = 8


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
        self._words: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._seen: set[tuple[int, int, int]] = set()
        self._load_words(self._writer)
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
            return self._insert(writer, rows)

    def _insert(self, writer: sqlite3.Connection, rows: Sequence[Row]) -> list[int]:
        words = self._numbers(writer, {word for row in rows for word in (row.stream, row.source, row.kind, row.object)}
                              | {row.grid for row in rows if row.grid is not None})
        first = self._seq + 1
        keys = keys_of([f"{row.stream}|{row.id}" for row in rows])
        records = [(seq, key, r[0], words[r[1]], words[r[2]], words[r[3]], words[r[4]], r[5], r[6], r[7], r[8], r[9],
                    None if r[10] is None else words[r[10]], r[11])
                   for seq, key, r in zip(range(first, first + len(rows)), keys, rows, strict=True)]
        before = writer.total_changes
        _insert_all(writer, records)
        self._seq += len(rows)
        outcomes = list(range(first, first + len(rows)))
        if writer.total_changes - before != len(rows):
            self._explain(writer, rows, records, outcomes)
        self._note_objects(writer, {(r[3], r[5], r[6]) for r in records})
        placed = [(outcome, r.x, r.x, r.y, r.y) for outcome, r in zip(outcomes, rows, strict=True)
                  if r.x is not None and r.kind not in TELEMETRY and outcome > 0]
        if placed:
            writer.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", placed)
        return outcomes

    def _explain(self, writer: sqlite3.Connection, rows: Sequence[Row], records: list[Any], outcomes: list[int]) -> None:
        """Find out about the rows that were passed over: known already, other content, or numbers that met by chance."""
        first, last = records[0][0], records[-1][0]
        stored = {seq for (seq,) in writer.execute("SELECT seq FROM observations WHERE seq BETWEEN ? AND ?", (first, last))}
        for k, record in enumerate(records):
            if record[0] in stored:
                continue
            for step in range(_TRIES):
                key = record[1] + step
                known = self._rows_of(writer.execute(f"SELECT {_ROW} FROM observations WHERE key = ?", (key,)))
                if not known:
                    writer.execute(_INSERT[1], (record[0], key, *record[2:]))
                    break
                if (known[0].stream, known[0].id) == (rows[k].stream, rows[k].id):
                    outcomes[k] = DUPLICATE if known[0].content == rows[k].content else CONFLICT
                    break

    def _numbers(self, writer: sqlite3.Connection, words: set[str]) -> dict[str, int]:
        fresh = sorted(words - self._words.keys())
        if fresh:
            writer.executemany("INSERT OR IGNORE INTO words (word) VALUES (?)", [(word,) for word in fresh])
            self._load_words(writer)
        return self._words

    def _load_words(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT number, word FROM words WHERE number > ?", (max(self._texts, default=0),)).fetchall()
        self._texts.update(found)
        self._words.update((word, number) for number, word in found)

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
            values.append(self._words.get(stream, -1))
        if kinds is not None:
            where.append(f"kind IN ({', '.join(str(self._words.get(kind, -1)) for kind in sorted(kinds))})")
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
            where, values = self._condition(query, reader)
            order = "seq" if query.after is not None else "observed_at, seq"
            limit = f" LIMIT {query.limit}" if query.limit is not None else ""
            found = reader.execute(f"SELECT {_ROW} FROM observations o WHERE {where} ORDER BY {order}{limit}", values)
            return Selected(self._rows_of(found), segments)

    def latest(self, query: Query) -> Selected:
        """The newest row of every kind and object: one look into an index for each."""
        with self._reading() as reader:
            segments = self._met(reader, query)
            where, values = self._condition(query, reader)
            objects = ["objects.stream = ?"]
            chosen: list[Any] = [self._words.get(query.stream, -1)]
            if query.object is not None:
                objects.append("objects.object = ?")
                chosen.append(self._words.get(query.object, -1))
            if query.kinds is not None:
                objects.append(f"objects.kind IN ({self._list(query.kinds)})")
            newest = (f"SELECT o.seq FROM observations o WHERE o.stream = objects.stream AND o.kind = objects.kind "
                      f"AND o.object = objects.object AND {where} ORDER BY o.observed_at DESC, o.id DESC LIMIT 1")
            rows = self._rows_of(reader.execute(
                f"SELECT {', '.join('r.' + name for name in _ROW.split(', '))} FROM objects CROSS JOIN observations r "
                f"ON r.seq = ({newest}) WHERE {' AND '.join(objects)}", (*values, *chosen)))
            return Selected(rows, segments)

    def streams(self) -> list[str]:
        """Names of the streams."""
        with self._reading() as reader:
            return [word for (word,) in reader.execute(
                "SELECT word FROM words WHERE number IN (SELECT DISTINCT stream FROM objects) ORDER BY word")]

    def _condition(self, query: Query, reader: sqlite3.Connection) -> tuple[str, list[Any]]:
        where = ["o.stream = ?"]
        values: list[Any] = [self._words.get(query.stream, -1)]
        for text, value in (("o.observed_at >= ?", query.since), ("o.observed_at < ?", query.until), ("o.seq > ?", query.after)):
            if value is not None:
                where.append(text)
                values.append(value)
        if query.object is not None:
            where.append("o.object = ?")
            values.append(self._words.get(query.object, -1))
        if query.kinds is not None:
            where.append(f"o.kind IN ({self._list(query.kinds)})")
        if query.grids is not None:
            where.append(f"o.grid IN ({self._list(query.grids)})")
        if query.beyond is not None:
            where.append("(o.observed_at, o.seq) > (?, ?)")
            values += query.beyond
        if query.bounds is not None:
            west, south, east, north = query.bounds
            where.append("o.x BETWEEN ? AND ? AND o.y BETWEEN ? AND ?")
            values += [west, east, south, north]
            if query.kinds is not None and not query.kinds & TELEMETRY:  # the R*Tree rounds outwards: it only narrows the search
                where.append("o.seq IN (SELECT seq FROM places WHERE west <= ? AND east >= ? AND south <= ? AND north >= ?)")
                values += [east, west, north, south]
        if reader.execute("SELECT 1 FROM segments WHERE NOT cleared LIMIT 1").fetchone():
            where.append(f"NOT (o.kind IN ({self._list(TELEMETRY)}) AND EXISTS (SELECT 1 FROM segments s WHERE NOT s.cleared "
                         "AND s.stream = o.stream AND o.observed_at >= s.since AND o.observed_at < s.until AND o.seq <= s.upto))")
        return " AND ".join(where), values

    def _list(self, words: Iterable[str]) -> str:
        return ", ".join(str(self._words.get(word, -1)) for word in sorted(words)) or "-1"

    def _rows_of(self, found: Iterable[tuple[Any, ...]]) -> list[Row]:
        texts = self._texts
        try:
            return [Row(r[0], texts[r[1]], texts[r[2]], texts[r[3]], texts[r[4]], r[5], r[6], r[7], r[8], r[9],
                        None if r[10] is None else texts[r[10]], r[11], r[12]) for r in found]
        except KeyError as error:
            raise StoreDown(f"{self.where}: the word {error} is missing; restore the log from a backup.") from error

    # snapshots

    def put_state(self, stream: str, at: int, state: bytes) -> None:
        """Keep a snapshot."""
        with self._transaction() as writer:
            number = self._numbers(writer, {stream})[stream]
            writer.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (number, at, state))

    def state(self, stream: str, at: int) -> tuple[int, bytes] | None:
        """The newest snapshot at or before a moment."""
        with self._reading() as reader:
            found: tuple[int, bytes] | None = reader.execute(
                "SELECT at, state FROM states WHERE stream = ? AND at <= ? ORDER BY at DESC LIMIT 1",
                (self._words.get(stream, -1), at)).fetchone()
            return found

    def newest_state(self, stream: str) -> int | None:
        """Moment of the newest snapshot."""
        found: int | None = self._writer.execute("SELECT max(at) FROM states WHERE stream = ?",
                                                 (self._words.get(stream, -1),)).fetchone()[0]
        return found

    def drop_states(self, stream: str | None, since: int | None) -> None:
        """Forget snapshots."""
        with self._transaction() as writer:
            writer.execute("DELETE FROM states WHERE (? OR stream = ?) AND at >= ?",
                           (stream is None, self._words.get(stream or "", -1), -2**63 if since is None else since))

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
            number = self._numbers(writer, {segment.stream})[segment.stream]
            writer.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           (segment.name, number, segment.since, segment.until, segment.first, segment.upto, segment.rows,
                            segment.size, segment.cleared))

    def clear(self, segment: Segment, most: int) -> int:
        """Delete rows of the table that a segment holds."""
        with self._transaction() as writer:
            gone = writer.execute(
                f"DELETE FROM observations WHERE seq IN (SELECT seq FROM observations WHERE stream = ? AND observed_at >= ? "
                f"AND observed_at < ? AND seq <= ? AND kind IN ({self._list(TELEMETRY)}) LIMIT ?)",
                (self._words[segment.stream], segment.since, segment.until, segment.upto, most)).rowcount
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
                               (self._words.get(query.stream, -1),))
        return [segment for segment in self._segments_of(found) if segment.meets(query)]

    def _segments_of(self, found: Iterable[tuple[Any, ...]]) -> list[Segment]:
        return [Segment(name, self._texts[stream], since, until, first, upto, rows, size, bool(cleared))
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
        self._words.clear()
        self._texts.clear()
        with contextlib.suppress(sqlite3.Error):
            self._load_words(self._writer)
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
            self._load_words(reader)  # another process writes
        try:
            yield reader
        finally:
            reader.execute("COMMIT")


def _insert_all(writer: sqlite3.Connection, records: list[tuple[Any, ...]]) -> None:
    start = 0
    for size in _SIZES:
        while len(records) - start >= size:
            writer.execute(_INSERT[size], list(chain.from_iterable(records[start:start + size])))
            start += size
