"""List balancing: weights of seed households that meet the totals of a zone, and whole households from them.

Weights ``w (n,)`` are the nearest to those of the seed ``w0`` in relative entropy, with a soft hold on every total:

    min  sum_i (w_i log(w_i / w0_i) - w_i + w0_i) + sum_j r_j / 2 (A_j . w - b_j)^2

which is raking (iterative proportional fitting over lists of households; Deville and Saerndal 1992) with the
relaxation that PopulationSim calls importance. Its dual in the m multipliers is smooth and concave, and Newton's
method takes a few dozen steps whatever the number of households. Whole households come by truncate, replicate and
sample (Lovelace and Ballas 2013), then by swaps that lower the squared error as long as there are any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_HOLD = 1e4
_STEPS = 200
_CANDIDATES = 96
_PATIENCE = 12


def balance(incidence: Floats, totals: Floats, start: Floats, importance: Floats | None = None) -> Floats:
    """Weights (n,) >= 0 of households with ``incidence (n, m)`` that meet ``totals (m,)`` as nearly as can be."""
    m = len(totals)
    hold = _HOLD * (np.ones(m) if importance is None else importance) / np.maximum(totals, 1.0)
    closed = incidence[:, totals == 0].any(axis=1)
    weights = np.where(closed, 0.0, start)
    if not weights.any():
        weights, closed = start.copy(), np.zeros(len(start), bool)
    used = (totals > 0) & (incidence[~closed].sum(axis=0) > 0)
    if not used.any():
        return np.zeros(len(start))
    return _newton(incidence[:, used], totals[used], weights * totals[used].max() / max(weights.sum(), 1e-12), hold[used])


def _newton(a: Floats, b: Floats, w0: Floats, hold: Floats) -> Floats:
    """Maximise the dual ``b.l - sum(w0 exp(A l)) - sum(l^2 / (2 r))``; the weights are ``w0 exp(A l)``."""
    multiplier = np.zeros(len(b))

    def dual(x: Floats) -> float:
        return float(b @ x - w0 @ np.exp(np.minimum(a @ x, 60.0)) - (x * x / hold).sum() / 2)

    value = dual(multiplier)
    for _ in range(_STEPS):
        w = w0 * np.exp(np.minimum(a @ multiplier, 60.0))
        slope = b - a.T @ w - multiplier / hold
        if np.abs(slope).max() < 1e-6 * max(1.0, b.max()):
            break
        curve = (a * w[:, None]).T @ a + np.diag(1 / hold + 1e-10)
        step = np.linalg.solve(curve, slope)
        step *= min(1.0, 4.0 / np.abs(step).max())
        length = 1.0
        while (better := dual(multiplier + length * step)) < value and length > 1e-6:
            length /= 2
        if length <= 1e-6:
            break
        multiplier, value = multiplier + length * step, better
    return w0 * np.exp(np.minimum(a @ multiplier, 60.0))


def whole(weights: Floats, incidence: Floats, totals: Floats, number: int, rng: np.random.Generator,
          importance: Floats | None = None, most_swaps: int = 400) -> NDArray[np.int64]:
    """Whole numbers of each household (n,), ``number`` in all, near the ``weights`` and with the totals ``(m,)`` met.

    The first draw keeps the floor of every weight and samples the rest by the fractions, without replacement.
    """
    share = weights * (number / weights.sum()) if weights.sum() > 0 else np.full(len(weights), number / len(weights))
    count = np.floor(share).astype(np.int64)
    rest = share - count
    missing = number - int(count.sum())
    if missing > 0:
        # Systematic sampling in a random order: each household at most once, with its fraction as its chance.
        order = rng.permutation(len(rest))
        cumulated = np.cumsum(rest[order]) * (missing / rest.sum())
        picks = np.searchsorted(cumulated, rng.random() + np.arange(missing), side="left")
        np.add.at(count, order[np.minimum(picks, len(order) - 1)], 1)
    return _swap(count, weights > 0, incidence, totals, most_swaps, importance, rng)


def _swap(count: NDArray[np.int64], allowed: NDArray[np.bool_], a: Floats, totals: Floats, most: int,
          importance: Floats | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Exchange one household for another while that lowers the squared error of the totals.

    A step takes the best of all exchanges of some drawn households for any other; it ends when many draws find none.
    """
    scale = np.ones(len(totals)) if importance is None else np.sqrt(importance)
    residual = (totals - count @ a) * scale
    kinds, of = np.unique(a[allowed], axis=0, return_index=True)
    into = np.flatnonzero(allowed)[of]
    kinds = kinds * scale
    a = a * scale
    size, size_into = (a * a).sum(axis=1), (kinds * kinds).sum(axis=1)
    fruitless = 0
    for _ in range(most):
        there = np.flatnonzero(count > 0)
        out = rng.choice(there, min(_CANDIDATES, len(there)), replace=False)
        gain = (2 * kinds @ residual - size_into)[:, None] - (2 * a[out] @ residual + size[out])[None, :] + 2 * kinds @ a[out].T
        best = int(np.argmax(gain))
        if gain.flat[best] <= 1e-9:
            fruitless += 1
            if fruitless == _PATIENCE or len(out) == len(there):
                break
            continue
        fruitless = 0
        i, j = into[best // len(out)], out[best % len(out)]
        count[i] += 1
        count[j] -= 1
        residual = residual - a[i] + a[j]
        if not np.abs(residual).max() > 1e-9:
            break
    return count
