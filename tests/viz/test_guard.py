"""Every role against every route, socket and callback: what the table allows is answered, everything else is refused."""

import shutil

import pytest
from guard_live import live_web
from guard_web import Web, concrete, guard_of_everyone

from twin.guard import DEVICE, TABLE, Permission, Principal, Role
from viz.app import create_app
from viz.guard import current
from viz.guard.routes import flat, keys
from viz.guard.table import CALLBACKS, PAGES, PUBLIC, ROUTES, SHUT, Door, callback_needs, output_ids
from viz.library import Library

NAMES = {"name": "plaza", "table": "streets", "object_id": "hall", "courtyard_id": "hall", "layout": "open", "run": "open",
         "which": "density_max", "number": "1", "rest": "nothing", "path": "twin"}
PLACES = {"/api/scenarios/{name}": {"name": "evening"}, "/api/runs/{name}": {"name": "open"}}
LOGINS = {"GET /login/provider", "GET /login/return", "GET {path:path}"}  # there with a provider, and in Dash itself
WHO = [*Role, None, DEVICE]


@pytest.fixture(scope="module")
def web(plaza, rehearsed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    shutil.copytree(rehearsed, folder / "library")
    made = live_web(plaza, folder / "library" / "runs", folder / "library" / "scenarios", folder)
    yield made
    made.close()


def all_keys(web):
    return {key for route in flat(web.server.router.routes) for key in keys(route)}


def known_callbacks(web):
    return {name: callback for name, callback in web.app.callback_map.items() if callback.get("callback")}


def answered(web, key, who):
    """What an account (or nobody, or a feed) is answered at a door, with names of things that there are."""
    method, template = key.split(" ", 1)
    values = dict(NAMES)
    for begins, own in PLACES.items():
        if template.startswith(begins):
            values |= own
    method, path = concrete(key, values)
    if method == "MOUNT":
        method, path = "GET", "/assets/hutong.css"
    if "_dash-component-suites" in path:
        path = "/_dash-component-suites/dash/nothing.js"
    headers = {"Authorization": f"Bearer {web.guard.devices.issue('cam-1')}"} if who == DEVICE else {}
    account = who if who != DEVICE else None
    if method == "WS":
        return 200 if web.opened(web.socket(path, who=account)) else 403
    body = {"json": {}} if method in ("POST", "PUT") and path != "/login" else {}
    if key == "POST /_dash-update-component":
        body = {"json": callback_body(web, "page.children", "/twin")}
    return web.ask(method, path, who=account, headers=headers, **body).status_code


def callback_body(web, output, first=None):
    callback = web.app.callback_map[output]
    inputs = [{"id": one["id"], "property": one["property"], "value": None} for one in callback["inputs"]]
    inputs[0]["value"] = first
    parts = output[2:-2].split("...") if output.startswith("..") else [output]
    outputs = [{"id": part.rpartition(".")[0], "property": part.rpartition(".")[2].split("@")[0]} for part in parts]
    return {"output": output, "outputs": outputs if output.startswith("..") else outputs[0], "inputs": inputs, "state": [
        {"id": one["id"], "property": one["property"], "value": None} for one in callback["state"]],
        "changedPropIds": [f"{inputs[0]['id']}.{inputs[0]['property']}"]}


def test_every_route_is_in_the_table(web):
    assert all_keys(web) - set(ROUTES) == set(), "add a line to viz/guard/table.py for each of these"


def test_the_table_names_no_route_that_is_not_there(web):
    assert set(ROUTES) - all_keys(web) - LOGINS == set()


def test_every_callback_is_in_the_table(web):
    def inputs(callback):
        return [str(one["id"]) for one in callback["inputs"]]
    missing = [name for name, callback in known_callbacks(web).items() if callback_needs(name, inputs(callback)) is None]
    assert missing == [], "add a line to CALLBACKS in viz/guard/table.py for each of these"


def test_every_page_is_in_the_table():
    from viz.pages import _PAGES
    assert {*_PAGES, "/command"} == set(PAGES)


@pytest.mark.parametrize("who", WHO)
def test_every_door_for_everybody(web, who):
    """Not 401 or 403 where the table allows it, 401 or 403 (or the login page) elsewhere, and nothing breaks."""
    roles = frozenset({who}) if who else frozenset()
    may = Principal("x", roles).permissions
    wrong = {}
    for key in sorted(all_keys(web)):
        door = ROUTES[key]
        if key == "POST /logout":
            continue  # ends the session: a test of its own
        if key == "POST /api/observations" and who == Role.TRAINER:
            continue  # into drills alone: the next test
        status = answered(web, key, who)
        allowed = not door.shut and (not door.needs or bool(may & set(door.needs)))
        led_to_login = door.page and who is None and status == 303
        refused = status in (401, 403) or led_to_login
        if key == "POST /login":  # an empty form is a wrong password
            refused = status not in (401, 429)
        if status >= 500 or refused == allowed:
            wrong[key] = (status, allowed)
    assert wrong == {}


def test_whoever_leads_drills_reports_into_drills_alone(web):
    report = [{"kind": "note", "object": "duty-log", "observed_at": "2026-10-01T12:00:00Z", "value": {"text": "all quiet"}}]
    for role, drill, live in (("trainer", 200, 403), ("trainee", 403, 403), ("commander", 403, 200), ("viewer", 403, 403)):
        told = [web.ask("POST", f"/api/observations?stream={stream}", who=role, json=report).status_code
                for stream in ("drill:night", "live")]
        assert told == [drill, live], role


@pytest.mark.parametrize("who", WHO)
def test_every_callback_for_everybody(web, who):
    may = TABLE.get(who, frozenset())
    headers = {"Authorization": f"Bearer {web.guard.devices.issue('cam-1')}"} if who == DEVICE else {}
    wrong = {}
    for name, callback in known_callbacks(web).items():
        needed = callback_needs(name, [str(one["id"]) for one in callback["inputs"]]) | {Permission.PAGES}
        status = web.ask("POST", "/_dash-update-component", who=who if who != DEVICE else None, headers=headers,
                         json=callback_body(web, name)).status_code
        if status >= 500 or (status in (401, 403)) == (needed <= may):
            wrong[name] = status
    assert wrong == {}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_built_for_those_who_may_see_it_only(web, path):
    for role in Role:
        answer = web.ask("POST", "/_dash-update-component", who=role, json=callback_body(web, "page.children", path))
        assert (answer.status_code == 403) == (PAGES[path] not in TABLE[role]), (role, answer.text[:200])


def test_a_callback_knows_who_asks(web, monkeypatch):
    """In the thread beside the event loop too: what it shows depends on it."""
    met, plain = [], Library.districts
    monkeypatch.setattr(Library, "districts", lambda self: met.append(current().name) or plain(self))
    for who in ("viewer", "west"):
        web.ask("POST", "/_dash-update-component", who=who, json=callback_body(web, "page.children", "/twin"))
    assert list(dict.fromkeys(met)) == ["viewer", "west"]
    assert current().permissions == frozenset()


def test_a_callback_that_is_not_there_or_not_in_the_table_is_refused(web):
    for output in ("nothing.children", "twin-hits.nothing", "", "..", "a" * 1000, {"a": 1}, ["x"], None, 7):
        body = callback_body(web, "twin-hits.children") | {"output": output}
        assert web.ask("POST", "/_dash-update-component", who="commander", json=body).status_code in (400, 403), output
    for body in (b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"output": "page.children", "inputs": []}', b"[" * 50_000):
        answer = web.ask("POST", "/_dash-update-component", who="commander", content=body,
                         headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, body[:40]


def test_the_names_of_callbacks_are_taken_apart():
    assert output_ids("page.children") == ["page"]
    assert output_ids("..a.data...b-c.value@12ab..") == ["a", "b-c"]
    assert output_ids("e09eab6843716ea682129a88bba760a7") == []
    table = {"twin-": Permission.TWIN_READ, "twin-act": Permission.ALARMS_ACT, "twin-live-": Permission.LIVE_READ}
    assert callback_needs("twin-x.data", [], table) == {Permission.TWIN_READ}
    assert callback_needs("twin-live-x.data", [], table) == {Permission.LIVE_READ}
    assert callback_needs("twin-act.n", [], table) == {Permission.ALARMS_ACT}
    assert callback_needs("twin-x.data", ["twin-act", "other"], table) == {Permission.TWIN_READ, Permission.ALARMS_ACT}
    assert callback_needs("..twin-x.data...other.y..", [], table) is None
    assert callback_needs("0123abcd", ["twin-act"], table) == {Permission.ALARMS_ACT}
    assert callback_needs("0123abcd", ["other"], table) is None


def test_a_route_that_somebody_forgot_is_refused_to_everybody(plaza, rehearsed, tmp_path):
    guard = guard_of_everyone(tmp_path)
    app = create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=guard)
    reached = []
    app.server.router.routes.insert(0, app.server.router.routes.pop())  # the route of every page last of all is not last
    app.server.add_api_route("/api/forgotten", lambda: reached.append(1))
    route = app.server.router.routes.pop()
    app.server.router.routes.insert(0, route)
    web = Web(app, guard)
    for role in Role:
        assert web.ask("GET", "/api/forgotten", who=role).status_code == 403
    assert web.ask("GET", "/api/forgotten").status_code == 401
    assert reached == []
    guard.close()


def test_a_socket_that_somebody_forgot_is_refused_to_everybody(plaza, rehearsed, tmp_path):
    from fastapi import WebSocket
    guard = guard_of_everyone(tmp_path)
    app = create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=guard)

    @app.server.websocket("/ws/forgotten")
    async def forgotten(socket: WebSocket) -> None:
        await socket.accept()

    web = Web(app, guard)
    for role in Role:
        assert not web.opened(web.socket("/ws/forgotten", who=role))
    guard.close()


