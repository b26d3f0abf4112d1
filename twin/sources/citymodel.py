"""A CityJSON document: its header, objects and vertices, whole or as a sequence of features."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from twin.errors import BadInput
from twin.sources.imported import Tally
from twin.sources.projection import OFF_THE_EARTH, horizontal, metric_for, needs_crs, parse_crs
from twin.sources.recognise import parse_json, read_text

VERSIONS = ("1.0", "1.1", "2.0")


@dataclass
class CityModel:
    """What stands in a file: objects by id, and all vertices (n, 3) float64 in the units of the file."""

    header: dict[str, Any]
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    vertices: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))


def read_whole(path: Path, tally: Tally) -> CityModel:
    """Read a document that is one JSON object."""
    model = _header(parse_json(read_text(path), path.name, object_pairs_hook=_first_of_each(tally)),
                    path.name)
    _take(model, model.header, tally, path.name)
    return model


def read_sequence(path: Path, tally: Tally) -> CityModel:
    """Read a sequence: it has a header in its first line and one feature with vertices of its own in every
    other line."""
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    hook = _first_of_each(tally)
    model = _header(parse_json(lines[0], path.name, object_pairs_hook=hook), path.name)
    _take(model, model.header, tally, path.name)
    for number, line in enumerate(lines[1:], start=2):
        where = f"{path.name}, line {number}"
        feature = parse_json(line, where, object_pairs_hook=hook)
        if not isinstance(feature, dict) or feature.get("type") != "CityJSONFeature":
            tally.drop("line that is not a CityJSONFeature")
            continue
        _take(model, feature, tally, where)
    return model


def _first_of_each(tally: Tally) -> Any:
    """A reader of JSON objects that keeps the first value of a key that stands twice."""
    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs):
            tally.drop("duplicate id", len(pairs) - len(kept))
            kept = dict(reversed(pairs))
            kept = {key: kept[key] for key, _ in pairs}
        return kept
    return keep


def _header(document: Any, where: str) -> CityModel:
    if not isinstance(document, dict):
        raise BadInput("a CityJSON file is one JSON object", where=where, mend="export it again")
    version = str(document.get("version"))
    if not version.startswith(VERSIONS):
        raise BadInput(f"this is CityJSON version {version[:20]}, Hutong reads {', '.join(VERSIONS)}",
                       where=where,
                       mend="upgrade the file with `cjio FILE upgrade save OUT`")
    return CityModel(document)


def _take(model: CityModel, part: dict[str, Any], tally: Tally, where: str) -> None:
    """Add the objects and vertices of a document or feature to the model."""
    objects = part.get("CityObjects", {})
    if not isinstance(objects, dict):
        raise BadInput("`CityObjects` is not an object with one entry an id", where=where,
                       mend="export it again")
    offset = len(model.vertices)
    vertices = _vertices(part.get("vertices", []), model.header.get("transform"), where)
    model.vertices = np.concatenate([model.vertices, vertices]) if offset else vertices
    for key, item in objects.items():
        if key in model.objects:
            tally.drop("duplicate id")
        elif not isinstance(item, dict) or not isinstance(item.get("type"), str):
            tally.drop("object without a type")
        else:
            model.objects[key] = {**item, "_vertices": (offset, len(vertices))}


def _vertices(raw: Any, transform: Any, where: str) -> NDArray[np.float64]:
    """Vertices (n, 3), scaled and moved as the header says."""
    mend = "export it again"
    try:
        table = np.array(raw if raw else np.zeros((0, 3)), dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput("`vertices` is not a list of three numbers each", where=where, mend=mend) from error
    if table.ndim != 2 or table.shape[1] != 3:
        raise BadInput("`vertices` is not a list of three numbers each", where=where, mend=mend)
    if transform is None:
        return table
    try:
        scale = np.array(transform["scale"], dtype=np.float64)
        translate = np.array(transform["translate"], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
        raise BadInput("`transform` needs `scale` and `translate`, three numbers each", where=where,
                       mend=mend) from error
    if scale.shape != (3,) or translate.shape != (3,) or not np.isfinite([scale, translate]).all():
        raise BadInput("`transform` needs `scale` and `translate`, three numbers each", where=where,
                       mend=mend)
    with np.errstate(over="ignore", invalid="ignore"):
        return table * scale + translate


def place(model: CityModel, crs: CRS | None, tally: Tally) -> CRS:
    """Bring the vertices of a model into the CRS of its district, which is returned: ``crs`` or the one
    that the model states. Vertices that are not numbers, or not on the earth, become NaN."""
    stated = _stated_crs(model.header, tally.where)
    source = stated if stated is not None else crs
    if source is None:
        raise needs_crs(tally.where)
    with np.errstate(invalid="ignore"):
        good = np.array((np.abs(model.vertices) < OFF_THE_EARTH).all(axis=1), ndmin=1)
    if not good.any():
        raise BadInput("there is no vertex with numbers in this file", where=tally.where,
                       mend="export it again")
    corners = model.vertices[good][:, :2]
    model.vertices = np.where(good[:, None], model.vertices, np.nan)
    box = np.median(corners, axis=0)
    target = crs if crs is not None and stated is not None else metric_for(source, np.r_[box, box], tally)
    source = horizontal(source)
    if target != source and not source.is_engineering:
        x, y = Transformer.from_crs(source, target, always_xy=True).transform(*model.vertices[:, :2].T)
        model.vertices = np.column_stack([x, y, model.vertices[:, 2]])
        model.vertices[~np.isfinite(model.vertices).all(axis=1)] = np.nan
    return target


def _stated_crs(header: dict[str, Any], where: str) -> CRS | None:
    metadata = header.get("metadata")
    text = metadata.get("referenceSystem") if isinstance(metadata, dict) else None
    if text is None and isinstance(metadata, dict):
        crs = metadata.get("crs")
        text = crs.get("epsg") if isinstance(crs, dict) else None
    if text is None or text == "":
        return None
    codes = re.findall(r"EPSG\D*(?:\d+(?:\.\d+)*/|:\d*:)?:?(\d{4,6})", str(text), flags=re.I) or \
        re.findall(r"^\d{4,6}$", str(text))
    return parse_crs(f"EPSG:{codes[0]}" if codes else text, where)
