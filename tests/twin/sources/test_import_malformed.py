"""Whatever a file holds, the answer is a district or one sentence."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.sources import read, summary

OSM = """<?xml version="1.0"?><osm version="0.6">
<bounds minlat="39.9" minlon="116.4" maxlat="39.91" maxlon="116.41"/>
<node id="1" lat="39.901" lon="116.401"/><node id="2" lat="39.901" lon="116.402"/>
<node id="3" lat="39.902" lon="116.402"><tag k="entrance" v="yes"/></node>
<node id="4" lat="39.902" lon="116.401"/>
<way id="5"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/><tag k="building" v="yes"/></way>
<way id="6"><nd ref="1"/><nd ref="3"/><tag k="highway" v="footway"/><tag k="width" v="2 m"/></way>
<relation id="7"><member type="way" ref="5" role="outer"/><tag k="type" v="multipolygon"/>
<tag k="building" v="yes"/></relation></osm>"""
CITY: dict[str, Any] = {
    "type": "CityJSON", "version": "2.0", "metadata": {"referenceSystem": "EPSG:28992"},
    "transform": {"scale": [0.001, 0.001, 0.001], "translate": [85000, 446000, 0]},
    "vertices": [[0, 0, 0], [9000, 0, 0], [9000, 9000, 0], [0, 9000, 0], [0, 0, 5000], [9000, 0, 5000],
                 [9000, 9000, 5000], [0, 9000, 5000]],
    "CityObjects": {
        "a": {"type": "Building", "children": ["b"], "attributes": {"storeysAboveGround": 2}},
        "b": {"type": "BuildingPart", "parents": ["a"], "geometry": [{
            "type": "Solid", "lod": "2", "boundaries": [[[[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]]]],
            "semantics": {"surfaces": [{"type": "GroundSurface"}, {"type": "RoofSurface"}],
                          "values": [[0, 1, None]]}}]},
        "c": {"type": "Road", "geometry": [{"type": "MultiSurface", "lod": "1",
                                            "boundaries": [[[0, 1, 2, 3]]]}]}}}
GEO: dict[str, Any] = {"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"building": "yes", "height": 4, "id": "x"}, "geometry": {
        "type": "Polygon", "coordinates": [[[116.4, 39.9], [116.401, 39.9], [116.401, 39.901],
                                            [116.4, 39.9]]]}},
    {"type": "Feature", "properties": {"highway": "footway", "width": "2"}, "geometry": {
        "type": "LineString", "coordinates": [[116.4, 39.9], [116.401, 39.9]]}}]}
WKT = "GEOMETRYCOLLECTION (POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 3 2, 3 3, 2 2)), " \
      "POLYGON ((20 0, 30 0, 30 9, 20 0)))"
LIMITS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer(content: bytes, name: str, **options: Any) -> None:
    """Read some bytes; anything but a district or a BadInput of one line fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            result = read(path, **options)
        except BadInput as error:
            assert "\n" not in str(error) and str(error).strip()
        else:
            json.dumps(summary(result))
            assert sum(result.district.counts().values()) > 0


WHOLE = [(OSM.encode(), "map.osm"), (json.dumps(CITY).encode(), "town.city.json"),
         (json.dumps(GEO).encode(), "town.geojson"), (WKT.encode(), "hall.wkt")]


@pytest.mark.parametrize(("content", "name"), WHOLE)
def test_the_samples_are_good_as_they_are(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert sum(read(tmp_path / name).district.counts().values()) >= 2


@pytest.mark.parametrize(("content", "name"), WHOLE)
@LIMITS
@given(data=st.data())
def test_cut_short_anywhere(content: bytes, name: str, data: st.DataObject) -> None:
    answer(content[:data.draw(st.integers(0, len(content)))], name)


@pytest.mark.parametrize(("content", "name"), WHOLE)
@LIMITS
@given(data=st.data())
def test_bytes_changed_anywhere(content: bytes, name: str, data: st.DataObject) -> None:
    out = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        out[data.draw(st.integers(0, len(out) - 1))] = data.draw(st.integers(0, 255))
    answer(bytes(out), name)


def _mutated(document: Any, seed: int, value: Any) -> Any:
    """The document with one value somewhere in it replaced."""
    dice = random.Random(seed)
    out = copy.deepcopy(document)
    at = out
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = dice.choice(keys)
        child = at[key]
        if isinstance(child, dict | list) and child and dice.random() < 0.8:
            at = child
            continue
        at[key] = value
        return out


JSON_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-10**20, 10**20), st.floats(), st.text(max_size=5), st.just([]),
    st.just({}),
    st.just([[]]), st.just([[[[]]]]), st.just([[1e300, -1e300, 5]]), st.just({"type": []}), st.just([None]))


