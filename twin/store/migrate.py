"""Schemas of the log, one after the other: what is stored stays when the schema goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from twin.errors import BadInput
from twin.store.sqlite_keys import keys_of

Step = str | Callable[[sqlite3.Connection], None]
_AT_ONCE = 50_000


def _rekey(connection: sqlite3.Connection) -> None:
    """Give ids that end in a time the numbers that begin with it; those that meet move on to the next free one."""
    connection.execute("DROP INDEX observations_key")
    last = 0
    while found := connection.execute("SELECT seq, word || '|' || id FROM observations JOIN words ON number = stream "
                                      "WHERE seq > ? ORDER BY seq LIMIT ?", (last, _AT_ONCE)).fetchall():
        keys = keys_of([text for _, text in found])
        connection.executemany("UPDATE observations SET key = ? WHERE seq = ?",
                               [(key, seq) for key, (seq, _) in zip(keys, found, strict=True)])
        last = found[-1][0]
    connection.execute("CREATE INDEX observations_key ON observations (key)")
    while connection.execute("UPDATE observations SET key = key + 1 WHERE seq IN (SELECT max(seq) FROM observations "
                             "GROUP BY key HAVING count(*) > 1)").rowcount:
        pass
    connection.execute("DROP INDEX observations_key")
    connection.execute("CREATE UNIQUE INDEX observations_key ON observations (key)")


SQLITE: tuple[tuple[Step, ...], ...] = (
    (  # 1: rows, words, segments, snapshots, quarantine
        "CREATE TABLE words (number INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",
        """CREATE TABLE observations (
            seq INTEGER PRIMARY KEY, key INTEGER NOT NULL, id TEXT NOT NULL, stream INTEGER NOT NULL,
            source INTEGER NOT NULL, kind INTEGER NOT NULL, object INTEGER NOT NULL, observed_at INTEGER NOT NULL,
            received_at INTEGER NOT NULL, x REAL, y REAL, accuracy_m REAL, grid INTEGER, value TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX observations_key ON observations (key)",
        "CREATE INDEX observations_time ON observations (stream, observed_at)",
        "CREATE INDEX observations_object ON observations (object, kind, stream, observed_at)",
        "CREATE TABLE segments (name TEXT PRIMARY KEY, stream INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, "
        "first INTEGER NOT NULL, upto INTEGER NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL, cleared INTEGER NOT NULL)",
        "CREATE TABLE states (stream INTEGER NOT NULL, at INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (stream, at))",
        "CREATE TABLE quarantine (seq INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, stream TEXT NOT NULL, "
        "source TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL)",
    ),
    (  # 2: objects of every stream, places of what is not telemetry, operations, backups, the counter, the readable view
        "CREATE TABLE objects (stream INTEGER, kind INTEGER, object INTEGER, PRIMARY KEY (stream, kind, object)) WITHOUT ROWID",
        "INSERT INTO objects SELECT DISTINCT stream, kind, object FROM observations",
        "CREATE VIRTUAL TABLE places USING rtree (seq, west, east, south, north)",
        "INSERT INTO places SELECT seq, x, x, y, y FROM observations WHERE x IS NOT NULL AND kind NOT IN "
        "(SELECT number FROM words WHERE word IN ('position', 'crowd', 'occupancy'))",
        "CREATE TABLE operations (id TEXT PRIMARY KEY, start INTEGER NOT NULL, declared TEXT NOT NULL)",
        "CREATE TABLE backups (folder TEXT PRIMARY KEY, made_at INTEGER NOT NULL)",
        "CREATE TABLE counter (last INTEGER NOT NULL)",
        "INSERT INTO counter SELECT max(coalesce((SELECT max(seq) FROM observations), 0), "
        "coalesce((SELECT max(upto) FROM segments), 0))",
        """CREATE VIEW log AS SELECT o.seq, o.id, stream.word AS stream, source.word AS source, kind.word AS kind,
            object.word AS object, strftime('%Y-%m-%dT%H:%M:%fZ', o.observed_at / 1e6, 'unixepoch') AS observed_at,
            strftime('%Y-%m-%dT%H:%M:%fZ', o.received_at / 1e6, 'unixepoch') AS received_at, o.x, o.y, o.accuracy_m,
            "grid".word AS "grid", o.value
            FROM observations o JOIN words stream ON stream.number = o.stream JOIN words source ON source.number = o.source
            JOIN words kind ON kind.number = o.kind JOIN words object ON object.number = o.object
            LEFT JOIN words "grid" ON "grid".number = o.grid""",
    ),
    (_rekey,),  # 3: numbers of ids that end in a time begin with it
)


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[Step]], *, where: str, known: int = 0) -> None:
    """Bring a SQLite file to the newest schema, one transaction a step; the version is its ``user_version``.

    ``known`` is the newest version that can be read, where there is nothing to be changed (``steps`` is empty).
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > max(len(steps), known):
        raise BadInput(f"this log has schema {version}, this Hutong knows {max(len(steps), known)}", where=where,
                       mend="update Hutong")
    if not steps and version < known:
        raise BadInput(f"this log has the old schema {version}", where=where, mend="open it once for writing")
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise BadInput("this is the database of another program", where=where, mend="name another file for the log")
    for number, statements in enumerate(steps[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            if callable(statement):
                statement(connection)
            else:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
