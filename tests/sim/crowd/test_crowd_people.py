"""Crowd: ids, orders, arrivals, walls that nobody passes, equal results from equal seeds."""

from __future__ import annotations

import copy
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from sim.crowd import Crowd, Ground, Parameters
from sim.crowd.bench.experiments import free_speeds, scattered
from twin.errors import BadInput


def room() -> tuple[Ground, int]:
    ground = Ground(box(0, 0, 20, 10))
    return ground, ground.goal("east", box(18, 0, 20, 10))


def fingerprint(crowd: Crowd) -> str:
    people = crowd.table()
    return hashlib.sha256(people.ids.tobytes() + people.xy.tobytes()).hexdigest()


def test_one_person_walks_straight_at_their_speed() -> None:
    ground = Ground(box(0, 0, 60, 10))
    goal = ground.goal("east", box(58, 0, 60, 10))
    crowd = Crowd(ground, seed=1, parameters=Parameters(noise=0))
    ids = crowd.add(np.array([[2.0, 5.0]]), goal, speed=1.33)
    while not len(crowd.arrived()) and crowd.time < 100:
        crowd.step()
    assert crowd.time == pytest.approx(56 / 1.33, abs=1.0)
    assert abs(crowd.at(ids)[0, 1] - 5) < 0.5


def test_ids_ascend_and_are_never_used_again() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1, capacity=16)
    first = crowd.add(scattered(30, 0, 0, 10, 10, np.random.default_rng(0)), goal, speed=1.3)
    assert np.array_equal(first, np.arange(30))
    crowd.remove(first[5:])
    more = crowd.add(np.array([[15.0, 5.0]]), goal, speed=1.3)
    assert more[0] == 30 and crowd.n == 6
    crowd.step(3)
    assert np.array_equal(crowd.table().ids, [0, 1, 2, 3, 4, 30])
    with pytest.raises(KeyError):
        crowd.at(np.array([7]))


def test_at_answers_in_the_order_asked() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    places = scattered(40, 0, 0, 20, 10, np.random.default_rng(0))
    ids = crowd.add(places, goal, speed=1.0)
    assert np.allclose(crowd.at(ids[::-1]), places[::-1], atol=1e-3)
    crowd.hold(ids, True)
    crowd.step(1)
    assert np.allclose(crowd.at(ids[::-1]), places[::-1], atol=0.05)


def test_fits_is_false_on_top_of_somebody() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    crowd.add(np.array([[5.0, 5.0]]), goal, speed=1.0)
    assert crowd.fits(np.array([[5.1, 5.0], [5.38, 5.0], [8.0, 5.0]])).tolist() == [False, True, True]


def test_people_arrive_and_are_told_once_they_do() -> None:
    ground, goal = room()
    west = ground.goal("west", box(0, 0, 2, 10))
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(scattered(50, 2, 0, 15, 10, np.random.default_rng(0)), goal, speed=1.3)
    crowd.step(300)
    assert np.array_equal(crowd.arrived(), ids)
    assert (crowd.at(ids)[:, 0] > 17.5).all()
    crowd.send(ids[:25], west)
    assert np.array_equal(crowd.arrived(), ids[25:])
    crowd.step(400)
    assert np.array_equal(crowd.arrived(), ids)
    assert (crowd.at(ids[:25])[:, 0] < 2.5).all()


def test_people_stand_where_they_are_told_and_go_on_when_released() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(scattered(10, 1, 1, 6, 9, np.random.default_rng(0)), goal, speed=1.3)
    slots = np.column_stack([np.full(10, 12.0), np.linspace(1, 9, 10)])
    crowd.stand_at(ids, slots)
    crowd.step(300)
    assert np.hypot(*(crowd.at(ids) - slots).T).max() < 0.35
    assert np.array_equal(crowd.standing(), ids)
    assert len(crowd.stuck(5.0)) == 0
    crowd.release(ids)
    crowd.step(200)
    assert np.array_equal(crowd.arrived(), ids)


def test_somebody_far_from_their_place_follows_the_field_round_the_corner() -> None:
    ground = Ground(box(0, 0, 30, 4).union(box(26, 0, 30, 30)))
    goal = ground.goal("end", box(26, 28, 30, 30))
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([[1.0, 2.0]]), goal, speed=1.4)
    crowd.stand_at(ids, np.array([[28.0, 25.0]]))
    crowd.step(500)
    assert np.hypot(*(crowd.at(ids)[0] - (28, 25))) < 0.3


