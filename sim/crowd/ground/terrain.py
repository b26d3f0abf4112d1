"""The ground as the kernel sees it: plain arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit


class Terrain(NamedTuple):
    """What the kernel needs to know of the ground. ``m`` walls, ``ny x nx`` cells, room for ``g`` goals.

    ``segments (m, 4) float64`` local metres; ``start``, ``item`` int32, the walls near each cell; ``links
    (ny, nx) uint8``, ``kind (ny, nx) uint8`` and ``fields (g, ny, nx) float32``, see :mod:`sim.crowd.ground.field`;
    ``cost (ny, nx) float32`` is what a metre counts, at least 1; ``pace (ny, nx) uint8`` the number of the area with
    its own walking speed, 0 for none, and ``rates (areas, 4) float32`` its factors of the free speed along and
    against its heading and that heading as a unit vector; ``portal_...``
    are the parts of :class:`sim.crowd.ground.portals.Portals` (Numba's threads take no tuple within a tuple); ``cell`` metres.
    """

    segments: np.ndarray
    start: np.ndarray
    item: np.ndarray
    links: np.ndarray
    kind: np.ndarray
    fields: np.ndarray
    cost: np.ndarray
    pace: np.ndarray
    rates: np.ndarray
    portal_xy: np.ndarray
    portal_away: np.ndarray
    portal_start: np.ndarray
    portal_end: np.ndarray
    portal_length: np.ndarray
    portal_cell_start: np.ndarray
    portal_cell_end: np.ndarray
    portal_cell_length: np.ndarray
    cell: float


@njit(cache=True, fastmath=False, error_model="numpy")
def pace_factor(rates: np.ndarray, area: int, ex: Any, ey: Any) -> Any:
    """Factor of the free speed for walking along the unit vector (ex, ey) in an area of ``Terrain.rates``.

    The first factor along the heading, the second against it, between them in proportion to the cosine.
    """
    along = ex * rates[area, 2] + ey * rates[area, 3]
    return rates[area, 1] + (rates[area, 0] - rates[area, 1]) * np.float32(0.5) * (along + np.float32(1))
