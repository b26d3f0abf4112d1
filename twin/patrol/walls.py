"""Walls as exact segments in a grid of buckets, so that many straight lines can be tested against them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray


class Walls:
    """The edges of a walkable area, each listed in every grid cell that its bounding box touches.

    ``segments`` is (s, 4) float64 ``x1, y1, x2, y2`` from the corner of the grid [m]; cells are numbered
    ``row * columns + column``, ``start (cells + 1,)`` and ``item`` are the buckets in compressed rows.
    """

    def __init__(self, area: shapely.Geometry, corner: tuple[float, float], cell: float, shape: tuple[int, int]) -> None:
        self.corner, self.cell, self.shape = corner, cell, shape
        rings = shapely.get_rings(shapely.get_parts(area))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        xy = xy - np.asarray(corner)
        same = ring[1:] == ring[:-1]
        self.segments = np.ascontiguousarray(np.hstack([xy[:-1][same], xy[1:][same]]))
        self.start, self.item = self._buckets()

    def _buckets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows, columns = self.shape
        low = np.floor(np.minimum(self.segments[:, :2], self.segments[:, 2:]) / self.cell).astype(np.int64)
        high = np.floor(np.maximum(self.segments[:, :2], self.segments[:, 2:]) / self.cell).astype(np.int64)
        low, high = np.maximum(low, 0), np.minimum(high, [columns - 1, rows - 1])
        wide, tall = (high - low + 1).T
        segment = np.repeat(np.arange(len(wide)), wide * tall)
        nth = np.arange(len(segment)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
        column, row = low[segment, 0] + nth % wide[segment], low[segment, 1] + nth // wide[segment]
        cell = row * columns + column
        order = np.argsort(cell, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=rows * columns))])
        return start.astype(np.int64), segment[order]

    def clear(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the straight lines from ``a`` (n, 2) to ``b`` (n, 2), from the corner of the grid, cross no wall: (n,)."""
        found: NDArray[np.bool_] = _clear(a[:, 0], a[:, 1], b[:, 0], b[:, 1], self.segments, self.start, self.item, self.cell,
                                          self.shape[1], self.shape[0])
        return found


@njit(cache=True, error_model="numpy")
def _clear(ax: Any, ay: Any, bx: Any, by: Any, segments: Any, start: Any, item: Any, cell: float, columns: int,
           rows: int) -> Any:  # pragma: no cover - compiled
    out = np.empty(len(ax), dtype=np.bool_)
    for k in range(len(ax)):
        out[k] = _sees(ax[k], ay[k], bx[k], by[k], segments, start, item, cell, columns, rows)
    return out


@njit(cache=True, error_model="numpy")
def _sees(ax: float, ay: float, bx: float, by: float, segments: Any, start: Any, item: Any, cell: float, columns: int,
          rows: int) -> bool:  # pragma: no cover - compiled
    """Walk the cells along the line, and test it against the segments of each."""
    column, row = int(np.floor(ax / cell)), int(np.floor(ay / cell))
    last_column, last_row = int(np.floor(bx / cell)), int(np.floor(by / cell))
    dx, dy = bx - ax, by - ay
    step_x, step_y = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
    # Share of the line at which it enters the next column and the next row, and between two of each.
    next_x = ((column + (step_x > 0)) * cell - ax) / dx if dx != 0 else np.inf
    next_y = ((row + (step_y > 0)) * cell - ay) / dy if dy != 0 else np.inf
    every_x = cell / abs(dx) if dx != 0 else np.inf
    every_y = cell / abs(dy) if dy != 0 else np.inf
    for _ in range(abs(last_column - column) + abs(last_row - row) + 1):
        if 0 <= column < columns and 0 <= row < rows:
            bucket = row * columns + column
            for i in range(start[bucket], start[bucket + 1]):
                if _cross(ax, ay, bx, by, segments[item[i]]):
                    return False
        if next_x < next_y:
            column += step_x
            next_x += every_x
        else:
            row += step_y
            next_y += every_y
    return True


@njit(cache=True, error_model="numpy")
def _cross(ax: float, ay: float, bx: float, by: float, wall: Any) -> bool:  # pragma: no cover - compiled
    """Whether the line from a to b and a wall have a point in common."""
    px, py, qx, qy = wall[0], wall[1], wall[2], wall[3]
    side_p = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    side_q = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
    side_a = (qx - px) * (ay - py) - (qy - py) * (ax - px)
    side_b = (qx - px) * (by - py) - (qy - py) * (bx - px)
    if side_p == 0 and side_q == 0:  # on one line: they meet if their boxes do
        beside = min(ax, bx) <= max(px, qx) and min(px, qx) <= max(ax, bx)
        return beside and min(ay, by) <= max(py, qy) and min(py, qy) <= max(ay, by)
    return side_p * side_q <= 0 and side_a * side_b <= 0
