"""Speed in smoke and dose, against the formulas worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.crowd.behaviour.smoke import LEAST, dose_rate, pace_in_smoke


def test_speed_falls_with_extinction_down_to_a_floor():
    assert pace_in_smoke(0) == 1
    assert pace_in_smoke(1.0) == 0.5 and pace_in_smoke(1.6) == pytest.approx(0.24)
    assert pace_in_smoke(2.0, slope=0.057 / 0.706) == pytest.approx(0.8385, abs=1e-4)


@given(st.floats(0, 50), st.floats(0, 50))
def test_thicker_smoke_is_never_faster(a, b):
    assert (pace_in_smoke(min(a, b)) >= pace_in_smoke(max(a, b)) >= LEAST) and pace_in_smoke(a) <= 1


def test_dose_of_the_guideline():
    rate = float(dose_rate(5000.0, 2.0, 18.0))
    assert 1 / rate == pytest.approx(207.58, abs=0.01)
    # each part alone: CO 1000 ppm in 25 to 30 minutes (Purser), 10 % oxygen in about ten
    assert 1 / float(dose_rate(1000.0, 0.04, 20.9)) / 60 == pytest.approx(27, abs=2)
    assert 1 / float(dose_rate(0.0, 0.04, 10.0)) / 60 == pytest.approx(9.4, abs=0.2)


def test_fresh_air_harms_nobody_in_a_day():
    assert float(dose_rate(0.0, 0.04, 20.9)) * 86_400 < 0.5
    assert dose_rate(np.array([0.0, 100.0]), 0.04, 20.9).shape == (2,)
