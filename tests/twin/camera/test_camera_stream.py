from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from rtsp_case import StreetServer

from twin.camera.stream import Stream
from twin.errors import BadInput


@pytest.fixture
def server(tmp_path):
    serving = StreetServer(tmp_path).start()
    yield serving
    serving.cut()


def test_a_cut_stream_resumes_within_five_seconds_and_the_gap_is_marked(server):
    stream = Stream.open(server.url)
    assert (stream.size, stream.rate) == ((320, 240), 10.0)
    back_up = []

    def cut() -> None:
        time.sleep(3.0)
        server.cut()
        time.sleep(3.0)
        server.start()
        back_up.append(time.monotonic())

    threading.Thread(target=cut, daemon=True).start()
    numbers, resumed = [], None
    for frame in stream.frames():
        numbers.append(frame.number)
        if frame.gap:
            resumed = time.monotonic()
            stream.close()
    assert resumed is not None
    assert resumed - back_up[0] < 5.0
    assert [e.what for e in stream.events][:2] == ["lost", "back"]
    assert all(b > a for a, b in pairwise(numbers))
    assert numbers[-1] - numbers[-2] >= 0.8 * 3.0 * stream.rate


def test_wrong_credentials_are_told_and_never_shown(tmp_path):
    locked = StreetServer(tmp_path, credentials=("gate", "right")).start()
    try:
        with pytest.raises(BadInput, match="asks for a name and a password"):
            Stream.open(locked.url)
        with pytest.raises(BadInput, match="wrong") as caught:
            Stream.open(locked.url.replace("//", "//gate:mistaken@"))
        assert "mistaken" not in str(caught.value)
        assert Stream.open(locked.url.replace("//", "//gate:right@")).size == (320, 240)
    finally:
        locked.cut()


def test_a_stream_that_there_is_not(server):
    with pytest.raises(BadInput, match="no such stream"):
        Stream.open(server.url.replace("/street", "/lane"))
    port = server.port
    with pytest.raises(BadInput, match="nobody answers"):
        Stream.open(f"rtsp://127.0.0.1:{1 if port != 1 else 2}/street")
    with pytest.raises(BadInput, match="http://"):
        Stream.open("http://127.0.0.1/street")
