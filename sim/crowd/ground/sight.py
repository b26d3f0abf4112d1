"""Who can see what: straight lines that no wall interrupts."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground import Ground
from sim.crowd.ground.walls import sees


def in_sight(ground: Ground, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Whether no wall lies between points (n, 2) and (n, 2) of the ground, any distance apart: (n,) bool."""
    terrain = ground.terrain([])
    p, q = (np.ascontiguousarray(np.asarray(xy, float).reshape(-1, 2) - ground.origin) for xy in (here, there))
    return _seen(p, q, terrain.segments, terrain.start, terrain.item, ground.nx, ground.ny, ground.cell)


@njit(cache=True, fastmath=False, error_model="numpy")
def _seen(p: np.ndarray, q: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray, nx: int, ny: int,
          h: float) -> np.ndarray:
    out = np.empty(len(p), np.bool_)
    for k in range(len(p)):
        out[k] = sees(p[k, 0], p[k, 1], q[k, 0], q[k, 1], segments, start, item, nx, ny, h)
    return out
