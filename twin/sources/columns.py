"""Which layer of a vector file is which table, and which of its columns holds what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from twin.errors import BadInput
from twin.places import TABLES
from twin.sources.imported import Tally

KINDS_BY_NAME = {
    "buildings": r"building|footprint|house|geb(ae|ä)ude|b(a|â)ti(ment)?|pand|edific|jianzhu|建筑",
    "streets": r"street|road|highway|lane|stra(ss|ß)e|cent(re|er)_?line|hutong|network|edges|道路|胡同",
    "courtyards": r"courtyard|yard|plot|parcel|cadast|siheyuan|院",
    "bays": r"parking|bay|stellplatz|车位",
    "entrances": r"entrance|door|入口",
    "areas": r"park|green|water|lake|river|square|plaza|landuse|land_use|grass|pitch|绿地|水",
    "grids": r"grid|community|subdistrict|社区|网格",
    "zones": r"zone"}
"""The table of a layer by its name, in the order in which they are tried (parking comes before park)."""
GEOMETRY = {"buildings": "polygon", "courtyards": "polygon", "areas": "polygon", "grids": "polygon",
            "zones": "polygon",
            "streets": "line", "entrances": "point", "parts": "point", "bays": "any"}
AREA_KINDS = {r"water|lake|river|水": "water", r"grass": "grass", r"square|plaza": "square",
              r"pitch": "pitch",
              r"park|green|绿地": "park"}
PART_KINDS = {r"lamp|light": "lamp", r"hydrant": "hydrant", r"camera|cctv": "camera", r"gate": "gate",
              r"bollard": "bollard", r"tree|baum": "tree", r"metro|subway": "metro_entrance",
              r"bus": "bus_stop",
              r"bench": "bench", r"bin|waste": "bin", r"sign": "sign", r"toilet": "toilet",
              r"manhole": "manhole",
              r"wall": "wall", r"fence|barrier|hedge": "barrier"}
ALIASES = {
    "id": ("id", "fid", "osm_id", "uid", "uuid", "gml_id", "objectid", "identifier", "gid", "identificatie"),
    "name": ("name", "name_zh", "naam", "nom", "名称"),
    "use": ("use", "usage", "function", "building", "type", "用途"),
    "height": ("height", "h_max", "hoehe", "hauteur", "measuredheight", "building_height", "bldg_height", "h",
               "高度"),
    "levels": ("levels", "building_levels", "building:levels", "floors", "storeys", "stories", "num_floors",
               "storeysaboveground", "floor", "层数"),
    "base": ("base", "min_height"), "roof": ("roof", "roof_shape", "roof:shape"),
    "width": ("width", "breite", "largeur", "宽度"), "kind": ("kind",), "oneway": ("oneway",),
    "layer": ("layer",),
    "on_foot": ("on_foot",), "address": ("address", "addr"), "walled": ("walled",),
    "capacity": ("capacity", "spaces"),
    "access": ("access",), "scheme": ("scheme",), "level": ("level",), "parent": ("parent",),
    "state": ("state",),
    "heading": ("heading",), "roof_height": ("roof_height",)}
"""Names, in lower case, under which a column of a district goes in other files."""


@dataclass(frozen=True)
class Reading:
    """How one layer is read: into which table, and its columns by the name that they have there."""

    layer: str
    table: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None
    """The kind of all its rows, where the name of the layer says it."""


def asked_readings(columns: Mapping[str, Any], layers: Mapping[str, list[str]], where: str) -> dict[str,
                                                                                                    Reading]:
    """Return how the user wants layers to be read, by layer: ``{"buildings": {"layer": L, "height": C}}``.

    ``layers`` has the columns of every layer. A table without a ``layer`` takes the layer of that name, or
    the only one that there is, or the one whose name says so.
    """
    readings: dict[str, Reading] = {}
    for table, wanted in columns.items():
        if not isinstance(wanted, Mapping):
            continue
        if table not in TABLES:
            raise _unknown("a district has no table", table, list(TABLES), where)
        layer = str(wanted["layer"]) if "layer" in wanted and "layer" not in _layer_columns(wanted, layers) \
            else _layer_for(table, layers, where)
        if layer not in layers:
            raise _unknown("there is no layer", layer, list(layers), where)
        pairs = {str(k): str(v) for k, v in wanted.items() if not (k == "layer" and str(v) == layer)}
        _check_columns(table, pairs, layers[layer], where)
        readings[layer] = Reading(layer, table, {**_known_columns(table, layers[layer]), **pairs},
                                  _kind(layer, table))
    return readings


def _layer_columns(wanted: Mapping[str, str], layers: Mapping[str, list[str]]) -> set[str]:
    """``{"layer"}`` if ``layer`` names a column (the level of a street) and not a layer of the file."""
    value = wanted.get("layer")
    is_column = value not in layers and any(value in names for names in layers.values())
    return {"layer"} if is_column else set()


def _layer_for(table: str, layers: Mapping[str, list[str]], where: str) -> str:
    named = [layer for layer in layers if layer == table] or [
        layer for layer in layers if re.search(KINDS_BY_NAME.get(table, table), layer, re.I)]
    chosen = named or list(layers)
    if len(chosen) > 1:
        raise BadInput(f"the file has {len(layers)} layers ({', '.join(layers)})", where=where,
                       mend=f"say which holds the {table}: {table}.layer=NAME")
    return chosen[0]


def _check_columns(table: str, pairs: Mapping[str, str], there: list[str], where: str) -> None:
    for name, column in pairs.items():
        if name not in TABLES[table].column_names or name == "geometry":
            raise _unknown(f"the table {table} has no column", name, TABLES[table].column_names[:-1], where)
        if column not in there and not (name == "id" and column == "fid"):
            raise _unknown("there is no column", column, there, where)


def _unknown(what: str, name: str, known: list[str], where: str) -> BadInput:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    some = ", ".join(known[:12]) or "none"
    return BadInput(f"{what} {name!r} (there are: {some})", where=where,
                    mend=f"did you mean {close[0]}?" if close else "give one of these")


def simple_pairs(columns: Mapping[str, Any], layers: Mapping[str, list[str]], where: str) -> dict[str, str]:
    """Return the pairs of a district's column and a column of the file that are meant for every table."""
    pairs = {str(name): str(column) for name, column in columns.items() if not isinstance(column, Mapping)}
    known = sorted({name for table in TABLES.values() for name in table.column_names} - {"geometry"})
    there = sorted({column for names in layers.values() for column in names})
    for name, column in pairs.items():
        if name not in known:
            raise _unknown("a district has no column", name, known, where)
        if column not in there and column != "fid":
            raise _unknown("there is no column", column, there, where)
    return pairs


