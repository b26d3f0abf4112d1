"""Many measures at once: what still counts as a difference when twenty are looked at.

With twenty measures and no difference at all, one interval in twenty leaves zero out by chance. Bonferroni holds every
measure to 5 % / m. Holm (1979, *A simple sequentially rejective multiple test procedure*) does so for the clearest
difference only, to 5 % / (m - 1) for the next and so on, and stops at the first that does not pass: it finds whatever
Bonferroni finds, and the chance of one false difference among all stays below 5 % just the same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

Correction = Literal["none", "bonferroni", "holm"]
CORRECTIONS: tuple[Correction, ...] = ("none", "bonferroni", "holm")


def p_value(differences: np.ndarray) -> float | None:
    """Two-sided p-value of paired differences (n,) against zero by Student's t; None for fewer than two."""
    n = len(differences)
    if n < 2:
        return None
    spread = float(np.std(differences, ddof=1))
    mean = float(np.mean(differences))
    if spread == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / (spread / np.sqrt(n)), n - 1))


def levels(p: np.ndarray, how: Correction, alpha: float = 0.05) -> np.ndarray:
    """The error (m,) that each of the tests with p-values ``p (m,)`` may have, so that all together have ``alpha``.

    A difference counts where ``p < level``, which is where its interval at confidence 1 - level leaves zero out. With
    Holm a measure after the first that does not pass gets the level of that one, so that it does not count either.
    """
    m = len(p)
    if how == "none" or m == 0:
        return np.full(m, alpha)
    if how == "bonferroni":
        return np.full(m, alpha / m)
    out = np.empty(m)
    stopped: float | None = None
    for rank, k in enumerate(np.argsort(p, kind="stable")):
        level = alpha / (m - rank) if stopped is None else stopped
        if stopped is None and not p[k] < level:
            stopped = level
        out[k] = level
    return out
