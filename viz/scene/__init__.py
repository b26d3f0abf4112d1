"""The static geometry of a district as one binary message for the browser.

Layout, little endian: ``HTC1``, version (uint32), length of the header (uint32), zero (uint32), header (JSON in UTF-8,
padded with spaces to a multiple of 8), then arrays, each at a multiple of 8 from the end of the header. The header
has ``arrays: {name: {offset, length, dtype}}`` and the names, ids and labels. Coordinates are float32 metres from
``district.origin``; objects are numbers into ``ids``, over all tables, so that whatever is drawn can be picked.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.places import District
from twin.places.solids import Mesh, solids
from viz.scene.ground import PlaceIds, cast_shadow, contact_shadow, grid_segments, ground
from viz.scene.labels import labels
from viz.scene.parts import lines_as_solids, model, placed_parts

MAGIC, VERSION = b"HTC1", 1
FRONT, TALL = 5, 9.0
"""Kind of the walls of buildings that are taller than this [m]; they are drawn with storeys."""
_DTYPES = {np.dtype(np.float32): "f4", np.dtype(np.uint32): "u4", np.dtype(np.uint8): "u1"}


def scene_bytes(district: District) -> bytes:
    """Encode everything of a district that stands still. Deterministic: equal districts give equal bytes."""
    ids = PlaceIds(district)
    arrays: dict[str, NDArray[Any]] = {"objects.table": ids.table}

    mesh = solids(district)
    own = ids.numbers(mesh.ids)[mesh.object_index] if len(mesh.ids) else np.empty(0, np.uint32)
    more = lines_as_solids(district, ids)
    arrays["solids.positions"] = np.concatenate([mesh.positions, more.positions]).astype(np.float32)
    arrays["solids.faces"] = np.concatenate([mesh.faces, more.faces + len(mesh.positions)]).astype(np.uint32)
    arrays["solids.objects"] = np.concatenate([own, more.objects]).astype(np.uint32)
    arrays["solids.kinds"] = np.concatenate([_with_fronts(mesh), more.kinds]).astype(np.uint8)

    floor = ground(district, ids)
    arrays |= {"ground.positions": floor.positions, "ground.faces": floor.faces, "ground.objects": floor.objects,
               "ground.classes": floor.classes}
    positions, faces, alphas = contact_shadow(district)
    arrays |= {"contact.positions": positions, "contact.faces": faces, "contact.alphas": alphas}
    positions, faces = cast_shadow(district)
    arrays |= {"shadow.positions": positions, "shadow.faces": faces, "grid.segments": grid_segments(district)}

    shown = {mesh.ids[k] for k in np.unique(mesh.object_index)}
    placed = placed_parts(district, ids, drawn=shown)
    for name, part in placed.items():
        arrays |= {f"parts.{name}.xyz": part.xyz, f"parts.{name}.heading": part.heading,
                   f"parts.{name}.scale": part.scale, f"parts.{name}.objects": part.objects}
        shape = model(name)
        arrays |= {f"model.{name}.positions": shape.positions, f"model.{name}.normals": shape.normals,
                   f"model.{name}.colors": shape.colors, f"model.{name}.faces": shape.faces}
    west, south, east, north = district.bounds
    x, y = district.origin
    header = {"name": district.name, "crs": district.crs.to_string(), "origin": [x, y],
              "attribution": district.attribution, "bounds": [west - x, south - y, east - x, north - y],
              "tables": ids.tables, "ids": ids.ids, "names": ids.names, "labels": labels(district),
              "models": sorted(placed), "parts": sorted(placed)}
    return encode(header, arrays)


def _with_fronts(mesh: Mesh) -> NDArray[np.uint8]:
    """Kinds (v,) of the mesh, with the walls of tall buildings as a kind of their own."""
    top = np.zeros(len(mesh.ids))
    np.maximum.at(top, mesh.object_index, mesh.positions[:, 2])
    tall = (top[mesh.object_index] > TALL) if len(top) else np.zeros(0, bool)
    return np.where((mesh.kind == 0) & tall, FRONT, mesh.kind).astype(np.uint8)


def encode(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Put a header and named arrays (float32, uint32 or uint8; any shape) into one message."""
    index, chunks, offset = {}, [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array)
        index[name] = {"offset": offset, "length": int(raw.size), "dtype": _DTYPES[raw.dtype]}
        data = raw.tobytes()
        data += b"\0" * (-len(data) % 8)
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header | {"arrays": index}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([MAGIC, struct.pack("<III", VERSION, len(text), 0), text, *chunks])


def decode(message: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Take a message apart again: the header and the arrays, flat; the counterpart of :func:`encode`."""
    magic, version, length = message[:4], *struct.unpack_from("<II", message, 4)
    if magic != MAGIC or version != VERSION:
        raise ValueError("this is not a scene message of this version")
    header = json.loads(message[16:16 + length])
    start = 16 + length
    arrays = {name: np.frombuffer(message, entry["dtype"], entry["length"], start + entry["offset"])
              for name, entry in header["arrays"].items()}
    return header, arrays


__all__ = ["decode", "encode", "scene_bytes"]
