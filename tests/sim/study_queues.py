"""Eight queues whose mean times are known: arrivals at random, c desks, service at random (M/M/c, Erlang's formula C)."""

from __future__ import annotations

import math

import numba
import numpy as np

ARRIVALS = 1.0  # a minute
CUSTOMERS, LEFT_OUT = 300, 100
SYSTEMS = ((1, 1.40), (2, 0.66), (2, 0.72), (3, 0.55), (3, 0.48), (4, 0.44), (1, 1.44), (2, 0.79))
"""Desks and the rate of each of them [1/min]."""


def time_in_system(desks: int, rate: float) -> float:
    """Mean time between coming and going [min], by Erlang's formula C."""
    load = ARRIVALS / rate
    blocked = load**desks / math.factorial(desks) * desks / (desks - load)
    waits = blocked / (sum(load**k / math.factorial(k) for k in range(desks)) + blocked)
    return waits / (desks * rate - ARRIVALS) + 1 / rate


TRUTH = np.array([time_in_system(*system) for system in SYSTEMS])
BEST = int(np.argmin(TRUTH))
GAP = float(np.diff(np.sort(TRUTH))[0])


@numba.njit
def _mean_times(gaps, services, desks):
    """Mean times in the system (n,) of customers who come after ``gaps (n, k)`` and are served for ``services (n, k)``."""
    out = np.zeros(len(gaps))
    for run in range(len(gaps)):
        free = np.zeros(desks)
        now = 0.0
        for k in range(gaps.shape[1]):
            now += gaps[run, k]
            desk = np.argmin(free)
            free[desk] = max(now, free[desk]) + services[run, k]
            if k >= LEFT_OUT:
                out[run] += free[desk] - now
    return out / (gaps.shape[1] - LEFT_OUT)


def outcomes(trial: int, runs: int) -> np.ndarray:
    """Mean times (K, runs) of the next 200 customers in every system; each run of each system meets customers of its own."""
    out = np.empty((len(SYSTEMS), runs))
    for k, (desks, rate) in enumerate(SYSTEMS):
        gaps, services = np.random.default_rng([trial, k]).standard_exponential((2, runs, CUSTOMERS))
        out[k] = _mean_times(gaps / ARRIVALS, services / rate, desks)
    return out
