"""GeoJSON, GeoPackage and Shapefile: one small file a rule."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from twin.errors import BadInput
from twin.places import District, table_frame
from twin.sources import Import, read, summary

SQUARE = shapely.box(500_000, 4_400_000, 500_010, 4_400_010)


def saved(folder: Path, file: str = "town.gpkg", crs: str | None = "EPSG:32650", layer: str = "houses",
          **columns: list[Any]) -> Path:
    shapes = columns.pop("geometry", None) or [shapely.affinity.translate(SQUARE, 20 * i) for i in range(2)]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
    path = folder / file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_file(path, **({"layer": layer} if file.endswith("gpkg") else {}))
    return path


def geojson(folder: Path, features: list[tuple[dict[str, Any], Any]], **more: Any) -> Path:
    path = folder / "town.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", **more, "features": [
        {"type": "Feature", "properties": properties, "geometry": geometry} for properties,
        geometry in features]}))
    return path


def ring(*points: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(p) for p in (*points, points[0])]]}


A_BLOCK = ring((116.4, 39.9), (116.4002, 39.9), (116.4002, 39.9002), (116.4, 39.9002))


def test_columns_that_the_user_names(tmp_path: Path) -> None:
    path = saved(tmp_path, layer="huizen", H_MAX=[7.5, -3.0], code=["a", "b"], soort=["shop", "house"])
    result = read(path, columns={"buildings": {"layer": "huizen", "height": "H_MAX", "id": "code",
                                               "use": "soort"}})
    rows = result.district.buildings.set_index("id")
    assert rows["height"].to_dict() == {"a": 7.5, "b": 6.0}
    assert rows["height_source"].to_dict() == {"a": "measured", "b": "assumed"}
    assert rows["use"].to_dict() == {"a": "shop", "b": "house"}
    assert result.dropped == {"unknown height value": 1}
    assert summary(result)["crs"] == "EPSG:32650"


def test_simple_pairs(tmp_path: Path) -> None:
    path = saved(tmp_path, H_MAX=["12 m", "40 ft"])
    assert read(path, columns={"height": "H_MAX"}).district.buildings["height"].tolist() == [12.0,
                                                                                             pytest.approx(12.192)]


@pytest.mark.parametrize("columns", [{"buildings": {"height": "H_MXA"}}, {"buildings": {"tallness": "H_MAX"}},
                                     {"bildings": {"height": "H_MAX"}}, {"height": "nothing"},
                                     {"size": "H_MAX"},
                                     {"buildings": {"layer": "nowhere", "height": "H_MAX"}}])
def test_names_that_are_not_there_are_one_sentence(tmp_path: Path, columns: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="there are"):
        read(saved(tmp_path, H_MAX=[7.5, 3.0]), columns=columns)


def test_guesses_are_noted(tmp_path: Path) -> None:
    result = read(saved(tmp_path, layer="buildings_2024", floors=[2, 3]))
    assert result.district.buildings["height"].tolist() == [6.4, pytest.approx(9.6)]
    assert any("taken for buildings by its name; levels from floors" in note for note in result.notes)


def test_degrees_and_feet_are_projected(tmp_path: Path) -> None:
    degrees = saved(tmp_path, "a.gpkg", "EPSG:4326", geometry=[shapely.box(116.4, 39.9, 116.401, 39.901)])
    assert summary(read(degrees))["crs"] == "EPSG:32650"
    feet = saved(tmp_path, "b.gpkg", "EPSG:2263", geometry=[shapely.box(980_000, 200_000, 980_100, 200_100)])
    result = read(feet)
    assert summary(result)["crs"] == "EPSG:32618"
    assert result.district.buildings.area.iloc[0] == pytest.approx((100 * 0.3048) ** 2, rel=0.01)


def test_a_crs_is_asked_for_and_must_be_metric(tmp_path: Path) -> None:
    path = saved(tmp_path, "town.shp", None, height=[3.0, 4.0])
    with pytest.raises(BadInput, match="--crs"):
        read(path)
    assert summary(read(path, crs="EPSG:32650"))["crs"] == "EPSG:32650"
    for wrong in ("EPSG:4326", "EPSG:2263"):
        with pytest.raises(BadInput, match="counts in"):
            read(path, crs=wrong)


def test_geojson_in_metres_needs_a_crs(tmp_path: Path) -> None:
    path = geojson(tmp_path, [({}, shapely.geometry.mapping(SQUARE))])
    with pytest.raises(BadInput, match="not degrees"):
        read(path)
    assert read(path, crs="EPSG:32650").district.buildings.area.tolist() == [pytest.approx(100)]


def test_features_with_tags_are_read_like_openstreetmap(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[116.4, 39.9], [116.401, 39.9]]}
    point = {"type": "Point", "coordinates": [116.4, 39.9]}
    result = read(geojson(tmp_path, [
        ({"building": "yes", "height": "9 m", "@id": "way/1"}, A_BLOCK),
        ({"highway": "footway", "@id": "way/2"}, line),
        ({"highway": "street_lamp", "@id": "node/3"}, point), ({"natural": "water", "@id": "way/4"}, A_BLOCK),
        ({"highway": "milestone", "@id": "node/5"}, point)]))
    district = result.district
    assert district.buildings[["id", "height"]].to_numpy().tolist() == [["way/1", 9.0]]
    assert district.streets["kind"].tolist() == ["footway"] and district.parts["kind"].tolist() == ["lamp"]
    assert district.areas["kind"].tolist() == ["water"]
    assert result.dropped == {"feature of a kind that a district does not keep": 1}


def test_faults_are_mended_or_dropped_and_counted(tmp_path: Path) -> None:
    crossing = ring((116.4, 39.9), (116.4002, 39.9002), (116.4002, 39.9), (116.4, 39.90025))
    line = ring((116.4, 39.9), (116.4002, 39.9), (116.4001, 39.9))
    off = ring((516.4, 39.9), (516.5, 39.9), (516.5, 40.9))
    result = read(geojson(tmp_path, [
        ({"id": "a"}, A_BLOCK), ({"id": "a"}, A_BLOCK), ({"id": "b"}, crossing), ({"id": "c"}, line),
        ({"id": "d"}, off),
        ({"id": "e"}, None)]))
    assert result.district.buildings["id"].tolist() == ["a", "b"]
    assert result.mended == {"self-crossing polygon": 1}
    assert result.dropped == {"duplicate id": 1, "zero area": 1, "coordinates off the earth": 1,
                              "no geometry": 1}


def test_nothing_left_is_said(tmp_path: Path) -> None:
    flat = ring((116.4, 39.9), (116.4002, 39.9), (116.4001, 39.9))
    with pytest.raises(BadInput, match="1 zero area"):
        read(geojson(tmp_path, [({}, flat)]))


def test_coordinates_that_are_not_numbers(tmp_path: Path) -> None:
    wild = shapely.transform(SQUARE, lambda xy: xy * [1.0, float("inf")])
    result = read(saved(tmp_path, geometry=[SQUARE, wild]))
    assert len(result.district.buildings) == 1
    assert result.dropped == {"coordinates that are not numbers": 1}


def test_a_district_is_already_one(tmp_path: Path) -> None:
    rows = [{"id": "a", "geometry": SQUARE, "height": 3.0}]
    District("x", 32650, {"buildings": table_frame("buildings", rows, 32650)}).save(tmp_path / "x.gpkg")
    with pytest.raises(BadInput, match="already a district"):
        read(tmp_path / "x.gpkg")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_encodings_of_shapefiles(tmp_path: Path, encoding: str) -> None:
    path = saved(tmp_path, "town.shp", name=["南锣鼓巷", "帽儿胡同"])
    table = path.with_suffix(".dbf")
    text = "南锣鼓巷".encode()
    table.write_bytes(table.read_bytes().replace(text, "南锣鼓巷".encode(encoding).ljust(len(text)))
                      .replace("帽儿胡同".encode(), "帽儿胡同".encode(encoding).ljust(len(text))))
    path.with_suffix(".cpg").unlink()
    assert read(path).district.buildings["name"].tolist() == ["南锣鼓巷", "帽儿胡同"]


def test_a_shapefile_without_its_neighbours(tmp_path: Path) -> None:
    path = saved(tmp_path, "town.shp", height=[1.0, 2.0])
    path.with_suffix(".shx").unlink()
    with pytest.raises(BadInput, match=r"town\.shx is missing"):
        read(path)


def test_a_bare_geometry_is_a_map(tmp_path: Path) -> None:
    path = tmp_path / "one.geojson"
    path.write_text(json.dumps(A_BLOCK))
    result: Import = read(path)
    assert len(result.district.buildings) == 1
