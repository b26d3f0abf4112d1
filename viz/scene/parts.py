"""What stands on the street: small models at their places, walls and barriers along their lines.

Models come from ``assets/3d/*.glb`` (metres, y up in the file); a kind that has none there is put together from
boxes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.places import District
from viz.scene.ground import PlaceIds, triangulated
from viz.shipped import shipped

ASSETS = shipped("assets/3d")
WALL, OTHER = 3, 2
"""Kinds of :class:`twin.places.solids.Mesh` that walls and barriers are drawn as."""
WALL_HEIGHT, BARRIER_HEIGHT = 2.2, 1.1

Box = tuple[tuple[float, float, float], tuple[float, float, float], tuple[int, int, int]]
"""Centre of the bottom, size, colour."""
MODELS: dict[str, tuple[Box, ...]] = {
    "lamp": (((0, 0, 0), (0.16, 0.16, 5.0), (92, 92, 96)), ((0.5, 0, 4.9), (1.1, 0.12, 0.12), (92, 92, 96)),
             ((0.95, 0, 4.78), (0.5, 0.24, 0.12), (246, 236, 200))),
    "hydrant": (((0, 0, 0), (0.26, 0.26, 0.7), (176, 44, 36)), ((0, 0, 0.42), (0.2, 0.5, 0.16), (176, 44, 36))),
    "camera": (((0, 0, 0), (0.12, 0.12, 4.2), (120, 122, 126)), ((0.25, 0, 4.1), (0.5, 0.18, 0.18), (228, 230, 232))),
    "gate": (((0, -1.4, 0), (0.3, 0.3, 2.6), (150, 46, 36)), ((0, 1.4, 0), (0.3, 0.3, 2.6), (150, 46, 36)),
             ((0, 0, 2.5), (0.5, 3.4, 0.3), (96, 96, 98))),
    "barrier": (((0, 0, 0.1), (0.08, 2.0, 1.0), (200, 176, 60)),),
    "bollard": (((0, 0, 0), (0.18, 0.18, 0.8), (110, 110, 112)),),
    "tree": (((0, 0, 0), (0.3, 0.3, 2.2), (110, 92, 74)), ((0, 0, 1.8), (3.0, 3.0, 1.4), (134, 152, 112)),
             ((0, 0, 3.1), (3.8, 3.8, 1.5), (142, 160, 118)), ((0, 0, 4.5), (2.4, 2.4, 1.2), (152, 168, 126))),
    "metro_entrance": (((0, 0, 0), (6.0, 0.3, 1.1), (150, 154, 160)), ((-2.8, 0, 0), (0.4, 3.6, 3.2), (150, 154, 160)),
                       ((0, 0, 3.0), (6.4, 4.0, 0.25), (88, 96, 110)),
                       ((3.0, 1.9, 0), (0.25, 0.25, 3.6), (40, 70, 150))),
    "bus_stop": (((0, 0, 2.3), (4.0, 1.5, 0.12), (90, 98, 106)), ((0, -0.6, 0), (4.0, 0.08, 2.3), (170, 182, 190))),
    "bench": (((0, 0, 0.3), (0.45, 1.6, 0.12), (132, 104, 76)),),
    "bin": (((0, 0, 0), (0.4, 0.4, 0.9), (78, 96, 84)),),
    "sign": (((0, 0, 0), (0.08, 0.08, 2.2), (120, 122, 126)), ((0, 0, 1.7), (0.06, 0.7, 0.5), (38, 84, 150))),
    "toilet": (((0, 0, 0), (3.0, 3.0, 2.6), (196, 192, 184)), ((0, 0, 2.6), (3.4, 3.4, 0.3), (120, 122, 124))),
    "manhole": (((0, 0, 0), (0.7, 0.7, 0.04), (130, 130, 130)),),
    "door": (((0, 0, 0), (0.25, 1.2, 2.1), (158, 54, 42)),),
}
"""Models from boxes, x forwards, by kind of part; ``door`` is an entrance that no wall was drawn around."""


@dataclass(frozen=True)
class Model:
    """A small mesh, z up: positions (v, 3), normals (v, 3) float32, colors (v, 4) uint8, faces (f, 3) uint32."""

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    colors: NDArray[np.uint8]
    faces: NDArray[np.uint32]


@dataclass(frozen=True)
class Placed:
    """Where the copies of a model stand: xyz (n, 3) [m], heading (n,) [rad], scale (n, 3), objects (n,) uint32."""

    xyz: NDArray[np.float32]
    heading: NDArray[np.float32]
    scale: NDArray[np.float32]
    objects: NDArray[np.uint32]


@dataclass(frozen=True)
class Upright:
    """Walls and barriers: positions (v, 3), faces (f, 3), objects (v,), kinds (v,)."""

    positions: NDArray[np.float32]
    faces: NDArray[np.uint32]
    objects: NDArray[np.uint32]
    kinds: NDArray[np.uint8]


@cache
def model(kind: str) -> Model:
    """The model of a kind of part: from its file, else from boxes."""
    file = ASSETS / f"{kind}.glb"
    return _from_file(file) if file.is_file() else _from_boxes(MODELS[kind])


def _from_file(file: Path) -> Model:
    import trimesh

    scene: Any = trimesh.load_scene(file)
    pieces = []
    for mesh in scene.dump(concatenate=False):
        material = getattr(mesh.visual, "material", None)
        color = np.asarray(material.main_color if material is not None else mesh.visual.main_color, float)
        color[:3] = 255 * (color[:3] / 255) ** (1 / 2.2)  # glTF counts in light, the screen in sRGB
        flat = mesh.triangles.reshape(-1, 3)  # corners of their own: faces stay flat
        normals = np.repeat(mesh.face_normals, 3, axis=0)
        pieces.append((flat, normals, np.tile(color.astype(np.uint8), (len(flat), 1))))
    positions, normals, colors = (np.concatenate(column) for column in zip(*pieces, strict=True))
    upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up in the file, z up here
    return Model((positions @ upright.T).astype(np.float32), (normals @ upright.T).astype(np.float32), colors,
                 np.arange(len(positions), dtype=np.uint32).reshape(-1, 3))


def _from_boxes(boxes: tuple[Box, ...]) -> Model:
    unit = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]])
    sides = np.array([[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7]])
    facing = np.array([[0, -1, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    positions, colors = [], []
    for centre, size, color in boxes:
        corners = np.asarray(centre) + unit * (np.asarray(size) * [0.5, 0.5, 1.0])
        positions.append(corners[sides].reshape(-1, 3))
        colors.append(np.tile([*color, 255], (20, 1)))
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    faces = (np.arange(5 * len(boxes)) * 4)[:, None, None] + quad
    normals = np.tile(np.repeat(facing, 4, axis=0), (len(boxes), 1))
    return Model(np.concatenate(positions).astype(np.float32), normals.astype(np.float32),
                 np.concatenate(colors).astype(np.uint8), faces.reshape(-1, 3).astype(np.uint32))


def placed_parts(district: District, ids: PlaceIds, drawn: set[str]) -> dict[str, Placed]:
    """Where every model stands, by kind; entrances that the walls do not already show (``drawn``) are doors."""
    out = {}
    parts = district.parts
    points = parts[(parts.geometry.geom_type == "Point").to_numpy()]
    for kind, rows in points.groupby("kind", sort=True):
        if kind not in MODELS:
            continue
        top = float(model(str(kind)).positions[:, 2].max())
        scale = np.clip(rows["height"].to_numpy(float) / top, 0.3, 4.0) if kind not in ("gate", "camera") else (
            np.ones(len(rows)))
        scale = np.where(np.isnan(scale), 1.0, scale)
        if kind == "tree":
            scale *= 0.85 + 0.3 * (np.arange(len(rows)) * 0.618 % 1)  # an avenue of equal trees looks drawn
        out[str(kind)] = _placed(district, rows, ids, np.repeat(scale[:, None], 3, axis=1))
    doors = district.entrances[~district.entrances["id"].isin(drawn).to_numpy()]
    if len(doors):
        wide = np.nan_to_num(doors["width"].to_numpy(float), nan=1.2)
        ones = np.ones(len(doors))
        out["door"] = _placed(district, doors, ids, np.column_stack([ones, wide / 1.2, ones]))
    return out


def _placed(district: District, rows, ids: PlaceIds, scale: NDArray[np.float64]) -> Placed:  # type: ignore[no-untyped-def]
    xy = shapely.get_coordinates(rows.geometry.to_numpy()) - np.asarray(district.origin)
    heading = np.nan_to_num(rows["heading"].to_numpy(float))
    return Placed(np.column_stack([xy, np.zeros(len(xy))]).astype(np.float32), heading.astype(np.float32),
                  scale.astype(np.float32), ids.numbers(rows["id"]))


def lines_as_solids(district: District, ids: PlaceIds) -> Upright:
    """Walls and barriers of the table of parts, raised along their lines."""
    parts = district.parts
    rows = parts[(shapely.get_dimensions(parts.geometry.to_numpy()) == 1)
                 & ~parts["kind"].isin(["gate"]).to_numpy()]
    wall = (rows["kind"] == "wall").to_numpy()
    thick = np.where(rows["width"].notna(), rows["width"].astype(float), np.where(wall, 0.3, 0.1))
    tall = np.where(rows["height"].notna(), rows["height"].astype(float), np.where(wall, WALL_HEIGHT, BARRIER_HEIGHT))
    outlines = shapely.orient_polygons(shapely.buffer(rows.geometry.to_numpy(), thick / 2, cap_style="flat",
                                                      join_style="mitre", mitre_limit=2.0))
    return raised(outlines, tall, ids.numbers(rows["id"]), np.where(wall, WALL, OTHER).astype(np.uint8),
                  district.origin)


def raised(outlines: NDArray[np.object_], tall: NDArray[np.float64], objects: NDArray[np.uint32],
           kinds: NDArray[np.uint8], origin: tuple[float, float]) -> Upright:
    """Prisms over polygons (n,) of heights (n,): walls and tops."""
    top, faces, owner = triangulated(outlines, origin)
    if not len(top):
        return Upright(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint32), np.empty(0, np.uint32),
                       np.empty(0, np.uint8))
    top = top.copy()
    top[:, 2] = tall[owner]
    rings, part_of = shapely.get_rings(outlines, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    points = points - np.asarray(origin)
    same = point_of[1:] == point_of[:-1]
    a, b, of = points[:-1][same], points[1:][same], part_of[point_of[:-1][same]]
    low, high = np.zeros(len(a)), tall[of]
    sides = np.stack([np.column_stack([a, low]), np.column_stack([b, low]), np.column_stack([b, high]),
                      np.column_stack([a, high])], axis=1).reshape(-1, 3)
    quads = (np.arange(len(a)) * 4)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    whose = np.concatenate([owner, np.repeat(of, 4)])
    return Upright(np.concatenate([top, sides]).astype(np.float32),
                   np.concatenate([faces, quads.reshape(-1, 3) + len(top)]).astype(np.uint32),
                   objects[whose], kinds[whose])
