"""OpenStreetMap, as XML or PBF.

Buildings stay whole where they cross the stated bounds; streets, walls and areas are cut a little outside
of them. Files from Chinese services may be in GCJ-02, 300 to 500 m off: nothing in a file tells, so nothing
is guessed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from twin.places import District, table_frame
from twin.sources.imported import Import, Tally
from twin.sources.osm.buildings import building_rows, enclosed_courtyards, is_building, is_part, part_rows
from twin.sources.osm.elements import Elements, Ground, read_elements
from twin.sources.osm.entrances import entrance_rows
from twin.sources.osm.outlines import outlines
from twin.sources.osm.parts import is_place, rows_along_lines, rows_at_points
from twin.sources.osm.places import (
    area_kind,
    area_rows,
    bay_rows,
    courtyard_rows,
    is_courtyard,
    is_parking,
)
from twin.sources.osm.streets import street_rows
from twin.sources.shapes import polygonal, sound_lines

ATTRIBUTION = "© OpenStreetMap contributors, ODbL"
MARGIN_M = 20.0
"""Lines and areas are kept this far outside of the bounds, so that streets at the edge meet."""

Row = dict[str, Any]


def read_osm(path: Path, crs: CRS | None, name: str, file_format: str) -> Import:
    """Read a file of OpenStreetMap data into a district, in ``crs`` or else in the UTM zone of its
    centre."""
    tally = Tally(path.name)
    elements = read_elements(path, tally)
    ground = Ground(elements, crs, tally)
    if ground.extent is None:
        tally.note("the file states no bounds: nothing was cut off")
    tables = _tables(elements, ground, tally)
    tables["entrances"] = entrance_rows(elements, ground, tables, tally)
    frames = {table: table_frame(table, rows, ground.crs) for table, rows in tables.items()}
    district = District(name, ground.crs, frames, attribution=ATTRIBUTION, extent=ground.extent)
    return tally.close(district, file_format)


def _tables(elements: Elements, ground: Ground, tally: Tally) -> dict[str, list[Row]]:
    """All tables but the entrances, within the bounds, with ids that no two rows share."""
    buildings = _near(building_rows(outlines(elements, ground, is_building, tally), tally), ground, tally)
    parts = _near(part_rows(outlines(elements, ground, is_part, tally), buildings, elements, tally), ground,
                  tally)
    courtyards = enclosed_courtyards(buildings)
    mapped = _near(courtyard_rows(outlines(elements, ground, is_courtyard, tally)), ground, tally)
    bays = bay_rows(outlines(elements, ground, is_parking, tally), elements, ground, tally)
    areas = area_rows(outlines(elements, ground, lambda tags: area_kind(tags) is not None, tally))
    places = outlines(elements, ground, is_place, tally)
    lines = [*rows_along_lines(elements, ground, tally)]
    tables = {
        "buildings": [*buildings, *parts],
        "courtyards": [*courtyards, *mapped],
        "bays": _near(bays, ground, tally),
        "streets": _cut_lines(street_rows(elements, ground, tally), ground, tally),
        "areas": _cut_areas(areas, ground, tally),
        "parts": [*_near(rows_at_points(elements, ground, places, tally), ground, tally),
                  *_cut_lines(lines, ground, tally)],
    }
    _note_buildings(buildings, tally)
    _tell_apart(tables)
    return tables


def _note_buildings(buildings: list[Row], tally: Tally) -> None:
    """Say what the buildings were drawn as: those with a courtyard inside have to be multipolygons."""
    ways = sum(row["source"].startswith("osm:way/") for row in buildings)
    around = sum(row.get("courtyard") is not None for row in buildings)
    tally.note(f"found {ways} buildings drawn as ways and {len(buildings) - ways} as multipolygons, "
               f"{around} of these around a courtyard")


def _near(rows: list[Row], ground: Ground, tally: Tally) -> list[Row]:
    """The rows that touch the bounds, whole."""
    shapes = np.array([row["geometry"] for row in rows], dtype=object)
    finite = np.isfinite(shapely.area(shapes)) & np.isfinite(shapely.bounds(shapes)).all(axis=1) \
        if len(rows) else np.zeros(0, dtype=bool)
    tally.drop("coordinates off the earth", int((~finite).sum()))
    keep = finite
    if ground.extent is not None and len(rows):
        inside = shapely.intersects(shapes, ground.extent)
        tally.drop("outside the bounds", int((finite & ~inside).sum()))
        keep = finite & inside
    return [row for row, kept in zip(rows, keep, strict=True) if kept]


def _cut_lines(rows: list[Row], ground: Ground, tally: Tally) -> list[Row]:
    """The rows within the bounds and a margin, cut there."""
    shapes = sound_lines(np.array([row["geometry"] for row in rows], dtype=object), tally)
    return _cut(rows, shapes, ground, tally, "line cut at the bounds")


def _cut_areas(rows: list[Row], ground: Ground, tally: Tally) -> list[Row]:
    shapes = np.array([row["geometry"] for row in rows], dtype=object)
    return _cut(rows, shapes, ground, tally, "area cut at the bounds")


def _cut(rows: list[Row], shapes: Any, ground: Ground, tally: Tally, what: str) -> list[Row]:
    if ground.extent is None:
        return [{**row, "geometry": shape} for row,
                shape in zip(rows, shapes, strict=True) if shape is not None]
    frame = shapely.buffer(ground.extent, MARGIN_M, join_style="mitre")
    within = shapely.intersection(shapes, frame)
    kept: list[Row] = []
    for row, whole, piece in zip(rows, shapes, within, strict=True):
        if whole is None:
            continue
        piece = polygonal(piece) if shapely.get_dimensions(whole) == 2 else _linear(piece)
        if piece.is_empty:
            tally.drop("outside the bounds")
            continue
        tally.mend(what, int(not shapely.within(whole, frame)))
        kept.append({**row, "geometry": piece if not shapely.within(whole, frame) else whole})
    return kept


def _linear(shape: shapely.Geometry) -> shapely.Geometry:
    """The lines of a shape, without the points where it only touched the frame."""
    lines = [part for part in shapely.get_parts(shape) if part.length > 0]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _tell_apart(tables: dict[str, list[Row]]) -> None:
    """Give the second row that one element makes (a building that is also a car park) an id of its own."""
    taken: set[str] = set()
    for table, rows in tables.items():
        for row in rows:
            while row["id"] in taken:
                row["id"] = f"{row['id']}/{table.removesuffix('s')}"
            taken.add(row["id"])


__all__ = ["read_osm"]
