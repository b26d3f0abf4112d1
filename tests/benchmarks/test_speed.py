"""How long the parts of the crowd engine take; run with ``pytest tests/benchmarks --benchmark-autosave``.

``--benchmark-compare`` sets a run beside the last one that was saved. In the ordinary tests each part runs once, so that
a part that cannot run at all is noticed.
"""

import numpy as np
import pytest
import shapely

from sim.crowd import Crowd, Ground
from sim.crowd.bench.race import square
from sim.crowd.measures.voronoi import voronoi_cells

pytest.importorskip("pytest_benchmark")
PEOPLE, STEPS = 5_000, 5


@pytest.mark.parametrize("density", [0.11, 1.0])
def test_steps(benchmark, density):
    """Five time steps of 5,000 people on the square of the race."""
    place = square(PEOPLE, density)
    ground = Ground(place.walkable)
    goals = np.array([ground.goal(f"exit {k}", area) for k, area in enumerate(place.exits)])
    crowd = Crowd(ground, seed=1)
    crowd.add(place.xy, goals[place.goal], speed=place.speed)
    crowd.step(10)
    before = crowd.table().xy
    benchmark.pedantic(crowd.step, args=(STEPS,), rounds=5)
    assert (np.hypot(*(crowd.table().xy - before).T) > 0.1).mean() > 0.9
    benchmark.extra_info["agent_steps_per_s"] = PEOPLE * STEPS / benchmark.stats.stats.min if benchmark.stats else None


def test_field(benchmark):
    """The ways to one goal on a quarter of a square kilometre between houses, after a gate has shut."""
    houses = [shapely.box(x + 3, y + 3, x + 37, y + 27) for x in range(0, 500, 80) for y in range(0, 500, 30)]
    ground = Ground(shapely.box(0, 0, 500, 500).difference(shapely.union_all(houses)))
    goal = ground.goal("corner", shapely.Point(1, 1).buffer(2))
    far = np.array([[498.0, 498.0]])
    ground.distance(goal, far)

    def shut():
        ground.close("gate", shapely.LineString([(40, 100), (80, 100)]))
        return ground.distance(goal, far)[0]

    assert benchmark.pedantic(shut, rounds=3) > 700


def test_voronoi(benchmark):
    """The Voronoi cells of 500 people on a square with a hole, cut off at a metre."""
    walkable = shapely.box(0, 0, 20, 20).difference(shapely.box(8, 8, 12, 12))
    xy = np.random.default_rng(1).uniform(0, 20, (700, 2))
    xy = xy[shapely.contains_xy(walkable, xy[:, 0], xy[:, 1])][:500]
    cells = benchmark.pedantic(voronoi_cells, kwargs={"xy": xy, "walkable": walkable, "cut_off": 1.0}, rounds=3)
    assert shapely.area(cells).sum() == pytest.approx(shapely.intersection(walkable, shapely.union_all(cells)).area)
