"""Accounts: a handle or call-sign on shift, never a person's data; passwords are kept as argon2id."""

from __future__ import annotations

import json
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from twin.errors import BadInput
from twin.guard.keep import Keep
from twin.guard.permissions import Role
from twin.guard.principal import Principal

SHORTEST, LONGEST = 12, 256
"""Length of a password in characters."""
_HANDLE = re.compile(r"\w[\w.-]{0,63}")


@dataclass(frozen=True)
class Account:
    """An account as it stands now."""

    account: str
    roles: frozenset[str]
    grids: frozenset[str] | None
    disabled: bool
    has_password: bool
    subject: str | None

    @property
    def principal(self) -> Principal:
        """Who this account is to the guard."""
        return Principal(self.account, self.roles, self.grids)


class Accounts:
    """The accounts in a file; ``now`` is a clock in seconds, for tests."""

    def __init__(self, keep: Keep, now: Callable[[], float] = time.time, hasher: PasswordHasher | None = None) -> None:
        self._keep, self._now = keep, now
        self._hasher = hasher or PasswordHasher()
        # Checked in place of an account that is not there, so that the answer takes as long.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def add(self, account: str, roles: Iterable[str], *, password: str | None = None,
            grids: Iterable[str] | None = (), subject: str | None = None) -> Account:
        """Add an account. ``grids`` are the roots of its scope (None is everything); ``subject`` is who it is at the
        OIDC provider. Without a password it can only come from there."""
        handle = unicodedata.normalize("NFKC", account).strip()
        if not _HANDLE.fullmatch(handle):
            raise BadInput(f"the account {account!r} cannot be written so", mend="use up to 64 letters, digits, dots and dashes")
        if self.find(handle) is not None:
            raise BadInput(f"there is an account {handle!r} already", mend="choose another handle")
        if subject is not None and self.by_subject(subject) is not None:
            raise BadInput("another account has this subject", where=handle, mend="give each account its own")
        now = self._now()
        hashed = None if password is None else self._hash(password)
        with self._keep.change() as base:
            base.execute("insert into accounts values (?, ?, ?, ?, ?, ?, 0, ?, ?)",
                         (normal(handle), handle, hashed, _packed(known(roles)), _packed(grids), subject, now, now))
        return self.get(handle)

    def all(self) -> list[Account]:
        """Every account, by handle."""
        return [_account(row) for row in self._keep.rows(f"{_SELECT} order by key")]

    def find(self, account: str) -> Account | None:
        """An account, or None."""
        rows = self._keep.rows(f"{_SELECT} where key = ?", normal(account))
        return _account(rows[0]) if rows else None

    def get(self, account: str) -> Account:
        """An account; raises BadInput where there is none."""
        found = self.find(account)
        if found is None:
            raise BadInput(f"there is no account {account!r}", mend="`hutong account list` shows them")
        return found

    def by_subject(self, subject: str) -> Account | None:
        """The account of somebody whom the OIDC provider vouches for."""
        rows = self._keep.rows(f"{_SELECT} where subject = ?", subject)
        return _account(rows[0]) if rows else None

    def verify(self, account: str, password: str) -> Account | None:
        """The account if the password is right and it is not disabled. Takes as long for an account that is not there."""
        rows = self._keep.rows("select password_hash, disabled from accounts where key = ?", normal(account))
        hashed, disabled = rows[0] if rows else (None, 1)
        try:
            self._hasher.verify(hashed or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        if hashed is None or disabled:
            return None
        if self._hasher.check_needs_rehash(hashed):
            self._set(account, "password_hash", self._hasher.hash(password))
        return self.get(account)

    def set_password(self, account: str, password: str) -> None:
        """Change the password; every session of the account ends."""
        self._set(self.get(account).account, "password_hash", self._hash(password), end_sessions=True)

    def set_roles(self, account: str, roles: Iterable[str]) -> None:
        """Change the roles; every session of the account ends."""
        changed = known(roles)
        was = self.get(account)
        if Role.ADMIN in was.roles and Role.ADMIN not in changed:
            self._keep_an_admin(was.account)
        self._set(was.account, "roles", _packed(changed), end_sessions=True)

    def set_grids(self, account: str, grids: Iterable[str] | None) -> None:
        """Change the scope; every session of the account ends."""
        self._set(self.get(account).account, "grids", _packed(grids), end_sessions=True)

    def disable(self, account: str, disabled: bool = True) -> None:
        """Let nobody in with this account any more (or again); every session of it ends."""
        was = self.get(account)
        if disabled and Role.ADMIN in was.roles:
            self._keep_an_admin(was.account)
        self._set(was.account, "disabled", int(disabled), end_sessions=True)

    def _keep_an_admin(self, leaving: str) -> None:
        if not any(Role.ADMIN in a.roles and not a.disabled and a.account != leaving for a in self.all()):
            raise BadInput("this is the last admin", where=leaving, mend="make somebody else admin first")

    def _set(self, account: str, column: str, value: object, *, end_sessions: bool = False) -> None:
        with self._keep.change() as base:
            base.execute(f"update accounts set {column} = ?, changed_at = ? where key = ?",
                         (value, self._now(), normal(account)))
            if end_sessions:
                base.execute("delete from sessions where key = ?", (normal(account),))

    def _hash(self, password: str) -> str:
        if not SHORTEST <= len(password) <= LONGEST:
            raise BadInput(f"a password has {SHORTEST} to {LONGEST} characters, this has {len(password)}",
                           mend="take four words, or let Hutong make one")
        return self._hasher.hash(password)


def make_password() -> str:
    """A password that nobody guesses: 120 bits in groups that can be read out."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))


def normal(account: str) -> str:
    """A handle as it is compared: P-1 and p-1 are the same account."""
    return unicodedata.normalize("NFKC", account).casefold().strip()


def known(roles: Iterable[str]) -> frozenset[str]:
    """The roles, if there are such."""
    wanted = frozenset(roles)
    for role in sorted(wanted):
        if role not in set(Role):
            raise BadInput(f"there is no role {role!r}", mend=f"choose among {', '.join(Role)}")
    if not wanted:
        raise BadInput("an account needs a role", mend=f"choose among {', '.join(Role)}")
    return wanted


_SELECT = "select account, roles, grids, disabled, password_hash is not null, subject from accounts"


def _account(row: tuple) -> Account:
    account, roles, grids, disabled, has_password, subject = row
    return Account(account, frozenset(json.loads(roles)), unpacked(grids), bool(disabled), bool(has_password), subject)


def _packed(values: Iterable[str] | None) -> str | None:
    return None if values is None else json.dumps(sorted(values), ensure_ascii=False)


def unpacked(text: str | None) -> frozenset[str] | None:
    """A set as it is kept in a column; NULL is everything."""
    return None if text is None else frozenset(json.loads(text))
