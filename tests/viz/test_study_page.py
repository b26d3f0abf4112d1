"""The page Study: which studies it offers, what a point says, and a click that opens the layout behind it."""

import pytest
from serving import browsing, serving
from study_case import X0, Y0, small_event

from sim.place import district_of
from sim.study.crew import Crew
from sim.study.folder import Study, begin
from sim.study.search import search
from twin.errors import BadInput
from viz.library import Library
from viz.pages import study as page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of runs with a search, a plain study, a study of something broken, and a scenario."""
    base = tmp_path_factory.mktemp("studies")
    scenario = small_event(base, {"open": 0, "checked": 3, "two": 2}, people=12, duration_s=80,
                           incidents=[{"id": "fall", "at_s": 20, "at": [X0 + 2, Y0]}])
    (base / "runs").mkdir()
    (base / "scenarios").mkdir()
    search(scenario, ["checked"], base / "runs" / "searched", Crew(1), tries=3, replications=2, share=0.5)
    plain = begin(base / "runs" / "plain", scenario, ["checked", "two", "open"])
    plain.complete([(name, 1) for name in plain.layouts], Crew(1))
    (base / "runs" / "broken").mkdir()
    (base / "runs" / "broken" / "study.yaml").write_text("format: 1\n", encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def library(folder):
    return Library(folder / "strip.gpkg", folder / "runs", folder / "scenarios")


def test_only_studies_of_events_are_offered(library, folder, tmp_path):
    assert sorted(page.studies(library)) == ["plain", "searched"]
    with pytest.raises(BadInput, match="hutong study run"):
        page.study_of(library, "../runs/plain")
    none = Library(folder / "strip.gpkg", tmp_path / "none", folder / "scenarios")
    assert page.studies(none) == [] and "empty" in str(page.layout(none, {}, "en"))
    assert "searched" in str(page.layout(library, {"study": "searched"}, "zh"))


def test_points_of_a_search_and_of_a_plain_study(library):
    searched, plain = (page.study_of(library, name) for name in ("searched", "plain"))
    district = district_of(plain.scenario)
    points, ends = page.points_of(searched, district)
    assert ends == ["density_peak", "wait_mean", "response_mean", "staff"] and len(points) >= 2
    assert [p["layout"] for p in points if p["made"] == "by hand"] == ["checked"]
    points, _ = page.points_of(plain, district)
    told = {p["layout"]: p["values"] for p in points}
    assert told["checked"]["staff"] == 8 and told["open"]["staff"] == 0
    assert told["checked"]["density_peak"] == plain.value("checked", 1, "density_peak")


def test_the_picture_has_a_button_for_every_point_with_numbers():
    points = [{"layout": name, "values": {"x": x, "y": 2.0}, "front": x < 2, "made": "search"}
              for name, x in (("a", 1.0), ("b", 3.0), ("c", float("nan")))]
    drawn = page.picture(points, "x", "y", {"x": "peak", "y": "wait"}, "a")
    buttons = [part for part in drawn if getattr(part, "id", None)]
    assert [b.id["layout"] for b in buttons] == ["b", "a"], "the front is drawn last, on top"
    assert buttons[1].to_plotly_json()["props"]["aria-pressed"] == "true" and "peak 1" in buttons[1].title
    assert page.picture([], "x", "y", {"x": "peak", "y": "wait"}, None)


def test_facts_and_verdicts_in_both_languages(library):
    study = page.study_of(library, "searched")
    district = district_of(study.scenario)
    confirmed = study.layouts[1]
    text = str(page.layout_facts(study, district, confirmed, "zh"))
    assert "安检平均等待" in text and "±" in text
    assert "checked" in str(page.layout_verdicts(study, confirmed, "en"))
    assert "study.unconfirmed" in str(page.layout_verdicts(study, "checked", "en"))
    assert isinstance(study, Study)


@pytest.mark.browser
def test_a_click_on_a_point_opens_its_layout(library):
    from viz.app import create_app
    with browsing() as browser, serving(create_app(library).server) as address:
        shown = browser.new_page(viewport={"width": 1500, "height": 860}, bypass_csp=True)
        wrong = []
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.goto(f"{address}/study?study=plain")
        shown.locator("#study-headline").get_by_text("checked").wait_for(timeout=60_000)
        point = shown.locator("#study-front button[title^='two:']")
        point.wait_for(timeout=60_000)
        assert shown.locator("#study-front button").count() == 2, "a layout without checkpoints has no wait to be drawn by"
        point.dispatch_event("click")
        shown.locator("#study-headline").get_by_text("two").wait_for(timeout=60_000)
    assert wrong == []
