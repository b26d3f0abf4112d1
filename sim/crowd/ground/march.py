"""Distances over a raster and its portals: a label-correcting fast march.

The distance solves the eikonal equation |grad d| = cost with Sethian's simplex update over the eight triangles round a
node, ordered by buckets of width h and corrected until nothing changes. What nothing can make shorter any more is the one
solution, whatever the order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim.crowd.ground.links import DX, DY
from sim.crowd.ground.portals import Portals
from sim.crowd.ground.terrain import pace_factor


@njit(cache=True, fastmath=False, error_model="numpy")
def march(d: np.ndarray, given: np.ndarray, links: np.ndarray, cost: np.ndarray, pace: np.ndarray, rates: np.ndarray,
          h: float, twin: np.ndarray, portals: Portals) -> None:
    """Complete ``d (ny, nx) float32``: it stands where ``given (ny, nx) bool``, elsewhere it becomes the distance or inf.

    A metre counts ``cost (ny, nx)`` over the factor of the walking speed in its direction (see Terrain). ``twin (ny *
    nx,)`` names for each cell another that counts as the same place, -1 for none; it may be empty.
    """
    ny, nx = d.shape
    flat, stands = d.ravel(), given.ravel()
    first = np.empty(1024, np.int64)
    n = 0
    for c in range(ny * nx):
        if not stands[c]:
            flat[c] = np.inf
    for c in range(len(twin)):
        if twin[c] >= 0 and flat[twin[c]] < flat[c]:
            flat[c] = flat[twin[c]]
    for c in range(ny * nx):
        if flat[c] < np.inf and (portals.cell_start[c + 1] > portals.cell_start[c] or _open_about(c, flat, ny, nx)):
            if n == len(first):
                first = longer(first)
            first[n] = c
            n += 1
    there = np.full(len(portals.xy), np.inf, np.float32)
    settle(flat, there, first[:n], stands, links.ravel(), cost.ravel(), pace.ravel(), rates, ny, nx, h, twin, portals)


@njit(cache=True, fastmath=False, error_model="numpy")
def _open_about(c: int, flat: np.ndarray, ny: int, nx: int) -> bool:
    """Whether a cell next to cell c has no distance yet."""
    row, column = c // nx, c % nx
    for k in range(8):
        r, q = row + DY[k], column + DX[k]
        if 0 <= r < ny and 0 <= q < nx and not flat[r * nx + q] < np.inf:
            return True
    return False


@njit(cache=True, fastmath=False, error_model="numpy")
def settle(flat: np.ndarray, there: np.ndarray, first: np.ndarray, stands: np.ndarray, link: np.ndarray, price: np.ndarray,
            areas: np.ndarray, rates: np.ndarray, ny: int, nx: int, h: float, twin: np.ndarray, portals: Portals) -> None:
    """Let distances spread from the cells and nodes ``first`` until none becomes shorter."""
    cells = ny * nx
    toll = tolls(rates, h)
    offset = offsets(nx)
    queued = np.zeros(cells + len(there), np.bool_)
    begin = np.array([flat[c] if c < cells else there[c - cells] for c in first])
    order = np.argsort(begin)
    k_first = 0
    now = np.empty(1024, np.int64)
    later = np.empty(1024, np.int64)
    n_now = n_later = 0
    changed = np.empty(64, np.int64)
    edge = -np.inf
    while n_later > 0 or (k_first < len(first) and begin[order[k_first]] < np.inf):
        now, later = later, now
        n_now, n_later = n_later, 0
        edge = (edge if n_now > 0 else begin[order[k_first]]) + h
        while k_first < len(first) and begin[order[k_first]] < edge:
            c = first[order[k_first]]
            here = flat[c] if c < cells else there[c - cells]
            if not queued[c] and here == begin[order[k_first]]:  # what has become shorter has had its turn
                if n_now == len(now):
                    now = longer(now)
                now[n_now] = c
                n_now += 1
                queued[c] = True
            k_first += 1
        k_now = 0
        while k_now < n_now:
            c = now[k_now]
            k_now += 1
            here = flat[c] if c < cells else there[c - cells]
            if here >= edge:
                if n_later == len(later):
                    later = longer(later)
                later[n_later] = c
                n_later += 1
                continue
            queued[c] = False
            n_changed = 0
            if c >= cells:
                n_changed = _from_portal(c - cells, flat, there, stands, link, price, areas, rates, nx, h, portals, changed)
            else:
                row, column = c // nx, c % nx
                for k in range(8):
                    r, q = row - DY[k], column - DX[k]
                    if r < 0 or r >= ny or q < 0 or q >= nx:
                        continue
                    a = c - offset[k]
                    bits = link[a]
                    if not (bits >> k) & 1 or flat[a] <= here or stands[a]:
                        continue
                    right = flat[a + offset[(k + 1) & 7]] if (bits >> ((k + 1) & 7)) & 1 else np.float32(np.inf)
                    left = flat[a + offset[(k + 7) & 7]] if (bits >> ((k + 7) & 7)) & 1 else np.float32(np.inf)
                    best = offer(k, here, right, left, price[a] * toll[areas[a], k])
                    if np.float32(best) < flat[a]:
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
                            now = longer(now)
                        now[n_now] = a
                        n_now += 1
                    else:
                        if n_later == len(later):
                            later = longer(later)
                        later[n_later] = a
                        n_later += 1


@njit(cache=True, fastmath=False, error_model="numpy")
def offsets(nx: int) -> np.ndarray:
    """What to add to the number of a cell to have that of the next one in each of eight directions, (8,) int64."""
    return DY.astype(np.int64) * nx + DX


@njit(cache=True, fastmath=False, error_model="numpy")
def tolls(rates: np.ndarray, h: float) -> np.ndarray:
    """What the edge of a cell counts by area and direction, (areas, 8)."""
    toll = np.empty((len(rates), 8))
    for k in range(8):
        length = np.sqrt(float(DX[k] * DX[k] + DY[k] * DY[k]))
        for area in range(len(rates)):
            toll[area, k] = h / pace_factor(rates, area, DX[k] / length, DY[k] / length)
    return toll


@njit(cache=True, fastmath=False, error_model="numpy")
def offer(k: int, here: Any, right: Any, left: Any, f: Any) -> Any:
    """The distance that a cell has by its neighbour k, which has ``here``: straight, or through one of the two triangles to
    the next neighbours on either side, which have ``right`` and ``left`` (inf if they do not count). ``f`` is what the edge of
    a cell counts."""
    root2 = np.sqrt(2.0)
    best = here + (root2 * f if k & 1 else f)
    for other in (right, left):
        if other < np.inf:
            axial = other if k & 1 else here
            drop = axial - (here if k & 1 else other)
            if 0.0 < drop < f / root2:
                best = min(best, axial + np.sqrt(f * f - drop * drop))
    return best


@njit(cache=True, fastmath=False, error_model="numpy")
def metres(dx: float, dy: float, length: float, price: float, area: int, rates: np.ndarray) -> float:
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
        best = here + metres(x - portals.xy[p, 0], y - portals.xy[p, 1], length, price[c], areas[c], rates)
        if np.float32(best) < there[p] and n < len(changed):
            there[p] = best
            changed[n] = cells + p
            n += 1
    return n


@njit(cache=True, fastmath=False, error_model="numpy")
def _from_portal(p: int, flat: np.ndarray, there: np.ndarray, stands: np.ndarray, link: np.ndarray, price: np.ndarray,
                 areas: np.ndarray, rates: np.ndarray, nx: int, h: float, portals: Portals, changed: np.ndarray) -> int:
    """Bring the cells and nodes that see node p up to date; gives how many numbers ``changed`` has taken."""
    n, cells = 0, len(flat)
    x, y = portals.xy[p]
    for k in range(portals.start[p], portals.start[p + 1]):
        a, length = portals.end[k], portals.length[k]
        if a >= cells:
            best = there[p] + length
            if np.float32(best) < there[a - cells]:
                there[a - cells] = best
                changed[n] = a
                n += 1
        elif link[a] != 0 and flat[a] > there[p] and not stands[a]:
            ax, ay = (a % nx + 0.5) * h, (a // nx + 0.5) * h
            best = there[p] + metres(x - ax, y - ay, length, price[a], areas[a], rates)
            if np.float32(best) < flat[a]:
                flat[a] = best
                changed[n] = a
                n += 1
    return n


@njit(cache=True, fastmath=False, error_model="numpy")
def longer(a: np.ndarray) -> np.ndarray:
    """The same with room for as much again."""
    b = np.empty(2 * len(a), a.dtype)
    b[:len(a)] = a
    return b
