"""Every real map imports, with the counts that its own documentation states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from twin.places import District
from twin.sources import Import, read, summary

pytestmark = pytest.mark.data

FILES = [("osm/beijing_cau_haidian.osm", None), ("osm/seattle_northgate_osm2streets.osm", None),
         ("osm/pyrosm_test.osm.pbf", None), ("osm/momepy_bubenec.gpkg", None),
         ("city3d/3dbag_b2.city.json", None),
         ("city3d/delft.city.json", None), ("city3d/zurich_subset_lod2.city.json", None),
         ("city3d/rotterdam_subset.city.json", "EPSG:28992"), ("city3d/DH_01_subs.city.json", "EPSG:28992"),
         ("city3d/multi_lod.city.json", "EPSG:28992"), ("evac/jupedsim_aknz_evac.wkt", None),
         ("evac/jupedsim_arena.wkt", None), ("evac/jupedsim_ISO-Bottleneck.dxf", None)]


@pytest.fixture(scope="module")
def imports(data: Path) -> dict[str, Import]:
    return {file: read(data / file, crs=crs) for file, crs in FILES}


@pytest.mark.parametrize("file", [file for file, _ in FILES])
def test_everything_that_comes_in_is_sound(imports: dict[str, Import], file: str) -> None:
    district = imports[file].district
    for name, frame in district.tables.items():
        shapes = frame.geometry.to_numpy()
        assert not shapely.is_missing(shapes).any() and not shapely.is_empty(shapes).any()
        assert np.isfinite(shapely.get_coordinates(shapes)).all()
        if name in ("buildings", "areas", "courtyards"):
            assert shapely.is_valid(shapes).all()
            assert (shapely.area(shapes) > 0).all()
    heights = district.buildings["height"]
    assert heights.notna().all() and (heights < 400).all()
    assert (heights > district.buildings["base"].fillna(0.0)).all()
    assert district.buildings["height_source"].notna().all()
    assert district.crs.axis_info[0].unit_name == "metre"


@pytest.mark.parametrize("file", [file for file, _ in FILES])
def test_an_import_survives_saving(imports: dict[str, Import], file: str, tmp_path: Path) -> None:
    district = imports[file].district
    again = District.open(district.save(tmp_path / "district.gpkg"))
    assert again.counts() == district.counts()


def test_beijing_has_255_building_ways_and_2_courtyard_multipolygons(imports: dict[str, Import]) -> None:
    found = summary(imports["osm/beijing_cau_haidian.osm"])
    assert found["from"] == {"way": 255, "relation": 2}
    assert found["buildings"] == 257
    assert found["courtyards"] == 2
    assert found["crs"] == "EPSG:32650"
    assert "found 255 buildings drawn as ways and 2 as multipolygons, 2 of these around a courtyard" in found["notes"]
    assert found["parts"] > 60 and found["bays"] == 29 and found["streets"] == 300


def test_beijing_says_how_each_height_was_known(imports: dict[str, Import]) -> None:
    buildings = imports["osm/beijing_cau_haidian.osm"].district.buildings
    assert (buildings["height_source"] == "levels").sum() == 6
    assert set(buildings["height_source"]) == {"levels", "assumed"}


def test_beijing_streets_stay_near_the_bounds_and_buildings_whole(imports: dict[str, Import]) -> None:
    district = imports["osm/beijing_cau_haidian.osm"].district
    assert district.extent is not None
    frame = district.extent.buffer(30)
    assert district.streets.geometry.within(frame).all()
    assert not district.buildings.geometry.within(frame).all()
    assert district.attribution.startswith("© OpenStreetMap contributors")


def test_courtyards_of_beijing_are_the_holes_of_their_buildings(imports: dict[str, Import]) -> None:
    district = imports["osm/beijing_cau_haidian.osm"].district
    for court in district.courtyards.itertuples():
        owner = district.buildings[district.buildings["courtyard"] == court.id].geometry.iloc[0]
        assert owner.intersection(court.geometry).area == pytest.approx(0, abs=1e-6)
        assert shapely.Polygon(owner.exterior).contains(court.geometry)
        assert 540 < court.geometry.area < 580


def test_delft_counts(imports: dict[str, Import]) -> None:
    found = summary(imports["city3d/delft.city.json"])
    assert found["buildings"] == 160 and found["crs"] == "EPSG:28992"
    assert found["areas"] == 143 + 126 + 81 + 3 + 3
    assert found["dropped"] == {"not kept: GenericCityObject": 54}


def test_zurich_keeps_parts_within_their_buildings(imports: dict[str, Import]) -> None:
    result = imports["city3d/zurich_subset_lod2.city.json"]
    found = summary(result)
    assert (found["buildings"], found["building_parts"], found["crs"]) == (49, 161, "EPSG:2056")
    buildings = result.district.buildings
    assert set(buildings["part_of"].dropna()) <= set(buildings["id"])
    surfaces = result.district.tables["surfaces"]
    assert set(surfaces["kind"]) == {"GroundSurface", "RoofSurface", "WallSurface"}
    lowest = shapely.get_coordinates(surfaces.geometry.to_numpy(), include_z=True)[:, 2].min()
    assert lowest == pytest.approx(0.0, abs=1e-6)


def test_multi_lod_takes_the_best_level(imports: dict[str, Import]) -> None:
    result = imports["city3d/multi_lod.city.json"]
    assert set(result.district.tables["surfaces"]["lod"]) == {"2.2"}
    assert any("1.2, 1.3" in note for note in result.notes)


def test_areas_of_floor_plans(imports: dict[str, Import]) -> None:
    floors = {file: imports[file].district.areas for file, _ in FILES if file.startswith("evac")}
    assert floors["evac/jupedsim_aknz_evac.wkt"].area.sum() == pytest.approx(13189, abs=1)
    assert floors["evac/jupedsim_arena.wkt"].area.sum() == pytest.approx(263, abs=1)
    assert floors["evac/jupedsim_ISO-Bottleneck.dxf"].area.sum() == pytest.approx(10 * 10 * 2 + 10 * 2)
    assert all(frame["on_foot"].all() and set(frame["kind"]) == {"floor"} for frame in floors.values())


def test_bubenec_is_taken_out_of_web_mercator(imports: dict[str, Import]) -> None:
    result = imports["osm/momepy_bubenec.gpkg"]
    assert {name: result.district.counts()[name] for name in ("buildings", "streets", "courtyards")} == {
        "buildings": 144, "streets": 35, "courtyards": 407}
    assert summary(result)["crs"] == "EPSG:32633"
    assert any("1.56 times" in note for note in result.notes)


def test_seattle_tells_courtyards_parts_and_entrances(imports: dict[str, Import]) -> None:
    district = imports["osm/seattle_northgate_osm2streets.osm"].district
    assert len(district.courtyards) == 1 and len(district.entrances) == 10
    assert (district.parts["kind"] == "lamp").sum() == 47
    assert set(district.entrances["courtyard"]) <= set(district.buildings["id"])
    assert district.entrances["heading"].between(0, 2 * np.pi).all()


def test_pbf_drops_what_the_extract_cut_off(imports: dict[str, Import]) -> None:
    found = summary(imports["osm/pyrosm_test.osm.pbf"])
    assert found["buildings"] + found["dropped"]["missing nodes"] >= 2219
    assert found["buildings"] > 2150