@pytest.mark.parametrize(("document", "name"), [(CITY, "town.city.json"), (GEO, "town.geojson")])
@settings(LIMITS, max_examples=50)
@given(seed=st.integers(0, 10**6), value=JSON_VALUES)
def test_json_of_wrong_types(document: Any, name: str, seed: int, value: Any) -> None:
    answer(json.dumps(_mutated(document, seed, value)).encode(), name)


@pytest.mark.parametrize(("content", "name", "words"), [
    (b"", "map.osm", "empty"), (b" \n ", "town.geojson", "empty"), (b"%PDF-1.7", "map.osm", "a PDF"),
    (b"PK\x03\x04zip", "town.zip", "unpack"), (b"AC1032\0\0", "hall.dxf", "save it as DXF"),
    (json.dumps(GEO).encode(), "map.osm", "ends in .osm, but this is GeoJSON"),
    (OSM.encode(), "town.gpkg", "ends in .gpkg, but this is OpenStreetMap XML"),
    (b"<html><body>404</body></html>", "map.osm", "a web page"),
    (b"<osmChange version='0.6'/>", "map.osm", "change file"),
    (b"<CityModel/>", "town.gml", "CityGML"), (b"a,b\n1,2\n", "town.csv", "no format that Hutong knows"),
    (b"{}", "town.json", "without a type"), (b"[1, 2", "town.json", "breaks off"),
    (b'{"type": "Topology"}', "x.json", "Topology"),
    (b"SQLite format 3\0" + b"\0" * 200, "town.gpkg", "cannot be read"),
    (b"[" * 100_000, "town.json", "nested"),
    (b'{"type": "FeatureCollection", "features": []}', "town.geojson", "nothing"),
    (b"<osm version='0.6'></osm>", "map.osm", "no node"),
    (b"<osm version='0.6'><node id='1' lat='abc' lon='3'/></osm>", "m.osm", "cannot be read"),
    (b"\0\0\x27\x0a" + b"\0" * 20, "town.shp", "missing")])
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: bytes, name: str, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read(path)
    assert str(caught.value).count("\n") == 0 and name in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read(tmp_path / "nowhere.osm")
    with pytest.raises(BadInput, match="a folder"):
        read(tmp_path)


def test_columns_are_for_vector_files(tmp_path: Path) -> None:
    (tmp_path / "map.osm").write_text(OSM)
    with pytest.raises(BadInput, match="fixed meanings"):
        read(tmp_path / "map.osm", columns={"height": "H"})


def test_a_format_settles_a_wrong_name(tmp_path: Path) -> None:
    path = tmp_path / "town.osm"
    path.write_text(json.dumps(GEO))
    assert read(path, format="geojson").format == "geojson"
    with pytest.raises(BadInput, match="not a format"):
        read(path, format="kml")
    with pytest.raises(BadInput, match="this is GeoJSON, not CityJSON"):
        read(path, format="cityjson")


@pytest.mark.data
@settings(LIMITS, max_examples=15)
@given(at=st.integers(0, 137_000), byte=st.integers(0, 255), cut=st.booleans())
def test_pbf_cut_or_changed(data: Path, at: int, byte: int, cut: bool) -> None:
    content = bytearray((data / "osm" / "pyrosm_test.osm.pbf").read_bytes())
    content[at] = byte
    answer(bytes(content[:at] if cut else content), "map.osm.pbf")


@pytest.mark.data
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("file", ["osm/momepy_bubenec.gpkg", "evac/jupedsim_ISO-Bottleneck.dxf",
                                  "city3d/3dbag_b2.city.json", "osm/seattle_northgate_osm2streets.osm"])
def test_real_files_cut_short(data: Path, file: str, share: float) -> None:
    content = (data / file).read_bytes()
    answer(content[:int(len(content) * share)], Path(file).name)
