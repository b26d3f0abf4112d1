"""``hutong feed``: what it brings and what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from twin.errors import BadInput
from twin.store import open_store
from viz.cli.feed import app


def run(*arguments: str) -> dict:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout[result.stdout.index("{"):])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A log with a made-up day of one patrol in a drill."""
    path = tmp_path_factory.mktemp("feed") / "log.sqlite"
    said = run("synthetic", "--store", str(path), "--into", "drill:demo", "--date", "2026-10-01", "--units", "1",
               "--every", "600")
    assert said["stored"] > 100_000 and said["refused"] == 0
    return str(path)


def test_a_made_up_day_is_in_its_stream(store: str):
    log = open_store(store)
    assert log.streams() == ["drill:demo"]
    assert {o.kind for o in log.latest(stream="drill:demo")} == {"position", "crowd", "occupancy", "case"}
    log.close()


def test_a_replay_goes_into_a_stream_of_its_own(store: str):
    span = ("--from", "2026-10-01T08:00:00+08:00", "--until", "2026-10-01T08:10:00+08:00")
    said = run("replay", "--store", store, "--stream", "drill:demo", *span, "--into", "drill:again", "--speed", "0")
    assert said["stored"] > 500
    with pytest.raises(BadInput, match="stream of its own"):
        run("replay", "--store", store, "--stream", "drill:demo", *span, "--into", "live", "--speed", "0")


def test_keeping_rolls_what_is_old(store: str):
    said = run("keep", "--store", store)
    assert said["segments"] >= 24 and said["segment_rows"] > 100_000
    assert said["bytes_a_row"] < 14


def test_an_operation_is_declared(tmp_path: Path):
    given = ("op-1", "--purpose", "evening", "--start", "2026-10-01T18:00:00+08:00", "--end", "2026-10-01T23:00:00+08:00")
    assert run("operation", *given, "--unit", "P-1", "--store", str(tmp_path / "log.sqlite"))["units"] == ["P-1"]
    log = open_store(tmp_path / "log.sqlite")
    assert [o.id for o in log.operations()] == ["op-1"]
    log.close()


def test_a_file_is_played_and_what_was_dropped_is_said(tmp_path: Path):
    path = tmp_path / "walk.csv"
    path.write_text("time,lon,lat\n2026-10-01T12:00:00Z,116.3706,39.9056\n2026-10-01T12:00:00Z,0,0\nnever,1,1\n")
    said = run("file", str(path), "--into", "drill:walk", "--store", str(tmp_path / "log.sqlite"))
    assert said["stored"] == 1 and said["refused"] == 1 and len(said["dropped"]) == 2


@pytest.mark.parametrize("arguments", [
    ("file", "missing.gpx", "--into", "drill:x"),
    ("file", "missing.gpx", "--into", "nowhere"),
    ("replay", "--from", "2026-10-01", "--until", "x", "--into", "drill:x"),
    ("replay", "--from", "2026-10-01T08:00:00", "--until", "2026-10-01T09:00:00", "--into", "drill:x"),
    ("operation", "op", "--purpose", "evening", "--start", "2026-10-02T00:00:00Z", "--end", "2026-10-01T00:00:00Z"),
    ("synthetic", "--date", "someday"), ("synthetic", "--zone", "Mars/Base"), ("backup", "copy")])
def test_bad_input_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(app, [*arguments, *(("--store", "log.sqlite") if arguments[0] != "x" else ())], catch_exceptions=False)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.timeout(200)
def test_the_benchmark_stores_what_it_acknowledges(tmp_path: Path):
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    script = ("from viz.cli.live_benchmark import ingest\nif __name__ == '__main__':\n"
              "    ingest(seconds=2, rate=300, publishers=2, batches=2, store=None, json=True)\n")
    path = tmp_path / "bench.py"
    path.write_text(script)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=Path.cwd(), check=True, timeout=180,
                          env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    result = json.loads(done.stdout)
    assert {"mqtt_qos1_messages_per_s", "http_batch_observations_per_s", "commit_p99_ms", "acknowledged", "stored"} <= set(result)
    assert result["acknowledged"] == result["stored"] == 2 * 300 + 2 * 5_000
