"""The walkable area: where people can be on foot, as polygons with holes.

Ground is the streets that people may walk on, as wide as they are, and the areas that people may walk on.
Taken away from it is what stands in the way: buildings that reach the ground, water, walls and fences except
at their gates. Everything lies in one plane: a footbridge joins the street that it crosses, and what is below
the ground is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.places.district import District

HEADROOM_M = 2.5
"""A building whose underside is at least this high does not stand in anybody's way."""
ASSUMED_WIDTH_M = {"avenue": 20.0, "street": 8.0, "lane": 4.0, "service": 4.0, "footway": 2.0,
                   "cycleway": 2.5, "steps": 2.0, "crossing": 3.0}
"""Width of a street that has none in its table, by kind."""
HARD_GROUND = ("square", "pedestrian", "platform", "floor")
SOFT_GROUND = ("park", "ground")
WALL_THICKNESS_M = 0.1
GATE_WIDTH_M = 3.0
GATE_REACH_M = 2.0
"""A gate opens the walls that are within this distance of it."""
PASSAGE_WIDTH_M = 2.0
PASSAGE_LENGTH_M = 40.0
"""A passage is not taken to be longer than this on either side of its entrance point."""
NARROW_M = 0.3
"""Gaps narrower than this are not walked through."""
SLIVER_M2 = 0.5
SIMPLIFY_M = 0.02
SNAP_M = 0.001

Shapes = NDArray[Any]


def walkable_area(district: District, *, within: shapely.Polygon | None = None, open_ground: bool = True,
                  min_area: float = 2.0) -> shapely.MultiPolygon:
    """Return where people can be on foot, largest piece first.

    Ground: streets with ``on_foot`` (never motorways, nothing below the ground), buffered by half their width
    with flat ends and joined where they meet; areas with ``on_foot``; with ``open_ground`` also parks, other
    open ground and the ground of courtyards that are not walled, with the passages that lead into them.
    Without it only streets and hard ground (squares, platforms, floors) count.

    Taken away: buildings whose base is below 2.5 m, water (a street with ``layer`` > 0 bridges it), walled
    courtyards that no street enters, walls, fences and barriers with gaps at their gates. A gate is open
    unless its state is ``locked``; it opens its width, or 3 m, in walls within 2 m of it.

    ``within`` cuts the result to a polygon. The pieces are valid, nowhere narrower than 0.3 m, have vertices
    simplified to 2 cm and snapped to 1 mm, and cover ``min_area`` m2 each at least. Areas of kind ``floor``
    (floor plans) keep their vertices exactly and are cut by walls only.
    """
    places = {name: _near(district.tables[name], within) for name in
              ("streets", "areas", "buildings", "courtyards", "parts", "entrances")}
    solid = _polygons(places["buildings"].geometry.to_numpy()[in_the_way(places["buildings"])])
    walls = _walls(places["parts"])
    outdoors = _outdoors(places, solid, walls, open_ground)
    floors = shapely.difference(_floors(places["areas"]), walls)
    area = floors if outdoors.is_empty else shapely.union(_tidy(outdoors), floors)
    if within is not None:
        area = shapely.intersection(area, within)
    return _pieces(area, min_area)


