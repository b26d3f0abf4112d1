"""What lies flat in the scene: ground, shadows, grid lines."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import mapbox_earcut
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.places import TABLES, District
from twin.places.solids import heights
from twin.places.walkable import street_widths

Floats = NDArray[np.float32]
Indices = NDArray[np.uint32]

NOTHING = 0xFFFFFF
"""Object number of what cannot be picked."""
GROUND_CLASSES = ("base", "street", "lane", "square", "park", "water", "courtyard", "bay", "platform", "pitch")
"""Classes of ground in the order of the colours in `theme.ts`."""
_CLASS = {name: code for code, name in enumerate(GROUND_CLASSES)}
_AREA_CLASS = {"square": "square", "pedestrian": "square", "park": "park", "grass": "park", "pitch": "pitch",
               "water": "water", "ground": "platform", "platform": "platform", "floor": "platform"}
FOOTWAY = 2.5
"""Width of the footway on each side of a street that is wide enough to have one [m]."""
SUN = np.array([-0.52, -0.48, 0.71])
"""Direction to the sun (east, north, up), as in `mesh_layer.ts`."""
CONTACT = 1.5
"""How far the contact shadow reaches from a wall [m]."""
MARGIN = 60.0
"""How far the ground reaches beyond the district's bounds [m]."""
SHADOWS_UP_TO = 12_000
"""Districts with more buildings have contact shadows only [buildings]."""


class PlaceIds:
    """Numbers for all objects of a district: ``ids``, ``names`` lists, ``table`` (n,) uint8 into ``tables``."""

    def __init__(self, district: District) -> None:
        self.tables = list(TABLES)
        frames = [district.tables[name] for name in self.tables]
        self.ids: list[str] = [str(i) for frame in frames for i in frame["id"]]
        self.table = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]).astype(np.uint8)
        self.names = [name for table, frame in zip(self.tables, frames, strict=True) for name in _names(table, frame)]
        self._index = pd.Index(self.ids)

    def numbers(self, ids: list[str] | pd.Series) -> Indices:
        """Numbers (k,) of some ids; :data:`NOTHING` where there is no such object."""
        found = self._index.get_indexer(pd.Index(ids))
        return np.where(found < 0, NOTHING, found).astype(np.uint32)


def _names(table: str, frame: gpd.GeoDataFrame) -> list[str]:
    """One line about every row: its name, else what it is."""
    none = pd.Series([None] * len(frame), index=frame.index, dtype="object")
    name = frame.get("name", none).astype("object")
    if table == "buildings":
        height = frame["height"].map(lambda h: f"{h:.1f} m" if pd.notna(h) else None)
        use = frame["use"].astype("object").fillna("")
        spare = use.str.cat(height.fillna("").astype("object"), sep=" ").str.strip()
    elif table == "courtyards":
        spare = frame["address"]
    else:
        spare = frame.get("kind", none)
    return name.where(name.notna(), spare).fillna("").astype(str).tolist()


@dataclass(frozen=True)
class Ground:
    """Triangles in the order in which they are painted.

    ``positions (v, 3)`` with z 0, ``faces (f, 3)``, ``objects (v,)``, ``classes (v,) uint8``
    (:data:`GROUND_CLASSES`).
    """

    positions: Floats
    faces: Indices
    objects: Indices
    classes: NDArray[np.uint8]


