"""The built-in district as the rest of the house sees it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.places import TABLES, District
from twin.places.synthetic import generate


@pytest.fixture(scope="module")
def full() -> District:
    return generate()


def corridors(district: District) -> np.ndarray:
    streets = district.streets
    return shapely.buffer(
        streets.geometry.values, streets["width"].to_numpy() / 2, cap_style="flat", join_style="mitre"
    )


def street_graph(district: District) -> nx.Graph:
    graph = nx.Graph()
    for line in district.streets.geometry:
        nx.add_path(graph, [(round(x, 3), round(y, 3)) for x, y in line.coords])
    return graph


def overlaps(shapes: gpd.GeoSeries) -> np.ndarray:
    """Areas that pairs of shapes share [m2]."""
    geometry = np.asarray(shapes.values)
    i, j = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    return shapely.area(shapely.intersection(geometry[i[i < j]], geometry[j[i < j]]))


def assert_sound(district: District) -> None:
    """What holds for every seed and size."""
    courtyards, buildings, entrances = district.courtyards, district.buildings, district.entrances
    ids = pd.concat([table["id"] for table in district.tables.values()])
    assert ids.is_unique
    for table in district.tables.values():
        assert table.geometry.is_valid.all()
        assert not table.geometry.is_empty.any()
    assert overlaps(courtyards.geometry).max(initial=0) < 0.05
    assert overlaps(buildings.geometry).max(initial=0) < 0.01
    assert nx.is_connected(street_graph(district))

    ground = shapely.union_all(corridors(district))
    assert shapely.area(shapely.intersection(courtyards.geometry.values, ground)).max() < 0.05
    walk = shapely.union_all([ground, *district.areas.geometry[district.areas["on_foot"].astype(bool)]])
    pieces = shapely.get_parts(walk.difference(shapely.union_all(buildings.geometry.values)))
    assert shapely.area(pieces).max() > 0.9999 * shapely.area(pieces).sum()

    wings = buildings[buildings["courtyard"].notna()]
    home = courtyards.set_index("id").geometry.loc[wings["courtyard"]]
    assert shapely.contains_properly(home.values, wings.geometry.values).all()
    assert set(courtyards["id"]) == set(wings["courtyard"])
    assert wings["height"].between(2.3, 6.5).all()

    outside = set(district.streets["id"]) | set(courtyards["id"])
    assert set(entrances["leads_to"]) <= outside
    assert set(entrances["courtyard"]) <= set(courtyards["id"]) | set(buildings["id"])
    fronts = entrances[entrances["kind"] == "front"]
    assert set(courtyards["id"]) <= set(fronts["courtyard"])
    assert set(courtyards["grid"]) <= set(district.grids["id"])
    assert courtyards["address"].is_unique


def test_has_the_size_of_the_source_case(full: District) -> None:
    grids = full.grids
    household = grids[grids["scheme"] == "household"].groupby("level").size()
    assert (household["community"], household["grid"]) == (13, 71)
    assert len(full.courtyards) == 1454
    assert 3700 <= len(full.buildings) <= 3900
    west, south, east, north = full.bounds
    assert max(east - west, north - south) < 1600


def test_is_sound(full: District) -> None:
    assert_sound(full)


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**31))
def test_small_is_sound_for_any_seed(seed: int) -> None:
    assert_sound(generate(seed=seed, size="small"))


@pytest.mark.parametrize("seed", [2, 11])
def test_full_is_sound_for_other_seeds(seed: int) -> None:
    district = generate(seed=seed)
    assert_sound(district)
    assert len(district.courtyards) == 1454
    assert 3700 <= len(district.buildings) <= 3900


def test_same_seed_same_district_other_seed_another() -> None:
    first, again, other = (generate(seed=seed, size="small") for seed in (4, 4, 5))
    for name in TABLES:
        pd.testing.assert_frame_equal(pd.DataFrame(first.tables[name]), pd.DataFrame(again.tables[name]))
    assert first.streets.geometry.to_wkt().tolist() != other.streets.geometry.to_wkt().tolist()


def test_lies_in_beijing_and_reaches_frames(full: District) -> None:
    assert full.crs.to_epsg() == 32650
    middle = gpd.GeoSeries([shapely.Point(full.origin)], crs=full.crs).to_crs(4326).iloc[0]
    assert middle.distance(shapely.Point(116.37, 39.905)) < 0.01
    west, south, east, north = full.bounds
    x, y = full.origin
    assert max(east - x, x - west, north - y, y - south) < 32767 * 0.05


def test_every_row_says_where_and_when_it_is_from(full: District) -> None:
    for name in ("buildings", "courtyards", "entrances", "parts", "streets", "bays", "areas", "grids"):
        table = full.tables[name]
        assert (table["source"] == "synthetic").all()
        assert (table["observed_at"] == pd.Timestamp("2026-01-01", tz="UTC")).all()
        for column in TABLES[name].columns:
            allowed = set(column.values)
            assert not allowed or set(table[column.name].dropna()) <= allowed, (name, column.name)


def test_lanes_are_as_wide_as_the_gap_between_walls(full: District) -> None:
    """From the middle of a lane to the nearest wall is half its width."""
    lanes = full.streets[(full.streets["kind"] == "lane") & (full.streets.length > 60)]
    widths = full.streets.loc[full.streets["kind"] == "lane", "width"]
    assert widths.between(2.5, 9).all()
    assert widths.between(3.5, 6.5).mean() > 0.6
    walls = shapely.STRtree(full.courtyards.geometry.values)
    middles = shapely.line_interpolate_point(lanes.geometry.values, 0.37, normalized=True)
    _, gap = walls.query_nearest(middles, return_distance=True, all_matches=False)
    assert np.median(np.abs(2 * gap - lanes["width"].to_numpy())) < 0.1


def test_streets_and_areas_leave_no_ground_over(full: District) -> None:
    taken = shapely.union_all([*corridors(full), *full.areas.geometry, *full.courtyards.geometry])
    whole = shapely.union_all(full.grids.geometry[full.grids["level"] == "district"].values)
    assert whole.difference(taken).area < 1e-4 * whole.area


def test_has_an_avenue_a_square_and_a_metro_by_it(full: District) -> None:
    avenue = full.streets[full.streets["kind"] == "avenue"]
    assert avenue["width"].between(60, 100).all()
    square = full.areas[full.areas["kind"] == "square"].geometry.iloc[0]
    assert square.area > 250 * 180
    exits = full.parts[full.parts["kind"] == "metro_entrance"]
    assert 4 <= len(exits) <= 6
    assert exits.distance(square).max() < 140
    assert square.intersects(shapely.union_all(avenue.buffer(avenue["width"] / 2, cap_style="flat").values))
    assert {"park", "water", "pitch"} <= set(full.areas["kind"])
    assert {"office", "school", "civic"} <= set(full.buildings["use"])
    assert (full.buildings.loc[full.buildings["use"] == "civic", "roof"] == "hipped").all()


def test_courtyards_have_several_ways_in_but_some_only_one(full: District) -> None:
    ways = full.entrances[full.entrances["courtyard"].isin(full.courtyards["id"])].groupby("courtyard").size()
    assert 0.05 < (ways == 1).mean() < 0.35
    assert ways.mean() > 1.9
    kinds = full.entrances["kind"].value_counts()
    assert kinds["back"] > 50
    assert kinds["passage"] > 400
    assert set(full.entrances["state"]) == {"open", "locked", "blocked", "unknown"}
    assert full.entrances["step_free"].isna().any()


def test_entrances_stand_on_the_outline_and_face_what_they_lead_to(full: District) -> None:
    entrances = full.entrances[full.entrances["courtyard"].isin(full.courtyards["id"])]
    outlines = full.courtyards.set_index("id").geometry
    ring = shapely.boundary(outlines.loc[entrances["courtyard"]].values)
    assert shapely.distance(ring, entrances.geometry.values).max() < 2e-3
    heading = entrances["heading"].to_numpy()
    ahead = shapely.points(
        shapely.get_coordinates(entrances.geometry.values)
        + 0.45 * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    )
    outside = pd.concat([outlines, gpd.GeoSeries(corridors(full), index=full.streets["id"], crs=full.crs)])
    assert shapely.distance(outside.loc[entrances["leads_to"]].values, ahead).max() < 2e-3


def test_every_courtyard_can_be_reached_from_a_street(full: District) -> None:
    graph = nx.Graph(list(zip(full.entrances["courtyard"], full.entrances["leads_to"], strict=True)))
    graph.add_edges_from(("street", street) for street in full.streets["id"])
    reached = nx.node_connected_component(graph, "street")
    assert set(full.courtyards["id"]) <= reached


def test_gates_of_southern_fronts_are_in_the_south_east(full: District) -> None:
    fronts = full.entrances[
        (full.entrances["kind"] == "front") & full.entrances["courtyard"].isin(full.courtyards["id"])
    ]
    centres = full.courtyards.set_index("id").geometry.centroid.loc[fronts["courtyard"]]
    southern = np.sin(fronts["heading"].to_numpy()) < -0.8
    east = fronts.geometry.x.to_numpy() > centres.x.to_numpy()
    assert east[southern].mean() > 0.9


def test_grids_of_a_scheme_nest_and_cover(full: District) -> None:
    grids = full.grids.set_index("id")
    children = grids[grids["parent"].notna()]
    assert set(children["parent"]) <= set(grids.index)
    assert (grids.loc[grids["parent"].isna(), "level"] == "district").all()
    for parent, cells in children[children["scheme"] != "video"].groupby("parent"):
        assert cells.geometry.area.sum() == pytest.approx(grids.geometry[parent].area, rel=1e-3)
        assert overlaps(cells.geometry).max(initial=0) < 1.0
    assert (grids.geometry.geom_type == "Polygon").all()
    per_grid = full.courtyards.groupby("grid").size()
    assert len(per_grid) == 71
    inside = grids.geometry.loc[full.courtyards["grid"]]
    assert shapely.intersects(inside.values, full.courtyards.geometry.centroid.values).all()
    assert 20 <= (grids["scheme"] == "video").sum() <= 120


def test_furniture_stands_on_the_street_not_in_a_wall(full: District) -> None:
    parts = full.parts
    for kind in ("lamp", "hydrant", "camera", "sign", "bollard", "bus_stop", "toilet", "bench"):
        points = parts.geometry[parts["kind"] == kind].to_numpy()
        assert len(points) >= 10
        assert not len(
            shapely.STRtree(full.courtyards.geometry.values).query(points, predicate="within")[0]
        ), kind
    everything = parts.geometry[parts.geometry.geom_type == "Point"].to_numpy()
    assert not len(shapely.STRtree(full.buildings.geometry.values).query(everything, predicate="within")[0])
    cameras = parts[parts["kind"] == "camera"]
    assert cameras["heading"].notna().all()
    assert cameras["height"].between(3, 12).all()


def test_lamps_stand_25_to_30_m_apart_along_lanes(full: District) -> None:
    lanes = full.streets[(full.streets["kind"] == "lane") & (full.streets.length > 80)]
    lamps = shapely.STRtree(full.parts.geometry[full.parts["kind"] == "lamp"].values)
    lane, _ = lamps.query(shapely.buffer(lanes.geometry.values, lanes["width"] / 2), predicate="intersects")
    spacing = lanes.length.to_numpy() / np.maximum(1, np.bincount(lane, minlength=len(lanes)))
    assert 20 < np.median(spacing) < 34


def test_bays_hold_cars_and_are_reached_from_a_street(full: District) -> None:
    bays = full.bays
    assert {"kerb", "lane", "lot"} <= set(bays["kind"])
    assert (bays["capacity"] > 0).all()
    assert set(bays["street"]) <= set(full.streets["id"])
    assert overlaps(bays.geometry).max(initial=0) < 0.01


def test_wings_surround_an_open_yard(full: District) -> None:
    wings = full.buildings[full.buildings["courtyard"].notna()]
    built = wings.groupby("courtyard").geometry.apply(lambda g: g.area.sum())
    share = built / full.courtyards.set_index("id").geometry.area.loc[built.index]
    assert share.max() < 0.85
    assert 0.3 < share.median() < 0.7
    gabled = wings[wings["roof"] == "gabled"]
    assert len(gabled) > 0.85 * len(wings)
    corners = shapely.get_coordinates(gabled.geometry.values).reshape(-1, 5, 2)
    sides = np.diff(corners, axis=1)[:, :2]
    lengths = np.hypot(sides[..., 0], sides[..., 1])
    longest = sides[np.arange(len(sides)), lengths.argmax(axis=1)]
    heading = gabled["roof_heading"].to_numpy()
    across = np.abs(longest[:, 0] * np.sin(heading) - longest[:, 1] * np.cos(heading)) / lengths.max(axis=1)
    assert across.max() < 1e-3
    assert (gabled["roof_height"] < gabled["height"] - 1.9).all()


def test_survives_its_file(full: District, tmp_path: Path) -> None:
    again = District.open(full.save(tmp_path / "xichangan.gpkg"))
    assert again.counts() == full.counts()
    assert again.bounds == full.bounds
    assert again.courtyards["address"].tolist() == full.courtyards["address"].tolist()


def test_refuses_an_unknown_size_and_a_negative_seed() -> None:
    with pytest.raises(BadInput, match="full or small"):
        generate(size="huge")
    with pytest.raises(BadInput, match="negative"):
        generate(seed=-1)
