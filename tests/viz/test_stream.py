from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import browsing, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sim.run import Frame
from twin.errors import BadInput
from viz import stream
from viz.stream import HAS_IDS, JUMP, Playhead, add_routes, frame_bytes


@dataclass
class March:
    """n people who walk east, one metre a second, for ever."""

    n: int = 50

    def at(self, time_s: float) -> Frame:
        second = float(int(time_s))
        xy = np.stack([np.arange(self.n) % 200 - 100.0 + second % 100, np.arange(self.n) // 200 * 1.0], 1)
        return Frame(second, np.arange(self.n, dtype=np.uint32), xy.astype(np.float32), np.ones(self.n, np.float32),
                     (np.arange(self.n) % 6).astype(np.uint8))


class Shelf:
    """Stands in for the library: runs of people who march."""

    def __init__(self, n: int = 50) -> None:
        self.n = n

    def run(self, name: str) -> Shelf:
        if name != "march":
            raise BadInput(f"there is no run {name!r}", mend="rehearse first")
        return self

    def frames(self, seed: int | None) -> March:
        return March(self.n)


@dataclass
class Read:
    """A frame, taken apart by the documented layout."""

    flags: int
    n: int
    number: int
    t: float
    arrive: float
    rate: float
    xy: np.ndarray
    ids: np.ndarray
    speed: np.ndarray
    state: np.ndarray


def read(message: bytes) -> Read:
    assert message[:4] == b"THF1"
    flags, n, number, t, arrive, rate = struct.unpack_from("<IIIdff", message, 4)
    at = 32
    xy = np.frombuffer(message, "<i2", 2 * n, at).reshape(n, 2) * 0.05
    at += 4 * n
    ids = np.frombuffer(message, "<u4", n if flags & HAS_IDS else 0, at)
    at += 4 * len(ids)
    assert len(message) == at + 2 * n
    return Read(flags, n, number, t, arrive, rate, xy, ids, np.frombuffer(message, "u1", n, at) * 0.02,
                np.frombuffer(message, "u1", n, at + n))


@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.floats(0, 1e6))
@settings(max_examples=60, deadline=None)
def test_a_frame_keeps_positions_to_the_grain(n: int, seed: int, jump: bool, with_ids: bool, t: float) -> None:
    rng = np.random.default_rng(seed)
    frame = Frame(t, np.sort(rng.integers(0, 2**32, n, dtype=np.uint32)),
                  rng.uniform(-1600, 1600, (n, 2)).astype(np.float32), rng.uniform(0, 5, n).astype(np.float32),
                  rng.integers(0, 6, n).astype(np.uint8))
    got = read(frame_bytes(frame, number=7, arrive_s=0.25, rate=4, jump=jump, with_ids=with_ids))
    assert (got.n, got.number, got.t, got.arrive, got.rate) == (n, 7, t, 0.25, 4)
    assert bool(got.flags & JUMP) == jump
    np.testing.assert_allclose(got.xy, frame.xy, atol=0.0252)
    np.testing.assert_allclose(got.speed, frame.speed, atol=0.0101)
    np.testing.assert_array_equal(got.state, frame.state)
    np.testing.assert_array_equal(got.ids, frame.ids if with_ids else [])


def test_positions_beyond_the_range_are_held_at_the_edge() -> None:
    far = Frame(0.0, np.array([1], np.uint32), np.array([[9e4, -9e4]], np.float32), np.array([99.0], np.float32),
                np.array([0], np.uint8))
    got = read(frame_bytes(far))
    np.testing.assert_allclose(got.xy, [[1638.35, -1638.4]])
    assert got.speed[0] == pytest.approx(5.1)


def test_the_playhead_moves_by_itself_and_knows_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(stream.time, "monotonic", lambda: clock[0])
    head = Playhead()
    assert head.set({"t": 60, "rate": 10, "playing": True})
    clock[0] += 2
    assert head.now == pytest.approx(80)
    assert not head.set({"t": 81.0}), "a second off at ten times the speed is drift"
    assert head.set({"t": 300.0})
    assert not head.set({"playing": False})
    clock[0] += 5
    assert head.now == pytest.approx(300)


@pytest.mark.parametrize("nonsense", [{"t": "soon"}, {"t": float("nan")}, {"rate": None}, {"playing": 1}, {"t": True},
                                      {}])
def test_controls_that_make_no_sense_change_nothing(nonsense: dict) -> None:
    head = Playhead()
    head.set({"t": 5.0, "rate": 2.0, "playing": False})
    assert not head.set(nonsense)
    assert (head.now, head.rate, head.playing) == (5.0, 2.0, False)


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    app = FastAPI()
    add_routes(app, Shelf())  # type: ignore[arg-type]
    with serving(app) as address:
        yield address.removeprefix("http://")


def next_frame(socket: ClientConnection) -> Read:
    message = socket.recv(timeout=10)
    assert isinstance(message, bytes)
    return read(message)


def test_standing_still_sends_one_frame_and_a_seek_another(host: str) -> None:
    with connect(f"ws://{host}/ws/run/march") as socket:
        socket.send(json.dumps({"t": 30.4, "rate": 1, "playing": False}))
        frame = next_frame(socket)
        socket.send("ack")
        if frame.t == 0:  # the first moment may go out before the control arrives
            frame = next_frame(socket)
            socket.send("ack")
        assert (frame.t, frame.arrive) == (30, 0)
        assert frame.flags & JUMP
        socket.send("not json")
        socket.send(json.dumps([1, 2]))
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        socket.send(json.dumps({"t": 500}))
        frame = next_frame(socket)
        assert frame.t == 500
        assert frame.flags & JUMP


def test_playing_aims_just_ahead_and_never_queues(host: str) -> None:
    with connect(f"ws://{host}/ws/run/march?seed=1") as socket:
        socket.send(json.dumps({"t": 10, "rate": 20, "playing": True}))
        times, arrivals = [], []
        for _ in range(6):
            frame = next_frame(socket)
            times.append(frame.t)
            arrivals.append(frame.arrive)
            socket.send("ack")
        assert times[2:] == sorted(set(times[2:]))
        assert max(arrivals) <= 2 / 20 + 0.05
        # Nothing is acknowledged for a while: the next frame is the newest, not a backlog.
        last = next_frame(socket)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.8)
        socket.send("ack")
        late = next_frame(socket)
        assert late.t >= last.t + 10
        assert late.number == last.number + 1


