"""Shapes in a lab scenario: WKT or lists of points, checked when they are read."""

from __future__ import annotations

import re
from typing import Annotated

import shapely
from pydantic import AfterValidator

from sim.scenario import Finite, Model

Ring = list[tuple[Finite, Finite]]


def area_of(ref: str | Ring | AreaOn) -> shapely.Polygon | shapely.MultiPolygon:
    """The area that WKT or a ring of points describes, in the plan; ValueError in plain words if it is none.

    The polygons of a collection are taken together.
    """
    if isinstance(ref, AreaOn):
        return area_of(ref.area)
    shape = _read(ref) if isinstance(ref, str) else shapely.Polygon(ref) if len(ref) > 2 else shapely.LineString(ref)
    if shape.geom_type in ("LineString", "LinearRing") and len(shape.coords) > 3 and shape.is_closed:
        shape = shapely.Polygon(shape.coords)
    parts = [p for p in shapely.get_parts(shape) if p.geom_type in ("Polygon", "MultiPolygon")]
    for part in parts:
        if not part.is_valid:
            raise ValueError(
                f"the outline is not sound ({shapely.is_valid_reason(part).lower()}); redraw it so that it does "
                "not cross or touch itself"
            )
    if sum(p.area for p in parts) == 0:
        raise ValueError("this is not an area; give a POLYGON or a ring of at least three points")
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def line_of(ref: str | Ring | LineOn) -> shapely.LineString | shapely.MultiLineString:
    """The line that WKT or a list of points describes, in the plan; ValueError in plain words if it is none."""
    if isinstance(ref, LineOn):
        return line_of(ref.line)
    shape = _read(ref) if isinstance(ref, str) else shapely.LineString(ref) if len(ref) > 1 else shapely.LineString()
    if shape.geom_type not in ("LineString", "MultiLineString", "LinearRing") or shape.length == 0:
        raise ValueError("this is not a line; give a LINESTRING or a list of at least two different points")
    return shape


def _read(text: str) -> shapely.Geometry:
    if re.search(r"\b(nan|inf)", text, re.IGNORECASE):
        raise ValueError("a coordinate is not a number; give metres")
    try:
        shape = shapely.from_wkt(text.strip())
    except shapely.errors.ShapelyError:
        raise ValueError("this is not WKT; write it like POLYGON ((0 0, 10 0, 10 5, 0 5, 0 0))") from None
    if shape is None or shape.is_empty:
        raise ValueError("this is empty; draw something")
    return shapely.force_2d(shape)


def _area(ref: str | Ring) -> str | Ring:
    area_of(ref)
    return ref


def _line(ref: str | Ring) -> str | Ring:
    line_of(ref)
    return ref


Area = Annotated[str | Ring, AfterValidator(_area)]
"""WKT of a polygon, or the ring of one as a list of ``[x, y]``."""
Line = Annotated[str | Ring, AfterValidator(_line)]
"""WKT of a line, or a list of ``[x, y]``."""


class OnStorey(Model):
    """Something that is on one of the storeys, where a lab has storeys."""

    storey: str | None = None


class AreaOn(OnStorey):
    """An area on a storey."""

    area: Area


class LineOn(OnStorey):
    """A line on a storey."""

    line: Line