def test_a_held_person_is_not_pushed_away() -> None:
    ground = Ground(box(0, 0, 20, 3))
    goal = ground.goal("east", box(18, 0, 20, 3))
    crowd = Crowd(ground, seed=1)
    held = crowd.add(np.array([[10.0, 1.5]]), goal, speed=1.3)
    crowd.hold(held, True)
    others = crowd.add(scattered(60, 0, 0, 9, 3, np.random.default_rng(0)), goal, speed=1.3)
    for _ in range(60):
        crowd.step(10)
        crowd.remove(np.setdiff1d(crowd.arrived(), held))
    assert np.hypot(*(crowd.at(held)[0] - (10, 1.5))) < 0.3
    assert crowd.n == 1
    assert len(others) == 60


def test_nobody_passes_a_gate_that_shuts_and_they_are_lost_at_once() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    crowd.add(scattered(150, 0, 0, 16, 10, np.random.default_rng(0)), goal, speed=1.3)
    crowd.step(20)
    gate = LineString([(12, -1), (12, 11)])
    ground.close("gate", gate)
    crowd.step(1)
    west = crowd.table().ids[crowd.table().xy[:, 0] < 12]
    assert len(west) > 20
    assert np.array_equal(crowd.stuck(), west)
    for _ in range(100):
        crowd.step(5)
        assert (crowd.at(west)[:, 0] < 12).all()
    crowd.remove(crowd.arrived())
    assert np.array_equal(crowd.table().ids, west)
    ground.open("gate")
    crowd.step(300)
    assert np.array_equal(crowd.arrived(), west)


def test_somebody_who_cannot_get_on_is_stuck_after_a_while() -> None:
    ground = Ground(box(0, 0, 20, 1))
    goal = ground.goal("east", box(18, 0, 20, 1))
    crowd = Crowd(ground, seed=1)
    wall = crowd.add(np.array([[10.0, 0.25], [10.0, 0.5], [10.0, 0.75]]), goal, speed=1.3)
    crowd.hold(wall, True)
    blocked = crowd.add(np.array([[2.0, 0.5]]), goal, speed=1.3)
    crowd.step(300)
    assert len(crowd.stuck(60)) == 0
    crowd.step(500)
    assert np.array_equal(crowd.stuck(60), blocked)


ODD = Polygon([(0, 0), (12, 0), (12, 3), (24, 4.5), (12, 6), (12, 9.2), (30, 9.2), (30, 10), (12, 10), (12,
                                                                                                        14),
               (6, 14), (5.95, 10.5), (5.9, 14), (0, 14)])


@pytest.mark.parametrize("dt", [0.05, 0.1])
def test_nobody_is_ever_outside_in_nooks_and_narrow_lanes(dt: float) -> None:
    fence = LineString([(3, 2), (9, 2.5), (3.2, 3)])
    ground = Ground(ODD, cell=0.25, walls={"fence": fence})
    rng = np.random.default_rng(5)
    goals = [ground.goal("lane", box(28, 9.2, 30, 10)), ground.goal("tip", Point(23, 4.5)),
             ground.goal("fold", Point(5, 2.5)), ground.goal("corner", Point(5.7, 13.7))]
    crowd = Crowd(ground, seed=3, dt=dt)
    xy = rng.uniform((0, 0), (12, 14), (900, 2))
    xy = xy[ground.inside(xy, 0.05)][:300]
    crowd.add(xy, rng.choice(goals, len(xy)), speed=free_speeds(len(xy), rng))
    folded = Polygon(fence.coords)
    in_fold = shapely.contains_xy(folded, xy[:, 0], xy[:, 1]).sum()
    for _ in range(60):
        before = crowd.table()
        crowd.step(1)
        people = crowd.table()
        steps = shapely.linestrings(np.stack([before.xy, people.xy], axis=1))
        assert not shapely.intersects(steps, fence).any()
        crowd.step(round(1 / dt) - 1)
        people = crowd.table()
        assert shapely.contains_xy(ODD, people.xy[:, 0], people.xy[:, 1]).all()
        assert ground.wall_distance(people.xy).min() > 0.001
        arrived = crowd.arrived()
        crowd.send(arrived, rng.choice(goals, len(arrived)))
    assert in_fold < 60


