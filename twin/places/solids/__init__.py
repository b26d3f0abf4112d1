"""Buildings as solids: one mesh for a whole district, or a closed solid of a single building.

Footprints are raised to their eaves and roofed as :mod:`twin.places.solids.roofs` says; buildings that have semantic
surfaces from a city model are drawn from those instead. Walls and gates of walled courtyards come from
:mod:`twin.places.solids.enclosures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.places.district import District
from twin.places.solids import roofs
from twin.places.solids.enclosures import enclosures
from twin.places.solids.facets import Facets, Floats, Ints, clip_rings, join, polygon_parts
from twin.places.solids.glb import to_glb
from twin.places.solids.roofs import GROUND, ROOF, WALL, Shapes

if TYPE_CHECKING:
    import trimesh

STOREY = 3.2
"""Height of a storey where only the number of storeys is known [m]."""
UNKNOWN_HEIGHT = 6.0
"""Height of a building of which nothing is known [m]."""
STRAIGHT = 1e-5
"""A corner that lies as close as this to the line between its neighbours is none [m]; ear clipping would
skip it in a lid and leave a crack between lid and wall."""

__all__ = ["Mesh", "heights", "modelled", "solid", "solids", "to_glb"]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh whose corners know the object that they belong to.

    ``positions`` (v, 3) float32, metres from the district's origin, z up; ``faces`` (f, 3) uint32,
    counter-clockwise seen from outside; ``normals`` (v, 3) float32, unit length; ``object_index`` (v,)
    uint32 into ``ids``; ``kind`` (v,) uint8: 0 wall, 1 roof (and the coping of courtyard walls), 2 ground
    and other, 3 courtyard wall, 4 gate. Corners are shared within flat facets only.
    """

    positions: NDArray[np.float32]
    faces: NDArray[np.uint32]
    normals: NDArray[np.float32]
    object_index: NDArray[np.uint32]
    ids: list[str]
    kind: NDArray[np.uint8]

    def of(self, object_ids: set[str]) -> Mesh:
        """Return the part of the mesh that belongs to some objects; ``ids`` keeps those only."""
        wanted = np.array([i in object_ids for i in self.ids], bool)
        return self.where(wanted[self.object_index] if len(self.ids) else np.zeros(0, bool))

    def where(self, keep: NDArray[np.bool_]) -> Mesh:
        """Return the part whose corners are kept, ``keep`` (v,) bool; faces need all three corners."""
        renumber = np.cumsum(keep) - 1
        used, index = np.unique(self.object_index[keep], return_inverse=True)
        faces = self.faces[keep[self.faces].all(axis=1)]
        return Mesh(self.positions[keep], renumber[faces].astype(np.uint32), self.normals[keep],
                    index.astype(np.uint32), [self.ids[i] for i in used], self.kind[keep])


def solids(district: District, *, overhang: float = 0.0, walls: bool = True) -> Mesh:
    """Make one mesh of all buildings, and with ``walls`` of the walls and gates of walled courtyards.

    With ``overhang`` [m] pitched roofs jut out over their walls as curved slabs, which takes about four
    times as many triangles as plain ones. A building whose parts (``part_of``) cover it is left out in
    favour of its parts; one underground (``height`` 0) is left out.
    """
    rows = _drawn(district.buildings, set(district.tables["surfaces"]["building"]))
    ids = rows["id"].tolist()
    from_model = modelled(district.tables["surfaces"], ids, district.origin)
    raised = np.ones(len(rows), bool)
    raised[from_model.owner] = False
    bodies = _bodies(rows, np.flatnonzero(raised), district.origin, overhang=overhang, closed=False)
    pieces = [bodies, from_model]
    if walls:
        around, more = enclosures(district)
        pieces.append(Facets(around.positions, around.faces, around.owner + len(ids), around.kind))
        ids += more
    return _mesh(join(pieces), ids)


