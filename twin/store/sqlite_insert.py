"""How rows go into a SQLite log: column by column, in long statements, each id found by a number.

An id is found by a 63-bit number made of it and its stream (:func:`twin.store.sqlite_keys.keys_of`): numbers are far
quicker to index than texts, and rows whose numbers meet by chance move on to the next free one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from twin.live.observation import TELEMETRY
from twin.live.row import Row
from twin.store.sqlite_keys import keys_of
from twin.store.sqlite_words import ROW, Words
from twin.store.tables import CONFLICT, DUPLICATE

_COLUMNS = "seq, key, id, stream, source, kind, object, observed_at, received_at, x, y, accuracy_m, grid, value"
_WIDTH = 14
_SIZES = (500, 100, 20, 4, 1)  # rows of one INSERT: fewer, longer statements let other threads run meanwhile
_INSERT = {size: f"INSERT OR IGNORE INTO observations ({_COLUMNS}) VALUES "
                 + ", ".join(["(" + ", ".join("?" * _WIDTH) + ")"] * size) for size in _SIZES}
_TRIES = 8


def insert_rows(writer: sqlite3.Connection, words: Words, rows: Sequence[Row],
                first: int) -> tuple[list[int], set[tuple[int, int, int]]]:
    """Store rows under the numbers from ``first`` on, within the open transaction.

    Returns for each its seq, or :data:`DUPLICATE`, or :data:`CONFLICT`; and stream, kind and object of all of them by number.
    """
    ids, streams, sources, kinds, objects, observed, received, x, y, accuracy, grids, values, _ = zip(*rows, strict=True)
    places = set(grids)
    places.discard(None)
    number = words.numbers(writer, {*streams, *sources, *kinds, *objects, *places})
    stream, kind, thing = ([number[word] for word in column] for column in (streams, kinds, objects))
    grid = [None if word is None else number[word] for word in grids] if places else grids
    keys = keys_of([f"{one}|{name}" for one, name in zip(streams, ids, strict=True)])
    seqs = range(first, first + len(rows))
    columns = (seqs, keys, ids, stream, [number[word] for word in sources], kind, thing, observed, received, x, y, accuracy, grid,
               values)
    before = writer.total_changes
    _insert_all(writer, columns, len(rows))
    outcomes = list(seqs)
    if writer.total_changes - before != len(rows):
        _explain(writer, words, rows, list(zip(*columns, strict=True)), outcomes)
    if not TELEMETRY.issuperset(kinds):
        placed = [(outcome, r.x, r.x, r.y, r.y) for outcome, r in zip(outcomes, rows, strict=True)
                  if r.x is not None and r.kind not in TELEMETRY and outcome > 0]
        writer.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", placed)
    return outcomes, set(zip(stream, kind, thing, strict=True))


def _insert_all(writer: sqlite3.Connection, columns: tuple[Sequence[Any], ...], number: int) -> None:
    flat = list(chain.from_iterable(zip(*columns, strict=True)))
    start = 0
    for size in _SIZES:
        while number - start >= size:
            writer.execute(_INSERT[size], flat[_WIDTH * start:_WIDTH * (start + size)])
            start += size


def _explain(writer: sqlite3.Connection, words: Words, rows: Sequence[Row], records: list[Any], outcomes: list[int]) -> None:
    """Find out about the rows that were passed over: known already, other content, or numbers that met by chance."""
    first, last = records[0][0], records[-1][0]
    stored = {seq for (seq,) in writer.execute("SELECT seq FROM observations WHERE seq BETWEEN ? AND ?", (first, last))}
    for k, record in enumerate(records):
        if record[0] in stored:
            continue
        for step in range(_TRIES):
            key = record[1] + step
            known = words.rows(writer.execute(f"SELECT {ROW} FROM observations WHERE key = ?", (key,)))
            if not known:
                writer.execute(_INSERT[1], (record[0], key, *record[2:]))
                break
            if (known[0].stream, known[0].id) == (rows[k].stream, rows[k].id):
                outcomes[k] = DUPLICATE if known[0].content == rows[k].content else CONFLICT
                break
