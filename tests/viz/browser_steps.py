"""Steps that the browser tests of the pages share."""

from __future__ import annotations

from pathlib import Path

SHOTS = Path(__file__).resolve().parent.parent.parent / "artefacts" / "screenshots"


def ready(page, scene):
    """Wait until the scene has drawn its district and its camera rests."""
    page.wait_for_function(
        f"window.hutongScenes && window.hutongScenes['{scene}'] && window.hutongScenes['{scene}'].stats.ready",
        timeout=40_000,
    )
    page.wait_for_timeout(1200)


def project(page, scene, at):
    """Where a point in local metres is on the page, in pixels."""
    x, y = page.evaluate(f"at => window.hutongScenes['{scene}'].project(at)", [*at, 0][:3] if len(at) < 3 else at)
    box = page.locator(f"#{scene}").bounding_box()
    return box["x"] + x, box["y"] + y


def pick_at(page, scene, at):
    """What the scene has at a point in local metres."""
    return page.evaluate(f"at => {{ const s = window.hutongScenes['{scene}']; return s.pick(...s.project(at)); }}", at)


def click_ground(page, scene, at):
    """Click where a point in local metres is drawn. Slow frames lose quick clicks, so press a little longer."""
    x, y = project(page, scene, at)
    page.mouse.move(x, y)
    page.wait_for_timeout(150)
    page.mouse.click(x, y, delay=60)
    page.wait_for_timeout(450)


def shot(page, name):
    """Keep a picture of the page for somebody to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def again(page, act, condition, tries=6):
    """Do something that may be done twice, such as a click on a row, until the page shows it: a click is lost while
    software rendering holds the page up for longer than the browser keeps it."""
    from playwright.sync_api import TimeoutError as TooLong

    for _ in range(tries):
        act()
        try:
            page.wait_for_function(condition, timeout=5_000)
        except TooLong:
            continue
        return
    page.wait_for_function(condition, timeout=5_000)
