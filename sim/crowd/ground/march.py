"""Distances over a raster and its portals: a label-correcting fast march.

The distance solves the eikonal equation |grad d| = cost with Sethian's simplex update over the eight triangles round a
node, ordered by buckets of width h and corrected until nothing changes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground.links import DX, DY
from sim.crowd.ground.portals import Portals
from sim.crowd.ground.terrain import pace_factor

EXACT = 2e-3
"""What a distance has to get shorter by to count as changed, in cells."""


@njit(cache=True, fastmath=False, error_model="numpy")
def march(d: np.ndarray, links: np.ndarray, cost: np.ndarray, pace: np.ndarray, rates: np.ndarray,
          h: float, twin: np.ndarray, portals: Portals) -> None:
    """Complete ``d (ny, nx) float32``: where it is finite it is given, elsewhere it becomes the distance or
    inf.

    A metre counts ``cost (ny, nx)`` over the factor of the walking speed in its direction (see Terrain). ``twin (ny *
    nx,)`` names for each cell another that counts as the same place, -1 for none; it may be empty.
    """
    ny, nx = d.shape
    cells = ny * nx
    flat, link, price, areas = d.ravel(), links.ravel(), cost.ravel(), pace.ravel()
    there = np.full(len(portals.xy), np.inf, np.float32)
    offset = np.empty(8, np.int64)
    toll = np.empty((len(rates), 8))
    for k in range(8):
        offset[k] = DY[k] * nx + DX[k]
        length = np.sqrt(float(DX[k] * DX[k] + DY[k] * DY[k]))
        for area in range(len(rates)):
            toll[area, k] = h / pace_factor(rates, area, DX[k] / length, DY[k] / length)
    for c in range(len(twin)):
        if twin[c] >= 0 and flat[twin[c]] < flat[c]:
            flat[c] = flat[twin[c]]
    queued = np.zeros(cells + len(there), np.bool_)
    now = np.empty(1024, np.int64)
    later = np.empty(1024, np.int64)
    n_now, n_later = 0, 0
    least = np.inf
    for c in range(cells):
        if flat[c] < np.inf:
            given_inside = True
            row, column = c // nx, c % nx
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if 0 <= r < ny and 0 <= q < nx and not flat[r * nx + q] < np.inf:
                    given_inside = False
            if not given_inside:
                if n_later == len(later):
                    later = _longer(later)
                later[n_later] = c
                n_later += 1
                queued[c] = True
                least = min(least, flat[c])
    edge, root2 = least, np.sqrt(2.0)
    changed = np.empty(64, np.int64)
    while n_later > 0:
        now, later = later, now
        n_now, n_later = n_later, 0
        edge += h
        k_now = 0
        while k_now < n_now:
            c = now[k_now]
            k_now += 1
            here = flat[c] if c < cells else there[c - cells]
            if here >= edge:
                if n_later == len(later):
                    later = _longer(later)
                later[n_later] = c
                n_later += 1
                continue
            queued[c] = False
            n_changed = 0
            if c >= cells:
                n_changed = _from_portal(c - cells, flat, there, link, price, areas, rates, nx, cells, h, portals, changed)
            else:
                row, column = c // nx, c % nx
                for k in range(8):
                    r, q = row - DY[k], column - DX[k]
                    if r < 0 or r >= ny or q < 0 or q >= nx:
                        continue
                    a = c - offset[k]
                    bits = link[a]
                    if not (bits >> k) & 1 or flat[a] <= here:
                        continue
                    f = price[a] * toll[areas[a], k]
                    if k & 1:
                        best = here + root2 * f
                    else:
                        best = here + f
                    for side in (1, 7):
                        m = (k + side) & 7
                        if (bits >> m) & 1:
                            other = flat[a + offset[m]]
                            if other < np.inf:
                                axial = other if k & 1 else here
                                drop = axial - (here if k & 1 else other)
                                if 0.0 < drop < f / root2:
                                    best = min(best, axial + np.sqrt(f * f - drop * drop))
                    if best < flat[a] - EXACT * h:
                        flat[a] = best
                        changed[n_changed] = a
                        n_changed += 1
                if portals.cell_start[c + 1] > portals.cell_start[c] and link[c] != 0:
                    n_changed = _to_portals(c, here, there, price, areas, rates, nx, cells, h, portals, changed, n_changed)
            for i in range(n_changed):
                a = changed[i]
                best = flat[a] if a < cells else there[a - cells]
                both = 1 if len(twin) == 0 or a >= cells or twin[a] < 0 else 2
                for which in range(both):
                    if which == 1:
                        a = twin[a]
                        flat[a] = best
                    if queued[a]:
                        continue
                    queued[a] = True
                    if best < edge:
                        if n_now == len(now):
                            now = _longer(now)
                        now[n_now] = a
                        n_now += 1
                    else:
                        if n_later == len(later):
                            later = _longer(later)
                        later[n_later] = a
                        n_later += 1


@njit(cache=True, fastmath=False, error_model="numpy")
def _metres(dx: float, dy: float, length: float, price: float, area: int, rates: np.ndarray) -> float:
    """What a straight way (dx, dy) in the area of a cell counts."""
    if area == 0:
        return length * price
    return length * price / pace_factor(rates, area, dx / length, dy / length)


@njit(cache=True, fastmath=False, error_model="numpy")
def _to_portals(c: int, here: float, there: np.ndarray, price: np.ndarray, areas: np.ndarray, rates: np.ndarray, nx: int,
                cells: int, h: float, portals: Portals, changed: np.ndarray, n: int) -> int:
    """Bring the nodes that see cell c up to date; ``changed`` takes their numbers behind the n that it holds."""
    x, y = (c % nx + 0.5) * h, (c // nx + 0.5) * h
    for k in range(portals.cell_start[c], portals.cell_start[c + 1]):
        p, length = portals.cell_end[k], portals.cell_length[k]
        best = here + _metres(x - portals.xy[p, 0], y - portals.xy[p, 1], length, price[c], areas[c], rates)
        if best < there[p] - EXACT * h and n < len(changed):
            there[p] = best
            changed[n] = cells + p
            n += 1
    return n


@njit(cache=True, fastmath=False, error_model="numpy")
def _from_portal(p: int, flat: np.ndarray, there: np.ndarray, link: np.ndarray, price: np.ndarray, areas: np.ndarray,
                 rates: np.ndarray, nx: int, cells: int, h: float, portals: Portals, changed: np.ndarray) -> int:
    """Bring the cells and nodes that see node p up to date; gives how many numbers ``changed`` has taken."""
    n = 0
    x, y = portals.xy[p]
    for k in range(portals.start[p], portals.start[p + 1]):
        a, length = portals.end[k], portals.length[k]
        if a >= cells:
            best = there[p] + length
            if best < there[a - cells] - EXACT * h:
                there[a - cells] = best
                changed[n] = a
                n += 1
        elif link[a] != 0 and flat[a] > there[p]:
            ax, ay = (a % nx + 0.5) * h, (a // nx + 0.5) * h
            best = there[p] + _metres(x - ax, y - ay, length, price[a], areas[a], rates)
            if best < flat[a] - EXACT * h:
                flat[a] = best
                changed[n] = a
                n += 1
    return n


@njit(cache=True, fastmath=False, error_model="numpy")
def _longer(a: np.ndarray) -> np.ndarray:
    b = np.empty(2 * len(a), a.dtype)
    b[:len(a)] = a
    return b
