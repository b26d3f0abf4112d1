"""The ground as the kernel sees it: plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Terrain(NamedTuple):
    """What the kernel needs to know of the ground. ``m`` walls, ``ny x nx`` cells, room for ``g`` goals.

    ``segments (m, 4) float64`` local metres; ``start``, ``item`` int32, the walls near each cell; ``links
    (ny, nx) uint8``, ``kind (ny, nx) uint8`` and ``fields (g, ny, nx) float32``, see :mod:`sim.crowd.field`;
    ``cell`` metres.
    """

    segments: np.ndarray
    start: np.ndarray
    item: np.ndarray
    links: np.ndarray
    kind: np.ndarray
    fields: np.ndarray
    cell: float