def ground(district: District, ids: PlaceIds) -> Ground:
    """Base, areas, courtyards, streets, squares and bays, the later over the earlier."""
    west, south, east, north = district.bounds
    plate = shapely.box(west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)
    shapes: list[NDArray[np.object_]] = [np.array([plate], object)]
    objects: list[Indices] = [np.array([NOTHING], np.uint32)]
    classes: list[NDArray[np.uint8]] = [np.array([_CLASS["base"]], np.uint8)]

    def paint(frame: gpd.GeoDataFrame, geometry: NDArray[np.object_], names: list[str]) -> None:
        shapes.append(geometry)
        objects.append(ids.numbers(frame["id"]))
        classes.append(np.array([_CLASS[name] for name in names], np.uint8))

    areas = district.areas
    kind = areas["kind"].map(_AREA_CLASS).fillna("platform")
    for wanted in (["platform"], ["park"], ["pitch"], ["water"]):
        some = areas[kind.isin(wanted).to_numpy()]
        paint(some, some.geometry.to_numpy(), wanted * len(some))
    courtyards = district.courtyards
    paint(courtyards, courtyards.geometry.to_numpy(), ["courtyard"] * len(courtyards))
    squares = areas[(kind == "square").to_numpy()]
    paint(squares, squares.geometry.to_numpy(), ["square"] * len(squares))
    streets = district.streets
    streets = streets[(streets["layer"].fillna(0).astype(int) >= 0).to_numpy() & streets.geometry.notna().to_numpy()]
    width = street_widths(streets)
    lines = streets.geometry.to_numpy()
    road = streets["kind"].isin(["motorway", "avenue", "street"]).to_numpy()
    paint(streets, _strips(lines, width), ["lane"] * len(streets))
    carriageway = np.where(width > 9, width - 2 * FOOTWAY, width * 0.86)
    paint(streets[road], _strips(lines[road], carriageway[road]), ["street"] * int(road.sum()))
    bays = district.bays[district.bays.geometry.notna().to_numpy()]
    outlines = bays.geometry.to_numpy()
    flat = shapely.get_dimensions(outlines) == 2
    paint(bays, np.where(flat, outlines, shapely.buffer(outlines, np.where(flat, 0.0, 1.2), cap_style="flat")),
          ["bay"] * len(bays))

    clipped = shapely.intersection(shapely.make_valid(np.concatenate(shapes)), plate)
    positions, faces, owner = triangulated(clipped, district.origin)
    return Ground(positions, faces, np.concatenate(objects)[owner], np.concatenate(classes)[owner])


def _strips(lines: NDArray[np.object_], width: NDArray[np.float64]) -> NDArray[np.object_]:
    """Streets as wide as they are (n,): square where they end, rounded where another one goes on."""
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    corners = pd.Series(list(map(tuple, np.round(points, 2))))
    is_end = np.ones(len(points), bool)
    is_end[1:-1] = (line_of[1:-1] != line_of[:-2]) | (line_of[1:-1] != line_of[2:])
    meets = is_end & corners.duplicated(keep=False).to_numpy()
    discs = shapely.buffer(shapely.points(points[meets]), width[line_of[meets]] / 2, quad_segs=4)
    strips = shapely.buffer(lines, width / 2, cap_style="flat", quad_segs=3)
    return _union_by(np.concatenate([strips, discs]), np.concatenate([np.arange(len(lines)), line_of[meets]]),
                     len(lines))


def _union_by(shapes: NDArray[np.object_], owner: NDArray[np.intp], n: int) -> NDArray[np.object_]:
    order = np.argsort(owner, kind="stable")
    groups = np.split(shapes[order], np.searchsorted(owner[order], np.arange(1, n)))
    return np.array([shapely.union_all(group) for group in groups], object) if n else np.empty(0, object)


def triangulated(shapes: NDArray[np.object_], origin: tuple[float, float]) -> tuple[Floats, Indices, NDArray[np.intp]]:
    """Cut polygons (n,) into triangles: positions (v, 3), faces (f, 3), and which of the n a corner is of (v,)."""
    inner, inner_of = shapely.get_parts(shapes, return_index=True)  # a collection may hold multipolygons
    parts, part_of = shapely.get_parts(inner, return_index=True)
    owner = inner_of[part_of]
    keep = (shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)
    parts, owner = parts[keep], owner[keep]
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    points = points - np.asarray(origin)
    ends = np.cumsum(np.bincount(point_of, minlength=len(rings)))
    positions, faces, owners, base = [], [], [], 0
    first_ring = np.searchsorted(ring_of, np.arange(len(parts) + 1))
    for k in range(len(parts)):
        last = ends[first_ring[k]:first_ring[k + 1]]
        start = last[0] - len(shapely.get_coordinates(rings[first_ring[k]])) if k else 0
        corners = points[start:last[-1]]
        triangles = mapbox_earcut.triangulate_float64(corners, (last - start).astype(np.uint32))
        positions.append(corners)
        faces.append(triangles.reshape(-1, 3) + base)
        owners.append(np.full(len(corners), owner[k]))
        base += len(corners)
    if not positions:
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.uint32), np.empty(0, np.intp)
    flat = np.concatenate(positions)
    return (np.column_stack([flat, np.zeros(len(flat))]).astype(np.float32),
            np.concatenate(faces).astype(np.uint32), np.concatenate(owners).astype(np.intp))


