"""The faces of CityJSON geometry: nested boundaries of any kind become one flat list of 3D polygons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.sources.shapes import SMALLEST_AREA_M2, polygonal

DEPTH = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
"""How many lists stand around the faces of each type of geometry."""


@dataclass
class Faces:
    """Faces of many objects. ``rings[i]`` are the vertex indices of one ring, ``face`` says which face it
    belongs to, outer ring first; ``owner`` and ``kind`` have one entry a face."""

    rings: list[list[int]] = field(default_factory=list)
    face: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    kind: list[str | None] = field(default_factory=list)

    def add(self, geometry: dict[str, Any], owner: int, vertices: int) -> int:
        """Add the faces of one geometry of an object; return how many were broken and left out.

        A face is broken if it has an index that is no vertex, or a ring with fewer than three.
        """
        depth = DEPTH[geometry["type"]]
        semantics = geometry.get("semantics")
        semantics = semantics if isinstance(semantics, dict) else {}
        surfaces, values = semantics.get("surfaces"), semantics.get("values")
        surfaces = surfaces if isinstance(surfaces, list) else []
        broken = 0
        for boundary, value in _faces(geometry.get("boundaries"), values, depth):
            rings = _rings(boundary, vertices)
            if not rings:
                broken += 1
                continue
            self.rings.extend(rings)
            self.face.extend([len(self.owner)] * len(rings))
            self.owner.append(owner)
            self.kind.append(_kind(surfaces, value))
        return broken

    def polygons(self, vertices: NDArray[np.float64]) -> NDArray[Any]:
        """Return the faces as polygons with heights, (faces,), from vertices (n, 3) [m]."""
        if not self.rings:
            return np.zeros(0, dtype=object)
        counts = [len(ring) for ring in self.rings]
        at = np.repeat(np.arange(len(counts)), counts)
        corners = vertices[np.concatenate([np.asarray(ring, dtype=np.int64) for ring in self.rings])]
        return shapely.polygons(shapely.linearrings(corners, indices=at), indices=np.asarray(self.face))


def _faces(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Walk down the nested lists: each face with the index of its semantic surface."""
    if not isinstance(boundaries, list):
        yield None, None
        return
    values = values if isinstance(values, list) else []
    for i, boundary in enumerate(boundaries):
        value = values[i] if i < len(values) else None
        if depth:
            yield from _faces(boundary, value, depth - 1)
        else:
            yield boundary, value


def _rings(boundary: Any, vertices: int) -> list[list[int]]:
    """The rings of a face, empty if one of them is broken. A last vertex that repeats the first is left
    out."""
    if not isinstance(boundary, list) or not boundary:
        return []
    rings = []
    for ring in boundary:
        if not isinstance(ring, list) or not all(type(i) is int and 0 <= i < vertices for i in ring):
            return []
        ring = ring[:-1] if len(ring) > 3 and ring[0] == ring[-1] else ring
        if len(ring) < 3:
            return []
        rings.append(ring)
    return rings


def _kind(surfaces: list[Any], value: Any) -> str | None:
    if type(value) is not int or not 0 <= value < len(surfaces) or not isinstance(surfaces[value], dict):
        return None
    kind = surfaces[value].get("type")
    return kind if isinstance(kind, str) else None


def footprint(faces: NDArray[Any], kinds: list[str | None]) -> shapely.Geometry:
    """Return the ground that faces (n,) cover: their ground surfaces, or all of them seen from above; may
    be empty."""
    ground = np.array([kind == "GroundSurface" for kind in kinds], dtype=bool)
    for chosen in (faces[ground], faces):
        flat = shapely.force_2d(chosen)
        flat = flat[shapely.area(flat) > SMALLEST_AREA_M2]
        crossing = ~shapely.is_valid(flat)
        flat[crossing] = [polygonal(shape) for shape in shapely.make_valid(flat[crossing])]
        shape = without_specks(polygonal(shapely.union_all(flat)))
        if shape.area > SMALLEST_AREA_M2:
            return shape
    return shapely.Polygon()


def without_specks(shape: shapely.Geometry) -> shapely.Geometry:
    """Return polygons without the specks of a hole that stay where edges of faces do not quite meet."""
    parts = []
    for part in shapely.get_parts(shape):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > SMALLEST_AREA_M2]
        parts.append(shapely.Polygon(part.exterior, holes) if len(holes) < len(part.interiors) else part)
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def heights(faces: NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest point of faces (n,) [m]."""
    z = shapely.get_coordinates(faces, include_z=True)[:, 2]
    return float(z.min()), float(z.max())
