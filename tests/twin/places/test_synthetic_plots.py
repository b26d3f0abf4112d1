"""Sharing ground and numbers out."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from twin.places.synthetic.names import community_names, lane_names, street_names
from twin.places.synthetic.plan import largest, make_plan
from twin.places.synthetic.plots import apportion, make_plots
from twin.places.synthetic.streams import stream
from twin.places.synthetic.streets import Street


@given(wanted=st.lists(st.floats(0.1, 50), min_size=1, max_size=40), more=st.integers(0, 500))
def test_apportion_gives_exactly_the_total_and_one_at_least(wanted: list[float], more: int) -> None:
    numbers = apportion(np.array(wanted), len(wanted) + more)
    assert numbers.sum() == len(wanted) + more
    assert numbers.min() >= 1


def test_apportion_follows_proportion() -> None:
    assert apportion(np.array([1.0, 2.0, 7.0]), 103).tolist() == [11, 21, 71]


def test_plots_fill_the_ground_and_touch_only() -> None:
    plan = make_plan("small", stream(3, "plan"))
    plots = make_plots(plan, None, stream(3, "plots"))
    ground = shapely.union_all([cell.ground for cell in plan.cells if cell.use == "courtyards"])
    ground = ground.difference(shapely.union_all(plan.corridors()))
    covered = shapely.union_all([plot.outline for plot in plots])
    assert covered.area == pytest.approx(sum(plot.outline.area for plot in plots), abs=0.01)
    assert ground.symmetric_difference(covered).area < 2.0


def test_count_of_plots_is_exact() -> None:
    plan = make_plan("small", stream(1, "plan"))
    assert len(make_plots(plan, 80, stream(1, "plots"))) == 80


def test_joining_a_street_adds_the_vertex_once_and_keeps_its_course() -> None:
    street = Street("lane-001", "", "lane", 4.0, np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))
    street.join(np.array([4.0, 0.0]))
    street.join(np.array([4.0, 0.0]))
    street.join(np.array([10.0, 3.0]))
    assert street.xy.tolist() == [[0, 0], [4, 0], [10, 0], [10, 3], [10, 10]]


def test_largest_takes_the_largest_polygon() -> None:
    shape = shapely.union_all([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 8, 8)])
    assert largest(shape).equals(shapely.box(5, 5, 8, 8))
    assert largest(shapely.Point(0, 0)).is_empty


def test_names_are_all_different() -> None:
    rng = stream(1, "names")
    for names in (lane_names(600, rng), street_names(60, rng), community_names(60, rng)):
        roots = [name.rstrip("胡同巷夹道里") for name in names]
        assert len(set(names)) == len(names)
        assert len(set(roots)) == len(roots)


def test_streams_differ_by_name_and_repeat() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(1, "a").random() != stream(2, "a").random()
