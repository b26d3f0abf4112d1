"""Logging in through a small OpenID Connect provider of this test's own, and everything that it may get wrong."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from guard_web import BASE, Web, guard_of_everyone
from joserfc import jwk, jwt

from twin.errors import BadInput
from twin.guard import Role
from viz.app import create_app
from viz.guard import Provider
from viz.guard.gate import COOKIE
from viz.library import Library

SECRET = "a secret between the two"


class Giver(ThreadingHTTPServer):
    """The provider: one key, codes that work once, PKCE checked, and ``lie`` to change what it says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k1"})
        self.waiting, self.asked, self.lie, self.subject = {}, [], {}, "sub-7"

    def authorize(self, address):
        """What the person's browser does there: it is sent back with a code."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.waiting)}"
        self.waiting[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def token(self, form, authorization):
        asked = self.waiting.pop(form["code"][0])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest()).rstrip(b"=").decode()
        assert asked["code_challenge_method"] == "S256"
        assert asked["code_challenge"] == challenge
        assert base64.b64decode(authorization.split()[1]).decode() == f"hutong:{SECRET}"
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "hutong", "sub": self.subject, "nonce": asked["nonce"], "iat": now, "exp": now + 60}
        claims |= self.lie.get("claims", {})
        claims = {key: value for key, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.lie.get("key", self.key))
        if self.lie.get("unsigned"):
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
            token = f"{head}.{token.split('.')[1]}."
        return {"access_token": "at", "token_type": "Bearer", "id_token": token}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        issuer = self.server.issuer
        self._say({"/.well-known/openid-configuration": {
            "issuer": self.server.lie.get("issuer", issuer), "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/jwks"},
            "/jwks": {"keys": [self.server.key.as_dict(private=False)]}}[self.path])

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self._say(self.server.token(form, self.headers.get("authorization", "")))

    def _say(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def giver():
    server = Giver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(plaza, rehearsed, tmp_path, giver):
    giver.lie, giver.subject = {}, "sub-7"
    guard = guard_of_everyone(tmp_path / "guard")
    guard.accounts.add("P-7", [Role.COMMANDER], grids=["s1"], subject="sub-7")
    app = create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=guard,
                     provider=Provider(giver.issuer, "hutong", SECRET))
    yield Web(app, guard)
    guard.close()


def there_and_back(web, giver, wanted="/compare", state=None, cookie=True):
    """Leave for the provider and come back; the answer of the return."""
    left = web.ask("GET", f"/login/provider?next={wanted}")
    assert left.status_code == 303, left.text
    address = left.headers["location"]
    assert address.startswith(giver.issuer)
    back = giver.authorize(address)
    assert back.startswith(f"{BASE}/login/return?")
    if state is not None:
        back = back.split("&state=")[0] + f"&state={state}"
    headers = {"Cookie": f"hutong_oidc={left.cookies['hutong_oidc']}"} if cookie else {}
    return web.ask("GET", back.removeprefix(BASE), headers=headers), back, headers


def test_whom_the_provider_vouches_for_is_let_in_with_our_roles_and_scope(web, giver):
    answer, _, _ = there_and_back(web, giver)
    assert answer.status_code == 200
    assert 'content="0;url=/compare"' in answer.text
    me = web.ask("GET", "/api/me", token=answer.cookies[COOKIE]).json()
    assert (me["account"], me["roles"], me["grids"]) == ("P-7", ["commander"], ["s1"])
    assert web.guard.audit.tail(1)[0].about == {"how": "provider"}


def test_the_journey_is_bound_to_the_browser_and_works_once(web, giver):
    assert there_and_back(web, giver, cookie=False)[0].status_code == 401
    assert there_and_back(web, giver, state="guessed")[0].status_code == 401
    answer, back, headers = there_and_back(web, giver)
    assert answer.status_code == 200
    assert web.ask("GET", back.removeprefix(BASE), headers=headers).status_code == 401
    assert web.ask("GET", "/login/return").status_code == 401
    assert web.ask("GET", "/login/return?state=x&error=access_denied").status_code == 401


@pytest.mark.parametrize("lie", [
    {"claims": {"nonce": "another"}}, {"claims": {"nonce": None}}, {"claims": {"aud": "somebody else"}},
    {"claims": {"iss": "https://evil.example"}}, {"claims": {"exp": 1}}, {"claims": {"exp": None}}, {"claims": {"sub": None}},
    {"unsigned": True}, {"key": jwk.RSAKey.generate_key(2048, {"kid": "k1"})}],
    ids=["nonce", "no nonce", "audience", "issuer", "old", "no end", "nobody", "unsigned", "other key"])
def test_what_the_provider_may_not_say(web, giver, lie):
    giver.lie = lie
    answer, _, _ = there_and_back(web, giver)
    assert answer.status_code == 401
    assert COOKIE not in answer.cookies
    assert "did not confirm" in answer.text or "未通过" in answer.text


def test_a_subject_without_an_account_or_with_a_disabled_one_stays_out(web, giver):
    giver.subject = "sub-8"
    assert there_and_back(web, giver)[0].status_code == 403
    giver.subject = "sub-7"
    web.guard.accounts.disable("P-7")
    assert there_and_back(web, giver)[0].status_code == 403
    assert [e.what for e in web.guard.audit.tail(2)] == ["login.failed"] * 2


def test_a_provider_that_is_away_is_one_sentence(web, plaza, rehearsed):
    app = create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=web.guard,
                     provider=Provider("http://127.0.0.1:9", "hutong"))
    answer = Web(app, web.guard).ask("GET", "/login/provider")
    assert answer.status_code == 503
    assert "provider" in answer.text


def test_a_provider_that_says_that_it_is_another_one(web, giver):
    giver.lie = {"issuer": "https://evil.example"}
    assert web.ask("GET", "/login/provider").status_code == 503


def test_the_page_offers_the_provider_only_where_there_is_one(web, plaza, rehearsed):
    assert "/login/provider" in web.ask("GET", "/login").text
    plain = Web(create_app(Library(plaza, rehearsed / "runs", rehearsed / "scenarios"), guard=web.guard), web.guard)
    assert "/login/provider" not in plain.ask("GET", "/login").text


def test_a_provider_speaks_https():
    with pytest.raises(BadInput, match="not at an https address"):
        Provider("http://login.example", "hutong")
    assert "secret" not in repr(Provider("https://login.example", "hutong", "secret"))
