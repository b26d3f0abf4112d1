"""Serve an application, and open a browser, while a test looks at it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from viz.chromium import SOFTWARE_RENDERING, chromium


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """An ASGI application on a free port of this machine; gives its address. ``options`` are uvicorn's."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws_per_message_deflate=False,
                                           ws="websockets-sansio", **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def browsing() -> Iterator[Any]:
    """A Chromium that draws without a graphics card; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("there is no chromium: apt install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=list(SOFTWARE_RENDERING))
        try:
            yield browser
        finally:
            browser.close()
