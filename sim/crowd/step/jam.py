"""Jams of people who walk against each other: who notices that they are in one, and how they get out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim.crowd.ground.terrain import Terrain
from sim.crowd.step.columns import GOAL, HOLD, JAM, MODE, ONE, SPEED, STAND, ZERO, X, Y, f4
from sim.crowd.step.sway import sway

PATIENCE = 3.0
"""Time in which somebody grows sure of being in a jam of two streams, and forgets it again [s]."""
SLOW = f4(0.45)
"""Share of the free speed below which somebody asks what is in the way."""
BRIEF = f4(0.5)
"""Somebody ahead who walks slower than this may be in the way [m/s]."""
FACED, FREED = f4(0.6), f4(0.2)
"""How sure somebody is who begins to give way, and who stops."""
SPELL = 6
"""How long somebody gives way, or presses on, before choosing again, in draws of the sway (of half a second)."""


@njit(error_model="numpy", fastmath=False)
def opposed(i: int, bx: np.ndarray, by: np.ndarray, bu: np.ndarray, bw: np.ndarray, bj: np.ndarray,
             R: np.ndarray, Z: np.ndarray, n: int, ex: np.float32, ey: np.float32, ground: Terrain) -> np.float32:
    """How sure person i, who wants to go along (ex, ey) and is slow, is of being in a jam of two streams: 0 to 1.

    One if somebody slow and close ahead is on i's way and has i on their own: each has less to go to the other's
    place than to their own goal. Otherwise nine tenths of what those ahead know who go the same way: so the news
    goes back through the jam. A queue before a door has no such pair.
    """
    most = ZERO
    ny, nx = ground.links.shape
    h = f4(ground.cell)
    mine = Z[GOAL, i]
    column = min(max(int(R[X, i] / h), 0), nx - 1)
    row = min(max(int(R[Y, i] / h), 0), ny - 1)
    for k in range(n):
        front = bx[k] * ex + by[k] * ey
        r2 = bx[k] * bx[k] + by[k] * by[k]
        if front <= ZERO or r2 > f4(1.2) or front * front < f4(0.25) * r2:
            continue
        j = bj[k]
        if Z[GOAL, j] != mine and R[SPEED, j] < BRIEF and not Z[MODE, j] & (STAND | HOLD):
            q = min(max(int(R[X, j] / h), 0), nx - 1)
            r = min(max(int(R[Y, j] / h), 0), ny - 1)
            least = f4(0.5) * np.sqrt(r2)
            ours = ground.fields[mine, row, column] - ground.fields[mine, r, q]
            theirs = ground.fields[Z[GOAL, j], r, q] - ground.fields[Z[GOAL, j], row, column]
            if ours > least and theirs > least:
                return ONE
        if ex * bu[k] + ey * bw[k] > f4(0.3):
            most = max(most, f4(0.95) * R[JAM, j])
    return most


@njit(fastmath=True, error_model="numpy")
def give_way(ex: np.float32, ey: np.float32, wx: np.float32, wy: np.float32, d: np.float32, person: int,
              spell: int, seed: np.uint32) -> tuple[Any, Any]:
    """The direction of somebody in a jam of two streams: half of the spells 70 to 120 degrees to the right, else on.

    Both streams so part to their own right. Who has a wall at distance d on the right, the vector from it (wx, wy),
    presses on along it.
    """
    draw = sway(person, spell, seed ^ np.uint32(0x5BD1E995))
    if draw < ZERO or (d < f4(0.7) and wx * ey - wy * ex < f4(-0.2) * d):
        return ex, ey
    turn = f4(1.2) + f4(0.9) * draw
    c = np.cos(turn)
    s = np.sin(turn)
    return c * ex + s * ey, c * ey - s * ex
