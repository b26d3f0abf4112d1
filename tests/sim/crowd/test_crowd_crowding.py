"""Jams of two streams: people give way, and choose ways round what is slow."""

from __future__ import annotations

import copy

import numpy as np
from shapely import LineString, box

from sim.crowd import Crowd, Ground
from sim.crowd.bench.experiments import free_speeds, scattered


def two_passages(heed: bool = True) -> tuple[Crowd, np.ndarray]:
    """Two yards joined by a short passage of 1.2 m and a longer way of 4 m; 80 people walk each way."""
    ground = Ground(box(0, 0, 15, 30).union(box(25, 0, 40, 30)).union(box(15, 5, 25, 6.2)).union(box(15, 20, 25, 24)))
    west, east = ground.goal("west", box(0, 0, 1, 10)), ground.goal("east", box(39, 0, 40, 10))
    crowd = Crowd(ground, seed=1, heed_crowding=heed)
    rng = np.random.default_rng(0)
    people = [crowd.add(scattered(160, x, 0, x + 11, 12, rng), goal, speed=free_speeds(160, rng))
              for x, goal in ((2, east), (27, west))]
    return crowd, np.concatenate(people)


def over(crowd: Crowd, people: np.ndarray, seconds: int) -> int:
    """How many took the longer way."""
    took = np.zeros(len(people), bool)
    for _ in range(seconds):
        crowd.step(10)
        xy = crowd.at(people)
        took |= (xy[:, 0] > 17) & (xy[:, 0] < 23) & (xy[:, 1] > 15)
    return int(took.sum())


def test_people_walk_round_a_jam_of_two_streams() -> None:
    crowd, people = two_passages()
    alone, _ = two_passages(heed=False)
    assert over(crowd, people, 150) > over(alone, people, 150) + 50
    assert crowd.ways_renewed > 0 and alone.ways_renewed == 0
    assert crowd.gave_way > 0
    assert len(crowd.arrived()) > len(alone.arrived())


def test_the_ground_itself_keeps_its_distances() -> None:
    crowd, _ = two_passages()
    before = crowd.ground.field(0)[0].copy()
    crowd.step(400)
    assert crowd.ways_renewed > 0
    assert np.array_equal(crowd.ground.field(0)[0], before)


def test_a_jam_is_the_same_in_any_portions_and_in_a_branch() -> None:
    whole, _ = two_passages()
    parts, _ = two_passages()
    whole.step(450)
    for steps in (33, 7, 160, 100):
        parts.step(steps)
    branch = copy.deepcopy(parts)
    for crowd in (parts, branch):
        crowd.step(150)
        assert crowd.ways_renewed == whole.ways_renewed > 0
        assert np.array_equal(crowd.table().xy, whole.table().xy)


def test_a_queue_before_a_door_does_not_give_way() -> None:
    ground = Ground(box(0, 0, 10, 10).union(box(10, 4.5, 10.4, 5.5)).union(box(10.4, 0, 15, 10)), cell=0.25)
    out = ground.goal("out", box(14, 0, 15, 10))
    crowd = Crowd(ground, seed=1)
    crowd.add(scattered(150, 0, 0, 10, 10, np.random.default_rng(0)), out, speed=1.3)
    crowd.step(400)
    assert crowd.gave_way == 0


def last_out(ground: Ground, goal: int, start: tuple[float, float, float, float], people: int, heed: bool) -> float:
    """Seconds in which nine tenths of people who stand in a rectangle reach the goal."""
    crowd = Crowd(ground, seed=1, heed_crowding=heed)
    rng = np.random.default_rng(0)
    crowd.add(scattered(people, *start, rng), goal, speed=free_speeds(people, rng))
    while crowd.n > people / 10:
        crowd.step(2)
        crowd.remove(crowd.arrived())
        assert crowd.time < 200
    return crowd.time


def test_a_queue_that_nobody_can_avoid_flows_as_well() -> None:
    ground = Ground(box(0, 0, 10, 10).union(box(10, 4.5, 10.4, 5.5)).union(box(10.4, 0, 15, 10)))
    out = ground.goal("out", box(13, 0, 15, 10))
    with_ways, without = (last_out(ground, out, (0, 0, 10, 10), 150, heed) for heed in (True, False))
    assert with_ways < 1.1 * without


def test_a_crowd_uses_the_whole_corner() -> None:
    ground = Ground(box(0, 0, 28, 16).union(box(12, 16, 28, 40)))
    end = ground.goal("end", box(12, 38, 28, 40))
    with_ways, without = (last_out(ground, end, (0, 0, 6, 16), 300, heed) for heed in (True, False))
    assert with_ways < without - 5


def test_a_gate_that_shuts_makes_the_crowd_forget_its_ways() -> None:
    crowd, people = two_passages()
    crowd.step(400)
    crowd.ground.close("wide", LineString([(20, 19), (20, 25)]))
    crowd.step(300)
    assert np.isfinite(crowd.to_go(people)).all()
    crowd.ground.close("narrow", LineString([(20, 4), (20, 7)]))
    crowd.step(10)
    xy = crowd.at(people)
    goal = crowd.table().goal
    apart = ((xy[:, 0] < 19.5) & (goal == 1)) | ((xy[:, 0] > 20.5) & (goal == 0))
    assert apart.any() and np.isinf(crowd.to_go(people)[apart]).all()


def test_a_goal_that_nobody_had_before_the_jam_is_found() -> None:
    crowd, _ = two_passages()
    north = crowd.ground.goal("north", box(0, 29, 15, 30))
    crowd.step(400)
    assert crowd.ways_renewed > 0
    late = crowd.add(np.array([[3.0, 18.0]]), north, speed=1.3)
    crowd.step(10)
    assert late[0] not in crowd.arrived()
    crowd.step(140)
    assert late[0] in crowd.arrived()
