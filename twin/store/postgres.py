"""The log in PostgreSQL with PostGIS, for more than one machine: the same verbs, rows brought by COPY."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

from twin.errors import BadInput, Unavailable
from twin.live.observation import TELEMETRY
from twin.live.operation import Operation
from twin.live.row import Row, microseconds, moment
from twin.store.query import Query, Refusal, StoreDown
from twin.store.segment import Segment
from twin.store.tables import CONFLICT, DUPLICATE, Selected

try:
    import psycopg
except ImportError as error:
    raise Unavailable("A log in PostgreSQL needs psycopg: install hutong[postgresql].") from error

STEPS: tuple[tuple[LiteralString, ...], ...] = (
    (  # 1
        """CREATE TABLE observations (
            seq bigint PRIMARY KEY, id text NOT NULL, stream text NOT NULL, source text NOT NULL, kind text NOT NULL,
            object text NOT NULL, observed_at bigint NOT NULL, received_at bigint NOT NULL, x double precision,
            y double precision, accuracy_m double precision, "grid" text, value text NOT NULL, UNIQUE (stream, id))""",
        "CREATE INDEX observations_time ON observations (stream, observed_at, seq)",
        "CREATE INDEX observations_object ON observations (object, kind, stream, observed_at DESC, id DESC)",
        "CREATE TABLE segments (name text PRIMARY KEY, stream text NOT NULL, since bigint NOT NULL, until bigint NOT NULL, "
        "first bigint NOT NULL, upto bigint NOT NULL, rows bigint NOT NULL, size bigint NOT NULL, cleared boolean NOT NULL, "
        "data bytea NOT NULL)",
        "CREATE TABLE states (stream text NOT NULL, at bigint NOT NULL, state bytea NOT NULL, PRIMARY KEY (stream, at))",
        "CREATE TABLE quarantine (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received_at bigint NOT NULL, "
        "stream text NOT NULL, source text NOT NULL, reason text NOT NULL, body text NOT NULL)",
    ),
    (  # 2
        "CREATE TABLE objects (stream text, kind text, object text, PRIMARY KEY (stream, kind, object))",
        "INSERT INTO objects SELECT DISTINCT stream, kind, object FROM observations",
        "CREATE EXTENSION IF NOT EXISTS postgis",
        "ALTER TABLE observations ADD COLUMN place geometry(Point) GENERATED ALWAYS AS (ST_Point(x, y)) STORED",
        "CREATE INDEX observations_place ON observations USING gist (place) "
        "WHERE kind NOT IN ('position', 'crowd', 'occupancy')",
        "CREATE TABLE operations (id text PRIMARY KEY, start bigint NOT NULL, declared text NOT NULL)",
        "CREATE TABLE backups (folder text PRIMARY KEY, made_at bigint NOT NULL)",
        "CREATE TABLE counter (last bigint NOT NULL)",
        "INSERT INTO counter SELECT greatest((SELECT max(seq) FROM observations), (SELECT max(upto) FROM segments), 0)",
    ),
)
_ROW = 'id, stream, source, kind, object, observed_at, received_at, x, y, accuracy_m, "grid", value, seq'
_SEGMENT = "name, stream, since, until, first, upto, rows, size, cleared"
_TELEMETRY = sorted(TELEMETRY)
_WRITERS = 4_711_2026  # the advisory lock that lets one process write at a time, so that seq is the order of commits


class PostgresTables:
    """A log in one PostgreSQL database. Connections that break are made again at the next call."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.where = f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
        self._connections: dict[int, psycopg.Connection[Any]] = {}
        self._lock = threading.Lock()
        try:
            self._migrate()
        except (psycopg.OperationalError, StoreDown) as error:
            raise BadInput(f"the database cannot be reached ({_first_line(error.__cause__ or error)})", where=self.where,
                           mend="start PostgreSQL, or correct the address") from error
        except psycopg.Error as error:
            raise BadInput(f"the database cannot hold a log ({_first_line(error)})", where=self.where,
                           mend="install PostGIS (CREATE EXTENSION postgis) and give the user a schema of its own") from error
        self._seen: set[tuple[str, str, str]] = set()

    def _migrate(self) -> None:
        with self._connected() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
            cursor.execute("CREATE TABLE IF NOT EXISTS hutong_log (version integer NOT NULL)")
            found = cursor.execute("SELECT version FROM hutong_log").fetchone()
            version = found[0] if found else 0
            if version > len(STEPS):
                raise BadInput(f"this log has schema {version}, this Hutong knows {len(STEPS)}", where=self.where,
                               mend="update Hutong")
            for statements in STEPS[version:]:
                for statement in statements:
                    cursor.execute(statement)
            cursor.execute("DELETE FROM hutong_log")
            cursor.execute("INSERT INTO hutong_log VALUES (%s)", (len(STEPS),))

    # writing

    def insert(self, rows: Sequence[Row]) -> list[int]:
        """Store rows in one transaction."""
        with self._connected() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
            found = cursor.execute("UPDATE counter SET last = last + %s RETURNING last", (len(rows),)).fetchone()
            assert found is not None
            first = found[0] - len(rows) + 1
            cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS brought (LIKE observations) ON COMMIT DELETE ROWS")
            cursor.execute("ALTER TABLE brought DROP COLUMN IF EXISTS place")
            with cursor.copy(f"COPY brought ({_ROW}) FROM STDIN") as copy:
                for seq, row in enumerate(rows, start=first):
                    copy.write_row((*row[:-1], seq))
            stored = {seq for (seq,) in cursor.execute(
                f"INSERT INTO observations ({_ROW}) SELECT {_ROW} FROM brought ORDER BY seq "
                "ON CONFLICT (stream, id) DO NOTHING RETURNING seq")}
            outcomes = list(range(first, first + len(rows)))
            if len(stored) < len(rows):
                self._explain(cursor, rows, stored, outcomes)
            fresh = {(row.stream, row.kind, row.object) for row in rows} - self._seen
            if fresh:
                cursor.executemany("INSERT INTO objects VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", sorted(fresh))
        self._seen |= fresh
        return outcomes

    def _explain(self, cursor: psycopg.Cursor[Any], rows: Sequence[Row], stored: set[int], outcomes: list[int]) -> None:
        known = {(row.stream, row.id): row for row in map(Row._make, cursor.execute(
            f"SELECT {', '.join('o.' + name for name in _ROW.split(', '))} FROM observations o "
            "JOIN brought b ON b.stream = o.stream AND b.id = o.id"))}
        for k, row in enumerate(rows):
            if outcomes[k] not in stored:
                outcomes[k] = DUPLICATE if known[row.stream, row.id].content == row.content else CONFLICT

    def delete(self, before: int, kinds: frozenset[str] | None, stream: str | None) -> int:
        """Delete rows observed before a moment."""
        with self._connected() as cursor:
            return cursor.execute(
                "DELETE FROM observations WHERE observed_at < %s AND (%s::text[] IS NULL OR kind = ANY(%s::text[])) "
                "AND (%s::text IS NULL OR stream = %s)",
                (before, _listed(kinds), _listed(kinds), stream, stream)).rowcount

    # reading

    def select(self, query: Query) -> Selected:
        """Rows in the order of the query."""
        where, values = _condition(query)
        order = "seq" if query.after is not None else "observed_at, seq"
        limit = f" LIMIT {query.limit}" if query.limit is not None else ""
        with self._connected("REPEATABLE READ") as cursor:
            segments = self._met(cursor, query)
            rows = cursor.execute(f"SELECT {_ROW} FROM observations o WHERE {where} ORDER BY {order}{limit}",
                                  values).fetchall()
        return Selected([Row._make(row) for row in rows], segments)

    def latest(self, query: Query) -> Selected:
        """The newest row of every kind and object: one look into an index for each."""
        where, values = _condition(query)
        chosen: list[Any] = [query.stream, query.object, query.object, _listed(query.kinds), _listed(query.kinds)]
        with self._connected("REPEATABLE READ") as cursor:
            segments = self._met(cursor, query)
            rows = cursor.execute(
                f"SELECT newest.* FROM objects t CROSS JOIN LATERAL (SELECT {_ROW} FROM observations o WHERE o.stream = t.stream "
                f"AND o.kind = t.kind AND o.object = t.object AND {where} ORDER BY o.observed_at DESC, o.id COLLATE \"C\" DESC "
                "LIMIT 1) newest WHERE t.stream = %s AND (%s::text IS NULL OR t.object = %s) "
                "AND (%s::text[] IS NULL OR t.kind = ANY(%s::text[]))", [*values, *chosen]).fetchall()
        return Selected([Row._make(row) for row in rows], segments)

    def streams(self) -> list[str]:
        """Names of the streams."""
        with self._connected() as cursor:
            return sorted(stream for (stream,) in cursor.execute("SELECT DISTINCT stream FROM objects"))

    def _met(self, cursor: psycopg.Cursor[Any], query: Query) -> list[Segment]:
        found = cursor.execute(f"SELECT {_SEGMENT} FROM segments WHERE stream = %s ORDER BY since, name", (query.stream,))
        return [segment for segment in (Segment(*line) for line in found) if segment.meets(query)]

    # snapshots

    def put_state(self, stream: str, at: int, state: bytes) -> None:
        """Keep a snapshot."""
        with self._connected() as cursor:
            cursor.execute("INSERT INTO states VALUES (%s, %s, %s) ON CONFLICT (stream, at) DO UPDATE SET state = excluded.state",
                           (stream, at, state))

    def state(self, stream: str, at: int) -> tuple[int, bytes] | None:
        """The newest snapshot at or before a moment."""
        with self._connected() as cursor:
            found: tuple[int, bytes] | None = cursor.execute(
                "SELECT at, state FROM states WHERE stream = %s AND at <= %s ORDER BY at DESC LIMIT 1", (stream, at)).fetchone()
            return found

    def newest_state(self, stream: str) -> int | None:
        """Moment of the newest snapshot."""
        with self._connected() as cursor:
            found = cursor.execute("SELECT max(at) FROM states WHERE stream = %s", (stream,)).fetchone()
            return found[0] if found else None

    def drop_states(self, stream: str | None, since: int | None) -> None:
        """Forget snapshots."""
        with self._connected() as cursor:
            cursor.execute("DELETE FROM states WHERE (%s::text IS NULL OR stream = %s) AND at >= %s",
                           (stream, stream, -2**62 if since is None else since))

    # segments

    def put_segment(self, segment: Segment, data: bytes) -> None:
        """Keep a segment."""
        with self._connected() as cursor:
            cursor.execute(f"INSERT INTO segments ({_SEGMENT}, data) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
                           "ON CONFLICT (name) DO UPDATE SET rows = excluded.rows, size = excluded.size, data = excluded.data",
                           (segment.name, segment.stream, segment.since, segment.until, segment.first, segment.upto,
                            segment.rows, segment.size, segment.cleared, data))

    def clear(self, segment: Segment, most: int) -> int:
        """Delete rows of the table that a segment holds."""
        with self._connected() as cursor:
            gone = cursor.execute(
                "DELETE FROM observations WHERE seq IN (SELECT seq FROM observations WHERE stream = %s AND observed_at >= %s "
                "AND observed_at < %s AND seq <= %s AND kind = ANY(%s) LIMIT %s)",
                (segment.stream, segment.since, segment.until, segment.upto, _TELEMETRY, most)).rowcount
            if gone < most:
                cursor.execute("UPDATE segments SET cleared = true WHERE name = %s", (segment.name,))
        return gone

    def segments(self) -> list[Segment]:
        """All segments."""
        with self._connected() as cursor:
            return [Segment(*line) for line in cursor.execute(f"SELECT {_SEGMENT} FROM segments ORDER BY stream, since, name")]

    def segment_data(self, name: str) -> bytes:
        """The Parquet file of a segment."""
        with self._connected() as cursor:
            found = cursor.execute("SELECT data FROM segments WHERE name = %s", (name,)).fetchone()
        if found is None:
            raise KeyError(name)
        return bytes(found[0])

    def drop_segment(self, name: str) -> None:
        """Delete a segment."""
        with self._connected() as cursor:
            cursor.execute("DELETE FROM segments WHERE name = %s", (name,))

    # quarantine, operations, backups

    def put_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Keep what was not taken in; PostgreSQL keeps no zero characters."""
        with self._connected() as cursor:
            cursor.executemany(
                "INSERT INTO quarantine (received_at, stream, source, reason, body) VALUES (%s, %s, %s, %s, %s)",
                [(microseconds(r.received_at), *(text.replace("\0", "�") for text in (r.stream, r.source, r.reason, r.body)))
                 for r in refusals])

    def refusals(self, after: int, limit: int) -> list[Refusal]:
        """What was not taken in."""
        with self._connected() as cursor:
            return [Refusal(moment(at), stream, source, reason, body, seq) for seq, at, stream, source, reason, body in
                    cursor.execute("SELECT seq, received_at, stream, source, reason, body FROM quarantine WHERE seq > %s "
                                   "ORDER BY seq LIMIT %s", (after, limit))]

    def drop_refusals(self, before: int) -> int:
        """Forget what was refused before a moment."""
        with self._connected() as cursor:
            return cursor.execute("DELETE FROM quarantine WHERE received_at < %s", (before,)).rowcount

    def put_operation(self, operation: Operation) -> None:
        """Declare an operation."""
        with self._connected() as cursor:
            cursor.execute("INSERT INTO operations VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET start = excluded.start, "
                           "declared = excluded.declared",
                           (operation.id, microseconds(operation.start), operation.model_dump_json()))

    def operations(self) -> list[Operation]:
        """All operations."""
        with self._connected() as cursor:
            return [Operation.model_validate_json(text) for (text,) in
                    cursor.execute("SELECT declared FROM operations ORDER BY start, id")]

    def backup(self, folder: Path) -> None:
        """Write a copy as a SQLite log, which purges reach as they reach those of SQLite."""
        from twin.store.sqlite import SqliteTables
        copy = SqliteTables(folder / "log.sqlite")
        with self._connected("REPEATABLE READ") as cursor:
            found = cursor.execute(f"SELECT {_ROW} FROM observations ORDER BY seq")
            while page := found.fetchmany(20_000):
                copy.insert([Row._make(line) for line in page])
        for segment in self.segments():
            copy.put_segment(segment, self.segment_data(segment.name))
        for operation in self.operations():
            copy.put_operation(operation)
        copy.close()
        with self._connected() as cursor:
            cursor.execute("INSERT INTO backups VALUES (%s, %s) ON CONFLICT (folder) DO UPDATE SET made_at = excluded.made_at",
                           (str(folder), microseconds(datetime.now(UTC))))

    def backups(self) -> list[Path]:
        """Folders of the copies that were made."""
        with self._connected() as cursor:
            return [Path(folder) for (folder,) in cursor.execute("SELECT folder FROM backups")]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    @contextlib.contextmanager
    def _connected(self, isolation: str | None = None) -> Iterator[psycopg.Cursor[Any]]:
        """A cursor in a transaction of its own, on this thread's connection."""
        me = threading.get_ident()
        with self._lock:
            connection = self._connections.get(me)
        if connection is None or connection.closed or connection.broken:
            try:
                connection = psycopg.connect(self._url, connect_timeout=5, client_encoding="utf8")
            except psycopg.OperationalError as error:
                raise StoreDown(f"{self.where}: the database cannot be reached ({_first_line(error)}).") from error
            with self._lock:
                self._connections[me] = connection
        try:
            with connection.transaction(), connection.cursor() as cursor:
                if isolation is not None:
                    cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
                yield cursor
        except psycopg.OperationalError as error:
            if connection.closed or connection.broken:
                raise StoreDown(f"{self.where}: the database went away ({_first_line(error)}).") from error
            raise


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def _listed(words: frozenset[str] | None) -> list[str] | None:
    return None if words is None else sorted(words)


