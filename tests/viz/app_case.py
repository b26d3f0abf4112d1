"""A library to test the application with: the plaza, one scenario with two layouts, and a run of each."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sim"))

from plaza_case import evening, plaza
from serving import browsing, serving

import sim
from sim.scenario_file import dump
from viz.library import Library

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def rehearsed(plaza, tmp_path_factory):
    """Folder with ``scenarios/evening.yaml`` and ``runs/{open,checked}``; not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "scenarios").mkdir()
    scenario = evening(plaza)
    (folder / "scenarios" / "evening.yaml").write_text(dump(scenario), encoding="utf-8")
    for layout in scenario.layouts:
        sim.rehearse(scenario, layout, replications=2, out=folder / "runs" / layout)
    return folder


@pytest.fixture
def library(plaza, rehearsed, tmp_path):
    """A library of its own for a test that writes."""
    shutil.copytree(rehearsed, tmp_path / "library")
    return Library(plaza, tmp_path / "library" / "runs", tmp_path / "library" / "scenarios")


@pytest.fixture(scope="module")
def served(plaza, rehearsed, tmp_path_factory):
    """The application on a free port of this machine: its address and its library."""
    from viz.app import create_app
    folder = tmp_path_factory.mktemp("served") / "library"
    shutil.copytree(rehearsed, folder)
    library = Library(plaza, folder / "runs", folder / "scenarios")
    with serving(create_app(library).server) as address:
        yield address, library


@pytest.fixture(scope="module")
def chromium():
    """A Chromium that draws without a graphics card."""
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(chromium, served):
    """A page that fails the test if it asks anything outside, or writes an error to the console."""
    address, _ = served
    # Playwright waits with eval, which the policy of the pages forbids; tests/viz/test_guard_browser.py keeps the policy.
    context = chromium.new_context(viewport={"width": 1500, "height": 860}, base_url=address, bypass_csp=True)
    opened = context.new_page()
    wrong: list[str] = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    opened.on(
        "request", lambda request: None if request.url.startswith(own) else wrong.append(f"outside: {request.url}")
    )
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


__all__ = ["chromium", "library", "page", "plaza", "rehearsed", "served"]
