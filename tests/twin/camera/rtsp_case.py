"""A street camera on loopback: the RTSP server of ``aio-rtsp-toolkit`` serves a moving picture, and can be cut.

The toolkit does the talking, the packets and the pace. Two things are ours because it has neither: it serves anybody, so a
name and a password (Basic) are asked for here, before it hears a request; and it only stops listening when it closes, so
the lines that are open are broken here.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from pathlib import Path

import aio_sockets as aio
import av
import cv2
import numpy as np
from aio_rtsp_toolkit.server import RtspServer
from aio_rtsp_toolkit.server_session import RtspServerSession

LOOP_S = 4
"""The picture begins again after so long."""


class StreetServer:
    """Serves one moving picture (320 x 240) at ``rate`` a second, again and again; always on the port it first had."""

    def __init__(self, folder: Path, rate: int = 10, credentials: tuple[str, str] | None = None) -> None:
        self.credentials = credentials
        self.port = 0
        self._folder = folder
        _film(folder / "street.mp4", rate)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/street.mp4/play_count_0"

    def start(self) -> StreetServer:
        up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(up)), name="street-server", daemon=True)
        self._thread.start()
        assert up.wait(10)
        return self

    def cut(self) -> None:
        """Go away: nobody listens any more and every line is broken."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._gone.set)
            self._thread.join(10)
            assert not self._thread.is_alive()
            self._thread = None

    async def _serve(self, up: threading.Event) -> None:
        self._loop, self._gone = asyncio.get_running_loop(), asyncio.Event()
        serving = _Serving(self._folder, self.port, self.credentials)
        await serving.start()
        self.port = serving.listening_at()
        up.set()
        await self._gone.wait()
        await serving.go()


class _Serving(RtspServer):
    """The toolkit's server, which keeps its lines and hands each to a session that may ask who is there."""

    def __init__(self, folder: Path, port: int, credentials: tuple[str, str] | None) -> None:
        super().__init__(str(folder), host="127.0.0.1", port=port)
        self.logger = logging.getLogger("street-server")
        self._wanted = None if credentials is None else "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
        self._talks: dict[asyncio.Task, aio.TCPSocket] = {}

    def listening_at(self) -> int:
        return self._server.sockets[0].getsockname()[1]

    async def go(self) -> None:
        for line in self._talks.values():
            line.writer.transport.abort()
        await self.close()
        if self._talks:
            await asyncio.wait(self._talks, timeout=5)

    async def _handle_client(self, sock: aio.TCPSocket) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks[talk] = sock
        await _Session(self, sock, self._wanted).run()


class _Session(RtspServerSession):
    def __init__(self, server: RtspServer, sock: aio.TCPSocket, wanted: str | None) -> None:
        super().__init__(server, sock)
        self._wanted = wanted

    async def _read_request(self):
        while (request := await super()._read_request()) is not None:
            if self._wanted in (None, request.headers.get("authorization")) or request.method == "OPTIONS":
                return request
            await self._send_response(request.headers, 401, "Unauthorized", {"WWW-Authenticate": 'Basic realm="street"'})
        return None


def _film(path: Path, rate: int) -> None:
    """A box that walks across a striped street; every frame can be shown as soon as it is there."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=rate, options={"tune": "zerolatency", "g": str(rate)})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for k in range(LOOP_S * rate):
            picture = np.full((240, 320, 3), 90, np.uint8)
            picture[::16] = 140
            x = int(k / rate * 60)
            cv2.rectangle(picture, (x, 80), (x + 30, 160), (40, 60, 200), -1)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        film.mux(stream.encode())
