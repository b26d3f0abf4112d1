"""The dash-deck example draws the district on a page of its own."""

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "dash_deck_page.py"


@pytest.fixture
def address():
    pytest.importorskip("dash_deck", reason="install hutong[dash-deck] to run its example")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(EXAMPLE)], env={**os.environ, "PORT": str(port)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(url).close()
            break
        except OSError:
            assert process.poll() is None, "the example ended"
            time.sleep(0.25)
    yield url
    process.terminate()
    process.wait()


@pytest.mark.browser
def test_dash_deck_draws_the_district(chromium, address):
    page = chromium.new_page(viewport={"width": 800, "height": 500})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("canvas", timeout=60_000)
    for _ in range(30):
        picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        colours = len(np.unique(picture.reshape(-1, 3), axis=0))
        if colours > 200:
            break
        time.sleep(1)
    folder = Path("artefacts/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / "dash-deck.png")
    page.close()
    assert colours > 200
    assert errors == []
