"""What is measured of a crowd: density, speed and pressure on maps, Fruin's levels, flow over a line.

The density at a place is the sum over people of a Gaussian of 0.8 m standard deviation, cut at 2.4 m, each
person counting exactly one in total. One person alone therefore counts 0.25 /m2 where they stand, 2 /m2 need
a real group of people, and a jam of 4 /m2 reads as 4. Beside a wall about half of the Gaussian falls where
nobody can stand; given the walkable share of each cell, the density is divided by the share of the Gaussian
that can be walked on (a third at least).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import shapely
from numba import njit

from sim.crowd.ground.links import area_mask

SIGMA = 0.8
"""Standard deviation of the density kernel [m]."""
LEAST_GROUND = 1 / 3
PRESSURE_FROM = 2.0
"""Density above which crowd pressure means anything [1/m2]."""
SPEED_NOISE = 0.1
"""Spread of speeds that is there without any turbulence: sway and rounding [m/s]; its square is taken off."""

FRUIN_WALKWAY = np.array([0.31, 0.43, 0.72, 1.08, 2.17])
FRUIN_QUEUE = np.array([0.83, 1.08, 1.54, 3.57, 5.26])
"""Densities at which levels B, C, D, E, F begin [1/m2] (Fruin 1971)."""


def fruin_level(density: np.ndarray | float, place: Literal["walkway", "queue"] = "walkway") -> np.ndarray:
    """Fruin's level of service, the letters A to F, for densities [1/m2] of any shape."""
    limits = {"walkway": FRUIN_WALKWAY, "queue": FRUIN_QUEUE}[place]
    return np.array(list("ABCDEF"))[np.searchsorted(limits, np.asarray(density, float))]


@njit(cache=True, fastmath=False, error_model="numpy")
def _spread(xy: np.ndarray, velocity: np.ndarray, x0: float, y0: float, cell: float, sigma: float,
            sums: np.ndarray) -> None:
    """Add to ``sums (4, rows, columns)`` the kernel-weighted count, vx, vy and v squared of people."""
    rows, columns = sums.shape[1:]
    reach = int(np.ceil(3 * sigma / cell))
    wide = 2 * reach + 1
    wx, wy = np.empty(wide), np.empty(wide)
    for i in range(len(xy)):
        u, v = (xy[i, 0] - x0) / cell, (xy[i, 1] - y0) / cell
        column, row = int(np.floor(u)), int(np.floor(v))
        tx, ty = 0.0, 0.0
        for k in range(wide):
            dx, dy = (column + k - reach + 0.5 - u) * cell, (row + k - reach + 0.5 - v) * cell
            wx[k] = np.exp(-0.5 * (dx / sigma) ** 2) if abs(dx) <= 3 * sigma else 0.0
            wy[k] = np.exp(-0.5 * (dy / sigma) ** 2) if abs(dy) <= 3 * sigma else 0.0
            tx += wx[k]
            ty += wy[k]
        one = 1.0 / (tx * ty * cell * cell)
        vx, vy = velocity[i, 0], velocity[i, 1]
        for a in range(wide):
            r = row + a - reach
            if r < 0 or r >= rows:
                continue
            for b in range(wide):
                q = column + b - reach
                if q < 0 or q >= columns:
                    continue
                w = one * wy[a] * wx[b]
                sums[0, r, q] += w
                sums[1, r, q] += w * vx
                sums[2, r, q] += w * vy
                sums[3, r, q] += w * (vx * vx + vy * vy)


@njit(cache=True, fastmath=False, error_model="numpy")
def _take(sums: np.ndarray, ground: np.ndarray, seconds: float, noise2: float, density: np.ndarray,
          total: np.ndarray, most: np.ndarray, speed_total: np.ndarray, pressure: np.ndarray) -> None:
    for r in range(density.shape[0]):
        for q in range(density.shape[1]):
            s = sums[0, r, q]
            if s <= 0.0:
                density[r, q] = 0.0
                continue
            here = s / ground[r, q]
            density[r, q] = here
            total[r, q] += here * seconds
            most[r, q] = max(most[r, q], here)
            speed_total[r, q] += np.sqrt(max(sums[3, r, q] / s, 0.0)) * s * seconds
            if here > PRESSURE_FROM:
                variance = (sums[3, r, q] - (sums[1, r, q] ** 2 + sums[2, r, q] ** 2) / s) / s
                pressure[r, q] = max(pressure[r, q], here * max(variance - noise2, 0.0))
            sums[0, r, q] = sums[1, r, q] = sums[2, r, q] = sums[3, r, q] = 0.0


def walkable_share(area: shapely.Geometry, corner: np.ndarray, cell: float, shape: tuple[int, int]) -> np.ndarray:
    """Share of each cell of a map that lies in an area, to a sixteenth: (rows, columns) float64."""
    fine = area_mask(shapely.transform(area, lambda c: c - np.asarray(corner, float)), 4 * shape[1], 4 * shape[0],
                     cell / 4)
    return fine.reshape(shape[0], 4, shape[1], 4).mean(axis=(1, 3))


