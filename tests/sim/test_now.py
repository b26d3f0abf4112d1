"""What if from now: the state of a minute becomes a scenario that runs."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from plaza_case import CRS, X0, Y0, plaza

import sim
from sim.event import AT_VENUE, Rehearsal
from sim.now import Assumptions, CaseNow, Count, Now, UnitNow, scenario_from, view
from sim.present import stands
from sim.scenario import Barrier, Gate, Layout, Scenario
from sim.scenario_file import dump, load
from twin.errors import BadInput
from twin.places import District, table_frame

__all__ = ["plaza"]
MOMENT = datetime(2026, 10, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def district(plaza):
    """The plaza with a gate in the north lane and a wedge that a camera sees."""
    made = District.open(plaza)
    made.tables["parts"] = table_frame(
        "parts",
        [
            {"id": "gate-1", "kind": "gate", "geometry": shapely.Point(X0, Y0 + 40), "width": 6.0},
            {"id": "cam", "kind": "camera", "geometry": shapely.Point(X0 - 15, Y0), "heading": 0.0},
        ],
        CRS,
        source="test",
    )
    wedge = shapely.Polygon([(X0 - 15, Y0), (X0 + 3, Y0 - 9), (X0 + 3, Y0 + 9)])
    back = shapely.Polygon([(X0 - 15, Y0), (X0 - 35, Y0 - 9), (X0 - 35, Y0 + 9)])
    made.tables["grids"] = table_frame(
        "grids",
        [{"id": i, "scheme": "video", "level": "grid", "geometry": g} for i, g in (("v-back", back), ("v-cam", wedge))],
        CRS,
        source="test",
    )
    return made


def now(**changes):
    counts = [Count("cam", 30, (X0 - 15, Y0)), Count("other", 12, (X0 + 60, Y0))]
    units = [UnitNow("M-1", (X0 + 10, Y0 - 10), "medic"), UnitNow("P-2", (X0 - 60, Y0), "police")]
    return Now(**{"moment": MOMENT, "counts": counts, "units": units, **changes})


def made(district, plaza, state=None, **changes):
    return scenario_from(state or now(), district, str(plaza), **{"minutes": 2, **changes})


def test_a_camera_sees_the_wedge_that_begins_at_it_and_faces_its_way(district):
    seen = view(district, Count("cam", 1, (X0 - 15, Y0)))
    assert seen.bounds[0] >= X0 - 15.3
    assert seen.area == pytest.approx(0.5 * 18 * 18, rel=0.05)
    around = view(district, Count("far", 1, (X0 + 60, Y0)))  # no wedge: the street within reach
    assert around.area == pytest.approx(50 * 8, rel=0.1)
    assert view(district, Count("roof", 1, (X0 + 90, Y0 + 70))) is None


def test_everybody_who_is_counted_is_there_at_the_start_where_they_were_counted(district, plaza):
    scenario = made(district, plaza)
    model = Rehearsal(district, scenario, "now", 3)
    assert model.crowd.n == 42
    assert (model.state == AT_VENUE).sum() == 42
    xy = model.crowd.at(model.crowd_id[model.state == AT_VENUE]) + np.array([X0, Y0])
    in_wedge = shapely.contains_xy(view(district, Count("cam", 1, (X0 - 15, Y0))).buffer(0.3), xy[:, 0], xy[:, 1])
    assert in_wedge.sum() == 30
    near = np.sort(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 99 * np.eye(len(xy)), axis=1)[:, 0]
    assert near.min() > 0.4
    assert {(unit.call_sign, unit.kind) for unit in model.units} == {("M-1-1", "medic"), ("P-2-1", "police")}


def test_people_leave_and_others_come_at_the_same_rate(district, plaza):
    model = Rehearsal(district, made(district, plaza, minutes=4, assume=Assumptions(stay_s=100)), "now", 1)
    model.rehearse()
    came = len(model.visitors) - 42
    assert came == pytest.approx(42 / 100 * 240, abs=3)
    inside = [row[3] for row in model.record._series]  # people on the ground, second by second
    assert inside[0] == pytest.approx(42, abs=2)
    assert 30 < np.mean(inside[-60:]) < 95  # those who walk in from the ends of the streets are on the ground too
    assert not model.cut_off_ever.any()


def test_the_scenario_survives_its_file_and_the_same_state_gives_the_same_run(district, plaza, tmp_path):
    scenario = made(district, plaza)
    file = tmp_path / "now.yaml"
    file.write_text(dump(scenario), encoding="utf-8")
    assert load(file) == scenario.model_copy(update={"district": str(plaza)})
    assert scenario == made(district, plaza)
    first, again = (Rehearsal(district, scenario, "now", 5) for _ in range(2))
    first.run_until(20)
    again.run_until(20)
    np.testing.assert_array_equal(first.record.positions, again.record.positions)


def test_a_gate_that_is_reported_shut_is_shut(district, plaza):
    shut = made(district, plaza, now(parts={"gate-1": "locked", "lamp-9": "faulty"}))
    assert [c.id for c in shut.layouts["now"].closures] == ["gate-1"]
    assert not made(district, plaza, now(parts={"gate-1": "open"})).layouts["now"].closures
    layout = Layout(
        barriers=[Barrier(id="b", line=[(X0 - 40, Y0 - 4.5), (X0 - 40, Y0 + 4.5)])], gates=[Gate(id="g", at=(X0 - 40, Y0))]
    )
    put = made(district, plaza, now(parts={"g": "blocked"}), layout=layout).layouts["now"]
    assert put.gates[0].open[0].from_s == 120
    assert put.barriers == layout.barriers
    assert [post.id for post in put.posts] == ["M-1", "P-2"]


def test_open_cases_call_units_of_their_kind(district, plaza):
    state = now(
        cases=[CaseNow("C-1", (X0, Y0), "medic"), CaseNow("C-2", (X0, Y0), "steward"), CaseNow("C-3", (X0, Y0 + 9000), "medic")]
    )
    assert [incident.id for incident in made(district, plaza, state).incidents] == ["C-1"]


def test_nobody_counted_is_one_sentence(district, plaza):
    for counts in ([], [Count("cam", 0, (X0, Y0))], [Count("roof", 5, (X0 + 90, Y0 + 70))]):
        with pytest.raises(BadInput, match="no camera counts anybody"):
            made(district, plaza, now(counts=counts))


def test_more_people_than_can_stand_is_one_sentence(district, plaza):
    scenario = made(district, plaza, now(counts=[Count("cam", 5000, (X0 - 15, Y0))]))
    with pytest.raises(BadInput, match="5000 people present on ground for"):
        Rehearsal(district, scenario, "now", 1)


def test_who_is_present_elsewhere_walks_to_the_venue(district, plaza):
    from plaza_case import evening, ring

    base = evening(plaza).model_dump(mode="json", exclude_none=True)
    base["demand"] = {
        "early": {
            "entry": "w",
            "venue": "square",
            "people": 10,
            "arrive": {"at": 0},
            "checked": False,
            "present": ring((-90, -3), (-70, -3), (-70, 3), (-90, 3)),
        }
    }
    scenario = Scenario.model_validate(base)
    model = Rehearsal(district, scenario, "open", 1)
    assert model.crowd.n == 10
    assert (model.crowd.at(model.crowd_id) < -69).any(axis=1).all()
    model.run_until(120)
    assert np.isfinite(model.times["reached"]).all()
    assert (model.times["reached"] > 10).all()


def test_without_the_key_nothing_changes(district, plaza):
    from plaza_case import evening

    scenario = evening(plaza)
    assert np.isnan(stands(district, scenario, shapely.box(-100, -80, 100, 80), np.zeros(120, int), 1)).all()


def test_a_run_from_now_measures_what_each_camera_would_count(district, plaza, tmp_path):
    run = sim.rehearse(made(district, plaza, minutes=1), "now", out=tmp_path / "run")
    assert set(run.scenario.measure.areas) == {"cam", "other"}
    frame = run.frames().at(1)
    assert len(frame.ids) >= 42
