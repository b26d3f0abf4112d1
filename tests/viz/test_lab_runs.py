"""Runs of experiments in the application: listed, shown on their own ground, and compared."""

import shutil

import pytest
from app_case import ROOT
from browser_steps import ready, shot

import sim
from sim.scenario_file import load_any
from viz import shown
from viz.library import Library
from viz.pages import playback, timeline

LABRUNS = {"door-10": 1.0, "door-14": 1.4}


@pytest.fixture(scope="session")
def labs(tmp_path_factory):
    """Folder of two lab runs: 60 people leave a room by doors of 1.0 and 1.4 m; not to be changed."""
    folder = tmp_path_factory.mktemp("labs")
    lab = load_any(ROOT / "scenarios" / "labs" / "door.yaml").model_copy(update={"duration_s": 40.0})
    lab.people[0].count = 60
    for name, width in LABRUNS.items():
        walkable = lab.walkable.replace("4.5", f"{5 - width / 2:g}").replace("5.5", f"{5 + width / 2:g}")
        sim.rehearse_lab(lab.model_copy(update={"walkable": walkable}), out=folder / name, replications=2)
    return folder


@pytest.fixture
def library(labs, tmp_path):
    shutil.copytree(labs, tmp_path / "runs")
    (tmp_path / "scenarios").mkdir()
    return Library(None, tmp_path / "runs", tmp_path / "scenarios")


def test_it_is_listed_and_has_a_ground_of_its_own(library):
    assert {entry.name for entry in library.runs()} == set(LABRUNS)
    run = library.run("door-10")
    name = library.run_district(run)
    assert name == "experiment door-10" and name in library.districts()
    district = library.district(name)
    assert district.origin == run.origin
    assert district.areas.geometry.area.sum() == pytest.approx(10 * 10 + 0.4 * 1.0 + 4 * 10)
    assert b"floor/1" in library.scene(name)


def test_what_it_draws_lies_in_local_metres(library):
    run = library.run("door-10")
    drawn = {item["id"]: item for item in shown.overlays(library.district(library.run_district(run)), run)}
    assert set(drawn) == {"goal:exit", "area:before-door", "line:door"}
    xs = [x for x, _ in drawn["goal:exit"]["geometry"]["coordinates"][0]]
    assert min(xs) == pytest.approx(13.4 - 7) and max(xs) == pytest.approx(14.4 - 7)


def test_playback_has_people_and_says_what_does_not_apply(library):
    run = library.run("door-10")
    rows, note = playback.rows_now(run, 1, "people", 10.0)
    assert len(rows) > 20 and all(abs(row["x"]) < 8 for row in rows)
    for which in ("queues", "events"):
        rows, note = playback.rows_now(run, 1, which, 10.0)
        assert rows == [] and "experiment" in note.children
    assert timeline.clock(run, 65.0) == "00:01:05"
    assert timeline.facts(run, 1)["duration"] == 40.0
    assert timeline.marks("playback", run, 1) == []


def test_a_run_without_its_ground_is_one_sentence(library):
    (library.runs_folder / "door-14" / "ground.gpkg").unlink()
    with pytest.raises(sim.run.BadInput, match="run it again"):
        library.run_district(library.run("door-14"))


def test_two_experiments_are_compared(library):
    comparison = sim.compare(library.run("door-10"), library.run("door-14"))
    assert comparison.seeds == [1, 2] and comparison.takes == {}
    rows = {row.key: row for row in comparison.rows}
    assert rows["flow_middle:door"].difference > 0 and rows["flow_middle:door"].unit == "1/s"
    assert rows["evacuation_p95"].difference < 0
    assert rows["flow_middle:door"].label == "door: flow of the middle 70 of 100"


def test_other_people_are_not_compared(library, labs, tmp_path):
    lab = library.run("door-10").lab.model_copy(deep=True)
    lab.people[0].count = 30
    sim.rehearse_lab(lab.model_copy(update={"duration_s": 40.0}), out=tmp_path / "fewer")
    with pytest.raises(sim.run.BadInput, match="different people"):
        sim.compare(library.run("door-10"), sim.Run(tmp_path / "fewer"))
    sim.rehearse_lab(library.run("door-14").lab.model_copy(update={"duration_s": 20.0}), out=tmp_path / "shorter")
    with pytest.raises(sim.run.BadInput, match="different durations"):
        sim.compare(library.run("door-14"), sim.Run(tmp_path / "shorter"))


@pytest.mark.browser
def test_a_lab_run_plays_in_the_browser(page, served, labs):
    for name in LABRUNS:
        shutil.copytree(labs / name, served[1].runs_folder / name, dirs_exist_ok=True)
    page.goto("/playback?run=door-10")
    ready(page, "playback-scene")
    page.wait_for_selector("#playback-band:has-text('experiment')")
    page.click("#playback-play")
    page.wait_for_function("window.hutongScenes['playback-scene'].people.n > 20", timeout=30_000)
    page.wait_for_selector("#playback-now-note:has-text('experiment')")
    page.wait_for_timeout(2500)
    shot(page, "playback-lab")
    page.goto("/compare?a=door-10&b=door-14")
    ready(page, "compare-scene-a")
    page.wait_for_selector("#compare-table .ag-row")
    shot(page, "compare-lab")
