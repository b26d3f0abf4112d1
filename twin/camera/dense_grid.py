"""The ground that a camera sees in cells of a metre, and its picture bent to one scale.

The picture is bent so that a head has the same size everywhere (24 pixels to the metre on the plane of heads): what a
head looks like no longer depends on how far off it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.camera.lens import Array, Lens
from twin.errors import BadInput

HEAD_M = 1.55
"""The plane on which heads and shoulders are counted [m]."""
PX_PER_M = 24.0
CELL_M = 1.0
_SMALLEST_PX_PER_M = 7.0
_MARGIN_PX = 24
WINDOW_CELLS = 4
"""Densities are means over windows of so many cells a side: one square metre of crowd says too little about itself."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The picture bent to one scale: ``u, v`` (r, c) the pixels that its pixels show, ``cell`` (r, c) the ground cell or -1.

    ``corner`` is the corner of cell (0, 0) [m], ``shape`` rows and columns of cells of ``CELL_M``, ``seen`` (cells,) the
    share of each cell in view.
    """

    u: NDArray[np.float32]
    v: NDArray[np.float32]
    cell: NDArray[np.int64]
    weight: Array
    corner: Array
    shape: tuple[int, int]
    seen: Array

    @classmethod
    def of(cls, lens: Lens, region: shapely.Polygon) -> Grid:
        """The grid of a region in a view; raises :class:`BadInput` where the region is too far off to be counted."""
        west, south, east, north = region.bounds
        corner = np.floor(np.array([west, south]) / CELL_M) * CELL_M
        columns, rows = (np.ceil((np.array([east, north]) - corner) / CELL_M)).astype(int)
        u, v, at, scale = _bent(lens)
        inside = shapely.contains_xy(region, at[..., 0], at[..., 1]) & (scale > _SMALLEST_PX_PER_M)
        index = np.floor(np.nan_to_num((at - corner) / CELL_M, nan=-1)).astype(int)
        cell = np.where(inside, index[..., 1] * columns + index[..., 0], -1)
        area = _area(at)
        if inside.any():  # what lies around the region is of no use
            high, wide = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            rows_kept = slice(max(high[0] - _MARGIN_PX, 0), high[-1] + _MARGIN_PX)
            part = (rows_kept, slice(max(wide[0] - _MARGIN_PX, 0), wide[-1] + _MARGIN_PX))
            u, v, inside, cell, area = u[part], v[part], inside[part], cell[part], area[part]
        weight = np.where(inside, np.nan_to_num(area), 0.0)
        n = int(rows * columns)
        seen = np.bincount(cell[inside], weight[inside], n) / CELL_M**2
        if not (seen > 0.3).any():
            raise BadInput("the region is too far off, or too small in the picture, for a crowd to be counted",
                           mend="choose a nearer region")
        return cls(u, v, cell, weight, corner, (int(rows), int(columns)), seen)

    def mean(self, values: Array) -> Array:
        """Means (cells,) of values (r, c) over the ground of each cell; 0 where nothing is seen."""
        inside = self.cell >= 0
        total = np.bincount(self.cell[inside], (values[inside] * self.weight[inside]), len(self.seen))
        return total / np.maximum(self.seen * CELL_M**2, 1e-9)

    def total(self, values: Array) -> Array:
        """Sums (cells,) of values (r, c) a square metre of ground in view; 0 where nothing is seen."""
        inside = self.cell >= 0
        return np.bincount(self.cell[inside], values[inside], len(self.seen)) / np.maximum(self.seen * CELL_M**2, 1e-9)

    def around(self, values: Array) -> Array:
        """Means (cells, k) of values (cells, k) over the window around each cell, by how much of each cell is seen."""
        rows, columns = self.shape
        seen = np.where(self.seen > 0.5, self.seen, 0.0).reshape(rows, columns)
        side = (WINDOW_CELLS, WINDOW_CELLS)
        total = cv2.boxFilter(seen, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        out = np.empty_like(values)
        for k in range(values.shape[1]):
            layer = values[:, k].reshape(rows, columns) * seen
            summed = cv2.boxFilter(layer, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
            out[:, k] = (summed / np.maximum(total, 1e-9)).ravel()
        return out

    def shares(self, area: shapely.Polygon) -> Array:
        """How much of each cell (cells,) an area covers."""
        rows, columns = self.shape
        x, y = (g.ravel() * CELL_M for g in np.meshgrid(np.arange(columns), np.arange(rows)))
        west, south = x + self.corner[0], y + self.corner[1]
        boxes = shapely.box(west, south, west + CELL_M, south + CELL_M)
        return np.asarray(shapely.area(shapely.intersection(boxes, area)) / CELL_M**2)


def counted(people: Array, grid: Grid) -> Array:
    """People per m2 (cells,) of people at places (n, 2)."""
    rows, columns = grid.shape
    at = (np.asarray(people, float).reshape(-1, 2) - grid.corner) / CELL_M
    counts, _, _ = np.histogram2d(at[:, 1], at[:, 0], bins=(rows, columns), range=((0, rows), (0, columns)))
    return np.asarray(counts, float).ravel() / CELL_M**2


def _bent(lens: Lens) -> tuple[NDArray[np.float32], NDArray[np.float32], Array, Array]:
    """Pixels u, v of a picture in which a metre at head height is ``PX_PER_M`` everywhere, places (r, c, 2), scales (r, c)."""
    w, h = lens.size
    v = np.arange(h, dtype=float)
    left, right = (lens.ground(np.c_[np.full(h, u), v], HEAD_M) for u in ((w - 1) * 0.5 - 5, (w - 1) * 0.5 + 5))
    scale = 10.0 / np.hypot(*(right - left).T)
    good = np.isfinite(scale) & (scale > _SMALLEST_PX_PER_M)
    if good.sum() < 8:
        raise BadInput("people would be too small everywhere in this picture for a crowd to be counted",
                       mend="choose another view")
    v, scale = v[good], scale[good]
    down = np.r_[0.0, np.cumsum(PX_PER_M / scale[:-1])]
    rows = np.arange(0, down[-1], 1.0)
    source_v, source_scale = np.interp(rows, down, v), np.interp(rows, down, scale)
    wide = int(np.ceil(w * PX_PER_M / source_scale.min()))
    wide = min(wide, 6000)
    across = np.arange(wide) - (wide - 1) / 2
    u = (w - 1) / 2 + across[None] * source_scale[:, None] / PX_PER_M
    vv = np.repeat(source_v[:, None], wide, axis=1)
    at = lens.ground(np.c_[u.ravel(), vv.ravel()], HEAD_M).reshape(*u.shape, 2)
    outside = (u < 0) | (u > w - 1)
    at[outside] = np.nan
    return u.astype(np.float32), vv.astype(np.float32), at, np.repeat(source_scale[:, None], wide, axis=1)


def _area(at: Array) -> Array:
    """Ground (r, c) [m2] of each bent pixel."""
    down, across = np.gradient(at, axis=0), np.gradient(at, axis=1)
    return np.abs(down[..., 0] * across[..., 1] - down[..., 1] * across[..., 0])
