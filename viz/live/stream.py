"""Live positions over a WebSocket: the newest, as soon as what came before has been drawn.

The client sends ``{"at": seconds since 1970 | null}`` for the moment that it wants to see (null: now) and the text
``ack`` for each frame that it has drawn. The server never has more than one frame on the way, so a slow client sees
fewer frames, not old ones. Frames are described in :mod:`viz.live.positions`. Text messages are JSON: ``{"names": {slot:
call-sign}}`` before the frame that needs them, ``{"stale_s": seconds}`` once, ``{"refused": reason}`` where positions
may not be seen, now or any more: ``operation`` (none is declared), ``rights``, or ``near`` (the own place is unknown).

What a viewer may see is asked anew for every frame, because operations end and rights are taken away.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from fastapi import FastAPI, WebSocket

from twin.guard import Guard, Permission, Principal
from viz.guard import principal_of
from viz.live.export import add_exports
from viz.live.positions import Look, Positions, everywhere, nowhere, within
from viz.live.twin import Live
from viz.stream import REFUSED, heard, same_origin, stirred, until_gone

UPDATES = 4.0
"""Frames a second at most."""
TRAIL_S, TRAIL_STEPS = 30.0, 6
"""The way that leads to a past moment, shown as a trail."""


@dataclass(frozen=True)
class May:
    """What a viewer may see at present: nothing and why, or the grids of ``sees``."""

    sees: Callable[[str | None], bool]
    refused: str = ""
    key: object = None  # equal as long as the scope is the same
    near: tuple[float, float] | None = None  # only what lies near this place, local metres


class Twin(Protocol):
    """What the stream needs of the live twin."""

    positions: Positions
    stale_s: float

    def now(self) -> float:
        """The time of the live picture [s since 1970]."""

    def way_to(self, at_s: float, span_s: float, steps: int) -> list[tuple[float, Positions]]:
        """Positions at several moments that end at ``at_s``, oldest first."""


class Viewer:
    """One socket: which moment it shows, and what it has drawn."""

    def __init__(self, socket: WebSocket, twin: Twin, may: Callable[[], May],
                 read: Callable[[float | None, int], None]) -> None:
        self.socket, self.twin, self.may, self.read = socket, twin, may, read
        self.at: float | None = None
        self._asked = True  # another moment is asked for
        self._drawn = True
        self._due = 0.0
        self._stir = asyncio.Event()
        self._look: Look | None = None
        self._scope: object = None
        self._past: list[tuple[float, Positions]] = []
        self._refused = ""

    async def watch(self) -> None:
        """Send what is new until the client goes."""
        await self.socket.send_text(json.dumps({"stale_s": self.twin.stale_s}))
        await until_gone(self._listen(), self._send())

    async def _listen(self) -> None:
        async for message in heard(self.socket):
            if message is None:
                self._drawn = True
            elif "at" in message:
                at = _moment(message["at"])
                self._asked |= at != self.at
                self.at = at
            self._stir.set()

    async def _send(self) -> None:
        while True:
            self._stir.clear()
            early = self._due - time.monotonic()
            if self._drawn and (early <= 0 or self._asked):
                early = await self._send_next()
                self._due = time.monotonic() + early
            await stirred(self._stir, max(early, 0.001) if self._drawn else 5.0)

    async def _send_next(self) -> float:
        """Send what is due, if anything is; returns how long to wait at least until the next frame [s]."""
        may = self.may()
        if may.refused:
            if may.refused != self._refused:
                await self.socket.send_text(json.dumps({"refused": may.refused}))
            self._refused, self._look, self._asked = may.refused, None, True
            return 1.0
        self._refused = ""
        whole = self._asked or self._look is None or may.key != self._scope
        at = self.at
        if whole:
            self._asked = False
            self._scope = may.key
            self._look = Look(may.sees, number=self._look.number if self._look else 0)
            self._past = [] if at is None else await asyncio.to_thread(self.twin.way_to, at, TRAIL_S, TRAIL_STEPS)
            if self._asked:
                return 0.0
        assert self._look is not None
        self._look.near = may.near
        if at is not None:
            if not self._past:
                return 1.0
            time_s, positions = self._past.pop(0)
        else:
            time_s, positions = self.twin.now(), self.twin.positions
        made = self._look.frame(positions, time_s, live=at is None, whole=whole)
        if made is None:
            return 1.0 / UPDATES
        names, frame, observed = made
        if names:
            await self.socket.send_text(json.dumps({"names": names}, ensure_ascii=False))
        if len(observed):
            await asyncio.to_thread(self.read, at, len(observed))
        self._drawn = False
        await self.socket.send_bytes(frame)
        return 0.0 if self._past else 1.0 / UPDATES


def _moment(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def add_live_routes(server: FastAPI, live: Live, guard: Guard | None = None) -> None:
    """Add ``/ws/live``, the socket of live positions, and what leaves as files to an application.

    Every look at positions is in the audit: when it begins, each past moment that is asked for, and every minute with
    the number of positions that were sent.
    """
    live.audit = guard.audit if guard is not None else None

    @server.websocket("/ws/live")
    async def watch(socket: WebSocket) -> None:
        """Live positions, and those of any moment before."""
        if not same_origin(socket):
            await socket.close(REFUSED)
            return
        await socket.accept()
        book = _Reads(live, socket)
        viewer = Viewer(socket, live, lambda: may_see(live, principal_of(socket), viewer.at), book.read)
        try:
            await viewer.watch()
        finally:
            await asyncio.to_thread(book.write)

    add_exports(server, live)


def may_see(live: Live, principal: Principal, at: float | None) -> May:
    """What a principal may see of positions now, or at a past moment."""
    if live.operation(at) is None:
        return May(nowhere, "operation")
    if principal.may(Permission.POSITIONS_READ):
        scope = principal.scope(live.grids)
        return May(everywhere if scope is None else within(scope), key=scope)
    if principal.may(Permission.POSITIONS_NEAR):
        place = live.positions.place_of(principal.name)
        if place is None:
            return May(nowhere, "near")
        scope = principal.scope(live.grids)
        return May(everywhere if scope is None else within(scope), key=(scope, principal.name), near=place)
    return May(nowhere, "rights")


class _Reads:
    """Counts what one socket was given, and writes it down once a minute and at the end."""

    def __init__(self, live: Live, socket: WebSocket) -> None:
        self._live, self._socket = live, socket
        self._positions, self._since = 0, 0.0
        self._at: float | None = None

    def read(self, at: float | None, positions: int) -> None:
        """Positions are about to be sent."""
        now = time.monotonic()
        if not self._since or at != self._at or now - self._since > 60.0:
            self.write()
            self._at, self._since = at, now
            self._note(positions)
            self._positions = 0
        else:
            self._positions += positions

    def write(self) -> None:
        """Write down what was given since the last line."""
        if self._positions:
            self._note(self._positions)
            self._positions = 0

    def _note(self, positions: int) -> None:
        if self._live.audit is not None:
            who = principal_of(self._socket)
            self._live.audit.write(who.name, "positions.read", positions=positions, scope=who.grids,
                                   at=None if self._at is None else datetime.fromtimestamp(self._at, UTC))