def guessed_reading(layer: str, geometry: str, columns: list[str], only: bool, pairs: Mapping[str, str],
                    tally: Tally) -> Reading | None:
    """Return how a layer is read that the user said nothing about, None if nothing tells.

    ``geometry`` is polygon, line or point. The name of the layer decides, then known columns, and where the
    file has ``only`` this layer, its geometry.
    """
    table = _table_by_name(layer, geometry)
    why = "by its name"
    if table is None:
        table, why = _table_by_columns(geometry, columns), "by its columns"
    if table is None and only and geometry in ("polygon", "line"):
        table, why = ("buildings" if geometry == "polygon"
                      else "streets"), f"because it holds {geometry}s only"
    if table is None:
        return None
    own = {name: column for name, column in pairs.items()
           if name in TABLES[table].column_names and (column in columns or column == "fid")}
    known = {**_known_columns(table, columns), **own}
    taken = ", ".join(f"{name} from {column}" for name, column in known.items())
    tally.note(f"layer {layer} ({geometry}s) was taken for {table} {why}" + (f"; {taken}" if taken else ""))
    return Reading(layer, table, known, _kind(layer, table))


def _table_by_name(layer: str, geometry: str) -> str | None:
    for table, pattern in KINDS_BY_NAME.items():
        if re.search(pattern, layer, re.I) and GEOMETRY[table] in (geometry, "any"):
            return table
    if geometry != "polygon" and any(re.search(pattern, layer, re.I) for pattern in PART_KINDS):
        return "parts"
    return None


def _table_by_columns(geometry: str, columns: list[str]) -> str | None:
    names = {column.lower() for column in columns}
    if geometry == "polygon" and names & {*ALIASES["height"], *ALIASES["levels"], "building"} - {"floor",
                                                                                                 "h"}:
        return "buildings"
    if geometry == "line" and names & {"lanes", "oneway", "highway", "road_class", "maxspeed"}:
        return "streets"
    return None


def _known_columns(table: str, columns: list[str]) -> dict[str, str]:
    """Columns that go by a known name, by the name that they have in the table."""
    lower = {column.lower(): column for column in columns}
    found: dict[str, str] = {}
    for name in TABLES[table].column_names:
        hit = next((lower[alias] for alias in ALIASES.get(name, ()) if alias in lower), None)
        if hit is not None:
            found[name] = hit
    return found


def _kind(layer: str, table: str) -> str | None:
    kinds = {"areas": AREA_KINDS, "parts": PART_KINDS}.get(table, {})
    return next((kind for pattern, kind in kinds.items() if re.search(pattern, layer, re.I)), None)
