"""Contacts: bodies are pushed out of each other and off the walls, and nobody through one."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground.terrain import Terrain
from sim.crowd.ground.walls import allowed, bin_at, nearest_wall
from sim.crowd.step.columns import ALONE, HOLD, ID, MODE, ONE, RADIUS, STANDING, STATE, ZERO, f4


@njit(fastmath=True, error_model="numpy", inline="always")
def _mobility(mode: int, state: int) -> np.float32:
    if mode & HOLD:
        return f4(0.02)
    return f4(0.3) if state & STANDING else ONE


@njit(fastmath=True, error_model="numpy")
def part_bodies(lo: int, hi: int, before: np.ndarray, after: np.ndarray, moved: np.ndarray, R: np.ndarray,
                Z: np.ndarray,
                 ground: Terrain, hard: np.float32, cap: np.float32, period: np.float32,
                touch: np.ndarray,
                 touching: np.ndarray) -> None:
    """One pass over the contacts from before to after (positions): half of each overlap, then off the walls.

    Those who are served or stand move less than those who walk. No pass takes anybody through a wall.
    """
    ny, nx = ground.links.shape
    for i in range(lo, hi):
        xi = before[0, i]
        yi = before[1, i]
        if touching[i] == ALONE:
            after[0, i] = xi
            after[1, i] = yi
            continue
        sx = ZERO
        sy = ZERO
        ri = R[RADIUS, i]
        body = hard * ri
        own = _mobility(Z[MODE, i], Z[STATE, i])
        for k in range(touching[i]):
            j = touch[i, k]
            dx = xi - before[0, j]
            dy = yi - before[1, j]
            if period > ZERO:
                dx -= period * np.rint(dx / period)
            reach = (ri + R[RADIUS, j]) * hard
            r2 = dx * dx + dy * dy
            if r2 < reach * reach:
                share = own / (own + _mobility(Z[MODE, j], Z[STATE, j]))
                if r2 < f4(1e-8):
                    dx = f4(1e-4) if Z[ID, i] < Z[ID, j] else f4(-1e-4)
                    r2 = dx * dx + dy * dy
                r = np.sqrt(r2)
                w = share * (reach - r) / r
                sx += w * dx
                sy += w * dy
        push = np.sqrt(sx * sx + sy * sy)
        if push > cap:
            sx *= cap / push
            sy *= cap / push
        x = xi + sx
        y = yi + sy
        c = bin_at(np.float64(xi), np.float64(yi), nx, ny, ground.cell)
        if moved[5, i] < body + f4(4) * cap and ground.start[c + 1] > ground.start[c]:
            for _ in range(2):
                d2, qx, qy = nearest_wall(np.float64(x), np.float64(y), ground.segments, ground.start,
                                          ground.item, c)
                d = np.sqrt(d2)
                if d >= body or d < 1e-6:
                    break
                off = min(np.float64(body) - d, np.float64(cap))
                x += f4(off * (x - qx) / d)
                y += f4(off * (y - qy) / d)
            if (x != xi or y != yi) and not allowed(np.float64(xi), np.float64(yi), np.float64(x),
                                                    np.float64(y),
                                                    ground.segments, ground.start, ground.item, c):
                x, y = xi, yi
        after[0, i] = x
        after[1, i] = y
