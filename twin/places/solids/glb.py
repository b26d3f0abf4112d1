"""Binary glTF 2.0: meshes of one plain material each, optionally with feature ids for picking.

Models are z up here and y up in the file, as glTF wants it: (x, y, z) becomes (x, z, -y).
Colour stands in the material, because viewers differ on vertex colours (deck.gl shows them grey).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.places.solids.roofs import COURTYARD_WALL, GATE, GROUND, ROOF, WALL

if TYPE_CHECKING:
    from twin.places.solids import Mesh

_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_ARRAY, _INDEX = 34962, 34963
COLOURS = {WALL: "#b9b4ac", ROOF: "#7d7b78", GROUND: "#a8a39b", COURTYARD_WALL: "#a39e96", GATE: "#a3372c"}
"""Materials of :func:`to_glb` by kind."""
KINDS = {WALL: "wall", ROOF: "roof", GROUND: "ground", COURTYARD_WALL: "courtyard wall", GATE: "gate"}


@dataclass(frozen=True)
class Part:
    """A mesh of one material: ``positions`` and ``normals`` (v, 3) [m], z up; ``faces`` (f, 3); ``colour`` as
    ``#rrggbb`` (sRGB); ``features`` (v,), the feature id of each corner, if corners belong to objects."""

    name: str
    colour: str
    positions: NDArray[Any]
    faces: NDArray[Any]
    normals: NDArray[Any]
    features: NDArray[Any] | None = None
    roughness: float = 0.9
    metallic: float = 0.0


def linear(colour: str) -> list[float]:
    """Turn ``#rrggbb`` into linear red, green, blue from 0 to 1 (IEC 61966-2-1), rounded to 4 places."""
    encoded = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return [round(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4, 4) for v in encoded]


def glb(parts: Sequence[Part], *, extras: Mapping[str, Any] | None = None, feature_count: int = 0) -> bytes:
    """Write parts as one GLB with one node; ``extras`` go to the root of the JSON."""
    file = _Buffer()
    primitives, materials = [], []
    for number, part in enumerate(parts):
        attributes = {"POSITION": file.vectors(_y_up(part.positions), bounded=True),
                      "NORMAL": file.vectors(_y_up(part.normals))}
        primitive: dict[str, Any] = {"attributes": attributes, "material": number, "mode": 4}
        if part.features is not None:
            attributes["_FEATURE_ID_0"] = file.scalars(part.features)
            primitive["extensions"] = {
                "EXT_mesh_features": {"featureIds": [{"featureCount": feature_count, "attribute": 0}]}}
        primitive["indices"] = file.indices(part.faces, len(part.positions))
        primitives.append(primitive)
        materials.append({"name": part.name, "pbrMetallicRoughness": {
            "baseColorFactor": [*linear(part.colour), 1.0], "metallicFactor": part.metallic,
            "roughnessFactor": part.roughness}})
    root: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Hutong"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}], "meshes": [{"primitives": primitives}], "materials": materials,
        "accessors": file.accessors, "bufferViews": file.views, "buffers": [{"byteLength": len(file.data)}]}
    if any(part.features is not None for part in parts):
        root["extensionsUsed"] = ["EXT_mesh_features"]
    if extras:
        root["extras"] = dict(extras)
    text = json.dumps(root, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(file.data)
    return b"".join([struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data)),
                     struct.pack("<I4s", len(text), b"JSON"), text,
                     struct.pack("<I4s", len(data), b"BIN\0"), data])


def to_glb(mesh: Mesh, path: str | os.PathLike[str] | None = None) -> bytes:
    """Write a mesh as binary glTF, y up, one material a kind.

    Corners carry ``_FEATURE_ID_0`` (EXT_mesh_features); ``extras.ids`` in the root of the file names the
    objects.
    """
    parts = []
    for kind, colour in COLOURS.items():
        keep = mesh.kind == kind
        if keep.any():
            some = (np.cumsum(keep) - 1)[mesh.faces[keep[mesh.faces[:, 0]]]]
            parts.append(Part(KINDS[kind], colour, mesh.positions[keep], some, mesh.normals[keep],
                              mesh.object_index[keep]))
    if not parts:
        raise BadInput("there are no buildings to write", mend="import a map that has some")
    content = glb(parts, extras={"ids": mesh.ids}, feature_count=len(mesh.ids))
    if path is not None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return content


class _Buffer:
    """The binary chunk with its views and accessors."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def vectors(self, values: NDArray[np.float32], *, bounded: bool = False) -> int:
        more = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()} if bounded else {}
        return self._add(values, _FLOAT, "VEC3", _ARRAY, more)

    def scalars(self, values: NDArray[Any]) -> int:
        return self._add(np.asarray(values, np.float32), _FLOAT, "SCALAR", _ARRAY, {})

    def indices(self, faces: NDArray[Any], corners: int) -> int:
        short = corners < 65_535
        flat = np.asarray(faces, np.uint16 if short else np.uint32).ravel()
        return self._add(flat, _UINT16 if short else _UINT32, "SCALAR", _INDEX, {})

    def _add(self, values: NDArray[Any], component: int, shape: str, target: int, more: dict[str, Any]) -> int:
        content = np.ascontiguousarray(values).tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content), "target": target})
        self.data += content + bytes(-len(content) % 4)
        self.accessors.append({"bufferView": len(self.views) - 1, "componentType": component, "count": len(values),
                               "type": shape, **more})
        return len(self.accessors) - 1


def _y_up(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1).astype(np.float32)
