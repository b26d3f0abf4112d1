"""Kill the server with -9 under load, again and again: every acknowledged observation is there, once.

    python tests/viz/long_kill.py --kills 50 [--rate 5200] [--store postgresql | postgresql://...]

``--store postgresql`` starts a PostgreSQL of its own (fsync on), measures how many observations a second it takes over HTTP, and
then kills by turns the server of Hutong and PostgreSQL itself: its first process, so that all of them go.

Publishers send positions at QoS 1 through a broker that stays up; a poster sends batches over HTTP and repeats each until
it is answered. In the end the log must hold every message that the broker confirmed and every report that the server
confirmed, each once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twin.store import open_store, query
from viz.cli import live_benchmark as bench

_SPAWN = multiprocessing.get_context("spawn")
BATCH = 200


class Database:
    """A PostgreSQL of our own that is killed and comes back; commits wait for the disk."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "twin" / "store"))
        from log_case import Server
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        assert found, "apt install postgresql-15 postgresql-15-postgis-3"
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self._server = Server(found[-1].parent, folder)
        self._server.start(fsync=True)
        self.address = self._server.database()
        self._data = folder / "data"

    def kill(self) -> None:
        """Kill the first process with -9: the others see that it is gone and end."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def start(self) -> None:
        """Start again, as soon as the last of the old processes has ended."""
        until = time.monotonic() + 60
        while True:
            try:
                return self._server.start(fsync=True)
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def stop(self) -> None:
        """Stop for good."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._server.stop()


class Poster(threading.Thread):
    """Posts batches, each again until the server has answered; knows what was acknowledged."""

    def __init__(self, web: str) -> None:
        super().__init__(daemon=True)
        self.web, self.acknowledged, self.over = web, 0, threading.Event()
        self.unanswered = 0

    def run(self) -> None:
        start = datetime.now(UTC) - timedelta(minutes=30)
        batch = 0
        while not self.over.is_set():
            at = (start + timedelta(milliseconds=batch)).isoformat()
            body = json.dumps([{"id": f"{batch}-{k}", "kind": "position", "object": f"B-{k:04d}", "observed_at": at, "x": k,
                                "y": 1, "value": {}} for k in range(BATCH)]).encode()
            while not self._post(body):
                self.unanswered += 1
                if self.over.is_set():
                    return
                time.sleep(0.1)
            batch += 1
            self.acknowledged += BATCH

    def _post(self, body: bytes) -> bool:
        request = urllib.request.Request(f"{self.web}/api/observations", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                receipt = json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return False
        assert receipt["refused"] == 0, receipt
        return bool(receipt["stored"] + receipt["duplicates"] == BATCH)


def kill_loop(folder: Path, kills: int, *, rate: float = 5200.0, store: str | None = None, up_s: float = 2.0,
              database: Database | None = None, batches: int = 0, say: Any = lambda _text: None) -> dict[str, int]:
    """Run the loop; returns what was acknowledged and what the log holds.

    With a ``database`` every second kill is its. ``batches`` of 5,000 are posted before the first, and timed.
    """
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    assert broker is not None, "apt install mosquitto"
    address = database.address if database is not None else store or str(folder / "log.sqlite")
    rng = random.Random(1)
    with bench._broker(broker, folder) as port:
        web_port = bench.free_port()
        start = lambda: _SPAWN.Process(target=bench.serve, args=(web_port, address, f"mqtt://127.0.0.1:{port}"), daemon=True)  # noqa: E731
        server = start()
        server.start()
        bench._reachable(web_port, 150.0)
        results = _SPAWN.Queue()
        confirmed = per_s = in_batches = 0
        if batches:
            timed = _SPAWN.Process(target=bench.post, args=(f"http://127.0.0.1:{web_port}", batches, results), daemon=True)
            timed.start()
            in_batches, took = results.get(timeout=600)
            timed.join()
            per_s = round(in_batches / took)
            say(f"{per_s:,} observations a second over HTTP")
        poster = Poster(f"http://127.0.0.1:{web_port}")
        poster.start()
        for kill in range(kills):
            begun = _SPAWN.Value("d", 0.0)
            crowd = [_SPAWN.Process(target=bench.publish, args=(port, k, 2, rate / 2, up_s + 1, begun, results), daemon=True)
                     for k in range(2)]
            for process in crowd:
                process.start()
            for _ in crowd:
                results.get(timeout=120)
            begun.value = time.time()
            time.sleep(rng.uniform(0.2, up_s))
            if database is not None and kill % 2:
                database.kill()
                database.start()
            else:
                server.kill()
                server.join()
                server = start()
                server.start()
                bench._reachable(web_port, 150.0)
            for process in crowd:
                confirmed += results.get(timeout=120)[0]
                process.join()
            say(f"kill {kill + 1}: {confirmed:,} messages and {poster.acknowledged:,} posted reports acknowledged")
        poster.over.set()
        poster.join()
        end = time.monotonic() + 180  # feeds that found the log gone try again, less and less often
        expected = confirmed + poster.acknowledged + in_batches
        while time.monotonic() < end and bench._asked(f"http://127.0.0.1:{web_port}", "/bench/count")["rows"] < expected:
            time.sleep(2.0)
        server.kill()
        server.join()
    log = open_store(address)
    rows = [row for stream in log.streams() for row in log.read_rows(query(stream))]
    refused = len(log.read_quarantine(limit=10**6))
    log.close()
    posted = sum(row.object.startswith("B-") for row in rows)
    return {"kills": kills, "messages_confirmed": confirmed, "messages_in_log": len(rows) - posted,
            "reports_acknowledged": poster.acknowledged + in_batches, "reports_in_log": posted,
            "twice": len(rows) - len({r.id for r in rows}), "refused": refused, "unanswered_posts": poster.unanswered,
            "http_observations_per_s": per_s}


def lost(result: dict[str, int]) -> int:
    """How many acknowledged observations are missing."""
    return (max(result["messages_confirmed"] - result["messages_in_log"], 0)
            + max(result["reports_acknowledged"] - result["reports_in_log"], 0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5200.0)
    parser.add_argument("--store")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hutong-kill-") as where:
        own = Database(Path(tempfile.mkdtemp(prefix="hutong-postgres-"))) if given.store == "postgresql" else None
        try:
            found = kill_loop(Path(where), given.kills, rate=given.rate, store=given.store, database=own,
                              batches=40 if own else 0, say=lambda text: print(text, flush=True))
        finally:
            if own is not None:
                own.stop()
    print(json.dumps(found | {"lost": lost(found)}, indent=1))
    raise SystemExit(1 if lost(found) or found["twice"] else 0)
