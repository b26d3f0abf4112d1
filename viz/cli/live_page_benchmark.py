"""``hutong bench live``: how old positions are when they are drawn, with many viewers and a full stream of reports."""

from __future__ import annotations

import asyncio
import json as text
import multiprocessing
import struct
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from sim.measures import readable
from twin.errors import BadInput
from viz.chromium import SOFTWARE_RENDERING, chromium
from viz.cli import output

DEVICES, CAMERAS = 5_000, 200
BATCHES_A_SECOND = 10
WARM_UP_S = 8.0
ACCOUNT, PASSWORD = "bench-1", "only for this benchmark"
_SPAWN = multiprocessing.get_context("spawn")


def live(
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="How long is measured, after a warm-up.")] = 30.0,
    viewers: Annotated[int, typer.Option(min=1, max=500)] = 20,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Units that report once a second.")] = DEVICES,
    cameras: Annotated[int, typer.Option(min=0, max=10_000, help="Cameras that report once a second.")] = CAMERAS,
    browser: Annotated[bool, typer.Option(help="Let one viewer be the page in Chromium, where there is one.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Serve the built-in district live, post reports to it, and watch it with viewers that acknowledge like the page."""
    with tempfile.TemporaryDirectory(prefix="hutong-live-") as folder, output.bar("watching", seconds + WARM_UP_S) as done:
        result = measure(Path(folder), seconds, viewers, devices, cameras, browser, done)
    if json:
        output.print_json(result)
        return
    output.table(
        f"{viewers} viewers, {devices + cameras:,} reports/s offered, {seconds:g} s",
        ["", ""],
        [[key, readable(value)] for key, value in result.items()],
    )


def measure(
    folder: Path,
    seconds: float,
    viewers: int,
    devices: int,
    cameras: int,
    browser: bool = False,
    done: Any = lambda _s: None,
    *,
    warm_up_s: float = WARM_UP_S,
) -> dict[str, float]:
    """Run the server, the reports and the viewers. Ages are of a position at the moment when it is drawn first;
    ``picture_age_p95_s`` is of all positions of a picture at any moment, up to a second of which is the time between
    two reports."""
    from viz.cli.live_benchmark import free_port

    port, ready, stop = free_port(), _SPAWN.Queue(), _SPAWN.Event()
    server = _SPAWN.Process(target=serve, args=(port, str(folder), ready, stop), daemon=True)
    server.start()
    try:
        told = ready.get(timeout=180)
        if isinstance(told, str):
            raise BadInput(told, where="the server of the benchmark", mend="look at its message")
        address, token, box = f"http://127.0.0.1:{port}", told["token"], told["box"]
        eyes = [told["eyes"][k % len(told["eyes"])] for k in range(cameras)]
        sent, ages = _SPAWN.Queue(), _SPAWN.Queue()
        whole = seconds + warm_up_s
        feeder = _SPAWN.Process(target=feed, args=(address, token, devices, eyes, box, whole, sent), daemon=True)
        feeder.start()
        chromium = page_viewer(address) if browser else None
        plain = viewers - (chromium is not None)
        watcher = _SPAWN.Process(target=watch, args=(address, plain, seconds, ages, warm_up_s), daemon=True)
        watcher.start()
        for _ in range(int(whole)):
            time.sleep(1.0)
            done(1.0)
        drawn, picture, frames = ages.get(timeout=120)
        accepted, took = sent.get(timeout=120)
        on_page = chromium() if chromium is not None else np.zeros(0)
        everybody = alike(drawn, plain, on_page)
        result = {
            "age_p50_s": float(np.quantile(everybody, 0.5)),
            "age_p95_s": float(np.quantile(everybody, 0.95)),
            "age_max_s": float(np.max(everybody)),
            "picture_age_p95_s": float(np.quantile(picture, 0.95)),
            "viewers": viewers,
            "frames_per_viewer_s": frames / max(plain, 1) / seconds,
            "observations_per_s": accepted / took,
        }
        if chromium is not None:
            result["page_age_p95_s"] = float(np.quantile(on_page, 0.95)) if len(on_page) else float("nan")
        return result
    finally:
        stop.set()
        server.join(timeout=10)
        if server.is_alive():
            server.terminate()


def alike(drawn: np.ndarray, plain: int, on_page: np.ndarray) -> np.ndarray:
    """Ages of all viewers, each with the same weight: those of the plain ones are thinned to as many as the page's each."""
    if not len(on_page):
        return drawn
    return np.concatenate([np.quantile(drawn, np.linspace(0, 1, plain * len(on_page))) if plain else np.zeros(0), on_page])


def serve(port: int, folder: str, ready: Any, stop: Any) -> None:
    """The server that is measured: the whole application, live, with its guard."""
    import threading

    import uvicorn

    from twin.guard import Guard, Role
    from twin.live import Operation
    from twin.store import open_store
    from viz.app import create_app
    from viz.library import Library
    from viz.live.twin import Live

    library = Library(None, Path(folder) / "runs")
    name = library.districts()[0]
    district = library.district(name)
    log, now = open_store(Path(folder) / "live.sqlite"), datetime.now(UTC)
    log.declare(Operation(id="bench", purpose="benchmark", start=now - timedelta(hours=1), end=now + timedelta(hours=4)))
    guard = Guard(folder)
    guard.accounts.add(ACCOUNT, {Role.COMMANDER}, password=PASSWORD, grids=None)
    token = guard.devices.issue("bench")
    twin = Live(log, district, name, place=library.place(name))
    app = create_app(library, live=twin, guard=guard)
    config = uvicorn.Config(app.server, host="127.0.0.1", port=port, log_level="warning", ws_per_message_deflate=False)
    server = uvicorn.Server(config)

    def tell() -> None:
        while not server.started:
            time.sleep(0.05)
        eyes = district.parts.loc[district.parts["kind"] == "camera", "id"].tolist()
        ready.put({"token": token, "box": district.bounds, "eyes": eyes})
        stop.wait()
        server.should_exit = True

    threading.Thread(target=tell, daemon=True).start()
    server.run()
    twin.close()
    log.close()
    guard.close()


def feed(
    address: str, token: str, devices: int, cameras: list[str], box: tuple[float, float, float, float], seconds: float, sent: Any
) -> None:
    """Post every device and camera once a second, in ten batches spread over the second."""
    west, south, east, north = box
    rng = np.random.default_rng(np.random.SeedSequence([1, 1]))
    x, y = rng.uniform(west, east, devices), rng.uniform(south, north, devices)

    def post(body: bytes) -> int:
        request = urllib.request.Request(
            f"{address}/api/observations", body, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(text.load(answer)["stored"])

    posted, tick, begin = [], 0, time.time()
    with ThreadPoolExecutor(3) as pool:  # an answer comes after the commit; the next batch does not wait for it
        while time.time() - begin < seconds:
            part = tick % BATCHES_A_SECOND
            now = datetime.now(UTC).isoformat()
            body = [
                {
                    "kind": "position",
                    "object": f"P-{k:04d}",
                    "observed_at": now,
                    "x": round(float(x[k]), 1),
                    "y": round(float(y[k]), 1),
                    "accuracy_m": 5.0,
                    "value": {"unit": "patrol", "status": "free"},
                }
                for k in range(part, devices, BATCHES_A_SECOND)
            ]
            body += [
                {"kind": "crowd", "object": cameras[k], "observed_at": now, "id": f"{k}-{tick}", "value": {"peopleCount": k % 40}}
                for k in range(part, len(cameras), BATCHES_A_SECOND)
            ]
            posted.append(pool.submit(post, text.dumps(body).encode()))
            x += rng.normal(0, 0.13, devices)
            tick += 1
            time.sleep(max(begin + tick / BATCHES_A_SECOND - time.time(), 0))
        took = time.time() - begin
    accepted = sum(one.result() for one in posted)
    sent.put((accepted, took))


def log_in(address: str) -> str:
    """The cookies of the benchmark's commander."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay())
    form = urllib.parse.urlencode({"account": ACCOUNT, "password": PASSWORD, "next": "/"}).encode()
    try:
        answer: Any = opener.open(f"{address}/login", form, timeout=30)
    except urllib.error.HTTPError as led_on:
        answer = led_on
    jar = SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie") or []))
    return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())


def watch(address: str, viewers: int, seconds: float, ages: Any, warm_up_s: float) -> None:
    """Viewers that read each frame and acknowledge it, as the page does; reports the ages at the moment of drawing."""
    drawn: list[np.ndarray] = []
    picture: list[np.ndarray] = []
    frames = 0

    async def one(cookies: str, until: float, after: float) -> None:
        nonlocal frames
        from websockets.asyncio.client import connect

        seen: dict[int, float] = {}
        async with connect(
            address.replace("http", "ws") + "/ws/live",
            additional_headers={"Cookie": cookies, "Origin": address},
            max_size=None,
            compression=None,
        ) as socket:
            await socket.send('{"at": null}')
            while (left := until - time.time()) > 0:
                try:
                    message = await asyncio.wait_for(socket.recv(), left)
                except TimeoutError:
                    return
                if isinstance(message, str):
                    continue
                now = time.time()
                whole, slots, observed = read(message)
                if whole:
                    seen.clear()
                seen.update(zip(slots.tolist(), observed.tolist(), strict=True))
                if now > after:
                    frames += 1
                    if not whole:
                        drawn.append(now - observed)
                    if frames % 20 == 0:
                        picture.append(now - np.fromiter(seen.values(), float))
                await socket.send("ack")

    async def all_of_them() -> None:
        cookies = await asyncio.to_thread(log_in, address)
        begin = time.time()
        await asyncio.gather(*(one(cookies, begin + warm_up_s + seconds, begin + warm_up_s) for _ in range(viewers)))

    asyncio.run(all_of_them())
    none = np.array([np.nan])
    ages.put((np.concatenate(drawn) if drawn else none, np.concatenate(picture) if picture else none, frames))


def read(message: bytes) -> tuple[bool, np.ndarray, np.ndarray]:
    """Of a frame: whether it is whole, its slots (n,) and when each position was observed (n,) [s since 1970]."""
    flags, n, _, time_s = struct.unpack_from("<IIId", message, 4)
    slots = np.frombuffer(message, "<u4", n, 32)
    age = np.frombuffer(message, "<f4", n, 32 + 12 * n)
    return bool(flags & 1), slots, time_s - age.astype(float)


def page_viewer(address: str) -> Any:
    """The page itself in Chromium, in a process of its own; what is returned gives its figures. None without a browser."""
    from importlib.util import find_spec

    path = chromium()
    if path is None or find_spec("playwright") is None:
        return None
    out, over = _SPAWN.Queue(), _SPAWN.Event()
    process = _SPAWN.Process(target=_page, args=(address, path, out, over), daemon=True)
    process.start()

    def ages() -> np.ndarray:
        over.set()
        found: np.ndarray = out.get(timeout=120)
        process.join(timeout=20)
        return found

    return ages


def _page(address: str, path: str, out: Any, over: Any) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(SOFTWARE_RENDERING))
        page = browser.new_page(viewport={"width": 1280, "height": 720}, base_url=address)
        page.goto("/login?next=/command")
        page.fill("[name=account]", ACCOUNT)
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        live = "window.hutongScenes?.['command-scene']?.live"
        end = time.monotonic() + 60
        while not page.evaluate(f"Boolean({live}?.updates)") and time.monotonic() < end:
            page.wait_for_timeout(200)
        page.wait_for_timeout(int(1000 * WARM_UP_S))
        # Software rendering would be measured, not Hutong: all is done but the drawing itself.
        page.evaluate("window.dash_clientside.set_props('command-scene', {drawCallsStubbed: true})")
        page.wait_for_timeout(1000)
        page.evaluate(f"{live}?.ages.splice(0)")
        while not over.is_set():
            page.wait_for_timeout(250)
        ages = np.array(page.evaluate(f"{live} ? Array.from({live}.ages) : []"), float)
        browser.close()
    out.put(ages)
