"""A running `hutong serve --store`, and what the command line brings to it from another process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from twin.errors import BadInput
from twin.live import Observation
from twin.live.feeds.post import Poster
from twin.places import synthetic
from twin.store import open_store
from viz.cli.account import app as accounts
from viz.cli.feed import app as feed
from viz.cli.live_benchmark import free_port

HERE = Path.cwd()


@dataclass
class Served:
    """A server of the small district, with the token of a feed."""

    web: str
    store: str
    place: str
    token: str

    def read(self, **asked) -> list[Observation]:
        log = open_store(self.store, read_only=True)
        try:
            return log.read(**asked)
        finally:
            log.close()


def hutong(app, *arguments: str, given: str | None = None) -> dict:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False, input=given)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout[result.stdout.index("{"):])


def old_position(days: float) -> Observation:
    at = datetime.now(UTC) - timedelta(days=days)
    return Observation.model_validate({
        "id": f"old-{days}", "stream": "live", "source": "gps", "kind": "position", "object": "P-9", "observed_at": at,
        "received_at": at, "x": 1.0, "y": 1.0, "value": {}})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    place, store = folder / "small.gpkg", folder / "live.sqlite"
    synthetic.generate(size="small").save(place)
    log = open_store(store)
    log.append([old_position(2.0), old_position(0.25)])
    log.close()
    token = hutong(accounts, "token", "demo", "--store", str(store))["token"]
    password = hutong(accounts, "add", "C-1", "--role", "commander", "--everywhere", "--store", str(store))["password"]
    port = free_port()
    web = f"http://127.0.0.1:{port}"
    said = folder / "said.txt"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "viz.cli", "serve", "--store", str(store), "--district", str(place), "--port", str(port),
             "--runs", str(folder / "runs")], stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": str(HERE)})
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{web}/login", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, said.read_text()
                time.sleep(0.2)
        start, end = (datetime.now(UTC) + timedelta(hours=h) for h in (-1, 1))
        told = hutong(feed, "operation", "evening", "--purpose", "a demonstration", "--start", start.isoformat(), "--end",
                      end.isoformat(), "--server", web, "--account", "C-1", given=password + "\n")
        assert told["id"] == "evening"
        time.sleep(1.1)  # the door looks at the operations every second
        yield Served(web, str(store), str(place), token)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_retention_is_applied_while_serving(served: Served):
    until = time.monotonic() + 30
    while "old-2.0" in {o.id for o in served.read(kinds=["position"])}:
        assert time.monotonic() < until, "the position of two days ago is still there"
        time.sleep(0.2)
    assert "old-0.25" in {o.id for o in served.read(kinds=["position"])}
    log = open_store(served.store, read_only=True)
    assert sum(segment.rows for segment in log.segments()) == 1  # the telemetry of six hours ago
    log.close()


def test_a_day_in_fast_motion_reaches_the_running_server(served: Served):
    told = hutong(feed, "synthetic", "--server", served.web, "--token", served.token, "--speed", "3600", "--hour", "12",
                  "--units", "3", "--every", "60", "--district", served.place)
    assert told["stored"] > 1_000 and told["refused"] == 0
    found = [o for o in served.read() if o.source == "demo"]
    assert len(found) == told["stored"]
    assert {o.kind for o in found} >= {"position", "crowd", "case"}
    assert max(o.observed_at for o in found) - min(o.observed_at for o in found) < timedelta(seconds=12.5)
    reported = {o.object for o in found if o.kind == "case" and o.value.step == "report"}
    assert reported == {o.object for o in found if o.kind == "case"}


def test_a_file_and_a_replay_go_into_a_drill(served: Served, tmp_path: Path):
    path = tmp_path / "walk.csv"
    path.write_text("time,x,y\n" + "".join(f"2026-01-01T12:00:{k:02d}Z,{446000 + k},4417000\n" for k in range(3)))
    told = hutong(feed, "file", str(path), "--into", "drill:walk", "--server", served.web, "--token", served.token,
                  "--district", served.place)
    assert told["stored"] + told["refused"] == 3 and sum(told["dropped"].values()) == told["refused"]
    now = datetime.now(UTC)
    told = hutong(feed, "replay", "--from", (now - timedelta(hours=7)).isoformat(), "--until", now.isoformat(), "--into",
                  "drill:again", "--speed", "0", "--store", served.store, "--server", served.web, "--token", served.token)
    again = served.read(stream="drill:again")
    assert len(again) == told["stored"] > 0 and {o.source for o in again} == {"demo"}


def test_the_same_batch_twice_is_stored_once(served: Served):
    report = {"id": "twice", "kind": "note", "object": "duty-log", "observed_at": datetime.now(UTC).isoformat(),
              "value": {"text": "all quiet"}}
    door = Poster(served.web, served.token)
    body = json.dumps([report, report | {"kind": "face"}]).encode()
    assert [(door.take(body)[0].stored, door.take(body)[0].duplicates)] == [(1, 1)]
    assert sum(door.reasons.values()) == 2


def test_a_held_log_names_the_way_in(served: Served):
    with pytest.raises(BadInput, match=r"another process writes this log; .*--server http://\S+ --token TOKEN"):
        hutong(feed, "synthetic", "--store", served.store)


@pytest.mark.parametrize(("server", "token", "says"), [
    (None, "hutong_wrong", "does not know this token"), (None, "", "show a token"), (None, "wröng", "no token to show"),
    ("http://127.0.0.1:9", "t", "no server answers"), ("ftp://x", "t", "no address of a server")])
def test_a_server_that_does_not_take_it_is_one_sentence(served: Served, server: str | None, token: str, says: str):
    with pytest.raises(BadInput, match=re.escape(says)):
        hutong(feed, "synthetic", "--server", server or served.web, "--token", token, "--district", served.place)


def test_a_wrong_password_and_a_missing_account_are_one_sentence(served: Served):
    span = ("--purpose", "evening", "--start", "2026-10-01T18:00:00Z", "--end", "2026-10-01T19:00:00Z", "--server", served.web)
    with pytest.raises(BadInput, match="wrong account or password"):
        hutong(feed, "operation", "op", *span, "--account", "C-1", given="wrong\n")
    with pytest.raises(BadInput, match="name an account"):
        hutong(feed, "operation", "op", *span)
