"""Which community grid a place lies in: who may see an observation is decided by it, so it is found at the door."""

from __future__ import annotations

import numpy as np
import shapely

from twin.places import District

LEVEL = "community"
NEAR_M = 50.0
"""A place that lies in no cell belongs to the nearest one this close: avenues and squares lie between communities."""


class GridFinder:
    """Finds the community grid of many places at once. Where cells overlap or are equally near, the lowest id counts."""

    def __init__(self, district: District) -> None:
        cells = district.grids[district.grids["level"] == LEVEL].sort_values("id")
        self.ids: list[str] = list(cells["id"])
        self._named = np.array([*self.ids, None], object)
        self._tree = shapely.STRtree(list(cells.geometry))

    def find(self, x: np.ndarray, y: np.ndarray) -> list[str | None]:
        """Grid ids of places ``x, y (n,)`` [m]; None far from all of them, and for places that are not numbers."""
        cell = np.full(len(x), len(self.ids))
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if self.ids and len(known):
            points = shapely.points(x[known], y[known])
            place, of = self._tree.query(points, predicate="intersects")
            np.minimum.at(cell, known[place], of)
            outside = np.flatnonzero(cell[known] == len(self.ids))
            if len(outside):
                place, of = self._tree.query_nearest(points[outside], max_distance=NEAR_M)
                np.minimum.at(cell, known[outside[place]], of)
        found: list[str | None] = self._named[cell].tolist()
        return found
