"""Device tokens: a feed shows one with everything that it reports. It is bound to a source and to kinds."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable

from twin.errors import BadInput
from twin.guard.accounts import unpacked
from twin.guard.keep import Keep
from twin.guard.principal import Principal, device
from twin.guard.sessions import fingerprint

PREFIX = "hutong_"
_SOURCE = re.compile(r"\w[\w:./-]{0,119}")


class Devices:
    """The device tokens in a file."""

    def __init__(self, keep: Keep, now: Callable[[], float] = time.time) -> None:
        self._keep, self._now = keep, now

    def issue(self, source: str, *, kinds: Iterable[str] | None = None, grids: Iterable[str] | None = None) -> str:
        """A new token for a source, shown once; the one that the source had before is worthless from now on."""
        if not _SOURCE.fullmatch(source):
            raise BadInput(f"the source {source!r} cannot be written so", mend="use up to 120 letters, digits and : . / -")
        token = PREFIX + secrets.token_urlsafe(32)
        packed = [None if given is None else json.dumps(sorted(given)) for given in (kinds, grids)]
        with self._keep.change() as base:
            base.execute("insert or replace into devices values (?, ?, ?, ?, ?)",
                         (source, fingerprint(token), *packed, self._now()))
        return token

    def find(self, token: str) -> Principal | None:
        """Who shows this token."""
        rows = self._keep.rows("select source, kinds, grids from devices where token_hash = ?", fingerprint(token))
        return device(rows[0][0], unpacked(rows[0][1]), unpacked(rows[0][2])) if rows else None

    def revoke(self, source: str) -> None:
        """Make the token of a source worthless."""
        with self._keep.change() as base:
            if not base.execute("delete from devices where source = ?", (source,)).rowcount:
                raise BadInput(f"the source {source!r} has no token", mend="`hutong account list` shows those that have")

    def all(self) -> list[Principal]:
        """Everyone who has a token, by source."""
        return [device(source, unpacked(kinds), unpacked(grids)) for source, kinds, grids in
                self._keep.rows("select source, kinds, grids from devices order by source")]
