"""``hutong account``, ``hutong audit`` and ``hutong serve`` as a person meets them."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest

from twin.guard import Guard, Role
from viz.cli import main
from viz.cli.account import folder_of
from viz.cli.server import loopback

PASSWORD = "four quick brown words"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hutong(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err
    return run


def opened():
    return Guard(".")


def test_an_account_is_added_with_a_password_that_is_shown_once_and_works(hutong):
    code, out, _ = hutong("account", "add", "P-1", "--role", "commander", "--role", "analyst", "--grid", "sub-1")
    password = re.search(r"shown this once: (\S+)", out)[1]
    assert code == 0
    guard = opened()
    found = guard.accounts.verify("P-1", password)
    assert (found.roles, found.grids) == ({"commander", "analyst"}, {"sub-1"})
    entry = guard.audit.tail(1)[0]
    assert (entry.who, entry.what, entry.about["account"]) == ("console", "account.add", "P-1")
    assert password not in guard.audit.path.read_text()
    guard.close()


def test_a_password_can_be_given_and_changed(hutong, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    code, out, _ = hutong("account", "add", "a", "--role", "viewer", "--everywhere", "--password-stdin", "--json")
    assert code == 0
    assert json.loads(out) == {"account": "a", "roles": ["viewer"], "disabled": False, "grids": None}
    code, out, _ = hutong("account", "password", "A", "--json")
    guard = opened()
    assert guard.accounts.verify("a", PASSWORD) is None
    assert guard.accounts.verify("a", json.loads(out)["password"])
    guard.close()


def test_every_change_of_rights_is_written_down(hutong):
    hutong("account", "add", "a", "--role", "viewer", "--grid", "s1")
    for change in (("role", "a", "planner", "viewer"), ("scope", "a", "s2", "s3"), ("scope", "a", "--everywhere"),
                   ("disable", "a"), ("disable", "a", "--enable"), ("token", "cam-1", "--kind", "crowd"),
                   ("token", "cam-1", "--revoke")):
        code, _, err = hutong("account", *change)
        assert code == 0, err
    code, out, _ = hutong("audit", "show", "--json")
    assert [e["what"] for e in reversed(json.loads(out))] == [
        "account.add", "account.role", "account.scope", "account.scope", "account.disable", "account.enable", "token.issue",
        "token.revoke"]
    code, out, _ = hutong("account", "list", "--json")
    assert json.loads(out)["accounts"] == [{"account": "a", "roles": ["planner", "viewer"], "disabled": False, "grids": None}]


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("add", "a", "--role", "boss"), "there is no role 'boss'; choose among viewer"),
    (("add", "a b", "--role", "viewer"), "cannot be written so"),
    (("add", "a", "--role", "viewer", "--grid", "g", "--everywhere"), "do not go together"),
    (("role", "nobody", "viewer"), "there are no accounts"),
    (("list",), "there are no accounts"),
    (("token", "cam-1", "--kind", "faces"), "there is no kind 'faces'"),
    (("token", "cam-1", "--revoke"), "there are no accounts")])
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing_behind(hutong, tmp_path, arguments, sentence):
    code, out, err = hutong("account", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    guard = tmp_path / "guard.sqlite"
    assert not guard.exists() or Guard(".").accounts.all() == []


def test_the_last_admin_cannot_be_disabled(hutong):
    hutong("account", "add", "root", "--role", "admin")
    code, _, err = hutong("account", "disable", "root")
    assert code == 2
    assert "last admin" in err


def test_verify_names_the_line_that_was_changed(hutong, tmp_path):
    for k in range(3):
        hutong("account", "add", f"a{k}", "--role", "viewer")
    code, out, _ = hutong("audit", "verify", "--json")
    whole = json.loads(out)
    assert (code, whole["lines"], whole["whole"], whole["findings"]) == (0, 3, True, [])
    audit = tmp_path / "audit.jsonl"
    audit.write_text(audit.read_text().replace('"a1"', '"b1"'))
    code, out, _ = hutong("audit", "verify")
    assert code == 1
    assert "audit.jsonl:2: number 2 was changed." in out
    audit.write_text("".join(audit.read_text().splitlines(keepends=True)[:1]))
    code, out, _ = hutong("audit", "verify", "--head", whole["head"])
    assert code == 1
    assert "numbers 2 to 3 were cut off" in out
    assert "noted elsewhere" in out


def test_without_an_audit_it_says_so(hutong):
    for command in ("verify", "show"):
        code, _, err = hutong("audit", command, "--store", "elsewhere/live.sqlite")
        assert code == 2
        assert "elsewhere/audit.jsonl: there is no audit" in err


def test_accounts_stand_beside_the_log(tmp_path):
    assert str(folder_of("data/live.sqlite")) == "data"
    assert str(folder_of("sqlite:///data/live.sqlite")) == "data"
    assert str(folder_of("postgresql://u@h/twin")) == str(folder_of(None)) == str(folder_of("memory:")) == "."


@pytest.mark.parametrize(("host", "own"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
    ("192.168.1.7", False), ("twin.example", False), ("", False), ("localhost.evil.example", False)])
def test_which_hosts_are_this_machine_alone(host, own):
    assert loopback(host) == own


@pytest.mark.parametrize("store", [(), ("--store", "live.sqlite")])
def test_others_are_not_served_without_accounts(hutong, tmp_path, store):
    code, out, err = hutong("serve", "--host", "0.0.0.0", *store)
    assert (code, out) == (2, "")
    assert "there are no accounts" in err
    assert "hutong account add" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_token_alone_is_no_account(hutong):
    hutong("account", "token", "cam-1")
    code, _, err = hutong("serve", "--host", "0.0.0.0")
    assert code == 2
    assert "there are no accounts" in err


def test_a_provider_needs_somebody_to_log_in(hutong):
    code, _, err = hutong("serve", "--oidc-issuer", "https://login.example")
    assert code == 2
    assert "nobody logs in" in err


class Served:
    """``hutong serve`` in a process of its own."""

    def __init__(self, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "viz.cli", "serve", "--port", str(self.port), *map(str, arguments)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if "Hutong is at" in line:
                break
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self.client.get("/login")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(self.said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()


def test_the_first_start_with_a_log_makes_an_admin_and_everything_needs_a_login(plaza, tmp_path):
    (tmp_path / "scenarios").mkdir()
    arguments = ("--store", tmp_path / "live.sqlite", "--district", plaza, "--scenarios", tmp_path / "scenarios")
    with Served(*arguments) as served:
        password = re.search(r"the password (\S+) \(shown this once\)", "".join(served.said))[1]
        assert served.client.get("/api/districts").status_code == 401
        assert served.client.get("/twin").headers["location"] == "/login?next=/twin"
        answer = served.client.post("/login", data={"account": "admin", "password": password})
        assert answer.status_code == 303
        assert served.client.get("/api/me").json()["roles"] == [Role.ADMIN]
        assert served.client.get("/api/observations").status_code == 403
        assert "server" not in answer.headers
    with Served(*arguments) as served:
        assert "password" not in "".join(served.said)
        assert served.client.get("/api/districts").status_code == 401


def test_without_a_log_on_this_machine_nobody_logs_in(plaza, tmp_path):
    (tmp_path / "scenarios").mkdir()
    with Served("--district", plaza, "--scenarios", tmp_path / "scenarios") as served:
        assert served.client.get("/api/me").json()["account"] == "local"
        assert served.client.get("/api/districts").status_code == 200
        assert served.client.get("/api/districts", headers={"Host": "evil.example.com"}).status_code == 403
    assert not (tmp_path / "guard.sqlite").exists()