def on_ground(area: shapely.MultiPolygon | shapely.Polygon, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for every point of ``xy`` (n, 2) whether it lies in the area or on its edge, (n,) bool."""
    shapely.prepare(area)
    points = np.asarray(xy, dtype=float).reshape(-1, 2)
    return np.asarray(shapely.intersects_xy(area, points[:, 0], points[:, 1]), dtype=bool)


def _near(frame: gpd.GeoDataFrame, within: shapely.Polygon | None) -> gpd.GeoDataFrame:
    """Rows that have a geometry and, where a polygon is given, lie near enough to matter to it."""
    present = frame.geometry.notna() & ~frame.geometry.is_empty
    if within is not None:
        west, south, east, north = shapely.buffer(within, PASSAGE_LENGTH_M).bounds
        bounds = frame.geometry.bounds
        present &= ((bounds["maxx"] >= west) & (bounds["minx"] <= east)
                    & (bounds["maxy"] >= south) & (bounds["miny"] <= north))
    return frame[present]


def _outdoors(places: dict[str, gpd.GeoDataFrame], solid: Shapes, walls: shapely.Geometry,
              open_ground: bool) -> shapely.Geometry:
    streets, areas, courtyards = places["streets"], places["areas"], places["courtyards"]
    streets = streets[_walked(streets)]
    level = streets["layer"].fillna(0).to_numpy(dtype=int)
    paved, bridges = _strips(streets[level == 0]), _strips(streets[level > 0])
    ground = [paved, *_ground(areas, open_ground)]
    walled = courtyards["walled"].fillna(False).to_numpy(dtype=bool)
    yards = _polygons(courtyards.geometry.to_numpy()[~walled])
    if open_ground:
        ground.extend(yards)
    water = _polygons(areas.geometry.to_numpy()[(areas["kind"] == "water").to_numpy()])
    private = _private(courtyards[walled], streets)
    on_land = _without(shapely.union_all(ground), [*water, walls, *private])
    area = _without(_without_specks(shapely.union_all([on_land, bridges])), solid)
    if open_ground and len(yards):
        area = shapely.union_all([area, *_passages(places["entrances"], courtyards[~walled], paved, solid)])
    return area


def _walked(streets: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether people walk on a street: as it says, and where it does not say unless it is a motorway or
    cycleway."""
    unsaid = ~streets["kind"].isin(["motorway", "cycleway"])
    on_foot = streets["on_foot"].astype("boolean").fillna(unsaid).astype(bool)
    above = streets["layer"].fillna(0).astype(int) >= 0
    return (on_foot & above & (streets["kind"] != "motorway")).to_numpy(dtype=bool)


def _strips(streets: gpd.GeoDataFrame) -> shapely.Geometry:
    """Streets as wide as they are: flat at dead ends, rounded off where they meet another one."""
    if not len(streets):
        return shapely.Polygon()
    width = street_widths(streets)
    lines = streets.geometry.to_numpy()
    strips = shapely.buffer(lines, width / 2, cap_style="flat", join_style="round", quad_segs=4)
    return shapely.union_all([*strips, *_joints(lines, width)])


def street_widths(streets: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the width of every street [m], (n,): as stated, else as usual for its kind
    (:data:`ASSUMED_WIDTH_M`)."""
    usual = streets["kind"].map(ASSUMED_WIDTH_M).astype(float).fillna(4.0)
    stated = streets["width"].where(streets["width"] > 0)
    return stated.fillna(usual).to_numpy(dtype=float)


def _joints(lines: Shapes, width: NDArray[np.float64]) -> Shapes:
    """Discs that fill the notch where ends of streets meet.

    A disc is as wide as the second widest street that ends there: two avenues are joined in full, and a lane
    that meets the end of an avenue does not make the avenue longer.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    ends = np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)])
    at = pd.DataFrame(np.round(shapely.get_coordinates(ends), 3), columns=["x", "y"])
    at["width"] = np.tile(width[owner], 2)
    at = at.sort_values("width", ascending=False, kind="stable")
    second = at[at.groupby(["x", "y"]).cumcount() == 1]
    centres = shapely.points(second["x"].to_numpy(), second["y"].to_numpy())
    return shapely.buffer(centres, second["width"].to_numpy() / 2, quad_segs=4)


def _ground(areas: gpd.GeoDataFrame, open_ground: bool) -> list[shapely.Geometry]:
    kind = areas["kind"]
    unsaid = kind.isin([*HARD_GROUND, *SOFT_GROUND])
    on_foot = areas["on_foot"].astype("boolean").fillna(unsaid).astype(bool) & ~kind.isin(["water", "floor"])
    if not open_ground:
        on_foot &= kind.isin(HARD_GROUND)
    return list(_polygons(areas.geometry.to_numpy()[on_foot.to_numpy(dtype=bool)]))


def _floors(areas: gpd.GeoDataFrame) -> shapely.Geometry:
    floor = (areas["kind"] == "floor") & areas["on_foot"].astype("boolean").fillna(True).astype(bool)
    shapes = _polygons(areas.geometry.to_numpy()[floor.to_numpy(dtype=bool)])
    return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)


def _private(walled: gpd.GeoDataFrame, streets: gpd.GeoDataFrame) -> Shapes:
    """Walled courtyards that no street enters (a campus wall has streets inside it, a house's wall does
    not)."""
    shapes = _polygons(walled.geometry.to_numpy())
    lines = streets.geometry.to_numpy()
    tree = shapely.STRtree(lines)
    which, _ = tree.query(shapely.buffer(shapes, -1.0), predicate="intersects")
    return np.delete(shapes, np.unique(which))


