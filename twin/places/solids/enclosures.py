"""What stands around a walled courtyard: its wall, the gaps at its entrances, and the gates in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.places.district import District
from twin.places.solids.facets import Facets, Floats, Ints, boundary_edges, caps, join, polygon_parts, quads, walls
from twin.places.solids.roofs import COURTYARD_WALL, GATE, ROOF

WALL_HEIGHT = 2.4
WALL_THICKNESS = 0.3
DOOR_WIDTH = 1.4
"""Clear width of an entrance of unknown width [m]."""


def enclosures(district: District) -> tuple[Facets, list[str]]:
    """Walls and gates of walled courtyards as facets, in metres from the district's origin, and their
    objects' ids.

    A wall runs along the courtyard's outline where no building stands in its line, 2.3-2.6 m high, with
    tiled coping; it has a gap at every entrance that is not blocked. Front entrances get a red gate with a
    small roof, back and side entrances a plain red door. Walls belong to the courtyard's id, gates to the
    entrance's.
    """
    courtyards = district.courtyards
    walled = courtyards[courtyards["walled"].fillna(False).astype(bool).to_numpy() & courtyards.geometry.notna()]
    doors = district.entrances[district.entrances["courtyard"].isin(walled["id"])
                               & district.entrances.geometry.notna()]
    ids = [*walled["id"], *doors["id"]]
    if not len(walled):
        return join([]), []
    outline = shapely.boundary(shapely.force_2d(walled.geometry.to_numpy()))
    home = pd.Series(np.arange(len(walled)), index=walled["id"].to_numpy()).reindex(doors["courtyard"]).to_numpy()
    at = _local(shapely.force_2d(doors.geometry.to_numpy()), district.origin)
    lines = _local(outline, district.origin)
    buildings = _local(shapely.force_2d(district.buildings.geometry.dropna().to_numpy()), district.origin)
    width = _reals(doors["width"], DOOR_WIDTH)
    through = (doors["state"] != "blocked").to_numpy()
    gaps = shapely.buffer(at, width / 2 + 0.05, quad_segs=2)[through]
    wall = _walls(_free_lines(lines, gaps, home[through], buildings))
    heading = _outward(doors["heading"], at, lines[home], _local(walled.geometry.to_numpy(), district.origin)[home])
    gates = _gates(doors["kind"].to_numpy(object), shapely.get_coordinates(at), heading, width,
                   np.arange(len(doors)) + len(walled))
    return join([wall, gates]), ids


def _free_lines(lines: NDArray[np.object_], gaps: NDArray[np.object_], gap_of: Ints,
                buildings: NDArray[np.object_]) -> NDArray[np.object_]:
    """Outlines (n,) without the stretches that buildings stand on and without the gaps."""
    lines = lines.copy()
    tree = shapely.STRtree(buildings)
    near, building = tree.query(lines, predicate="dwithin", distance=0.35) if len(buildings) else (gap_of[:0],) * 2
    used, which = np.unique(building, return_inverse=True)
    grown = shapely.buffer(buildings[used], 0.35, join_style="mitre", quad_segs=1)[which]
    cutters = np.concatenate([grown, gaps])
    owner = np.concatenate([near, gap_of])
    order = np.argsort(owner, kind="stable")
    cutters, owner = cutters[order], owner[order]
    touched, first = np.unique(owner, return_index=True)
    for line, some in zip(touched, np.split(cutters, first[1:]), strict=True):
        lines[line] = shapely.difference(lines[line], shapely.union_all(some))
    return lines


def _walls(lines: NDArray[np.object_]) -> Facets:
    """Walls with coping along lines (n,); heights vary a little from courtyard to courtyard, as they do."""
    lines, row = shapely.get_parts(lines, return_index=True)
    long = shapely.length(lines) > 0.4
    strips = shapely.buffer(lines[long], WALL_THICKNESS / 2, cap_style="flat", join_style="mitre", mitre_limit=2.0)
    strips, part = polygon_parts(strips)
    owner = row[long][part]
    height = WALL_HEIGHT + 0.1 * (owner * 0.618 % 1.0) * np.where(owner % 2, 2.0, -1.0)
    edges = boundary_edges(strips, np.arange(len(strips)))
    sides = walls(edges, np.zeros(len(edges.owner)), height[edges.owner], COURTYARD_WALL)
    return join([Facets(sides.positions, sides.faces, owner[sides.owner], sides.kind),
                 caps(strips, height, owner, ROOF)])


def _gates(kind: NDArray[np.object_], at: Floats, heading: Floats, width: Floats, owner: Ints) -> Facets:
    """Gates at points (n, 2) that look along ``heading`` (n,); model space: x outward, y across, z up."""
    front, door = kind == "front", np.isin(kind, ["back", "side"])
    across = np.clip(width, 0.9, 4.0)
    pieces = []
    for which, depth, height in ((front, 0.26, 2.3), (door, 0.22, 2.05)):
        n, w = int(which.sum()), across[which] / 2
        box = _boxes(np.full(n, -depth), np.full(n, depth), w, np.zeros(n), np.full(n, height))
        pieces.append(_placed(box, at[which], heading[which], owner[which], GATE))
    n, w = int(front.sum()), across[front] / 2
    posts = [_shift_across(_boxes(np.full(n, -0.34), np.full(n, 0.34), np.full(n, 0.16), np.zeros(n),
                                  np.full(n, 2.5)), side * (w + 0.16)) for side in (-1, 1)]
    lintel = _boxes(np.full(n, -0.3), np.full(n, 0.3), w, np.full(n, 2.3), np.full(n, 2.55))
    pieces += [_placed(p, at[front], heading[front], owner[front], COURTYARD_WALL) for p in posts]
    pieces.append(_placed(lintel, at[front], heading[front], owner[front], GATE))
    pieces.append(_placed(_hoods(w + 0.55), at[front], heading[front], owner[front], ROOF))
    return join(pieces)


def _boxes(back: Floats, out: Floats, half: Floats, low: Floats, high: Floats) -> Floats:
    """Sides and top (n, 5, 4, 3) of boxes."""
    x0, x1, y0, y1 = back, out, -half, half
    def quad(*corners: tuple[Floats, Floats, Floats]) -> Floats:
        return np.stack([np.stack(c, 1) for c in corners], 1)
    return np.stack([
        quad((x1, y0, low), (x1, y1, low), (x1, y1, high), (x1, y0, high)),
        quad((x0, y1, low), (x0, y0, low), (x0, y0, high), (x0, y1, high)),
        quad((x0, y0, low), (x1, y0, low), (x1, y0, high), (x0, y0, high)),
        quad((x1, y1, low), (x0, y1, low), (x0, y1, high), (x1, y1, high)),
        quad((x0, y0, high), (x1, y0, high), (x1, y1, high), (x0, y1, high))], 1)


def _hoods(half: Floats) -> Floats:
    """Small gabled roofs over gates, ridge across: quadrilaterals (n, 5, 4, 3), the gables as folded ones."""
    n = len(half)
    deep, low, high, zero = np.full(n, 0.75), np.full(n, 2.55), np.full(n, 3.15), np.zeros(n)
    def quad(*corners: tuple[Floats, Floats, Floats]) -> Floats:
        return np.stack([np.stack(c, 1) for c in corners], 1)
    return np.stack([
        quad((deep, -half, low), (deep, half, low), (zero, half, high), (zero, -half, high)),
        quad((-deep, half, low), (-deep, -half, low), (zero, -half, high), (zero, half, high)),
        quad((-deep, -half, low), (deep, -half, low), (zero, -half, high), (zero, -half, high)),
        quad((deep, half, low), (-deep, half, low), (zero, half, high), (zero, half, high)),
        quad((-deep, half, low), (deep, half, low), (deep, -half, low), (-deep, -half, low))], 1)


def _shift_across(model: Floats, by: Floats) -> Floats:
    moved = model.copy()
    moved[..., 1] += by[:, None, None]
    return moved


def _placed(model: Floats, at: Floats, heading: Floats, owner: Ints, kind: int) -> Facets:
    """Turn models (n, q, 4, 3) to their headings and put them at their points."""
    c, s = np.cos(heading)[:, None, None], np.sin(heading)[:, None, None]
    x, y = model[..., 0], model[..., 1]
    world = np.stack([at[:, 0, None, None] + c * x - s * y, at[:, 1, None, None] + s * x + c * y, model[..., 2]], -1)
    return quads(world.reshape(-1, 4, 3), np.repeat(owner, model.shape[1]), kind)


def _outward(heading: pd.Series, at: NDArray[np.object_], line: NDArray[np.object_],
             yard: NDArray[np.object_]) -> Floats:
    """The outward direction of entrances (n,) [rad]: as given, else square to the outline."""
    given = heading.to_numpy(dtype=float, na_value=np.nan)
    if not len(at):
        return given
    parts, of = shapely.get_parts(line, return_index=True)      # of a yard with holes or parts, the nearest ring
    apart = shapely.distance(parts, at[of])
    order = np.lexsort([apart, of])
    line = parts[order[np.searchsorted(of[order], np.arange(len(at)))]]
    along = shapely.line_locate_point(line, at)
    before = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(along - 0.1, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(line, along + 0.1))
    run = after - before
    normal = np.arctan2(-run[:, 0], run[:, 1])
    probe = shapely.get_coordinates(at) + 0.3 * np.stack([np.cos(normal), np.sin(normal)], 1)
    normal = np.where(shapely.contains_xy(yard, probe[:, 0], probe[:, 1]), normal + np.pi, normal)
    return np.where(np.isnan(given), normal, given)


def _reals(values: pd.Series, missing: float) -> Floats:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(numbers), missing, numbers)


def _local(geometry: NDArray[np.object_], origin: tuple[float, float]) -> NDArray[np.object_]:
    return np.asarray(shapely.transform(geometry, lambda xy: xy - np.asarray(origin)), object)
