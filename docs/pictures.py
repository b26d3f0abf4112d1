"""Make the pictures of the README: a still of the rehearsed event, and pages of the running application.

``make pictures`` runs it; it needs what the tests need, and the runs that ``make demo`` leaves.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import sim
import viz
from sim.place import district_of

ROOT = Path(__file__).resolve().parent.parent
SQUARE = {"position": (-300.0, -90.0, 58.0), "target": (-150.0, -222.0, 0.0), "fov_deg": 38.0}
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = [
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> None:
    """Render every picture into docs/pictures."""
    PICTURES.mkdir(exist_ok=True)
    run = sim.Run(ROOT / "runs" / "evening-A")
    district = district_of(run.scenario)
    viz.still(district, run, time=1100, camera=SQUARE, size=(1600, 900), path=PICTURES / "evening.png")
    viz.still(district, camera="bird", size=(1200, 675), path=PICTURES / "quarter.png")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "-m", "viz.cli", "serve", "--runs", str(ROOT / "runs"), "--port", str(port)])
    try:
        wait_for(address)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
            page = browser.new_page(viewport={"width": 1500, "height": 900})
            for name in ("twin", "plan", "playback", "compare"):
                shoot(page, f"{address}/{name}", PICTURES / f"{name}.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    """Wait until the server answers."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(address):
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
