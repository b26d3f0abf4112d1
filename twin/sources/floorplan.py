"""Floor plans: walkable ground drawn as polygons, in WKT text or a DXF drawing.

A plan lies nowhere on the earth: its district counts in local metres unless a CRS is given. Every polygon
is an area of kind ``floor``.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import ezdxf
import numpy as np
import shapely
from ezdxf import path as curves
from ezdxf.entities import DXFEntity
from pyproj import CRS

from twin.errors import BadInput
from twin.places import LOCAL_METRES, District, table_frame
from twin.sources.imported import Import, Tally
from twin.sources.recognise import read_text
from twin.sources.shapes import polygonal, sound_polygons

UNITS_M = {1: 0.0254, 2: 0.3048, 3: 1609.344, 4: 0.001, 5: 0.01, 6: 1.0, 7: 1000.0, 8: 2.54e-8, 9: 2.54e-5,
           10: 0.9144,
           13: 1e-6, 14: 0.1, 15: 10.0, 16: 100.0, 21: 0.30480061, 22: 0.0254000508, 23: 0.9144018288}
"""Metres in a drawing unit, by the value of $INSUNITS (DXF reference, header variables)."""
FLATTENING_M = 0.01
"""Arcs become chords that are never farther from them than this."""
WALKABLE = re.compile(r"walk|floor|area|geometry|ground|raum|room|可行走|地面", re.I)
GEOMETRY = re.compile(r"(?:SRID=(\d+);)?\s*((?:MULTI)?(?:POLYGON|POINT|LINESTRING)|GEOMETRYCOLLECTION)", re.I)


def read_wkt(path: Path, crs: CRS | None, name: str) -> Import:
    """Read a text file with one or more WKT geometries; its polygons are the floor."""
    tally = Tally(path.name)
    shapes: list[Any] = []
    for text in _statements(read_text(path)):
        try:
            shape = shapely.from_wkt(text)
        except (shapely.errors.ShapelyError, ValueError) as error:
            reason = str(error).split(":", 1)[-1].strip().splitlines()
            raise BadInput(f"this is not valid WKT ({reason[0][:120] if reason else 'unreadable'})",
                           where=path.name,
                           mend="write it as POLYGON ((x y, x y, ...)) and close every bracket") from error
        shapes.extend(_leaves(shape))
    polygons = [shape for shape in shapes if shape.geom_type == "Polygon" and not shape.is_empty]
    tally.drop("geometry that is not a polygon", len(shapes) - len(polygons))
    sound = sound_polygons(np.array(polygons, dtype=object), tally)
    return _floor([shape for shape in sound if shape is not None], crs, name, "wkt", tally)


def _statements(text: str) -> list[str]:
    """The geometries in a text, one after the other on lines of their own or over several lines; an SRID in
    front is left out, `#` begins a comment."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[str] = []
    depth = 0
    for line in lines:
        if depth <= 0 and (GEOMETRY.match(line.lstrip()) or not found):
            found.append("")
            depth = 0
        found[-1] += line + "\n"
        depth += line.count("(") - line.count(")")
    return [re.sub(r"^\s*SRID=\d+;", "", part, flags=re.I).strip().rstrip(";,") for part in found
            if part.strip()]


def _leaves(shape: shapely.Geometry) -> list[Any]:
    if shape.geom_type == "GeometryCollection" or shape.geom_type.startswith("Multi"):
        return [leaf for part in shape.geoms for leaf in _leaves(part)]
    return [shape]


def read_dxf(path: Path, crs: CRS | None, name: str) -> Import:
    """Read a DXF drawing: closed outlines are the floor, closed outlines inside them are holes in it.

    If there are layers whose name says that they are walkable, only those count; layers of other closed
    outlines (exits, starting areas) are dropped and counted.
    """
    tally = Tally(path.name)
    drawing = _drawing(path)
    scale = _metres_a_unit(drawing.header.get("$INSUNITS", 0), tally)
    rings: dict[str, list[shapely.Polygon]] = {}
    for entity in drawing.modelspace():
        for found in _outlines(entity, scale, tally):
            rings.setdefault(entity.dxf.layer, []).append(found)
    walkable = [layer for layer in rings if WALKABLE.search(layer)]
    if walkable and len(walkable) < len(rings):
        for layer in sorted(set(rings) - set(walkable)):
            tally.drop(f"outline on layer {layer}", len(rings[layer]))
    chosen = walkable or list(rings)
    tally.note(f"floor taken from the layers {', '.join(sorted(chosen))}" if chosen
               else "no closed outline was found")
    sound = sound_polygons(np.array([ring for layer in chosen for ring in rings[layer]], dtype=object), tally)
    floors = _nested([shape for shape in sound if shape is not None])
    return _floor(floors, crs, name, "dxf", tally)


def _drawing(path: Path) -> Any:
    try:
        return ezdxf.readfile(path)
    except (ezdxf.DXFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError,
            OverflowError,
            RecursionError, AssertionError) as error:
        reason = str(error).strip().splitlines()
        raise BadInput(f"this drawing cannot be read ({reason[0][:120] if reason else type(error).__name__})",
                       where=path.name, mend="save it again as DXF R2013") from error


def _metres_a_unit(code: Any, tally: Tally) -> float:
    if code in UNITS_M:
        if code != 6:
            tally.note(f"drawing units of {UNITS_M[code]:g} m were turned into metres")
        return UNITS_M[code]
    tally.note("the drawing does not state its unit and was taken as metres")
    return 1.0


def _outlines(entity: DXFEntity, scale: float, tally: Tally) -> list[shapely.Polygon]:
    """The closed outlines that an entity draws, in metres."""
    kind = entity.dxftype()
    if kind not in ("LWPOLYLINE", "POLYLINE", "CIRCLE", "ELLIPSE", "SPLINE", "HATCH"):
        tally.drop(f"drawing element {kind}")
        return []
    try:
        paths = list(curves.from_hatch(entity)) if kind == "HATCH" else [curves.make_path(entity)]  # type: ignore[arg-type]
        drawn = [np.array([(p.x, p.y) for p in path.flattening(FLATTENING_M / scale)]) * scale
                 for path in paths]
    except (ezdxf.DXFError, TypeError, ValueError, ZeroDivisionError, OverflowError, IndexError):
        tally.drop("broken drawing element")
        return []
    found = []
    for line in drawn:
        closed = len(line) > 3 and math.dist(line[0], line[-1]) <= FLATTENING_M
        if closed:
            found.append(shapely.Polygon(line))
        else:
            tally.drop("open line")
    return found


def _nested(outlines: list[Any]) -> list[Any]:
    """Floors from outlines, largest first: one inside a floor is a hole in it, one inside a hole is floor
    again."""
    floor = shapely.Polygon()
    for outline in sorted(outlines, key=lambda shape: -shape.area):
        apart = floor.contains(outline) or not floor.intersects(outline)
        floor = shapely.symmetric_difference(floor, outline) if apart else shapely.union(floor, outline)
    return [part for part in shapely.get_parts(polygonal(floor)) if part.area > 0]


def _floor(polygons: list[Any], crs: CRS | None, name: str, file_format: str, tally: Tally) -> Import:
    target = crs or LOCAL_METRES
    width = len(str(len(polygons)))
    rows = [{"id": f"floor/{i:0{width}d}", "geometry": polygon, "kind": "floor", "on_foot": True,
             "source": f"{file_format}:{tally.where}"} for i, polygon in enumerate(polygons, start=1)]
    frames = {"areas": table_frame("areas", rows, target)}
    return tally.close(District(name, target, frames), file_format)
