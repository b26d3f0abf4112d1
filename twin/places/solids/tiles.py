"""3D Tiles 1.1: a district's solids as tiles that globe viewers such as Cesium stream.

One GLB a cell under one ``tileset.json``. Tiles are in metres east, north and up of the district's origin;
the root's transform puts them on the WGS84 ellipsoid.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from twin.errors import BadInput
from twin.places.district import District
from twin.places.solids import Mesh, solids, to_glb

CELL = 300.0
"""Edge of a tile [m]."""
_STEP = 100.0
"""Distance over which the map's east and north are measured on the earth [m]."""


def write_tiles(district: District, folder: str | os.PathLike[str], *, cell: float = CELL) -> Path:
    """Write a district as 3D Tiles into ``folder`` and return the path of its ``tileset.json``.

    A building lies whole in the cell that the middle of its box lies in. The folder is made under another
    name first and then moved; a folder that was written before is replaced, any other that is not empty is
    refused.
    """
    folder = Path(folder)
    placed = transform(district)
    if folder.exists() and not _ours(folder):
        raise BadInput("this is in use for something else", where=str(folder), mend="name a new folder")
    mesh = solids(district)
    if not len(mesh.faces):
        raise BadInput("the district has no buildings", where=district.name, mend="import a map that has some")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _write(mesh, placed, draft, cell, district)
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder / "tileset.json"


def _ours(folder: Path) -> bool:
    """Whether a folder is empty, or holds nothing but what :func:`write_tiles` writes."""
    if not folder.is_dir():
        return False
    inside = list(folder.iterdir())
    tileset = folder / "tileset.json"
    if any(file.suffix != ".glb" and file != tileset for file in inside):
        return False
    return not inside or (tileset.is_file() and '"generator": "Hutong"' in tileset.read_text(encoding="utf-8")[:400])


def transform(district: District) -> NDArray[np.float64]:
    """Matrix (4, 4) from metres east, north, up of the district's origin to earth-centred WGS84 (EPSG:4978)
    [m].

    East and north are those of the map, measured on the ellipsoid, so that the convergence of the grid and
    its scale are in it. Heights are taken as heights over the ellipsoid.
    """
    if district.crs.is_engineering:
        raise BadInput("this district lies nowhere on the earth", where=district.name,
                       mend="import it again with its CRS (`--crs EPSG:...`)")
    x, y = district.origin
    to_degrees = Transformer.from_crs(_flat(district.crs), 4326, always_xy=True)
    to_earth = Transformer.from_crs(4979, 4978, always_xy=True)

    def on_earth(east: float, north: float, up: float) -> NDArray[np.float64]:
        lon, lat = to_degrees.transform(east, north)
        return np.array(to_earth.transform(lon, lat, up))

    east = (on_earth(x + _STEP, y, 0) - on_earth(x - _STEP, y, 0)) / (2 * _STEP)
    north = (on_earth(x, y + _STEP, 0) - on_earth(x, y - _STEP, 0)) / (2 * _STEP)
    up = on_earth(x, y, 1.0) - on_earth(x, y, 0.0)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = east, north, up, on_earth(x, y, 0.0)
    return matrix


def _flat(crs: CRS) -> CRS:
    """The horizontal part of a CRS that may have heights too."""
    return crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()


def _write(mesh: Mesh, placed: NDArray[np.float64], folder: Path, cell: float, district: District) -> None:
    low, high = _boxes(mesh)
    cells = np.floor((low + high)[:, :2] / 2 / cell).astype(int)
    children = []
    for column, row in sorted({(int(c), int(r)) for c, r in cells}):
        here = (cells == (column, row)).all(axis=1)
        part = mesh.where(here[mesh.object_index])
        name = f"{column}_{row}.glb"
        to_glb(part, folder / name)
        children.append({"boundingVolume": {"box": _box(part)}, "geometricError": 0.0, "content": {"uri": name}})
    size = float(np.linalg.norm(mesh.positions.max(axis=0) - mesh.positions.min(axis=0)))
    tileset: dict[str, Any] = {
        "asset": {"version": "1.1", "generator": "Hutong", "extras": {
            "district": district.name, "crs": district.crs.to_string(), "attribution": district.attribution}},
        "geometricError": round(max(size, 1.0), 1),
        "root": {"transform": placed.T.ravel().tolist(), "boundingVolume": {"box": _box(mesh)},
                 "geometricError": round(max(size / 8, 1.0), 1), "refine": "ADD", "children": children}}
    (folder / "tileset.json").write_text(json.dumps(tileset, ensure_ascii=False, indent=1), encoding="utf-8")


def _boxes(mesh: Mesh) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest corners (n, 3) of the objects of a mesh."""
    low = np.full((len(mesh.ids), 3), np.inf, np.float32)
    high = -low
    np.minimum.at(low, mesh.object_index, mesh.positions)
    np.maximum.at(high, mesh.object_index, mesh.positions)
    empty = ~np.isfinite(low[:, 0])
    low[empty] = high[empty] = mesh.positions[0]
    return low, high


def _box(mesh: Mesh) -> list[float]:
    """The mesh's box as 3D Tiles states it: its centre and three half axes."""
    low, high = mesh.positions.min(axis=0).astype(float), mesh.positions.max(axis=0).astype(float)
    centre, half = (low + high) / 2, (high - low) / 2 + 0.01
    return [*centre.tolist(), *np.diag(half).ravel().tolist()]
