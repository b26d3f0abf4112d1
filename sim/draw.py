"""Random numbers: named streams from one seed, and the distributions of the scenario file.

People keep their own numbers whatever the layout: each is drawn as a quantile, one a person and purpose, so that two
layouts with the same seed meet the same crowd (common random numbers).
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy import stats

from sim.scenario import Arrivals, Distribution


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of a purpose: the same for the same seed and name, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))


def quantile(distribution: Distribution, u: np.ndarray) -> np.ndarray:
    """Values of a distribution at probabilities ``u (n,)`` in (0, 1): (n,) float64."""
    d = distribution
    u = np.clip(np.asarray(u, float), 1e-9, 1 - 1e-9)
    if d.constant is not None:
        return np.full(u.shape, d.constant)
    if d.uniform is not None:
        low, high = d.uniform
        return low + u * (high - low)
    if d.normal is not None:
        return stats.norm.ppf(u, *d.normal)
    if d.lognormal is not None:
        mean, sd = d.lognormal
        variance = np.log1p((sd / mean) ** 2)
        return stats.lognorm.ppf(u, np.sqrt(variance), scale=mean * np.exp(-variance / 2))
    if d.gamma is not None:
        mean, sd = d.gamma
        return stats.gamma.ppf(u, (mean / sd) ** 2, scale=sd**2 / mean)
    if d.exponential is not None:
        return stats.expon.ppf(u, scale=d.exponential)
    assert d.empirical is not None
    return np.quantile(np.asarray(d.empirical), u, method="inverted_cdf")


def mean(distribution: Distribution) -> float:
    """Mean of a distribution."""
    d = distribution
    if d.constant is not None:
        return d.constant
    if d.uniform is not None:
        return sum(d.uniform) / 2
    for pair in (d.normal, d.lognormal, d.gamma):
        if pair is not None:
            return pair[0]
    return d.exponential if d.exponential is not None else float(np.mean(d.empirical or [0.0]))


def moments(arrivals: Arrivals, u: np.ndarray, duration_s: float) -> np.ndarray:
    """Times [s] at quantiles ``u (n,)`` of an arrival curve, within 0 and the duration."""
    if arrivals.at is not None:
        times = np.full(u.shape, arrivals.at)
    elif arrivals.uniform is not None:
        low, high = arrivals.uniform
        times = low + u * (high - low)
    elif arrivals.normal is not None:
        times = stats.norm.ppf(np.clip(u, 1e-9, 1 - 1e-9), *arrivals.normal)
    else:
        times = _profile(np.asarray(arrivals.profile, float), u)
    return np.clip(times, 0.0, duration_s)


def _profile(points: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Inverse of the cumulated piecewise linear rate ``points (k, 2)``."""
    grid = np.unique(np.concatenate([np.linspace(a, b, 65) for a, b in zip(points[:-1, 0], points[1:, 0], strict=True)]))
    rate = np.interp(grid, points[:, 0], points[:, 1])
    total = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (rate[1:] + rate[:-1]) / 2)])
    return np.interp(u * total[-1], total, grid)
