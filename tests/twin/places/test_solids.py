"""Solids of buildings: closed, of the right size, and pickable."""

import json
import struct
import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from twin.errors import BadInput
from twin.places import District, table_frame
from twin.places.solids import Mesh, solid, solids, to_glb

UTM = CRS.from_epsg(32650)
X, Y = 446_000.0, 4_417_000.0


def building(footprint, **columns):
    return {"id": "b", "geometry": shapely.transform(footprint, lambda xy: xy + np.array([X, Y])), **columns}


def place(buildings=(), courtyards=(), entrances=(), surfaces=()):
    rows = {"buildings": buildings, "courtyards": courtyards, "entrances": entrances, "surfaces": surfaces}
    return District("test", UTM, {n: table_frame(n, list(r), UTM, source="test") for n, r in rows.items()},
                    extent=shapely.box(X - 100, Y - 100, X + 100, Y + 100))


def corner_area(mesh: Mesh, kind: int) -> float:
    faces = mesh.faces[mesh.kind[mesh.faces[:, 0]] == kind]
    a, b, c = (mesh.positions[faces[:, i]].astype(float) for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 8), (9, 8), (9, 22), (0, 22)])
COURT = shapely.box(0, 0, 30, 24).difference(shapely.box(8, 8, 22, 16))


@pytest.mark.parametrize("footprint", [shapely.box(0, 0, 10, 6), L_SHAPE, COURT], ids=["box", "L", "court"])
def test_a_flat_solid_is_closed_and_has_the_volume_of_its_footprint(footprint):
    shape = solid(building(footprint, height=9.0, roof="flat"))
    assert shape.is_watertight and shape.is_winding_consistent
    assert shape.volume == pytest.approx(footprint.area * 9.0, rel=1e-6)


def test_a_gabled_solid_has_its_ridge_along_the_heading():
    row = building(shapely.box(0, 0, 12, 6), height=5.0, roof="gabled", roof_height=2.0, roof_heading=0.0)
    shape = solid(row)
    assert shape.is_watertight and shape.volume == pytest.approx(12 * 6 * 3 + 12 * 6 * 2 / 2, rel=1e-6)
    ridge = shape.vertices[shape.vertices[:, 2] > 4.99]
    assert np.ptp(ridge[:, 0]) == pytest.approx(12.0, abs=1e-4) and ridge[:, 1] == pytest.approx(Y + 3.0, abs=1e-4)
    across = solid({**row, "roof_heading": np.pi / 2})
    ridge = across.vertices[across.vertices[:, 2] > 4.99]
    assert np.ptp(ridge[:, 1]) == pytest.approx(6.0, abs=1e-4)


def test_without_a_heading_the_ridge_follows_the_longer_side():
    shape = solid(building(shapely.box(0, 0, 5, 14), height=5.0, roof="gabled", roof_height=2.0))
    assert np.ptp(shape.vertices[shape.vertices[:, 2] > 4.99][:, 1]) == pytest.approx(14.0, abs=1e-4)


def test_a_hipped_solid_slopes_to_four_sides():
    shape = solid(building(shapely.box(0, 0, 12, 6), height=5.0, roof="hipped", roof_height=2.0))
    assert shape.is_watertight
    assert shape.volume == pytest.approx(12 * 6 * 3 + 2 * (12 * 6 / 2 - 6 * 3 * 2 / 2 / 3), rel=1e-6)
    assert np.ptp(shape.vertices[shape.vertices[:, 2] > 4.99][:, 0]) == pytest.approx(6.0, abs=1e-4)


@pytest.mark.parametrize("footprint", [L_SHAPE, COURT], ids=["L", "court"])
@pytest.mark.parametrize("roof", ["gabled", "hipped"])
def test_pitched_roofs_close_over_any_outline(footprint, roof):
    shape = solid(building(footprint, height=8.0, roof=roof, roof_height=2.0))
    assert shape.is_watertight and shape.is_winding_consistent
    assert footprint.area * 6.0 < shape.volume < footprint.area * 8.0


@settings(max_examples=60, deadline=None)
@given(st.floats(2, 40), st.floats(2, 40), st.floats(-3.2, 3.2), st.floats(0, 9), st.floats(0.5, 30),
       st.floats(0, 4), st.sampled_from(["flat", "gabled", "hipped"]))
def test_every_turned_rectangle_is_closed(wide, deep, turn, base, tall, rise, roof):
    footprint = shapely.affinity.rotate(shapely.box(0, 0, wide, deep), turn, use_radians=True)
    shape = solid(building(footprint, height=base + tall, base=base, roof=roof, roof_height=rise, roof_heading=turn))
    assert shape.is_watertight and shape.volume > 0
    assert shape.bounds[:, 2] == pytest.approx([base, base + max(tall, 0.3)], abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(3, 20), min_size=5, max_size=14), st.sampled_from(["flat", "gabled"]))
