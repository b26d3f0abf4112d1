"""Distributions have the moments that they state; streams are independent of each other."""

import numpy as np
import pytest

from sim.draw import mean, moments, quantile, stream
from sim.scenario import Arrivals, Distribution

U = (np.arange(200_000) + 0.5) / 200_000


@pytest.mark.parametrize(("given", "expected", "sd"), [
    ({"constant": 3.0}, 3.0, 0.0), ({"uniform": (2.0, 6.0)}, 4.0, 4 / np.sqrt(12)), ({"normal": (1.34, 0.26)}, 1.34, 0.26),
    ({"lognormal": (8.0, 4.0)}, 8.0, 4.0), ({"gamma": (6.0, 3.0)}, 6.0, 3.0), ({"exponential": 5.0}, 5.0, 5.0),
    ({"empirical": [1.0, 2.0, 6.0]}, 3.0, np.std([1, 2, 6]))])
def test_mean_and_spread(given, expected, sd):
    distribution = Distribution(**given)
    drawn = quantile(distribution, U)
    assert drawn.mean() == pytest.approx(expected, rel=0.01)
    assert drawn.std() == pytest.approx(sd, rel=0.02, abs=1e-9)
    assert mean(distribution) == pytest.approx(expected)


def test_profile_follows_its_rates():
    times = moments(Arrivals(profile=[(0, 0), (100, 1), (200, 0)]), U, 1000)
    assert times.mean() == pytest.approx(100, abs=0.5)
    assert np.mean(times < 50) == pytest.approx(0.125, abs=0.005)


def test_moments_stay_within_the_rehearsal():
    times = moments(Arrivals(normal=(10, 100)), U, 60)
    assert times.min() == 0 and times.max() == 60


def test_streams_differ_by_name_and_seed_and_repeat():
    a, b, c = (stream(*key).random(5) for key in ((1, "x"), (1, "y"), (2, "x")))
    assert not np.allclose(a, b) and not np.allclose(a, c)
    assert np.array_equal(a, stream(1, "x").random(5))
