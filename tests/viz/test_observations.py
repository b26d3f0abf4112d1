"""The REST routes of the live twin: in, out, scope, and what a body may not be."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import shapely
from fastapi import FastAPI, Request, Response
from pyproj import CRS
from serving import serving

from twin.guard import Principal, Role
from twin.live import LIVE
from twin.places import District, table_frame
from twin.store import Log, Shed, StoreDown, open_store
from viz.api import add_api
from viz.jobs import Jobs
from viz.live.observations import MOST_BODY, add_observation_api

UTM = CRS.from_epsg(32650)
WEST, SOUTH = 446_000.0, 4_417_000.0
ROLES = {"commander": Principal("c", frozenset({Role.COMMANDER}), None),
         "commander-2": Principal("c2", frozenset({Role.COMMANDER}), frozenset({"c-2"})),
         "field": Principal("P-1", frozenset({Role.FIELD}), None), "trainer": Principal("t", frozenset({Role.TRAINER}), None),
         "viewer": Principal("v", frozenset({Role.VIEWER}), None),
         "gps": Principal("device:gps", frozenset({"device"}), None, "gps", frozenset({"position"}))}


@dataclass
class Twin:
    """What the routes need of the live twin."""

    log: Log
    district: District


@pytest.fixture
def twin() -> Iterator[Twin]:
    cells = [{"id": f"c-{k + 1}", "level": "community", "parent": "d",
              "geometry": shapely.box(WEST + 500 * k, SOUTH, WEST + 500 * k + 500, SOUTH + 1000)} for k in range(2)]
    root = {"id": "d", "level": "district", "geometry": shapely.box(WEST, SOUTH, WEST + 1000, SOUTH + 1000)}
    camera = {"id": "cam-1", "kind": "camera", "geometry": shapely.Point(WEST + 1, SOUTH + 1)}
    district = District("small", UTM, {"grids": table_frame("grids", [root, *cells], UTM, source="t"),
                                       "parts": table_frame("parts", [camera], UTM, source="t")})
    log = open_store("memory:")
    yield Twin(log, district)
    log.close()


@pytest.fixture
def client(twin: Twin) -> Iterator[httpx.Client]:
    server = FastAPI()

    @server.middleware("http")
    async def who(request: Request, answer: Any) -> Response:
        request.state.principal = ROLES[request.headers.get("x-role", "commander")]
        return await answer(request)
    jobs = Jobs()
    add_api(server, None, jobs)  # type: ignore[arg-type]
    add_observation_api(server, twin)
    with serving(server, lifespan="off") as address, httpx.Client(base_url=address, timeout=60) as opened:
        yield opened
    jobs.close()


def now(seconds: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def crowd(**other: Any) -> dict[str, Any]:
    return {"kind": "crowd", "object": "cam-1", "observed_at": now(), "x": WEST + 10, "y": SOUTH + 10,
            "value": {"peopleCount": 7, "averageCrowdSpeed": 3.6}} | other


def position(unit: str = "P-1", x: float = 10, **other: Any) -> dict[str, Any]:
    return {"kind": "position", "object": unit, "observed_at": now(), "x": WEST + x, "y": SOUTH + 10, "value": {}} | other


def declare(client: httpx.Client) -> None:
    answer = client.post("/api/operations", json={"id": "op", "purpose": "evening", "start": now(-3600), "end": now(3600)})
    assert answer.status_code == 200, answer.text


def test_one_and_many_are_stored_and_read_again(client: httpx.Client):
    assert client.post("/api/observations", json=crowd()).json()["stored"] == 1
    answer = client.post("/api/observations", json=[crowd(), crowd(value={"peopleCount": -1}), {}])
    assert answer.status_code == 200
    assert (answer.json()["stored"], answer.json()["refused"]) == (1, 2)
    assert [r["place"] for r in answer.json()["reasons"]] == [1, 2]
    found = client.get("/api/observations").json()
    assert len(found) == 2 and found[0]["source"] == "c"
    assert found[0]["value"] == {"peopleCount": 7, "averageCrowdSpeed": 3.6}
    assert found[0]["grid"] == "c-1" and 116 < found[0]["lon"] < 117 and 39 < found[0]["lat"] < 40


def test_lines_and_gzip_are_read(client: httpx.Client):
    lines = b"\n".join(json.dumps(crowd(id=str(k))).encode() for k in range(3))
    headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    assert client.post("/api/observations", content=gzip.compress(lines), headers=headers).json()["stored"] == 3


@pytest.mark.parametrize(("content", "headers", "status"), [
    (b"{", {}, 422), (b"", {}, 200), (b"\xff", {}, 422), (b"x", {"content-encoding": "gzip"}, 422),
    (gzip.compress(b"[]")[:-4], {"content-encoding": "gzip"}, 422), (b"x", {"content-encoding": "br"}, 415),
    (gzip.compress(b" " * (MOST_BODY + 1)), {"content-encoding": "gzip"}, 413), (b" " * (MOST_BODY + 1), {}, 413)])
def test_bodies_that_cannot_be_read(client: httpx.Client, content: bytes, headers: dict, status: int):
    answer = client.post("/api/observations", content=content, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"].endswith(".")


def test_a_zip_bomb_is_not_unpacked(client: httpx.Client):
    import resource
    bomb = gzip.compress(b"\0" * 400_000_000, 1)
    assert len(bomb) < 4_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert client.post("/api/observations", content=bomb, headers={"content-encoding": "gzip"}).status_code == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # KiB


def test_a_device_reports_as_its_source_and_its_kinds(client: httpx.Client, twin: Twin):
    declare(client)
    answer = client.post("/api/observations", json=[position(), crowd()], headers={"x-role": "gps"})
    assert (answer.json()["stored"], answer.json()["refused"]) == (1, 1)
    assert twin.log.read()[0].source == "gps"


def test_a_field_account_reports_about_its_own_unit_alone(client: httpx.Client, twin: Twin):
    declare(client)
    answer = client.post("/api/observations", json=[position("P-2"), position("P-1"), crowd(), crowd(kind="note", object="P-1",
                         value={"text": "all quiet"})], headers={"x-role": "field"}).json()
    assert (answer["stored"], [r["place"] for r in answer["reasons"]]) == (2, [0, 2])
    assert {r["reason"] for r in answer["reasons"]} == {"this account reports about its own unit alone"}
    assert {(o.kind, o.source, o.object) for o in twin.log.read()} == {("position", "P-1", "P-1"), ("note", "P-1", "P-1")}


def test_a_feed_and_whoever_leads_drills_report_into_a_drill(client: httpx.Client, twin: Twin):
    old = position(observed_at=now(-400 * 86_400))
    for role, status in (("gps", 200), ("trainer", 200), ("commander", 403), ("field", 403)):
        answer = client.post("/api/observations?stream=drill:night", json=old, headers={"x-role": role})
        assert answer.status_code == status
    told = {(o.stream, o.source, o.object) for o in twin.log.read(stream="drill:night")}
    assert told == {("drill:night", "gps", "P-1"), ("drill:night", "t", "P-1")}
    refused = client.post("/api/observations", json=old, headers={"x-role": "trainer"})
    assert refused.status_code == 403 and "drills" in refused.json()["error"] and twin.log.read() == []
    for stream in ("sim:x", "drill:", "elsewhere"):
        assert client.post(f"/api/observations?stream={stream}", json=old, headers={"x-role": "gps"}).status_code == 422
    assert twin.log.streams() == ["drill:night"]


def test_live_positions_need_an_operation(client: httpx.Client):
    assert client.post("/api/observations", json=position()).json()["reasons"][0]["reason"].startswith("no declared operation")
    declare(client)
    time.sleep(1.1)  # the door looks at the operations every second
    assert client.post("/api/observations", json=position()).json()["stored"] == 1
    assert [o["id"] for o in client.get("/api/operations").json()] == ["op"]


def test_nobody_reads_outside_their_scope_or_beyond_their_role(client: httpx.Client):
    declare(client)
    client.post("/api/observations", json=[position("P-1", 10), position("P-2", 600), crowd(), {
        "kind": "case", "object": "c-7", "observed_at": now(), "x": WEST + 700, "y": SOUTH + 5,
        "value": {"step": "note", "case": "c-7", "by": "desk-1", "why": "seen"}}])
    for where in ("/api/observations", "/api/observations/state"):
        seen = {role: sorted(o["object"] for o in client.get(where, headers={"x-role": role}).json()) for role in ROLES}
        assert seen == {"commander": ["P-1", "P-2", "c-7", "cam-1"], "commander-2": ["P-2", "c-7"], "viewer": ["cam-1"],
                        "gps": ["cam-1"], "field": ["c-7", "cam-1"], "trainer": ["cam-1"]}
    assert client.get("/api/observations?kind=position", headers={"x-role": "viewer"}).json() == []


def test_reading_by_time_kind_object_area_and_place_in_the_log(client: httpx.Client):
    declare(client)
    client.post("/api/observations", json=[position("P-1", 10), position("P-2", 600, observed_at=now(-100)), crowd()])

    def objects(asked: str) -> list[str]:
        return [o["object"] for o in client.get(f"/api/observations?{asked}").json()]
    since = now(-50).replace("+", "%2B")
    assert objects(f"kind=position&since={since}") == ["P-1"]
    assert objects("object=P-2") == ["P-2"]
    assert objects(f"bounds={WEST + 500},{SOUTH},{WEST + 999},{SOUTH + 99}") == ["P-2"]
    first = client.get("/api/observations?after=0&limit=1").json()
    assert objects(f"after={first[0]['seq']}") == ["P-2", "cam-1"]


@pytest.mark.parametrize("asked", ["since=yesterday", "since=2026-01-01T00:00:00", "bounds=1,2,3", "bounds=a,b,c,d", "limit=0",
                                   "limit=99999999", "after=-1", "kind=face", "object=%00", "stream=%00"])
def test_questions_that_make_no_sense_are_answered_with_a_sentence(client: httpx.Client, asked: str):
    answer = client.get(f"/api/observations?{asked}")
    assert answer.status_code == 422 and answer.json()["error"]


def test_the_state_says_how_old_everything_is(client: httpx.Client):
    client.post("/api/observations", json=crowd(observed_at=now(-300)))
    known, = client.get("/api/observations/state").json()
    assert known["stale"] and known["age_s"] == pytest.approx(300, abs=5)


def test_what_was_refused_is_in_the_quarantine(client: httpx.Client):
    client.post("/api/observations", json=[{"kind": "crowd", "phone": "secret"}])
    line, = client.get("/api/quarantine").json()
    assert "secret" in line["body"] and line["source"] == "c"
    assert client.get(f"/api/quarantine?after={line['seq']}").json() == []


@pytest.mark.parametrize("error", [StoreDown("the disk is full."), Shed("the queue is full.")])
def test_a_log_that_is_down_answers_503_and_says_why(client: httpx.Client, twin: Twin, monkeypatch: pytest.MonkeyPatch,
                                                     error: Exception):
    def down(*_given: Any) -> None:
        raise error
    monkeypatch.setattr(twin.log, "submit", down)
    answer = client.post("/api/observations", json=crowd())
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1" and "full" in answer.json()["error"]
    monkeypatch.undo()
    assert client.post("/api/observations", json=crowd()).json()["stored"] == 1


def test_health_counts_what_came(client: httpx.Client):
    client.post("/api/observations", json=[crowd(), {}])
    health = client.get("/api/live/health").json()
    assert health["well"] and (health["stored"], health["refused"]) == (1, 1) and health["reasons"]


def test_the_api_description_says_what_may_be_posted(client: httpx.Client):
    body = client.get("/openapi.json").json()["paths"]["/api/observations"]["post"]["requestBody"]["content"]
    report = body["application/json"]["schema"]["anyOf"][0]["items"]
    kinds = {one["properties"]["kind"]["const"] for one in report["oneOf"]}
    assert kinds == {"position", "crowd", "occupancy", "case", "part", "alarm", "note"}
    assert "$ref" not in json.dumps(body) and LIVE
