"""The page Parking, on the small town, in a real browser."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from serving import browsing, serving

from sim.parking.study import compare_options
from sim.scenario_file import dump
from viz.library import Library
from viz.pages import parking

_SPEC = importlib.util.spec_from_file_location(
    "parking_case", Path(__file__).resolve().parent.parent / "sim" / "parking" / "parking_case.py")
case = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("parking_case", case)
_SPEC.loader.exec_module(case)
LOT = {"lots": [{"id": "new", "capacity": 25, "area": case.at((60, 125), (90, 125), (90, 150), (60, 150))}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the town and a night in it."""
    folder = tmp_path_factory.mktemp("nights")
    case.town().save(folder / "town.gpkg")
    plan = case.plan(options={"lot": LOT}, residents={"cars": 45}, title="A night in town")
    (folder / "night.yaml").write_text(dump(plan), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """The application with the page in it."""
    from viz.app import create_app
    with serving(create_app(Library(folder / "town.gpkg", folder / "runs", folder)).server) as opened:
        yield opened


def test_only_nights_are_offered(folder, tmp_path):
    other = tmp_path / "scenarios"
    other.mkdir()
    shutil.copy(folder / "night.yaml", other)
    (other / "broken.yaml").write_text("kind: parking\n", encoding="utf-8")
    library = Library(folder / "town.gpkg", tmp_path / "runs", other)
    assert list(parking.night_files(library)) == ["night"]
    (other / "night.yaml").unlink()
    assert "empty" in str(parking.layout(library, {}, "en"))


def test_picture_and_table_tell_what_the_study_holds():
    district = case.town()
    study = compare_options(district, case.plan(options={"lot": LOT}, residents={"cars": 45}), replications=3)
    spec, legal, illegal = parking.picture(study, district, "lot", 39_600.0)
    cells, dots = (layer["data"] for layer in spec["layers"])
    assert len(dots) == legal + illegal and legal > 18
    assert sum(dot["color"] == parking.CAR_ILLEGAL for dot in dots) == illegal
    assert {cell["name"].split(":")[0] for cell in cells} == {"west", "east"}
    none, before, _ = parking.picture(study, district, "lot", 0.0)
    assert before == 0 and none["layers"][1]["data"] == []
    text = str(parking.side_by_side(study, "zh"))
    assert "平均寻位时间" in text and "辆" in text and "better-B" in text


@pytest.mark.browser
def test_the_page_runs_a_night_changes_language_and_tries_a_lot(address):
    rows = "document.querySelectorAll('.parking-options tbody tr').length > 10"
    with browsing() as browser:
        page = browser.new_context(viewport={"width": 1500, "height": 860}, bypass_csp=True).new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{address}/parking")
        page.wait_for_function(rows, timeout=60_000)
        page.wait_for_function("document.getElementById('parking-clock').textContent === '02:00'", timeout=20_000)
        assert "lot" in page.locator(".parking-options thead").inner_text()
        page.click("#switch-language")
        page.wait_for_function("document.querySelector('.parking-options').textContent.includes('平均寻位时间')", timeout=20_000)
        page.wait_for_function("document.getElementById('parking-run').textContent === '开始模拟'", timeout=20_000)
        page.click("#parking-try")
        page.wait_for_function("document.body.textContent.includes('draw its outline first')", timeout=20_000)
        ring = [[-60, 70], [-30, 70], [-30, 95], [-60, 95], [-60, 70]]
        page.evaluate("ring => dash_clientside.set_props('parking-scene', {edit: {n: 1, action: 'add', kind: 'zone', id: null, "
                      "geometry: {type: 'Polygon', coordinates: [ring]}}})", ring)
        page.wait_for_function("document.getElementById('parking-drawn-says').textContent.includes('750')", timeout=20_000)
        page.click("#parking-try")
        page.wait_for_function("document.querySelector('.parking-options thead').textContent.includes('所画停车场')",
                               timeout=60_000)
    assert wrong == []
