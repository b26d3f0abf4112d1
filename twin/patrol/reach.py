"""Who can be where, and how soon, on foot: reach maps, isochrones, the nearest units to a case by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.errors import BadInput
from twin.patrol.ground import FREE_SPEED, DensityMap, FootGround


@dataclass(frozen=True)
class Arrival:
    """A unit and the time that it needs on foot [s]."""

    unit: str
    seconds: float


@dataclass(frozen=True)
class Reach:
    """The reach map of a place: ``times`` (n,) [s] of every node of the ground, inf beyond the limit, and who is how near.

    ``units`` are those within the limit, the soonest first.
    """

    at: tuple[float, float]
    minutes: float
    times: NDArray[np.float64]
    units: list[Arrival]


def reach(ground: FootGround, at: tuple[float, float], minutes: float, *, units: Mapping[str, tuple[float, float]] | None = None,
          density: DensityMap | None = None, speed: float = FREE_SPEED) -> Reach:
    """From where a place can be reached within some minutes, and which of the units (call-sign to x, y) can.

    Raises :class:`BadInput` if the place is not on walkable ground.
    """
    if not minutes > 0:
        raise BadInput(f"{minutes:g} minutes reach nowhere", mend="give a time above 0")
    if ground.snap([at])[0] < 0:
        raise BadInput(f"the place {at[0]:.0f}, {at[1]:.0f} is not on walkable ground",
                       mend="choose a place on a street or square")
    times = ground.times([at], density=density, limit_s=60 * minutes, speed=speed)
    return Reach(at, minutes, times, _arrivals(ground, times, units or {}))


def nearest_units(ground: FootGround, at: tuple[float, float], units: Mapping[str, tuple[float, float]], *, most: int = 5,
                  density: DensityMap | None = None, speed: float = FREE_SPEED) -> list[Arrival]:
    """The free units that are soonest at a place on foot, not those that are nearest as the crow flies.

    The search widens until enough are found, so that what is near costs little.
    """
    limit = 120.0
    while True:
        found = _arrivals(ground, ground.times([at], density=density, limit_s=limit, speed=speed), units)
        if len(found) >= min(most, len(units)) or limit > 7200:
            return found[:most]
        limit *= 4


def _arrivals(ground: FootGround, times: NDArray[np.float64], units: Mapping[str, tuple[float, float]]) -> list[Arrival]:
    names = sorted(units)
    if not names:
        return []
    nodes = ground.snap([units[name] for name in names])
    seconds = np.where(nodes >= 0, times[nodes], np.inf)
    found = [Arrival(name, float(s)) for name, s in zip(names, seconds, strict=True) if np.isfinite(s)]
    return sorted(found, key=lambda arrival: (arrival.seconds, arrival.unit))


def isochrones(ground: FootGround, times: NDArray[np.float64], minutes: Sequence[float]) -> list[shapely.MultiPolygon]:
    """The ground that is reached within each of some minutes, as polygons in the CRS of the ground; the cells' outline."""
    return [_outline(ground, times <= 60 * m) for m in minutes]


def _outline(ground: FootGround, reached: NDArray[np.bool_]) -> shapely.MultiPolygon:
    """The outline of the cells of some nodes (n,) bool."""
    mask = np.zeros(np.add(ground.shape, 2), dtype=bool)
    mask[1:-1, 1:-1] = np.where(ground.index >= 0, reached[ground.index], False)
    row, column = np.nonzero(mask[1:] != mask[:-1])
    level = np.column_stack([column - 1, row, column, row])
    row, column = np.nonzero(mask[:, 1:] != mask[:, :-1])
    upright = np.column_stack([column, row - 1, column, row])
    ends = np.concatenate([level, upright]).reshape(-1, 2, 2) * ground.cell + np.asarray(ground.corner)
    if not len(ends):
        return shapely.MultiPolygon()
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(ends)))
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    column, row = np.floor((inner - np.asarray(ground.corner)) / ground.cell).astype(np.int64).T
    return shapely.MultiPolygon(list(shapely.simplify(faces[mask[row + 1, column + 1]], 0.0)))


def places_within(ground: FootGround, times: NDArray[np.float64], places: ArrayLike, minutes: float) -> NDArray[np.bool_]:
    """Which of some places (m, 2) are reached within the minutes: (m,) bool."""
    nodes = ground.snap(places)
    return np.where(nodes >= 0, times[nodes] <= 60 * minutes, False)
