"""Walls and rules as rasters, ready to be marched over, and what is different in those of another moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely

from sim.crowd.ground.links import area_mask, forbid_against, forbid_area, forbid_entering, link_cells
from sim.crowd.ground.portals import Portals, find_portals
from sim.crowd.ground.walls import bin_segments


@dataclass(frozen=True, eq=False)
class Rasters:
    """``segments``, ``start``, ``item``, ``links``, ``kind``, ``cost``, ``pace`` and ``rates`` as in
    :class:`sim.crowd.ground.terrain.Terrain`, and the portals; ``steps`` are the areas that ``level_links`` shut."""

    segments: np.ndarray
    start: np.ndarray
    item: np.ndarray
    links: np.ndarray
    cost: np.ndarray
    kind: np.ndarray
    pace: np.ndarray
    rates: np.ndarray
    portals: Portals
    cell: float
    steps: list[shapely.Geometry]
    _level: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, walk: np.ndarray, segments: np.ndarray, cell: float, reach: float, *,
           one_way: Iterable[tuple[shapely.Geometry, float]], blocked: Iterable[shapely.Geometry],
           paces: Mapping[str, tuple[shapely.Geometry, float, float, float]], steps: Iterable[shapely.Geometry]) -> Rasters:
        """Those of walls (m, 4) that count to ``reach`` [m] on cells that can be walked on, ``walk (ny, nx) bool``.

        All areas are in raster metres; ``one_way`` are areas with their heading [rad], ``paces`` areas with the factors along
        and against a heading, and that.
        """
        ny, nx = walk.shape

        def cells(area: shapely.Geometry) -> np.ndarray:
            return area_mask(area, nx, ny, cell)

        start, item = bin_segments(segments, nx, ny, cell, reach)
        links, cost, kind = link_cells(walk, segments, start, item, cell)
        for area, heading in one_way:
            forbid_against(links, kind, cells(area), np.cos(heading), np.sin(heading))
        for area in blocked:
            forbid_entering(links, kind, cost, cells(area))
        pace, rates = np.zeros((ny, nx), np.uint8), np.ones((len(paces) + 1, 4), np.float32)
        for number, (area, along, against, heading) in enumerate(paces.values(), 1):
            pace[cells(area)] = number
            rates[number] = along, against, np.cos(heading), np.sin(heading)
        portals = find_portals(segments, start, item, walk, kind, links, cell)
        return cls(segments, start, item, links, cost, kind, pace, rates, portals, cell, list(steps))

    @property
    def level_links(self) -> np.ndarray:
        """The open links of who can take no steps, (ny, nx) uint8; found when first asked for."""
        if not self._level:
            links = self.links.copy()
            for area in self.steps:
                forbid_area(links, area_mask(area, links.shape[1], links.shape[0], self.cell))
            self._level.append(links)
        return self._level[0]

    def changed_from(self, before: Rasters) -> np.ndarray | None:
        """Numbers (k,) int64 of the cells that were different; None if what cannot be told by cells was."""
        if not np.array_equal(self.rates, before.rates) or not _same(self.steps, before.steps):
            return None
        changed = np.zeros(self.links.shape, np.bool_)
        for name in ("links", "cost", "kind", "pace"):
            changed |= getattr(self, name) != getattr(before, name)
        if not all(np.array_equal(now, then) for now, then in zip(self.portals, before.portals, strict=True)):
            for portals in (self.portals, before.portals):
                changed.ravel()[np.diff(portals.cell_start) > 0] = True
        return np.flatnonzero(changed)


def _same(some: list[shapely.Geometry], others: list[shapely.Geometry]) -> bool:
    return len(some) == len(others) and all(a.equals_exact(b) for a, b in zip(some, others, strict=True))
