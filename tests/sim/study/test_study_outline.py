"""The outline: what it foresees of waiting and help is near what a rehearsal finds, and ranks layouts as rehearsals do."""

import numpy as np
import pytest
import shapely
from plaza_case import X0, Y0, evening
from study_case import small_event

from sim.event import Rehearsal
from sim.place import district_of
from sim.scenario import Layout
from sim.study.outline import CELL, Outline, _crowding
from twin.errors import BadInput

SEEDS = (5, 6, 7)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small event with three layouts, in outline and rehearsed."""
    scenario = small_event(tmp_path_factory.mktemp("outline"), {"open": 0, "three": 3, "two": 2}, people=40, duration_s=200.0,
                           incidents=[{"id": "fall", "at_s": 30, "at": [X0 + 2, Y0]}])
    district = district_of(scenario)
    outline = Outline(district, scenario, SEEDS)
    foreseen = {name: outline.measures(layout) for name, layout in scenario.layouts.items()}
    found = {}
    for name in scenario.layouts:
        runs = []
        for seed in SEEDS:
            model = Rehearsal(district, scenario, name, seed)
            model.rehearse()
            runs.append(model.record.result().metrics)
        found[name] = {key: float(np.mean([run.get(key, np.nan) for run in runs])) for key in foreseen["two"]}
    return scenario, outline, foreseen, found


def test_waiting_is_foreseen(small):
    _, _, foreseen, found = small
    for key, near in (("wait_mean", 0.25), ("wait_p95", 0.25), ("queue_max", 0.25), ("reached_venue", 0.1)):
        for name in ("three", "two"):
            assert foreseen[name][key] == pytest.approx(found[name][key], rel=near), (name, key)
        apart, truly = foreseen["two"][key] - foreseen["three"][key], found["two"][key] - found["three"][key]
        assert apart == pytest.approx(truly, rel=0.5, abs=2), key


def test_help_is_foreseen_and_a_post_nearby_is_sooner(small):
    scenario, outline, foreseen, found = small
    assert foreseen["two"]["response_mean"] == pytest.approx(found["two"]["response_mean"], abs=8)
    layout = scenario.layouts["two"]
    near = layout.model_copy(update={"posts": [layout.posts[0].model_copy(update={"at": (X0 + 2, Y0 - 1)})]})
    assert outline.measures(near)["response_mean"] < foreseen["two"]["response_mean"] - 5
    nobody = layout.model_copy(update={"posts": [layout.posts[0].model_copy(update={"kind": "medic"})]})
    assert outline.measures(nobody)["unanswered"] == 1 and "response_mean" not in outline.measures(nobody)


def test_without_checkpoints_there_is_nothing_to_wait_for(small):
    _, _, foreseen, _ = small
    assert not {"wait_mean", "queue_max"} & set(foreseen["open"])


def test_a_gate_that_opens_late_keeps_people_in(plaza):
    scenario = evening(plaza)
    outline = Outline(district_of(scenario), scenario, [1])

    def gated(from_s):
        return scenario.layouts["checked"].model_copy(update={
            "barriers": [*scenario.layouts["checked"].barriers, scenario.layouts["checked"].barriers[0].model_copy(
                update={"id": "east", "line": [[X0 + 30, Y0 - 4.5], [X0 + 30, Y0 + 4.5]]})],
            "gates": Layout.model_validate({"gates": [{"id": "out", "at": [X0 + 30, Y0], "width": 3,
                                                       "open": [{"from_s": from_s}]}]}).gates})

    early, late = (outline.measures(gated(s)) for s in (0.0, 235.0))
    assert late["egress_p50"] > early["egress_p50"] + 10
    assert "egress_p50" not in outline.measures(scenario.layouts["checked"])


def test_queues_in_one_place_are_dense(small):
    scenario, outline, _, _ = small
    outline.measures(scenario.layouts["two"])
    site = next(iter(outline._sites.values()))
    site.areas["here"] = shapely.box(0, 0, 100, CELL)
    spots = np.column_stack([np.arange(0.25, 60, 0.5), np.ones(120)])  # four in each cell: one person a square metre
    apart = spots + np.array([0, 10])
    alone, together = (_crowding(site, [spots, other, other], np.array([[120, 120, 0], [10, 0, 0]])) for other in (apart, spots))
    del site.areas["here"]
    assert alone["person_min_above_2"] == 0
    assert together["person_min_above_2"] == 0, "two a square metre are not above two"
    three = _crowding(site, [spots, spots, spots], np.array([[120, 120, 120]]))
    assert three["person_min_above_2"] == 360 and three["person_min_above_3_5"] == 0
    assert alone["density_max:here"] == pytest.approx(120 / (100 * CELL))
    assert together["density_max:here"] == pytest.approx(240 / (100 * CELL))


def test_a_layout_beside_the_ground_is_refused(small):
    scenario, outline, _, _ = small
    layout = scenario.layouts["two"]
    gone = layout.model_copy(update={"barriers": [], "checkpoints": [
        layout.checkpoints[0].model_copy(update={"at": (X0 + 4000, Y0)})]})
    with pytest.raises(BadInput):
        outline.measures(gone)
