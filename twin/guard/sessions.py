"""Sessions: a random token in the browser, its hash here. They end when idle, when old, and when told to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from twin.guard.accounts import Account, Accounts, normal
from twin.guard.keep import Keep
from twin.guard.principal import Principal

IDLE_S = 3600.0
"""A session ends when nothing was asked for this long [s]."""
LONGEST_S = 12 * 3600.0
"""A session ends this long after it was opened, a shift, whatever was asked [s]."""
_TOUCH_S = 30.0  # `seen_at` is written this often at most


@dataclass(frozen=True)
class Session:
    """An open session."""

    principal: Principal
    ends_s: float
    """Seconds until it ends if nothing more is asked."""


class Sessions:
    """The sessions in a file; ``now`` is a clock in seconds, for tests."""

    def __init__(self, keep: Keep, accounts: Accounts, now: Callable[[], float] = time.time, *,
                 idle_s: float = IDLE_S, longest_s: float = LONGEST_S) -> None:
        self._keep, self._accounts, self._now = keep, accounts, now
        self.idle_s, self.longest_s = idle_s, longest_s

    def open(self, account: str, *, instead_of: str | None = None) -> str:
        """Open a session and return its token, which is never kept; the session that the browser had before ends."""
        token, now = secrets.token_urlsafe(32), self._now()
        with self._keep.change() as base:
            base.execute("delete from sessions where seen_at < ? or opened_at < ?", (now - self.idle_s, now - self.longest_s))
            if instead_of is not None:
                base.execute("delete from sessions where token_hash = ?", (fingerprint(instead_of),))
            base.execute("insert into sessions values (?, ?, ?, ?)", (fingerprint(token), normal(account), now, now))
        return token

    def find(self, token: str, *, touch: bool = True) -> Session | None:
        """The session of a token: None if it is unknown, idle, too old, or its account is disabled. Roles and scope are
        those of the account at this moment."""
        rows = self._keep.rows("select key, opened_at, seen_at from sessions where token_hash = ?", fingerprint(token))
        if not rows:
            return None
        account, opened, seen = rows[0]
        now = self._now()
        ends = min(seen + self.idle_s, opened + self.longest_s)
        found: Account | None = self._accounts.find(account)
        if now >= ends or found is None or found.disabled:
            self.close(token)
            return None
        if touch and now - seen >= min(_TOUCH_S, self.idle_s / 10):
            with self._keep.change() as base:
                base.execute("update sessions set seen_at = ? where token_hash = ?", (now, fingerprint(token)))
            ends = min(now + self.idle_s, opened + self.longest_s)
        return Session(found.principal, ends - now)

    def close(self, token: str) -> None:
        """End a session."""
        with self._keep.change() as base:
            base.execute("delete from sessions where token_hash = ?", (fingerprint(token),))

    def count(self) -> int:
        """How many are kept."""
        return int(self._keep.rows("select count(*) from sessions")[0][0])


def fingerprint(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so one fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def echo(token: str) -> str:
    """What a page has to say back with everything that changes something: bound to the session, of no use without it."""
    return hmac.new(token.encode(), b"hutong echo", hashlib.sha256).hexdigest()


def echoes(token: str, said: str) -> bool:
    """Whether this is what the page was given."""
    return hmac.compare_digest(echo(token).encode(), said.encode())
