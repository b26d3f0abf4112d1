from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from twin.places import District, table_frame
from twin.places.synthetic import generate
from viz.scene import FRONT, decode, encode, scene_bytes
from viz.scene.ground import GROUND_CLASSES, NOTHING, PlaceIds, cast_shadow, contact_shadow, ground, triangulated
from viz.scene.labels import labels
from viz.scene.parts import MODELS, model, raised

CRS = "EPSG:32650"
X, Y = 447_000.0, 4_418_000.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def place(**tables: list[dict]) -> District:
    return District("yard", CRS, {name: table_frame(name, rows, CRS, source="test", observed_at=NOW)
                                  for name, rows in tables.items()})


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    return shapely.box(X + x0, Y + y0, X + x1, Y + y1)


@pytest.fixture(scope="module")
def small() -> District:
    return generate(size="small")


@pytest.fixture(scope="module")
def message(small: District) -> bytes:
    return scene_bytes(small)


def area(positions: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (positions[faces[:, k], :2].astype(float) for k in range(3))
    u, v = b - a, c - a
    return float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum() / 2)


def test_everything_drawn_maps_to_an_object_of_the_district(small: District, message: bytes) -> None:
    header, arrays = decode(message)
    assert header["ids"] == [i for name in header["tables"] for i in small.tables[name]["id"]]
    assert len(header["names"]) == len(header["ids"]) == len(arrays["objects.table"])
    n = len(header["ids"])
    drawn: set[int] = set()
    for name, array in arrays.items():
        if name.endswith(".objects"):
            known = array[array != NOTHING]
            assert (known < n).all(), name
            drawn |= set(known.tolist())
    tables = np.array(header["tables"])[arrays["objects.table"]]
    for table in ("buildings", "courtyards", "entrances", "streets"):
        mine = np.flatnonzero(tables == table)
        assert len(mine)
        assert set(mine.tolist()) <= drawn, f"some of {table} cannot be picked"


def test_arrays_fit_together(message: bytes) -> None:
    _, arrays = decode(message)
    for mesh in ("solids", "ground", "contact", "shadow"):
        corners = len(arrays[f"{mesh}.positions"]) // 3
        assert arrays[f"{mesh}.faces"].max() < corners
        assert np.isfinite(arrays[f"{mesh}.positions"]).all()
    assert len(arrays["solids.kinds"]) == len(arrays["solids.objects"]) == len(arrays["solids.positions"]) // 3
    assert set(np.unique(arrays["ground.classes"])) <= set(range(len(GROUND_CLASSES)))
    assert set(np.unique(arrays["solids.kinds"])) <= {0, 1, 2, 3, 4, FRONT}


def test_equal_districts_give_equal_bytes(small: District, message: bytes) -> None:
    assert scene_bytes(small) == message


def test_a_message_of_another_kind_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="not a scene message"):
        decode(b"GIF8" + message[4:])


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(-1e6, 1e6, width=32)),
       hnp.arrays(np.uint8, st.integers(0, 40)), st.text())
@settings(max_examples=60, deadline=None)
def test_encode_and_decode_are_inverse(reals: np.ndarray, bytes_: np.ndarray, text: str) -> None:
    header, arrays = decode(encode({"name": text}, {"a": reals, "b": bytes_}))
    assert header["name"] == text
    np.testing.assert_array_equal(arrays["a"], reals)
    np.testing.assert_array_equal(arrays["b"], bytes_)
    assert all(entry["offset"] % 8 == 0 for entry in header["arrays"].values())


@given(st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300), st.floats(2, 60), st.floats(0.05, 0.9)),
                min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_triangles_cover_polygons_and_leave_holes_open(rings: list[tuple[float, float, float, float]]) -> None:
    shapes = np.array([shapely.Point(X + x, Y + y).buffer(r).difference(shapely.Point(X + x, Y + y).buffer(r * hole))
                       for x, y, r, hole in rings], object)
    positions, faces, owner = triangulated(shapes, (X, Y))
    for k, shape in enumerate(shapes):
        mine = faces[owner[faces[:, 0]] == k]
        assert area(positions, mine) == pytest.approx(shape.area, rel=2e-3)


def test_triangulated_takes_nothing_and_collections() -> None:
    assert len(triangulated(np.empty(0, object), (0, 0))[0]) == 0
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    odd = np.array([shapely.GeometryCollection([two, shapely.LineString([(0, 0), (5, 5)])]), shapely.Polygon()], object)
    positions, faces, owner = triangulated(odd, (0, 0))
    assert area(positions, faces) == pytest.approx(2)
    assert set(owner.tolist()) == {0}


