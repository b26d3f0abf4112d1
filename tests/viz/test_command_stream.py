"""The socket of live positions: scope, operations and the audit, over a real server and real sockets."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from command_case import WEST, live, live_served, logged_in, operation, position, watched_plaza
from test_command_positions import read
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from twin.guard import Permission, Principal, Role
from viz.live.stream import may_see

__all__ = ["live", "live_served", "watched_plaza"]


class Eyes:
    """A viewer that acknowledges like the page, and keeps what it was shown."""

    def __init__(self, socket):
        self.socket, self.names, self.drawn, self.frames, self.refused = socket, {}, {}, [], None

    def look(self, frames=1, within_s=10.0, at=...):
        if at is not ...:
            self.socket.send(json.dumps({"at": at}))
        end = time.monotonic() + within_s
        while frames and time.monotonic() < end and self.refused is None:
            message = self.socket.recv(timeout=max(end - time.monotonic(), 0.01))
            if isinstance(message, str):
                told = json.loads(message)
                self.names.update(told.get("names", {}))
                self.refused = told.get("refused")
                continue
            frame = read(message)
            self.frames.append(frame)
            if frame.flags & 1:
                self.drawn.clear()
            for slot in frame.gone:
                self.drawn.pop(slot, None)
            for k, slot in enumerate(frame.slots):
                self.drawn[slot] = (frame.x[k], frame.age[k])
            self.socket.send("ack")
            frames -= 1
        return self

    @property
    def seen(self):
        return {self.names[str(slot)] for slot in self.drawn}


def watching(address, account):
    with logged_in(address, account) as client:
        cookies = "; ".join(f"{k}={v}" for k, v in client.cookies.items())
    return connect(address.replace("http", "ws") + "/ws/live", additional_headers={"Cookie": cookies, "Origin": address})


def test_a_commander_sees_all_units_with_their_ages_and_they_move(live_served):
    address, _, _ = live_served
    with watching(address, "desk-1") as socket:
        eyes = Eyes(socket).look(at=None)
        assert eyes.seen >= {"P-01", "P-02", "M-07"}
        first = dict(eyes.drawn)
        eyes.look(frames=4)
        assert eyes.drawn != first
        assert eyes.frames[0].flags == 3
        assert all(frame.flags == 2 for frame in eyes.frames[1:])
        late = [frame.time_s - (frame.time_s - age) for frame in eyes.frames[1:] for age in frame.age]
        assert late
        assert max(late) < 3.0


def test_a_commander_of_the_west_is_never_told_of_the_east(live_served):
    address, _, _ = live_served
    with watching(address, "west-1") as socket:
        eyes = Eyes(socket).look(frames=5, at=None)
        assert eyes.seen == {"P-01", "M-07"}
        assert "P-02" not in eyes.names.values()
        past = time.time() - 60
        eyes.look(frames=6, at=past)
        assert "P-02" not in eyes.names.values()
        assert eyes.seen >= {"P-01"}


def test_a_unit_in_the_field_sees_what_is_near_it(live_served):
    address, _, _ = live_served
    with watching(address, "P-01") as socket:
        eyes = Eyes(socket).look(frames=2, at=None)
        assert "P-01" in eyes.seen


@pytest.mark.parametrize("account", ["viewer-1", "root-1"])
def test_who_may_not_see_positions_gets_no_socket(live_served, account):
    with pytest.raises((InvalidStatus, ConnectionClosed)), watching(live_served[0], account) as socket:
        socket.recv(timeout=5)


def test_nobody_without_a_login(live_served):
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(live_served[0].replace("http", "ws") + "/ws/live") as socket:
        socket.recv(timeout=5)


def test_a_moment_that_is_past_is_shown_with_the_way_that_led_to_it(live_served):
    address, twin, _ = live_served
    at = twin.now() - 30
    with watching(address, "desk-1") as socket:
        eyes = Eyes(socket).look(frames=6, at=at)
        if eyes.frames[0].flags & 2:  # it was on its way before the moment was asked for
            eyes.look()
        past = [frame for frame in eyes.frames if not frame.flags & 2]
        assert [round(frame.time_s - at) for frame in past] == [-25, -20, -15, -10, -5, 0]
        assert past[0].flags & 1
        assert eyes.seen >= {"P-01", "P-02"}


def test_a_slow_viewer_gets_the_newest_and_never_two_at_once(live_served):
    with watching(live_served[0], "desk-1") as socket:
        socket.send(json.dumps({"at": None}))
        got = 0
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            try:
                got += isinstance(socket.recv(timeout=max(end - time.monotonic(), 0.01)), bytes)
            except TimeoutError:
                break
        assert got == 1  # nothing was acknowledged
        socket.send("ack")
        eyes = Eyes(socket)
        eyes.names = {str(slot): f"P-{slot}" for slot in range(9)}
        eyes.look()
        assert eyes.frames[0].number == 2
        assert eyes.frames[0].age.min() < 1.5


def test_every_look_is_in_the_audit(live_served):
    address, _, guard = live_served
    before = len(guard.audit.tail(10_000, who="desk-1", what="positions.read"))
    with watching(address, "desk-1") as socket:
        eyes = Eyes(socket).look(frames=3, at=None).look(frames=2, at=time.time() - 20)
    shown = sum(len(frame.slots) for frame in eyes.frames)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = guard.audit.tail(10_000, who="desk-1", what="positions.read")[before:]
        if sum(line.about["positions"] for line in lines) >= shown and any(line.about.get("at") for line in lines):
            break
        time.sleep(0.1)
    assert sum(line.about["positions"] for line in lines) >= shown > 0
    assert any(line.about.get("at") for line in lines)
    assert guard.audit.verify() == []


def test_messages_that_make_no_sense_are_passed_over(live_served):
    with watching(live_served[0], "desk-1") as socket:
        for text in ("", "{", "[]", '{"at": "noon"}', '{"at": NaN}', '{"at": true}', "null", "ack ack"):
            socket.send(text)
        assert Eyes(socket).look(at=None).seen >= {"P-01"}


def test_positions_are_shown_within_an_operation_only(live):
    commander = Principal("c", frozenset({Role.COMMANDER}), None)
    assert may_see(live, commander, None).refused == ""
    live.declare(operation(datetime.fromtimestamp(live.now(), UTC), end=datetime.fromtimestamp(live.now() - 60, UTC)))
    assert may_see(live, commander, None).refused == "operation"
    assert may_see(live, commander, live.now() - 120).refused == ""
    assert may_see(live, commander, live.now() - 5 * 3600).refused == "operation"


def test_rights_are_asked_for_every_frame(live):
    roles = {role: may_see(live, Principal("x-1", frozenset({role}), None), None).refused for role in Role}
    assert {role for role, why in roles.items() if why == ""} == {Role.COMMANDER}
    assert roles[Role.FIELD] == "near"
    assert may_see(live, Principal("P-01", frozenset({Role.FIELD}), None), None).near is not None
    scoped = may_see(live, Principal("w-1", frozenset({Role.COMMANDER}), frozenset({WEST})), None)
    assert scoped.sees(WEST)
    assert not scoped.sees("grid-east")
    assert not scoped.sees(None)
    assert Permission.POSITIONS_READ not in Principal("a", frozenset({Role.ADMIN}), None).permissions


def test_an_operation_that_ends_takes_the_picture_away(live_served):
    address, twin, _ = live_served
    declared = twin.operation()
    try:
        with watching(address, "desk-1") as socket:
            eyes = Eyes(socket).look(at=None)
            twin.declare(declared.model_copy(update={"end": datetime.fromtimestamp(twin.now() - 1, UTC)}))
            end = time.monotonic() + 8
            while eyes.refused is None and time.monotonic() < end:
                eyes.look(within_s=max(end - time.monotonic(), 0.1))
            assert eyes.refused == "operation"
    finally:
        twin.declare(declared.model_copy(update={"end": datetime.now(UTC) + timedelta(hours=2)}))


def test_units_that_report_are_seen_within_a_second(live_served):
    """From the commit to the viewer: the newest report is on the way to be drawn long before a second is over."""
    address, twin, _ = live_served
    with watching(address, "desk-1") as socket:
        eyes = Eyes(socket).look(at=None)
        sent = time.time()
        twin.log.append([position("P-55", 10, 10, sent)])
        while "P-55" not in eyes.names.values():
            eyes.look(within_s=2)
        assert time.time() - sent < 1.0
