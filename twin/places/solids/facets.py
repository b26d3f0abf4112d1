"""Triangulated pieces of a mesh: walls along edges, caps over polygons, quadrilaterals.

Everything here works on whole arrays of polygons at once; only the ear clipping of a cap is called polygon
by polygon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import mapbox_earcut
import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Facets:
    """Triangles with what they belong to.

    ``positions`` (v, 3) float64 [m]; ``faces`` (f, 3) int64, counter-clockwise seen from outside; ``owner``
    (v,) int64, the row of the object; ``kind`` (v,) uint8. Corners are shared within a flat facet only, so
    shading stays crisp.
    """

    positions: Floats
    faces: Ints
    owner: Ints
    kind: NDArray[np.uint8]


@dataclass(frozen=True)
class Edges:
    """Directed boundary edges with the inside on their left: ``start``, ``end`` (e, 2) [m], ``owner`` (e,)
    int64."""

    start: Floats
    end: Floats
    owner: Ints


def join(pieces: Sequence[Facets]) -> Facets:
    """Put pieces into one."""
    if not pieces:
        return facets(np.empty((0, 3)), np.empty((0, 3), np.int64), np.empty(0, np.int64), 0)
    shift = np.cumsum([0, *(len(p.positions) for p in pieces[:-1])])
    return Facets(np.concatenate([p.positions for p in pieces]),
                  np.concatenate([p.faces + s for p, s in zip(pieces, shift, strict=True)]),
                  np.concatenate([p.owner for p in pieces]), np.concatenate([p.kind for p in pieces]))


def facets(positions: Floats, faces: Ints, owner: Ints, kind: int) -> Facets:
    """Make a piece that is of one kind all over."""
    return Facets(np.asarray(positions, float), np.asarray(faces, np.int64), np.asarray(owner, np.int64),
                  np.full(len(positions), kind, np.uint8))


def polygon_parts(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], Ints]:
    """Split (multi)polygons into polygons, with the row that each came from; empty and degenerate ones fall
    away."""
    parts, rows = shapely.get_parts(np.asarray(geometry, object), return_index=True)
    good = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 1e-6)
    return parts[good], np.asarray(rows, np.int64)[good]


def boundary_edges(polygons: NDArray[np.object_], owner: Ints) -> Edges:
    """Edges of the shells and holes of polygons (n,), turned so that the inside lies to the left of each."""
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    if not len(rings):
        return Edges(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, np.int64))
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    same = of_ring[1:] == of_ring[:-1]
    start, end, ring = points[:-1][same], points[1:][same], of_ring[:-1][same]
    long = np.any(start != end, axis=1)
    start, end, ring = start[long], end[long], ring[long]
    first_ring = np.searchsorted(of_polygon, np.arange(len(polygons)))
    is_shell = np.zeros(len(rings), bool)
    is_shell[first_ring] = True
    base = points[np.searchsorted(of_ring, np.arange(len(rings)))][ring]
    a, b = start - base, end - base
    doubled = np.bincount(ring, a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], minlength=len(rings))
    backward = ((doubled > 0) != is_shell)[ring][:, None]
    return Edges(np.where(backward, end, start), np.where(backward, start, end), owner[of_polygon[ring]])


def walls(edges: Edges, low: Floats, high: Floats, kind: int) -> Facets:
    """Upright quadrilaterals on edges (e,), from ``low`` (e,) up to ``high``, (e,) or (e, 2) at start and
    end [m]."""
    high = np.broadcast_to(high[:, None] if high.ndim == 1 else high, (len(edges.owner), 2))
    corners = np.empty((len(edges.owner), 4, 3))
    corners[:, 0, :2] = corners[:, 3, :2] = edges.start
    corners[:, 1, :2] = corners[:, 2, :2] = edges.end
    corners[:, 0, 2] = corners[:, 1, 2] = low
    corners[:, 2, 2], corners[:, 3, 2] = high[:, 1], high[:, 0]
    return quads(corners, edges.owner, kind)


def quads(corners: Floats, owner: Ints, kind: int) -> Facets:
    """Quadrilaterals from corners (n, 4, 3), counter-clockwise seen from outside."""
    faces = (4 * np.arange(len(corners))[:, None] + np.array([0, 1, 2, 0, 2, 3])).reshape(-1, 3)
    return facets(corners.reshape(-1, 3), faces, np.repeat(owner, 4), kind)


def triangles(corners: Floats, owner: Ints, kind: int) -> Facets:
    """Triangles from corners (n, 3, 3), counter-clockwise seen from outside."""
    return facets(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3), np.repeat(owner, 3), kind)


def caps(polygons: NDArray[np.object_], height: Floats, owner: Ints, kind: int, *, down: bool = False) -> Facets:
    """Level lids over polygons (n,) at ``height`` (n,) [m], seen from above, or from below with ``down``."""
    points, faces, of_polygon = ear_clip(polygons)
    positions = np.column_stack([points, np.asarray(height, float)[of_polygon]])
    return facets(positions, faces[:, ::-1] if down else faces, owner[of_polygon], kind)


def ear_clip(polygons: NDArray[np.object_]) -> tuple[Floats, Ints, Ints]:
    """Triangulate polygons (n,) with holes.

    Returns points (v, 2), triangles (f, 3) counter-clockwise, and the polygon (v,) of each point. No point
    is added: every triangle corner is a corner of its polygon.
    """
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    keep = np.ones(len(points), bool)
    keep[:-1] = of_ring[1:] == of_ring[:-1]      # the closing point of a ring repeats its first
    if len(keep):
        keep[-1] = False
    points, of_ring = points[keep], of_ring[keep]
    faces, point_polygon = clip_rings(points, np.bincount(of_ring, minlength=len(rings)), of_polygon, len(polygons))
    a, b, c = (points[faces[:, i]] for i in range(3))
    of_face = point_polygon[faces[:, 0]]
    doubled = np.bincount(of_face, _cross(b - a, c - a), minlength=len(polygons))
    clockwise = doubled[of_face] < 0              # all triangles of a polygon turn the same way
    faces[clockwise] = faces[clockwise, ::-1]
    return points, faces, point_polygon


def clip_rings(points: Floats, ring_sizes: Ints, of_polygon: Ints, polygons: int) -> tuple[Ints, Ints]:
    """Ear-clip rings that lie one after the other in ``points`` (v, 2), each polygon's shell first.

    Returns triangles (f, 3) that index ``points``, and the polygon (v,) of each point.
    """
    ring_ends = np.cumsum(ring_sizes)
    rings_until = np.cumsum(np.bincount(of_polygon, minlength=polygons))
    found: list[Ints] = []
    start = first_ring = 0
    for last_ring in rings_until.tolist():
        if last_ring == first_ring:
            continue
        ends = ring_ends[first_ring:last_ring]
        stop = int(ends[-1])
        if stop - start == 4 and last_ring - first_ring == 1 and _convex(points[start:stop].tolist()):
            found.append(np.array([0, 1, 2, 0, 2, 3]) + start)
        else:
            local = points[start:stop] - points[start]
            ends = ends - start
            some = mapbox_earcut.triangulate_float64(local, ends.astype(np.uint32)).astype(np.int64).reshape(-1, 3)
            if len(some) < len(local) + 2 * (len(ends) - 2):
                some = np.concatenate([some, _slivers(local, ends, some)])
            found.append(some.ravel() + start)
        start, first_ring = stop, last_ring
    faces = np.concatenate(found).reshape(-1, 3) if found else np.empty((0, 3), np.int64)
    return faces, np.repeat(of_polygon, ring_sizes)


def _slivers(points: Floats, ring_ends: Ints, faces: Ints) -> Ints:
    """Triangles without area (s, 3) that close the cracks of an ear clipping.

    Ear clipping passes over a corner that lies on the line between two others, which leaves a long edge on one
    side and two short ones on the other. ``ring_ends`` (r,) are the ends of the rings in ``points`` (v, 2).
    """
    a, b, c = (points[faces[:, i]] for i in range(3))
    turn = _cross(b - a, c - a).sum()
    taken = {(i, j) for f in faces.tolist() for i, j in zip(f, [*f[1:], f[0]], strict=True)}
    outline = set()
    for number, (start, end) in enumerate(zip([0, *ring_ends[:-1].tolist()], ring_ends.tolist(), strict=True)):
        ring = list(range(start, end))
        ring_turn = _cross(points[ring], np.roll(points[ring], -1, axis=0)).sum() * (-1 if number else 1)
        ring = ring if (ring_turn > 0) == (turn > 0) else ring[::-1]
        outline |= set(zip(ring, [*ring[1:], ring[0]], strict=True))
    after: dict[int, list[int]] = {}
    for i, j in sorted(outline - taken) + sorted((j, i) for i, j in taken - outline if (j, i) not in taken):
        after.setdefault(i, []).append(j)
    found = []
    for first in sorted(after):
        while after[first]:
            loop = [first]
            while after.get(loop[-1]) and (following := after[loop[-1]].pop()) != first:
                loop.append(following)
            found += [(first, i, j) for i, j in pairwise(loop[1:])]
    return np.array(found, np.int64).reshape(-1, 3)


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _convex(q: list[list[float]]) -> bool:
    turns = [(q[i - 1][0] - q[i - 2][0]) * (q[i][1] - q[i - 1][1])
             - (q[i - 1][1] - q[i - 2][1]) * (q[i][0] - q[i - 1][0]) for i in range(4)]
    return all(t > 1e-9 for t in turns) or all(t < -1e-9 for t in turns)
