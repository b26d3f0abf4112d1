"""OpenStreetMap: one small hand-written map a rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from twin.errors import BadInput
from twin.sources import Import, read, summary
from twin.sources.osm.tags import heading_rad, length_m

LAT, LON = 39.9, 116.4
M_LAT, M_LON = 1 / 111_000, 1 / (111_320 * math.cos(math.radians(39.9)))


class Map:
    """Writes a map in metres from a corner in Beijing."""

    def __init__(self, bounds: bool = False) -> None:
        self.nodes: list[str] = []
        self.others: list[str] = []
        self.bounds = f'<bounds minlat="{LAT}" minlon="{LON}" maxlat="{LAT + 1000 * M_LAT}" ' \
                      f'maxlon="{LON + 1000 * M_LON}"/>' if bounds else ""

    def node(self, x: float, y: float, **tags: str) -> int:
        number = len(self.nodes) + 1
        self.nodes.append(f'<node id="{number}" lat="{LAT + y * M_LAT:.9f}" lon="{LON + x * M_LON:.9f}" '
                          f'version="1" timestamp="2024-05-01T00:00:00Z">{_tags(tags)}</node>')
        return number

    def way(self, points: list[Any], number: int | None = None, **tags: str) -> int:
        number = number or 1000 + len(self.others)
        refs = [p if isinstance(p, int) else self.node(*p) for p in points]
        nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        self.others.append(f'<way id="{number}" version="1" timestamp="2024-05-01T00:00:00Z">'
                           f'{nodes}{_tags(tags)}</way>')
        return number

    def box(self, x: float, y: float, w: float, h: float, number: int | None = None, **tags: str) -> int:
        first = self.node(x, y)
        return self.way([first, (x + w, y), (x + w, y + h), (x, y + h), first], number, **tags)

    def relation(self, members: list[tuple[int, str]], **tags: str) -> int:
        number = 5000 + len(self.others)
        refs = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
        self.others.append(f'<relation id="{number}" version="1">{refs}{_tags(tags)}</relation>')
        return number

    def text(self) -> str:
        elements = "".join(self.nodes + self.others)
        return f'<?xml version="1.0"?>\n<osm version="0.6">{self.bounds}{elements}</osm>'

    def read(self, folder: Path, **options: Any) -> Import:
        path = folder / "map.osm"
        path.write_text(self.text(), encoding="utf-8")
        return read(path, **options)


def _tags(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


@pytest.mark.parametrize(("text", "metres"), [
    ("12", 12.0), ("12 m", 12.0), ("12m", 12.0), ("40 ft", 12.192), ("40'", 12.192), ("12'6\"", 3.81),
    ("12,5", 12.5),
    ("tall", None), ("10-12", None), ("", None), (None, None), ("nan", None), ("1e999", None)])
def test_lengths(text: str | None, metres: float | None) -> None:
    assert length_m(text) == (None if metres is None else pytest.approx(metres))


@pytest.mark.parametrize(("text", "angle"), [("0", math.pi / 2), ("90", 0.0), ("N", math.pi / 2),
                                             ("W", math.pi),
                                             ("180", 3 * math.pi / 2), ("forward", None)])
def test_headings_count_from_east(text: str, angle: float | None) -> None:
    assert heading_rad(text) == (None if angle is None else pytest.approx(angle))


@pytest.mark.parametrize(("tags", "height", "source"), [
    ({"height": "12"}, 12.0, "measured"), ({"height": "40 ft"}, 12.192, "measured"),
    ({"building__height": "9 m"}, 9.0, "measured"), ({"building__levels": "3"}, 9.6, "levels"),
    ({"building__levels": "1", "roof__shape": "gabled"}, 5.2, "levels"),
    ({"building__levels": "2", "roof__height": "1.5"}, 7.9, "levels"), ({}, 6.0, "assumed"),
    ({"building": "apartments"}, 18.0, "assumed"), ({"height": "-4"}, 6.0, "assumed"),
    ({"height": "high", "building__levels": "2"}, 6.4, "levels")])
def test_heights_and_how_they_are_known(tmp_path: Path, tags: dict[str, str], height: float,
                                        source: str) -> None:
    plan = Map()
    plan.box(0, 0, 10, 10, **{"building": "yes", **tags})
    result = plan.read(tmp_path)
    row = result.district.buildings.iloc[0]
    assert (row["height"], row["height_source"]) == (pytest.approx(height), source)
    bad = "height" in tags and tags["height"] in ("-4", "high")
    assert result.dropped["unknown height value"] == int(bad)


def test_a_building_below_the_ground_reaches_up_to_it(tmp_path: Path) -> None:
    plan = Map()
    plan.box(0, 0, 10, 10, building="train_station", layer="-1")
    row = plan.read(tmp_path).district.buildings.iloc[0]
    assert (row["height"], row["base"]) == (0.0, -10.0)


def test_a_multipolygon_with_a_hole_is_a_building_around_a_courtyard(tmp_path: Path) -> None:
    plan = Map()
    outer, inner = plan.box(0, 0, 40, 40), plan.box(10, 10, 20, 20)
    plan.relation([(outer, "outer"), (inner, "inner")], type="multipolygon", building="yes", name="甲1号")
    district = plan.read(tmp_path).district
    assert district.buildings.area.iloc[0] == pytest.approx(1200, rel=0.01)
    assert district.courtyards.area.iloc[0] == pytest.approx(400, rel=0.01)
    assert district.buildings["courtyard"].iloc[0] == district.courtyards["id"].iloc[0]
    assert district.courtyards["name"].iloc[0] == "甲1号"


def test_an_outline_in_two_ways_with_tags_on_the_outer_way(tmp_path: Path) -> None:
    plan = Map()
    a, b = plan.node(0, 0), plan.node(20, 20)
    first = plan.way([a, (20, 0), b], building="school")
    second = plan.way([b, (0, 20), a])
    plan.relation([(first, "outer"), (second, "outer")], type="multipolygon")
    district = plan.read(tmp_path).district
    assert len(district.buildings) == 1
    assert district.buildings["use"].iloc[0] == "school"
    assert district.buildings.area.iloc[0] == pytest.approx(400, rel=0.01)


def test_an_incomplete_relation_is_dropped_and_counted(tmp_path: Path) -> None:
    plan = Map()
    plan.box(0, 0, 10, 10, building="yes")
    outer = plan.box(20, 0, 10, 10)
    plan.relation([(outer, "outer"), (99, "inner")], type="multipolygon", building="yes")
    result = plan.read(tmp_path)
    assert len(result.district.buildings) == 1 and result.dropped["incomplete relation"] == 1


def test_a_passage_leads_into_a_courtyard_and_a_door_into_its_building(tmp_path: Path) -> None:
    plan = Map()
    door = plan.node(0, 20, entrance="main", wheelchair="yes")
    outer = plan.way([start := plan.node(0, 0), (40, 0), (40, 40), (0, 40), door, start])
    inner = plan.box(10, 10, 20, 20)
    plan.relation([(outer, "outer"), (inner, "inner")], type="multipolygon", building="yes")
    plan.way([(20, -5), (20, 12)], number=77, highway="footway", tunnel="building_passage")
    plan.way([(-5, -5), (-5, 45)], number=78, highway="footway")
    district = plan.read(tmp_path).district
    passage = district.entrances[district.entrances["kind"] == "passage"].iloc[0]
    assert passage["courtyard"] == district.courtyards["id"].iloc[0]
    assert passage["leads_to"] == "way/77"
    assert passage["heading"] == pytest.approx(3 * math.pi / 2, abs=0.05)
    front = district.entrances[district.entrances["kind"] == "front"].iloc[0]
    assert front["courtyard"] == district.buildings["id"].iloc[0]
    assert front["leads_to"] == "way/78" and bool(front["step_free"]) is True
    assert front["heading"] == pytest.approx(math.pi, abs=0.05)


def test_a_walled_compound_is_a_courtyard_with_a_gate(tmp_path: Path) -> None:
    plan = Map()
    gate = plan.node(25, 0, barrier="gate", width="4", access="private")
    start = plan.node(0, 0)
    plan.way([start, gate, (50, 0), (50, 50), (0, 50), start], amenity="school", barrier="wall")
    district = plan.read(tmp_path).district
    assert bool(district.courtyards["walled"].iloc[0]) is True
    entrance = district.entrances.iloc[0]
    assert entrance["courtyard"] == district.courtyards["id"].iloc[0] and entrance["width"] == 4.0
    assert sorted(district.parts["kind"]) == ["gate", "wall"]
    ids = [i for frame in district.tables.values() for i in frame["id"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("tags", "expected"), [
    ({"highway": "primary", "width": "21 m"}, {"kind": "avenue", "width": 21.0, "width_source": "measured"}),
    ({"highway": "residential", "lanes": "2"}, {"kind": "street", "width": 10.5, "width_source": "lanes"}),
    ({"highway": "residential", "lanes": "2", "sidewalk": "no"}, {"width": 6.5}),
    ({"highway": "living_street"}, {"kind": "lane", "width_source": "assumed"}),
    ({"highway": "motorway"}, {"on_foot": False, "oneway": "forward"}),
    ({"highway": "trunk"}, {"on_foot": False}),
    ({"highway": "trunk", "sidewalk": "both"}, {"on_foot": True}),
    ({"highway": "service", "foot": "no"}, {"on_foot": False}),
    ({"highway": "footway", "footway": "crossing"}, {"kind": "crossing", "on_foot": True}),
    ({"highway": "residential", "oneway": "-1"}, {"oneway": "backward"}),
    ({"highway": "footway", "tunnel": "yes"}, {"layer": -1}),
    ({"highway": "footway", "layer": "2"}, {"layer": 2}),
    ({"highway": "steps"}, {"kind": "steps", "oneway": "no", "layer": 0})])
def test_streets(tmp_path: Path, tags: dict[str, str], expected: dict[str, Any]) -> None:
    plan = Map()
    plan.way([(0, 0), (100, 0)], **tags)
    row = plan.read(tmp_path).district.streets.iloc[0]
    assert {key: row[key] for key in expected} == expected


def test_streets_that_are_not_there_yet_are_dropped(tmp_path: Path) -> None:
    plan = Map()
    plan.way([(0, 0), (100, 0)], highway="construction", construction="primary")
    plan.way([(0, 9), (100, 9)], highway="elevator")
    plan.way([(0, 5), (100, 5)], highway="footway")
    result = plan.read(tmp_path)
    assert len(result.district.streets) == 1
    assert result.dropped == {"street under construction or proposed": 1, "not a street: highway=elevator": 1}


@pytest.mark.parametrize(("tags", "kind", "on_foot"), [
    ({"place": "square"}, "square", True), ({"highway": "pedestrian", "area": "yes"}, "pedestrian", True),
    ({"leisure": "park"}, "park", True), ({"natural": "water"}, "water", False),
    ({"leisure": "pitch"}, "pitch", None),
    ({"railway": "platform"}, "platform", True), ({"leisure": "park", "access": "no"}, "park", False)])
def test_areas(tmp_path: Path, tags: dict[str, str], kind: str, on_foot: bool | None) -> None:
    plan = Map()
    plan.box(0, 0, 30, 30, **tags)
    areas = plan.read(tmp_path).district.areas
    assert areas["kind"].tolist() == [kind]
    assert areas["on_foot"].astype(object).where(areas["on_foot"].notna(), None).tolist() == [on_foot]


@pytest.mark.parametrize(("tags", "kind", "capacity", "access"), [
    ({"amenity": "parking", "capacity": "40"}, "lot", 40, None), ({"amenity": "parking"}, "lot", 36, None),
    ({"amenity": "parking", "parking": "multi-storey", "building__levels": "3"}, "garage", 108, None),
    ({"amenity": "parking", "parking": "underground", "access": "private"}, "garage", 36, "private"),
    ({"amenity": "parking_space", "access": "yes"}, "bay", 1, "public"),
    ({"amenity": "parking", "parking": "street_side"}, "kerb", 72, None)])
def test_parking(tmp_path: Path, tags: dict[str, str], kind: str, capacity: int, access: str | None) -> None:
    plan = Map()
    plan.box(0, 0, 30.2, 30, **tags)
    row = plan.read(tmp_path).district.bays.iloc[0]
    assert (row["kind"], row["access"]) == (kind, access)
    assert row["capacity"] == pytest.approx(capacity, abs=1 if capacity < 50 else 3)


@pytest.mark.parametrize(("tags", "kind"), [
    ({"highway": "street_lamp"}, "lamp"), ({"emergency": "fire_hydrant"}, "hydrant"),
    ({"man_made": "surveillance", "camera__direction": "90"}, "camera"), ({"barrier": "lift_gate"}, "gate"),
    ({"barrier": "bollard"}, "bollard"), ({"natural": "tree"}, "tree"), ({"highway": "bus_stop"}, "bus_stop"),
    ({"railway": "subway_entrance"}, "metro_entrance"), ({"amenity": "bench"}, "bench"),
    ({"amenity": "waste_basket"}, "bin"), ({"amenity": "toilets"}, "toilet"),
    ({"manhole": "drain"}, "manhole")])
def test_parts(tmp_path: Path, tags: dict[str, str], kind: str) -> None:
    plan = Map()
    plan.node(5, 5, **tags)
    parts = plan.read(tmp_path).district.parts
    assert parts["kind"].tolist() == [kind]
    assert str(parts["observed_at"].iloc[0].date()) == "2024-05-01"
    if kind == "camera":
        assert parts["heading"].iloc[0] == pytest.approx(0.0)


def test_bounds_keep_buildings_whole_and_cut_streets(tmp_path: Path) -> None:
    plan = Map(bounds=True)
    plan.box(990, 500, 40, 20, building="yes")
    plan.box(2000, 500, 40, 20, building="yes")
    plan.way([(500, 500), (3000, 500)], highway="residential")
    plan.way([(2000, 0), (3000, 0)], highway="residential")
    plan.node(3000, 0, natural="tree")
    result = plan.read(tmp_path)
    district = result.district
    assert district.buildings.area.tolist() == [pytest.approx(800, rel=0.01)]
    assert district.streets.length.tolist() == [pytest.approx(520, rel=0.01)]
    assert result.dropped["outside the bounds"] == 3 and len(district.parts) == 0
    assert result.mended["line cut at the bounds"] == 1
    assert district.extent is not None and district.extent.area == pytest.approx(1e6, rel=0.01)


def test_faults_are_mended_or_dropped_and_counted(tmp_path: Path) -> None:
    plan = Map()
    crossing = plan.node(0, 0)
    plan.way([crossing, (10, 10), (10, 0), (0, 12), crossing], building="yes")
    flat = plan.node(50, 0)
    plan.way([flat, (60, 0), (70, 0), flat], building="yes")
    plan.way([plan.node(80, 0), (90, 0), (90, 9), 999_999], building="yes")
    plan.way([(100, 0), (110, 0), (110, 10)], building="yes")
    plan.way([(0, 20), (5, 20), 888_888, (9, 20), (20, 20)], highway="footway")
    plan.box(0, 100, 10, 10, number=4, building="yes")
    plan.box(0, 200, 10, 10, number=4, building="yes")
    result = plan.read(tmp_path)
    assert len(result.district.buildings) == 2
    assert result.mended == {"self-crossing polygon": 1, "line shortened at missing nodes": 1}
    assert result.dropped == {"zero area": 1, "missing nodes": 1, "outline that is not closed": 1,
                              "duplicate id": 1}
    assert result.district.streets.geometry.iloc[0].geom_type == "MultiLineString"


def test_parts_of_buildings_know_their_building(tmp_path: Path) -> None:
    plan = Map()
    whole = plan.box(0, 0, 40, 40, building="office", height="10")
    plan.box(5, 5, 10, 10, building__part="yes", height="30", min_height="10")
    result = plan.read(tmp_path)
    part = result.district.buildings.iloc[1]
    assert (part["part_of"], part["base"], part["height"]) == (f"way/{whole}", 10.0, 30.0)
    assert summary(result)["buildings"] == 1 and summary(result)["building_parts"] == 1


def test_a_given_crs_is_used_and_must_be_metric(tmp_path: Path) -> None:
    plan = Map()
    plan.box(0, 0, 10, 10, building="yes")
    assert summary(plan.read(tmp_path, crs="EPSG:4549"))["crs"] == "EPSG:4549"
    for wrong in ("EPSG:4326", "EPSG:2263", "no such"):
        with pytest.raises(BadInput):
            plan.read(tmp_path, crs=wrong)


def test_nodes_off_the_earth_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "map.osm"
    plan = Map()
    plan.box(0, 0, 10, 10, building="yes")
    path.write_text(plan.text().replace("</osm>", '<node id="9" lat="95" lon="3"/></osm>'))
    assert read(path).dropped["coordinates off the earth"] == 1


def test_elements_in_any_order(tmp_path: Path) -> None:
    plan = Map()
    plan.box(0, 0, 10, 10, building="yes")
    path = tmp_path / "map.osm"
    path.write_text(f'<osm version="0.6">{"".join(plan.others + plan.nodes)}</osm>')
    assert len(read(path).district.buildings) == 1
