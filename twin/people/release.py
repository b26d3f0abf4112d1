"""The gate for tables that are not of a population: counts by cell that a model makes of residents, such as their cars at night.

One table at a time: cells of one scheme and level that do not overlap, and their sum, which is taken as known. A count above
0 and under ``k`` is not shown, nor are others by which it could be worked out from the sum.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, hstack, vstack

from twin.errors import BadInput
from twin.people.suppression import suppressed

Counts = NDArray[np.float64] | NDArray[np.int64]
LEAST_K = 5
"""No count of residents from 1 to one less than this is shown."""


def release(counts: Counts, *, of: Counts | None = None, k: int = LEAST_K) -> pd.arrays.IntegerArray:
    """What may be shown of counts ``(cells,)`` or of means over replications: whole numbers (``Int64``), null where hidden.

    ``of (cells,)`` is what they are a part of and is shown already as far as :func:`release` lets it; then what is left of it
    is protected like the counts themselves. A mean counts as the next whole number above it, so that one of 0.3 is as hidden
    as a count of 1. Raises :class:`BadInput` for ``k`` under 5, for counts below 0 and for parts beyond their whole.
    """
    check_k(k)
    part = np.asarray(counts, dtype=float)
    rest = np.zeros(len(part)) if of is None else np.asarray(of, dtype=float) - part
    if not (np.isfinite(part).all() and np.isfinite(rest).all()) or (part < 0).any() or (rest < -1e-9).any():
        raise BadInput("a count of residents is negative, not a number, or more than there are", where="release",
                       mend="give counts of 0 or more")
    known = None if of is None else ~release(of, k=k).isna()
    hidden = _hidden(_up(part), _up(rest), known, k)
    return pd.arrays.IntegerArray(np.rint(part).astype(np.int64), hidden)


def _up(means: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.ceil(means - 1e-9).astype(np.int64)


def check_k(k: int) -> None:
    """Raise :class:`BadInput` for a ``k`` that would say too much."""
    if k < LEAST_K:
        raise BadInput(f"counts from {k} up would say too much", where="aggregate", mend=f"ask for k of {LEAST_K} or more")


def _hidden(part: NDArray[np.int64], rest: NDArray[np.int64], known: NDArray[np.bool_] | None, k: int) -> NDArray[np.bool_]:
    """Which parts (cells,) must not be shown, beside their sum and the ``known`` wholes.

    Atoms are the parts and, if there are wholes, the rests; rows the parts, their sum, the known wholes and the wholes' sum.
    """
    n = len(part)
    small = (part > 0) & (part < k)
    if known is not None:
        small |= (rest > 0) & (rest < k)
    if not small.any():
        return np.zeros(n, bool)
    each, ones = eye_array(n, dtype=np.int64, format="csr"), csr_array(np.ones((1, n), np.int64))
    if known is None:
        table, regions, counts = vstack([each, ones]), csr_array((0, n), dtype=np.int64), part
    else:
        none, other = csr_array((n, n), dtype=np.int64), np.flatnonzero(known)
        table = vstack([hstack([each, none]), hstack([ones, csr_array((1, n), dtype=np.int64)]),
                        hstack([each, each])[other], hstack([ones, ones])])
        regions, counts = csr_array(hstack([none, each])), np.concatenate([part, rest])
    table = csr_array(table)
    kept = np.arange(table.shape[0]) >= n
    return suppressed(table, table @ counts, regions, regions @ counts, k, kept=kept)[:n]


__all__ = ["LEAST_K", "check_k", "release"]