def _footprints(district: District) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Outlines (n,) of buildings that stand on the ground, oriented, and their heights (n,) [m]."""
    rows = district.buildings
    low, eaves, top = heights(rows)
    stands = (low < 0.5) & (top > 0.5) & rows.geometry.notna().to_numpy() & ~rows.geometry.is_empty.to_numpy()
    parts, owner = shapely.get_parts(shapely.force_2d(rows.geometry.to_numpy()[stands]), return_index=True)
    tall = ((eaves + top) / 2)[stands][owner]
    return shapely.orient_polygons(parts), tall


def _edges(polygons: NDArray[np.object_], origin: tuple[float, float]) -> tuple[NDArray[np.float64],
                                                                               NDArray[np.float64],
                                                                               NDArray[np.intp]]:
    """Starts (e, 2) and ends (e, 2) of all edges and the polygon that each is of (e,); solid on the left."""
    rings, ring_of = shapely.get_rings(polygons, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    points = points - np.asarray(origin)
    same = point_of[1:] == point_of[:-1]
    return points[:-1][same], points[1:][same], ring_of[point_of[:-1][same]]


def contact_shadow(district: District) -> tuple[Floats, Indices, NDArray[np.uint8]]:
    """A dark rim where walls meet the ground: positions (v, 3), faces (f, 3), alpha (v,), full at the wall."""
    polygons, _ = _footprints(district)
    a, b, _ = _edges(polygons, district.origin)
    along = b - a
    length = np.linalg.norm(along, axis=1)
    a, b, along, length = (x[length > 0.05] for x in (a, b, along, length))
    out = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None] * CONTACT
    tangent = along / length[:, None] * CONTACT * 0.7
    corners = np.stack([a, b, b + out, a + out, b + tangent, a - tangent], axis=1)  # (e, 6, 2)
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 4, 2], [0, 3, 5]])
    index = (np.arange(len(a)) * 6)[:, None, None] + faces
    flat = corners.reshape(-1, 2)
    alphas = np.tile(np.array([255, 255, 0, 0, 0, 0], np.uint8), len(a))
    return (np.column_stack([flat, np.zeros(len(flat))]).astype(np.float32), index.reshape(-1, 3).astype(np.uint32),
            alphas)


def cast_shadow(district: District) -> tuple[Floats, Indices]:
    """The shadow that the sun casts on the ground, without overlaps: positions (v, 3), faces (f, 3)."""
    polygons, tall = _footprints(district)
    if not 0 < len(polygons) <= SHADOWS_UP_TO:
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.uint32)
    shift = (-SUN[:2] / SUN[2]) * np.minimum(tall, 60.0)[:, None]
    a, b, of = _edges(polygons, (0.0, 0.0))
    along = b - a
    facing = along[:, 0] * shift[of][:, 1] - along[:, 1] * shift[of][:, 0] < 0  # edges on the far side of the sun
    a, b, s = a[facing], b[facing], shift[of][facing]
    swept = shapely.polygons(np.stack([a, b, b + s, a + s], axis=1))
    far = shapely.transform(polygons, _shifted(polygons, shift))
    union = shapely.disjoint_subset_union_all(np.concatenate([swept, far]))
    west, south, east, north = district.bounds
    plate = shapely.box(west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)
    positions, faces, _ = triangulated(np.array([shapely.intersection(union, plate)], object), district.origin)
    return positions, faces


def _shifted(polygons: NDArray[np.object_], shift: NDArray[np.float64]):  # type: ignore[no-untyped-def]
    """Return a function that moves the concatenated corners of the polygons, each by its own shift (n, 2)."""
    per_corner = np.repeat(shift, shapely.get_num_coordinates(polygons), axis=0)
    return lambda xy: xy + per_corner


def grid_segments(district: District) -> Floats:
    """Outlines of the finest household grid (or of the first scheme there is) as segments (n, 4) x, y, x, y."""
    cells = drawn_grids(district)
    if not len(cells):
        return np.empty((0, 4), np.float32)
    lines = shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.boundary(cells.geometry.to_numpy()))))
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    points = points - np.asarray(district.origin)
    same = line_of[1:] == line_of[:-1]
    return np.column_stack([points[:-1][same], points[1:][same]]).astype(np.float32)


def drawn_grids(district: District) -> gpd.GeoDataFrame:
    """Cells of one level of one scheme: those that are drawn."""
    grids = district.grids[district.grids.geometry.notna().to_numpy()]
    if not len(grids):
        return grids
    schemes = grids["scheme"]
    scheme = "household" if (schemes == "household").any() else schemes.iloc[0]
    grids = grids[(schemes == scheme).to_numpy()]
    for level in ("grid", "community", "subdistrict", "district"):
        if (grids["level"] == level).any():
            return grids[(grids["level"] == level).to_numpy()]
    return grids