def test_ground_is_painted_in_order_and_courtyards_show() -> None:
    district = place(courtyards=[{"id": "c", "geometry": box(0, 0, 20, 20)}],
                     streets=[{"id": "s", "geometry": shapely.LineString([(X - 30, Y - 5), (X + 50, Y - 5)]),
                               "kind": "lane", "width": 4.0}],
                     areas=[{"id": "w", "geometry": box(30, 10, 40, 20), "kind": "water"}])
    floor = ground(district, PlaceIds(district))
    order = [GROUND_CLASSES[k] for k in dict.fromkeys(floor.classes[floor.faces[:, 0]].tolist())]
    assert order == ["base", "water", "courtyard", "lane"]
    lane = floor.faces[floor.classes[floor.faces[:, 0]] == GROUND_CLASSES.index("lane")]
    assert area(floor.positions, lane) == pytest.approx(80 * 4, rel=0.01)


def test_the_sun_casts_shadows_to_the_north_east_and_a_yard_stays_open() -> None:
    ring = shapely.difference(box(0, 0, 30, 30), box(8, 8, 22, 22))
    district = place(buildings=[{"id": "b", "geometry": ring, "height": 6.0, "height_source": "measured"}])
    x, y = district.origin
    positions, _ = cast_shadow(district)
    assert positions[:, 0].max() + x > X + 30 + 3
    assert positions[:, 1].max() + y > Y + 30 + 3
    assert positions[:, 0].min() + x > X - 0.1
    rim, rim_faces, alpha = contact_shadow(district)
    dark = rim[alpha == 255][:, :2] + [x, y]
    assert shapely.distance(shapely.boundary(ring), shapely.points(dark)).max() < 0.01
    sides = rim.reshape(-1, 6, 3)[:, 2:4, :2].reshape(-1, 2)  # the fans at corners may reach under the walls
    light = shapely.points(sides.astype(float) + np.array([x, y]))
    assert not shapely.contains_properly(shapely.buffer(ring, -0.01), light).any(), "the rim lies outside the walls"
    assert rim_faces.max() < len(rim)


def test_shadows_do_not_overlap() -> None:
    rows = [{"id": f"b{k}", "geometry": box(6 * k, 0, 6 * k + 5, 8), "height": 9.0, "height_source": "measured"}
            for k in range(5)]
    positions, faces = cast_shadow(place(buildings=rows))
    triangles = shapely.polygons(positions[faces][:, :, :2].astype(float))
    assert shapely.union_all(triangles).area == pytest.approx(shapely.area(triangles).sum(), rel=1e-3)


def test_tall_walls_are_fronts() -> None:
    rows = [{"id": "low", "geometry": box(0, 0, 10, 10), "height": 6.0, "height_source": "measured"},
            {"id": "tall", "geometry": box(20, 0, 30, 10), "height": 30.0, "height_source": "measured"}]
    header, arrays = decode(scene_bytes(place(buildings=rows)))
    fronts = {header["ids"][k] for k in np.unique(arrays["solids.objects"][arrays["solids.kinds"] == FRONT])}
    assert fronts == {"tall"}


def test_walls_are_raised_to_their_height() -> None:
    wall = np.array([shapely.orient_polygons(box(0, 0, 10, 1))], object)
    prism = raised(wall, np.array([2.2]), np.array([7], np.uint32), np.array([3], np.uint8), (X, Y))
    assert prism.positions[:, 2].max() == pytest.approx(2.2)
    assert set(prism.objects.tolist()) == {7}
    a, b, c = (prism.positions[prism.faces[:, k]].astype(float) for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(10 + 22 * 2.2, rel=1e-4)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_models_stand_on_the_ground_with_unit_normals(kind: str) -> None:
    shape = model(kind)
    assert -0.5 < shape.positions[:, 2].min() < 0.5
    assert 0 < shape.positions[:, 2].max() < 12
    np.testing.assert_allclose(np.linalg.norm(shape.normals, axis=1), 1, atol=1e-3)
    assert shape.faces.max() < len(shape.positions) == len(shape.colors)


def test_labels_name_streets_along_their_run_and_squares() -> None:
    district = place(streets=[{"id": "s", "geometry": shapely.LineString([(X, Y), (X + 700, Y)]), "kind": "lane",
                               "name": "砖塔胡同"}],
                     areas=[{"id": "a", "geometry": box(0, 10, 40, 40), "kind": "square", "name": "广场"}])
    made = labels(district)
    lanes = [one for one in made if one["text"] == "砖塔胡同"]
    assert len(lanes) == 2
    assert all(abs(one["heading"]) < 1e-6 for one in lanes)
    assert [one["kind"] for one in made if one["text"] == "广场"] == ["square"]


def test_an_empty_district_has_a_scene() -> None:
    header, arrays = decode(scene_bytes(District("nowhere", CRS)))
    assert header["ids"] == []
    assert len(arrays["solids.faces"]) == 0
