"""Reports to a server that runs already, over HTTP: only one process writes a log, and there it is the server."""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from twin.errors import BadInput
from twin.live.observation import LIVE
from twin.live.report import as_report
from twin.live.row import Row
from twin.store import Receipt, StoreDown

MOST_TOGETHER = 5_000
AGAIN_S = 1.0
GIVE_UP_S = 60.0
"""How long a batch is sent again to a server that took some before."""
_ANSWER_S = 60.0
_LATER = (429, 503)
_OURS = ("kind", "object", "observed_at", "x", "y", "accuracy_m", "value", "id")
TOKEN = "make one with `hutong account token SOURCE --store LOG`, the log that the server has"


class Poster:
    """The door of a running server: takes bodies as an intake does, and rows as a log does.

    What a call returns is durable there. A batch that was not answered is sent again: the same report twice is stored
    once. :attr:`total` is what became of everything, :attr:`reasons` counts what was refused.
    """

    def __init__(self, server: str, token: str, *, stream: str = LIVE, sleep: Callable[[float], None] = time.sleep) -> None:
        self.server = server_address(server)
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise BadInput("there is no token to show", where=self.server, mend=TOKEN)
        self._token, self._sleep = token.strip(), sleep
        self._address = f"{self.server}/api/observations" + ("" if stream == LIVE else f"?stream={quote(stream)}")
        self._met = False
        self.total = Receipt()
        self.reasons: Counter[str] = Counter()

    def take(self, body: bytes, *, source: str = "") -> tuple[Receipt, list[tuple[int, str]]]:  # noqa: ARG002
        """Post a JSON array of reports; returns the receipt, and place and reason of the first that were refused.

        The source is the one that the token is of, whatever ``source`` says. Raises :class:`BadInput` if the server does
        not take it, :class:`StoreDown` if it is gone for too long.
        """
        answer = self._post(body)
        refused = [(int(one["place"]), str(one["reason"])) for one in answer["reasons"]]
        self.reasons.update(reason for _, reason in refused)
        if answer["refused"] > len(refused):
            self.reasons["refused too, the reasons are in the quarantine"] += answer["refused"] - len(refused)
        receipt = Receipt(answer["stored"], answer["duplicates"], answer["refused"])
        self.total += receipt
        return receipt, refused

    def append(self, rows: Sequence[Row], /) -> Receipt:
        """Post rows; their stream, source, grid and time received are for the server to say."""
        total = Receipt()
        for start in range(0, len(rows), MOST_TOGETHER):
            total += self.take(json.dumps([_report(row) for row in rows[start:start + MOST_TOGETHER]]).encode())[0]
        return total

    def _post(self, body: bytes) -> dict[str, Any]:
        packed = gzip.compress(body, 1)
        until = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer = self._ask(packed)
                self._met = True
                return answer
            except _Later as later:
                if not self._met and not later.answered:
                    raise BadInput(f"no server answers ({later})", where=self.server,
                                   mend="start it: `hutong serve --store live.sqlite`") from None
                if time.monotonic() > until:
                    raise StoreDown(f"{self.server} has not taken reports for {GIVE_UP_S:.0f} s ({later}); "
                                    "give the same command again when it does.") from None
            self._sleep(AGAIN_S)

    def _ask(self, packed: bytes) -> dict[str, Any]:
        request = urllib.request.Request(self._address, packed, {
            "Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Content-Encoding": "gzip"})
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            said = sentence_of(error)
            if error.code in _LATER:
                raise _Later(said, answered=True) from None
            mend = TOKEN if error.code == 401 else "look at what is sent, and at what the token may report"
            raise BadInput("the server does not know this token" if error.code == 401 else said.rstrip("."),
                           where=self.server, mend=mend) from None
        except ValueError:
            raise BadInput("this server is not Hutong", where=self.server,
                           mend="give the address that `hutong serve` says") from None
        except (OSError, HTTPException) as error:
            raise _Later(str(getattr(error, "reason", error)), answered=False) from None


class _Later(Exception):
    """Not now: send it again. ``answered`` if the server said so itself."""

    def __init__(self, said: str, *, answered: bool) -> None:
        super().__init__(said)
        self.answered = answered


def server_address(text: str) -> str:
    """The address of a server without a slash at its end; raises :class:`BadInput` if it is none."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{text!r} is no address of a server", where="--server", mend="write it as http://127.0.0.1:8050")
    return text.rstrip("/")


def sentence_of(error: urllib.error.HTTPError) -> str:
    """What a server says is wrong."""
    try:
        return str(json.load(error)["error"])[:300]
    except (ValueError, LookupError, TypeError, OSError):
        return f"the server answers {error.code}"


def _report(row: Row) -> dict[str, Any]:
    told = as_report(row, None)
    return {name: told[name] for name in _OURS if told[name] is not None}
