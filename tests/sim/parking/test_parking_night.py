"""What must never be in a night, at any second of any seed, and that nights repeat."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.parking.grid import coming_home, cruising, grid_plan, grid_scene, race
from sim.parking.night import Night
from sim.parking.outcome import audit, walk_home
from sim.parking.plan import Drivers
from sim.parking.search import GAVE_UP, LEFT, PARKED
from sim.scenario import Distribution

IMPATIENT = Drivers(patience=Distribution(lognormal=(600, 300)))


def night(seed, cars, *, spaces=200, hours=10.0, opens=None, closes=None, stay_h=3.0, capacity=None, access=None, legal=None):
    plan = grid_plan(IMPATIENT, duration_s=hours * 3600)
    scene = grid_scene(plan, nodes=3, spaces=spaces)
    supply = scene.supply
    changes = {name: value for name, value in (("opens", opens), ("closes", closes), ("capacity", capacity),
                                               ("access", access), ("legal", legal)) if value is not None}
    scene = replace(scene, supply=replace(supply, **changes))
    drawn = coming_home(cars, len(scene.homes.id), seed)
    rng = np.random.default_rng(seed)
    drawn = replace(drawn, leaves=drawn.enters + rng.exponential(stay_h * 3600, cars) + 60,
                    patience=np.full(cars, 600.0), resident=rng.random(cars) < 0.7)
    return Night(scene, plan, seed, cars=drawn).run()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), cars=st.integers(0, 500), shape=st.integers(0, 2**31))
def test_no_bay_is_ever_shared_closed_or_overfull(seed, cars, shape):
    rng = np.random.default_rng(shape)
    capacity = rng.integers(0, 15, 24).astype(np.int32)
    opens = np.where(rng.random(24) < 0.3, rng.uniform(0, 20_000, 24), -np.inf)
    closes = np.where(rng.random(24) < 0.3, rng.uniform(20_000, 36_000, 24), np.inf)
    access = rng.choice([0, 0, 0, 1, 3, 4], 24).astype(np.int8)
    done = night(seed, cars, capacity=capacity, opens=opens, closes=closes, access=access, legal=rng.random(24) < 0.8)
    assert audit(done) == []
    place, come = done.columns["place"], done.columns["times"][:, 1]
    parked = place >= 0
    assert not (access[place[parked]] == 3).any()
    # Second by second, told from the columns alone, without the event list that made them.
    for t in rng.uniform(0, 36_000, 40):
        here = np.flatnonzero(parked & (come <= t) & (t < done.cars.leaves))
        assert len(np.unique(done.columns["bay"][here])) == len(here)
        assert (np.bincount(place[here], minlength=24) <= capacity).all()
        assert ((opens[place[here]] <= t) & (t <= closes[place[here]])).all()


def test_the_audit_finds_what_is_wrong():
    done = night(3, 150)
    parked = np.flatnonzero(done.columns["place"] >= 0)
    assert audit(done) == []
    a, b = parked[:2]
    done.columns["bay"][b], done.columns["place"][b] = done.columns["bay"][a], done.columns["place"][a]
    done.columns["times"][b, 1] = done.columns["times"][a, 1] + 1
    assert "two cars in one bay" in audit(done)
    closed = np.full(24, 30_000.0)
    done.scene = replace(done.scene, supply=replace(done.scene.supply, opens=closed))
    assert "a car in a closed place" in audit(done)


def test_hours_tell_who_stands_there():
    done = night(5, 300)
    for hour, standing in enumerate(done.hourly):
        t = hour * 3600.0
        come = done.columns["times"][:, 1]
        here = (done.columns["place"] >= 0) & (come < t) & (t <= done.cars.leaves)
        assert standing.sum() == pytest.approx(here.sum(), abs=2)


def test_every_car_ends_somewhere():
    done = night(1, 400)
    state = done.columns["state"]
    assert np.isin(state[done.columns["place"] >= 0], [PARKED, LEFT]).all()
    assert (state == GAVE_UP).sum() + (done.columns["place"] >= 0).sum() == len(state)
    assert (done.columns["times"][state == GAVE_UP, 2] >= done.cars.enters[state == GAVE_UP]).all()


def test_the_same_seed_is_the_same_night_and_another_is_not():
    a, b, other = night(7, 260), night(7, 260), night(8, 260)
    for name in a.columns:
        np.testing.assert_array_equal(a.columns[name], b.columns[name])
    assert not np.array_equal(a.columns["bay"], other.columns["bay"])


def test_nobody_walks_further_than_the_limit():
    plan = grid_plan(IMPATIENT)
    scene = grid_scene(plan, nodes=5, spaces=600)
    done = Night(scene, plan, 2, cars=coming_home(580, len(scene.homes.id), 2)).run()
    walk = walk_home(done)[done.columns["place"] >= 0]
    assert np.isfinite(walk).all() and walk.max() <= plan.drivers.walk_limit_m
    assert walk.max() > 120


def test_searching_begins_at_85_percent_and_is_steep_beyond_93():
    """Levy, Martens and Benenson (2013): cruising is negligible below 85 % and rises steeply beyond 92-93 %."""
    found = cruising([0.5, 0.85, 0.9, 0.93, 0.98])
    rise = {pair: (found[pair[1]] - found[pair[0]]) / (100 * (pair[1] - pair[0]))
            for pair in ((0.5, 0.85), (0.85, 0.9), (0.93, 0.98))}
    assert found[0.5] < 0.1 * found[0.85] < found[0.85] < found[0.9] < found[0.93] < found[0.98]
    assert rise[0.5, 0.85] < 0.5 * rise[0.85, 0.9]
    assert rise[0.93, 0.98] > 3 * rise[0.85, 0.9]


def test_the_grid_of_the_bench_and_its_pace():
    plan = grid_plan()
    scene = grid_scene(plan)
    assert (len(scene.supply), scene.supply.capacity.sum()) == (168, 2872)
    race(scene, 50)
    full = race(scene, 2872)
    assert full.double_parked == 0 and full.unparked < 0.03 * 2872
    assert full.cars_per_cpu_s > 10_000
    more = race(scene, 3016)
    assert more.unparked >= 3016 - 2872 and more.double_parked == 0
    assert race(grid_scene(plan, spaces=4900), 5000).cpu_s < 10
    means = [race(scene, round(r * 2872)).search_mean_s for r in (0.5, 0.95, 1.0)]
    assert means == sorted(means) and means[0] < 1 < means[2]
