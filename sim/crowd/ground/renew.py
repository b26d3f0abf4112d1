"""Distances brought up to date where the ground has changed: a gate that shuts costs what lay behind it, not the whole raster.

First distances rise: every cell about a change, and on from there in the order of what they were, has what the cells that
were nearer than itself offer it now. None is too short then, and those in which nothing comes of the change end it. Then
distances spread anew from all that rose, and about the change, until none becomes shorter. The solution is unique (see
:mod:`sim.crowd.ground.march`), so that renewed distances are those of a march from the beginning, to the last bit,
whatever happened before. After Ramalingam and Reps (1996), An incremental algorithm for a generalization of the
shortest-path problem, J. Algorithms 21(2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim.crowd.ground.links import DX, DY
from sim.crowd.ground.march import metres, offer, offsets, settle, tolls
from sim.crowd.ground.portals import Portals

MOST_RENEWED = 0.2
"""Share of the raster beyond which a march from the beginning takes less time."""
APART = 0.45
"""By so much, in cells, any distance is longer than those that it comes from: a cell's edge over the square root of 2 and over
the largest factor of the walking speed, 1.5. Ways by links that are shorter are found anew."""


@njit(cache=True, fastmath=False, error_model="numpy")
def renew(d: np.ndarray, given: np.ndarray, changed: np.ndarray, links: np.ndarray, cost: np.ndarray, pace: np.ndarray,
          rates: np.ndarray, h: float, portals: Portals) -> bool:
    """Bring ``d (ny, nx) float32``, the distances on the ground as it was, up to date with the ground as it is.

    ``given (ny, nx) bool`` is where d stands (now), ``changed (k,) int64`` the cells of which anything has changed: links,
    cost, pace, portals, or whether they are given. Gives False, with d spoilt, where most of the raster would rise.
    """
    ny, nx = d.shape
    cells = ny * nx
    flat, stands, link, price, areas = d.ravel(), given.ravel(), links.ravel(), cost.ravel(), pace.ravel()
    toll, offset = tolls(rates, h), offsets(nx)
    there = _at_portals(flat, link, price, areas, rates, nx, cells, h, portals)
    was = np.concatenate((flat, there))
    first, listed = np.empty(len(was), np.int64), np.zeros(len(was), np.bool_)
    n = 0
    for c in changed:
        n = _add(c, first, n, listed)
        n = _add_about(c, first, n, listed, was, -np.inf, ny, nx, portals)
    for p in range(len(there)):
        n = _add(cells + p, first, n, listed)
    begin = first[:n][np.argsort(was[first[:n]])]
    asked = listed.copy()
    now, later = np.empty(len(was), np.int64), np.empty(len(was), np.int64)
    n_now = n_later = k_begin = 0
    edge, most = -np.inf, n + MOST_RENEWED * cells
    while n_later > 0 or (k_begin < len(begin) and was[begin[k_begin]] < np.inf):
        now, later = later, now
        n_now, n_later = n_later, 0
        edge = (edge if n_now > 0 else was[begin[k_begin]]) + APART * h
        while k_begin < len(begin) and was[begin[k_begin]] < edge:
            now[n_now] = begin[k_begin]
            n_now += 1
            k_begin += 1
        for i in range(n_now):
            c = now[i]
            if was[c] >= edge:
                later[n_later] = c
                n_later += 1
                continue
            if c < cells:
                if stands[c]:
                    continue
                best = _offered(c, was, flat, there, link[c], price[c], areas[c], toll, offset, rates, nx, h, portals)
                if not np.float32(best) > flat[c]:
                    continue
                flat[c] = best
            else:
                best = _offered_at_portal(c - cells, was, flat, there, link, price, areas, rates, nx, cells, h, portals)
                if not np.float32(best) > there[c - cells]:
                    continue
                there[c - cells] = best
            n = _add(c, first, n, listed)
            if n > most:
                return False
            n = _add_about(c, first, n, listed, was, -np.inf, ny, nx, portals)
            n_later = _add_about(c, later, n_later, asked, was, was[c] + APART * h, ny, nx, portals)
    settle(flat, there, first[:n], stands, link, price, areas, rates, ny, nx, h, np.empty(0, np.int32), portals)
    return True


@njit(cache=True, fastmath=False, error_model="numpy")
def _add(c: int, queue: np.ndarray, n: int, known: np.ndarray) -> int:
    """Put a cell or node at place n of a queue, unless it is ``known``; gives how many are in it."""
    if known[c]:
        return n
    known[c] = True
    queue[n] = c
    return n + 1


@njit(cache=True, fastmath=False, error_model="numpy")
def _add_about(c: int, queue: np.ndarray, n: int, known: np.ndarray, was: np.ndarray, least: float, ny: int, nx: int,
               portals: Portals) -> int:
    """The same with the cells and nodes that a cell or node may have a link to, if they had a distance of ``least`` or more."""
    cells = ny * nx
    if c >= cells:
        for k in range(portals.start[c - cells], portals.start[c - cells + 1]):
            a = portals.end[k]
            if least <= was[a] < np.inf:
                n = _add(a, queue, n, known)
        return n
    row, column = c // nx, c % nx
    for k in range(8):
        r, q = row + DY[k], column + DX[k]
        if 0 <= r < ny and 0 <= q < nx and least <= was[r * nx + q] < np.inf:
            n = _add(r * nx + q, queue, n, known)
    for k in range(portals.cell_start[c], portals.cell_start[c + 1]):
        a = cells + portals.cell_end[k]
        if least <= was[a] < np.inf:
            n = _add(a, queue, n, known)
    return n


@njit(cache=True, fastmath=False, error_model="numpy")
def _offered(a: int, was: np.ndarray, flat: np.ndarray, there: np.ndarray, bits: int, price: float, area: int, toll: np.ndarray,
             offset: np.ndarray, rates: np.ndarray, nx: int, h: float, portals: Portals) -> float:
    """The least distance that cells and nodes which were nearer offer cell a; inf if none does."""
    best, limit = np.inf, was[a] - np.float32(APART * h)
    for k in range(8):
        if (bits >> k) & 1 and was[a + offset[k]] <= limit:
            right = _nearer(a, (k + 1) & 7, limit, was, flat, bits, offset)
            left = _nearer(a, (k + 7) & 7, limit, was, flat, bits, offset)
            best = min(best, offer(k, flat[a + offset[k]], right, left, price * toll[area, k]))
    if bits != 0:
        x, y = (a % nx + 0.5) * h, (a // nx + 0.5) * h
        for k in range(portals.cell_start[a], portals.cell_start[a + 1]):
            p = portals.cell_end[k]
            if was[len(flat) + p] <= limit:
                best = min(best, there[p] + metres(portals.xy[p, 0] - x, portals.xy[p, 1] - y, portals.cell_length[k], price,
                                                   area, rates))
    return best


@njit(cache=True, fastmath=False, error_model="numpy")
def _nearer(a: int, k: int, limit: float, was: np.ndarray, flat: np.ndarray, bits: int, offset: np.ndarray) -> Any:
    """The distance of the neighbour k of cell a if there is a link and it was no more than the limit, else inf."""
    if (bits >> k) & 1 and was[a + offset[k]] <= limit:
        return flat[a + offset[k]]
    return np.float32(np.inf)


@njit(cache=True, fastmath=False, error_model="numpy")
def _offered_at_portal(p: int, was: np.ndarray, flat: np.ndarray, there: np.ndarray, link: np.ndarray, price: np.ndarray,
                       areas: np.ndarray, rates: np.ndarray, nx: int, cells: int, h: float, portals: Portals) -> float:
    """The least distance that cells and nodes which were nearer offer node p; inf if none does."""
    best, limit = np.inf, was[cells + p] - np.float32(APART * h)
    x, y = portals.xy[p]
    for k in range(portals.start[p], portals.start[p + 1]):
        a, length = portals.end[k], portals.length[k]
        if not was[a] <= limit:
            continue
        if a >= cells:
            best = min(best, there[a - cells] + length)
        elif link[a] != 0:
            cx, cy = (a % nx + 0.5) * h, (a // nx + 0.5) * h
            best = min(best, flat[a] + metres(cx - x, cy - y, length, price[a], areas[a], rates))
    return best


@njit(cache=True, fastmath=False, error_model="numpy")
def _at_portals(flat: np.ndarray, link: np.ndarray, price: np.ndarray, areas: np.ndarray, rates: np.ndarray, nx: int, cells: int,
                h: float, portals: Portals) -> np.ndarray:
    """The distances of the nodes (k,) float32 that follow from those of the cells."""
    there = np.full(len(portals.xy), np.inf, np.float32)
    was = np.concatenate((flat, there))
    waiting = True
    while waiting:
        waiting = False
        for p in range(len(there)):
            best = _offered_at_portal(p, was, flat, there, link, price, areas, rates, nx, cells, h, portals)
            if np.float32(best) < there[p]:
                there[p] = was[cells + p] = best
                waiting = True
    return there
