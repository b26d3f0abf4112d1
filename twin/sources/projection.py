"""Coordinate reference systems: what a file states, what the user gives, and the metric one of the
district."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from pyproj.exceptions import CRSError, ProjError

from twin.errors import BadInput
from twin.places import require_metric
from twin.sources.imported import Tally

WGS84 = CRS.from_epsg(4326)
OFF_THE_EARTH = 1e8
"""No projected coordinate is larger than this [m]: Gauss-Krueger eastings with a zone number reach 6e7."""
AROUND_DEG = 3.0
"""A file may lie this far outside of the area for which its CRS is meant."""
SCALE_TOLERANCE = 0.01
"""A projection that stretches lengths by more than this is not fit for walking on (Web Mercator: 1.56 at 50
N)."""


def given_crs(crs: Any, where: str) -> CRS | None:
    """Return the CRS that the user asks for, None if there is none; it must be projected, in metres."""
    if crs is None:
        return None
    return require_metric(horizontal(parse_crs(crs, where)), where)


def parse_crs(text: Any, where: str) -> CRS:
    """Return a CRS from a code, a URN, a URL or WKT."""
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise BadInput(f"{str(text)[:80]!r} is not a coordinate reference system", where=where,
                       mend="give a code such as EPSG:32650") from error


def horizontal(crs: CRS) -> CRS:
    """Return the part of a CRS that says where on the map: a compound or 3D one loses its heights."""
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    return crs.to_2d()


def utm_at(lon: float, lat: float) -> CRS:
    """Return the UTM zone (WGS84) of a place in degrees."""
    zone = min(max(math.floor((lon + 180) / 6) + 1, 1), 60)
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def needs_crs(where: str) -> BadInput:
    """Return the question for the CRS of a file that does not state one."""
    return BadInput("the file does not state its coordinate reference system", where=where,
                    mend="give it with --crs, such as --crs EPSG:32650")


def metric_for(stated: CRS, bounds: NDArray[np.float64], tally: Tally) -> CRS:
    """Return the CRS for a district whose file counts in ``stated`` within ``bounds`` (4,): west, south,
    east, north.

    It is the stated one if its metres are metres on the ground, else the UTM zone of the centre. A drawing
    in a local system has no place on the earth and is kept if it is in metres.
    """
    stated = horizontal(stated)
    if stated.is_engineering:
        units = {axis.unit_name for axis in stated.axis_info[:2]}
        if not units <= {"metre", "meter", "m"}:
            raise BadInput(f"the file counts in {', '.join(sorted(units))} of a local system, nowhere on "
                           "the earth", where=tally.where, mend="convert it to metres first")
        return stated
    lon, lat = _centre(stated, bounds, tally.where)
    units = {axis.unit_name for axis in stated.axis_info[:2]}
    utm = utm_at(lon, lat)
    if not stated.is_projected:
        tally.note(f"projected from {stated.name} (degrees) to {utm.name}")
        return utm
    if not units <= {"metre", "meter", "m"}:
        tally.note(f"projected from {stated.name} ({', '.join(sorted(units))}) to {utm.name}")
        return utm
    try:
        stretch = math.sqrt(Proj(stated).get_factors(lon, lat).areal_scale)
    except ProjError:
        return stated
    if not abs(stretch - 1) <= SCALE_TOLERANCE:
        tally.note(f"projected from {stated.name}, which draws lengths {stretch:.2f} times too "
                   f"long here, to {utm.name}")
        return utm
    return stated


def _centre(crs: CRS, bounds: NDArray[np.float64], where: str) -> tuple[float, float]:
    west, south, east, north = (float(v) for v in bounds)
    lon, lat = Transformer.from_crs(crs, WGS84, always_xy=True).transform((west + east) / 2,
                                                                          (south + north) / 2)
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise BadInput(f"the coordinates lie off the earth in {crs.name}", where=where,
                       mend="state the right CRS in the file or give it with --crs")
    used = crs.area_of_use
    if used is not None and used.west < used.east and not (
            used.west - AROUND_DEG <= lon <= used.east + AROUND_DEG
            and used.south - AROUND_DEG <= lat <= used.north + AROUND_DEG):
        raise BadInput(f"the coordinates would lie at {lat:.1f}, {lon:.1f} degrees, far from where "
                       f"{crs.name} is used",
                       where=where, mend="state the right CRS in the file or give it with --crs")
    return lon, lat


def project(shapes: NDArray[Any], source: CRS, target: CRS) -> NDArray[Any]:
    """Return shapes (n,) in another CRS; coordinates that cannot be projected become infinite."""
    if source == target or source.is_engineering:
        return shapes
    transformer = Transformer.from_crs(source, target, always_xy=True)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    return shapely.transform(shapes, move)
