"""Exact nodes at narrow places, so that ways lead through doors as they are and not as the raster sees them.

A raster of half a metre knows a door of 0.6 m by one node or two. So corners of walls with another wall close by are
nodes too, a little off the wall: they have links to every cell centre and to each other, as far as these can be seen
and are near. Doors of any width, also narrower than a cell, are then crossed by links, and the distance spreads from
them as it would from the real opening.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.crowd.ground.links import RULED
from sim.crowd.ground.walls import bin_at, sees

OFF = 0.1
"""How far a node is off its corner [m], or a quarter of the gap to the next wall."""
TIGHT = 0.2
"""Gaps narrower than this are flaws of the drawing that nobody gets through [m]."""
NARROW = 2.2
"""A wall so near to a corner makes it a narrow place, in cells."""
BENT = -0.9
"""Cosine between the walls at a corner; flatter ones are none."""
TURN = 0.1
"""A way that bends less at a corner does not turn there."""
NEAR = 0.1
"""Who is so near to a node is at it [m]."""
AROUND = 2
"""Cell centres so many rows and columns away are linked."""


class Portals(NamedTuple):
    """Nodes at narrow places: ``xy (k, 2) float64`` local metres, ``away (k, 2)`` unit vectors away from their walls.

    The links of node p are ``start[p]`` to ``start[p + 1]`` of ``end`` (a cell, or the number of cells plus another
    node) and ``length`` [m]; those of a cell c to nodes lie the same way in ``cell_start``, ``cell_end`` (a node) and
    ``cell_length``. Cells that are near but cannot be seen are among them, with a length of inf.
    """

    xy: np.ndarray
    away: np.ndarray
    start: np.ndarray
    end: np.ndarray
    length: np.ndarray
    cell_start: np.ndarray
    cell_end: np.ndarray
    cell_length: np.ndarray


def find_portals(segments: np.ndarray, start: np.ndarray, item: np.ndarray, walk: np.ndarray, kind: np.ndarray,
                 links: np.ndarray, h: float) -> Portals:
    """The nodes at narrow places between walls (m, 4), which are listed by cell in ``start``, ``item``.

    ``walk (ny, nx) bool``, ``kind`` and ``links (ny, nx) uint8`` are those of the raster; what a rule touches has none.
    """
    ny, nx = walk.shape
    corner, away = _corners(segments)
    xy, away = _nodes(corner, away, segments, start, item, nx, ny, h)
    first, end, length = _see(xy, segments, start, item, walk, kind, links, h)
    node = np.repeat(np.arange(len(xy)), np.diff(first))
    to_cell = end < nx * ny
    order = np.argsort(end[to_cell], kind="stable")
    count = np.bincount(end[to_cell], minlength=nx * ny)
    cell_start = np.zeros(nx * ny + 1, np.int32)
    np.cumsum(count, out=cell_start[1:])
    return Portals(xy, away, first, end, length, cell_start, node[to_cell][order].astype(np.int32), length[to_cell][order])


def _corners(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of walls and corners between two (k, 2), and the unit vectors away from the walls there (k, 2)."""
    ends = np.concatenate([segments[:, :2], segments[:, 2:]])
    along = np.concatenate([segments[:, 2:] - segments[:, :2], segments[:, :2] - segments[:, 2:]])
    along /= np.hypot(*along.T)[:, None]
    place, which, count = np.unique(ends[:, 0] + 1j * ends[:, 1], return_inverse=True, return_counts=True)
    away = -np.stack([np.bincount(which, along[:, axis], minlength=len(place)) for axis in (0, 1)], axis=1)
    size = np.hypot(*away.T)
    bend = np.where(count == 2, size**2 / 2 - 1, 1.0)
    corner = (count <= 2) & (bend > BENT)
    return np.column_stack([place.real, place.imag])[corner], away[corner] / size[corner][:, None]


@njit(cache=True, fastmath=False, error_model="numpy")
def _nodes(corner: np.ndarray, away: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray, nx: int,
           ny: int, h: float) -> tuple[np.ndarray, np.ndarray]:
    """Points off the corners that have another wall near by on the side away from their own, and that side."""
    found, side = np.empty((len(corner), 2)), np.empty((len(corner), 2))
    n = 0
    for k in range(len(corner)):
        x, y = corner[k]
        c = bin_at(x, y, nx, ny, h)
        gap = np.inf
        for i in range(start[c], start[c + 1]):
            s = item[i]
            ax, ay = segments[s, 0], segments[s, 1]
            vx, vy = segments[s, 2] - ax, segments[s, 3] - ay
            t = min(max(((x - ax) * vx + (y - ay) * vy) / (vx * vx + vy * vy), 0.0), 1.0)
            dx, dy = ax + t * vx - x, ay + t * vy - y
            r = np.sqrt(dx * dx + dy * dy)
            if 1e-9 < r < gap and dx * away[k, 0] + dy * away[k, 1] > 0.2 * r:
                gap = r
        if TIGHT <= gap < NARROW * h:
            off = min(OFF, gap / 4)
            found[n] = x + off * away[k, 0], y + off * away[k, 1]
            side[n] = away[k]
            n += 1
    return found[:n], side[:n]


