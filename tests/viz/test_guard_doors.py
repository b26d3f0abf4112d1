"""Logging in, sessions, other sites, limits, headers and what is written down."""

import asyncio
import time

import httpx
import pytest
from guard_web import BASE, PASSWORD, Clock, Web, guard_of_everyone

import viz.guard.gate as gate
from twin.guard import Rate, Role
from twin.guard.sessions import IDLE_S, LONGEST_S, echo
from viz.app import create_app
from viz.guard.gate import COOKIE, ECHO_COOKIE, Gate
from viz.guard.login import within_hutong
from viz.library import Library

ORDER = {"scenario": "evening", "layout": "nothing"}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def web(plaza, rehearsed, tmp_path, clock):
    guard = guard_of_everyone(tmp_path / "guard", clock)
    yield Web(create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=guard), guard)
    guard.close()


def audited(web, what):
    return web.guard.audit.tail(50, what=what)


def test_logging_in_sets_two_strict_cookies_and_leads_on(web):
    answer = web.ask("POST", "/login", data={"account": "Planner", "password": PASSWORD, "next": "/plan?scenario=evening"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan?scenario=evening")
    given = {line.split("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert all("SameSite=strict" in line and "Path=/" in line for line in given.values())
    assert "HttpOnly" in given[COOKIE]
    assert "HttpOnly" not in given[ECHO_COOKIE]
    assert "Secure" not in given[COOKIE]
    secure = web.login("planner", scheme="https")
    assert all("Secure" in line for line in secure.headers.get_list("set-cookie"))
    assert web.ask("GET", "/api/me", token=answer.cookies[COOKIE]).json()["account"] == "planner"
    assert audited(web, "login")[0].who == "planner"


def test_a_session_that_somebody_else_chose_is_worthless(web):
    """Fixation: a token planted in the browser is no session before the login and none after it."""
    planted = "x" * 43
    answer = web.login("planner", token=planted)
    assert answer.cookies[COOKIE] != planted
    assert web.ask("GET", "/api/me", token=planted).status_code == 401
    first = answer.cookies[COOKIE]
    again = web.login("planner", token=first)
    assert again.cookies[COOKIE] != first
    assert web.ask("GET", "/api/me", token=first).status_code == 401


def test_logging_out_ends_the_session_at_the_server(web):
    token = web.guard.sessions.open("planner")
    answer = web.ask("POST", "/logout", token=token)
    assert answer.status_code == 200
    assert all("Max-Age=0" in line for line in answer.headers.get_list("set-cookie"))
    assert web.ask("GET", "/api/me", token=token).status_code == 401
    assert audited(web, "logout")[0].who == "planner"


def test_both_kinds_of_wrong_look_the_same_and_are_written_down(web):
    wrong, nobody = web.login("planner", "wrong wrong wrong"), web.login("nobody", "wrong wrong wrong")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text == nobody.text
    assert "set-cookie" not in wrong.headers
    assert [(e.who, e.about["why"]) for e in audited(web, "login.failed")] == [
        ("an unknown account", "wrong account or password"), ("planner", "wrong account or password")]


def test_a_password_typed_into_the_wrong_field_is_not_written_down(web):
    web.login(PASSWORD, PASSWORD)
    assert PASSWORD not in web.guard.audit.path.read_text()


def test_a_disabled_account_is_out_at_once(web):
    token = web.guard.sessions.open("planner")
    assert web.ask("GET", "/api/me", token=token).status_code == 200
    web.guard.accounts.disable("planner")
    assert web.ask("GET", "/api/me", token=token).status_code == 401
    assert web.login("planner").status_code == 401


def test_a_change_of_roles_ends_what_the_old_ones_opened(web):
    token = web.guard.sessions.open("planner")
    web.guard.accounts.set_roles("planner", [Role.VIEWER])
    assert web.ask("POST", "/api/rehearsals", token=token, json=ORDER).status_code == 401
    assert web.ask("POST", "/api/rehearsals", who="planner", json=ORDER).status_code == 403


def test_sessions_end_when_idle_and_when_old(web, clock):
    token = web.guard.sessions.open("planner")
    clock.now += IDLE_S + 1
    page = web.ask("GET", "/plan?layout=a", token=token)
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/plan%3Flayout%3Da")
    assert web.ask("GET", "/api/me", token=token).status_code == 401
    token, opened = web.guard.sessions.open("planner"), clock.now
    while clock.now < opened + LONGEST_S:
        assert web.ask("GET", "/api/me", token=token).status_code == 200
        clock.now += IDLE_S / 2
    assert web.ask("GET", "/api/me", token=token).status_code == 401


def test_the_login_page_says_that_the_session_has_ended(web):
    assert "Log in again" in web.ask("GET", "/login", token="gone", headers={"Accept-Language": "en"}).text
    first = web.ask("GET", "/login", headers={"Accept-Language": "en"}).text
    assert '<p id="login-wrong" role="alert" hidden></p>' in first


def test_the_login_page_is_in_both_languages_and_asks_nothing_outside(web):
    for spoken, title in (("zh-CN,zh;q=0.9", "登录胡同孪生"), ("en-GB", "Log in to Hutong")):
        text = web.ask("GET", "/login", headers={"Accept-Language": spoken}).text
        assert f"<title>{title}</title>" in text
        assert "//" not in text.replace("</", "").split("<body>")[1]


def test_whoever_is_logged_in_is_led_on_from_the_login_page(web):
    answer = web.ask("GET", "/login?next=/compare", who="planner")
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare")


@pytest.mark.parametrize("wanted", [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/login", "plan",
    "/\t/evil.example", "/x\r\nSet-Cookie: a=b", "", None, "/login?next=/login"])
def test_nobody_is_led_to_another_site(wanted):
    assert within_hutong(wanted) == "/twin"
    assert within_hutong("/plan?scenario=a&layout=b") == "/plan?scenario=a&layout=b"


def test_what_is_led_to_cannot_leave_its_attribute(web):
    text = web.ask("GET", "/login", params={"next": '/a"><script>alert(1)</script>'}).text
    assert "<script>alert" not in text


# Other sites


def test_a_change_needs_the_echo_of_its_own_session(web):
    """A page of another site can make the browser send the cookie, but cannot read what it has to repeat."""
    token, other = web.guard.sessions.open("planner"), web.guard.sessions.open("planner")
    for header in (None, "", "wrong", echo(other)):
        answer = web.ask("POST", "/api/rehearsals", token=token, json=ORDER, headers={"X-CSRFToken": header})
        assert answer.status_code == 403, header
    assert web.ask("POST", "/api/rehearsals", token=token, json=ORDER).status_code == 404  # passed: there is no such layout
    for method, path in (("PUT", "/api/scenarios/evening/layouts/open"), ("DELETE", "/api/rehearsals/1"), ("POST", "/logout"),
                         ("POST", "/_dash-update-component")):
        assert web.ask(method, path, token=token, json={}, headers={"X-CSRFToken": None}).status_code == 403


@pytest.mark.parametrize(("headers", "passes"), [
    ({"Origin": BASE}, True), ({}, True), ({"Sec-Fetch-Site": "same-origin"}, True), ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "http://evil.example"}, False), ({"Origin": "null"}, False), ({"Origin": "http://127.0.0.1:9999"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False), ({"Sec-Fetch-Site": "same-site"}, False)])
def test_a_change_comes_from_a_page_of_ours(web, headers, passes):
    answer = web.ask("POST", "/api/rehearsals", who="planner", json=ORDER, headers=headers)
    assert (answer.status_code != 403) == passes
    login = web.login("planner", headers=headers)
    assert (login.status_code == 303) == passes


@pytest.mark.parametrize(("origin", "opens"), [(BASE, True), ("http://evil.example", False), ("null", False), (None, False)])
def test_a_socket_with_a_session_is_opened_by_a_page_of_ours_only(web, origin, opens):
    assert web.opened(web.socket("/ws/run/open", who="viewer", origin=origin)) == opens


def test_without_a_guard_another_site_can_neither_change_nor_listen(library):
    web = Web(create_app(library))
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert web.ask("POST", "/api/rehearsals", json=ORDER, headers=headers).status_code == 403
    assert web.ask("POST", "/api/rehearsals", json=ORDER).status_code == 404
    assert not web.opened(web.socket("/ws/run/open", origin="http://evil.example"))
    assert web.opened(web.socket("/ws/run/open"))
    assert web.opened(web.socket("/ws/run/open", origin=None))


# Sockets outlive the question who may open them


def test_an_open_socket_is_closed_when_its_session_ends(web, monkeypatch):
    monkeypatch.setattr(gate, "RECHECK_S", 0.05)
    token = web.guard.sessions.open("viewer")
    told = '{"t": 0, "rate": 1, "playing": true}'

    def end(sent):
        if web.opened(sent) and len(sent) > 1:
            web.guard.sessions.close(token)
        return False
    sent = web.socket("/ws/run/open", token=token, messages=[told, "ack", "ack"], stay_s=5, until=end)
    assert sent[-1] == {"type": "websocket.close", "code": gate.ENDED, "reason": "the session has ended"}
    assert any("bytes" in message for message in sent)


def test_an_open_socket_is_closed_when_the_roles_do_not_allow_it_any_more(web, monkeypatch):
    monkeypatch.setattr(gate, "RECHECK_S", 0.05)
    token = web.guard.sessions.open("viewer")

    def demote(sent):
        with web.guard._keep.change() as base:  # as another process would, the session left alone
            base.execute("""update accounts set roles = '["trainee"]' where key = 'viewer'""")
        return False
    sent = web.socket("/ws/run/open", token=token, stay_s=5, until=demote)
    assert sent[-1]["code"] == gate.ENDED


# Feeds


def test_a_feed_shows_its_token_and_needs_no_echo(web):
    token = web.guard.devices.issue("cam-1", kinds=["crowd"])
    assert web.ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert web.ask("GET", "/api/me", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert web.ask("GET", "/api/me", headers={"Authorization": f"Basic {token}"}).status_code == 401
    web.guard.devices.revoke("cam-1")
    assert web.ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_feed_s_token_does_not_borrow_a_session(web):
    """A wrong token is not made good by the cookie that comes with it."""
    assert web.ask("GET", "/api/me", who="planner", headers={"Authorization": "Bearer wrong"}).status_code == 401


# Limits


def test_guessing_one_account_is_slowed_down_from_everywhere(web):
    for k in range(8):
        assert web.login("planner", "wrong wrong wrong", client=(f"10.0.0.{k}", 1)).status_code == 401
    slowed = web.login("planner", client=("10.0.1.1", 1))
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    assert web.login("viewer", client=("10.0.1.1", 1)).status_code == 303
    assert audited(web, "login.failed")[0].about["why"] == "too many tries"


def test_guessing_from_one_address_is_slowed_down_for_all_accounts(web):
    statuses = [web.login(f"guess-{k}", "wrong wrong wrong").status_code for k in range(32)]
    assert statuses[:30] == [401] * 30
    assert statuses[-1] == 429
    assert web.login("planner").status_code == 429
    assert web.login("planner", client=("10.9.9.9", 1)).status_code == 303


def test_many_guesses_at_once_are_no_way_round(web):
    async def storm():
        transport = httpx.ASGITransport(app=web.server, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
            return await asyncio.gather(*(client.post("/login", data={"account": "planner", "password": f"wrong wrong {k}"})
                                          for k in range(20)))
    statuses = [answer.status_code for answer in asyncio.run(storm())]
    assert statuses.count(401) == 8
    assert statuses.count(429) == 12


def test_asking_too_often_is_answered_with_a_pause(web):
    small = Gate(web.server, routes=lambda: web.server.router.routes, guard=web.guard, people=Rate(3, 0.5))
    gated = Web(type("App", (), {"server": small})(), web.guard)
    token = web.guard.sessions.open("planner")
    answers = [gated.ask("GET", "/api/me", token=token) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert gated.ask("GET", "/api/me", who="viewer").status_code == 200


def test_a_body_that_is_too_long_is_refused_unread(web):
    long = b"x" * 70_000
    assert web.ask("POST", "/api/rehearsals", who="planner", content=long).status_code == 413
    assert web.ask("POST", "/login", content=long).status_code == 413
    assert web.ask("PUT", "/api/scenarios/evening/layouts/open", who="planner", content=long).status_code == 422

    async def endless():
        for _ in range(200):
            yield b"x" * 1000
    assert web.ask("POST", "/api/rehearsals", who="planner", content=endless()).status_code == 413


def test_a_body_that_never_ends_is_given_up(web, monkeypatch):
    monkeypatch.setattr(gate, "BODY_WITHIN_S", 0.1)

    async def slow():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"
    began = time.monotonic()
    answer = web.ask("POST", "/login", content=slow())
    assert answer.status_code in (408, 413, 401) and time.monotonic() - began < 5


# Headers


@pytest.mark.parametrize("path", ["/login", "/twin", "/api/me", "/assets/hutong.css", "/api/nothing", "/docs", "/"])
def test_every_answer_carries_the_security_headers(web, path):
    for who in ("planner", None):
        headers = web.ask("GET", path, who=who).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers
    assert "max-age" in web.ask("GET", path, who="planner", scheme="https").headers["strict-transport-security"]


def test_what_was_said_to_somebody_is_kept_by_no_cache(web):
    assert web.ask("GET", "/api/me", who="planner").headers["cache-control"] == "no-store"


def test_inline_scripts_are_allowed_only_where_we_wrote_them(web):
    from viz.guard import policy
    assert "sha256-" in web.ask("GET", "/twin", who="planner").headers["content-security-policy"]
    assert "sha256-" not in web.ask("GET", "/api/me", who="planner").headers["content-security-policy"]
    sheet = web.ask("GET", "/api/compare/page?a=open&b=checked", who="planner")
    assert sheet.status_code == 200
    assert "sha256-" not in sheet.headers["content-security-policy"]
    assert policy("<script>a()</script><script src='x'></script>").count("sha256-") == 1


# The audit


def test_an_export_is_written_down_before_it_leaves(web):
    web.ask("GET", "/api/compare/page?a=open&b=checked", who="analyst")
    entry = audited(web, "export")[0]
    assert (entry.who, entry.what) == ("analyst", "export.comparison")
    assert entry.about["asked"] == {"a": "open", "b": "checked"}
    assert web.guard.audit.verify() == []


def test_an_export_that_cannot_be_written_down_does_not_leave(web, monkeypatch):
    def broken(*_args, **_about):
        raise OSError("the disk is full")
    monkeypatch.setattr(web.guard.audit, "write", broken)
    answer = web.ask("GET", "/api/compare/page?a=open&b=checked", who="analyst")
    assert answer.status_code == 503
    assert "written down" in answer.json()["error"]


def test_the_auditor_reads_and_verifies_what_was_done(web):
    web.login("planner", "wrong wrong wrong")
    lines = web.ask("GET", "/api/audit?what=login", who="auditor").json()
    assert lines[0]["what"] == "login.failed"
    assert web.ask("GET", "/api/audit/findings", who="auditor").json() == []
    path = web.guard.audit.path
    path.write_text(path.read_text().replace("login.failed", "login.passed", 1))
    assert web.ask("GET", "/api/audit/findings", who="auditor").json()[0] == {"line": 1, "what": "number 1 was changed"}
    for role in set(Role) - {Role.AUDITOR}:
        assert web.ask("GET", "/api/audit", who=role).status_code == 403


def test_accounts_are_listed_without_anything_secret(web):
    answer = web.ask("GET", "/api/accounts", who="admin")
    assert {line["account"] for line in answer.json()} == set(Role)
    assert "argon2" not in answer.text
    assert web.ask("GET", "/api/accounts", who="commander").status_code == 403