def in_the_way(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which buildings stand on the ground, not over it (2.5 m or more) nor under it, (n,) bool."""
    base = buildings["base"].fillna(0.0).to_numpy(dtype=float)
    below = buildings["height"].to_numpy(dtype=float) <= 0.0
    return np.asarray((base < HEADROOM_M) & ~below, dtype=bool)


def _without(area: shapely.Geometry, obstacles: Sequence[shapely.Geometry] | Shapes) -> shapely.Geometry:
    """The area less the obstacles. Those that do not touch it, mostly a city's buildings, need no union."""
    shapely.prepare(area)
    obstacles = np.asarray(obstacles, dtype=object)
    touching = obstacles[shapely.intersects(area, obstacles)]
    return shapely.difference(area, shapely.union_all(touching)) if len(touching) else area


def _walls(parts: gpd.GeoDataFrame) -> shapely.Geometry:
    """Walls, fences and barriers as thin strips, with gaps at the gates that are not locked."""
    is_line = parts.geometry.geom_type.isin(["LineString", "MultiLineString"])
    locked = parts["state"].isin(["locked", "blocked"])
    gate = parts["kind"] == "gate"
    walls = parts[is_line & (parts["kind"].isin(["wall", "barrier"]) | (gate & locked))]
    if not len(walls):
        return shapely.Polygon()
    lines = walls.geometry.to_numpy()
    gates = parts[gate & ~locked]
    lines = shapely.difference(lines, shapely.union_all(_gaps(gates, lines)))
    thickness = walls["width"].where(walls["width"] > 0).fillna(WALL_THICKNESS_M).to_numpy(dtype=float)
    return shapely.union_all(shapely.buffer(lines, thickness / 2, cap_style="flat", join_style="mitre"))


def _gaps(gates: gpd.GeoDataFrame, walls: Shapes) -> list[shapely.Geometry]:
    """A disc as wide as the gate, at the nearest place of every wall beside it; a strip along a gate's line."""
    width = gates["width"].where(gates["width"] > 0).fillna(GATE_WIDTH_M).to_numpy(dtype=float)
    shapes = gates.geometry.to_numpy()
    is_point = shapely.get_type_id(shapes) == 0
    which, wall = shapely.STRtree(walls).query(shapes[is_point], predicate="dwithin", distance=GATE_REACH_M)
    along = shapely.line_locate_point(walls[wall], shapes[is_point][which])
    at = shapely.line_interpolate_point(walls[wall], along)
    discs = shapely.buffer(at, width[is_point][which] / 2, quad_segs=16)
    return [*discs, *shapely.buffer(shapes[~is_point], NARROW_M, cap_style="flat")]


def _passages(entrances: gpd.GeoDataFrame, courtyards: gpd.GeoDataFrame, paved: shapely.Geometry,
              solid: Shapes) -> list[shapely.Geometry]:
    """Passages through buildings into courtyards: from the yard by way of the entrance to the ground
    outside."""
    through = entrances[(entrances["kind"] == "passage") & ~entrances["state"].isin(["locked", "blocked"])
                        & entrances["courtyard"].isin(courtyards["id"])]
    if not len(through):
        return []
    shape_of = dict(zip(courtyards["id"], shapely.make_valid(courtyards.geometry.to_numpy()), strict=True))
    street_ground = _without(paved, solid)
    found: list[shapely.Geometry] = []
    for entrance in through.itertuples():
        yard = _without(shape_of[entrance.courtyard], solid)
        neighbour = shape_of.get(entrance.leads_to)
        outside = street_ground if neighbour is None else _without(neighbour, solid)
        width = entrance.width if entrance.width and entrance.width > 0 else PASSAGE_WIDTH_M
        legs = [_leg(entrance.geometry, side, width) for side in (yard, outside)]
        if all(leg is not None for leg in legs):
            found.extend(leg for leg in legs if leg is not None)
    return found


def _leg(point: shapely.Point, side: shapely.Geometry, width: float) -> shapely.Geometry | None:
    """A strip from the entrance to the nearest ground on one side; None if that is too far to be a
    passage."""
    if side.is_empty:
        return None
    line = shapely.shortest_line(point, side)
    if line.length > PASSAGE_LENGTH_M:
        return None
    axis = line if line.length > 0 else point
    return shapely.buffer(axis, width / 2, cap_style="square", join_style="mitre")


def _polygons(shapes: Shapes) -> Shapes:
    """The polygons, made valid; what a repair would leave behind as lines and points is dropped."""
    shapes = np.asarray(shapes, dtype=object)
    bad = ~shapely.is_valid(shapes)
    if bad.any():
        shapes = shapes.copy()
        shapes[bad] = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    return shapes[~shapely.is_empty(shapes)]


def _polygonal(shape: shapely.Geometry) -> Shapes:
    parts = shapely.get_parts(shape)
    if (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    return parts[shapely.get_type_id(parts) == 3]


def _without_specks(area: shapely.Geometry) -> shapely.Geometry:
    """Fill the specks of a hole that are left between strips which nearly touch."""
    polygons = _polygonal(area)
    rings, owner = shapely.get_rings(polygons, return_index=True)
    outer = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.zeros(0, dtype=bool)
    specks = shapely.polygons(rings[~outer])
    specks = specks[shapely.area(specks) < SLIVER_M2]
    return shapely.union_all([*polygons, *specks]) if len(specks) else area


def _tidy(area: shapely.Geometry) -> shapely.Geometry:
    """Drop what is narrower than :data:`NARROW_M`, simplify and snap; nothing is added but by simplifying."""
    narrow = NARROW_M / 2
    opened = shapely.buffer(shapely.buffer(area, -narrow, join_style="mitre"), narrow, join_style="mitre")
    area = shapely.intersection(area, opened)
    snapped = shapely.set_precision(shapely.simplify(area, SIMPLIFY_M), SNAP_M)
    return shapely.set_precision(snapped, 0)  # else whatever it is combined with is snapped as well


def _pieces(area: shapely.Geometry, min_area: float) -> shapely.MultiPolygon:
    """Its polygons above the smallest area that counts, largest first, then from the west and the south."""
    pieces = _polygonal(area)
    pieces = pieces[shapely.area(pieces) >= max(min_area, SLIVER_M2)]
    if not len(pieces):
        return shapely.MultiPolygon()
    west, south = shapely.bounds(pieces)[:, :2].T
    return shapely.MultiPolygon(list(pieces[np.lexsort((south, west, -shapely.area(pieces)))]))
