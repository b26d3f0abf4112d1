"""A server with drills: the small one on the plaza, accounts of a trainer and trainees, and a browser for each."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
from guard_web import QUICK

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sim"))

from drill_plan_case import small_drill
from serving import serving

from sim.drill import dump
from twin.guard import Guard, Role
from twin.guard.sessions import echo
from viz.app import create_app
from viz.guard.gate import COOKIE, ECHO_COOKIE
from viz.library import Library

PASSWORD = "four quick brown words"
TRAINEES = ("P-1", "P-2")


@contextmanager
def drills_served(plaza, folder, *, accounts=True, live=None, **changes):
    """The application with the small drill: its address, its library, the accounts (None: nobody logs in), the rooms."""
    (folder / "scenarios" / "drills").mkdir(parents=True)
    (folder / "scenarios" / "drills" / "small.yaml").write_text(dump(small_drill(plaza, **changes)), encoding="utf-8")
    library = Library(plaza, folder / "runs", folder / "scenarios")
    guard = Guard(folder / "guard", hasher=QUICK) if accounts else None
    if guard is not None:
        guard.accounts.add("lead", [Role.TRAINER], password=PASSWORD, grids=None)
        for name in TRAINEES:
            guard.accounts.add(name, [Role.TRAINEE], password=PASSWORD, grids=None)
        guard.accounts.add("viewer", [Role.VIEWER], password=PASSWORD, grids=None)
    app = create_app(library, guard=guard, live=live)
    try:
        with serving(app.server) as address:
            yield address, library, guard, app.server.state.drills
    finally:
        app.server.state.drills.close()
        if guard is not None:
            guard.close()


class Person:
    """Somebody who asks the server as an account, or as nobody."""

    def __init__(self, address, guard=None, account=None):
        token = guard.sessions.open(account) if guard is not None else None
        cookies = {COOKIE: token, ECHO_COOKIE: echo(token)} if token else {}
        headers = {"X-CSRFToken": echo(token), "Origin": address} if token else {}
        self.cookies, self.address = cookies, address
        self.web = httpx.Client(base_url=address, cookies=cookies, headers=headers, timeout=60)

    def close(self):
        self.web.close()

    def ask(self, method, path, **body):
        return self.web.request(method, path, json=body if method != "GET" else None)

    def done(self, method, path, **body):
        answer = self.ask(method, path, **body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def socket(self, path):
        from websockets.sync.client import connect
        cookies = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        headers = {"Origin": self.address} | ({"Cookie": cookies} if cookies else {})
        return connect(self.address.replace("http", "ws") + path, additional_headers=headers, max_size=None)


def started(person, name="small"):
    """Start a drill and wait until it runs; gives its path."""
    made = person.done("POST", "/api/drills", drill=name)
    path = f"/api/drills/{made['id']}"
    until(lambda: person.done("GET", path)["stage"] != "starting", 120)
    assert person.done("GET", path)["stage"] == "running", person.done("GET", path)
    return path


def started_here(server, plaza):
    """The small drill, started in an application of this process; gives its room."""
    room = server.state.drills.start(small_drill(plaza))
    until(lambda: room.stage != "starting", 120)
    return room


def until(true, seconds=30.0):
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
