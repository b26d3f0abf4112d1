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
        self._tree = shapely.STRtree(list(cells.geometry))

    def find(self, x: np.ndarray, y: np.ndarray) -> list[str | None]:
        """Grid ids of places ``x, y (n,)`` [m]; None far from all of them, and for places that are not numbers."""
        found: list[str | None] = [None] * len(x)
        if not self.ids or not len(x):
            return found
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        points = shapely.points(x[known], y[known])
        self._note(found, known, *self._tree.query(points, predicate="intersects"))
        outside = np.array([k for k, place in enumerate(known.tolist()) if found[place] is None], int)
        if len(outside):
            self._note(found, known[outside], *self._tree.query_nearest(points[outside], max_distance=NEAR_M))
        return found

    def _note(self, found: list[str | None], places: np.ndarray, points: np.ndarray, cells: np.ndarray) -> None:
        for point, cell in sorted(zip(points.tolist(), cells.tolist(), strict=True), reverse=True):
            found[places[point]] = self.ids[cell]