def _condition(query: Query) -> tuple[str, list[Any]]:
    where, values = ["o.stream = %s"], [query.stream]
    tests: tuple[tuple[str, Any], ...] = (
        ("o.observed_at >= %s", query.since), ("o.observed_at < %s", query.until), ("o.seq > %s", query.after),
        ("o.object = %s", query.object), ("o.kind = ANY(%s)", _listed(query.kinds)), ('o."grid" = ANY(%s)', _listed(query.grids)))
    parts: list[Any] = list(values)
    for text, value in tests:
        if value is not None:
            where.append(text)
            parts.append(value)
    if query.beyond is not None:
        where.append("(o.observed_at, o.seq) > (%s, %s)")
        parts += query.beyond
    if query.bounds is not None:
        west, south, east, north = query.bounds
        where.append("o.x BETWEEN %s AND %s AND o.y BETWEEN %s AND %s")
        parts += [west, east, south, north]
        if query.kinds is not None and not query.kinds & TELEMETRY:
            where.append("o.kind NOT IN ('position', 'crowd', 'occupancy') AND o.place && ST_MakeEnvelope(%s, %s, %s, %s)")
            parts += [west, south, east, north]
    where.append("NOT (o.kind = ANY(%s) AND EXISTS (SELECT 1 FROM segments s WHERE NOT s.cleared AND s.stream = o.stream "
                 "AND o.observed_at >= s.since AND o.observed_at < s.until AND o.seq <= s.upto))")
    return " AND ".join(where), [*parts, _TELEMETRY]
