"""Solids: closed, of the right volume, on their ground, and traceable to the objects that they show."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from twin.errors import BadInput
from twin.places import District, solid, solids, table_frame
from twin.places.solids import heights
from twin.places.synthetic import generate
from twin.sources import read

UTM = CRS.from_epsg(32650)
AT = (446_000.0, 4_417_000.0)


def building(object_id: str, geometry: shapely.Geometry, **columns: Any) -> dict[str, Any]:
    moved = shapely.transform(geometry, lambda xyz: xyz + np.r_[AT, [0.0] * (xyz.shape[1] - 2)],
                              include_z=bool(shapely.has_z(geometry)))
    return {"id": object_id, "geometry": moved, **columns}


def place(*buildings: dict[str, Any], **tables: list[dict[str, Any]]) -> District:
    rows = {"buildings": list(buildings), **tables}
    frames = {name: table_frame(name, some, UTM, source="test") for name, some in rows.items()}
    return District("test", UTM, frames, extent=shapely.box(AT[0] - 100, AT[1] - 100, AT[0] + 100, AT[1] + 100))


def box(east: float, north: float, *, x: float = 0.0, y: float = 0.0, turn: float = 0.0) -> shapely.Polygon:
    c, s = math.cos(turn), math.sin(turn)
    return shapely.transform(shapely.box(-east / 2, -north / 2, east / 2, north / 2),
                             lambda xy: xy @ np.array([[c, s], [-s, c]]) + [x, y])


# ---- one building -------------------------------------------------------------------------------------------

def test_a_flat_house_has_the_volume_of_its_box() -> None:
    one = solid(building("b", box(10, 6), height=4.0, roof="flat"))
    assert one.is_watertight
    assert one.volume == pytest.approx(240.0)
    assert one.bounds[:, 2] == pytest.approx([0.0, 4.0])
    assert one.bounds[:, :2] == pytest.approx(np.array([[-5, -3], [5, 3]]) + AT)


def test_a_courtyard_inside_a_building_is_open_to_the_sky() -> None:
    ring = box(20, 20).difference(box(8, 10))
    one = solid(building("b", ring, height=5.0, roof="flat"))
    assert one.is_watertight
    assert one.volume == pytest.approx((400 - 80) * 5)
    middle = np.array([[*AT, 50.0]])
    assert not one.ray.intersects_any(middle, [[0, 0, -1.0]])[0]


@pytest.mark.parametrize("turn", [0.0, 0.3, 2.0])
def test_a_gabled_house_has_the_volume_of_box_and_prism(turn: float) -> None:
    one = solid(building("b", box(12, 6, turn=turn), height=5.5, roof="gabled", roof_height=2.0, roof_heading=turn))
    assert one.is_watertight
    assert one.volume == pytest.approx(12 * 6 * (3.5 + 1.0))


def test_the_ridge_runs_where_roof_heading_says() -> None:
    for heading, across in ((0.0, 1), (math.pi / 2, 0)):
        one = solid(building("b", box(12, 6), height=5.0, roof="gabled", roof_height=1.5, roof_heading=heading))
        ridge = one.vertices[one.vertices[:, 2] > 4.99] - [*AT, 0]
        assert len(ridge) == 2
        assert ridge[:, across] == pytest.approx([0, 0], abs=1e-6)
        assert np.ptp(ridge[:, 1 - across]) == pytest.approx((12, 6)[1 - across if across else 1])
        assert set(np.round(one.vertices[:, 2], 6)) == {0.0, 3.5, 5.0}


def test_without_a_heading_the_ridge_runs_along_the_longer_side() -> None:
    one = solid(building("b", box(5, 14), height=5.0, roof="gabled", roof_height=1.5))
    ridge = one.vertices[one.vertices[:, 2] > 4.99]
    assert np.ptp(ridge[:, 1]) == pytest.approx(14)


def test_a_hipped_house_lies_between_pyramid_and_gable() -> None:
    one = solid(building("b", box(14, 6), height=5.0, roof="hipped", roof_height=2.0))
    assert one.is_watertight
    # box, a prism between the ends of the ridge (8 m), and a pyramid of the two ends put together
    assert one.volume == pytest.approx(14 * 6 * 3 + 8 * 6 * 2 / 2 + 6 * 6 * 2 / 3)


def test_a_pitched_roof_over_an_l_rises_from_its_whole_outline() -> None:
    corner = shapely.union_all([box(20, 6), box(6, 20, x=-7, y=7)])
    one = solid(building("b", corner, height=6.0, roof="gabled", roof_height=2.0))
    assert one.is_watertight
    assert corner.area * 4 < one.volume < corner.area * 6
    assert one.bounds[1, 2] == pytest.approx(6.0)


def test_a_building_on_a_base_floats() -> None:
    one = solid(building("b", box(4, 4), height=9.0, base=6.0, roof="flat"))
    assert one.bounds[:, 2] == pytest.approx([6.0, 9.0])
    assert one.volume == pytest.approx(16 * 3)


def test_many_polygons_make_many_closed_bodies() -> None:
    one = solid(building("b", shapely.MultiPolygon([box(4, 4), box(2, 3, x=10)]), height=3.0, roof="flat"))
    assert one.is_watertight
    assert one.volume == pytest.approx((16 + 6) * 3)


def test_no_footprint_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no footprint"):
        solid({"id": "b", "geometry": shapely.Polygon()})


def test_heights_come_from_the_table_then_from_storeys_then_from_a_guess() -> None:
    rows = table_frame("buildings", [
        building("a", box(4, 4), height=7.5), building("b", box(4, 4), levels=3), building("c", box(4, 4)),
        building("d", box(4, 4), base=3.0), building("e", box(4, 4), height=5.0, roof="gabled", roof_height=1.0)], UTM)
    low, eaves, top = heights(rows)
    assert low.tolist() == [0, 0, 0, 3, 0]
    assert top == pytest.approx([7.5, 9.6, 6.0, 9.0, 5.0])
    assert eaves == pytest.approx([7.5, 9.6, 6.0, 9.0, 4.0])


@st.composite
def outlines(draw: st.DrawFn) -> shapely.Polygon:
    """Star-shaped outlines with a courtyard or two, or none, inside."""
    corners = draw(st.integers(3, 12))
    turns = np.sort(draw(st.lists(st.floats(0, 2 * math.pi), min_size=corners, max_size=corners, unique=True)))
    reach = np.array(draw(st.lists(st.floats(6, 30), min_size=corners, max_size=corners)))
    shape = shapely.Polygon(np.stack([reach * np.cos(turns), reach * np.sin(turns)], 1))
    shape = shape if shape.is_valid and shape.area > 5 else box(12, 9)
    for _ in range(draw(st.integers(0, 2))):
        x, y = draw(st.floats(-8, 8)), draw(st.floats(-8, 8))
        yard = box(draw(st.floats(0.5, 4)), draw(st.floats(0.5, 4)), x=x, y=y, turn=draw(st.floats(0, 3)))
        if shape.contains_properly(yard.buffer(0.1)):
            shape = shape.difference(yard)
    return shape


@settings(max_examples=60, deadline=None)
@given(shape=outlines(), height=st.floats(1.5, 60), roof=st.sampled_from(["flat", "gabled", "hipped", None]),
       heading=st.one_of(st.none(), st.floats(-7, 7)))
def test_any_valid_footprint_becomes_a_closed_body(shape: shapely.Polygon, height: float, roof: str | None,
                                                   heading: float | None) -> None:
    one = solid(building("b", shape, height=height, roof=roof, roof_heading=heading))
    assert np.isfinite(one.vertices).all()
    assert one.is_watertight
    assert 0 < one.volume <= shape.area * height * (1 + 1e-6)
    if roof in ("flat", None):
        assert one.volume == pytest.approx(shape.area * height, rel=1e-5)
    assert one.bounds[1, 2] == pytest.approx(height, abs=1e-5)


# ---- a district ---------------------------------------------------------------------------------------------

def test_every_corner_knows_its_object() -> None:
    district = place(building("low", box(10, 6, x=-30), height=3.0, roof="flat"),
                     building("high", box(8, 8, x=30), height=20.0, roof="flat"))
    mesh = solids(district)
    assert mesh.ids == ["low", "high"]
    for name, x, top in (("low", -30, 3.0), ("high", 30, 20.0)):
        part = mesh.of({name})
        assert part.ids == [name]
        assert part.positions[:, 2].max() == pytest.approx(top)
        assert part.positions[:, 0].mean() == pytest.approx(x)     # metres from the district's origin
        assert len(part.faces) and part.faces.max() < len(part.positions)
    assert mesh.positions.dtype == np.float32 and mesh.faces.dtype == np.uint32 and mesh.kind.dtype == np.uint8


def test_corners_of_a_face_share_object_and_kind_and_face_outward() -> None:
    district = place(building("a", box(10, 6).difference(box(3, 2)), height=4.0, roof="flat"),
                     building("b", box(8, 5, x=40), height=5.0, roof="gabled", roof_height=1.5))
    mesh = solids(district)
    for values in (mesh.object_index, mesh.kind):
        assert (values[mesh.faces] == values[mesh.faces[:, :1]]).all()
    p, q, r = (mesh.positions[mesh.faces[:, i]] for i in range(3))
    assert ((np.cross(q - p, r - p) * mesh.normals[mesh.faces[:, 0]]).sum(axis=1) > 0).all()
    assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1.0, abs=1e-5)
    roofs = mesh.normals[mesh.kind == 1]
    assert (roofs[:, 2] > 0.3).all()
    assert np.abs(mesh.normals[mesh.kind == 0][:, 2]).max() < 1e-5


def test_underground_buildings_are_not_shown() -> None:
    district = place(building("station", box(60, 20), height=0.0, base=-10.0),
                     building("house", box(10, 6, y=40), height=4.0))
    mesh = solids(district)
    assert mesh.ids == ["house"]
    assert mesh.positions[:, 2].min() >= 0


def test_parts_stand_in_for_the_building_that_they_cover() -> None:
    whole = building("whole", box(20, 10), height=30.0)
    parts = [building("west", box(10, 10, x=-5), height=30.0, part_of="whole"),
             building("east", box(10, 10, x=5), height=9.0, part_of="whole")]
    assert set(solids(place(whole, *parts)).ids) == {"west", "east"}
    assert set(solids(place(whole, building("hut", box(2, 2), height=33.0, base=30.0, part_of="whole"))).ids) \
        == {"whole", "hut"}


def test_surfaces_of_a_city_model_are_used_as_they_are() -> None:
    wall = shapely.Polygon([(0, 0, 0), (4, 0, 0), (4, 0, 3), (0, 0, 3)])
    slope = shapely.Polygon([(0, 0, 3), (4, 0, 3), (4, 4, 6), (0, 4, 6)])
    unsaid = shapely.Polygon([(0, 4, 0), (4, 4, 0), (4, 0, 0), (0, 0, 0)])
    rows = [building("s1", wall) | {"kind": "WallSurface"}, building("s2", slope) | {"kind": "RoofSurface"},
            building("s3", unsaid)]
    surfaces = [row | {"building": "b", "lod": "2"} for row in rows]
    mesh = solids(place(building("b", box(4, 4, x=2, y=2), height=99.0, roof="surfaces"), surfaces=surfaces))
    assert mesh.positions[:, 2].max() == pytest.approx(6.0)
    a, b, c = (mesh.positions[mesh.faces[:, i]].astype(float) for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    kind = mesh.kind[mesh.faces[:, 0]]
    assert area[kind == 0].sum() == pytest.approx(12.0)
    assert area[kind == 1].sum() == pytest.approx(4 * 5.0)
    assert area[kind == 2].sum() == pytest.approx(16.0)
    assert (mesh.normals[mesh.kind == 1][:, 2] > 0).all()


def test_a_walled_courtyard_has_walls_with_gaps_and_a_red_gate() -> None:
    yard = building("yard", box(20, 16), walled=True)
    door = {"id": "door", "courtyard": "yard", "kind": "front", "state": "open", "width": 2.0,
            "geometry": shapely.Point(AT[0], AT[1] - 8)}
    hut = building("hut", box(6, 5, y=5), height=4.0)
    mesh = solids(place(hut, courtyards=[yard], entrances=[door]))
    assert set(mesh.ids) == {"hut", "yard", "door"}
    wall = mesh.of({"yard"}).positions
    assert 2.2 <= wall[:, 2].max() <= 2.6
    assert np.abs(np.abs(wall[:, :2]) - [10, 8]).min(axis=1).max() < 0.2       # on the outline
    south = wall[np.abs(wall[:, 1] + 8) < 0.2]
    assert np.abs(south[:, 0]).min() > 0.9                                     # nothing in the doorway
    gate = mesh.of({"door"})
    assert 4 in gate.kind
    assert np.hypot(gate.positions[:, 0], gate.positions[:, 1] + 8).max() < 2.5
    assert set(solids(place(hut, courtyards=[yard], entrances=[door]), walls=False).ids) == {"hut"}


def test_a_district_without_buildings_has_an_empty_mesh() -> None:
    mesh = solids(place())
    assert len(mesh.positions) == len(mesh.faces) == len(mesh.ids) == 0
    assert len(mesh.of({"x"}).faces) == 0


def test_the_whole_built_in_quarter_is_quick_and_sound() -> None:
    district = generate()
    assert len(district.buildings) > 3000
    took = []
    for _ in range(3):
        start = time.perf_counter()
        mesh = solids(district)
        took.append(time.perf_counter() - start)
    assert min(took) < 2.0
    assert np.isfinite(mesh.positions).all() and np.isfinite(mesh.normals).all()
    assert set(mesh.ids) >= set(district.buildings["id"])
    assert set(np.unique(mesh.object_index)) <= set(range(len(mesh.ids)))
    # no building reaches beyond its footprint, nor above its height
    top = pd.Series(mesh.positions[:, 2]).groupby(pd.Series(mesh.object_index)).max()
    stated = district.buildings.set_index("id")["height"]
    shown = pd.Series(top.to_numpy(), index=[mesh.ids[i] for i in top.index])
    assert (shown.reindex(stated.index) - stated).abs().max() < 1e-3


@pytest.mark.data
@pytest.mark.parametrize("name", ["osm/beijing_cau_haidian.osm", "city3d/rotterdam_subset.city.json"])
def test_real_maps_become_sound_meshes(data: Path, name: str) -> None:
    district = read(data / name).district
    mesh = solids(district)
    assert np.isfinite(mesh.positions).all()
    assert len(mesh.faces) > 4 * len(mesh.ids) > 0
    west, south, east, north = district.bounds
    reach = max(east - west, north - south)
    assert np.abs(mesh.positions[:, :2]).max() < reach
    below = mesh.positions[:, 2] < -0.5
    assert "way/595098576" not in mesh.ids and (name.startswith("city3d") or not below.any())
