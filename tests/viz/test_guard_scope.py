"""Who sees one community never receives an observation of another, by REST or over the socket."""

import json
import struct
from datetime import UTC, datetime

import pytest
from guard_live import EAST, UNITS, WEST, live_web, reports, until

import viz.guard.gate as gate
from twin.guard import Role


@pytest.fixture(scope="module")
def web(plaza, rehearsed, tmp_path_factory):
    made = live_web(plaza, rehearsed / "runs", rehearsed / "scenarios", tmp_path_factory.mktemp("live"))
    answer = made.feed(reports(datetime.now(UTC)))
    assert answer.status_code == 200, answer.text
    assert answer.json()["stored"] == 4, answer.text
    until(lambda: len(made.live.positions) == 2)
    yield made
    made.close()


def objects(answer):
    assert answer.status_code == 200, answer.text
    return {row["object"] for row in answer.json()}


ALL = {"W-1", "E-1", "cam-w", "cam-e"}
SEEN = {"west": {"W-1", "cam-w"}, "east": {"E-1", "cam-e"}, "both": ALL, "none": set(), "commander": ALL,
        "viewer": {"cam-w", "cam-e"}, "viewer-west": {"cam-w"}, "planner": {"cam-w", "cam-e"}, "W-1": {"cam-w"}}


@pytest.mark.parametrize("who", SEEN)
@pytest.mark.parametrize("path", ["/api/observations", "/api/observations/state"])
def test_rest_gives_what_lies_in_the_scope_and_positions_to_commanders_only(web, who, path):
    assert objects(web.ask("GET", path, who=who)) == SEEN[who]


@pytest.mark.parametrize("asked", [
    "object=E-1", "object=cam-e", "kind=position", "kind=crowd&kind=position", "bounds=0,0,9999999,9999999", "after=0",
    "stream=live", "since=2020-01-01T00:00:00Z", "limit=1", "grids=community-east", "grid=community-east", "scope=sub"])
def test_no_way_of_asking_leads_out_of_the_scope(web, asked):
    answer = web.ask("GET", f"/api/observations?{asked}", who="west")
    assert "E-1" not in answer.text
    assert "cam-e" not in answer.text
    assert EAST not in answer.text


def names_and_frames(sent):
    """Names that a socket told, and how many positions it sent."""
    names, count = set(), 0
    for message in sent:
        if message.get("text"):
            names |= set(json.loads(message["text"]).get("names", {}).values())
        if message.get("bytes"):
            count += struct.unpack_from("<I", message["bytes"], 8)[0]
    return names, count


@pytest.mark.parametrize(("who", "names"), [
    ("west", {"W-1"}), ("east", {"E-1"}), ("both", {"W-1", "E-1"}), ("commander", {"W-1", "E-1"}), ("none", set())])
def test_the_socket_gives_what_lies_in_the_scope(web, who, names):
    wanted = len(names)
    sent = web.socket("/ws/live", who=who, stay_s=4 if names else 1.5,
                      until=lambda sent: wanted and names_and_frames(sent)[1] >= wanted)
    assert web.opened(sent)
    assert names_and_frames(sent) == (names, wanted)


@pytest.mark.parametrize("who", [role for role in Role if role not in (Role.COMMANDER, Role.FIELD)])
def test_the_socket_is_shut_for_those_who_see_no_positions(web, who):
    assert not web.opened(web.socket("/ws/live", who=who))


def test_a_scope_that_is_taken_away_is_taken_away_from_an_open_socket(web, monkeypatch):
    """East becomes west while the socket is open: not one more position of the east may follow."""
    monkeypatch.setattr(gate, "RECHECK_S", 0.05)
    web.guard.accounts.add("moved", [Role.COMMANDER], password="four quick brown words", grids=[EAST])
    after = []

    def change(sent):
        if not after and names_and_frames(sent)[1]:
            with web.guard._keep.change() as base:  # as another process would, the session left open
                base.execute("update accounts set grids = ? where key = 'moved'", (json.dumps([WEST]),))
            after.append(len(sent))
        return after and "W-1" in names_and_frames(sent)[0]
    sent = web.socket("/ws/live", who="moved", stay_s=10, until=change, acks=True)
    assert names_and_frames(sent[:after[0]])[0] == {"E-1"}
    assert names_and_frames(sent[after[0]:])[0] == {"W-1"}


def test_a_feed_reports_as_its_source_its_kinds_and_its_grids_only(web):
    seen = datetime.now(UTC)
    bound = web.feed(reports(seen, 1), source="cam-net", kinds=["crowd"], grids=[WEST]).json()
    assert (bound["stored"], bound["refused"]) == (1, 3)
    rows = web.ask("GET", "/api/observations?kind=crowd", who="commander").json()
    assert [row["object"] for row in rows if row["source"] == "cam-net"] == ["cam-w"]


def test_a_feed_reads_nothing(web):
    token = web.guard.devices.issue("reader")
    for path in ("/api/observations", "/api/observations/state", "/api/quarantine", "/api/operations", "/api/live/health"):
        assert web.ask("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert not web.opened(web.socket("/ws/live"))


def test_every_read_of_positions_is_written_down_first(web):
    before = len(list(web.guard.audit.entries()))
    web.ask("GET", "/api/observations?kind=position", who="west")
    web.ask("GET", "/api/observations/state", who="west")
    web.ask("GET", "/api/observations?kind=crowd", who="viewer-west")  # may not see positions: nothing to write down
    web.socket("/ws/live", who="west", stay_s=3, until=lambda sent: names_and_frames(sent)[1])
    lines = list(web.guard.audit.entries())[before:]
    assert [(e.who, e.what) for e in lines] == [("west", "positions.read")] * 3
    assert lines[0].about["asked"] == {"kind": "position"}
    assert lines[0].about["scope"] == [WEST]
    assert web.guard.audit.verify() == []


def test_declaring_an_operation_is_written_down_with_what_was_declared(web):
    now = datetime.now(UTC)
    order = {"id": "op-2", "purpose": "a fair", "start": now.isoformat(), "end": now.replace(year=now.year + 1).isoformat()}
    assert web.ask("POST", "/api/operations", who="commander", json=order).status_code == 422
    assert web.ask("POST", "/api/operations", who="planner", json=order).status_code == 403
    entry = web.guard.audit.tail(1, what="operation")[0]
    assert entry.who == "commander"
    assert "a fair" in entry.about["said"]


def test_the_command_page_is_for_those_who_see_the_live_state(web):
    from viz.guard.table import PAGES
    assert {role for role in Role if web.ask("GET", "/api/me", who=role).json()["pages"].count("/command")} == {
        Role.VIEWER, Role.PLANNER, Role.ANALYST, Role.COMMANDER, Role.FIELD}
    assert "/command" in PAGES
    assert UNITS[WEST] == "W-1"
