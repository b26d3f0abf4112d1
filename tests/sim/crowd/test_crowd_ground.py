"""Ground: exact walls, ways through doors at any angle, rules, rasters against closed forms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, box
from shapely.affinity import rotate, translate

from sim.crowd import Ground
from twin.errors import BadInput


def walled_room(angle: float, door: float, shift: tuple[float, float]) -> tuple[shapely.Polygon,
                                                                                list[LineString]]:
    """A 12 x 12 m room turned by an angle, cut in two by a thin wall with a door in the middle."""
    room = rotate(box(-6, -6, 6, 6), angle, origin=(0, 0))
    walls = [LineString([(0, -7), (0, -door / 2)]), LineString([(0, door / 2), (0, 7)])]
    turned = [rotate(w, angle, origin=(0, 0)) for w in walls]
    return translate(room, *shift), [translate(w, *shift) for w in turned]


def at(angle: float, shift: tuple[float, float], *points: tuple[float, float]) -> np.ndarray:
    return np.array([translate(rotate(Point(p), angle, origin=(0, 0)), *shift).coords[0] for p in points])


@settings(max_examples=40, deadline=None)
@given(angle=st.floats(0, 180), x=st.floats(0, 1), y=st.floats(0, 1),
       door=st.floats(0.6, 1.0), cell=st.sampled_from([0.25, 0.5]))
def test_a_door_at_any_angle_passes_and_the_wall_beside_it_does_not(angle: float, x: float, y: float,
                                                                    door: float,
                                                                   cell: float) -> None:
    shift = (x, y)
    room, walls = walled_room(angle, door, shift)
    ground = Ground(room, cell=cell, walls={"a": walls[0], "b": walls[1]})
    goal = ground.goal("there", translate(rotate(Point(4, 4), angle, origin=(0, 0)), *shift))
    start = at(angle, shift, (-4, 4))
    straight = np.hypot(4, 4 - door / 2) * 2
    through = ground.distance(goal, start)[0]
    assert straight - 0.8 < through < straight * 1.08 + 1.0
    path = LineString(ground.path(goal, start[0], step=0.5))
    assert not any(path.crosses(w) for w in walls)
    ground.close("door", translate(rotate(LineString([(0, -door), (0, door)]), angle, origin=(0, 0)), *shift))
    assert np.isinf(ground.distance(goal, start)[0])
    ground.open("door")
    assert ground.distance(goal, start)[0] == pytest.approx(through, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(0, 180), cell=st.sampled_from([0.25, 0.5]))
def test_a_lane_at_any_angle_can_be_walked(angle: float, cell: float) -> None:
    lane = rotate(box(0, 0, 40, 0.8), angle, origin=(0, 0))
    ground = Ground(lane, cell=cell)
    goal = ground.goal("end", rotate(box(39, 0, 40, 0.8), angle, origin=(0, 0)))
    start = at(angle, (0, 0), (0.5, 0.4))
    assert ground.distance(goal, start)[0] == pytest.approx(38.5, rel=0.09 if cell == 0.5 else 0.04)


def test_distance_is_euclidean_in_the_open() -> None:
    ground = Ground(box(0, 0, 60, 60))
    goal = ground.goal("middle", Point(30, 30).buffer(2, quad_segs=64))
    rng = np.random.default_rng(1)
    xy = rng.uniform(1, 59, (500, 2))
    exact = np.maximum(np.hypot(*(xy - 30).T) - 2, 0)
    assert np.abs(ground.distance(goal, xy) - exact).max() < 0.35


def test_distance_goes_round_an_obstacle() -> None:
    ground = Ground(box(0, 0, 40, 40).difference(box(10, 0, 12, 30)))
    goal = ground.goal("g", Point(20, 5))
    exact = np.hypot(9, 25) + 2 + np.hypot(8, 25) - 0.5
    assert ground.distance(goal, np.array([[1.0, 5.0]]))[0] == pytest.approx(exact, rel=0.02)


def test_one_way_forbids_going_back() -> None:
    ground = Ground(box(0, 0, 60, 10).union(box(0, 30, 60, 40)).union(box(0, 0, 10, 40)).union(box(50, 0,
                                                                                                   60, 40)))
    east, west = ground.goal("east", Point(58, 5)), ground.goal("west", Point(2, 5))
    here = np.array([[30.0, 5.0]])
    assert ground.distance(west, here)[0] < 30
    ground.one_way("street", box(20, -1, 40, 11), 0.0)
    assert ground.distance(east, here)[0] < 30
    assert ground.distance(west, here)[0] > 80
    ground.two_way("street")
    assert ground.distance(west, here)[0] < 30


def test_a_closed_area_is_walked_round_but_can_be_left() -> None:
    ground = Ground(box(0, 0, 40, 40))
    goal = ground.goal("g", Point(38, 20))
    here, inside = np.array([[2.0, 20.0]]), np.array([[20.0, 20.0]])
    direct = ground.distance(goal, here)[0]
    ground.block("square", box(10, 5, 30, 35))
    assert ground.distance(goal, here)[0] > direct + 5
    assert np.isfinite(ground.distance(goal, inside)[0])
    path = ground.path(goal, here[0], step=0.5)
    assert not shapely.contains_xy(box(11, 6, 29, 34), path[:, 0], path[:, 1]).any()
    ground.unblock("square")
    assert ground.distance(goal, here)[0] == pytest.approx(direct, abs=1e-6)


def test_inside_and_nearest_are_exact() -> None:
    area = box(0, 0, 20, 20).difference(box(5, 5, 15, 15))
    ground = Ground(area, walls={"fence": LineString([(2, 0), (2, 20)])})
    rng = np.random.default_rng(2)
    xy = rng.uniform(-2, 22, (400, 2))
    points = shapely.points(xy)
    wall = np.minimum(shapely.distance(area.boundary, points), shapely.distance(LineString([(2, 0), (2,
                                                                                                     20)]),
                                                                                                     points))
    assert np.array_equal(ground.inside(xy), shapely.contains(area, points))
    assert np.allclose(ground.wall_distance(xy), wall)
    put = ground.nearest(xy, 0.3)
    assert ground.inside(put, 0.3).all()
    already = ground.inside(xy, 0.3)
    assert np.array_equal(put[already], xy[already])
    target = area.buffer(-0.3).difference(LineString([(2, 0), (2, 20)]).buffer(0.3))
    assert np.allclose(np.hypot(*(put - xy).T)[~already], shapely.distance(target, points)[~already],
                       atol=0.01)


def test_a_site_of_several_pieces() -> None:
    ground = Ground(MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)]))
    goal = ground.goal("g", Point(25, 5))
    assert np.isinf(ground.distance(goal, np.array([[5.0, 5.0]]))[0])
    assert np.isfinite(ground.distance(goal, np.array([[22.0, 5.0]]))[0])
    assert len(ground.path(goal, np.array([5.0, 5.0]))) == 1


def test_far_from_the_origin() -> None:
    near, far = (Ground(translate(box(0, 0, 20, 20), x, x)) for x in (0, 4_430_000))
    for ground, x in ((near, 0), (far, 4_430_000)):
        ground.goal("g", Point(x + 15, x + 15))
    a = near.distance(0, np.array([[2.0, 3.0]]))
    b = far.distance(0, np.array([[4_430_002.0, 4_430_003.0]]))
    assert a == pytest.approx(b, abs=1e-3)


def test_a_copy_goes_its_own_way() -> None:
    ground = Ground(box(0, 0, 20, 10))
    goal = ground.goal("g", Point(18, 5))
    here = np.array([[2.0, 5.0]])
    before = ground.distance(goal, here)
    branch = copy.deepcopy(ground)
    branch.close("wall", LineString([(10, -1), (10, 11)]))
    assert np.isinf(branch.distance(goal, here)[0])
    assert ground.distance(goal, here) == before


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="not valid"):
        Ground(shapely.Polygon([(0, 0), (5, 5), (5, 0), (0, 5)]))
    with pytest.raises(BadInput, match="empty"):
        Ground(shapely.Polygon())
    with pytest.raises(BadInput, match="cells"):
        Ground(box(0, 0, 90_000, 90_000))
    ground = Ground(box(0, 0, 10, 10))
    with pytest.raises(BadInput, match="nowhere"):
        ground.goal("far", Point(50, 50))
    with pytest.raises(BadInput, match="line"):
        ground.close("x", box(0, 0, 1, 1))
    with pytest.raises(BadInput, match="goal number 7"):
        ground.distance(7, np.zeros((1, 2)))
