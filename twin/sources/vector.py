"""GeoJSON, GeoPackage and Shapefile, whose columns mean whatever their maker meant.

The user says which layer and column is what; where not, layers and columns are recognised by name and the
notes say what was taken for what. Features that carry OpenStreetMap tags as properties are read like
OpenStreetMap. GeoJSON is in WGS84 (RFC 7946) unless it has a ``crs`` member of the older kind.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError
from pyproj import CRS

from twin.errors import BadInput
from twin.places import District, table_frame
from twin.sources.columns import Reading, asked_readings, guessed_reading, simple_pairs
from twin.sources.imported import Import, Tally
from twin.sources.projection import horizontal, metric_for, needs_crs, project
from twin.sources.shapes import sound_lines, sound_points, sound_polygons
from twin.sources.tagged import has_tags, tagged_rows
from twin.sources.values import column_values, heights_known

TYPE_NAMES = {0: "point", 1: "line", 2: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon"}

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def read_vector(path: Path, crs: CRS | None, name: str, file_format: str,
                columns: Mapping[str, Any] | None) -> Import:
    """Read a vector file into a district in ``crs``, else in its own CRS or the UTM zone of its centre."""
    tally = Tally(path.name)
    layers = _layers(path)
    if file_format == "gpkg" and "about" in layers:
        raise BadInput("this is already a district", where=path.name,
                       mend="give it to the other commands as it is, with --district")
    read = {layer: _frame(path, layer, file_format, crs) for layer in layers}
    frames = {layer: frame for layer, frame in read.items() if frame is not None}
    if not frames:
        raise BadInput("there is nothing with a geometry in this file", where=path.name,
                       mend="check that the export was complete")
    target = _target(frames, crs, tally)
    names = {layer: [str(c) for c in frame.columns if c != frame.geometry.name] for layer,
             frame in frames.items()}
    asked = asked_readings(columns or {}, names, path.name)
    pairs = simple_pairs(columns or {}, names, path.name)
    tables: Tables = {}
    for layer, frame in frames.items():
        for table, rows in _read_layer(layer, frame, asked.get(layer), len(frames) == 1, pairs, target,
                                       tally).items():
            tables.setdefault(table, []).extend(rows)
    _first_of_each_id(tables, tally)
    district = District(name, target, {table: table_frame(table, rows, target) for table,
                                       rows in tables.items()})
    return tally.close(district, file_format)


def _layers(path: Path) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [str(layer) for layer, _ in pyogrio.list_layers(path)]
    except (DataSourceError, DataLayerError, ValueError, UnicodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadInput:
    missing = [s for s in (".shx", ".dbf") if path.suffix.lower() == ".shp"
               and not path.with_suffix(s).is_file()]
    if missing:
        return BadInput(f"its neighbour {path.stem}{missing[0]} is missing", where=path.name,
                        mend="keep the files of a Shapefile (.shp, .shx, .dbf, .prj) together")
    text = str(error).strip().splitlines()
    return BadInput(f"the file cannot be read to its end ({text[0][:160] if text else 'damaged'})",
                    where=path.name,
                    mend="fetch or export it again")


def _frame(path: Path, layer: str, file_format: str, crs: CRS | None) -> gpd.GeoDataFrame | None:
    """A layer as it stands in the file, None if it has no geometry; with a CRS in any case."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = pyogrio.read_dataframe(path, layer=layer, fid_as_index=True, on_invalid="ignore",
                                           **({"encoding": _encoding(path)} if file_format == "shp" else {}))
    except (DataSourceError, DataLayerError, FieldError, GeometryError, ValueError, OverflowError, TypeError,
            shapely.errors.ShapelyError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(frame, gpd.GeoDataFrame) or shapely.is_missing(frame.geometry.to_numpy()).all():
        return None
    if file_format == "geojson":
        return _placed_geojson(frame, crs, path.name)
    if frame.crs is None:
        if crs is None:
            raise needs_crs(path.name)
        return frame.set_crs(crs)
    return frame


def _encoding(path: Path) -> str | None:
    """The encoding that a Shapefile states beside it, else UTF-8 where the table is that, else GB18030
    where it is that, else Latin-1, which fits anything."""
    stated = next((path.with_suffix(s) for s in (".cpg", ".CPG") if path.with_suffix(s).is_file()), None)
    if stated is not None:
        return None
    table = next((path.with_suffix(s) for s in (".dbf", ".DBF") if path.with_suffix(s).is_file()), None)
    text = table.read_bytes() if table is not None else b""
    header = int.from_bytes(text[8:10], "little")
    for encoding in ("utf-8", "gb18030"):
        try:
            text[header:].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _placed_geojson(frame: gpd.GeoDataFrame, crs: CRS | None, where: str) -> gpd.GeoDataFrame:
    """GeoJSON counts in degrees; some writers leave metres in it, and then only the user can say of which
    CRS."""
    coords = shapely.get_coordinates(frame.geometry.to_numpy())
    coords = coords[np.isfinite(coords).all(axis=1)]
    stated = frame.crs
    degrees = stated is None or not horizontal(stated).is_projected
    fits = (np.abs(coords) <= [180.0, 90.0]).all(axis=1)
    if degrees and len(coords) and fits.mean() < 0.5:
        if crs is None:
            raise BadInput("the coordinates are not degrees, as they should be in GeoJSON", where=where,
                           mend="say which CRS they are in with --crs, such as --crs EPSG:32650")
        return frame.set_crs(crs, allow_override=True)
    return frame if stated is not None else frame.set_crs(4326)


def _target(frames: dict[str, gpd.GeoDataFrame], crs: CRS | None, tally: Tally) -> CRS:
    stated = [frame for frame in frames.values() if CRS(frame.crs) != crs]
    if crs is not None and stated:
        return crs
    first = CRS(next(iter(frames.values())).crs)
    boxes = [project(_boxes(frame), horizontal(CRS(frame.crs)),
                     horizontal(first)) for frame in frames.values()]
    bounds = shapely.bounds(np.concatenate(boxes))
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        raise BadInput("no coordinate in this file is a number on the earth", where=tally.where,
                       mend="export it again")
    middle = np.median(bounds, axis=0)
    return metric_for(first, middle, tally)


def _boxes(frame: gpd.GeoDataFrame) -> Any:
    """Centres of the shapes as points, those with coordinates that are numbers."""
    bounds = shapely.bounds(frame.geometry.to_numpy())
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return shapely.points((bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)


def _read_layer(layer: str, frame: gpd.GeoDataFrame, asked: Reading | None, only: bool,
                pairs: Mapping[str, str],
                target: CRS, tally: Tally) -> Tables:
    shapes, types = _singled(frame.geometry.to_numpy(), tally)
    source = horizontal(CRS(frame.crs))
    if not source.is_projected and not source.is_engineering:
        shapes = _on_earth(shapes, tally)
    shapes = project(shapes, source, target)
    tables: Tables = {}
    properties = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    present = [t for t in ("polygon", "line", "point") if (types == t).any()]
    for geometry in present:
        mine = np.flatnonzero(types == geometry)
        sound = _sound(geometry, shapes[mine], tally)
        there = ~shapely.is_missing(sound)
        part, kept = properties.iloc[mine[there]], sound[there]
        if asked is None and has_tags(properties, geometry):
            for table, rows in tagged_rows(layer, part, kept, geometry, tally).items():
                tables.setdefault(table, []).extend(rows)
            continue
        reading = asked or guessed_reading(layer, geometry, list(map(str, properties.columns)), only, pairs,
                                           tally)
        if reading is None:
            tally.drop(f"{geometry}s of layer {layer}, of which nothing tells what they are", len(kept))
            continue
        tables.setdefault(reading.table, []).extend(_rows(reading, part, kept, tally))
    return tables


def _singled(shapes: Any, tally: Tally) -> tuple[Any, Any]:
    """Shapes (n,) in two dimensions with their types; collections of one kind are taken apart, others
    dropped."""
    shapes = shapely.force_2d(np.array(shapes, dtype=object))
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    tally.drop("no geometry", int(empty.sum()))
    collections = np.flatnonzero(shapely.get_type_id(shapes) == 7)
    for i in collections:
        polygons = [p for p in shapely.get_parts(shapes[i]) if p.geom_type == "Polygon"]
        shapes[i] = shapely.MultiPolygon(polygons) if polygons else None
    tally.drop("geometry collection without a polygon", int(shapely.is_missing(shapes[collections]).sum()))
    shapes[empty] = None
    types = np.array([TYPE_NAMES.get(int(t), "none") for t in shapely.get_type_id(shapes)], dtype=object)
    return shapes, types


def _on_earth(shapes: Any, tally: Tally) -> Any:
    """Shapes in degrees (n,), those that leave the globe made infinite, to be dropped with the others of
    that kind."""
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        off = (np.abs(bounds) > [180.0, 90.0, 180.0, 90.0]).any(axis=1) & np.isfinite(bounds).all(axis=1)
    tally.drop("coordinates off the earth", int(off.sum()))
    out = np.array(shapes, dtype=object)
    out[off] = None
    return out


def _sound(geometry: str, shapes: Any, tally: Tally) -> Any:
    there = ~shapely.is_missing(shapes)
    out = np.full(len(shapes), None, dtype=object)
    check = {"polygon": sound_polygons, "line": sound_lines, "point": sound_points}[geometry]
    out[there] = check(shapes[there], tally)
    return out


def _rows(reading: Reading, properties: pd.DataFrame, shapes: Any, tally: Tally) -> list[Row]:
    """Rows of a table from features of one layer."""
    if not len(shapes):
        return []
    values = {name: column_values(reading.table, name, properties[column], tally)
              for name, column in reading.columns.items() if column in properties.columns and name != "id"}
    table: dict[str, Any] = {
        "id": _ids(reading, properties), "geometry": list(shapes),
        "source": [f"{reading.layer}/{fid}" for fid in properties.index], **values}
    if reading.kind is not None and "kind" not in table:
        table["kind"] = [reading.kind] * len(shapes)
    if reading.table == "parts" and "kind" not in table:
        tally.note(f"nothing says what kind of parts layer {reading.layer} has")
    if reading.table == "buildings":
        table.update(heights_known(table, len(shapes)))
    if reading.table == "streets" and "width" in table:
        table["width_source"] = ["measured" if width is not None else None for width in table["width"]]
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _ids(reading: Reading, properties: pd.DataFrame) -> list[str]:
    """Ids as the layer gives them; plain numbers get the name of the table in front, as they come from one
    to n in every layer."""
    column = reading.columns.get("id")
    raw = properties[column] if column in properties.columns else pd.Series(properties.index,
                                                                            properties.index)
    ids = []
    for value, fid in zip(raw, properties.index, strict=True):
        text = "" if value is None or value is pd.NA or value != value else str(value).strip()
        text = text.removesuffix(".0") if isinstance(value, float) else text
        text = text or f"row {fid}"
        ids.append(f"{reading.table}/{text}" if text.replace("-", "").isdigit() else text)
    return ids


def _first_of_each_id(tables: Tables, tally: Tally) -> None:
    """Drop rows whose id stands in a row before them."""
    taken: set[str] = set()
    for table, rows in tables.items():
        kept = []
        for row in rows:
            if row["id"] in taken:
                tally.drop("duplicate id")
                continue
            taken.add(row["id"])
            kept.append(row)
        tables[table] = kept