def test_equal_seeds_give_equal_crowds_and_others_do_not() -> None:
    prints = []
    for seed in (1, 1, 2):
        ground, goal = room()
        crowd = Crowd(ground, seed=seed)
        crowd.add(scattered(100, 0, 0, 15, 10, np.random.default_rng(0)), goal, speed=1.3)
        crowd.step(100)
        prints.append(fingerprint(crowd))
    assert prints[0] == prints[1] != prints[2]


def test_steps_may_be_taken_in_any_portions() -> None:
    prints = []
    for portions in ([100], [1] * 100, [33, 7, 60]):
        ground, goal = room()
        crowd = Crowd(ground, seed=1)
        crowd.add(scattered(100, 0, 0, 15, 10, np.random.default_rng(0)), goal, speed=1.3)
        for steps in portions:
            crowd.step(steps)
        prints.append(fingerprint(crowd))
    assert len(set(prints)) == 1


def test_threads_do_not_change_the_result() -> None:
    prints = []
    for threads in (1, 2):
        ground = Ground(box(0, 0, 40, 40).difference(box(18, 5, 22, 35)))
        goals = [ground.goal("a", box(38, 0, 40, 40)), ground.goal("b", box(0, 0, 2, 40))]
        crowd = Crowd(ground, seed=1, threads=threads)
        rng = np.random.default_rng(0)
        xy = scattered(1500, 0, 0, 40, 40, rng)
        xy = xy[ground.inside(xy, 0.2)]
        crowd.add(xy, rng.choice(goals, len(xy)), speed=free_speeds(len(xy), rng))
        crowd.step(100)
        prints.append(fingerprint(crowd))
    assert prints[0] == prints[1]


def test_a_branch_goes_on_exactly_like_its_stem() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    crowd.add(scattered(100, 0, 0, 15, 10, np.random.default_rng(0)), goal, speed=1.3)
    crowd.step(50)
    branch, stored = copy.deepcopy(crowd), pickle.loads(pickle.dumps(crowd))
    for other in (crowd, branch, stored):
        other.step(50)
    assert fingerprint(crowd) == fingerprint(branch) == fingerprint(stored)
    branch.ground.close("wall", LineString([(17, -1), (17, 11)]))
    branch.step(10)
    assert len(branch.lost()) > 0 and len(crowd.lost()) == 0


def test_people_of_different_size_do_not_overlap_much() -> None:
    ground = Ground(box(0, 0, 12, 12))
    goal = ground.goal("middle", Point(6, 6).buffer(0.5))
    crowd = Crowd(ground, seed=1)
    rng = np.random.default_rng(0)
    radius = rng.choice([0.15, 0.2, 0.45], 120)
    crowd.add(scattered(120, 0, 0, 12, 12, rng), goal, speed=1.2, radius=radius)
    for _ in range(40):
        crowd.step(10)
        people = crowd.table()
        away = np.hypot(*(people.xy[:, None] - people.xy[None]).transpose(2, 0, 1))
        least = (people.radius[:, None] + people.radius[None]) * crowd.parameters.hard
        overlap = (least - away)[~np.eye(len(away), dtype=bool)]
        assert overlap.max() < 0.12


def test_bad_input_is_one_sentence() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    with pytest.raises(BadInput, match="off the walkable ground"):
        crowd.add(np.array([[50.0, 5.0]]), goal, speed=1.0)
    with pytest.raises(BadInput, match="speed"):
        crowd.add(np.array([[5.0, 5.0]]), goal, speed=np.nan)
    with pytest.raises(BadInput, match="radius"):
        crowd.add(np.array([[5.0, 5.0]]), goal, speed=1.0, radius=3.0)
    with pytest.raises(BadInput, match="goal number 5"):
        crowd.add(np.array([[5.0, 5.0]]), 5, speed=1.0)
    with pytest.raises(BadInput, match="time step"):
        Crowd(ground, seed=1, dt=1.0)
    with pytest.raises(BadInput, match="gap"):
        Parameters(gap=0)
    assert crowd.n == 0


def test_somebody_a_little_off_the_ground_is_put_on_it() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([[-0.3, 5.0]]), goal, speed=1.0)
    assert ground.inside(crowd.at(ids)).all()


