"""Importers: a map in any of the formats that cities keep becomes a district.

One module a format. :func:`read` tells them apart by content, and says in one sentence what is wrong with a
file that cannot be used. What an importer drops, it counts; what it assumes, it notes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twin.errors import BadInput
from twin.sources.cityjson import read_cityjson
from twin.sources.floorplan import read_dxf, read_wkt
from twin.sources.imported import Import, summary
from twin.sources.osm import read_osm
from twin.sources.projection import given_crs
from twin.sources.recognise import FORMATS, OSM, recognise
from twin.sources.vector import read_vector

Columns = Mapping[str, str] | Mapping[str, Mapping[str, str]]


def read(path: str | os.PathLike[str], *, crs: Any = None,
         format: str | None = None,  # noqa: A002 - the word of the command line
         columns: Columns | None = None, name: str | None = None) -> Import:
    """Read a map into a district.

    ``crs`` is the CRS of a file that states none; a file that states one is projected to it. It must be
    projected, in metres. ``format`` is one of :data:`twin.sources.recognise.FORMATS` and only needed where
    the name of a file says something else than its content. ``columns`` says which columns of a vector file
    hold what: ``{"buildings": {"layer": "huizen", "height": "H_MAX", "id": "fid"}}``, or ``{"height":
    "H_MAX"}`` for every table that has such a column. ``name`` is the name of the district, the name of the
    file if missing.

    Raises :class:`twin.errors.BadInput` for anything that cannot be used.
    """
    path = Path(path)
    known = recognise(path, format)
    target = given_crs(crs, path.name)
    name = name or _stem(path)
    if columns and known not in ("geojson", "gpkg", "shp"):
        raise BadInput(f"the columns of {FORMATS[known]} have fixed meanings", where=path.name,
                       mend="leave --column away")
    if known in OSM:
        return read_osm(path, target, name, known)
    if known in ("cityjson", "cityjsonseq"):
        return read_cityjson(path, target, name, known)
    if known == "wkt":
        return read_wkt(path, target, name)
    if known == "dxf":
        return read_dxf(path, target, name)
    return read_vector(path, target, name, known, columns)


def _stem(path: Path) -> str:
    name = path.name
    while (suffix := Path(name).suffix.lower()) in (
            ".gz", ".bz2", ".pbf", ".osm", ".json", ".jsonl", ".city", ".xml", ".geojson", ".gpkg", ".shp",
            ".wkt",
            ".txt", ".dxf") and Path(name).stem:
        name = name[:-len(suffix)]
    return name


__all__ = ["Import", "read", "summary"]
