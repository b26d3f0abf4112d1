"""Features that carry OpenStreetMap tags as properties, as exports of OpenStreetMap to GeoJSON or Shapefile
do."""

from __future__ import annotations

from typing import Any

import pandas as pd

from twin.sources.imported import Tally
from twin.sources.osm.buildings import building_of, is_building, is_part
from twin.sources.osm.parts import line_kind, part_of, point_kind
from twin.sources.osm.places import area_kind, area_of, bay_of, courtyard_of, is_courtyard, is_parking
from twin.sources.osm.streets import street_of
from twin.sources.osm.tags import Tags

TELLING = {"polygon": ("building", "building:part", "leisure", "natural", "landuse", "amenity", "highway"),
           "line": ("highway", "barrier"), "point": ("highway", "barrier", "natural", "amenity", "emergency",
                                                     "man_made",
                                                     "railway")}
"""Columns that make a layer one of tagged features, by geometry; their values have to be words."""

Row = dict[str, Any]


def has_tags(properties: pd.DataFrame, geometry: str) -> bool:
    """Whether a layer has columns that are keys of OpenStreetMap, with words in them."""
    for key in TELLING[geometry]:
        if key in properties.columns:
            values = properties[key].dropna()
            if len(values) and values.map(lambda value: isinstance(value, str)).all():
                return True
    return False


def tagged_rows(layer: str, properties: pd.DataFrame, shapes: Any, geometry: str, tally: Tally) -> dict[str,
                                                                                                        list[Row]]:
    """Return rows by table from features with tags (n,) and their shapes (n,), all of one kind of
    geometry."""
    tables: dict[str, list[Row]] = {}
    keys = [str(column) for column in properties.columns]
    for fid, values, shape in zip(properties.index, properties.itertuples(index=False, name=None), shapes,
                                  strict=True):
        tags = {key: _text(value) for key, value in zip(keys, values, strict=True)
                if value is not None and value is not pd.NA and value == value and value != ""}
        found = _row(tags, shape, geometry, tally)
        if found is None:
            tally.drop("feature of a kind that a district does not keep")
            continue
        table, row = found
        tables.setdefault(table, []).append(
            {"id": _id(tags, table, fid), "source": f"{layer}/{fid}", "geometry": shape, **row})
    tally.note(f"the {geometry}s of layer {layer} were read by their OpenStreetMap tags")
    return tables


def _text(value: Any) -> str:
    text = str(value).strip()
    return text.removesuffix(".0") if isinstance(value, float) else text


def _id(tags: Tags, table: str, fid: Any) -> str:
    stated = next((tags[key] for key in ("@id", "id", "osm_id", "full_id", "uid", "fid") if tags.get(key)),
                  f"{fid}")
    return f"{table}/{stated}" if stated.replace("-", "").isdigit() else stated


def _row(tags: Tags, shape: Any, geometry: str, tally: Tally) -> tuple[str, Row] | None:
    """The table and the columns of one feature, None if it is of no kind that a district keeps."""
    if geometry == "polygon":
        return _polygon_row(tags, shape, tally)
    if geometry == "line":
        street = street_of(tags, tally) if "highway" in tags else None
        if street is not None:
            return "streets", street
        kind = line_kind(tags)
        return ("parts", part_of(tags, kind, tally)) if kind else None
    if is_parking(tags):
        return "bays", bay_of(tags, 0.0, tally)
    kind = point_kind(tags)
    return ("parts", part_of(tags, kind, tally)) if kind else None


def _polygon_row(tags: Tags, shape: Any, tally: Tally) -> tuple[str, Row] | None:
    if is_courtyard(tags):
        return "courtyards", courtyard_of(tags)
    if is_building(tags) or is_part(tags):
        return "buildings", building_of(tags, tally)
    if is_parking(tags):
        return "bays", bay_of(tags, shape.area, tally)
    kind = area_kind(tags) or area_kind({**tags, "area": "yes"})
    return ("areas", {**area_of({**tags, "area": "yes"}), "kind": kind}) if kind else None
