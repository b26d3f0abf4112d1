"""A whole drill in Chromium: a trainer and two trainees in three browsers, from the start to the report."""

from __future__ import annotations

import pytest
from app_case import chromium, plaza
from browser_steps import again, ready, shot
from drill_case import TRAINEES, drills_served

from sim.drill import Record, replay
from twin.guard.sessions import echo
from viz.guard.gate import COOKIE, ECHO_COOKIE

pytestmark = pytest.mark.browser

__all__ = ["chromium", "plaza"]


@pytest.fixture
def browsers(chromium, plaza, tmp_path):
    """Pages of the trainer and two trainees, each logged in in a browser of its own; none may write an error."""
    with drills_served(plaza, tmp_path) as (address, library, guard, rooms):
        wrong, pages, contexts = [], [], []
        for name in ("lead", *TRAINEES):
            token = guard.sessions.open(name)
            context = chromium.new_context(viewport={"width": 1500, "height": 860}, base_url=address, bypass_csp=True)
            context.add_cookies([{"name": key, "value": value, "url": address}
                                 for key, value in ((COOKIE, token), (ECHO_COOKIE, echo(token)))])
            page = context.new_page()
            page.on("console", lambda said, name=name: wrong.append(f"{name}: {said.text}") if said.type == "error" else None)
            page.on("pageerror", lambda error, name=name: wrong.append(f"{name}: {error}"))
            page.on("dialog", lambda dialog: dialog.accept())
            contexts.append(context)
            pages.append(page)
        yield pages, library, rooms
        for context in contexts:
            context.close()
        assert wrong == []


def text_of(page, selector):
    return page.locator(selector).inner_text()


def order(page, verb, what, to=None):
    page.select_option("#drill-verb", verb)
    page.wait_for_function(f"[...document.querySelectorAll('#drill-what option')].some((o) => o.value === '{what}')")
    page.select_option("#drill-what", what)
    if to is not None:
        page.wait_for_function(f"[...document.querySelectorAll('#drill-to option')].some((o) => o.value === '{to}')")
        page.select_option("#drill-to", to)
    page.click("#drill-give")


def test_a_whole_drill_with_a_trainer_and_two_trainees(browsers):
    (lead, gates, care), library, rooms = browsers
    lead.goto("/drill")
    lead.click("[data-drill-start=small]")
    lead.click("[data-drill-role=trainer]")
    lead.wait_for_selector("#drill-lead:not([hidden])", timeout=60_000)
    lead.wait_for_function("document.querySelectorAll('#drill-injects li').length === 2", timeout=60_000)
    room = rooms.all()[0]
    for page, role in ((gates, "gates"), (care, "care")):
        page.goto("/drill")
        page.click(f"[data-drill-join='{room.id}']")
        page.click(f"[data-drill-role={role}]")
        page.wait_for_selector("#drill-take:not([hidden])", timeout=30_000)
    assert text_of(lead, "#drill-band b") == text_of(care, "#drill-band b") == "EXERCISE"
    assert lead.evaluate("getComputedStyle(document.getElementById('drill-band')).backgroundColor") == "rgb(107, 47, 160)"
    assert care.locator("#drill-inbox li").count() == 0
    assert not care.locator("#drill-injects").is_visible()

    lead.click("[data-drill-speed='10']")
    lead.click("#drill-play")
    care.wait_for_selector("#drill-inbox [data-inject='1']", timeout=60_000)
    assert "collapsed" in text_of(care, "#drill-inbox")
    assert gates.locator("#drill-inbox li").count() == 0
    lead.click("#drill-play")  # pause, so that slow pages keep up
    lead.wait_for_function("document.documentElement.dataset.drill === 'paused'")

    order(care, "send", "kind:medic", "incident:fall")
    care.wait_for_selector("#drill-log [data-outcome=done]")
    lead.wait_for_selector("#drill-log [data-decision='1']")
    assert "P-2" in text_of(lead, "#drill-log")

    lead.click("[data-publish='2']")
    gates.wait_for_selector("#drill-inbox [data-inject='2']")
    order(gates, "open", "gate:north")
    lead.wait_for_selector("[data-thing='gate:north'][data-state=open]")
    order(lead, "close", "gate:north")  # the opposite at the same moment: the second is told
    lead.wait_for_selector("#drill-answer[data-outcome=opposed]")
    assert "P-1 ordered open gate:north" in text_of(lead, "#drill-answer")
    assert lead.locator("[data-thing='gate:north']").get_attribute("data-state") == "open"

    ready(lead, "drill-scene")
    ready(gates, "drill-scene")
    gates.wait_for_function("window.hutongScenes['drill-scene'].people.n > 100", timeout=30_000)
    shot(lead, "drill-trainer")
    shot(gates, "drill-trainee")

    before = text_of(gates, "#drill-inbox")
    gates.reload()  # a trainee who drops out comes back to the same
    gates.wait_for_selector("#drill-inbox [data-inject='2']", timeout=30_000)
    assert text_of(gates, "#drill-inbox") == before
    assert "P-1" in text_of(gates, "#drill-you")

    lead.locator("#drill-lead summary").click()
    lead.fill("#drill-add-text", "The press asks what is going on")
    lead.select_option("#drill-add-to", "care")
    lead.click("#drill-add-give")
    care.wait_for_selector("#drill-inbox [data-inject='3']")
    assert "press" in text_of(care, "#drill-inbox .drill-newest")

    again(lead, lambda: lead.click("#switch-language"), "document.documentElement.lang === 'zh-CN'", tries=1)
    assert text_of(lead, "#drill-band b") == "演练"
    lead.click("#drill-end")
    care.wait_for_selector("#drill-report", timeout=60_000)
    lead.wait_for_selector("#drill-report")
    report = care.context.request.get(care.get_attribute("#drill-report", "href")).text()
    assert "After-action report" in report and "Help is quick" in report and "in time" in report
    record = Record(library.runs_folder / room.id)
    assert [d.outcome for d in record.decisions] == ["done", "done", "done", "opposed", "done"]
    assert replay(record).digest() == record.hash
