"""Ways through doors at any angle on coarse cells: they are found, and people pass them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from shapely.affinity import rotate, translate

from sim.crowd import Crowd, Ground

DEEP = 0.3


def rooms(widths, places, turns, angle, shift):
    """Rooms of about 7 x 7 m in a row, with doors of the given widths at the given places; every other wall is slanted.

    Gives the ground, the first room and the last, all turned and moved.
    """
    parts, ends = [], []
    for k in range(len(widths) + 1):
        x = k * (7 + DEEP)
        skew = turns[k % len(turns)]
        room = shapely.Polygon([(x, 0), (x + 7, 0), (x + 7, 7 + skew), (x, 7 - skew)])
        parts.append(room)
        ends.append(room.buffer(-0.5))
        if k < len(widths):
            y = 1 + places[k] * 4
            parts.append(box(x + 6.9, y, x + 7 + DEEP + 0.1, y + widths[k]))
    ground = shapely.union_all(parts)

    def put(shape):
        return translate(rotate(shape, angle, origin=(0, 0)), *shift)

    return put(ground), put(ends[0]), put(ends[-1])


@settings(max_examples=12, deadline=None)
@given(widths=st.lists(st.floats(0.6, 1.0), min_size=1, max_size=2), places=st.tuples(st.floats(0, 1), st.floats(0, 1)),
       turn=st.floats(0, 1), angle=st.floats(0, 180), x=st.floats(0, 0.5), y=st.floats(0, 0.5), seed=st.integers(0, 99))
def test_everybody_gets_through_doors_of_60_cm_and_more(widths, places, turn, angle, x, y, seed):
    area, start, end = rooms(widths, places, (0.0, turn), angle, (x, y))
    ground = Ground(area, cell=0.5)
    goal = ground.goal("end", end)
    rng = np.random.default_rng(seed)
    grid = shapely.points(np.stack(np.meshgrid(*[np.arange(-30, 30, 0.6)] * 2), -1).reshape(-1, 2))
    spots = shapely.get_coordinates(grid[shapely.contains(start, grid)])
    people = spots[rng.permutation(len(spots))[:15]]
    crowd = Crowd(ground, seed=seed)
    crowd.add(people, goal, speed=rng.uniform(0.8, 1.6, len(people)))
    outside = 0
    for _ in range(90):
        crowd.step(10)
        outside += int((~ground.inside(crowd.table().xy)).sum())
        crowd.remove(crowd.arrived())
        if crowd.n == 0:
            break
    assert crowd.n == 0 and outside == 0


@settings(max_examples=30, deadline=None)
@given(width=st.floats(0.3, 0.6), cell=st.sampled_from([0.5, 1.0]), angle=st.floats(0, 180), x=st.floats(0, 1), y=st.floats(0, 1))
def test_doors_narrower_than_a_cell_are_found(width, cell, angle, x, y):
    area, start, end = rooms([width], [0.5], (0.0,), angle, (x, y))
    ground = Ground(area, cell=cell)
    goal = ground.goal("end", end)
    here = shapely.get_coordinates(start.centroid)
    assert 4.2 < ground.distance(goal, here)[0] < 5.5  # 4.3 m in a straight line through the middle


def through(width, cell, seed):
    """Flow of 40 people through a door on cells that lie by chance [1/(m s)]."""
    random = np.random.default_rng(seed)
    area, start, end = rooms([width], [0.5], (0.0,), random.uniform(0, 180), random.uniform(0, 1, 2))
    ground = Ground(area, cell=cell)
    goal = ground.goal("end", end)
    grid = shapely.points(np.stack(np.meshgrid(*[np.arange(-12, 12, 0.5)] * 2), -1).reshape(-1, 2))
    spots = shapely.get_coordinates(grid[shapely.contains(start, grid)])
    crowd = Crowd(ground, seed=seed)
    crowd.add(spots[random.permutation(len(spots))[:40]], goal, speed=np.clip(random.normal(1.34, 0.26, 40), 0.6, 2))
    times: list[float] = []
    while crowd.time < 90 and crowd.n:
        crowd.step(1)
        out = crowd.arrived()
        times += [crowd.time] * len(out)
        crowd.remove(out)
    assert crowd.n == 0
    return 28 / (times[34] - times[6]) / width


@pytest.mark.parametrize("width", [0.6, 0.8])
def test_a_narrow_door_passes_nearly_as_many_on_coarse_cells_as_on_fine_ones(width):
    coarse, fine = (np.mean([through(width, cell, seed) for seed in range(12)]) for cell in (0.5, 0.25))
    assert coarse == pytest.approx(fine, rel=0.3) and coarse > 1.5


def test_beside_a_door_the_way_leads_to_its_near_corner():
    ground = Ground(shapely.union_all([box(0, 0, 6, 8), box(6, 3.7, 6.2, 4.3), box(6.2, 0, 12, 8)]), cell=0.5)
    goal = ground.goal("end", box(10, 0, 12, 8))
    path = ground.path(goal, np.array([5.8, 7.0]), step=0.2)
    direct = 2.7 + np.hypot(0.2, 0) + 3.8
    assert ground.distance(goal, np.array([[5.8, 7.0]]))[0] == pytest.approx(direct, rel=0.06)
    assert np.hypot(*(path - [6.0, 4.3]).T).min() < 0.5


def test_a_wall_across_a_narrow_door_shuts_it():
    ground = Ground(shapely.union_all([box(0, 0, 6, 8), box(6, 3.7, 6.2, 4.2), box(6.2, 0, 12, 8)]), cell=1.0)
    goal = ground.goal("end", box(10, 0, 12, 8))
    here = np.array([[2.0, 2.0]])
    assert np.isfinite(ground.distance(goal, here)[0])
    ground.close("door", shapely.LineString([(6.1, 3.5), (6.1, 4.5)]))
    assert np.isinf(ground.distance(goal, here)[0])
    ground.open("door")
    assert np.isfinite(ground.distance(goal, here)[0])
