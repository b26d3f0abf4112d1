"""Walkable area: by hand, by chance, and on real maps."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from twin.places import District, on_ground, table_frame, walkable_area
from twin.places.walkable import in_the_way

UTM = CRS("EPSG:32650")


def place(**tables: list[dict[str, Any]]) -> District:
    """A district from rows without ids."""
    frames = {name: table_frame(name, [{"id": f"{name}{k}", **row} for k, row in enumerate(rows)], UTM)
              for name, rows in tables.items()}
    return District("test", UTM, frames)


def lane(*xy: tuple[float, float], width: float = 4.0, **more: Any) -> dict[str, Any]:
    line = shapely.LineString(xy)
    return {"kind": "lane", "width": width, "on_foot": True, "layer": 0, "geometry": line, **more}


def ground(west: float, south: float, east: float, north: float, kind: str = "ground") -> dict[str, Any]:
    return {"kind": kind, "on_foot": kind != "water", "geometry": shapely.box(west, south, east, north)}


def wall(*xy: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"kind": "wall", "geometry": shapely.LineString(xy), **more}


def gate(x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"kind": "gate", "geometry": shapely.Point(x, y), **more}


def test_a_street_is_as_wide_as_it_says_with_flat_ends() -> None:
    area = walkable_area(place(streets=[lane((0, 0), (100, 0), width=6)]))
    assert area.equals(shapely.box(0, -3, 100, 3))


def test_a_street_without_width_is_as_wide_as_usual_for_its_kind() -> None:
    area = walkable_area(place(streets=[lane((0, 0), (100, 0), width=math.nan, kind="footway", layer=None)]))
    assert area.area == pytest.approx(200)


def test_two_streets_are_joined_where_their_ends_meet() -> None:
    area = walkable_area(place(streets=[lane((-50, 0), (0, 0)), lane((0, 0), (0, 50))]))
    assert len(area.geoms) == 1
    notch = shapely.Point(1.2, -1.2)
    assert area.contains(notch)


def test_a_lane_does_not_lengthen_the_avenue_that_ends_at_it() -> None:
    area = walkable_area(place(streets=[lane((-50, 0), (0, 0), width=20), lane((0, 0), (50, 0), width=4)]))
    assert area.bounds == pytest.approx((-50, -10, 50, 10))
    assert not area.contains(shapely.Point(3, 5))


def test_people_do_not_walk_on_motorways_nor_underground() -> None:
    streets = [lane((0, 0), (50, 0), kind="motorway"), lane((0, 20), (50, 20), on_foot=False),
               lane((0, 40), (50, 40), layer=-1), lane((0, 60), (50, 60), kind="motorway", on_foot=None)]
    assert walkable_area(place(streets=streets)).is_empty


def test_buildings_stand_in_the_way_unless_people_walk_under_them() -> None:
    block = shapely.box(40, -10, 60, 10)
    street = [lane((0, 0), (100, 0))]
    assert len(walkable_area(place(streets=street, buildings=[{"geometry": block}])).geoms) == 2
    assert len(walkable_area(place(streets=street, buildings=[{"geometry": block, "base": 2.4}])).geoms) == 2
    assert len(walkable_area(place(streets=street, buildings=[{"geometry": block, "base": 4.0}])).geoms) == 1
    cellar = {"geometry": block, "base": -10.0, "height": 0.0}
    assert len(walkable_area(place(streets=street, buildings=[cellar])).geoms) == 1


def test_only_a_bridge_crosses_water() -> None:
    canal = ground(40, -30, 60, 30, "water")
    assert len(walkable_area(place(areas=[canal], streets=[lane((0, 0), (100, 0))])).geoms) == 2
    streets = [lane((0, 0), (38, 0)), lane((38, 0), (62, 0), layer=1), lane((62, 0), (100, 0))]
    bridged = walkable_area(place(areas=[canal], streets=streets))
    assert len(bridged.geoms) == 1
    assert bridged.contains(shapely.Point(50, 0))


def test_a_wall_parts_the_ground_and_a_gate_opens_it_as_wide_as_it_is() -> None:
    yard, fence = ground(0, 0, 40, 20), wall((20, -1), (20, 21), width=0.2)
    assert len(walkable_area(place(areas=[yard], parts=[fence])).geoms) == 2
    opened = walkable_area(place(areas=[yard], parts=[fence, gate(20.5, 10, width=4)]))
    assert len(opened.geoms) == 1
    across = shapely.LineString([(20, 0), (20, 20)]).intersection(opened)
    assert across.length == pytest.approx(4, abs=0.06)


def test_a_gate_without_width_opens_three_metres_and_a_locked_or_distant_one_nothing() -> None:
    yard, fence = ground(0, 0, 40, 20), wall((20, -1), (20, 21))
    opened = walkable_area(place(areas=[yard], parts=[fence, gate(20, 10)]))
    across = shapely.LineString([(20, 0), (20, 20)]).intersection(opened)
    assert across.length == pytest.approx(3, abs=0.06)
    for shut in (gate(20, 10, state="locked"), gate(25, 10)):
        assert len(walkable_area(place(areas=[yard], parts=[fence, shut])).geoms) == 2


def test_walls_do_not_leak_at_the_corner_where_two_of_them_meet() -> None:
    corners = [(10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)]
    ring = [wall(here, there) for here, there in zip(corners, corners[1:] + corners[:1], strict=True)]
    area = walkable_area(place(areas=[ground(0, 0, 40, 40)], parts=ring))
    assert len(area.geoms) == 2


def test_walled_courtyards_are_private_and_open_ones_are_ground() -> None:
    plot = shapely.box(0, 2, 20, 22)
    street = [lane((-10, 0), (30, 0))]
    private = walkable_area(place(streets=street, courtyards=[{"geometry": plot, "walled": True}]))
    assert private.area == pytest.approx(160)
    for walled in (False, None):
        district = place(streets=street, courtyards=[{"geometry": plot, "walled": walled}])
        assert walkable_area(district).area == pytest.approx(160 + 400)
        assert walkable_area(district, open_ground=False).area == pytest.approx(160)


def test_a_street_that_is_drawn_too_wide_does_not_break_a_courtyard_wall() -> None:
    plot = shapely.box(0, 1, 20, 21)
    district = place(streets=[lane((-10, 0), (30, 0))], courtyards=[{"geometry": plot, "walled": True}])
    assert not walkable_area(district).intersects(shapely.box(0.1, 1.1, 19.9, 20.9))


def test_a_street_inside_a_walled_campus_is_walked_on() -> None:
    campus = shapely.box(0, -50, 100, 50)
    district = place(streets=[lane((-20, 0), (80, 0))], courtyards=[{"geometry": campus, "walled": True}])
    assert walkable_area(district).area == pytest.approx(400)


def test_a_passage_leads_through_a_building_into_an_open_courtyard() -> None:
    house = shapely.difference(shapely.box(0, 5, 40, 45), shapely.box(10, 15, 30, 35))
    yard = {"id": "yard", "geometry": shapely.box(0, 5, 40, 45), "walled": False}
    door = {"courtyard": "yard", "kind": "passage", "width": 3.0, "state": "open",
            "geometry": shapely.Point(20, 5)}
    streets = [lane((-10, 3), (50, 3))]
    shut = walkable_area(place(streets=streets, buildings=[{"geometry": house}], courtyards=[yard],
                               entrances=[{**door, "state": "locked"}]))
    opened = walkable_area(place(streets=streets, buildings=[{"geometry": house}], courtyards=[yard],
                                 entrances=[door]))
    assert (len(shut.geoms), len(opened.geoms)) == (2, 1)
    assert opened.area - shut.area == pytest.approx(30, abs=0.5)


def test_floors_keep_their_own_vertices() -> None:
    ring = [(0.12345, 0.0), (10.00004, 0.0), (10.0, 0.2), (9.9999, 8.0), (5.0, 8.001), (0.0, 8.0)]
    floor = shapely.Polygon(ring, [[(4, 4), (4.1, 4), (4.1, 4.1), (4, 4.1)]])
    area = walkable_area(place(areas=[{"kind": "floor", "on_foot": True, "geometry": floor}]))
    assert area.geoms[0].normalize() == floor.normalize()


def test_within_cuts_the_area_and_pieces_come_largest_first() -> None:
    district = place(areas=[ground(0, 0, 5, 5), ground(20, 0, 40, 20), ground(60, 0, 61, 1)])
    assert [p.area for p in walkable_area(district).geoms] == pytest.approx([400, 25])
    assert [p.area for p in walkable_area(district, min_area=1.0).geoms] == pytest.approx([400, 25, 1])
    assert walkable_area(district, within=shapely.box(30, -10, 100, 100)).area == pytest.approx(200)


def test_a_gap_that_nobody_fits_through_is_closed() -> None:
    houses = [{"geometry": shapely.box(20, -1, 21, 10)}, {"geometry": shapely.box(20, 10.25, 21, 21)}]
    assert len(walkable_area(place(areas=[ground(0, 0, 40, 20)], buildings=houses)).geoms) == 2
    houses[1] = {"geometry": shapely.box(20, 10.9, 21, 21)}
    assert len(walkable_area(place(areas=[ground(0, 0, 40, 20)], buildings=houses)).geoms) == 1


def test_a_place_without_ground_is_empty() -> None:
    assert walkable_area(place()).is_empty


def test_on_ground_tells_points_inside_from_points_outside() -> None:
    area = walkable_area(place(areas=[ground(0, 0, 10, 10)]))
    assert on_ground(area, np.array([[5.0, 5.0], [0.0, 0.0], [11.0, 5.0]])).tolist() == [True, True, False]


coordinate = st.floats(0, 60).map(lambda v: round(v, 3))
size = st.floats(0.2, 25).map(lambda v: round(v, 3))
turned_box = st.builds(
    lambda x, y, dx, dy, turn: shapely.affinity.rotate(shapely.box(x, y, x + dx, y + dy), turn),
    coordinate, coordinate, size, size, st.floats(0, 180))
some_lane = st.tuples(coordinate, coordinate, coordinate, coordinate, st.floats(0.5, 12)).filter(
    lambda v: math.hypot(v[0] - v[2], v[1] - v[3]) > 0.5).map(lambda v: lane(v[:2], v[2:4], width=v[4]))


@settings(max_examples=40, deadline=None)
@given(st.lists(some_lane, max_size=5), st.lists(turned_box, max_size=6), turned_box)
def test_whatever_is_built_the_area_is_valid_and_outside_every_building(
        lanes: list[dict[str, Any]], houses: list[shapely.Polygon], another: shapely.Polygon) -> None:
    square = ground(0, 0, 60, 30)
    before = place(streets=lanes, areas=[square], buildings=[{"geometry": h} for h in houses])
    after = place(streets=lanes, areas=[square], buildings=[{"geometry": h} for h in [*houses, another]])
    first, second = walkable_area(before), walkable_area(after)
    for area in (first, second):
        assert area.is_valid
        assert all(piece.area >= 2.0 for piece in area.geoms)
    indoors = shapely.union_all([*houses, another]).buffer(-0.05)
    assert second.intersection(indoors).area == pytest.approx(0, abs=1e-6)
    assert second.difference(first.buffer(0.05)).area == pytest.approx(0, abs=1e-6)
    assert second.area <= first.area + 0.02 * sum(p.length for p in second.geoms) / 2


@pytest.mark.data
def test_a_real_city_extract_is_walkable_within_two_seconds(data: Path) -> None:
    sources = pytest.importorskip("twin.sources")
    read = sources.read
    district = read(data / "osm" / "beijing_cau_haidian.osm").district
    start = time.process_time()
    area = walkable_area(district)
    assert time.process_time() - start < 2.0
    assert area.is_valid
    assert area.geoms[0].area > 100_000
    low = district.buildings[in_the_way(district.buildings)]
    indoors = shapely.union_all(shapely.make_valid(low.geometry.to_numpy())).buffer(-0.05)
    passages = len(district.entrances[district.entrances["kind"] == "passage"])
    assert area.intersection(indoors).area <= 200.0 * passages + 1e-6