@st.composite
def sites(draw: st.DrawFn) -> tuple[Polygon, LineString]:
    """A site with crooked obstacles, acute corners and narrow gaps, and a thin fence through it."""
    coordinate = st.floats(0, 20)
    corners = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=5)
    blobs = draw(st.lists(corners, min_size=1, max_size=8))
    solid = shapely.union_all([shapely.MultiPoint(b).convex_hull for b in blobs])
    site = shapely.difference(box(0, 0, 20, 20), solid)
    parts = [p for p in shapely.get_parts(site) if p.geom_type == "Polygon" and p.area > 5]
    fence = LineString(draw(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=4, unique=True)))
    return (max(parts, key=lambda p: p.area) if parts else box(0, 0, 20, 20)), fence


@settings(max_examples=25, deadline=None)
@given(site=sites(), seed=st.integers(0, 1000), cell=st.sampled_from([0.25, 0.5]))
def test_nobody_leaves_any_site_or_passes_any_fence(site: tuple[Polygon, LineString], seed: int,
                                                    cell: float) -> None:
    area, fence = site
    shapely.prepare(area)
    ground = Ground(area, cell=cell)
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 20, (2000, 2))
    xy = xy[ground.inside(xy, 0.01)][:150]
    if len(xy) < 5:
        return
    goals = np.array([ground.goal(f"g{i}", Point(p)) for i, p in enumerate(xy[:4])])
    crowd = Crowd(ground, seed=seed)
    crowd.add(xy, rng.choice(goals, len(xy)), speed=free_speeds(len(xy), rng))
    for second in range(12):
        if second == 4:
            ground.close("fence", fence)
            crowd.step()
        before = crowd.table().xy
        for _ in range(5):
            crowd.step()
            after = crowd.table().xy
            if second >= 4:
                steps = shapely.linestrings(np.stack([before, after], axis=1))
                assert not shapely.intersects(steps, fence).any()
            before = after
        crowd.step(5)
        after = crowd.table().xy
        assert shapely.contains_xy(area, after[:, 0], after[:, 1]).all()
        crowd.send(crowd.arrived(), rng.choice(goals, len(crowd.arrived())))


@pytest.mark.data
@pytest.mark.parametrize("name", ["jupedsim_arena.wkt", "jupedsim_aknz_evac.wkt"])
def test_nobody_leaves_a_real_site(data: Path, name: str) -> None:
    shapes = shapely.from_wkt((data / "evac" / name).read_text())
    area = shapely.union_all([p for p in shapely.get_parts(shapes) if p.geom_type == "Polygon"])
    area = max(shapely.get_parts(area), key=lambda p: p.area)
    shapely.prepare(area)
    ground = Ground(area, cell=0.25 if area.area < 1000 else 0.5)
    rng = np.random.default_rng(0)
    x0, y0, x1, y1 = area.bounds
    xy = rng.uniform((x0, y0), (x1, y1), (60_000, 2))
    xy = xy[ground.inside(xy, 0.15)][:int(min(area.area / 2, 600))]
    goal = ground.goal("out", Point(xy[0]).buffer(2))
    away = ground.distance(goal, xy)
    assert np.isfinite(away).mean() > 0.9
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(xy, goal, speed=free_speeds(len(xy), rng))
    for _ in range(120):
        crowd.step(10)
        people = crowd.table()
        assert shapely.contains_xy(area, people.xy[:, 0], people.xy[:, 1]).all()
        crowd.remove(crowd.arrived())
    assert not np.isin(ids[away < 40], people.ids).any()


def test_a_closure_is_left_and_walked_round() -> None:
    ground = Ground(box(0, 0, 40, 30))
    goal = ground.goal("east", box(38, 10, 40, 20))
    crowd = Crowd(ground, seed=1)
    inside = crowd.add(np.array([[20.0, 15.0]]), goal, speed=1.3)
    crowd.step(1)
    square = box(12, 5, 28, 25)
    ground.block("square", square)
    comer = crowd.add(np.array([[2.0, 15.0]]), goal, speed=1.3)
    steps = 0
    while len(crowd.arrived()) < 2 and steps < 800:
        crowd.step(5)
        steps += 5
        assert not square.buffer(-0.6).contains(Point(crowd.at(comer)[0]))
    assert np.array_equal(crowd.arrived(), np.sort(np.r_[inside, comer]))


def test_somebody_a_wall_is_put_up_on_steps_off_it() -> None:
    ground, goal = room()
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.column_stack([np.full(20, 10.0), np.linspace(0.5, 9.5, 20)]), goal, speed=1.3)
    ground.close("wall", LineString([(10, -1), (10, 11)]))
    crowd.step(1)
    assert (np.abs(crowd.at(ids)[:, 0] - 10) > 0.001).all()
