"""Who may see what: accounts, sessions, roles, scope by grid, device tokens, and the audit of what was seen.

Nothing here knows the web: ``viz.guard`` asks it about every request and every socket.

>>> from twin.guard import Permission, Principal, Role
>>> commander = Principal("c1", frozenset({Role.COMMANDER}), frozenset({"sub-1"}))
>>> commander.may(Permission.POSITIONS_READ), commander.may(Permission.ACCOUNTS_WRITE)
(True, False)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher

from twin.guard.accounts import Account, Accounts, make_password
from twin.guard.audit import Audit, Entry, Finding
from twin.guard.devices import Devices
from twin.guard.keep import FILE, Keep
from twin.guard.limits import Rate
from twin.guard.permissions import DEVICE, TABLE, Permission, Role, permitted
from twin.guard.principal import LOCAL, NOBODY, Principal
from twin.guard.scope import Grids
from twin.guard.sessions import IDLE_S, LONGEST_S, Session, Sessions

FIRST_ACCOUNT = "admin"


class Guard:
    """Accounts, sessions, device tokens and the audit in one folder (``guard.sqlite``, ``audit.jsonl``)."""

    def __init__(self, folder: str | Path, *, now: Callable[[], float] = time.time, idle_s: float = IDLE_S,
                 longest_s: float = LONGEST_S, hasher: PasswordHasher | None = None) -> None:
        self.folder = Path(folder)
        self._keep = Keep(self.folder / FILE)
        self.accounts = Accounts(self._keep, now, hasher)
        self.sessions = Sessions(self._keep, self.accounts, now, idle_s=idle_s, longest_s=longest_s)
        self.devices = Devices(self._keep, now)
        self.audit = Audit(self.folder, lambda: datetime.fromtimestamp(now(), UTC))

    @staticmethod
    def stands_in(folder: str | Path) -> bool:
        """Whether a folder has accounts."""
        return (Path(folder) / FILE).is_file()

    def first_start(self) -> str | None:
        """Make the account ``admin`` if there is none at all, and return its password, which is kept nowhere."""
        if self.accounts.all():
            return None
        password = make_password()
        self.accounts.add(FIRST_ACCOUNT, {Role.ADMIN}, password=password, grids=None)
        self.audit.write("first start", "account.add", account=FIRST_ACCOUNT, roles=[Role.ADMIN])
        return password

    def close(self) -> None:
        """Close the files."""
        self._keep.close()


__all__ = [
    "DEVICE", "LOCAL", "NOBODY", "TABLE", "Account", "Accounts", "Audit", "Devices", "Entry", "Finding", "Grids", "Guard",
    "Permission", "Principal", "Rate", "Role", "Session", "Sessions", "make_password", "permitted",
]
