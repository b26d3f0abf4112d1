import json
import time

import pytest

from twin.errors import BadInput
from viz.app import create_app
from viz.words import table

PAGES = ("twin", "plan", "rehearse", "playback", "compare")


def test_an_unknown_language_is_refused(library):
    with pytest.raises(BadInput, match="language 'fr'"):
        create_app(library, language="fr")


def test_no_callback_depends_on_itself(library):
    """A circle among callbacks stops all of them in the browser."""
    app = create_app(library)
    graph: dict[str, set[str]] = {}
    for callback in app._callback_list:
        for one in callback["output"].strip(".").split("..."):
            name = one.split("@")[0]
            graph.setdefault(name, set()).update(f"{i['id']}.{i['property']}" for i in callback["inputs"])

    def reaches(start: str) -> bool:
        seen, waiting = set(), list(graph.get(start, ()))
        while waiting:
            at = waiting.pop()
            if at == start:
                return True
            if at not in seen:
                seen.add(at)
                waiting += graph.get(at, ())
        return False

    assert [name for name in graph if reaches(name)] == []


def test_every_callback_runs_beside_the_event_loop(library):
    import inspect
    app = create_app(library)
    plain = [name for name, callback in app.callback_map.items()
             if callback.get("callback") and not inspect.iscoroutinefunction(inspect.unwrap(callback["callback"]))
             and not inspect.iscoroutinefunction(callback["callback"])]
    assert plain == []


def ready(page, scene):
    page.wait_for_function(
        f"window.hutongScenes && window.hutongScenes['{scene}'] && window.hutongScenes['{scene}'].stats.ready",
        timeout=30_000,
    )


@pytest.mark.browser
def test_the_root_leads_to_the_twin(page):
    page.goto("/")
    page.wait_for_url("**/twin")
    ready(page, "twin-scene")


@pytest.mark.browser
def test_language_changes_every_page_without_a_reload(page):
    page.goto("/twin")
    page.wait_for_selector("#twin-table .ag-header-cell")
    page.evaluate("window.notReloaded = true")
    page.click("#switch-language")
    for name in PAGES:
        page.click(f"#nav-{name}")
        page.wait_for_selector(f".page-{name}")
        page.wait_for_timeout(900)
        texts = page.locator("[data-word]").evaluate_all("nodes => nodes.map(n => [n.dataset.word, n.textContent])")
        own = {key: text for key, text in texts if "{" not in table()["zh"][key]}
        assert own and {key: table()["zh"][key] for key in own} == own
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
        left_over = page.evaluate(
            """words => [...document.querySelectorAll('.panel button, .panel label, .ag-header-cell-text, h2')]
               .map(n => n.textContent.trim()).filter(t => words.includes(t))""",
            [t for k, t in table()["en"].items() if t != table()["zh"][k] and len(t) > 2])
        assert left_over == [], (name, left_over)
    assert page.evaluate("window.notReloaded")
    page.reload()
    page.wait_for_selector(".page-compare")
    assert page.inner_text("#nav-twin") == "现状"
    page.click("#switch-language")
    page.wait_for_function("document.documentElement.lang === 'en'")


@pytest.mark.browser
def test_panels_fold_and_the_scene_fills_the_wall(page):
    page.goto("/twin")
    ready(page, "twin-scene")
    wide = page.locator("#scene-main").bounding_box()["width"]
    page.click("[data-fold=left]")
    page.wait_for_timeout(300)
    assert page.locator("#scene-main").bounding_box()["width"] > wide + 200
    page.keyboard.press("f")
    page.wait_for_timeout(300)
    box = page.locator("#scene-main").bounding_box()
    assert (box["width"], box["height"]) == (1500, 860)
    page.keyboard.press("Escape")
    page.click("[data-fold=left]")


@pytest.mark.browser
def test_text_has_enough_contrast_in_light_and_dark(page):
    """WCAG AA: 4.5 to 1 for everything that is written in the panels and the head."""
    page.goto("/twin?id=hall")
    page.wait_for_selector("#twin-selected-panel h3")
    for _theme in ("light", "dark"):
        page.wait_for_timeout(400)
        poor = page.evaluate("""() => {
          const number = (c) => { const m = c.match(/[\\d.]+/g).map(Number);
            return m.length > 3 && m[3] === 0 ? null : m; };
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((s, v, k) => s + v * [.2126, .7152, .0722][k], 0);
          const out = [];
          for (const node of document.querySelectorAll('.panel *, .head *')) {
            const own = [...node.childNodes].some(n => n.nodeType === 3 && n.nodeValue.trim());
            const style = getComputedStyle(node);
            if (!own || style.visibility === 'hidden') continue;
            if (node.closest('[disabled], [data-disabled], .ag-root')) continue;
            let back = null, at = node;
            while (at && !back) { back = number(getComputedStyle(at).backgroundColor); at = at.parentElement; }
            const a = light(number(style.color)), b = light(back || [255, 255, 255]);
            const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
            if (ratio < 4.5) out.push([node.textContent.slice(0, 30), ratio.toFixed(2), style.color]);
          }
          return out;
        }""")
        assert poor == [], poor
        page.click("#switch-theme")


@pytest.mark.browser
def test_a_failing_callback_says_one_sentence(page, served):
    page.goto("/plan?scenario=evening&layout=open")
    page.wait_for_selector("#plan-takes dl")
    page.click("#plan-copy")
    page.wait_for_selector("text=the new layout has no name")


@pytest.mark.browser
def test_slow_work_does_not_stop_the_others(served, monkeypatch):
    """While one visitor waits for something slow, another one is answered."""
    import threading

    import httpx

    import viz.api
    address, _ = served
    monkeypatch.setattr(viz.api, "table_rows", lambda *args: time.sleep(3) or [])
    with httpx.Client(base_url=address, timeout=30) as client:
        slow = threading.Thread(target=client.get, args=("/api/districts/plaza/tables/streets",))
        slow.start()
        time.sleep(0.3)
        began = time.monotonic()
        assert json.loads(client.get("/api/districts").text)
        assert time.monotonic() - began < 1.5
        slow.join()