class DensityMaps:
    """Maps that grow second by second. ``corner (2,)`` is the lower left corner, ``shape`` (rows, columns).

    ``walkable (rows, columns)`` is the share of each cell that can be walked on; without it, all of it.
    """

    def __init__(self, corner: np.ndarray, cell: float, shape: tuple[int, int], *,
                 walkable: np.ndarray | None = None) -> None:
        self.corner, self.cell, self.shape = np.asarray(corner, float), float(cell), (int(shape[0]),
                                                                                      int(shape[1]))
        self.seconds = 0.0
        self._ground = np.ones(self.shape)
        if walkable is not None:
            from scipy.ndimage import gaussian_filter
            share = gaussian_filter(np.asarray(walkable, float), SIGMA / cell, mode="constant", truncate=3.0)
            self._ground = np.maximum(share, LEAST_GROUND)
        self._sums = np.zeros((4, *self.shape))
        self._density = np.zeros(self.shape)
        self._total, self._most = np.zeros(self.shape), np.zeros(self.shape)
        self._speed_total, self._pressure = np.zeros(self.shape), np.zeros(self.shape)
        self._person_s = np.zeros(self.shape)

    def add(self, xy: np.ndarray, velocity: np.ndarray, seconds: float = 1.0) -> np.ndarray:
        """Take in people at (n, 2) with velocities (n, 2) who were there for ``seconds``.

        Gives the density now, (rows, columns) float64 [1/m2]; it is written over by the next call.
        """
        xy, velocity = np.ascontiguousarray(xy, float), np.ascontiguousarray(velocity, float)
        _spread(xy, velocity, self.corner[0], self.corner[1], self.cell, SIGMA, self._sums)
        self._person_s += self._sums[0] * (seconds * self.cell ** 2)
        _take(self._sums, self._ground, seconds, SPEED_NOISE ** 2, self._density, self._total, self._most,
              self._speed_total, self._pressure)
        self.seconds += seconds
        return self._density

    def maps(self) -> dict[str, np.ndarray]:
        """The maps so far, (rows, columns) float64.

        ``density_mean`` over the whole time and ``density_max`` [1/m2]; ``speed_mean`` over people (root
        mean square within a kernel) [m/s], NaN where nobody was; ``pressure_max``, density times the
        variance of velocity (Helbing, Johansson and Al-Abideen 2007) where the density is above 2 /m2
        [1/s2]; ``person_s``, the time that people spent [s/cell].
        """
        been = self._person_s > 1e-9
        speed = np.full(self.shape, np.nan)
        speed[been] = self._speed_total[been] * self.cell ** 2 / self._person_s[been]
        return {"density_mean": self._total / max(self.seconds, 1e-9), "density_max": self._most.copy(),
                "speed_mean": speed, "pressure_max": self._pressure.copy(), "person_s": self._person_s.copy()}


class FlowLine:
    """Counts people over a line, from its right side to its left (``forward``) and back (``backward``)."""

    def __init__(self, line: shapely.LineString) -> None:
        self.line = line
        self.forward = self.backward = 0
        self._ids, self._xy = np.empty(0, np.int64), np.empty((0, 2))

    def look(self, ids: np.ndarray, xy: np.ndarray) -> tuple[int, int]:
        """Take in where people are now (``ids`` unique); gives how many crossed since the last look, each
        way."""
        _, now, then = np.intersect1d(ids, self._ids, assume_unique=True, return_indices=True)
        start, end = self._xy[then], xy[now]
        self._ids, self._xy = np.array(ids), np.array(xy, float)
        return self.crossed(start, end)

    def crossed(self, start: np.ndarray, end: np.ndarray) -> tuple[int, int]:
        """Count who goes over the line on straight ways from start (n, 2) to end (n, 2); gives how many, each way."""
        forward = 0
        backward = 0
        points = shapely.get_coordinates(self.line)
        for a, b in pairwise(points):
            side = b - a
            before = side[0] * (start[:, 1] - a[1]) - side[1] * (start[:, 0] - a[0])
            after = side[0] * (end[:, 1] - a[1]) - side[1] * (end[:, 0] - a[0])
            steps = end - start
            near = steps[:, 0] * (a[1] - start[:, 1]) - steps[:, 1] * (a[0] - start[:, 0])
            far = steps[:, 0] * (b[1] - start[:, 1]) - steps[:, 1] * (b[0] - start[:, 0])
            between = (near > 0) != (far > 0)
            forward += int((between & (before <= 0) & (after > 0)).sum())
            backward += int((between & (before > 0) & (after <= 0)).sum())
        self.forward += forward
        self.backward += backward
        return forward, backward
