"""Pitched roofs with the body under them.

A footprint with four corners (after near-straight corners are dropped) gets the real thing, all of them at
once: a gabled roof has its ridge between the middles of the two sides that stand across ``roof_heading``, a
hipped one slopes to all four sides. Any other footprint gets a *sheared hip*: the roof rises from the whole
outline to the outline's inset and is level there, which closes over L, U and courtyard shapes alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.places.solids.facets import Facets, Floats, Ints, boundary_edges, caps, ear_clip, join, quads, triangles
from twin.places.solids.facets import walls as walls_on

WALL, ROOF, GROUND, COURTYARD_WALL, GATE = range(5)
_SLAB = 0.16
"""Thickness of an overhanging roof [m]."""
_SAG = 0.09
"""How far the middle of a slope hangs below the straight line, as a share of the roof's height: the curve of
traditional roofs, which are steep at the ridge and shallow at the eaves."""


@dataclass(frozen=True)
class Shapes:
    """Bodies to be roofed: polygons (n,), ``low``, ``eaves`` and ``top`` heights (n,) [m], ``heading`` (n,)
    [rad] (NaN: along the longer side), ``owner`` (n,)."""

    polygons: NDArray[np.object_]
    low: Floats
    eaves: Floats
    top: Floats
    heading: Floats
    owner: Ints

    def take(self, which: NDArray[np.bool_]) -> Shapes:
        """Return some of them."""
        return Shapes(self.polygons[which], self.low[which], self.eaves[which], self.top[which],
                      self.heading[which], self.owner[which])


def flat(shapes: Shapes, *, floor: NDArray[np.bool_]) -> Facets:
    """Walls and a level roof at ``top``; a floor where ``floor`` (n,) is set."""
    row = np.arange(len(shapes.owner))
    edges = boundary_edges(shapes.polygons, row)
    body = walls_on(edges, shapes.low[edges.owner], shapes.top[edges.owner], WALL)
    return join([_owned(body, shapes), caps(shapes.polygons, shapes.top, shapes.owner, ROOF), _floors(shapes, floor)])


def four_corners(polygons: NDArray[np.object_], tolerance: float = 0.05) -> tuple[Floats, NDArray[np.bool_]]:
    """Corners (n, 4, 2) counter-clockwise of the polygons that are convex quadrilaterals, and which (n,)
    are."""
    corners = np.zeros((len(polygons), 4, 2))
    plain = shapely.get_num_interior_rings(polygons) == 0
    simple = shapely.simplify(polygons, tolerance)
    simple = np.where(shapely.get_num_coordinates(polygons) == 5, polygons, simple)
    is_quad = plain & (shapely.get_num_coordinates(simple) == 5) & (shapely.get_type_id(simple) == 3)
    q = shapely.get_coordinates(simple[is_quad]).reshape(-1, 5, 2)[:, :4]
    backward = _cross(q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]) < 0
    q[backward] = q[backward, ::-1]
    side = np.roll(q, -1, axis=1) - q
    bend = _cross(side, np.roll(side, -1, axis=1))
    lengths = np.linalg.norm(side, axis=2)
    convex = (bend > 0.2 * lengths * np.roll(lengths, -1, axis=1)).all(axis=1) & (lengths > 0.3).all(axis=1)
    rows = np.flatnonzero(is_quad)
    is_quad[rows[~convex]] = False
    corners[is_quad] = q[convex]
    return corners, is_quad


def gabled(shapes: Shapes, corners: Floats, *, overhang: float, floor: NDArray[np.bool_]) -> Facets:
    """Gabled bodies on quadrilaterals ``corners`` (n, 4, 2); with ``overhang`` [m] a curved roof slab juts
    out."""
    q = _ridge_first(corners, shapes.heading)
    owner, n = shapes.owner, len(shapes.owner)
    a, b, c, d = (_at(q[:, i], shapes.eaves) for i in range(4))     # a-b and c-d are the eaves
    sag = 2 * _SAG * (shapes.top - shapes.eaves) if overhang else np.zeros(n)
    m, k = _at((q[:, 1] + q[:, 2]) / 2, shapes.top - sag), _at((q[:, 3] + q[:, 0]) / 2, shapes.top - sag)
    pieces = [_quad_walls(shapes, q), triangles(np.stack([b, c, m], 1), owner, WALL),
              triangles(np.stack([d, a, k], 1), owner, WALL), _quad_floors(shapes, q, floor)]
    if overhang:
        pieces.append(_curved_slab(q, shapes, overhang))
    else:
        pieces += [quads(np.stack([a, b, m, k], 1), owner, ROOF), quads(np.stack([c, d, k, m], 1), owner, ROOF)]
    return join(pieces)


def hipped(shapes: Shapes, corners: Floats, *, overhang: float, floor: NDArray[np.bool_]) -> Facets:
    """Hipped bodies on quadrilaterals ``corners`` (n, 4, 2); with ``overhang`` [m] the eaves jut out."""
    q = _ridge_first(corners, shapes.heading)
    owner = shapes.owner
    m, k = (q[:, 1] + q[:, 2]) / 2, (q[:, 3] + q[:, 0]) / 2
    length = np.linalg.norm(m - k, axis=1)
    depth = np.linalg.norm(q[:, 1] - q[:, 2], axis=1) / 2
    back = (np.minimum(depth, 0.48 * length) / length)[:, None]
    m, k = m + (k - m) * back, k + (m - k) * back
    low = shapes.eaves.copy()
    pieces = [_quad_walls(shapes, q), _quad_floors(shapes, q, floor)]
    if overhang:
        low -= overhang * (shapes.top - shapes.eaves) / np.maximum(depth, 0.5)
        q = _grow(q, overhang)
        rim = np.stack([_at(q[:, i], low) for i in range(4)], 1)
        lifted = rim + np.array([0.0, 0.0, _SLAB])
        for i in range(4):
            j = (i + 1) % 4
            pieces.append(quads(np.stack([rim[:, i], rim[:, j], lifted[:, j], lifted[:, i]], 1), owner, ROOF))
        pieces.append(quads(rim[:, ::-1], owner, ROOF))
        low = low + _SLAB
    a, b, c, d = (_at(q[:, i], low) for i in range(4))
    top_m, top_k = _at(m, shapes.top), _at(k, shapes.top)
    pieces += [quads(np.stack([a, b, top_m, top_k], 1), owner, ROOF), quads(np.stack([c, d, top_k, top_m], 1), owner,
                                                                           ROOF),
               triangles(np.stack([b, c, top_m], 1), owner, ROOF), triangles(np.stack([d, a, top_k], 1), owner, ROOF)]
    return join(pieces)


def sheared_hip(shapes: Shapes, *, floor: NDArray[np.bool_]) -> Facets:
    """Bodies of any outline whose roof rises to the outline's inset and is level there.

    Outlines too thin for an inset get a level roof at ``top``.
    """
    reach = shapely.length(shapely.maximum_inscribed_circle(shapes.polygons, 0.2))
    inset = shapely.buffer(shapes.polygons, -0.85 * reach, join_style="mitre", mitre_limit=4.0)
    inset = shapely.simplify(inset, 1e-5)
    sloped = (shapely.area(inset) > 1e-3) & (shapes.top > shapes.eaves)
    sloped &= shapely.contains_properly(shapes.polygons, inset)
    pieces = [flat(shapes.take(~sloped), floor=floor[~sloped])]
    shapes, inset, floor = shapes.take(sloped), inset[sloped], floor[sloped]
    if not len(shapes.owner):
        return join(pieces)
    row = np.arange(len(shapes.owner))
    edges = boundary_edges(shapes.polygons, row)
    pieces.append(_owned(walls_on(edges, shapes.low[edges.owner], shapes.eaves[edges.owner], WALL), shapes))
    pieces.append(_floors(shapes, floor))
    slopes, of_shape = shapely.get_parts(shapely.difference(shapes.polygons, inset), return_index=True)
    points, faces, of_slope = ear_clip(slopes)
    of_point = of_shape[of_slope]
    on_rim = shapely.dwithin(shapely.boundary(shapes.polygons)[of_point], shapely.points(points), 1e-6)
    z = np.where(on_rim, shapes.eaves[of_point], shapes.top[of_point])
    rising = np.column_stack([points, z])[faces].reshape(-1, 3, 3)
    pieces.append(triangles(rising, shapes.owner[of_point[faces[:, 0]]], ROOF))
    level, of_shape = shapely.get_parts(inset, return_index=True)
    pieces.append(caps(level, shapes.top[of_shape], shapes.owner[of_shape], ROOF))
    return join(pieces)


def _curved_slab(q: Floats, shapes: Shapes, overhang: float) -> Facets:
    """The roof over a gabled body: five profile points across, swept along the ridge, with a thin fascia."""
    along = (q[:, 1] + q[:, 2]) - (q[:, 0] + q[:, 3])
    along /= np.linalg.norm(along, axis=1)[:, None]
    rise = shapes.top - shapes.eaves
    half = np.maximum(np.linalg.norm(q[:, 1] - q[:, 2], axis=1) / 2, 0.5)
    droop = 0.7 * overhang * rise / half
    ends = []
    for left, right, outward in ((q[:, 0], q[:, 3], -along), (q[:, 1], q[:, 2], along)):
        left, right = left + outward * 0.6 * overhang, right + outward * 0.6 * overhang
        across = (right - left) / np.linalg.norm(right - left, axis=1)[:, None]
        middle = (left + right) / 2
        rim = shapes.eaves - droop
        half_way = shapes.eaves + rise * (0.5 - _SAG)
        ends.append(np.stack([_at(left - across * overhang, rim), _at((left + middle) / 2, half_way),
                              _at(middle, shapes.top), _at((right + middle) / 2, half_way),
                              _at(right + across * overhang, rim)], 1))
    near, far = ends                                     # (n, 5, 3) each, seen from the end of the ridge
    up = np.array([0.0, 0.0, _SLAB])
    pieces = []
    for i in range(4):
        j = i + 1
        pieces.append(quads(np.stack([near[:, i], far[:, i], far[:, j], near[:, j]], 1) + up, shapes.owner, ROOF))
        for verge, x, y in ((near, j, i), (far, i, j)):
            pieces.append(quads(np.stack([verge[:, x], verge[:, y], verge[:, y] + up, verge[:, x] + up], 1),
                                shapes.owner, ROOF))
    for i, (first, last) in ((0, (near, far)), (4, (far, near))):   # fascias, and the soffits under the overhang
        pieces.append(quads(np.stack([first[:, i], last[:, i], last[:, i] + up, first[:, i] + up], 1), shapes.owner,
                            ROOF))
        inner = 1 if i == 0 else 3
        pieces.append(quads(np.stack([first[:, inner], last[:, inner], last[:, i], first[:, i]], 1), shapes.owner,
                            ROOF))
    pieces.append(_ridge(near[:, 2], far[:, 2], shapes.owner))
    return join(pieces)


def _ridge(start: Floats, end: Floats, owner: Ints) -> Facets:
    """A ridge of tiles, 0.3 m wide and 0.25 m high, between points (n, 3)."""
    along = (end - start)[:, :2]
    side = np.stack([-along[:, 1], along[:, 0]], 1)
    side = np.c_[0.15 * side / np.linalg.norm(side, axis=1)[:, None], np.zeros(len(side))]
    low, high = np.array([0, 0, _SLAB - 0.1]), np.array([0, 0, _SLAB + 0.2])
    s, e = start, end
    left, right = (s + side, e + side), (s - side, e - side)
    return join([quads(np.stack(c, 1), owner, ROOF) for c in (
        (right[0] + low, right[1] + low, right[1] + high, right[0] + high),
        (left[1] + low, left[0] + low, left[0] + high, left[1] + high),
        (right[0] + high, right[1] + high, left[1] + high, left[0] + high),
        (left[0] + low, right[0] + low, right[0] + high, left[0] + high),
        (right[1] + low, left[1] + low, left[1] + high, right[1] + high))])


def _ridge_first(corners: Floats, heading: Floats) -> Floats:
    """Turn quadrilaterals so that side 0-1 runs along the ridge: along ``heading``, or the longer side if
    NaN."""
    side = np.roll(corners, -1, axis=1) - corners
    length = np.linalg.norm(side, axis=2)
    along_0 = np.abs(_cross(np.stack([np.cos(heading), np.sin(heading)], 1), side[:, 0])) / length[:, 0]
    along_1 = np.abs(_cross(np.stack([np.cos(heading), np.sin(heading)], 1), side[:, 1])) / length[:, 1]
    turn = np.where(np.isnan(heading), length[:, 0] + length[:, 2] < length[:, 1] + length[:, 3], along_1 < along_0)
    return np.where(turn[:, None, None], np.roll(corners, -1, axis=1), corners)


def _grow(q: Floats, by: float) -> Floats:
    """Move the corners of convex quadrilaterals (n, 4, 2), so that each side moves outward by ``by`` [m]."""
    side = np.roll(q, -1, axis=1) - q
    normal = np.stack([side[..., 1], -side[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=2)[..., None]
    before = np.roll(normal, 1, axis=1)
    bisector = normal + before
    return q + by * bisector * (2 / (bisector ** 2).sum(axis=2))[..., None]


def _quad_walls(shapes: Shapes, q: Floats) -> Facets:
    low = [_at(q[:, i], shapes.low) for i in range(4)]
    high = [_at(q[:, i], shapes.eaves) for i in range(4)]
    return join([quads(np.stack([low[i], low[j], high[j], high[i]], 1), shapes.owner, WALL)
                 for i, j in ((0, 1), (1, 2), (2, 3), (3, 0))])


def _quad_floors(shapes: Shapes, q: Floats, floor: NDArray[np.bool_]) -> Facets:
    low = np.stack([_at(q[:, i], shapes.low) for i in (3, 2, 1, 0)], 1)
    return quads(low[floor], shapes.owner[floor], GROUND)


def _floors(shapes: Shapes, floor: NDArray[np.bool_]) -> Facets:
    some = shapes.take(floor)
    return caps(some.polygons, some.low, some.owner, GROUND, down=True)


def _owned(piece: Facets, shapes: Shapes) -> Facets:
    return Facets(piece.positions, piece.faces, shapes.owner[piece.owner], piece.kind)


def _at(points: Floats, z: Floats) -> Floats:
    return np.column_stack([points, z])


def _cross(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

