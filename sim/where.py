"""Where things of a scenario are: references to points, lines and areas become geometry in local metres.

Local metres count from ``district.origin``; see :mod:`sim.scenario` for the ways to give a place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from pyproj import Transformer
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from sim.scenario import AreaRef, LineRef, LonLat, PointRef
from twin.errors import BadInput
from twin.places import District


def point(district: District, ref: PointRef, what: str) -> shapely.Point:
    """The point that a reference means; of an object its representative point. ``what`` names it in errors."""
    if isinstance(ref, LonLat):
        if not district.crs.is_projected:
            raise BadInput(f"{what} is given as lon and lat, but the district lies nowhere on the earth",
                           where=district.name, mend="give [x, y] in its own metres")
        x, y = Transformer.from_crs("EPSG:4326", district.crs, always_xy=True).transform(ref.lon, ref.lat)
        found: BaseGeometry = shapely.Point(x, y)
    elif isinstance(ref, str):
        found = _object(district, ref, what)
        if found.geom_type != "Point":
            found = found.representative_point()
    else:
        found = shapely.Point(*ref)
    return _near(district, found, what)


def line(district: District, ref: LineRef, what: str) -> shapely.LineString | shapely.MultiLineString:
    """The line that a reference means; of an object with an area its outline."""
    found = _drawn(district, ref, what, 2)
    if found.geom_type in ("Polygon", "MultiPolygon"):
        found = found.boundary
    if found.geom_type not in ("LineString", "MultiLineString") or found.length == 0:
        raise BadInput(f"{what} is not a line", where=district.name, mend="give at least two different points")
    return _near(district, found, what)


def area(district: District, ref: AreaRef, what: str) -> shapely.Polygon | shapely.MultiPolygon:
    """The area that a reference means."""
    found = _drawn(district, ref, what, 3)
    if found.geom_type in ("LineString", "LinearRing"):
        found = shapely.Polygon(found.coords)
    if found.geom_type in ("Polygon", "MultiPolygon") and not found.is_valid:
        raise BadInput(f"the outline of {what} crosses itself", where=district.name, mend="redraw it without the crossing")
    if found.geom_type not in ("Polygon", "MultiPolygon") or found.area == 0:
        raise BadInput(f"{what} is not an area", where=district.name, mend="give a ring of at least three points")
    return _near(district, found, what)


def _drawn(district: District, ref: str | Sequence[Sequence[float]], what: str, least: int) -> BaseGeometry:
    if isinstance(ref, str):
        return _object(district, ref, what)
    if len(ref) < least:
        raise BadInput(f"{what} has {len(ref)} points", where=district.name, mend=f"give at least {least}")
    return shapely.LineString(np.asarray(ref, float))


def _object(district: District, ref: str, what: str) -> BaseGeometry:
    """Geometry of an object of the district, or of WKT."""
    if "(" in ref:
        try:
            return shapely.from_wkt(ref)
        except shapely.errors.ShapelyError:
            raise BadInput(f"{what} is not readable as WKT", where=district.name,
                           mend='write it like "POLYGON ((0 0, 10 0, 10 10, 0 0))"') from None
    try:
        return district.find(ref)[1].geometry
    except BadInput as error:
        raise BadInput(f"{what} names {ref!r}, which the district does not have", where=district.name,
                       mend=error.mend) from None


def _near(district: District, found: BaseGeometry, what: str) -> BaseGeometry:
    """Move to local metres; refuse what is not finite or far outside the district."""
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise BadInput(f"{what} has a coordinate that is not a finite number", where=district.name, mend="correct it")
    west, south, east, north = district.bounds
    box = shapely.box(west - 200, south - 200, east + 200, north + 200)
    if not box.intersects(found):
        x, y = shapely.get_coordinates(found)[0]
        raise BadInput(f"{what} at ({x:.0f}, {y:.0f}) lies outside the district ({west:.0f} to {east:.0f}, "
                       f"{south:.0f} to {north:.0f})", where=district.name,
                       mend=f"give coordinates in {district.crs.to_string()[:40]}")
    x0, y0 = district.origin
    return translate(found, -x0, -y0)
