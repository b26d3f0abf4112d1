"""Moving people over a WebSocket: the newest frame, as soon as the one before has been drawn.

The client sends ``{"t": seconds, "rate": seconds per second, "playing": true}`` whenever its playhead changes, and
the text ``ack`` for each frame that it has drawn. The server keeps the playhead in between, and never has more than
one frame on the way, so a slow client sees fewer frames, not old ones.

A frame is little endian: ``THF1``, flags (uint32: 1 has ids, 2 jump), n (uint32), number (uint32), time of the
positions [s] (float64), wall time until the playhead is there [s] (float32), rate (float32), then xy (n, 2) int16 in
5 cm from the origin, ids (n,) uint32 if flagged, speed (n,) uint8 in 0.02 m/s, state (n,) uint8. While it plays, the
frame that is sent lies just ahead of the playhead, and the client walks everybody there in the stated time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import struct
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from sim.run import Frame, Run
from twin.errors import HutongError
from twin.places import District

MAGIC = b"THF1"
HAS_IDS, JUMP = 1, 2
UNIT = 0.05
SPEED_UNIT = 0.02
UPDATES = 30.0
"""Frames a second at most."""
EARLY = 0.05
"""Wall time that the next frame is sent before the last one is reached, so that nobody stops between two [s]."""
SEEK = 2.5
"""A playhead that is set further off than it would have moved in this wall time is a jump [s]."""
NOT_FOUND, REFUSED = 4404, 1008
"""Codes with which the socket is closed."""


class Source(Protocol):
    """Whatever has people at a time: a recorded run, and later a live district or a drill."""

    def at(self, time_s: float) -> Frame:
        """Everybody on the ground at the last known moment at or before a time."""


class Library(Protocol):
    """What the streams need of :class:`viz.library.Library`."""

    def district(self, name: str) -> District:
        """A district by name."""

    def run(self, name: str) -> Run:
        """A run by name."""

    def scene(self, name: str) -> bytes:
        """The static geometry of a district."""


def frame_bytes(frame: Frame, *, number: int = 0, arrive_s: float = 0.0, rate: float = 1.0, jump: bool = False,
                with_ids: bool = True) -> bytes:
    """Encode one frame; positions beyond 1,638 m from the origin are held at that edge."""
    n = len(frame.xy)
    flags = HAS_IDS * with_ids | JUMP * jump
    head = MAGIC + struct.pack("<IIIdff", flags, n, number, frame.time_s, arrive_s, rate)
    xy = np.clip(np.rint(np.asarray(frame.xy, np.float32) / UNIT), -32768, 32767).astype("<i2")
    speed = np.clip(np.rint(np.asarray(frame.speed, np.float32) / SPEED_UNIT), 0, 255).astype(np.uint8)
    ids = np.asarray(frame.ids).astype("<u4").tobytes() if with_ids else b""
    return b"".join([head, xy.tobytes(), ids, speed.tobytes(), np.asarray(frame.state).astype(np.uint8).tobytes()])


class Playhead:
    """Where the client is in time: it moves by itself while it plays."""

    def __init__(self) -> None:
        self.rate, self.playing = 1.0, False
        self._t, self._since = 0.0, time.monotonic()

    @property
    def now(self) -> float:
        """The time that is shown now [s]."""
        return self._t + (self.rate * (time.monotonic() - self._since) if self.playing else 0.0)

    def set(self, message: dict[str, Any]) -> bool:
        """Take a control message; returns whether it was a jump. Values that make no sense are passed over."""
        before, rate_before = self.now, self.rate
        t, rate = _number(message.get("t")), _number(message.get("rate"))
        self._t, self._since = (before if t is None else max(t, 0.0)), time.monotonic()
        if rate is not None:
            self.rate = min(max(rate, 0.0), 3600.0)
        if isinstance(message.get("playing"), bool):
            self.playing = message["playing"]
        return abs(self._t - before) > SEEK * max(rate_before, self.rate, 1.0)


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


async def until_gone(listening: Coroutine[Any, Any, None], sending: Coroutine[Any, Any, None]) -> None:
    """Listen and send side by side until the client goes."""
    done, rest = await asyncio.wait({asyncio.create_task(listening), asyncio.create_task(sending)},
                                    return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect):
            raise error


async def stirred(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, at most so long; not by ``wait_for``, which on Python 3.11 can swallow the cancellation that
    comes with the end of the connection."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def heard(socket: WebSocket) -> AsyncIterator[dict[str, Any] | None]:
    """What a client says: None when it has drawn what it was sent, else a message; what makes no sense is left out."""
    async for text in socket.iter_text():
        if text == "ack":
            yield None
            continue
        try:
            message = json.loads(text)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


class Player:
    """Plays one source to one socket."""

    def __init__(self, socket: WebSocket, source: Source) -> None:
        self.socket, self.source = socket, source
        self.playhead = Playhead()
        self._drawn = True  # the client has drawn the last frame
        self._jump = True
        self._stir = asyncio.Event()  # a message has come
        self._number = 0
        self._sent: float | None = None  # time of the frame that was sent last

    async def play(self) -> None:
        """Send frames until the client goes."""
        await until_gone(self._listen(), self._send())

    async def _listen(self) -> None:
        async for message in heard(self.socket):
            if message is None:
                self._drawn = True
            else:
                self._jump |= self.playhead.set(message)
            self._stir.set()

    async def _send(self) -> None:
        while True:
            self._stir.clear()
            wait: float | None = None
            if self._drawn:
                wait = await self._send_next()
            if wait is None or wait > 0.001:
                await stirred(self._stir, wait)

    async def _send_next(self) -> float | None:
        """Send the frame that is due, if one is; returns how long to wait for the next one, None for a message."""
        head = self.playhead
        t, moving = head.now, head.playing and head.rate > 0
        # The next whole second ahead, or further where the rate passes several of them between two updates.
        aim = math.floor(t + max(head.rate / UPDATES, EARLY * head.rate)) + 1.0 if moving and not self._jump else t
        if aim == self._sent and not self._jump:
            return max((aim - t) / head.rate - EARLY, 0.005) if moving else None
        jump, self._jump = self._jump, False  # a seek that comes while the frame is read is for the next one
        frame = await asyncio.to_thread(self.source.at, aim)
        if frame.time_s != self._sent or jump:
            arrive = max((frame.time_s - t) / head.rate, 0.0) if moving else 0.0
            self._number += 1
            self._drawn, self._sent = False, frame.time_s
            await self.socket.send_bytes(frame_bytes(frame, number=self._number, arrive_s=arrive, rate=head.rate,
                                                     jump=jump))
            return None
        return 1.0 / UPDATES + 0.5 / max(head.rate, 1.0) if moving else None


def same_origin(socket: WebSocket) -> bool:
    """Whether the page that asks was served from here; programs that are no browsers name no origin."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def serve(socket: WebSocket, source_of: Any) -> None:
    """Check where the caller comes from, open the source (a function, run in a thread) and play it."""
    if not same_origin(socket):
        await socket.close(REFUSED)
        return
    await socket.accept()
    try:
        source: Source = await asyncio.to_thread(source_of)
    except HutongError as error:
        await socket.close(NOT_FOUND, str(error)[:120])
        return
    await Player(socket, source).play()


def add_routes(server: FastAPI, library: Library) -> None:
    """Add ``/ws/run/{run}?seed=`` to an application."""

    @server.websocket("/ws/run/{run}")
    async def play_run(socket: WebSocket, run: str, seed: int | None = None) -> None:
        """Play a recorded run."""
        await serve(socket, lambda: library.run(run).frames(seed))
