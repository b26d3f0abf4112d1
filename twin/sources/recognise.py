"""Which format a file has: by what stands in it, and whether its name says the same."""

from __future__ import annotations

import bz2
import gzip
import json
import re
from pathlib import Path
from typing import Any

from twin.errors import BadInput

OSM = ("osm", "osm.pbf")
FORMATS = {"osm": "OpenStreetMap XML", "osm.pbf": "OpenStreetMap PBF", "cityjson": "CityJSON",
           "cityjsonseq": "a CityJSON sequence", "geojson": "GeoJSON", "gpkg": "a GeoPackage",
           "shp": "a Shapefile",
           "wkt": "WKT", "dxf": "DXF"}
_ALSO = {"pbf": "osm.pbf", "xml": "osm", "geopackage": "gpkg", "shapefile": "shp", "city.json": "cityjson",
         "jsonl": "cityjsonseq", "city.jsonl": "cityjsonseq"}
_SUFFIXES = {".osm": OSM, ".pbf": ("osm.pbf",), ".geojson": ("geojson",), ".gpkg": ("gpkg",),
             ".shp": ("shp",),
             ".wkt": ("wkt",), ".dxf": ("dxf",), ".jsonl": ("cityjsonseq", "cityjson"),
             ".json": ("cityjson", "geojson", "cityjsonseq"), ".xml": ("osm",)}
_STARTS = {b"SQLite format 3\0": "gpkg", b"\0\0\x27\x0a": "shp", b"AutoCAD Binary DXF": "dxf"}
_STRANGERS = {b"%PDF": "a PDF", b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture",
              b"II*\0": "a TIFF picture",
              b"PK\x03\x04": "a ZIP archive", b"AC10": "an AutoCAD DWG drawing",
              b"ISO-10303-21": "an IFC model",
              b"glTF": "a glTF model", b"fgb": "a FlatGeobuf", b"PAR1": "a Parquet table",
              b"7z\xbc\xaf": "a 7z archive"}
_MEND = {"a ZIP archive": "unpack it and give the map inside",
         "a 7z archive": "unpack it and give the map inside",
         "an AutoCAD DWG drawing": "save it as DXF", "CityGML": "convert it to CityJSON with citygml-tools"}
_GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
               "GeometryCollection")
_WKT = re.compile(r"(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION|LINEARRING)\b",
                  re.I)


def recognise(path: Path, asked: str | None = None) -> str:
    """Return the format of a file, one of :data:`FORMATS`, or raise :class:`BadInput` with what is wrong
    with it."""
    if path.is_dir():
        raise BadInput("this is a folder", where=str(path), mend="give the map file in it")
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="check the path")
    try:
        with path.open("rb") as file:
            head = file.read(65536)
    except OSError as error:
        raise BadInput(f"the file cannot be read ({error.strerror})", where=path.name,
                       mend="check its permissions") from error
    if not head.strip(b"\0 \t\r\n"):
        raise BadInput("the file is empty", where=path.name, mend="fetch or export it again")
    found = _by_content(path, head)
    _check_name(path, found, asked)
    return found


def _by_content(path: Path, head: bytes) -> str:
    for start, found in _STARTS.items():
        if head.startswith(start):
            return found
    for start, stranger in _STRANGERS.items():
        if head.startswith(start):
            raise _stranger(path, stranger)
    if b"OSMHeader" in head[:64]:
        return "osm.pbf"
    if head[:2] == b"\x1f\x8b" or head[:3] == b"BZh":
        return _packed(path, head)
    text = _text(path, head).lstrip()
    if text.startswith("<"):
        return _xml(path, text)
    if text.startswith(("{", "[")):
        return _json(path)
    if re.match(r"(?:999\s*\n[^\n]*\n\s*)*0\s*\n\s*SECTION\b", text):
        return "dxf"
    if _WKT.match(re.sub(r"^(?:#[^\n]*\n\s*)+", "", text)):
        return "wkt"
    raise _stranger(path, "no format that Hutong knows")


