"""Live streams over RTSP: read in a thread of its own, opened again when they die, never waited for.

Only the newest frame is kept. A stream that dies is tried again after 0.5, 1, 2 and then every 2.5 seconds; the first
frame after that carries ``gap``. It never takes the process with it.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import cv2
import numpy as np

from twin.camera.source import Frame
from twin.errors import BadInput

_BACK_OFF_S = (0.5, 1.0, 2.0, 2.5)
_ANSWER_S = 4.0
_QUIET_S = 2.0
"""A stream that gives no frame for so long has died."""


@dataclass(frozen=True)
class StreamEvent:
    """The stream was ``lost`` or is ``back``, at seconds since the first frame."""

    what: Literal["lost", "back"]
    time_s: float


@dataclass
class Stream:
    """A live stream. ``rate`` is what it says, or what it is told; frames are numbered by the clock, so lost ones leave gaps."""

    url: str
    rate: float
    size: tuple[int, int]
    live: bool = True
    truncated: bool = False
    events: list[StreamEvent] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, url: str, rate: float | None = None) -> Stream:
        """Open a stream; raises :class:`BadInput` where nobody answers, the credentials are wrong, or no frame comes."""
        parts = urlsplit(url)
        shown = without_credentials(parts)
        if parts.scheme not in ("rtsp", "rtsps"):
            raise BadInput(f"a stream of the kind {parts.scheme}:// cannot be read", where=shown,
                           mend="give an rtsp:// address, a file or a folder")
        if parts.scheme == "rtsp":
            ask(parts)
        capture = _capture(url)
        good, first = capture.read() if capture is not None else (False, None)
        stated = float(capture.get(cv2.CAP_PROP_FPS)) if capture is not None else 0.0
        if capture is not None:
            capture.release()
        if not good or first is None:
            raise BadInput("this stream gives no frames", where=shown, mend="check its path and that it carries video")
        known = rate or (stated if 0.5 <= stated <= 120 else 25.0)
        return cls(url, known, (first.shape[1], first.shape[0]))

    def close(self) -> None:
        """End the stream: :meth:`frames` comes to its end."""
        self._stop.set()

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, the newest each time, until :meth:`close`."""
        newest: list[tuple[float, np.ndarray, bool]] = []
        fresh = threading.Condition()
        reader = threading.Thread(target=self._read, args=(newest, fresh), name="camera-stream", daemon=True)
        reader.start()
        began: float | None = None
        last = -1
        try:
            while not self._stop.is_set():
                with fresh:
                    if not newest and not fresh.wait(0.25):
                        continue
                    if not newest:
                        continue
                    at, picture, gap = newest.pop()
                began = at if began is None else began
                number = round((at - began) * self.rate)
                if number <= last:
                    number = last + 1
                last = number
                yield Frame(number, number / self.rate, np.asarray(picture, np.uint8), gap)
        finally:
            self._stop.set()
            reader.join(timeout=_ANSWER_S + 2)

    def _read(self, newest: list[tuple[float, np.ndarray, bool]], fresh: threading.Condition) -> None:
        """Read until the end; what goes wrong is a stream that has died."""
        began, tries, gap = time.monotonic(), 0, False
        while not self._stop.is_set():
            capture = _capture(self.url)
            if capture is not None:
                got = False
                while not self._stop.is_set():
                    good, picture = capture.read()
                    if not good or picture is None or (picture.shape[1], picture.shape[0]) != self.size:
                        break
                    if gap and not got:
                        self.events.append(StreamEvent("back", time.monotonic() - began))
                    with fresh:
                        gap = gap or bool(newest and newest[-1][2])  # a mark that nobody has seen yet is kept
                        newest[:] = [(time.monotonic(), picture, gap)]
                        fresh.notify()
                    got, gap, tries = True, False, 0
                capture.release()
                if got:
                    self.events.append(StreamEvent("lost", time.monotonic() - began))
            gap = True
            self._stop.wait(_BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)])
            tries += 1


def ask(parts: SplitResult) -> None:
    """Ask a server for the stream's description; raises :class:`BadInput` with what is wrong."""
    shown = without_credentials(parts)
    host, port = parts.hostname, parts.port or 554
    if not host:
        raise BadInput("this address has no host", where=shown, mend="write it like rtsp://HOST:554/PATH")
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S) as line:
            line.settimeout(_ANSWER_S)
            status, challenge = _described(line, shown, 1, None)
            if status == 401:
                if parts.username is None:
                    raise BadInput("this stream asks for a name and a password", where=shown,
                                   mend="write them into the address: rtsp://NAME:PASSWORD@HOST/PATH")
                status, _ = _described(line, shown, 2, _answer(challenge, parts, shown))
    except (OSError, TimeoutError):
        raise BadInput("nobody answers at this address", where=shown, mend="check host, port and network") from None
    if status in (401, 403):
        raise BadInput("the name or the password of this stream is wrong", where=shown, mend="check them")
    if status == 404:
        raise BadInput("there is no such stream on this server", where=shown, mend="check the path")
    if status >= 400:
        raise BadInput(f"the server refuses this stream (status {status})", where=shown, mend="check the address")


def without_credentials(parts: SplitResult) -> str:
    """An address as it may be shown."""
    place = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{place}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _described(line: socket.socket, url: str, number: int, authorization: str | None) -> tuple[int, str]:
    asked = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\nUser-Agent: hutong\r\n"
    line.sendall((asked + (f"Authorization: {authorization}\r\n" if authorization else "") + "\r\n").encode())
    heard = b""
    while b"\r\n\r\n" not in heard and len(heard) < 65536:
        more = line.recv(4096)
        if not more:
            break
        heard += more
    head = heard.split(b"\r\n\r\n")[0].decode("latin-1")
    status = re.match(r"RTSP/1\.\d (\d{3})", head)
    if status is None:
        raise OSError("no RTSP")
    challenges = re.findall(r"(?im)^WWW-Authenticate:\s*(.+)$", head)
    digest = [c for c in challenges if c.lower().startswith("digest")]
    return int(status[1]), (digest or challenges or [""])[0].strip()


def _answer(challenge: str, parts: SplitResult, url: str) -> str:
    """What answers a server's challenge, Basic or Digest (RFC 2617)."""
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not challenge.lower().startswith("digest"):
        return "Basic " + b64encode(f"{name}:{password}".encode()).decode()
    said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    who = md5(":".join([name, said.get("realm", ""), password]))
    response = md5(":".join([who, said.get("nonce", ""), md5(f"DESCRIBE:{url}")]))
    return (f'Digest username="{name}", realm="{said.get("realm", "")}", nonce="{said.get("nonce", "")}", uri="{url}", '
            f'response="{response}"')


def _capture(url: str) -> cv2.VideoCapture | None:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # a dead stream is reported once, by us
    with _options("rtsp_transport;tcp|analyzeduration;1000000|fflags;nobuffer"):
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(1000 * _ANSWER_S),
                                                         cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(1000 * _QUIET_S)])
    if capture.isOpened():
        return capture
    capture.release()
    return None


@contextmanager
def _options(options: str) -> Iterator[None]:
    """Options of FFmpeg for what is opened in here; OpenCV takes them from the environment alone. A file that is opened
    with those of a stream loses frames."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    before = os.environ.get(name)
    os.environ.setdefault(name, options)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
