"""The way down a walking distance on a raster whose links know exactly where walls are (:mod:`sim.crowd.ground.links`)."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground.links import CLEAR, DX, DY, RULED
from sim.crowd.ground.portals import round_corner
from sim.crowd.ground.terrain import Terrain, pace_factor
from sim.crowd.ground.walls import bin_at, free_way

STEEPEST = 100.0
"""Slopes of a distance that are no error have at most this size: slow areas and crowds make them steep."""

SOFT = 0.1
"""How much longer a way over a neighbouring cell may be, in cells, before it stops mattering."""

FAR = 1e18
"""Distance of a goal that cannot be reached [m]: the kernel's fast arithmetic has no infinity."""


@njit(cache=True, fastmath=False, error_model="numpy")
def open_way(px: float, py: float, d: np.ndarray, kind: np.ndarray, h: float) -> tuple[bool, float, float, float]:
    """What :func:`way` gives at a point away from walls, and whether it is one: most points, at little cost."""
    ny, nx = d.shape
    column = min(max(int(px / h), 0), nx - 1)
    row = min(max(int(py / h), 0), ny - 1)
    if kind[row, column] == CLEAR and 0 < row < ny - 1 and 0 < column < nx - 1:
        u, w = px / h - 0.5, py / h - 0.5
        i, j = int(u), int(w)
        u -= i
        w -= j
        d00, d10, d01, d11 = d[j, i], d[j, i + 1], d[j + 1, i], d[j + 1, i + 1]
        gx = (1 - w) * (d10 - d00) + w * (d11 - d01)
        gy = (1 - u) * (d01 - d00) + u * (d11 - d10)
        g = np.sqrt(gx * gx + gy * gy)
        if 0.3 * h < g < STEEPEST * h:
            return True, (1 - w) * ((1 - u) * d00 + u * d10) + w * ((1 - u) * d01 + u * d11), -gx / g, -gy / g
    return False, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=False, error_model="numpy")
def way(px: float, py: float, d: np.ndarray, links: np.ndarray, kind: np.ndarray, segments: np.ndarray,
        start: np.ndarray, item: np.ndarray, cost: np.ndarray, pace: np.ndarray, rates: np.ndarray,
        h: float) -> tuple[float, float, float]:
    """Distance to the goal at a point, and the unit vector of the way there: (d, ex, ey); d is FAR if there
    is none.

    Away from walls the vector is the gradient of the bilinear distance. Near walls it is the gradient of the
    plane fitted to the cell centres round the point that can be seen from it. Where that is no slope of a
    distance (at ridges, in nooks with few centres), each centre draws instead by the length of the way over
    it (a soft minimum). At narrow places :func:`sim.crowd.ground.portals.round_corner` knows better.
    """
    ny, nx = d.shape
    column = min(max(int(px / h), 0), nx - 1)
    row = min(max(int(py / h), 0), ny - 1)
    c = row * nx + column
    clear, left, ex, ey = open_way(px, py, d, kind, h)
    if clear:
        return left, ex, ey
    ruled = kind[row, column] == RULED and links[row, column] != 0 and free_way(
        px, py, (column + 0.5) * h, (row + 0.5) * h, segments, start, item, c)  # else the rules hold for the other side
    for reach, keep_rules in ((1, ruled), (1, False), (2, False)):  # who has no way by the rules takes any
        least = np.inf
        sx, sy = 0.0, 0.0
        w0, wx, wy, wxx, wxy, wyy, wd, wxd, wyd = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                r, q = row + dy, column + dx
                if r < 0 or r >= ny or q < 0 or q >= nx or not d[r, q] < np.inf:
                    continue
                if keep_rules and (dx != 0 or dy != 0) and not (links[row, column] >> _direction(dx, dy)) & 1:
                    continue
                x, y = (q + 0.5) * h - px, (r + 0.5) * h - py
                if not free_way(px, py, px + x, py + y, segments, start, item, c):
                    continue
                if reach == 2 and not free_way(px, py, px + x, py + y, segments, start, item, r * nx + q):
                    continue
                here = np.float64(d[r, q])
                over = here + np.sqrt(x * x + y * y)
                if over < least:
                    shrink = np.exp((over - least) / (SOFT * h)) if least < np.inf else 0.0
                    sx, sy = sx * shrink, sy * shrink
                    least = over
                weight = np.exp((least - over) / (SOFT * h))
                sx += weight * x
                sy += weight * y
                w = (1.5 * reach * h - abs(x)) * (1.5 * reach * h - abs(y)) + 1e-9
                w0 += w
                wx += w * x
                wy += w * y
                wxx += w * x * x
                wxy += w * x * y
                wyy += w * y * y
                wd += w * here
                wxd += w * x * here
                wyd += w * y * here
        if least < np.inf:
            wx, wy, wd = wx / w0, wy / w0, wd / w0
            wxx, wxy, wyy = wxx / w0 - wx * wx, wxy / w0 - wx * wy, wyy / w0 - wy * wy
            wxd, wyd = wxd / w0 - wx * wd, wyd / w0 - wy * wd
            det = wxx * wyy - wxy * wxy
            if det > 1e-3 * h ** 4:
                gx, gy = (wyy * wxd - wxy * wyd) / det, (wxx * wyd - wxy * wxd) / det
                g = np.sqrt(gx * gx + gy * gy) + 1e-9
                area = pace[row, column]
                real = g if area == 0 else g * pace_factor(rates, area, -gx / g, -gy / g)
                if 0.7 < real < 1.4 * cost[row, column]:
                    return wd - gx * wx - gy * wy, -gx / g, -gy / g
            s = np.sqrt(sx * sx + sy * sy)
            if s > 1e-6:
                return least, sx / s, sy / s
            return least, 0.0, 0.0
    return FAR, 0.0, 0.0


