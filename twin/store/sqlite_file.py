"""The file of a SQLite log: its lock, its connections, and the numbers by which ids are found."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

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


def keys_of(texts: Sequence[str]) -> list[int]:
    """A 62-bit number for every text: the same on every machine and for ever (it is stored).

    Eight bytes at a time go through the finaliser of MurmurHash3 (public domain, A. Appleby), all texts at once.
    """
    data = np.array([text.encode() for text in texts])
    width = -(-data.dtype.itemsize // 8) * 8
    words = data.astype(f"S{width}").view("<u8").reshape(len(texts), -1)
    mixed = np.full(len(texts), 0x9E3779B97F4A7C15, np.uint64)
    for column in words.T:
        # Texts are padded with zeros to the longest of the batch: words of zeros must not change the number.
        step = mixed ^ column
        step = (step ^ (step >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        step = (step ^ (step >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        mixed = np.where(column == 0, mixed, step ^ (step >> np.uint64(33)))
    numbers: list[int] = (mixed >> np.uint64(2)).tolist()
    return numbers