def test_every_star_shaped_outline_is_closed(reach, roof):
    angle = np.arange(len(reach)) * 2 * np.pi / len(reach)
    footprint = shapely.Polygon(np.c_[np.cos(angle), np.sin(angle)] * np.array(reach)[:, None])
    shape = solid(building(footprint, height=9.0, roof=roof, roof_height=2.5))
    assert shape.is_watertight and shape.volume <= footprint.area * 9.0 * (1 + 1e-6)


def test_base_lifts_a_building_and_gives_it_an_underside():
    mesh = solids(place([building(shapely.box(0, 0, 10, 6), height=12.0, base=4.0)]))
    assert mesh.positions[:, 2].min() == 4.0 and corner_area(mesh, 2) == pytest.approx(60.0, rel=1e-5)
    standing = solids(place([building(shapely.box(0, 0, 10, 6), height=12.0)]))
    assert corner_area(standing, 2) == 0.0


def test_storeys_stand_in_for_a_missing_height():
    mesh = solids(place([building(shapely.box(0, 0, 10, 6), levels=5)]))
    assert mesh.positions[:, 2].max() == pytest.approx(16.0)


def test_a_building_gives_way_to_its_parts():
    whole = building(shapely.box(0, 0, 10, 6), height=5.0)
    part = {**building(shapely.box(0, 0, 10, 5), height=9.0), "id": "b-part", "part_of": "b"}
    assert solids(place([whole, part])).ids == ["b-part"]
    small = {**part, "geometry": building(shapely.box(0, 0, 2, 2))["geometry"]}
    assert solids(place([whole, small])).ids == ["b", "b-part"]


def test_a_building_underground_is_not_shown():
    station = {**building(shapely.box(0, 0, 60, 20), height=0.0, base=-10.0), "id": "station"}
    mesh = solids(place([station, building(shapely.box(0, 40, 10, 46), height=4.0)]))
    assert mesh.ids == ["b"] and mesh.positions[:, 2].min() == 0.0


def test_normals_look_outward_and_picking_finds_the_building():
    two = [building(shapely.box(0, 0, 10, 6), height=5.0),
           {**building(shapely.box(20, 0, 30, 6), height=7.0, roof="gabled", roof_height=2.0), "id": "c"}]
    mesh = solids(place(two), overhang=0.4)
    second = mesh.of({"c"})
    assert mesh.ids == ["b", "c"] and second.positions[:, 0].min() > 15
    first = mesh.of({"b"})
    outward = first.positions - first.positions.mean(axis=0)
    assert ((outward * first.normals).sum(axis=1) > 0).all()
    assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_semantic_surfaces_are_drawn_instead_of_the_footprint():
    def wall(*corners):
        return shapely.Polygon([(x + X, y + Y, z) for x, y, z in corners])
    roof = shapely.Polygon([(X + x, Y + y, z) for x, y, z in [(0, 0, 6), (10, 0, 6), (10, 6, 8), (0, 6, 8)]],
                           [[(X + x, Y + y, 6 + y / 3) for x, y in [(4, 2), (6, 2), (6, 4), (4, 4)]]])
    front = wall((0, 0, 0), (10, 0, 0), (10, 0, 6), (0, 0, 6))
    under = wall((0, 0, 0), (0, 6, 0), (10, 6, 0), (10, 0, 0))
    surfaces = [{"id": "s1", "building": "b", "kind": "RoofSurface", "geometry": roof},
                {"id": "s2", "building": "b", "kind": None, "geometry": front},
                {"id": "s3", "building": "b", "kind": None, "geometry": under}]
    mesh = solids(place([building(shapely.box(0, 0, 10, 6), height=8.0, roof="surfaces")], surfaces=surfaces))
    tilt = np.sqrt(1 + 1 / 9)
    assert corner_area(mesh, 1) == pytest.approx((60 - 4) * tilt, rel=1e-4)
    assert corner_area(mesh, 0) == pytest.approx(60.0, rel=1e-4)
    assert corner_area(mesh, 2) == pytest.approx(60.0, rel=1e-4)
    assert (mesh.normals[mesh.kind == 1][:, 2] > 0).all() and (mesh.normals[mesh.kind == 2][:, 2] < 0).all()


def walled_place(**door):
    yard = {"id": "yard", "walled": True, "geometry": building(shapely.box(0, 0, 20, 30))["geometry"]}
    entrance = {"id": "gate", "courtyard": "yard", "kind": "front", "state": "open", "width": 2.0,
                "geometry": shapely.Point(X + 15, Y), **door}
    wing = building(shapely.box(0, 24, 20, 30), height=5.0)
    return place([wing], [yard], [entrance])


