"""The file of a SQLite log: its lock and its connections."""

from __future__ import annotations

import fcntl
import sqlite3
from pathlib import Path
from typing import IO

from twin.errors import BadInput

CHECKPOINT_PAGES = 16_000
"""Pages (of 4 KiB) that are written ahead before they go into the file itself. A commit touches index pages all over
the file: the more commits a checkpoint waits for, the fewer times a page is written (1,000: every commit waits for one)."""


def hold(path: Path) -> IO[str]:
    """Hold the lock of a log for as long as the file that is returned stays open; a process that dies lets go of it."""
    lock = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise BadInput("another process writes this log", where=str(path),
                       mend="if it is `hutong serve`, report to it with `hutong feed ... --server http://127.0.0.1:8050 "
                            "--token TOKEN` (`hutong account token SOURCE` makes one); else stop it") from None
    return lock


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection; one that writes commits to the disk (``synchronous = FULL``) and overwrites what is deleted."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}", uri=True, isolation_level=None,
                                 check_same_thread=False, timeout=5.0, cached_statements=64)
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute("PRAGMA cache_size = -65536")
    return connection
