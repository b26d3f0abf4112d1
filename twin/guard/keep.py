"""``guard.sqlite``: accounts, sessions and device tokens, beside the log but never in it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twin.errors import BadInput

FILE = "guard.sqlite"
VERSION = 1
SCHEMA = """
create table accounts (
    key text primary key, account text not null, password_hash text, roles text not null, grids text, subject text unique,
    disabled integer not null default 0, created_at real not null, changed_at real not null) strict;
create table sessions (
    token_hash text primary key, key text not null references accounts on delete cascade,
    opened_at real not null, seen_at real not null) strict;
create index sessions_of on sessions (key);
create table devices (
    source text primary key, token_hash text not null unique, kinds text, grids text, created_at real not null) strict;
"""


class Keep:
    """``accounts.key`` is the handle as it is compared, ``accounts.account`` as it was written.

    One connection to the file, shared by the threads of a process; other processes may write too."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        if fresh:
            path.touch(mode=0o600)
        self.path = path
        self._lock = threading.RLock()
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        try:
            self._base.execute("pragma journal_mode = wal")
            self._base.execute("pragma foreign_keys = on")
            with self.change() as base:
                found = base.execute("pragma user_version").fetchone()[0]
                if found == 0:
                    for statement in SCHEMA.strip().split(";\n"):
                        base.execute(statement)
                    base.execute(f"pragma user_version = {VERSION}")
                elif found != VERSION:
                    raise BadInput(f"its layout is number {found}, this Hutong knows {VERSION}", where=str(path),
                                   mend="use the Hutong that wrote it, or a newer one")
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise BadInput(f"this is no file of accounts ({error})", where=str(path),
                           mend="move it away, or restore it") from None

    def rows(self, query: str, *values: object) -> list[tuple]:
        """All rows of a query."""
        with self._lock:
            return self._base.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or nothing."""
        with self._lock:
            self._base.execute("begin immediate")
            try:
                yield self._base
            except BaseException:
                self._base.execute("rollback")
                raise
            self._base.execute("commit")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()
