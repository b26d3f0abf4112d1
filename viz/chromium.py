"""The Chromium of this machine: it prints reports, and shows the pages to benchmarks, pictures and tests."""

from __future__ import annotations

import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--headless=new", "--no-first-run", "--disable-quic", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-extensions")
"""Nothing of its own accord: no window, no request that the page does not make."""
SOFTWARE_RENDERING = (*QUIET, "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Draws WebGL without a graphics card. The sandbox is off: Chromium demands that of root, and shows only our own pages."""


def chromium() -> str | None:
    """Its path, or None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)
