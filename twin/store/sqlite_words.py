"""Words of a SQLite log that repeat: numbers in the rows, and once each in the table ``words``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from twin.live.row import Row
from twin.store.query import StoreDown

ROW = "id, stream, source, kind, object, observed_at, received_at, x, y, accuracy_m, grid, value, seq"
"""The columns from which a row is read."""


class Words:
    """Streams, sources, kinds, objects and grids by number, and the other way round. ``where`` names the log in errors."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Learn what has been added since the last time."""
        newest = max(self._texts, default=0)
        found = connection.execute("SELECT number, word FROM words WHERE number > ?", (newest,)).fetchall()
        self._texts.update(found)
        self._numbers.update((word, number) for number, word in found)

    def forget(self) -> None:
        """Know nothing: what was added last was not stored."""
        self._numbers.clear()
        self._texts.clear()

    def numbers(self, writer: sqlite3.Connection, words: set[str]) -> dict[str, int]:
        """Numbers of words, new ones added."""
        fresh = sorted(words - self._numbers.keys())
        if fresh:
            writer.executemany("INSERT OR IGNORE INTO words (word) VALUES (?)", [(word,) for word in fresh])
            self.load(writer)
        return self._numbers

    def number(self, word: str) -> int:
        """Number of a word, -1 if no row has it."""
        return self._numbers.get(word, -1)

    def text(self, number: int) -> str:
        """The word of a number."""
        return self._texts[number]

    def listed(self, words: Iterable[str]) -> str:
        """Numbers of words for ``IN (...)``."""
        return ", ".join(str(self.number(word)) for word in sorted(words)) or "-1"

    def rows(self, found: Iterable[tuple[Any, ...]]) -> list[Row]:
        """What was read as :data:`ROW`, as rows."""
        texts = self._texts
        try:
            return [Row(r[0], texts[r[1]], texts[r[2]], texts[r[3]], texts[r[4]], r[5], r[6], r[7], r[8], r[9],
                        None if r[10] is None else texts[r[10]], r[11], r[12]) for r in found]
        except KeyError as error:
            raise StoreDown(f"{self._where}: the word {error} is missing; restore the log from a backup.") from error
