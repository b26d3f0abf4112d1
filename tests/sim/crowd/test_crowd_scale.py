"""Large crowds: equal results on any number of threads, memory, and that the race counts what it says."""

import hashlib

import numpy as np
import pytest
import shapely

from sim.crowd import Crowd, Ground
from sim.crowd.bench.race import ours, square


def standing(people, density, threads=1):
    place = square(people, density)
    ground = Ground(place.walkable)
    goals = np.array([ground.goal(f"exit {k}", area) for k, area in enumerate(place.exits)])
    crowd = Crowd(ground, seed=1, threads=threads)
    crowd.add(place.xy, goals[place.goal], speed=place.speed)
    return crowd


def fingerprint(crowd):
    return hashlib.sha256(crowd.table().xy.tobytes()).hexdigest()


@pytest.mark.parametrize("density", [0.11, 1.0, 2.5])
def test_threads_change_nothing(density):
    one, two = (standing(6_000, density, threads) for threads in (1, 2))
    start = fingerprint(one)
    for steps in (1, 2, 47):
        one.step(steps)
        two.step(steps)
        assert fingerprint(one) == fingerprint(two) != start


def test_a_hundred_thousand_people_stand_and_walk():
    crowd = standing(100_000, 1.0)
    before = crowd.table().xy
    crowd.step(5)
    after = crowd.table().xy
    assert crowd.n == 100_000 and crowd.ground.inside(after).all()
    assert np.hypot(*(after - before).T).mean() > 0.2
    assert crowd.bytes_per_person < 300


@pytest.mark.parametrize(("people", "kiosks"), [(400, 1), (10_000, 36), (40_000, 144)])
def test_the_square_grows_with_its_people(people, kiosks):
    place = square(people, 0.5)
    assert len(place.walkable.interiors) == kiosks and len(place.exits) == 8
    assert people / place.walkable.area == pytest.approx(0.5, rel=0.04)
    assert shapely.contains_xy(place.walkable.buffer(-0.3), *place.xy.T).all()
    assert len(np.unique(place.xy, axis=0)) == people


def test_pace_adds_up():
    pace = ours(square(500, 0.5), 3)
    # Agent-steps a second are people times ten steps a second times how much faster than real time it went.
    assert pace.agent_steps_per_cpu_s == pytest.approx(500 * 10 * pace.times_real_time, rel=0.1)
