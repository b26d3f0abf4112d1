"""Storeys joined by stairs: nobody is lost, overlaps or is held up where they meet."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box
from shapely.affinity import rotate, translate

from sim.crowd import Crowd, Ground, Parameters
from sim.crowd.ground.storeys import GAP, Flight, Storeys
from twin.errors import BadInput


def flight(name="main", area=None, foot=None, head=None, lower="ground", upper="first"):
    """Stairs of 8 x 2 m."""
    return Flight(name, lower, upper, area or box(10, 4, 18, 6), foot or LineString([(10, 4), (10, 6)]),
                  head or LineString([(18, 4), (18, 6)]))


PLANS = {"ground": box(0, 0, 10, 10), "first": box(18, 0, 28, 10)}


def house(cell=0.25, flights=None, plans=None):
    storeys = Storeys(plans or PLANS, flights or [flight()], cell=cell)
    ground = Ground(storeys.plane, cell=cell, walls=storeys.walls, seams=storeys.seams)
    return storeys, ground


def test_the_way_over_stairs_is_as_long_as_on_one_level():
    storeys, ground = house()
    up, down = ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10))), ground.goal("down", box(0, 0, 2, 10))
    level = Ground(shapely.union_all([box(0, 0, 10, 10), box(10, 4, 18, 6), box(18, 0, 28, 10)]), cell=0.25)
    flat = level.goal("up", box(26, 0, 28, 10))
    xy = np.array([[5.0, 5.0], [3.0, 9.0], [12.0, 5.0]])
    np.testing.assert_allclose(ground.distance(up, xy), level.distance(flat, xy), rtol=0.01)
    there = storeys.on_plane("first", shapely.MultiPoint([(20, 5), (27, 1)]))
    np.testing.assert_allclose(ground.distance(down, shapely.get_coordinates(there)), [18.0, 26.1], rtol=0.03)


def test_plans_and_plane_belong_together():
    storeys, _ = house()
    xy = np.array([[1.0, 2.0], [9.0, 9.0]])
    for k, name in enumerate(storeys.names):
        corners = shapely.get_coordinates(PLANS[name])
        plan, storey = storeys.plan(corners + storeys.shift(name))
        np.testing.assert_allclose(plan, corners)
        assert (storey == k).all()
    assert storeys.plan(xy)[1].tolist() == [0, 0]
    apart = [storeys.on_plane(name, storeys.walkable(name)) for name in storeys.names]
    assert apart[0].distance(apart[1]) >= GAP - 1e-9
    assert (storeys.shift("first") / 0.25 % 1 == 0).all()


def test_the_way_drawn_over_stairs_stays_on_the_ground():
    storeys, ground = house()
    goal = ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10)))
    path = ground.path(goal, np.array([2.0, 2.0]), step=0.5)
    assert ground.inside(path).all()
    assert (np.hypot(*np.diff(path, axis=0).T) > 1).sum() == 1


def walk(ground, storeys, goals, count, seed, threads=1, seconds=240):
    """``count`` people up and down each; gives the crowd, and the numbers that came from the first look on."""
    rng = np.random.default_rng(seed)
    crowd = Crowd(ground, seed=seed, threads=threads)
    for storey, goal in goals:
        room = storeys.plans[storey].buffer(-0.4)
        grid = shapely.points(np.stack(np.meshgrid(*[np.arange(-30, 30, 0.55)] * 2), -1).reshape(-1, 2))
        spots = shapely.get_coordinates(grid[shapely.contains(room, grid)])
        xy = spots[rng.permutation(len(spots))[:count]] + storeys.shift(storey)
        crowd.add(xy, goal, speed=rng.uniform(0.8, 1.6, len(xy)))
    looks = []
    while crowd.time < seconds and crowd.n:
        crowd.step(3)
        people = crowd.table()
        looks.append(people)
        crowd.remove(crowd.arrived())
    return crowd, looks


@settings(max_examples=5, deadline=None)
@given(angle=st.floats(0, 360), x=st.floats(0, 1), y=st.floats(0, 1), width=st.floats(1.0, 3.0), length=st.floats(2.5, 9.0),
       cell=st.sampled_from([0.25, 0.5]), seed=st.integers(0, 99))
def test_all_arrive_over_stairs_at_any_angle(angle, x, y, width, length, cell, seed):
    def put(shape):
        return translate(rotate(shape, angle, origin=(0, 0)), x, y)

    low, high = 5 - width / 2, 5 + width / 2
    area = box(10, low, 10 + length, high)
    plans = {"ground": put(box(2, 1, 10, 9)), "first": put(box(10 + length, 1, 18 + length, 9))}
    stairs = flight(area=put(area), foot=put(LineString([(10, low), (10, high)])),
                    head=put(LineString([(10 + length, low), (10 + length, high)])))
    storeys, ground = house(cell, [stairs], plans)
    up = ground.goal("up", storeys.on_plane("first", put(box(16.5 + length, 1, 18 + length, 9))))
    down = ground.goal("down", storeys.on_plane("ground", put(box(2, 1, 3.5, 9))))
    crowd, looks = walk(ground, storeys, [("ground", up), ("first", down)], 12, seed)
    assert crowd.n == 0
    body = 2 * Parameters().hard * 0.2
    for people in looks:
        assert ground.inside(people.xy).all()
        plan, _ = storeys.plan(people.xy)
        on_stairs = plan[shapely.contains_xy(put(area), plan[:, 0], plan[:, 1])]
        if len(on_stairs) > 1:
            away = np.hypot(*(on_stairs[:, None] - on_stairs[None]).transpose(2, 0, 1)) + 9 * np.eye(len(on_stairs))
            assert away.min() > body - 0.12


def test_bodies_overlap_no_deeper_at_a_seam_than_on_one_level():
    storeys, ground = house()
    goals = [("ground", ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10)))),
             ("first", ground.goal("down", box(0, 0, 2, 10)))]
    crowd, looks = walk(ground, storeys, goals, 70, 1)
    assert crowd.n == 0
    near, far = [], []
    for people in looks:
        plan, _ = storeys.plan(people.xy)
        stairs = plan[(plan[:, 0] > 10) & (plan[:, 0] < 18)]
        if len(stairs) > 1:
            away = np.hypot(*(stairs[:, None] - stairs[None]).transpose(2, 0, 1)) + 9 * np.eye(len(stairs))
            seam = np.abs(stairs[:, 0] - 14) < 0.7
            near += away.min(1)[seam].tolist()
            far += away.min(1)[~seam].tolist()
    assert len(near) > 300
    assert min(near) > min(far) - 0.03 and np.quantile(near, 0.01) > np.quantile(far, 0.01) - 0.02


def test_heading_speed_and_id_survive_the_seam():
    storeys, ground = house()
    goal = ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10)))
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([[12.0, 5.0]]), goal, speed=1.2)
    before = crowd.table()
    for _ in range(60):
        crowd.step()
        now = crowd.table()
        (was, below), (is_, above) = storeys.plan(before.xy), storeys.plan(now.xy)
        if above[0] != below[0]:
            break
        before = now
    assert (below[0], above[0]) == (0, 1)
    assert now.ids.tolist() == ids.tolist() and crowd.n == 1
    assert np.hypot(*(is_ - was)[0]) == pytest.approx(0.12, abs=0.01)
    assert now.speed[0] == pytest.approx(before.speed[0], abs=0.01)
    assert crowd.to_go(ids)[0] == pytest.approx(12.0, abs=0.3)


def test_who_walks_beneath_the_stairs_stays_there():
    plans = {"ground": shapely.union_all([box(0, 0, 10, 10), box(10, 0, 24, 10)]), "first": box(18, 0, 28, 10)}
    storeys, ground = house(plans=plans)
    goal = ground.goal("end", box(22, 0, 24, 10))
    crowd = Crowd(ground, seed=1)
    crowd.add(np.array([[16.0, 1.0], [16.5, 5.0]]), goal, speed=1.2)
    for _ in range(80):
        crowd.step()
        assert (storeys.plan(crowd.table().xy)[1] == 0).all()
    assert len(crowd.arrived()) == 2


def test_equal_with_one_thread_and_two():
    storeys, ground = house()
    goals = [("ground", ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10)))),
             ("first", ground.goal("down", box(0, 0, 2, 10)))]
    ends = [walk(ground, storeys, goals, 60, 3, threads, seconds=25)[1][-1] for threads in (1, 2)]
    assert np.array_equal(ends[0].xy, ends[1].xy) and np.array_equal(ends[0].ids, ends[1].ids)


def test_stairs_one_above_the_other():
    plans = {name: shapely.union_all([box(0, 0, 10, 4), box(-2, 0, 0, 6), box(10, 0, 12, 6)]) for name in "abcd"}
    flights = [flight(f"{low}{high}", box(0, 4.2, 10, 6), LineString([(10, 4.2), (10, 6)]), LineString([(0, 4.2), (0, 6)]), low,
                      high) for low, high in (("a", "b"), ("b", "c"), ("c", "d"))]
    storeys, ground = house(flights=flights, plans=plans)
    goal = ground.goal("out", storeys.on_plane("a", box(-2, 0, -1, 2)))
    start = np.array([[5.0, 2.0]]) + storeys.shift("d")
    assert ground.distance(goal, start)[0] > 3 * 18
    crowd, looks = walk(ground, storeys, [("d", goal), ("b", goal)], 10, 2)
    assert crowd.n == 0
    assert set(np.concatenate([storeys.plan(people.xy)[1] for people in looks])) == {0, 1, 2, 3}


def test_no_way_over_stairs_without_steps():
    storeys, ground = house()
    goal = ground.goal("up", storeys.on_plane("first", box(26, 0, 28, 10)))
    assert ground.level(goal) == goal
    ground.steps("main", storeys.stairs["main"])
    here = np.array([[5.0, 5.0]])
    level = ground.level(goal)
    assert level != goal and ground.level(level) == level and ground.common(np.array([goal, level])).tolist() == [goal, goal]
    assert np.isfinite(ground.distance(goal, here)[0]) and np.isinf(ground.distance(level, here)[0])
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([[5.0, 4.0], [5.0, 6.0]]), goal, speed=1.0, step_free=np.array([True, False]))
    crowd.step(50)
    assert crowd.lost().tolist() == [ids[0]]
    assert crowd.table().goal.tolist() == [goal, goal]


def test_wheels_go_round_by_the_ramp():
    ground = Ground(shapely.union_all([box(0, 0, 10, 10), box(10, 4, 14, 6), box(14, 0, 24, 10), box(0, 10, 24, 12)]))
    ground.steps("steps", box(10, 4, 14, 6))
    goal = ground.goal("end", box(22, 0, 24, 10))
    crowd = Crowd(ground, seed=1)
    crowd.add(np.array([[5.0, 4.6], [5.0, 5.4]]), goal, speed=1.0, step_free=np.array([True, False]))
    highest = np.zeros(2)
    for _ in range(450):
        crowd.step()
        highest = np.maximum(highest, crowd.table().xy[:, 1])
    assert len(crowd.arrived()) == 2
    assert highest[0] > 10 > 7 > highest[1]


@pytest.mark.parametrize(
    ("stairs", "words"),
    [
        (flight(upper="second"), "no storey 'second'"),
        (flight(upper="ground"), "the same storey"),
        (flight(foot=LineString([(8, 4), (8, 6)])), "foot lies off"),
        (flight(head=LineString([(14, 4), (14, 6)])), "head lies off|head does not touch"),
        (flight(area=box(11, 4, 18, 6), foot=LineString([(11, 4), (11, 6)])), "does not touch the storey ground"),
        (flight(area=box(10, 4.9, 18, 5.2), foot=LineString([(10, 4.9), (10, 5.2)]), head=LineString([(18, 4.9), (18, 5.2)])),
         "narrower than a body"),
        (flight(foot=LineString([(10, 4), (10, 4.2)])), "foot is 0.20 m wide"),
    ],
)
def test_stairs_that_lead_nowhere_are_refused(stairs, words):
    with pytest.raises(BadInput, match=words) as found:
        Storeys(PLANS, [stairs], cell=0.25)
    assert "\n" not in str(found.value)


def test_stairs_in_the_way_of_others_are_refused():
    with pytest.raises(BadInput, match="lies over other stairs"):
        Storeys(PLANS, [flight("a"), flight("b")], cell=0.25)