def test_a_method_that_a_route_does_not_take(web):
    assert web.ask("DELETE", "/api/districts", who="viewer").status_code in (404, 405)
    assert web.ask("PATCH", "/api/districts", who="viewer").status_code in (404, 405)
    assert web.ask("PATCH", "/api/districts").status_code == 401
    assert web.ask("POST", "/twin", who="viewer", json={}).status_code == 405


@pytest.mark.parametrize("path", [
    "/api/districts/", "//api/districts", "/api//districts", "/API/districts", "/api/./districts", "/api/x/../districts",
    "/api/%64istricts", "/assets/../api/districts", "/assets/%2e%2e/app.py", "/assets/..%2f..%2fpyproject.toml",
    "/_dash-component-suites/dash/../../secrets.js", "/login/../api/runs", "/api/districts;/login", "/api/districts%00"])
def test_no_way_of_writing_a_path_leads_round_the_gate(web, path):
    answer = web.ask("GET", path)
    assert answer.status_code in (303, 401, 403, 404, 500 - 96), (answer.status_code, answer.text[:80])
    assert "plaza" not in answer.text
    assert "create_app" not in answer.text


def test_doors_are_what_they_say():
    assert Door() == PUBLIC
    assert SHUT.shut
    assert all(door.needs or door.shut or key.split(" ")[1].startswith(("/login", "/assets", "/_dash-component", "/_favicon"))
               for key, door in ROUTES.items())
    assert set(CALLBACKS.values()) <= set(Permission)