def test_an_unknown_run_closes_the_socket_with_a_sentence(host: str) -> None:
    with connect(f"ws://{host}/ws/run/nothing") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404
    assert "there is no run" in closed.value.rcvd.reason


def test_another_origin_is_refused(host: str) -> None:
    with pytest.raises(InvalidStatus):
        connect(f"ws://{host}/ws/run/march", origin="http://elsewhere.example").close()  # type: ignore[arg-type]
    with connect(f"ws://{host}/ws/run/march", origin=f"http://{host}") as socket:  # type: ignore[arg-type]
        assert next_frame(socket).n == 50


def streaming_page(n: int) -> FastAPI:
    """A page with one scene, without a place, that draws a march with the drawing itself left out."""
    from dash import Dash, html

    from viz.component import Scene

    app = Dash("march", backend="fastapi")
    add_routes(app.server, Shelf(n))  # type: ignore[arg-type]
    app.layout = html.Div(Scene(id="s", streamUrl="/ws/run/march", style={"height": "300px"}, drawCallsStubbed=True,
                                playhead={"t": 0, "rate": 30, "playing": True}))
    return app.server


def measured_updates(n: int, frames: int, limit_s: float = 120) -> float:
    """Updates a second of n people in Chromium, over a number of frames, after a first second to warm up."""
    with browsing() as browser, serving(streaming_page(n)) as address:
        page = browser.new_page(viewport={"width": 600, "height": 400})
        page.goto(f"{address}/")
        page.wait_for_function("window.hutongScenes?.s?.stats.updates > 5", timeout=30_000)
        page.wait_for_timeout(1000)
        count = "[window.hutongScenes.s.stats.updates, performance.now()]"
        u0, t0 = page.evaluate(count)
        page.wait_for_function(f"window.hutongScenes.s.stats.updates >= {u0 + frames}", timeout=limit_s * 1000)
        u1, t1 = page.evaluate(count)
        assert page.evaluate("window.hutongScenes.s.people.n") == n
        assert page.evaluate("window.hutongScenes.s.errors") == []
    return 1000 * (u1 - u0) / (t1 - t0)


@pytest.mark.browser
def test_twenty_thousand_people_play_smoothly() -> None:
    rate = measured_updates(20_000, frames=100)
    print(f"{rate:.1f} updates/s of 20,000 people")
    # 20/s on two quiet cores (`python tests/viz/test_stream.py` measures 1,000 frames); half of it on busy ones.
    assert rate >= 10


if __name__ == "__main__":
    print(f"{measured_updates(20_000, frames=1000):.1f} updates/s, 1,000 frames of 20,000 people")