def solid(row: pd.Series | Mapping[str, Any]) -> trimesh.Trimesh:
    """Make the closed solid of one row of the table of buildings, in the district's CRS."""
    import trimesh

    geometry = row["geometry"]
    if geometry is None or geometry.is_empty:
        raise BadInput("the building has no footprint", where=str(row.get("id")), mend="draw its outline")
    frame = gpd.GeoDataFrame([dict(row)], geometry="geometry")
    x, y = shapely.get_coordinates(geometry).mean(axis=0)
    piece = _bodies(frame, np.array([0]), (x, y), overhang=0.0, closed=True)
    mesh = trimesh.Trimesh(piece.positions, piece.faces, process=False)
    mesh.merge_vertices(digits_vertex=5)
    mesh.update_faces((np.diff(np.sort(mesh.faces, axis=1), axis=1) > 0).all(axis=1))  # slivers keep it closed
    mesh.apply_translation([x, y, 0.0])
    return mesh


def heights(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Bottom, eaves and top (n,) of buildings [m]: what the table says, else storeys, else a plain guess."""
    n = len(rows)
    low = _reals(rows, "base", n)
    low = np.where(np.isnan(low), 0.0, low)
    top, levels = _reals(rows, "height", n), _reals(rows, "levels", n)
    top = np.where(np.isnan(top), np.where(np.isnan(levels), low + UNKNOWN_HEIGHT, levels * STOREY), top)
    top = np.maximum(top, low + 0.3)
    rise = _reals(rows, "roof_height", n)
    pitched = rows["roof"].isin(["gabled", "hipped"]).to_numpy() if "roof" in rows else np.zeros(n, bool)
    rise = np.where(np.isnan(rise), np.minimum(2.0, 0.35 * (top - low)), np.maximum(rise, 0.0))
    rise = np.where(pitched, np.minimum(rise, 0.8 * (top - low)), 0.0)
    return low, top - rise, top


def _bodies(rows: gpd.GeoDataFrame, some: Ints, origin: tuple[float, float], *, overhang: float,
            closed: bool) -> Facets:
    """Raise the rows numbered ``some`` from their footprints; the owner is the number of the row."""
    polygons, part_of = polygon_parts(rows.geometry.to_numpy()[some])
    owner = some[part_of]
    polygons = shapely.transform(shapely.force_2d(polygons), lambda xy: xy - np.asarray(origin))
    polygons = shapely.simplify(polygons, STRAIGHT)
    low, eaves, top = heights(rows)
    heading = _reals(rows, "roof_heading", len(rows))
    roof = (rows["roof"] if "roof" in rows else pd.Series([None] * len(rows))).to_numpy(object)
    shapes = Shapes(polygons, low[owner], eaves[owner], top[owner], heading[owner], owner)
    roof = roof[owner]
    pitched = ((roof == "gabled") | (roof == "hipped")) & (shapes.top - shapes.eaves > 0.05)
    floor = closed | (shapes.low > 0.0)
    pieces = [roofs.flat(shapes.take(~pitched), floor=floor[~pitched])]
    if pitched.any():
        corners, quad = np.zeros((len(polygons), 4, 2)), np.zeros(len(polygons), bool)
        corners[pitched], quad[pitched] = roofs.four_corners(polygons[pitched])
        for shape, make in (("gabled", roofs.gabled), ("hipped", roofs.hipped)):
            which = quad & (roof == shape)
            if which.any():
                pieces.append(make(shapes.take(which), corners[which], overhang=overhang, floor=floor[which]))
        other = pitched & ~quad
        if other.any():
            pieces.append(roofs.sheared_hip(shapes.take(other), floor=floor[other]))
    return join(pieces)


def _drawn(buildings: gpd.GeoDataFrame, modelled: set[str]) -> gpd.GeoDataFrame:
    """Leave out buildings without outline, those underground, and those that their parts cover by half
    unless modelled."""
    underground = _reals(buildings, "height", len(buildings)) <= 0
    rows = buildings[buildings.geometry.notna() & ~buildings.geometry.is_empty & ~underground].reset_index(drop=True)
    parts = rows[rows["part_of"].notna()]
    covered = parts.geometry.area.groupby(parts["part_of"]).sum()
    share = rows["id"].map(covered).fillna(0.0) / rows.geometry.area
    return rows[((share < 0.5) | rows["id"].isin(modelled)).to_numpy()].reset_index(drop=True)


def modelled(surfaces: gpd.GeoDataFrame, ids: list[str], origin: tuple[float, float]) -> Facets:
    """Facets of the semantic surfaces of buildings, each triangulated in its own plane.

    A surface of no stated kind is a roof if it looks up, ground if it looks down, else a wall.
    """
    number = pd.Series(range(len(ids)), index=ids, dtype=float)
    owner_of_row = number.reindex(surfaces["building"]).to_numpy()
    known = ~np.isnan(owner_of_row) & surfaces.geometry.notna().to_numpy()
    polygons, part_row = shapely.get_parts(surfaces.geometry.to_numpy()[known], return_index=True)
    if not len(polygons):
        return join([])
    stated = surfaces["kind"].to_numpy(object)[known][part_row]
    owner = owner_of_row[known][part_row].astype(np.int64)
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    points, of_ring = shapely.get_coordinates(rings, include_z=True, return_index=True)
    points = np.nan_to_num(points) - [*origin, 0.0]
    same = of_ring[1:] == of_ring[:-1]
    a, b = points[:-1][same], points[1:][same]
    ring = of_ring[:-1][same]
    sizes = np.bincount(ring, minlength=len(rings))
    first = np.searchsorted(of_polygon, np.arange(len(polygons)))
    anchor = points[np.searchsorted(of_ring, np.arange(len(rings)))][ring]
    newell = np.stack([np.bincount(ring, np.cross(a - anchor, b - anchor)[:, i], minlength=len(rings))
                       for i in range(3)], 1)[first]
    newell = newell / np.maximum(np.linalg.norm(newell, axis=1), 1e-12)[:, None]
    drop = np.abs(newell).argmax(axis=1)
    kept = np.array([[1, 2], [2, 0], [0, 1]])[drop]
    flat_points = np.take_along_axis(a, kept[of_polygon[ring]], axis=1)
    faces, of_point = clip_rings(flat_points, sizes, of_polygon, len(polygons))
    p, q, r = (a[faces[:, i]] for i in range(3))
    against = (np.cross(q - p, r - p) * newell[of_point[faces[:, 0]]]).sum(axis=1) < 0
    faces[against] = faces[against, ::-1]
    kind = np.where(newell[:, 2] > 0.2, ROOF, np.where(newell[:, 2] < -0.2, GROUND, WALL))
    for name, code in (("RoofSurface", ROOF), ("WallSurface", WALL), ("GroundSurface", GROUND)):
        kind[stated == name] = code
    return Facets(a, faces, owner[of_point], kind[of_point].astype(np.uint8))


def _mesh(piece: Facets, ids: list[str]) -> Mesh:
    a, b, c = (piece.positions[piece.faces[:, i]] for i in range(3))
    facing = np.cross(b - a, c - a)
    normals = np.zeros_like(piece.positions)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(piece.faces[:, corner], facing[:, axis], minlength=len(normals))
    length = np.linalg.norm(normals, axis=1)[:, None]
    normals = np.where(length > 0, normals / np.where(length > 0, length, 1.0), [0.0, 0.0, 1.0])
    return Mesh(piece.positions.astype(np.float32), piece.faces.astype(np.uint32), normals.astype(np.float32),
                piece.owner.astype(np.uint32), ids, piece.kind)


def _reals(rows: pd.DataFrame, column: str, n: int) -> Floats:
    if column not in rows:
        return np.full(n, np.nan)
    return pd.to_numeric(rows[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
