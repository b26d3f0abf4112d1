"""``hutong feed cap`` and ``hutong feed cot``: alarms out as files, positions in and out by datagrams on this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from pyproj import Transformer
from typer.testing import CliRunner

from twin.errors import BadInput
from twin.live import Observation, Operation
from twin.live.feeds.cot import from_cot, to_cot
from twin.live.row import row
from twin.places import District, synthetic
from twin.store import open_store
from viz.cli.feed import app
from viz.cli.live_benchmark import free_port

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("place") / "small.gpkg"
    synthetic.generate(size="small").save(path)
    return path


def observed(place: Path, kind: str, thing: str, value: dict, *, stream: str = "live", seconds: float = 0.0) -> Observation:
    west, south, east, north = District.open(place).bounds
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return Observation.model_validate({
        "id": f"{thing}-{seconds}", "stream": stream, "source": "gps", "kind": kind, "object": thing, "observed_at": at,
        "received_at": at, "x": (west + east) / 2, "y": (south + north) / 2, "value": value})


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def store(tmp_path: Path, place: Path) -> str:
    log = open_store(tmp_path / "log.sqlite")
    for stream in ("live", "drill:night"):
        log.append([observed(place, "alarm", "a-1", {"state": "raised", "level": 1, "measure": "density", "reading": 5.1},
                             stream=stream, seconds=-60),
                    observed(place, "alarm", "a-1", {"state": "escalated", "level": 1, "measure": "density"}, stream=stream,
                             seconds=-30)])
    log.close()
    return str(tmp_path / "log.sqlite")


@pytest.mark.parametrize(("how", "status"), [(("--draft",), "Draft"), (("--exercise", "night"), "Exercise")])
def test_an_alarm_is_written_as_draft_or_exercise(store: str, place: Path, tmp_path: Path, how: tuple[str, ...], status: str):
    out = tmp_path / "alarm.xml"
    holding = open_store(store)  # a server would hold it
    try:
        assert "a person decides" in run("cap", "a-1", *how, "-o", str(out), "--store", store, "--district", str(place))
    finally:
        holding.close()
    alert = Xml.fromstring(out.read_bytes())
    assert alert.findtext(f"{CAP}status") == status and alert.findtext(f"{CAP}msgType") == "Update"
    assert "a-1--60" in (alert.findtext(f"{CAP}references") or "")
    assert alert.find(f"{CAP}info/{CAP}area/{CAP}circle") is not None
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".draft") == []


@pytest.mark.parametrize(("arguments", "says"), [
    (("cap", "a-1"), "a draft or an exercise"), (("cap", "a-1", "--draft", "--exercise", "night"), "a draft or an exercise"),
    (("cap", "a-2", "--draft"), "no alarm 'a-2' in live"), (("cap", "a-1", "--exercise", "day"), "in drill:day"),
    (("cap", "a-1", "--draft", "--sender", "a b"), "CAP sender"), (("cot",), "taken in or sent"),
    (("cot", "--listen", "udp://h:1", "--send", "udp://h:1"), "taken in or sent"), (("cot", "--send", "http://h"), "no address"),
    (("cot", "--send", "udp://h:x"), "no address")])
def test_bad_input_is_one_sentence(store: str, place: Path, arguments: tuple[str, ...], says: str):
    with pytest.raises(BadInput, match=says):
        run(*arguments, "--store", store, "--district", str(place))


def test_positions_that_another_process_commits_are_sent(store: str, place: Path):
    pytest.importorskip("pytak")
    log = open_store(store)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(10)
        writing = threading.Timer(0.7, lambda: log.append([
            observed(place, "position", "P-1", {"speed": 1.0}), observed(place, "position", "P-66", {}, stream="drill:night")]))
        writing.start()
        told = json.loads(run("cot", "--send", f"udp://127.0.0.1:{there.getsockname()[1]}", "--store", store, "--district",
                              str(place), "--seconds", "4", "--json"))
        assert told == {"sent": 1}
        assert from_cot(there.recv(65536))["object"] == "P-1"
    writing.join()
    log.close()


def test_positions_come_in_by_datagrams(store: str, place: Path):
    pytest.importorskip("pytak")
    now = datetime.now(UTC)
    log = open_store(store)
    log.declare(Operation(id="op", purpose="evening", start=now - timedelta(hours=1), end=now + timedelta(hours=1)))
    log.close()
    port, over = free_port(), threading.Event()
    seen = row(observed(place, "position", "P-7", {}))
    event = to_cot(seen, Transformer.from_crs(District.open(place).crs, 4326, always_xy=True).transform(seen.x, seen.y), now)

    def sending() -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as here:
            while not over.wait(0.2):
                here.sendto(event, ("127.0.0.1", port))
    thread = threading.Thread(target=sending)
    thread.start()
    begun = time.monotonic()
    told = json.loads(run("cot", "--listen", f"udp://127.0.0.1:{port}", "--store", store, "--district", str(place), "--seconds",
                          "3", "--json"))
    over.set()
    thread.join()
    assert 3 <= time.monotonic() - begun < 30
    assert told == {"stored": 1, "refused": 0}
    log = open_store(store)
    assert [(o.object, o.source) for o in log.read(kinds=["position"])] == [("P-7", "cot")]
    log.close()
