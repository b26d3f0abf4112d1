"""Every page driven in a real Chromium; no request leaves this machine, nothing is written to the console."""

import time
from pathlib import Path

import pytest
from browser_steps import again, click_ground, pick_at, ready, shot

pytestmark = pytest.mark.browser


def test_twin_pick_search_and_table_show_the_same_object(page):
    page.goto("/twin")
    ready(page, "twin-scene")
    found = pick_at(page, "twin-scene", [8.5, 8.5, 6])
    assert (found["table"], found["id"]) == ("buildings", "hall")
    click_ground(page, "twin-scene", [8.5, 8.5, 6])
    page.wait_for_selector("#twin-selected-panel h3:has-text('hall')")
    page.wait_for_selector("#twin-table .ag-row-selected:has-text('hall')")
    assert page.evaluate("window.hutongScenes['twin-scene'].props.selected") == ["hall"]
    page.fill("#twin-search", "WEST")
    page.click("#twin-hits .hit:has-text('west')")
    page.wait_for_selector("#twin-selected-panel h3:has-text('west')")
    page.wait_for_selector("#twin-table .ag-row-selected:has-text('west')")
    page.click("#twin-table .ag-row:has-text('north')")
    page.wait_for_selector("#twin-selected-panel h3:has-text('north')")
    shot(page, "twin-plaza")


def test_twin_layers_are_switched(page):
    page.goto("/twin")
    ready(page, "twin-scene")
    page.click("text=Buildings and walls")
    page.wait_for_function("window.hutongScenes['twin-scene'].props.visible?.buildings === false")


def test_plan_draws_undoes_saves_and_rehearses(page, served):
    library = served[1]
    page.goto("/plan?scenario=evening&layout=open")
    ready(page, "plan-scene")
    page.wait_for_selector("#plan-full .fine")
    page.fill("#plan-new-name", "drawn")
    page.click("#plan-copy")
    page.wait_for_function("document.querySelector('#plan-layout')?.value === 'drawn'")
    page.wait_for_timeout(2500)
    page.click("[data-tool=barrier]")
    page.wait_for_function("window.hutongScenes['plan-scene'].props.tool === 'barrier'")
    for at in ([-30, -3], [-30, 1]):
        click_ground(page, "plan-scene", at)
    page.keyboard.press("Enter")
    page.wait_for_selector("#plan-table .ag-row:has-text('barrier-1')")
    page.click("[data-tool=post]")
    page.wait_for_function("window.hutongScenes['plan-scene'].props.tool === 'post'")
    click_ground(page, "plan-scene", [-10, -10])
    page.wait_for_selector("#plan-form h3:has-text('post-1')")
    page.fill("#plan-form input[inputmode]", "7")
    page.wait_for_selector("#plan-takes dd:has-text('7')")
    shot(page, "plan-plaza")
    page.click("#plan-undo")
    page.click("#plan-undo")
    page.wait_for_function("!document.querySelector('#plan-table').textContent.includes('post-1')")
    page.click("#plan-redo")
    page.wait_for_selector("#plan-table .ag-row:has-text('post-1')")
    page.click("#plan-save")
    page.wait_for_selector("#plan-state:has-text('Everything is saved')")
    saved = library.scenario("evening").layouts["drawn"]
    (x0, _), (_, y1) = saved.barriers[0].line
    assert abs(x0 - 446000 + 30) < 1.5 and abs(y1 - 4416000 - 1) < 1.5 and len(saved.posts) == 1
    assert library.scenario("evening").layouts["checked"].checkpoints
    page.click("#plan-next a")
    page.wait_for_selector("#rehearse-start")
    page.wait_for_function("document.querySelector('#rehearse-layout')?.value === 'drawn'")
    page.fill("#rehearse-replications", "1")
    page.click("#rehearse-start")
    page.wait_for_selector("[data-job=running]")
    shot(page, "rehearse-plaza")
    page.wait_for_selector("[data-job=done]", timeout=120_000)
    page.wait_for_selector("#rehearse-runs .ag-row:has-text('evening-drawn')")
    page.click("[data-job=done] a")
    page.wait_for_url("**/playback?run=evening-drawn")
    ready(page, "playback-scene")


