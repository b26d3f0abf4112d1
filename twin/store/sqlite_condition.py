"""What a query asks for, as SQL for a SQLite log."""

from __future__ import annotations

import sqlite3
from typing import Any

from twin.live.observation import TELEMETRY
from twin.store.query import Query
from twin.store.sqlite_words import Words


def condition(query: Query, words: Words, reader: sqlite3.Connection) -> tuple[str, list[Any]]:
    """The condition on a row ``o`` of the observations, and its values; rows that lie in a segment already are left out."""
    where = ["o.stream = ?"]
    values: list[Any] = [words.number(query.stream)]
    for text, value in (("o.observed_at >= ?", query.since), ("o.observed_at < ?", query.until), ("o.seq > ?", query.after)):
        if value is not None:
            where.append(text)
            values.append(value)
    if query.object is not None:
        where.append("o.object = ?")
        values.append(words.number(query.object))
    if query.kinds is not None:
        where.append(f"o.kind IN ({words.listed(query.kinds)})")
    if query.grids is not None:
        where.append(f"o.grid IN ({words.listed(query.grids)})")
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
        where.append(f"NOT (o.kind IN ({words.listed(TELEMETRY)}) AND EXISTS (SELECT 1 FROM segments s WHERE NOT s.cleared "
                     "AND s.stream = o.stream AND o.observed_at >= s.since AND o.observed_at < s.until AND o.seq <= s.upto))")
    return " AND ".join(where), values