def _text(path: Path, head: bytes) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput("this text is in UTF-16", where=path.name, mend="save it as UTF-8")
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def _packed(path: Path, head: bytes) -> str:
    unpack: Any = gzip.open if head[:2] == b"\x1f\x8b" else bz2.open
    try:
        with unpack(path) as file:
            inside = file.read(65536)
    except (OSError, EOFError, ValueError) as error:
        raise BadInput("the packed file is damaged", where=path.name, mend="fetch it again") from error
    if b"<osm" not in inside:
        raise BadInput("this packed file does not hold OpenStreetMap XML", where=path.name,
                       mend="unpack it and give the map inside")
    return "osm"


def _xml(path: Path, text: str) -> str:
    bare = re.sub(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>", "", text, flags=re.S).lstrip()
    root = re.match(r"<([\w:.-]+)", bare)
    tag = root[1].split(":")[-1] if root else ""
    if tag == "osm":
        return "osm"
    known = {"osmChange": "a change file of OpenStreetMap", "CityModel": "CityGML", "kml": "KML",
             "svg": "an SVG picture",
             "gpx": "GPX (tracks, not places)", "html": "a web page", "HTML": "a web page",
             "FeatureCollection": "GML"}
    raise _stranger(path, known.get(tag, f"XML with the root <{tag[:40]}>" if tag
                                    else "XML that breaks off at once"))


def _json(path: Path) -> str:
    """Tell CityJSON, CityJSON sequences and GeoJSON apart. The whole text is parsed, so that a file that is
    cut short is found out here."""
    text = read_text(path)
    try:
        document = parse_json(text, path.name)
    except BadInput:
        first = text.lstrip().split("\n", 1)
        if len(first) == 2 and _is_sequence(first[0]):
            return "cityjsonseq"
        raise
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "CityJSON":
        return "cityjson"
    if kind in ("FeatureCollection", "Feature", *_GEOMETRIES):
        return "geojson"
    if kind == "CityJSONFeature":
        raise BadInput("this is one line of a CityJSON sequence without the first", where=path.name,
                       mend="keep the first line, which has the transform")
    raise _stranger(path, f"JSON of type {str(kind)[:40]!r}" if kind else "JSON without a type")


def _is_sequence(line: str) -> bool:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and first.get("type") == "CityJSON"


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start} is not UTF-8 text", where=path.name,
                       mend="save it as UTF-8") from error


def parse_json(text: str, where: str, **options: Any) -> Any:
    """Return what a JSON text says."""
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError as error:
        at_end = not text[error.pos:].strip()
        what = f"line {error.lineno} is not valid JSON ({error.msg})"
        what = "the JSON breaks off at its end" if at_end else what
        raise BadInput(what, where=where, mend="fetch or export it again") from error
    except (RecursionError, ValueError) as error:
        raise BadInput("the JSON is nested too deeply or has a number that is too long", where=where,
                       mend="export it again") from error


def _stranger(path: Path, what: str) -> BadInput:
    known = "OSM (XML, PBF), CityJSON, GeoJSON, GeoPackage, Shapefile, DXF or WKT"
    return BadInput(f"this is {what}", where=path.name, mend=_MEND.get(what, f"give a map as {known}"))


def _check_name(path: Path, found: str, asked: str | None) -> None:
    if asked is not None:
        wanted = _ALSO.get(asked.lower(), asked.lower())
        if wanted not in FORMATS and wanted not in ("vector", "floorplan"):
            raise BadInput(f"{asked!r} is not a format that Hutong reads", where=path.name,
                           mend=f"use one of {', '.join(FORMATS)}")
        groups = {"vector": ("geojson", "gpkg", "shp"), "floorplan": ("wkt", "dxf"), "osm": OSM,
                  "cityjson": ("cityjson", "cityjsonseq")}
        if found not in groups.get(wanted, (wanted,)):
            raise BadInput(f"this is {FORMATS[found]}, not {FORMATS.get(wanted, wanted)}", where=path.name,
                           mend=f"leave --format away or give --format {found}")
        return
    suffix = next((s.lower() for s in reversed(path.suffixes) if s.lower() not in (".gz", ".bz2")), "")
    if suffix in _SUFFIXES and found not in _SUFFIXES[suffix]:
        raise BadInput(f"the name ends in {suffix}, but this is {FORMATS[found]}", where=path.name,
                       mend=f"rename it, or give --format {found}")
