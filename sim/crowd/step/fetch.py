"""Reading ahead: the ground under a chunk of people, fetched in one go before they take their stride.

A stride reads a few cells of its goal's field and of the ground at places that are far apart in memory. One at a time
each read is waited for; in a row of reads that do not depend on each other the processor waits for many at once. On
the square of 50,000 people at 0.11 /m2 this took a step from 0.66 to 0.46 µs a person (``hutong bench crowd``).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground.terrain import Terrain
from sim.crowd.step.columns import GOAL, ZERO, X, Y, f4


@njit(cache=True, error_model="numpy", fastmath=True)
def fetch(lo: int, hi: int, R: np.ndarray, Z: np.ndarray, ground: Terrain, moved: np.ndarray) -> None:
    """Read the cells round the rows lo..hi. Their sum goes to ``moved[0, lo]``, which the stride writes over, so that
    no compiler leaves the reading out."""
    ny, nx = ground.kind.shape
    cells = f4(1 / ground.cell)
    total = ZERO
    for i in range(lo, hi):
        column = min(max(int(R[X, i] * cells - f4(0.5)), 0), nx - 2)
        row = min(max(int(R[Y, i] * cells - f4(0.5)), 0), ny - 2)
        field = ground.fields[Z[GOAL, i]]
        total += field[row, column] + field[row, column + 1] + field[row + 1, column] + field[row + 1, column + 1]
        for r in range(row, row + 2):
            total += f4(ground.kind[r, column]) + f4(ground.start[r * nx + column])
    moved[0, lo] = total
