"""Smoke: how much slower people walk in it, and what they breathe.

Speed. People keep to max(least, v (1 - slope K)) in smoke with the extinction coefficient K [1/m]: linear in K with a
floor, as Frantzich and Nilsson (2003) found in a tunnel (slope 0.057 / 0.706 = 0.081 m) and FDS+Evac took over
(Korhonen and Hostikka 2009). The slope here is 0.5 m, the value with which public implementations of NIST TN 1822 test
2.5 compute the time by hand; it is the more careful one. The floor is 0.3 m/s for somebody of 1.25 m/s.

Dose. The fractional effective dose (Purser; FDS+Evac, section 3.5) adds up what carbon monoxide, at the breathing rate
that carbon dioxide drives up, and the lack of oxygen do each second:

    FED = sum of [4.607e-7 CO^1.036 exp(0.193 CO2 + 2.0004) / 7.1  +  1 / (60 exp(8.13 - 0.54 (20.9 - O2)))] dt

with CO in ppm, CO2 and O2 in percent by volume and dt in seconds. At one, people can no longer walk.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SLOPE = 0.5
"""Share of the free speed that each 1/m of extinction takes away [m]."""
LEAST = 0.3 / 1.25
"""Smallest share of the free speed that smoke leaves."""
FRESH_O2 = 20.9
"""Oxygen in fresh air [%]."""
INCAPACITATED = 1.0
"""Dose at which people can no longer walk."""


def pace_in_smoke(extinction_per_m: float, slope: float = SLOPE) -> float:
    """Share of the free speed that people walk at in smoke.

    >>> pace_in_smoke(1.0), pace_in_smoke(3.0)
    (0.5, 0.24)
    """
    return max(LEAST, 1.0 - slope * extinction_per_m)


def dose_rate(co_ppm: npt.ArrayLike, co2_percent: npt.ArrayLike, o2_percent: npt.ArrayLike) -> np.ndarray:
    """Fractional effective dose that somebody takes in each second [1/s], by the air that they breathe (n,).

    >>> round(1 / float(dose_rate(5000.0, 2.0, 18.0)), 1)
    207.6
    """
    co, co2, o2 = (np.asarray(gas, float) for gas in (co_ppm, co2_percent, o2_percent))
    poison = 4.607e-7 * co**1.036 * np.exp(0.193 * co2 + 2.0004) / 7.1
    want = 1.0 / (60.0 * np.exp(8.13 - 0.54 * (FRESH_O2 - o2)))
    return np.asarray(poison + want)
