"""Layouts on the ground: gates and lanes cut their fences, and what a layout takes is counted from what is drawn."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from plaza_case import X0, Y0, evening

from sim.layout import on_the_ground, takes
from twin.errors import BadInput
from twin.places import District


@pytest.fixture(scope="module")
def district(plaza):
    return District.open(plaza)


def layout(plaza, **parts):
    return evening(plaza, layouts={"A": parts}, incidents=[])


def test_a_gate_opens_its_fence_by_its_width(district, plaza):
    fence = {"id": "f", "line": [[X0 + 40, Y0 - 6], [X0 + 40, Y0 + 6]]}
    ground = on_the_ground(district, layout(plaza, barriers=[fence], gates=[{"id": "g", "at": [X0 + 40, Y0], "width": 3}]), "A")
    assert ground.fences[0].line.length == pytest.approx(12 - 3)
    assert ground.gates[0].line.length == pytest.approx(3)
    assert ground.gates[0].on_fence


@settings(max_examples=40, deadline=None)
@given(heading=st.floats(-math.pi, math.pi), lanes=st.integers(1, 12), width=st.floats(0.7, 2.0))
def test_lanes_close_the_fence_at_every_angle(district, plaza, heading, lanes, width):
    x, y = -40 * math.sin(heading), 40 * math.cos(heading)
    fence = {"id": "f", "line": [[X0 - x, Y0 - y], [X0 + x, Y0 + y]]}
    check = {"id": "c", "at": [X0, Y0], "heading": heading, "lanes": lanes, "lane_width": width}
    ground = on_the_ground(district, layout(plaza, barriers=[fence], checkpoints=[check]), "A")
    lane_rows = ground.checkpoints[0]
    x0, y0 = district.origin
    middle = np.array([X0 - x0, Y0 - y0])
    assert ground.fences[0].line.length == pytest.approx(80 - lanes * width, abs=1e-6)
    for part in shapely.get_parts(ground.fences[0].line):
        assert part.distance(lane_rows.separators) < 1e-6
    assert np.array_equal(lane_rows.lane_of(lane_rows.service), np.arange(lanes))
    ahead = (lane_rows.service - middle) @ lane_rows.along
    assert np.allclose(ahead, 0.3)
    assert (lane_rows.lane_of(lane_rows.service + 3 * lane_rows.along) == -1).all()


def test_what_a_layout_takes(district, plaza):
    needed = takes(
        district,
        layout(
            plaza,
            zones=[
                {"id": "z", "kind": "core", "fenced": True, "area": [[X0, Y0], [X0 + 10, Y0], [X0 + 10, Y0 + 10], [X0, Y0 + 10]]}
            ],
            barriers=[{"id": "b", "line": [[X0 - 40, Y0 - 3], [X0 - 40, Y0 + 3]]}],
            gates=[{"id": "g", "at": [X0 + 5, Y0], "width": 2}],
            checkpoints=[
                {"id": "c", "at": [X0 - 40, Y0], "heading": 0, "lanes": 2, "lane_width": 1, "staff_per_lane": 3, "until_s": 120}
            ],
            posts=[{"id": "p", "at": [X0, Y0], "staff": 4}],
        ),
        "A",
    )
    assert needed["barrier_m"] == pytest.approx(6.0)
    assert needed["fence_m"] == pytest.approx(38.0)
    assert (needed["lanes"], needed["posts"], needed["gates"], needed["staff"]) == (2, 1, 1, 10)
    assert needed["staff_hours"] == pytest.approx(4 * 240 / 3600 + 6 * 120 / 3600, abs=0.01)


def test_an_unknown_layout_names_the_known(district, plaza):
    with pytest.raises(BadInput, match="choose one of A"):
        on_the_ground(district, layout(plaza), "Z")
