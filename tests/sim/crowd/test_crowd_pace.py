"""Areas with their own walking speed: stairs, ramps, smoke."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import box

from sim.crowd import Crowd, Ground
from twin.errors import BadInput


def seconds_between(ground: Ground, goal: int, start: tuple[float, float], x0: float, x1: float,
                    speed: float = 1.0) -> float:
    """Time in which one person gets from x0 to x1."""
    crowd = Crowd(ground, seed=1)
    ids = crowd.add(np.array([start]), goal, speed=speed)
    times = []
    for x in (x0, x1):
        while (crowd.at(ids)[0, 0] - x) * np.sign(x1 - x0) < 0:
            crowd.step()
            assert crowd.time < 600
        times.append(crowd.time)
    return times[1] - times[0]


@pytest.mark.parametrize("cell", [0.25, 0.5])
@pytest.mark.parametrize(("up", "down"), [(0.5, 0.65), (0.3, 0.3), (1.2, 0.8)])
def test_stairs_take_as_long_as_their_speed_says(cell: float, up: float, down: float) -> None:
    ground = Ground(box(0, 0, 40, 2), cell=cell)
    east, west = ground.goal("east", box(38, 0, 40, 2)), ground.goal("west", box(0, 0, 2, 2))
    ground.pace("stairs", box(10, 0, 20, 2), up, down, heading=0.0)
    assert seconds_between(ground, east, (1, 1), 10, 20) == pytest.approx(10 / up, rel=0.05)
    assert seconds_between(ground, west, (39, 1), 20, 10) == pytest.approx(10 / down, rel=0.05)
    assert ground.distance(east, np.array([[1.0, 1.0]]))[0] == pytest.approx(27 + 10 / up, abs=0.6)


def test_the_quicker_way_is_taken() -> None:
    ground = Ground(box(0, 0, 40, 20).difference(box(10, 2, 30, 18)))
    goal = ground.goal("east", box(38, 8, 40, 12))
    here = np.array([[1.0, 8.0]])
    assert ground.path(goal, here[0])[:, 1].mean() < 8
    ground.pace("smoke", box(10, 0, 30, 2), 0.5)
    assert ground.path(goal, here[0])[:, 1].mean() > 12
    ground.unpace("smoke")
    assert ground.path(goal, here[0])[:, 1].mean() < 8


def test_a_queue_grows_at_the_foot_of_slow_stairs() -> None:
    ground = Ground(box(0, 0, 8, 5).union(box(8, 1.5, 24, 3.5)), cell=0.25)
    goal = ground.goal("top", box(22, 1.5, 24, 3.5))
    ground.pace("stairs", box(14, 1.5, 18, 3.5), 0.3, heading=0.0)
    crowd = Crowd(ground, seed=1)
    x, y = np.meshgrid(np.arange(0.4, 7, 0.6), np.arange(0.4, 4.8, 0.6))
    crowd.add(np.column_stack([x.ravel(), y.ravel()]), goal, speed=1.3)
    crowd.step(200)
    people = crowd.table().xy
    foot = ((people[:, 0] > 11.5) & (people[:, 0] < 14)).sum()
    beyond = ((people[:, 0] > 18.5) & (people[:, 0] < 21)).sum()
    assert foot > 1.5 * beyond


def test_a_walking_speed_of_nothing_is_refused() -> None:
    ground = Ground(box(0, 0, 40, 2))
    for factor in (0.0, -1.0, 3.0, np.nan):
        with pytest.raises(BadInput, match="stairs: a walking speed"):
            ground.pace("stairs", box(10, 0, 20, 2), factor)
