"""A small RTSP server on loopback that serves JPEG over RTP (RFC 2435) inside the connection, and can be cut."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import struct
import threading
import time

import cv2
import numpy as np


class JpegServer:
    """Serves one moving picture at ``rate``; with ``credentials`` it asks for them (Basic)."""

    def __init__(self, rate: float = 10.0, size: tuple[int, int] = (320, 240),
                 credentials: tuple[str, str] | None = None) -> None:
        self.rate, self.size, self.credentials = rate, size, credentials
        self._stop = threading.Event()
        self._lines: list[socket.socket] = []
        self._socket: socket.socket | None = None
        self.port = 0
        self.began = time.monotonic()

    def start(self) -> JpegServer:
        self._stop.clear()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.listen(8)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()
        return self

    def cut(self) -> None:
        """Go away: nobody listens any more and every line is broken."""
        self._stop.set()
        assert self._socket is not None
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        self._lines.clear()
        time.sleep(0.05)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/street"

    def _accept(self, listening: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                return
            self._lines.append(line)
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        heard, playing = b"", False
        line.settimeout(0.02)
        number, due, stamp = 0, time.monotonic(), 0
        while not self._stop.is_set():
            try:
                more = line.recv(4096)
                if not more:
                    return
                heard += more
            except TimeoutError:
                pass
            except OSError:
                return
            try:
                while b"\r\n\r\n" in heard:
                    if heard[:1] == b"$":  # what the client reports about what it received
                        heard = heard[4 + struct.unpack(">H", heard[2:4])[0]:]
                        continue
                    head, heard = heard.split(b"\r\n\r\n", 1)
                    playing = self._answer(line, head.decode("latin-1")) or playing
                if playing and time.monotonic() >= due:
                    due, stamp = time.monotonic() + 1 / self.rate, stamp + int(90000 / self.rate)
                    for packet in self._packets(self.picture(), stamp):
                        head = struct.pack(">HBBH", len(packet) + 3, 0x80, packet[0], number & 0xFFFF)
                        line.sendall(b"$\x00" + head + packet[1:])
                        number += 1
            except OSError:
                return

    def picture(self) -> np.ndarray:
        w, h = self.size
        picture = np.full((h, w, 3), 90, np.uint8)
        picture[::16] = 140
        x = int((time.monotonic() - self.began) * 60) % (w - 40)
        cv2.rectangle(picture, (x, 80), (x + 30, 160), (40, 60, 200), -1)
        return picture

    def _answer(self, line: socket.socket, head: str) -> bool:
        method, url = head.split(" ")[:2]
        sequence = re.search(r"(?im)^CSeq:\s*(\d+)", head)
        said = [f"CSeq: {sequence[1] if sequence else 0}", "Session: 7;timeout=60"]
        status, body = "200 OK", ""
        if self.credentials and method != "OPTIONS":
            wanted = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            if wanted not in head:
                status, said = "401 Unauthorized", [said[0], 'WWW-Authenticate: Basic realm="test"']
                method = "REFUSED"
        if method == "OPTIONS":
            said.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE" and not url.endswith("/street"):
            status = "404 Not Found"
        elif method == "DESCRIBE":
            body = (f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=street\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
                    f"a=framerate:{self.rate}\r\na=control:track\r\n")
            said += ["Content-Type: application/sdp", f"Content-Length: {len(body)}", f"Content-Base: {url}/"]
        elif method == "SETUP":
            said.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        line.sendall(f"RTSP/1.0 {status}\r\n".encode() + "\r\n".join(said).encode() + b"\r\n\r\n" + body.encode())
        return method == "PLAY"

    def _packets(self, picture: np.ndarray, stamp: int) -> list[bytes]:
        good, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])
        assert good
        data, at, tables = coded.tobytes(), 2, b""
        while True:
            mark, length = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
            if mark == 0xDB:
                part = data[at + 4:at + 2 + length]
                while part:
                    tables, part = tables + part[1:65], part[65:]
            at += 2 + length
            if mark == 0xDA:  # what follows is the coded picture
                break
        scan, offset, packets = data[at:-2], 0, []
        while offset < len(scan):
            head = struct.pack(">I", offset) + bytes([1, 255, self.size[0] // 8, self.size[1] // 8])
            if offset == 0:
                head += struct.pack(">BBH", 0, 0, len(tables)) + tables
            piece = scan[offset:offset + 1200]
            offset += len(piece)
            kind = 26 | (0x80 if offset >= len(scan) else 0)
            # type of payload first, then the rest of the RTP header that follows the sequence number
            packets.append(bytes([kind]) + struct.pack(">II", stamp, 0x1234) + head + piece)
        return packets
