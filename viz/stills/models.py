"""Coloured triangles, and copies of the models of ``assets/3d`` as such."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.shipped import shipped


@dataclass(frozen=True)
class Coloured:
    """Triangles with flat colours: ``positions``, ``normals`` (v, 3) float32, ``faces`` (f, 3) uint32,
    ``rgb`` (v, 3) uint8 sRGB, ``surface`` (v,) uint8. The first ``first_part`` corners are the part that may
    be repainted."""

    positions: NDArray[np.float32]
    faces: NDArray[np.uint32]
    normals: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    surface: NDArray[np.uint8]
    first_part: int = 0


@functools.cache
def asset(name: str) -> Coloured:
    """A model from ``assets/3d`` in model space: z up, facing +x, in its own colours."""
    import trimesh

    pieces = []
    for part in trimesh.load_scene(shipped("assets/3d") / f"{name}.glb").geometry.values():
        points = np.stack([part.vertices[:, 0], -part.vertices[:, 2], part.vertices[:, 1]], 1)[part.faces]
        facing = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
        facing /= np.maximum(np.linalg.norm(facing, axis=1), 1e-12)[:, None]
        value = np.asarray(part.visual.material.baseColorFactor, float)[:3] / 255
        encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
        n = 3 * len(points)
        pieces.append(Coloured(points.reshape(-1, 3).astype(np.float32), np.arange(n, dtype=np.uint32).reshape(-1, 3),
                               np.repeat(facing, 3, axis=0).astype(np.float32),
                               np.tile((encoded * 255).round().astype(np.uint8), (n, 1)), np.zeros(n, np.uint8)))
    return replace(merged(pieces), first_part=len(pieces[0].positions))


@functools.cache
def far_tree() -> Coloured:
    """A tree for the distance: one crown on one trunk, a quarter of the triangles."""
    tree = asset("tree")
    middle = tree.positions[tree.faces].mean(axis=1)
    crown = (tree.rgb[tree.faces[:, 0]] == tree.rgb[tree.first_part]).all(axis=1)
    keep = tree.faces[crown & (middle[:, 2] > 3.4)]
    used = keep.ravel()
    grown = (tree.positions[used] - np.array([0.0, 0.0, 4.9])) * np.array([1.15, 1.15, 1.0]) + np.array([0.0, 0.0, 4.7])
    return Coloured(grown.astype(np.float32), np.arange(len(used), dtype=np.uint32).reshape(-1, 3),
                    tree.normals[used], tree.rgb[used], tree.surface[used])


def placed(model: Coloured, xy: NDArray[Any], heading: NDArray[Any], size: NDArray[Any], *,
           tint: NDArray[np.uint8] | None = None, first_part_rgb: NDArray[np.uint8] | None = None) -> Coloured:
    """Copies of a model at points (n, 2), turned to headings (n,) and scaled by sizes (n,).

    ``tint`` (n, 3) multiplies the colours of each copy; ``first_part_rgb`` replaces those of the model's
    first part.
    """
    n, v = len(xy), len(model.positions)
    c, s = (f(heading).astype(np.float32)[:, None] for f in (np.cos, np.sin))

    def turned(a: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([c * a[:, 0] - s * a[:, 1], s * a[:, 0] + c * a[:, 1],
                         np.broadcast_to(a[:, 2], (n, v))], axis=2)

    positions = turned(model.positions) * size.astype(np.float32)[:, None, None]
    positions[..., :2] += np.asarray(xy, np.float32)[:, None]
    rgb = np.tile(model.rgb[None], (n, 1, 1))
    if first_part_rgb is not None:
        rgb[:, :model.first_part] = first_part_rgb
    if tint is not None:
        rgb = (rgb.astype(np.uint16) * tint[:, None].astype(np.uint16) // 235).clip(0, 255).astype(np.uint8)
    faces = (model.faces[None] + (np.arange(n, dtype=np.uint32) * v)[:, None, None]).reshape(-1, 3)
    return Coloured(positions.reshape(-1, 3), faces, turned(model.normals).reshape(-1, 3), rgb.reshape(-1, 3),
                    np.zeros(n * v, np.uint8))


def merged(pieces: list[Coloured]) -> Coloured:
    """Put pieces into one mesh."""
    shift = np.cumsum([0, *(len(p.positions) for p in pieces[:-1])])
    return Coloured(np.concatenate([p.positions for p in pieces]),
                    np.concatenate([p.faces + np.uint32(s) for p, s in zip(pieces, shift, strict=True)]),
                    np.concatenate([p.normals for p in pieces]).astype(np.float32),
                    np.concatenate([p.rgb for p in pieces]), np.concatenate([p.surface for p in pieces]))


def colour_of(code: str) -> NDArray[np.uint8]:
    """The colour (3,) that ``#rrggbb`` stands for."""
    return np.array([int(code[i:i + 2], 16) for i in (1, 3, 5)], np.uint8)