@njit(cache=True, fastmath=False, error_model="numpy")
def _see(xy: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray, walk: np.ndarray, kind: np.ndarray,
         links: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links of nodes to cell centres and to each other: where each one's begin, where they lead, how long they are."""
    ny, nx = walk.shape
    n = len(xy)
    begin = np.zeros(n + 1, np.int32)
    order = np.argsort(xy[:, 0])
    rank = np.empty(n, np.int64)
    for k in range(n):
        rank[order[k]] = k
    near = (AROUND + 0.5) * h
    end = np.empty(32 * n + 64, np.int32)
    length = np.empty(32 * n + 64, np.float32)
    m = 0
    for p in range(n):
        x, y = xy[p]
        column, row = int(x / h), int(y / h)
        ruled = kind[min(max(row, 0), ny - 1), min(max(column, 0), nx - 1)] == RULED
        for r in range(max(row - AROUND, 0), min(row + AROUND + 1, ny)):
            for q in range(max(column - AROUND, 0), min(column + AROUND + 1, nx)):
                cx, cy = (q + 0.5) * h, (r + 0.5) * h
                end[m], length[m] = r * nx + q, np.inf
                if not ruled and walk[r, q] and links[r, q] != 0 and kind[r, q] != RULED and sees(
                        x, y, cx, cy, segments, start, item, nx, ny, h):
                    length[m] = np.sqrt((cx - x) ** 2 + (cy - y) ** 2)
                m += 1
        others = 0
        for way in (-1, 1):
            k = rank[p] + way
            while not ruled and 0 <= k < n and abs(xy[order[k], 0] - x) <= near and others < 6:
                o = order[k]
                if abs(xy[o, 1] - y) <= near and sees(x, y, xy[o, 0], xy[o, 1], segments, start, item, nx, ny, h):
                    end[m] = nx * ny + o
                    length[m] = np.sqrt((xy[o, 0] - x) ** 2 + (xy[o, 1] - y) ** 2)
                    m += 1
                    others += 1
                k += way
        begin[p + 1] = m
    return begin, end[:m].copy(), length[:m].copy()


@njit(cache=True, error_model="numpy", fastmath=False)
def round_corner(px: float, py: float, c: int, d: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray,
                 xy: np.ndarray, aside: np.ndarray, first: np.ndarray, end: np.ndarray, length: np.ndarray,
                 cell_start: np.ndarray, cell_end: np.ndarray, h: float) -> tuple[float, float, float]:
    """The shortest way from a point in cell c that turns round a corner in sight, at a node: its length, and its unit
    vector; inf if there is none.

    A way turns round a corner if it bends towards the wall there; all others have no reason to pass the node.
    """
    ny, nx = d.shape
    flat = d.ravel()
    least, ex, ey = np.inf, 0.0, 0.0
    for k in range(cell_start[c], cell_start[c + 1]):
        p = cell_end[k]
        qx, qy = xy[p]
        ux, uy = qx - px, qy - py
        r = np.sqrt(ux * ux + uy * uy)
        on, gx, gy = np.inf, 0.0, 0.0
        for link in range(first[p], first[p + 1]):
            a = end[link]
            if a < ny * nx and flat[a] + length[link] < on:
                on = np.float64(flat[a] + length[link])
                gx, gy = (a % nx + 0.5) * h - qx, (a // nx + 0.5) * h - qy
        if not r + on < least:
            continue
        g = np.sqrt(gx * gx + gy * gy) + 1e-9
        gx, gy = gx / g, gy / g
        if r < NEAR:
            ux, uy = gx, gy
        else:
            ux, uy = ux / r, uy / r
            if (gx - ux) * aside[p, 0] + (gy - uy) * aside[p, 1] > -TURN:
                continue
        if sees(px, py, qx, qy, segments, start, item, nx, ny, h):
            least, ex, ey = r + on, ux, uy
    return least, ex, ey