@njit(cache=True, fastmath=False, error_model="numpy")
def _direction(dx: int, dy: int) -> int:
    for k in range(8):
        if DX[k] == dx and DY[k] == dy:
            return k
    return 0


@njit(cache=True, fastmath=False, error_model="numpy")
def distances(xy: np.ndarray, d: np.ndarray, ground: Terrain) -> np.ndarray:
    """Distance to the goal at many points, (n,) float64; inf where it cannot be reached."""
    out = np.empty(len(xy))
    for i in range(len(xy)):
        left = way(xy[i, 0], xy[i, 1], d, ground.links, ground.kind, ground.segments, ground.start, ground.item,
                   ground.cost, ground.pace, ground.rates, ground.cell)[0]
        c = bin_at(xy[i, 0], xy[i, 1], ground.kind.shape[1], ground.kind.shape[0], ground.cell)
        if ground.kind.ravel()[c] != CLEAR and ground.portal_cell_start[c + 1] > ground.portal_cell_start[c]:
            turn = round_corner(xy[i, 0], xy[i, 1], c, d, ground.segments, ground.start, ground.item, ground.portal_xy,
                                ground.portal_away, ground.portal_start, ground.portal_end, ground.portal_length,
                                ground.portal_cell_start, ground.portal_cell_end, ground.cell)[0]
            left = turn if turn < left + SOFT * ground.cell else left
        out[i] = max(left, 0.0) if left < FAR else np.inf
    return out


@njit(cache=True, fastmath=False, error_model="numpy")
def descend(px: float, py: float, d: np.ndarray, links: np.ndarray, segments: np.ndarray,
            start: np.ndarray, item: np.ndarray, h: float, twin: np.ndarray) -> list[tuple[float, float]]:
    """Cell centres from the one nearest to a point (by the way over it) down the open links to the goal: (k,
    2). ``twin`` as in :func:`sim.crowd.ground.march.march`."""
    ny, nx = d.shape
    column, row = min(max(int(px / h), 0), nx - 1), min(max(int(py / h), 0), ny - 1)
    at, least = -1, np.inf
    for r in range(max(row - 2, 0), min(row + 3, ny)):
        for q in range(max(column - 2, 0), min(column + 3, nx)):
            x, y = (q + 0.5) * h, (r + 0.5) * h
            over = d[r, q] + np.sqrt((x - px) ** 2 + (y - py) ** 2)
            if over < least and free_way(px, py, x, y, segments, start, item, row * nx + column) and free_way(
                    px, py, x, y, segments, start, item, bin_at(x, y, nx, ny, h)):
                at, least = r * nx + q, over
    out = [(px, py)]
    while at >= 0:
        row, column = at // nx, at % nx
        out.append(((column + 0.5) * h, (row + 0.5) * h))
        if d[row, column] <= 0.0:
            break
        here, at, least = at, -1, d[row, column]
        for copy in range(1 if len(twin) == 0 or twin[here] < 0 else 2):
            if copy == 1:
                row, column = twin[here] // nx, twin[here] % nx
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if (links[row, column] >> k) & 1 and d[r, q] < least:
                    at, least = r * nx + q, d[r, q]
    return out
