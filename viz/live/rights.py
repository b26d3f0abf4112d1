"""Who looks at the live picture, what they may see of it, and that it is written down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from twin.guard import Permission, Principal
from viz.guard import current
from viz.live.twin import Live

NOTED_EVERY_S = 60.0
"""Somebody who goes on looking is written down again after so long [s]."""


@dataclass(frozen=True)
class Asker:
    """Somebody who asks: ``grids`` are the ids of all grids in the scope, None for everywhere."""

    principal: Principal
    grids: frozenset[str] | None
    live: Live

    @property
    def name(self) -> str:
        """What the audit calls them."""
        return self.principal.name

    def may(self, permission: Permission) -> bool:
        """Whether the roles permit it."""
        return self.principal.may(permission)

    def note(self, what: str, **about: Any) -> None:
        """Write in the audit what is done or read, before it is."""
        if self.live.audit is not None:
            self.live.audit.write(self.name, what, **about)

    def note_looking(self, what: str, **about: Any) -> None:
        """As :meth:`note`, but at most once in a while for the same look."""
        key, now = (self.name, what, str(sorted(about.items()))), time.monotonic()
        with self.live.looks_lock:
            last = self.live.looks.get(key)
            if last is not None and now - last < NOTED_EVERY_S:
                return
            self.live.looks[key] = now
            for old in [k for k, at in self.live.looks.items() if now - at > 10 * NOTED_EVERY_S]:
                del self.live.looks[old]
        self.note(what, **about)


def asker(live: Live, principal: Principal | None = None) -> Asker:
    """Who asks in this callback or request."""
    who = principal or current()
    return Asker(who, who.scope(live.grids), live)