def test_a_walled_courtyard_has_a_wall_with_a_red_gate_in_its_gap():
    mesh = solids(walled_place())
    assert set(mesh.ids) == {"b", "yard", "gate"}
    wall, gate = mesh.of({"yard"}), mesh.of({"gate"})
    assert 2.2 <= wall.positions[:, 2].max() <= 2.6 and 4 in gate.kind and 3 in wall.kind
    at_gate = (np.abs(wall.positions[:, 0] - 15) < 0.9) & (np.abs(wall.positions[:, 1]) < 1)
    assert not at_gate.any(), "the wall stands in the gateway"
    assert wall.positions[:, 1].max() < 24.2, "no wall where the wing stands on the outline"
    leaf = gate.positions[gate.kind == 4]
    assert leaf[:, 0].min() == pytest.approx(14.0, abs=0.01) and leaf[:, 0].max() == pytest.approx(16.0, abs=0.01)
    assert solids(walled_place(), walls=False).ids == ["b"]


def test_a_blocked_entrance_leaves_no_gap():
    wall = solids(walled_place(kind="passage", state="blocked")).of({"yard"})
    stretch = (np.abs(wall.positions[:, 1]) < 0.2) & (wall.positions[:, 0] > 13.9) & (wall.positions[:, 0] < 16.1)
    assert not stretch.any()                    # one straight piece: no corners at the entrance
    assert wall.positions[:, 0].max() == pytest.approx(20.15, abs=0.01)


def test_an_empty_district_gives_an_empty_mesh():
    mesh = solids(place())
    assert mesh.positions.shape == (0, 3) and mesh.faces.shape == (0, 3) and mesh.ids == []
    with pytest.raises(BadInput, match="no buildings"):
        to_glb(mesh)


def glb_json(content: bytes):
    magic, version, length = struct.unpack_from("<4sII", content)
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), b"JSON")
    return json.loads(content[20:20 + size]), content[28 + size:]


def test_the_glb_is_y_up_and_names_its_objects(tmp_path):
    mesh = solids(walled_place())
    content = to_glb(mesh, tmp_path / "a.glb")
    assert (tmp_path / "a.glb").read_bytes() == content and len(list(tmp_path.iterdir())) == 1
    root, data = glb_json(content)
    assert root["extras"]["ids"] == mesh.ids and len(root["materials"]) == 4
    found = set()
    for primitive in root["meshes"][0]["primitives"]:
        accessor = root["accessors"][primitive["attributes"]["_FEATURE_ID_0"]]
        start = root["bufferViews"][accessor["bufferView"]]["byteOffset"]
        found |= set(np.frombuffer(data, "<f4", accessor["count"], start).astype(int).tolist())
        position = root["accessors"][primitive["attributes"]["POSITION"]]
        assert position["min"][1] >= 0.0 and position["max"][1] <= 5.01
    assert {mesh.ids[i] for i in found} == {"b", "yard", "gate"}


def test_trimesh_reads_the_glb_back(tmp_path):
    import trimesh

    mesh = solids(walled_place())
    to_glb(mesh, tmp_path / "a.glb")
    scene = trimesh.load_scene(tmp_path / "a.glb")
    low, high = mesh.positions.min(axis=0), mesh.positions.max(axis=0)
    assert scene.bounds[0] == pytest.approx([low[0], low[2], -high[1]], abs=1e-3)
    assert sum(len(g.faces) for g in scene.geometry.values()) == len(mesh.faces)


def test_four_thousand_buildings_take_well_under_a_second():
    rows = [{**building(shapely.affinity.rotate(shapely.box(i % 64 * 14, i // 64 * 14, i % 64 * 14 + 10,
                                                            i // 64 * 14 + 6), i), height=5.0,
                        roof=("gabled", "flat")[i % 2], roof_height=1.5), "id": f"b{i}"} for i in range(4000)]
    district = place(rows)
    solids(district)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        mesh = solids(district)
        times.append(time.perf_counter() - start)
    assert len(mesh.ids) == 4000 and min(times) < 1.0, f"took {min(times):.2f} s"


@pytest.mark.data
@pytest.mark.parametrize("name, crs", [("zurich_subset_lod2", None), ("DH_01_subs", 28992), ("delft", None)])
def test_real_city_models_are_drawn_where_they_stand(data, name, crs):
    from twin.sources import read

    district = read(data / "city3d" / f"{name}.city.json", crs=crs).district
    mesh = solids(district)
    west, _, _, north = district.buildings.total_bounds
    x, y = district.origin
    assert mesh.positions[:, 0].min() == pytest.approx(west - x, abs=1.5)
    assert mesh.positions[:, 1].max() == pytest.approx(north - y, abs=1.5)
    assert np.isfinite(mesh.positions).all() and np.ptp(mesh.positions[:, 2]) > 3
