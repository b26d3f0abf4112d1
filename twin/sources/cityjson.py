"""CityJSON 1.0, 1.1 and 2.0, and sequences of CityJSON features.

Every object is taken at its highest level of detail. Heights in the file are above a datum; a district
stands on flat ground, so every building is lowered by its own ground level (the lowest point of it and its
parts): its ``surfaces`` have z = 0 at its foot. An extent in the header is often wrong and never read.

Roads become areas of kind ``ground`` to walk on, bridges too, and the water under a bridge is cut away so
that one can cross. Objects that a district has no table for are dropped and counted by type.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from twin.places import District, table_frame
from twin.sources.citymodel import CityModel, place, read_sequence, read_whole
from twin.sources.faces import DEPTH, Faces, footprint, heights, without_specks
from twin.sources.imported import Import, Tally
from twin.sources.shapes import SMALLEST_AREA_M2, polygonal

SURFACES_FROM_LOD = 1.3
"""Below this level of detail a building is its footprint drawn up to its height, and no surfaces are
kept."""
ASSUMED_HEIGHT_M = 6.0
AREAS: dict[str, tuple[str, bool | None]] = {
    "Road": ("ground", True), "TransportSquare": ("square", True), "Bridge": ("ground", True),
    "BridgePart": ("ground", True), "PlantCover": ("grass", None), "WaterBody": ("water", False),
    "LandUse": ("ground", None)}
"""Kind of area, and whether one may walk there, by type of object."""
BUILDINGS = ("Building", "BuildingPart")
TREE = "SolitaryVegetationObject"

Row = dict[str, Any]


@dataclass
class Solid:
    """One object at its best level of detail: faces (n,) as 3D polygons, and what each is."""

    id: str
    type: str
    lod: float
    faces: NDArray[Any]
    kinds: list[str | None]
    attributes: dict[str, Any]
    parents: list[str]


def read_cityjson(path: Path, crs: CRS | None, name: str, file_format: str) -> Import:
    """Read a city model into a district in ``crs``, else in the one that it states."""
    tally = Tally(path.name)
    model = read_sequence(path, tally) if file_format == "cityjsonseq" else read_whole(path, tally)
    target = place(model, crs, tally)
    solids = _solids(model, tally)
    tables = _tables(solids, model, tally)
    frames = {table: table_frame(table, rows, target) for table, rows in tables.items()}
    return tally.close(District(name, target, frames), file_format)


def _solids(model: CityModel, tally: Tally) -> list[Solid]:
    """All objects with geometry that can be used, each at its highest level of detail."""
    faces = Faces()
    kept: list[tuple[str, dict[str, Any], float]] = []
    taken: Counter[str] = Counter()
    passed_over: set[str] = set()
    for key, item in model.objects.items():
        if item["type"] not in AREAS and item["type"] not in BUILDINGS:
            if item["type"] != TREE:
                tally.drop(f"not kept: {item['type'][:60]}")
            continue
        lods = _by_lod(item.get("geometry"))
        if not lods:
            if item["type"] not in BUILDINGS or not item.get("children"):
                tally.drop("object without geometry")
            continue
        best = max(lods)
        offset, count = item["_vertices"]
        broken = sum(_add(faces, geometry, len(kept), offset, count) for geometry in lods[best])
        tally.drop("broken surface", broken)
        taken[f"{best:g}"] += 1
        passed_over |= {f"{lod:g}" for lod in lods if lod != best}
        kept.append((key, item, best))
    _note_lods(taken, passed_over, tally)
    return _assembled(faces, kept, model, tally)


def _by_lod(geometries: Any) -> dict[float, list[dict[str, Any]]]:
    found: dict[float, list[dict[str, Any]]] = {}
    for geometry in geometries if isinstance(geometries, list) else []:
        if isinstance(geometry, dict) and isinstance(geometry.get("type"), str) and geometry["type"] in DEPTH:
            found.setdefault(_lod(geometry.get("lod")), []).append(geometry)
    return found


def _lod(value: Any) -> float:
    """A level of detail as a number; -1 if it is not stated."""
    try:
        lod = float(value)
    except (TypeError, ValueError, OverflowError):
        return -1.0
    return lod if math.isfinite(lod) else -1.0


def _add(faces: Faces, geometry: dict[str, Any], owner: int, offset: int, count: int) -> int:
    first = len(faces.rings)
    broken = faces.add(geometry, owner, count)
    if offset:
        faces.rings[first:] = [[i + offset for i in ring] for ring in faces.rings[first:]]
    return broken


def _note_lods(taken: Counter[str], passed_over: set[str], tally: Tally) -> None:
    levels = ", ".join(f"{lod if lod != '-1' else 'not stated'} ({count})" for lod,
                       count in sorted(taken.items()))
    if taken:
        also = f"; also in the file: {', '.join(sorted(passed_over))}" if passed_over else ""
        tally.note(f"levels of detail taken: {levels}{also}")


def _assembled(faces: Faces, kept: list[tuple[str, dict[str, Any], float]], model: CityModel,
               tally: Tally) -> list[Solid]:
    usable = np.array(np.isfinite(model.vertices).all(axis=1), ndmin=1)
    shapes = faces.polygons(np.where(usable[:, None], model.vertices, 0.0))
    bad_face = np.zeros(len(shapes), dtype=bool)
    for ring, face in zip(faces.rings, faces.face, strict=True):
        bad_face[face] |= not usable[ring].all()
    tally.drop("surface with coordinates that are not on the earth", int(bad_face.sum()))
    owner = np.asarray(faces.owner, dtype=np.int64)
    order = np.flatnonzero(~bad_face)
    starts = np.searchsorted(owner[order], np.arange(len(kept) + 1))
    solids: list[Solid] = []
    for i, (key, item, lod) in enumerate(kept):
        mine = order[starts[i]:starts[i + 1]]
        if not len(mine):
            tally.drop("object without geometry")
            continue
        attributes, parents = item.get("attributes"), item.get("parents")
        solids.append(Solid(key, item["type"], lod, shapes[mine], [faces.kind[f] for f in mine],
                            attributes if isinstance(attributes, dict) else {},
                            [p for p in parents if isinstance(p, str)] if isinstance(parents, list) else []))
    return solids


def _tables(solids: list[Solid], model: CityModel, tally: Tally) -> dict[str, list[Row]]:
    buildings = [solid for solid in solids if solid.type in BUILDINGS]
    rows, surfaces = _buildings(buildings, model, tally)
    areas = _areas([solid for solid in solids if solid.type not in BUILDINGS], tally)
    return {"buildings": rows, "surfaces": surfaces, "areas": areas, "parts": _trees(model, tally)}


def _trees(model: CityModel, tally: Tally) -> list[Row]:
    """A tree at the reference point of its template, else in the middle of the vertices that it uses."""
    rows: list[Row] = []
    for key, item in model.objects.items():
        if item["type"] != TREE:
            continue
        geometries = item.get("geometry")
        used = [i for geometry in (geometries if isinstance(geometries, list) else [])
                if isinstance(geometry, dict) for i in _indices(geometry.get("boundaries"))]
        offset, count = item["_vertices"]
        corners = model.vertices[[i + offset for i in used if i < count]]
        if not len(corners) or not np.isfinite(corners).all():
            tally.drop("object without geometry")
            continue
        height = float(np.ptp(corners[:, 2])) or None
        middle = shapely.Point(corners[:, :2].mean(axis=0))
        rows.append({"id": key, "source": f"cityjson:{key}", "geometry": middle, "kind": "tree",
                     "height": height})
    return rows


def _indices(boundaries: Any) -> list[int]:
    """All vertex indices in boundaries, however deep they are nested."""
    if isinstance(boundaries, list):
        return [i for part in boundaries for i in _indices(part)]
    return [boundaries] if type(boundaries) is int and boundaries >= 0 else []


def _buildings(solids: list[Solid], model: CityModel, tally: Tally) -> tuple[list[Row], list[Row]]:
    """Rows of buildings with those of their parts, and of their surfaces. A building that only has parts
    gets their joint footprint."""
    whole_of = {solid.id: _whole(solid, model) for solid in solids}
    ground: dict[str, float] = {}
    for solid in solids:
        low, _ = heights(solid.faces)
        ground[whole_of[solid.id]] = min(ground.get(whole_of[solid.id], math.inf), low)
    rows: dict[str, Row] = {}
    surfaces: list[Row] = []
    for solid in solids:
        whole = whole_of[solid.id]
        row = _building(solid, ground[whole], tally)
        if row is None:
            continue
        rows[solid.id] = {**row, "part_of": whole if whole != solid.id else None}
        if solid.lod >= SURFACES_FROM_LOD:
            surfaces.extend(_surfaces(solid, ground[whole]))
    for whole in dict.fromkeys(whole_of.values()):
        parts = [row for row in rows.values() if row["part_of"] == whole]
        if whole not in rows and parts:
            rows[whole] = _joined(whole, parts, model)
        elif parts:
            rows[whole]["height"] = max(rows[whole]["height"], *(part["height"] for part in parts))
    if ground:
        tally.note(f"buildings stand on flat ground; theirs was at {min(ground.values()):.1f} to "
                   f"{max(ground.values()):.1f} m in the file")
    return sorted(rows.values(), key=lambda row: row["part_of"] is not None), surfaces


def _whole(solid: Solid, model: CityModel) -> str:
    """Id of the building that an object is a part of, its own if of none."""
    key, parents = solid.id, solid.parents
    for _ in range(5):
        known = [p for p in parents if model.objects.get(p, {}).get("type") in BUILDINGS and p != key]
        if not known:
            break
        key = known[0]
        above = model.objects[key].get("parents")
        parents = [p for p in above if isinstance(p, str)] if isinstance(above, list) else []
    return key


def _building(solid: Solid, ground: float, tally: Tally) -> Row | None:
    shape = footprint(solid.faces, solid.kinds)
    if shape.is_empty:
        tally.drop("zero area")
        return None
    low, high = heights(solid.faces)
    row: Row = {"id": solid.id, "source": f"cityjson:{solid.id}", "geometry": shape, **_attributes(solid),
                "height": high - ground, "height_source": "measured", "base": max(low - ground, 0.0),
                "roof": "surfaces" if solid.lod >= SURFACES_FROM_LOD else "flat"}
    if high - low < 0.05 and solid.lod < 1:
        row.update(_stated_height(solid, tally), base=0.0)
    return row


def _stated_height(solid: Solid, tally: Tally) -> Row:
    """Height of a footprint (level of detail 0): as its attributes say, else assumed."""
    value = solid.attributes.get("measuredHeight")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1000:
        return {"height": float(value), "height_source": "measured"}
    if value is not None:
        tally.drop("unknown height value")
    storeys = solid.attributes.get("storeysAboveGround")
    if type(storeys) is int and 0 < storeys < 200:
        return {"height": storeys * 3.2, "height_source": "levels"}
    return {"height": ASSUMED_HEIGHT_M, "height_source": "assumed"}


def _attributes(solid: Solid) -> Row:
    storeys = solid.attributes.get("storeysAboveGround")
    use = solid.attributes.get("function") or solid.attributes.get("usage")
    name = solid.attributes.get("name")
    return {"name": name if isinstance(name, str) else None, "use": use if isinstance(use, str) else None,
            "levels": storeys if type(storeys) is int and 0 < storeys < 200 else None}


def _joined(whole: str, parts: list[Row], model: CityModel) -> Row:
    """The row of a building that has no geometry but its parts'."""
    shape = without_specks(polygonal(shapely.union_all([part["geometry"] for part in parts])))
    item = model.objects[whole]
    attributes = item.get("attributes")
    bare = Solid(whole, item["type"], -1.0, np.zeros(0, dtype=object), [],
                 attributes if isinstance(attributes, dict) else {}, [])
    return {"id": whole, "source": f"cityjson:{whole}", "geometry": shape, **_attributes(bare), "base": 0.0,
            "height": max(part["height"] for part in parts), "height_source": "measured", "part_of": None,
            "roof": parts[0]["roof"]}


