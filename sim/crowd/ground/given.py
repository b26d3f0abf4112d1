"""Where distances to a goal begin: minus the depth inside its area, so that people walk on, and the last metre before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

DEEPEST = 20.0
"""Depth inside a goal's area beyond which the way in no longer matters [m]."""
NEAR = 1.5
"""Cells so near to the area have their straight distance, where no wall is about, in cells."""


@dataclass(frozen=True)
class Given:
    """Distances ``values (r, c) float32`` [m] that are given about a goal, from the cell ``row``, ``column`` of the raster on;
    inf where none is. ``inside (r, c) bool`` marks the area itself."""

    row: int
    column: int
    values: np.ndarray
    inside: np.ndarray

    @classmethod
    def of(cls, area: shapely.Geometry, walk: np.ndarray, cell: float) -> Given:
        """Those of an area in raster metres, on the cells that can be walked on, ``walk (ny, nx) bool``."""
        ny, nx = walk.shape
        x0, y0, x1, y1 = area.buffer(NEAR * cell).bounds
        i0, j0 = max(int(x0 / cell), 0), max(int(y0 / cell), 0)
        i1, j1 = min(int(x1 / cell) + 1, nx), min(int(y1 / cell) + 1, ny)
        x, y = np.meshgrid((np.arange(i0, i1) + 0.5) * cell, (np.arange(j0, j1) + 0.5) * cell)
        points = shapely.points(x.ravel(), y.ravel())
        shapely.prepare(area)
        near = shapely.dwithin(area, points, NEAR * cell)
        values = np.full(len(points), np.inf, np.float32)
        inside = near & shapely.contains_xy(area, x.ravel(), y.ravel())
        outside = near & ~inside
        values[outside] = shapely.distance(area, points[outside])
        values[inside] = -np.minimum(shapely.distance(area.boundary, points[inside]), DEEPEST)
        values[~walk[j0:j1, i0:i1].ravel()] = np.inf
        return cls(j0, i0, values.reshape(x.shape), inside.reshape(x.shape))

    def put(self, d: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """Write them into distances ``d (ny, nx)``, outside the area only where no wall is about (``kind`` 0); gives where
        they stand, (ny, nx) bool."""
        part = np.s_[self.row:self.row + self.values.shape[0], self.column:self.column + self.values.shape[1]]
        given = np.zeros(d.shape, np.bool_)
        given[part] = (self.values < np.inf) & (self.inside | (kind[part] == 0))
        d[part] = np.where(given[part], self.values, d[part])
        return given
