"""CityJSON: one small hand-written model a rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from twin.errors import BadInput
from twin.sources import Import, read, summary

KINDS = ["GroundSurface", "RoofSurface", "WallSurface"]


def block(x: float, y: float, low: float, high: float, size: float = 10.0) -> list[list[float]]:
    """Eight corners of a block."""
    return [[x + dx, y + dy, z] for z in (low, high) for dx,
            dy in ((0, 0), (size, 0), (size, size), (0, size))]


def solid(first: int, lod: str = "2", semantics: bool = True) -> dict[str, Any]:
    """A block as a Solid over eight vertices from ``first`` on."""
    faces = [[3, 2, 1, 0], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
    geometry: dict[str, Any] = {"type": "Solid", "lod": lod,
                                "boundaries": [[[[i + first for i in face]] for face in faces]]}
    if semantics:
        geometry["semantics"] = {"surfaces": [{"type": kind} for kind in KINDS],
                                 "values": [[0, 1, 2, 2, 2, 2]]}
    return geometry


def model(objects: dict[str, Any], vertices: list[list[float]], **more: Any) -> dict[str, Any]:
    """A CityJSON 2.0 document in EPSG:28992."""
    return {"type": "CityJSON", "version": "2.0",
            "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415",
                         "geographicalExtent": [0, 0, 0, 1, 1, 1]},
            "CityObjects": objects, "vertices": vertices, **more}


def imported(folder: Path, document: Any, name: str = "town.city.json", **options: Any) -> Import:
    path = folder / name
    path.write_text(json.dumps(document))
    return read(path, **options)


HOUSE = {"house": {"type": "Building", "geometry": [solid(0)]}}


def test_a_house_stands_on_flat_ground(tmp_path: Path) -> None:
    result = imported(tmp_path, model(HOUSE, block(85000, 446000, 5, 12)))
    row = result.district.buildings.iloc[0]
    assert (row["height"], row["height_source"], row["base"], row["roof"]) == (7.0, "measured", 0.0,
                                                                               "surfaces")
    assert row.geometry.area == pytest.approx(100)
    surfaces = result.district.tables["surfaces"]
    assert sorted(surfaces["kind"]) == ["GroundSurface", "RoofSurface"] + 4 * ["WallSurface"]
    z = shapely.get_coordinates(surfaces.geometry.to_numpy(), include_z=True)[:, 2]
    assert (z.min(), z.max()) == (0.0, 7.0)
    assert set(surfaces["building"]) == {"house"}


@pytest.mark.parametrize("stated", [
    "urn:ogc:def:crs:EPSG::7415", "https://www.opengis.net/def/crs/EPSG/0/7415", "EPSG:28992",
    "urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709", "http://www.opengis.net/def/crs/EPSG/0/28992",
    "urn:ogc:def:crs:EPSG:9.9:28992"])
def test_ways_to_state_the_crs(tmp_path: Path, stated: str) -> None:
    document = model(HOUSE, block(85000, 446000, 0, 5))
    document["metadata"]["referenceSystem"] = stated
    assert summary(imported(tmp_path, document))["crs"] == "EPSG:28992"


def test_no_crs_is_asked_for(tmp_path: Path) -> None:
    document = model(HOUSE, block(85000, 446000, 0, 5))
    del document["metadata"]
    with pytest.raises(BadInput, match="--crs"):
        imported(tmp_path, document)
    assert summary(imported(tmp_path, document, crs="EPSG:28992"))["crs"] == "EPSG:28992"


def test_a_wrong_crs_is_found_out(tmp_path: Path) -> None:
    document = model(HOUSE, block(5e6, 5e6, 0, 5))
    with pytest.raises(BadInput, match="far from where"):
        imported(tmp_path, document)


def test_scaled_vertices_and_versions(tmp_path: Path) -> None:
    vertices = [[round(v * 1000) for v in p] for p in block(0, 0, 0, 5)]
    transform = {"scale": [0.001] * 3, "translate": [85000, 446000, 3]}
    for version in ("1.0", "1.1", "2.0"):
        document = {**model(HOUSE, vertices, transform=transform), "version": version}
        assert imported(tmp_path, document).district.buildings.total_bounds == pytest.approx(
            [85000, 446000, 85010, 446010])
    with pytest.raises(BadInput, match="version 3"):
        imported(tmp_path, {**document, "version": "3.0"})


def test_the_best_level_of_detail_is_taken(tmp_path: Path) -> None:
    objects = {"house": {"type": "Building", "geometry": [solid(0, "1.2"), solid(8, "2.2"), solid(0, "0")]}}
    result = imported(tmp_path, model(objects, block(85000, 446000, 0, 5) + block(85000, 446000, 0, 8)))
    assert result.district.buildings["height"].tolist() == [8.0]
    assert any("2.2 (1)" in note and "0, 1.2" in note for note in result.notes)


def test_a_block_model_has_no_surfaces_and_a_flat_roof(tmp_path: Path) -> None:
    objects = {"house": {"type": "Building", "geometry": [solid(0, "1", semantics=False)]}}
    result = imported(tmp_path, model(objects, block(85000, 446000, 0, 5)))
    assert result.district.buildings["roof"].tolist() == ["flat"]
    assert len(result.district.tables["surfaces"]) == 0


def test_parts_share_the_ground_of_their_building(tmp_path: Path) -> None:
    objects = {"whole": {"type": "Building", "children": ["low", "high"]},
               "low": {"type": "BuildingPart", "parents": ["whole"], "geometry": [solid(0)]},
               "high": {"type": "BuildingPart", "parents": ["whole"], "geometry": [solid(8)]}}
    result = imported(tmp_path, model(objects, block(85000, 446000, 1, 5) + block(85010, 446000, 4, 21)))
    rows = result.district.buildings.set_index("id")
    assert rows.loc["whole", "height"] == 20.0 and rows.loc["whole"].geometry.area == pytest.approx(200)
    assert rows.loc["high", "base"] == 3.0 and rows.loc["high", "part_of"] == "whole"
    assert summary(result)["buildings"] == 1 and summary(result)["building_parts"] == 2


def test_a_footprint_takes_its_stated_height(tmp_path: Path) -> None:
    flat = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}
    objects = {"a": {"type": "Building", "attributes": {"measuredHeight": 9.5}, "geometry": [flat]},
               "b": {"type": "Building", "attributes": {"measuredHeight": -2, "storeysAboveGround": 2},
                     "geometry": [flat]},
               "c": {"type": "Building", "geometry": [flat]}}
    result = imported(tmp_path, model(objects, block(85000, 446000, 0, 5)))
    rows = result.district.buildings.set_index("id")
    assert rows["height"].to_dict() == {"a": 9.5, "b": 6.4, "c": 6.0}
    assert rows["height_source"].to_dict() == {"a": "measured", "b": "levels", "c": "assumed"}
    assert result.dropped["unknown height value"] == 1


def test_ground_objects_become_areas_and_bridges_cross_water(tmp_path: Path) -> None:
    def ground(first: int) -> list[dict[str, Any]]:
        return [{"type": "MultiSurface", "lod": "1",
                 "boundaries": [[[first, first + 1, first + 2, first + 3]]]}]
    objects = {"road": {"type": "Road", "geometry": ground(0)},
               "pond": {"type": "WaterBody", "geometry": ground(8)},
               "bridge": {"type": "Bridge", "geometry": ground(0)},
               "tree": {"type": "SolitaryVegetationObject", "geometry": [
                   {"type": "GeometryInstance", "template": 0, "boundaries": [1]}]},
               "odd": {"type": "+Thing", "geometry": ground(0)}}
    result = imported(tmp_path, model(objects, block(85000, 446000, 0, 5) + block(84995, 446000, 0, 5, 20)))
    areas = result.district.areas.set_index("id")
    assert areas["kind"].to_dict() == {"road": "ground", "pond": "water", "bridge": "ground"}
    assert areas.loc["pond"].geometry.area == pytest.approx(300)
    assert result.dropped == {"not kept: +Thing": 1}
    assert result.district.parts["kind"].tolist() == ["tree"]
    assert result.district.parts.geometry.x.tolist() == [85010]


def test_faults_are_dropped_and_counted(tmp_path: Path) -> None:
    broken = solid(0)
    broken["boundaries"][0][2] = [[0, 1, 99, 4]]
    nan = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 8]]]}
    objects = {"house": {"type": "Building", "geometry": [broken]},
               "nan": {"type": "Building", "geometry": [nan]},
               "empty": {"type": "Building", "geometry": []}, "odd": 7,
               "flat": {"type": "Building", "geometry": [{"type": "MultiSurface", "lod": "1",
                                                          "boundaries": [[[0, 1, 5, 4]]]}]}}
    path = tmp_path / "town.json"
    vertices = [*block(85000, 446000, 0, 5), [float("nan"), 0, 0]]
    path.write_text(json.dumps(model(objects, vertices)).replace('"empty": {',
                                                                 '"house": {"type": "Road"}, "empty": {'))
    result = read(path)
    assert result.district.buildings["id"].tolist() == ["house"]
    assert result.district.buildings.area.tolist() == [pytest.approx(100)]
    assert result.dropped == {"broken surface": 1, "duplicate id": 1, "object without geometry": 2,
                              "zero area": 1,
                              "object without a type": 1,
                              "surface with coordinates that are not on the earth": 1}


def test_a_sequence_of_features(tmp_path: Path) -> None:
    header = model({}, [])
    lines = [header] + [{"type": "CityJSONFeature", "id": name, "CityObjects": {name: HOUSE["house"]},
                         "vertices": block(85000 + 20 * i, 446000, 0, 5 + i)} for i, name in enumerate("aba")]
    path = tmp_path / "town.city.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    result = read(path)
    assert result.format == "cityjsonseq"
    assert result.district.buildings["height"].tolist() == [5.0, 6.0]
    assert result.dropped == {"duplicate id": 1}
    path.write_text(path.read_text()[:-40])
    with pytest.raises(BadInput, match="line 4"):
        read(path)
