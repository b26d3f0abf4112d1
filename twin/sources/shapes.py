"""Sound geometry out of doubtful: what cannot be used is dropped and counted, what can be mended is
mended."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.sources.imported import Tally
from twin.sources.projection import OFF_THE_EARTH

SMALLEST_AREA_M2 = 0.01
SMALLEST_LENGTH_M = 0.01

Shapes = NDArray[Any]


def sound_polygons(shapes: Shapes, tally: Tally) -> Shapes:
    """Return valid 2D polygons (n,), None where a shape was dropped.

    Self-crossing polygons are made valid and keep their polygons, counted as mended.
    """
    shapes = _usable(shapes, tally)
    there = _there(shapes)
    crossing = there & ~shapely.is_valid(shapes)
    for i in np.flatnonzero(crossing):
        shapes[i] = polygonal(shapely.make_valid(shapes[i]))
    small = there & ~(shapely.area(shapes) >= SMALLEST_AREA_M2)
    tally.mend("self-crossing polygon", int((crossing & ~small).sum()))
    tally.drop("self-crossing polygon", int((crossing & small).sum()))
    tally.drop("zero area", int((small & ~crossing).sum()))
    shapes[small] = None
    return shapes


def sound_lines(shapes: Shapes, tally: Tally) -> Shapes:
    """Return 2D lines (n,), None where a shape was dropped."""
    shapes = _usable(shapes, tally)
    short = _there(shapes) & ~(shapely.length(shapes) >= SMALLEST_LENGTH_M)
    tally.drop("zero length", int(short.sum()))
    shapes[short] = None
    return shapes


def sound_points(shapes: Shapes, tally: Tally) -> Shapes:
    """Return 2D points (n,), None where a shape was dropped."""
    return _usable(shapes, tally)


def polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of any shape as one Polygon or MultiPolygon, empty if it has none."""
    parts = shapely.get_parts(shape)
    if (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    polygons = parts[shapely.get_type_id(parts) == 3]
    return polygons[0] if len(polygons) == 1 else shapely.union_all(polygons)


def rings_around(polygon: shapely.Geometry) -> tuple[list[shapely.Polygon], list[shapely.Polygon]]:
    """Return the outer rings and the holes of a polygon or multipolygon, each as a polygon without
    holes."""
    outer = [shapely.Polygon(part.exterior) for part in shapely.get_parts(polygon)]
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(polygon) for ring in part.interiors]
    return outer, holes


def _usable(shapes: Shapes, tally: Tally) -> Shapes:
    """2D shapes whose coordinates are numbers on the earth; None for the others."""
    shapes = shapely.force_2d(np.array(shapes, dtype=object))
    empty = ~_there(shapes) | shapely.is_empty(shapes)
    tally.drop("no geometry", int(empty.sum()))
    shapes[empty] = None
    coords, owner = shapely.get_coordinates(shapes, return_index=True)
    wild = np.zeros(len(shapes), dtype=bool)
    far = np.zeros(len(shapes), dtype=bool)
    wild[owner[~np.isfinite(coords).all(axis=1)]] = True
    with np.errstate(invalid="ignore"):
        far[owner[(np.abs(coords) > OFF_THE_EARTH).any(axis=1)]] = True
    tally.drop("coordinates that are not numbers", int(wild.sum()))
    tally.drop("coordinates off the earth", int((far & ~wild).sum()))
    shapes[wild | far] = None
    return shapes


def _there(shapes: Shapes) -> NDArray[np.bool_]:
    return ~shapely.is_missing(shapes)
