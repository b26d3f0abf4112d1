"""``hutong bench ingest``: how many reports a second this machine takes in, durable before they are acknowledged."""

from __future__ import annotations

import json as text
import multiprocessing
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.measures import readable
from twin.errors import BadInput, Unavailable
from viz.cli import output
from viz.cli.server import COLLECTED_AFTER

DEVICES, CAMERAS = 5_000, 200
BATCH = 5_000
_SPAWN = multiprocessing.get_context("spawn")


def ingest(seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long messages are published.")] = 60.0,
           rate: Annotated[float, typer.Option(min=1, help="Messages published a second, over all.")] = 6000.0,
           publishers: Annotated[int, typer.Option(min=1, max=64)] = 4,
           batches: Annotated[int, typer.Option(min=1, help="Batches of 5,000 that are posted over HTTP.")] = 100,
           store: Annotated[str | None, typer.Option(help="Log to write to; a new SQLite file if missing.")] = None,
           json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Publish at QoS 1 from several processes through a broker of its own, then post batches; everything is committed
    before it is acknowledged."""
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if broker is None:
        raise Unavailable("The benchmark needs a broker: apt install mosquitto.")
    with tempfile.TemporaryDirectory(prefix="hutong-ingest-") as folder, output.bar("measuring", seconds + 10) as done:
        address = store or str(Path(folder) / "log.sqlite")
        result = measure(broker, Path(folder), address, seconds, rate, publishers, batches, done)
    if json:
        output.print_json(result)
        return
    output.table(f"{publishers} publishers, {seconds:g} s; batches of {BATCH:,}", ["", ""],
                 [[key, readable(value)] for key, value in result.items()])


def measure(broker: str, folder: Path, store: str, seconds: float, rate: float, publishers: int, batches: int,
            done: Any = lambda _s: None) -> dict[str, float]:
    """Run the broker, the server and the publishers; returns what was measured."""
    with _broker(broker, folder) as port, _server(store, f"mqtt://127.0.0.1:{port}") as web:
        results = _SPAWN.Queue()
        begun = _SPAWN.Value("d", 0.0)
        crowd = [_SPAWN.Process(target=publish, args=(port, k, publishers, rate / publishers, seconds, begun, results),
                                daemon=True)
                 for k in range(publishers)]
        for process in crowd:
            process.start()
        for _ in crowd:
            results.get(timeout=120)  # each says that it is connected
        begun.value = time.time() + 0.1
        cpu_begin = _asked(web, "/bench/cpu")["s"]
        sent = [results.get(timeout=seconds + 120) for _ in crowd]
        for process in crowd:
            process.join()
        published = sum(count for count, _ in sent)
        done(seconds)
        mqtt = _settled(web, published)
        took = max(mqtt["at"] - begun.value, 1e-9)
        cpu_between = _asked(web, "/bench/cpu")["s"]
        poster = _SPAWN.Process(target=post, args=(web, batches, results), daemon=True)
        poster.start()
        stored_over_http, http_s = results.get(timeout=600)
        poster.join()
        done(seconds + 10)
        cpu_end = _asked(web, "/bench/cpu")["s"]
        end = _health(web)
        in_log = _asked(web, "/bench/count")["rows"]
    return {"mqtt_qos1_messages_per_s": mqtt["stored"] / took, "http_batch_observations_per_s": stored_over_http / http_s,
            "commit_p99_ms": mqtt["commit_p99_ms"], "acknowledged": end["stored"] + end["duplicates"], "stored": in_log,
            "published": published, "commit_p50_ms": mqtt["commit_p50_ms"], "http_commit_p99_ms": end["commit_p99_ms"],
            "mqtt_cpu_us_per_message": 1e6 * (cpu_between - cpu_begin) / max(mqtt["stored"], 1),
            "http_cpu_us_per_observation": 1e6 * (cpu_end - cpu_between) / max(stored_over_http, 1),
            "load_average": os.getloadavg()[0], "cores": os.cpu_count() or 1}


def publish(port: int, number: int, of: int, rate: float, seconds: float, begun: Any, results: Any) -> None:
    """One publisher: positions of its share of the units, counts of its share of the cameras, one a second each.

    Speaks MQTT 3.1.1 itself, so that publishing takes little of the two cores; counts what the broker has confirmed.
    ``begun`` is a shared time to begin at, 0 while the others are not ready.
    """
    with closing(socket.create_connection(("127.0.0.1", port))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = f"bench-{number}".encode()
        line.sendall(_packet(0x10, b"\0\4MQTT\4\2" + struct.pack(">H", 0) + struct.pack(">H", len(name)) + name))
        _exactly(line, 4)
        line.setblocking(False)
        results.put("ready")
        while begun.value == 0.0:
            time.sleep(0.01)
        begin = begun.value
        units = [k for k in range(DEVICES + CAMERAS) if k % of == number]
        sent, waiting, confirmed = 0, b"", 0
        total = round(rate * seconds)
        while confirmed < total:
            if time.time() > begin + seconds + 60:
                break
            due = min(int((time.time() - begin) * rate), total) if time.time() > begin else 0
            if sent < due and len(waiting) < 1 << 20:
                waiting += b"".join(_publish(units, k) for k in range(sent, due))
                sent = due
            try:
                if waiting:
                    waiting = waiting[line.send(waiting):]
            except BlockingIOError:
                pass
            try:
                confirmed += len(line.recv(1 << 16)) // 4
            except BlockingIOError:
                time.sleep(0.002)
    results.put((confirmed, time.time()))


def _publish(units: list[int], k: int) -> bytes:
    unit = units[k % len(units)]
    now = datetime.now(UTC).isoformat()
    if unit < DEVICES:
        topic = f"hutong/live/gps/position/P-{unit:04d}"
        body = f'{{"observed_at":"{now}","x":{unit % 97},"y":{k % 89},"accuracy_m":5.0,"value":{{"speed":1.2,"heading":0.5}}}}'
    else:
        topic = f"hutong/live/camera/crowd/cam-{unit - DEVICES}"
        body = f'{{"observed_at":"{now}","x":{unit % 97},"y":1,"value":{{"peopleCount":{k % 50},"density":0.4}}}}'
    name = topic.encode()
    return _packet(0x32, struct.pack(">H", len(name)) + name + struct.pack(">H", k % 65_535 + 1) + body.encode())


def _packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([head]) + bytes(digits) + body


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += line.recv(size - len(data))
    return data


def post(web: str, batches: int, results: Any) -> None:
    """Post batches that were made beforehand, two at a time."""
    from concurrent.futures import ThreadPoolExecutor
    start = datetime.now(UTC) - timedelta(hours=1)
    bodies = []
    for batch in range(batches):
        now = (start + timedelta(seconds=batch)).isoformat()
        bodies.append(("[" + ",".join(
            f'{{"kind":"position","object":"B-{k:04d}","observed_at":"{now}","x":{k % 97},"y":{k % 89},"accuracy_m":5.0,'
            f'"value":{{"speed":1.2,"heading":0.5}}}}' for k in range(BATCH)) + "]").encode())

    def send(body: bytes) -> int:
        request = urllib.request.Request(f"{web}/api/observations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(text.load(answer)["stored"])
    begin = time.perf_counter()
    with ThreadPoolExecutor(3) as pool:
        stored = sum(pool.map(send, bodies))
    results.put((stored, time.perf_counter() - begin))


def serve(port: int, store: str, broker: str) -> None:
    """The server that is measured: the routes of the live twin and the MQTT feed, over one log."""
    import gc

    import uvicorn
    from fastapi import FastAPI

    from twin.live import Operation
    from twin.live.feeds.mqtt import MqttFeed
    from twin.live.intake import Intake
    from twin.store import open_store, query
    from viz.live.observations import add_observation_api
    log = open_store(store)
    now = datetime.now(UTC)
    log.declare(Operation(id="bench", purpose="benchmark", start=now - timedelta(days=1), end=now + timedelta(days=1)))
    intake = Intake(log)
    server = FastAPI()
    add_observation_api(server, _Bench(log, intake))
    feed = MqttFeed(intake, broker, client_id="bench").start()

    @server.get("/bench/count")
    def count() -> dict[str, int]:
        return {"rows": sum(1 for stream in log.streams() for _ in log.read_rows(query(stream)))}

    @server.get("/bench/cpu")
    def cpu() -> dict[str, float]:
        return {"s": time.process_time()}
    gc.collect()
    gc.freeze()  # what is loaded stays: the collector need not look at it again
    gc.set_threshold(*COLLECTED_AFTER)
    uvicorn.run(_as_device(server), host="127.0.0.1", port=port, log_level="warning")
    feed.stop()
    log.close()


def _as_device(server: Any) -> Any:
    """The server for callers that are all the device ``bench``: who may report is not what is measured."""
    from twin.guard.principal import device

    async def enter(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["principal"] = device("bench", None, None)
        await server(scope, receive, send)
    return enter


class _Bench:
    """A live twin without a district: places in metres."""

    def __init__(self, log: Any, intake: Any) -> None:
        from twin.places import LOCAL_METRES, District
        self.log, self.intake, self.district = log, intake, District("bench", LOCAL_METRES)


@contextmanager
def _broker(program: str, folder: Path) -> Iterator[int]:
    port = free_port()
    rules = folder / "mosquitto.conf"
    rules.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
                     "max_inflight_messages 0\nlog_type error\n")
    process = subprocess.Popen([program, "-c", str(rules)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _reachable(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _server(store: str, broker: str) -> Iterator[str]:
    port = free_port()
    process = _SPAWN.Process(target=serve, args=(port, store, broker), daemon=True)
    process.start()
    web = f"http://127.0.0.1:{port}"
    try:
        _reachable(port)
        yield web
    finally:
        process.terminate()
        process.join()


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _reachable(port: int, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with closing(socket.socket()) as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise BadInput("nothing answers", where=f"127.0.0.1:{port}", mend="look at the machine's load")


def _health(web: str) -> dict[str, Any]:
    return _asked(web, "/api/live/health")


def _asked(web: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(web + path, timeout=120) as answer:
        found: dict[str, Any] = text.load(answer)
        return found


def _settled(web: str, expected: int) -> dict[str, Any]:
    """The health when everything that was published is stored, or when nothing more comes."""
    best, since = _health(web), time.time()
    best["at"] = since
    while best["stored"] + best["duplicates"] < expected and time.time() - since < 10:
        time.sleep(0.1)
        now = _health(web)
        if now["stored"] > best["stored"]:
            best, since = now, time.time()
            best["at"] = since
    return best
