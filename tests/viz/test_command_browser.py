"""The command page in a real Chromium under its real policy: what is live is drawn, and what is done is in the log."""

from __future__ import annotations

import time

import pytest
from browser_steps import shot
from command_case import PASSWORD, live_served, observed, watched_plaza

from twin.live import Alarm

__all__ = ["live_served", "watched_plaza"]
pytestmark = pytest.mark.browser
SCENE = "window.hutongScenes?.['command-scene']"


def until(page, expression, within_s=40):
    """Wait for an expression as the browser's debugger sees it: the policy forbids what Playwright waits with."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if page.evaluate(expression):
            return
        page.wait_for_timeout(120)
    raise AssertionError(f"never came true: {expression}")


def again(page, act, expression, tries=6):
    """A click may be lost while software rendering holds the page up: do it until the page shows it."""
    for _ in range(tries):
        act()
        end = time.monotonic() + 6
        while time.monotonic() < end:
            if page.evaluate(expression):
                return
            page.wait_for_timeout(120)
    raise AssertionError(f"never came true: {expression}")


@pytest.fixture
def desk(chromium, live_served):
    """The command page of somebody who has logged in; whatever the browser complains of fails the test."""
    address = live_served[0]
    context = chromium.new_context(viewport={"width": 1600, "height": 900}, base_url=address)
    page = context.new_page()
    wrong: list[str] = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(f"outside: {request.url}"))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto("/login?next=/command")
    page.fill("[name=account]", "desk-1")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    until(page, f"Boolean({SCENE}?.stats.ready)", 60)
    yield page
    context.close()
    assert wrong == []


def test_units_cases_cameras_and_alarms_are_drawn_live(desk):
    until(desk, f"{SCENE}.live.units.n >= 3")
    before = desk.evaluate(f"{SCENE}.live.updates")
    until(desk, f"{SCENE}.live.updates > {before} + 2")
    until(desk, f"({SCENE}.props.liveMarks ?? []).length >= 6")
    signs = desk.evaluate(f"Object.fromEntries({SCENE}.props.liveMarks.map(m => [m.id, m.sign]))")
    assert signs["C-1"].startswith("case-reported")
    assert signs["cam-m"].startswith("camera-C")
    at = desk.evaluate(f"""(() => {{ const s = {SCENE}, k = s.live.units.find('P-02'), u = s.live.units.at(k, performance.now());
        return [u.x, u.y, u.accuracy, u.stale]; }})()""")
    assert 49 <= at[0] <= 70
    assert at[2:] == [5, False]
    assert desk.evaluate(f"{SCENE}.live.units.at({SCENE}.live.units.find('M-07'), performance.now()).stale")
    assert "LIVE" in desk.inner_text("#command-band")
    # What is drawn can be picked.
    desk.evaluate(f"{SCENE}.go({{...{SCENE}.view, target: [-40, 0, 0], zoom: 2}}, 0)")
    desk.wait_for_timeout(1500)
    found = desk.evaluate(f"(() => {{ const s = {SCENE}; const [x, y] = s.project([-40, 0, 5]); return s.pick(x, y); }})()")
    assert (found["table"], found["id"]) == ("cases", "C-1")
    until(desk, "document.querySelectorAll('#command-table .ag-row').length === 2")
    assert desk.evaluate("Boolean(document.querySelector('#command-marks [data-moment]'))")
    shot(desk, "command-plaza")


def test_an_alarm_is_acknowledged_and_a_unit_sent(desk, live_served):
    twin = live_served[1]
    until(desk, "Boolean(document.querySelector('#command-table .ag-row'))")
    again(
        desk,
        lambda: desk.click("#command-list label:has-text('Alarms')"),
        "document.querySelector('#command-table').textContent.includes('Density')",
    )
    again(
        desk,
        lambda: desk.click("#command-table .ag-row:has-text('Density')"),
        "document.querySelector('#command-card h3')?.textContent.includes('Density')",
    )
    desk.fill("#command-why", "stewards are there")
    desk.click("#command-card button:has-text('Acknowledge')")
    until(desk, "document.querySelector('#command-card').textContent.includes('acknowledged')")
    stored = twin.log.read(kinds=["alarm"])[-1]
    assert (stored.value.state, stored.value.by, stored.value.why) == ("acknowledged", "desk-1", "stewards are there")
    again(
        desk,
        lambda: desk.click("#command-list label:has-text('Cases')"),
        "document.querySelector('#command-table').textContent.includes('Medical')",
    )
    again(
        desk,
        lambda: desk.click("#command-table .ag-row:has-text('Medical')"),
        "document.querySelectorAll('#command-card .nearest button').length > 0",
    )
    assert desk.inner_text("#command-card .nearest li .who") == "P-01"  # the nearest on foot that is free
    desk.click("#command-card .nearest button")
    until(desk, "document.querySelector('#command-card').textContent.includes('dispatched')")
    assert twin.picture().case("C-1").units == ("P-01",)
    desk.fill("#command-note", "Band begins at eight")
    desk.click("#command-note-add")
    again(
        desk,
        lambda: desk.click("#command-list label:has-text('Log')"),
        "document.querySelector('#command-table').textContent.includes('Band begins at eight')",
    )
    shot(desk, "command-log-plaza")


def test_going_back_shows_the_moment_and_live_returns(desk, live_served):
    twin = live_served[1]
    until(desk, f"{SCENE}.live.units.n >= 2")
    until(desk, "Boolean(document.querySelector('#command-marks .mark-alarm'))")
    # The hour before the page was opened is in the log: go to a moment of it by its mark.
    again(
        desk,
        lambda: desk.evaluate("document.querySelector('#command-marks .mark-alarm').click()"),
        "document.querySelector('#command-band').textContent.includes('RECORDED')",
    )
    until(desk, f"{SCENE}.props.liveAt !== null && Math.abs({SCENE}.live.units.time - {SCENE}.props.liveAt) < 0.01")
    assert desk.evaluate(f"{SCENE}.props.liveAt") < twin.now() - 200
    assert "at=" in desk.url
    shot(desk, "command-recorded-plaza")
    again(desk, lambda: desk.click("#command-live"), "document.querySelector('#command-band').textContent.includes('LIVE')")
    until(desk, f"{SCENE}.props.liveAt === null && {SCENE}.live.units.n >= 2")
    assert "at=" not in desk.url


def test_a_view_is_a_link(desk, live_served):
    until(desk, f"{SCENE}.live.units.n >= 2")
    desk.evaluate(f"{SCENE}.go({{...{SCENE}.view, target: [20, 10, 0], zoom: 1.5}}, 0)")
    again(
        desk,
        lambda: desk.click("#command-list label:has-text('Cameras')"),
        "document.querySelector('#command-table').textContent.includes('cam-m')",
    )
    again(
        desk,
        lambda: desk.click("#command-table .ag-row:has-text('cam-m')"),
        "document.querySelector('#command-card h3')?.textContent.includes('cam-m')",
    )
    until(desk, "location.search.includes('view=20.00') && location.search.includes('selected=camera%3Acam-m')")
    address = desk.url
    desk.goto("/twin")
    desk.goto(address)
    until(desk, f"Boolean({SCENE}?.stats.ready)", 60)
    until(desk, "document.querySelector('#command-card h3')?.textContent.includes('cam-m')")
    assert desk.evaluate(f"{SCENE}.view.target.map(Math.round)") == [20, 10, 0]
    assert desk.evaluate(f"{SCENE}.view.zoom") == pytest.approx(1.5, abs=0.01)


def test_chinese_dark_and_the_wall(desk):
    until(desk, f"{SCENE}.live.units.n >= 2")
    desk.click("#switch-language")
    desk.click("#switch-theme")
    until(desk, "document.querySelector('#command-band').textContent.includes('实时')")
    until(desk, f"{SCENE}.props.theme === 'dark' && ({SCENE}.props.liveMarks ?? []).some(m => (m.label ?? '').includes('人'))")
    desk.click("#fill-wall")
    until(desk, "getComputedStyle(document.querySelector('.wallnumbers')).display === 'flex'")
    assert "监测人数" in desk.inner_text(".wallnumbers")
    desk.wait_for_timeout(1500)
    shot(desk, "command-wall-plaza")


def test_what_if_from_now_is_shown_beside_the_live_picture(desk, live_served):
    until(desk, f"({SCENE}.props.liveMarks ?? []).length > 3")
    desk.fill("#command-whatif-min", "1")
    desk.click("#command-whatif-quick")
    until(desk, "Boolean(document.querySelector('.whatif').textContent)")
    until(desk, "Boolean(window.hutongScenes?.['command-simulated']?.stats.ready)", 150)
    until(desk, "window.hutongScenes['command-simulated'].people.n >= 35", 60)
    assert "SIMULATED" in desk.inner_text("#command-second .band")
    desk.evaluate(f"{SCENE}.go({{...{SCENE}.view, zoom: 2.2}}, 0)")
    until(desk, "Math.abs(window.hutongScenes['command-simulated'].view.zoom - 2.2) < 0.01")
    again(
        desk,
        lambda: desk.click("#command-list label:has-text('Cameras')"),
        "document.querySelector('#command-table').textContent.includes('cam-m')",
    )
    again(
        desk,
        lambda: desk.click("#command-table .ag-row:has-text('cam-m')"),
        "Boolean(document.querySelector('#command-card .line-simulated'))",
    )
    shot(desk, "command-whatif-plaza")


def test_an_alarm_that_comes_in_is_on_the_page_within_seconds(desk, live_served):
    from datetime import UTC, datetime

    until(desk, f"({SCENE}.props.liveMarks ?? []).length > 3")
    live_served[1].log.append(
        [
            observed(
                "alarm",
                "A-9",
                Alarm(state="raised", level=1, about="cam-e", measure="flow", reading=3.2),
                datetime.now(UTC),
                source="rule",
            )
        ]
    )
    until(desk, f"{SCENE}.props.liveMarks.some(m => m.id === 'A-9' && m.sign === 'alarm-open')", 15)


def test_without_a_live_store_the_page_says_how_to_start_one(chromium, served):
    page = chromium.new_page(base_url=served[0])
    page.goto("/command")
    page.wait_for_selector("pre:has-text('hutong serve --store')")
    page.close()