def test_who_am_i(web):
    me = web.ask("GET", "/api/me", who="commander").json()
    assert (me["account"], me["roles"], me["grids"]) == ("commander", ["commander"], None)
    assert "positions.read" in me["permissions"]
    assert "/plan" not in me["pages"]
    assert 0 < me["ends_s"] <= 3600


def test_without_a_guard_it_is_the_planner_at_this_machine(library):
    web = Web(create_app(library))
    me = web.ask("GET", "/api/me").json()
    assert me["account"] == "local"
    assert {"/twin", "/plan", "/rehearse", "/playback", "/compare"} <= set(me["pages"])
    assert not any(p.startswith("positions") for p in me["permissions"])
    assert web.ask("GET", "/api/audit").status_code == 404
    assert web.ask("GET", "/api/accounts").status_code == 404
    assert web.ask("GET", "/api/runs").status_code == 200
    assert web.ask("GET", "/login").status_code == 200  # no login page: the page that says that there is none
    assert web.ask("POST", "/login", data={}).status_code == 405


@pytest.mark.parametrize(("host", "answered"), [
    ("127.0.0.1:8050", True), ("localhost:8050", True), ("[::1]:8050", True), ("desk", True), ("twin.localhost", True),
    ("evil.example.com", False), ("127.0.0.1.evil.example", False), ("localhost.evil.example:8050", False), ("", True)])
def test_without_a_guard_another_site_s_name_for_this_machine_is_refused(library, host, answered):
    web = Web(create_app(library))
    assert (web.ask("GET", "/api/districts", headers={"Host": host}).status_code == 200) == answered


def test_openapi_is_served_and_says_what_there_is(web):
    api = web.ask("GET", "/api/openapi.json", who="viewer").json()
    assert {"/api/me", "/api/accounts", "/api/audit", "/api/districts"} <= set(api["paths"])
    fields = {field for model in api["components"]["schemas"].values() for field in model.get("properties", ())}
    assert not any("password" in field for field in fields)
