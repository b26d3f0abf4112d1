"""The event rehearsal: nobody is lost, nobody is outside, equal seeds are equal, layouts have their effect."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from plaza_case import evening

from sim.event import Rehearsal
from twin.places import District


@pytest.fixture(scope="module")
def district(plaza):
    return District.open(plaza)


def rehearsed(district, scenario, layout, seed=1, **options):
    frames = []
    model = Rehearsal(district, scenario, layout, seed, on_frame=frames.append, **options)
    model.rehearse()
    return model, model.record.result(), frames


@pytest.fixture(scope="module")
def checked(district, plaza):
    return rehearsed(district, evening(plaza), "checked")


def test_people_in_are_people_out_plus_inside_at_every_second(checked):
    _, result, frames = checked
    series = result.series
    assert len(series) == 240
    assert (series.entered == series.left + series.inside).all()
    assert [len(frame.ids) for frame in frames] == series.inside.tolist()
    assert series.entered.max() == 120


def test_nobody_is_ever_outside_the_walkable_area(checked):
    model, _, frames = checked
    for frame in frames:
        inside = shapely.intersects_xy(model.site.walkable, frame.xy[:, 0].astype(float), frame.xy[:, 1].astype(float))
        assert inside.all(), f"outside at {frame.time_s} s"


def test_nobody_passes_the_fence_but_through_the_lanes(checked):
    model, _, frames = checked
    lanes = model.site.checkpoints[0].lanes.box.buffer(0.3)
    for before, after in pairwise(frames):
        _, i, j = np.intersect1d(before.ids, after.ids, return_indices=True)
        crossed = (before.xy[i, 0] < -40) != (after.xy[j, 0] < -40)
        for a, b in zip(before.xy[i][crossed], after.xy[j][crossed], strict=True):
            assert lanes.intersects(shapely.LineString([a, b]))


def test_lanes_serve_one_at_a_time_at_their_rate(checked):
    _, result, _ = checked
    served = result.queues.groupby("lane").served.max()
    assert (served <= 240 / 4.0).all() and (served > 5).all()
    assert 11 < result.metrics["lane_throughput"] <= 15.0


def test_checkpoint_costs_time(checked, district, plaza):
    _, free, _ = rehearsed(district, evening(plaza), "open")
    assert checked[1].metrics["access_p50"] > free.metrics["access_p50"] + 5
    assert np.isnan(free.metrics["wait_mean"])
    assert free.metrics["reached_venue"] == 120


def test_help_walks_from_its_post(checked):
    model, result, _ = checked
    arrived = result.events[result.events.kind == "help arrived"].iloc[0]
    distance = float(model.site.ground.distance(model.calls[0].goal, model.site.posts[0][None])[0])
    turnout, pace = arrived.value - distance / 1.6, distance / arrived.value
    assert 8 <= turnout < 60 and pace < 1.6


def test_equal_seeds_are_equal_with_any_number_of_threads(district, plaza, checked):
    _, again, frames = rehearsed(district, evening(plaza), "checked", threads=2)
    assert again.metrics == pytest.approx(checked[1].metrics, nan_ok=True, abs=0)
    for a, b in zip(frames, checked[2], strict=True):
        assert np.array_equal(a.xy, b.xy) and np.array_equal(a.ids, b.ids)


def test_other_seeds_differ(district, plaza, checked):
    _, other, _ = rehearsed(district, evening(plaza), "checked", seed=2)
    assert other.metrics["access_p50"] != checked[1].metrics["access_p50"]


def test_a_gate_that_shuts_cuts_people_off_and_is_reported(district, plaza):
    x, y = 446_000.0, 4_416_000.0
    scenario = evening(plaza, layouts={"A": {
        "barriers": [{"id": "east", "line": [[x + 40, y - 6], [x + 40, y + 6]]},
                     {"id": "west", "line": [[x - 40, y - 6], [x - 40, y + 6]], "from_s": 140}],
        "gates": [{"id": "out", "at": [x + 40, y], "width": 4}]}},
        incidents=[{"id": "shut", "at_s": 160, "kind": "close_gate", "object": "out"}])
    _, result, _ = rehearsed(district, scenario, "A")
    assert result.metrics["cut_off"] > 50
    assert result.metrics["people_left"] == 0
    series = result.series
    assert (series.entered == series.left + series.inside).all()
    assert {"shut", "cut off"} <= set(result.events.kind)


def test_whoever_finds_the_way_shut_takes_another(district, plaza):
    x, y = 446_000.0, 4_416_000.0
    layouts = {"A": {"barriers": [{"id": "east", "line": [[x + 40, y - 6], [x + 40, y + 6]], "from_s": 160}]}}
    _, result, _ = rehearsed(district, evening(plaza, layouts=layouts, incidents=[], duration_s=360), "A")
    assert result.metrics["people_left"] == 120
    assert result.metrics["cut_off"] == 0


def test_reopening_lets_them_out(district, plaza):
    x, y = 446_000.0, 4_416_000.0
    layouts = {"A": {"barriers": [{"id": "east", "line": [[x + 40, y - 6], [x + 40, y + 6]]},
                                  {"id": "west", "line": [[x - 40, y - 6], [x - 40, y + 6]], "from_s": 120}],
                     "gates": [{"id": "out", "at": [x + 40, y], "width": 4, "open": [{"from_s": 220}]}]}}
    _, result, _ = rehearsed(district, evening(plaza, layouts=layouts, incidents=[], duration_s=400), "A")
    left = result.series.set_index("time_s").left
    assert left[230] == 0 and left[400] > 60


def test_people_who_find_no_room_wait_outside(district, plaza):
    demand = {"visitors": {"entry": "w", "venue": "square", "people": 400, "arrive": {"at": 0}}}
    _, result, _ = rehearsed(district, evening(plaza, demand=demand, incidents=[], duration_s=60), "open")
    series = result.series
    assert series.waiting_outside.iloc[0] > 100
    assert (series.entered + series.waiting_outside == 400).all()


def test_a_lane_that_goes_down_serves_no_more(district, plaza):
    incidents = [{"id": "power", "at_s": 30, "kind": "lanes_down", "object": "west-check", "count": 3}]
    _, result, _ = rehearsed(district, evening(plaza, incidents=incidents), "checked")
    late = result.queues[result.queues.time_s >= 60].groupby("lane").served.agg(["min", "max"])
    assert (late["min"] == late["max"]).sum() == 3
    assert late["max"].max() > late["max"].min()