def test_a_rehearsal_is_cancelled(page, served):
    page.goto("/rehearse?scenario=evening&layout=open")
    page.wait_for_function("document.querySelector('#rehearse-layout')?.value === 'open'")
    page.fill("#rehearse-replications", "30")
    page.click("#rehearse-start")
    page.click("[data-job=running] button")
    page.wait_for_selector("[data-job=running]", state="detached")
    until = time.monotonic() + 20  # the process is ended first, then its folder goes
    while list(served[1].runs_folder.glob("evening-open*")) and time.monotonic() < until:
        time.sleep(0.2)
    assert not list(served[1].runs_folder.glob("evening-open*"))


def test_playback_plays_scrubs_and_follows(page):
    page.goto("/playback?run=checked")
    ready(page, "playback-scene")
    page.wait_for_selector("#playback-band:has-text('SIMULATED')")
    page.wait_for_selector("#playback-marks button")
    page.click("#playback-play")
    page.wait_for_function("window.hutongScenes['playback-scene'].people.n > 3", timeout=30_000)
    first = page.inner_text("#playback-clock")
    page.wait_for_timeout(1500)
    assert page.inner_text("#playback-clock") > first
    page.click("#playback-play")
    again(page, page.locator("#playback-marks button").first.click,
          "window.hutongScenes['playback-scene'].people.t >= 99")
    page.click("#playback-now label:has-text('People')")
    page.wait_for_selector("#playback-now-note:has-text('simulated people')")
    page.wait_for_selector("#playback-table .ag-row:has-text('at the venue')")
    again(page, page.locator("#playback-table .ag-row").first.click,
          "document.querySelector('#playback-follow').textContent.includes('simulated person')")
    page.wait_for_function("Number.isInteger(window.hutongScenes['playback-scene'].props.follow)")
    page.click("#playback-follow button")
    for by in ("density", "state"):
        page.click(f"#playback-colour label:has-text('{by}')")
        page.wait_for_function(f"window.hutongScenes['playback-scene'].props.colorBy === '{by}'")
    page.click("#playback-map")
    page.click("[role=option]:has-text('Fruin')")
    page.wait_for_selector("#playback-legend:has-text('F')")
    page.wait_for_function("window.hutongScenes['playback-scene'].props.heat?.ramp === 'fruin'")
    shot(page, "playback-plaza")
    box = page.locator("[data-spark]").first.bounding_box()
    again(page, lambda: page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2),
          "Math.abs(window.hutongScenes['playback-scene'].people.t - 60) < 3")


def test_compare_shows_the_evidence_and_links_the_cameras(page):
    page.goto("/compare?a=open&b=checked")
    ready(page, "compare-scene-a")
    ready(page, "compare-scene-b")
    page.wait_for_selector("#compare-sentence:has-text('.')")
    page.wait_for_selector("#compare-table .ag-row")
    page.wait_for_timeout(2500)
    page.evaluate(
        "window.hutongScenes['compare-scene-a'].go({...window.hutongScenes['compare-scene-a'].view, zoom: 2.5}, 0)"
    )
    page.wait_for_function("Math.abs(window.hutongScenes['compare-scene-b'].view.zoom - 2.5) < 0.01")
    page.click("#compare-play")
    page.wait_for_function(
        "['a', 'b'].every(s => window.hutongScenes['compare-scene-' + s].people.n > 3)", timeout=30_000
    )
    shot(page, "compare-plaza")
    page.click("#compare-view label:has-text('difference')")
    page.wait_for_function("window.hutongScenes['compare-scene-a'].props.heat?.ramp === 'diverging'")
    page.wait_for_selector(".pair.single")
    shot(page, "compare-difference-plaza")
    page.click("#switch-language")
    page.wait_for_selector("#compare-sentence:has-text('。')")


def test_screenshots_lie_outside_the_repository():
    ignored = (Path(__file__).resolve().parent.parent.parent / ".gitignore").read_text(encoding="utf-8")
    assert "/artefacts/" in ignored.splitlines()
