"""The raster that ways are found on: which cells can be walked on, and which of their links no wall or rule closes.

The raster's nodes are cell centres. Each node has eight directed links to its neighbours, one bit each; a
link is open if the straight line between the two centres crosses no wall. Any opening that is wider than a
cell is then crossed by at least one open link, whatever its angle, and no closed line leaks, however thin it
is.
"""

from __future__ import annotations

import numpy as np
import shapely
from numba import njit

from sim.crowd.ground.walls import SLACK, free_way, nearest_wall

DX = np.array([1, 1, 0, -1, -1, -1, 0, 1], np.int32)
DY = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int32)
"""The eight directions, counter-clockwise from east; odd ones are diagonal."""

CLEAR, WALLED, RULED = 0, 1, 2
"""Kinds of cell: no wall comes between it and its neighbours' centres; walls may; links closed by a rule
(one-way, closure)."""

CLOSED_COST = 5.0
"""Cost of a metre inside a closed area, for people who have to leave it."""

WALL_COST, WALL_COST_RANGE = 0.02, 0.4
"""Extra cost of a metre along a wall, and the distance at which it has gone [m]. A way bends by at most
arccos(1 / 1.02), 11 degrees, for it: more would leave the sides of lanes empty."""


def area_mask(area: shapely.Geometry, nx: int, ny: int, h: float) -> np.ndarray:
    """Cells whose centre lies in an area (local metres): (ny, nx) bool, by even-odd scan lines."""
    rings = [shapely.get_coordinates(ring) for part in shapely.get_parts(area) if part.geom_type == "Polygon"
             for ring in (part.exterior, *part.interiors)]
    mask = np.zeros((ny, nx), np.bool_)
    if rings:
        _scan(np.concatenate([np.hstack([r[:-1], r[1:]]) for r in rings]), mask, h)
    return mask


@njit(cache=True, fastmath=False, error_model="numpy")
def _scan(edges: np.ndarray, mask: np.ndarray, h: float) -> None:
    ny, nx = mask.shape
    count = np.zeros(ny + 1, np.int64)
    for filling in (False, True):
        if filling:
            for row in range(ny):
                count[row + 1] += count[row]
            xs = np.empty(count[ny])
            fill = count[:-1].copy()
        for e in range(edges.shape[0]):
            ax, ay, bx, by = edges[e]
            if ay > by:
                ax, ay, bx, by = bx, by, ax, ay
            lo = max(int(np.ceil(ay / h - 0.5)), 0)
            hi = min(int(np.ceil(by / h - 0.5)) - 1, ny - 1)
            for row in range(lo, hi + 1):
                if filling:
                    xs[fill[row]] = ax + ((row + 0.5) * h - ay) * (bx - ax) / (by - ay)
                    fill[row] += 1
                else:
                    count[row + 1] += 1
    for row in range(ny):
        cuts = np.sort(xs[count[row]:count[row + 1]])
        for k in range(0, len(cuts) - 1, 2):
            lo = max(int(np.ceil(cuts[k] / h - 0.5)), 0)
            hi = min(int(np.ceil(cuts[k + 1] / h - 0.5)), nx)
            for column in range(lo, hi):
                mask[row, column] = True


@njit(cache=True, fastmath=False, error_model="numpy")
def link_cells(walk: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray,
               h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open links ``(ny, nx) uint8``, cost of a metre ``(ny, nx) float32`` and kind of cell ``(ny, nx)
    uint8``."""
    ny, nx = walk.shape
    links = np.zeros((ny, nx), np.uint8)
    cost = np.ones((ny, nx), np.float32)
    kind = np.zeros((ny, nx), np.uint8)
    stands = walk.copy()
    for row in range(ny):
        for column in range(nx):
            c = row * nx + column
            if start[c + 1] == start[c]:
                continue
            if _wall_about((column + 0.5) * h, (row + 0.5) * h, 1.001 * h, segments, start, item, c):
                kind[row, column] = WALLED
            d = np.sqrt(nearest_wall((column + 0.5) * h, (row + 0.5) * h, segments, start, item, c)[0])
            if d < SLACK:
                stands[row, column] = False
            cost[row, column] = 1.0 + WALL_COST * max(1.0 - d / WALL_COST_RANGE, 0.0)
    for row in range(ny):
        for column in range(nx):
            if not stands[row, column]:
                continue
            px, py = (column + 0.5) * h, (row + 0.5) * h
            for k in range(4):
                r, q = row + DY[k], column + DX[k]
                if r < 0 or r >= ny or q < 0 or q >= nx or not stands[r, q]:
                    continue
                c = row * nx + column
                if start[c + 1] == start[c] or free_way(px, py, (q + 0.5) * h, (r + 0.5) * h, segments, start,
                                                        item, c):
                    links[row, column] |= np.uint8(1 << k)
                    links[r, q] |= np.uint8(1 << (k + 4))
    return links, cost, kind


@njit(cache=True, fastmath=False, error_model="numpy")
def _wall_about(x: float, y: float, half: float, segments: np.ndarray, start: np.ndarray, item: np.ndarray,
                c: int) -> bool:
    """Whether a wall listed in bin ``c`` meets the square of half side ``half`` round (x, y)."""
    for k in range(start[c], start[c + 1]):
        s = item[k]
        ax, ay = segments[s, 0] - x, segments[s, 1] - y
        vx, vy = segments[s, 2] - x - ax, segments[s, 3] - y - ay
        enter, leave = 0.0, 1.0
        for p, v in ((ax, vx), (ay, vy)):
            if v == 0.0:
                if abs(p) > half:
                    leave = -1.0
            else:
                a, b = (-half - p) / v, (half - p) / v
                enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        if enter <= leave:
            return True
    return False


@njit(cache=True, fastmath=False, error_model="numpy")
def forbid_against(links: np.ndarray, kind: np.ndarray, area: np.ndarray, hx: float, hy: float) -> None:
    """Close the links that lead against the heading (hx, hy) from or to a cell of the area (one-way)."""
    ny, nx = links.shape
    for row in range(ny):
        for column in range(nx):
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if not (0 <= r < ny and 0 <= q < nx) or not (area[row, column] or area[r, q]):
                    continue
                kind[row, column] = RULED
                if DX[k] * hx + DY[k] * hy < -1e-9:
                    links[row, column] &= np.uint8(255 - (1 << k))


@njit(cache=True, fastmath=False, error_model="numpy")
def forbid_entering(links: np.ndarray, kind: np.ndarray, cost: np.ndarray, area: np.ndarray) -> None:
    """Close the links that lead into the area from outside it; those inside and out of it stay open.

    A metre inside costs five, so that whoever is inside leaves by the short way and nobody cuts its corners.
    """
    ny, nx = links.shape
    for row in range(ny):
        for column in range(nx):
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if not (0 <= r < ny and 0 <= q < nx) or not area[r, q]:
                    continue
                kind[row, column] = RULED
                cost[r, q] = CLOSED_COST
                if not area[row, column]:
                    links[row, column] &= np.uint8(255 - (1 << k))


@njit(cache=True, fastmath=False, error_model="numpy")
def forbid_area(links: np.ndarray, area: np.ndarray) -> None:
    """Close all links into, out of and inside an area."""
    ny, nx = links.shape
    for row in range(ny):
        for column in range(nx):
            if not area[row, column]:
                continue
            links[row, column] = 0
            for k in range(8):
                r, q = row - DY[k], column - DX[k]
                if 0 <= r < ny and 0 <= q < nx:
                    links[r, q] &= np.uint8(255 - (1 << k))
