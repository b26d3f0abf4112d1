"""What a log needs of a database: few verbs, three implementations (memory, SQLite, PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twin.live.operation import Operation
from twin.live.row import Row
from twin.store.query import Query, Refusal
from twin.store.segment import Segment

DUPLICATE, CONFLICT = 0, -1


@dataclass(frozen=True, slots=True)
class Selected:
    """Rows of the table that a query takes, and the segments that may hold more; both of one moment."""

    rows: list[Row]
    segments: list[Segment]


class Tables(Protocol):
    """A database. One thread writes (everything but the reading verbs); any thread reads."""

    where: str

    def insert(self, rows: Sequence[Row]) -> list[int]:
        """Store rows in one transaction, durable on return. For each its seq, or :data:`DUPLICATE`, or :data:`CONFLICT`."""

    def select(self, query: Query) -> Selected:
        """Rows in the order of the query; those that a segment holds already are left out."""

    def latest(self, query: Query) -> Selected:
        """The newest row of every kind and object within the query."""

    def delete(self, before: int, kinds: frozenset[str] | None, stream: str | None) -> int:
        """Delete rows observed before a moment [us]; returns how many."""

    def streams(self) -> list[str]:
        """Names of the streams that were ever written."""

    def put_state(self, stream: str, at: int, state: bytes) -> None:
        """Keep a snapshot."""

    def state(self, stream: str, at: int) -> tuple[int, bytes] | None:
        """The newest snapshot at or before a moment, with its moment."""

    def newest_state(self, stream: str) -> int | None:
        """Moment of the newest snapshot."""

    def drop_states(self, stream: str | None, since: int | None) -> None:
        """Forget snapshots of a stream (of all streams) from a moment on (all of them)."""

    def put_segment(self, segment: Segment, data: bytes) -> None:
        """Keep a segment, or put another in the place of one with the same name; durable on return."""

    def clear(self, segment: Segment, most: int) -> int:
        """Delete rows of the table that a segment holds, at most so many; marks it cleared when none is left."""

    def segments(self) -> list[Segment]:
        """All segments, by stream and time."""

    def segment_data(self, name: str) -> bytes:
        """The Parquet file of a segment; raises :class:`KeyError` if it is gone."""

    def drop_segment(self, name: str) -> None:
        """Delete a segment."""

    def put_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Keep what was not taken in."""

    def refusals(self, after: int, limit: int) -> list[Refusal]:
        """What was not taken in, in order."""

    def drop_refusals(self, before: int) -> int:
        """Forget what was refused before a moment [us]."""

    def put_operation(self, operation: Operation) -> None:
        """Declare an operation, or change it."""

    def operations(self) -> list[Operation]:
        """All operations."""

    def backup(self, folder: Path) -> None:
        """Write a copy of everything into an empty folder."""

    def backups(self) -> list[Path]:
        """Folders of the copies that were made."""

    def close(self) -> None:
        """Let go of the database."""