def _surfaces(solid: Solid, ground: float) -> list[Row]:
    lowered = shapely.transform(solid.faces, lambda xyz: xyz - np.array([0.0, 0.0, ground]), include_z=True)
    return [{"id": f"{solid.id}/surface/{i}", "source": f"cityjson:{solid.id}", "geometry": face,
             "building": solid.id, "kind": kind, "lod": f"{solid.lod:g}"}
            for i, (face, kind) in enumerate(zip(lowered, solid.kinds, strict=True))]


def _areas(solids: list[Solid], tally: Tally) -> list[Row]:
    rows: list[Row] = []
    for solid in solids:
        shape = footprint(solid.faces, [])
        if shape.is_empty:
            tally.drop("zero area")
            continue
        kind, on_foot = AREAS[solid.type]
        rows.append({"id": solid.id, "source": f"cityjson:{solid.id}", "geometry": shape, "kind": kind,
                     "on_foot": on_foot, "name": _attributes(solid)["name"], "_type": solid.type})
    bridges = [row["geometry"] for row in rows if row["_type"].startswith("Bridge")]
    for row in rows if bridges else []:
        if row["kind"] == "water":
            row["geometry"] = polygonal(shapely.difference(row["geometry"], shapely.union_all(bridges)))
    for kind in sorted({row["_type"] for row in rows}):
        count = sum(row["_type"] == kind for row in rows)
        tally.note(f"{count} {kind} objects became areas of kind {AREAS[kind][0]}")
    return [{key: value for key, value in row.items() if key != "_type"} for row in rows
            if row["geometry"].area > SMALLEST_AREA_M2]
