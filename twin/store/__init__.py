"""The log: one interface; memory, SQLite and PostgreSQL behind it; Parquet segments for old telemetry.

>>> log = open_store("memory:")
>>> log.append([])
Receipt(stored=0, duplicates=0, refused=0)
>>> log.close()
"""

from __future__ import annotations

from pathlib import Path

from twin.errors import BadInput
from twin.store.commit import Pace
from twin.store.log import Log
from twin.store.query import Bounds, Query, Receipt, Refusal, Shed, StoreDown, query
from twin.store.segment import Segment

__all__ = ["Bounds", "Log", "Pace", "Query", "Receipt", "Refusal", "Segment", "Shed", "StoreDown", "open_store", "query"]


def open_store(url: str | Path, *, most_waiting: int = 100_000, read_only: bool = False) -> Log:
    """Open a log, made if it is not there: ``memory:``, ``sqlite:///path`` or a path, ``postgresql://user@host/name``.

    ``most_waiting`` bounds the observations that wait for the disk. A SQLite log has one writing process; others open it
    ``read_only``.
    """
    text = str(url)
    if text == "memory:":
        from twin.store.memory import MemoryTables
        return Log(MemoryTables(), most_waiting=most_waiting)
    if text.startswith(("postgresql://", "postgres://")):
        from twin.store.postgres import PostgresTables
        return Log(PostgresTables(text), most_waiting=most_waiting)
    if "://" in text and not text.startswith("sqlite:///"):
        raise BadInput("a log is memory:, sqlite:///PATH or postgresql://...", where=text.split("://")[0] + "://",
                       mend="give one of these")
    path = Path(text.removeprefix("sqlite:///"))
    if path.is_dir():
        raise BadInput("this is a folder", where=str(path), mend="name a file for the log, such as live.sqlite")
    from twin.store.sqlite import SqliteTables
    return Log(SqliteTables(path, read_only=read_only), most_waiting=most_waiting)
