"""Make the pictures of the README: a still of the rehearsed event, and pages of the running application.

``make pictures`` runs it; it needs what the tests need, the runs that ``make demo`` leaves, and the search of docs/study.md in
``runs/searched``. Pictures have 256 colours, so that the repository stays small.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import sim
import viz
from sim.place import district_of
from viz.chromium import SOFTWARE_RENDERING, chromium

ROOT = Path(__file__).resolve().parent.parent
SQUARE = {"position": (-300.0, -90.0, 58.0), "target": (-150.0, -222.0, 0.0), "fov_deg": 38.0}
PICTURES = ROOT / "docs" / "pictures"
HUTONG = [sys.executable, "-m", "viz.cli"]


def main() -> None:
    """Render every picture into docs/pictures."""
    PICTURES.mkdir(exist_ok=True)
    run = sim.Run(ROOT / "runs" / "evening-A")
    district = district_of(run.scenario)
    viz.still(district, run, time=1100, camera=SQUARE, size=(1600, 900), path=PICTURES / "evening.png")
    viz.still(district, camera="bird", size=(1200, 675), path=PICTURES / "quarter.png")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(SOFTWARE_RENDERING))
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        with served("--runs", str(ROOT / "runs")) as address:
            for name in ("twin", "plan", "playback", "compare", "study"):
                shoot(page, f"{address}/{name}", PICTURES / f"{name}.png")
        store = str(Path(folder) / "live.sqlite")
        password = "only for the pictures"
        subprocess.run([*HUTONG, "account", "add", "desk-1", "--role", "commander", "--everywhere", "--store", store,
                        "--password-stdin"], input=password, text=True, check=True)
        with served("--store", store, "--feed", "synthetic") as address:
            page.goto(f"{address}/login?next=/command")
            page.fill("[name=account]", "desk-1")
            page.fill("[name=password]", password)
            page.click("[type=submit]")
            shoot(page, f"{address}/command", PICTURES / "command.png")
        browser.close()
    for path in PICTURES.glob("*.png"):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(256, kmeans=4).save(path, optimize=True)


@contextmanager
def served(*options: str) -> Iterator[str]:
    """The application on a free port of this machine; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([*HUTONG, "serve", *options, "--port", str(port)])
    try:
        wait_for(f"http://127.0.0.1:{port}/login")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    """Wait until the server answers."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(address):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"no answer from {address}")


def shoot(page: Page, address: str, path: Path) -> None:
    """A picture of a page once its scene has settled."""
    page.goto(address)
    time.sleep(12)
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
