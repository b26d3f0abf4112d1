import json
import time

import httpx
import numpy as np
import pytest


@pytest.fixture(scope="module")
def api(served):
    with httpx.Client(base_url=served[0], timeout=60) as client:
        yield client


def test_openapi_lists_every_route_and_docs_load_nothing_from_outside(api):
    paths = api.get("/api/openapi.json").json()["paths"]
    assert {"/api/districts", "/api/scenarios/{name}/layouts/{layout}", "/api/runs/{name}/maps/{which}", "/api/compare",
            "/api/rehearsals"} <= set(paths)
    docs = api.get("/docs").text
    assert "http" not in docs.replace("/api/openapi.json", "")


def test_every_answer_forbids_loading_from_elsewhere(api):
    for path in ("/twin", "/api/districts", "/docs"):
        policy = api.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "http" not in policy


def test_districts(api):
    assert api.get("/api/districts").json() == ["plaza", "xichangan"]
    about = api.get("/api/districts/plaza").json()
    assert about["tables"]["streets"] == 3 and about["origin"] == [446000.0, 4416000.0]
    rows = api.get("/api/districts/plaza/tables/streets?limit=2").json()
    assert rows["total"] == 3 and [r["id"] for r in rows["rows"]] == ["west", "east"]
    one = api.get("/api/districts/plaza/objects/hall").json()
    assert one["table"] == "buildings" and one["geometry"]["type"] == "Polygon" and one["bounds"] == [5, 5, 12, 12]


def test_the_scene_is_one_binary_message(api):
    answer = api.get("/api/districts/plaza/scene")
    assert answer.headers["content-encoding"] == "gzip" and answer.content[:4] == b"HTC1"
    plain = api.get("/api/districts/plaza/scene", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == answer.content


@pytest.mark.parametrize(
    "path",
    [
        "/api/districts/peking",
        "/api/runs/none",
        "/api/scenarios/none",
        "/api/rehearsals/99",
        "/api/districts/plaza/objects/none",
        "/api/runs/open/maps/none",
        "/api/none",
        "/api/runs/..%2Fruns%2Fopen",
        "/api/scenarios/evening/layouts/none",
    ],
)
def test_unknown_names_answer_404_with_one_sentence(api, path):
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"].endswith((".", "?", "!")) and "Traceback" not in answer.text


def test_wrong_values_answer_422_with_one_sentence(api):
    for answer in (api.get("/api/districts/plaza/tables/streets?limit=0"), api.get("/api/runs/open/people"),
                   api.get("/api/runs/open/series?every_s=x"), api.get("/api/runs/open/maps/density_max?seed=77"),
                   api.put("/api/scenarios/evening/layouts/x", json={"barriers": [{"id": "b"}]}),
                   api.post("/api/rehearsals", json={"scenario": "evening", "layout": "open", "name": "../x"})):
        assert answer.status_code == 422 and set(answer.json()) == {"error"}, answer.text


def test_scenarios(api):
    scenario = api.get("/api/scenarios/evening").json()
    assert list(scenario["layouts"]) == ["open", "checked"]
    assert api.get("/api/scenarios/evening/layouts/checked/problems").json() == []
    assert api.get("/api/scenarios/evening/layouts/checked/takes").json()["lanes"] == 4


def test_runs(api):
    assert {r["name"] for r in api.get("/api/runs").json()} == {"open", "checked"}
    metrics = api.get("/api/runs/checked/metrics").json()
    assert metrics["people_entered"]["mean"] == 120 and set(metrics["people_entered"]["by_seed"]) == {"1", "2"}
    series = api.get("/api/runs/checked/series?every_s=30").json()
    assert series["time_s"][:3] == [0, 30, 60] or series["time_s"][:2] == [30, 60]
    events = api.get("/api/runs/checked/events?seed=1").json()
    assert "incident" in {e["kind"] for e in events} and {e["seed"] for e in events} == {1}
    people = api.get("/api/runs/checked/people?t=60&limit=5").json()
    assert people["total"] > 5 == len(people["rows"])


def test_maps_are_float32_of_the_stated_shape(api):
    about = api.get("/api/runs/checked/maps?seed=1").json()
    values = np.frombuffer(api.get("/api/runs/checked/maps/density_max?seed=1").content, "<f4")
    assert values.size == np.prod(about["shape"])
    assert values.max() == pytest.approx(about["ranges"]["density_max"][1])


def test_the_difference_of_a_run_with_itself_is_zero(api):
    same = np.frombuffer(api.get("/api/runs/open/maps/density_max?minus=open").content, "<f4")
    other = np.frombuffer(api.get("/api/runs/open/maps/density_max?minus=checked").content, "<f4")
    assert not same.any() and np.abs(other).max() > 0.1


def test_compare(api):
    answer = api.get("/api/compare?a=open&b=checked").json()
    assert answer["seeds"] == [1, 2] and answer["sentence"].endswith(".")
    assert api.get("/api/compare?a=open&b=checked&language=zh").json()["sentence"] != answer["sentence"]
    assert "<table" in api.get("/api/compare/page?a=open&b=checked").text


def test_a_layout_is_put_and_got(api):
    body = {"barriers": [{"id": "b", "line": [[446000, 4416000], [446004, 4416000]]}]}
    assert api.put("/api/scenarios/evening/layouts/C", json=body).status_code == 200
    assert api.get("/api/scenarios/evening/layouts/C").json()["barriers"][0]["id"] == "b"


def test_changes_from_another_site_are_refused(api):
    answer = api.post("/api/rehearsals", json={"scenario": "evening", "layout": "open"},
                      headers={"Origin": "http://elsewhere.test"})
    assert answer.status_code == 403


def test_a_rehearsal_runs_in_the_background(api):
    started = api.post("/api/rehearsals", json={"scenario": "evening", "layout": "open", "name": "again", "seed": 1})
    assert started.status_code == 202
    second = api.post("/api/rehearsals", json={"scenario": "evening", "layout": "checked", "name": "more"}).json()
    assert second["state"] == "waiting"
    assert api.delete(f"/api/rehearsals/{second['id']}").json()["state"] == "cancelled"
    number, until = started.json()["id"], time.monotonic() + 120
    while (state := api.get(f"/api/rehearsals/{number}").json())["state"] == "running" and time.monotonic() < until:
        time.sleep(0.3)
    assert state["state"] == "done" and state["share"] == 1.0, json.dumps(state)
    assert "again" in {r["name"] for r in api.get("/api/runs").json()}
    taken = api.post("/api/rehearsals", json={"scenario": "evening", "layout": "open", "name": "again"})
    assert taken.status_code == 422 and "is there already" in taken.json()["error"]


def test_a_running_rehearsal_is_cancelled_without_a_trace(api, served):
    order = {"scenario": "evening", "layout": "open", "name": "gone", "replications": 20}
    number = api.post("/api/rehearsals", json=order).json()["id"]
    time.sleep(1.5)
    assert api.delete(f"/api/rehearsals/{number}").json()["state"] == "cancelled"
    assert not list(served[1].runs_folder.glob("gone*"))
