"""Ways into courtyards: what is stated, what is worked out, what stays unknown."""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import pytest
import shapely
from pyproj import CRS

from twin.errors import BadInput
from twin.places import District, table_frame
from twin.places.access import access_graph, complete_access, ways_in

UTM = CRS("EPSG:32650")
FRONT, MIDDLE, BACK = shapely.box(0, 0, 20, 20), shapely.box(0, 20, 20, 40), shapely.box(0, 40, 20, 60)


def row(**tables: list[dict[str, Any]]) -> District:
    """Three courtyards in a row, a lane before the first and one behind the last."""
    streets = [
        {"id": "south", "name": "South Lane", "kind": "lane", "width": 4.0, "on_foot": True,
         "geometry": shapely.LineString([(-10, -3), (30, -3)])},
        {"id": "north", "name": "North Lane", "kind": "lane", "width": 6.0, "on_foot": True,
         "geometry": shapely.LineString([(-10, 64), (30, 64)])}]
    courtyards = [{"id": "front", "geometry": FRONT}, {"id": "middle", "geometry": MIDDLE},
                  {"id": "back", "geometry": BACK}]
    rows: dict[str, list[dict[str, Any]]] = {"streets": streets, "courtyards": courtyards, **tables}
    return District("row", UTM, {name: table_frame(name, given, UTM) for name, given in rows.items()})


def door(name: str, x: float, y: float, inner: str | None = None, outer: str | None = None, *,
         state: str | None = "open", **more: Any) -> dict[str, Any]:
    return {"id": name, "courtyard": inner, "leads_to": outer, "state": state, "kind": "front",
            "geometry": shapely.Point(x, y), **more}


STATED = [door("d1", 10, 0, "front", "south", state="locked", width=1.2, step_free=False),
          door("d2", 10, 20, "middle", "front", kind="passage", width=0.9, step_free=True),
          door("d3", 10, 40, "back", "middle", kind="back", width=1.0),
          door("d4", 10, 60, "back", "north", width=1.5, step_free=True)]


def test_a_locked_front_door_and_the_unknown_way_through_the_back() -> None:
    best, worst = ways_in(row(entrances=STATED), "front")
    assert best.via == ("d4", "d3", "d2")
    assert best.through == ("back", "middle")
    assert (best.from_street, best.street_name) == ("north", "North Lane")
    assert (best.state, best.width, best.kind) == ("open", 0.9, "passage")
    assert best.step_free is None
    assert best.length == pytest.approx(4 + 20 + 20)
    assert worst.via == ("d1",)
    assert (worst.state, worst.step_free, worst.through) == ("locked", False, ())


def test_a_way_crosses_no_more_courtyards_than_asked() -> None:
    assert [w.via for w in ways_in(row(entrances=STATED), "front", max_through=1)] == [("d1",)]
    assert len(ways_in(row(entrances=STATED), "front", max_through=2)) == 2


def test_every_door_between_the_same_two_places_is_a_way_of_its_own() -> None:
    doors = [door("wide", 5, 0, "front", "south", width=3.0),
             door("narrow", 15, 0, "front", "south", width=1.0)]
    assert [w.via for w in ways_in(row(entrances=doors), "front")] == [("wide",), ("narrow",)]


def test_the_graph_has_every_entrance_with_its_state() -> None:
    graph = access_graph(row(entrances=STATED))
    assert isinstance(graph, nx.MultiGraph)
    assert dict(graph.nodes(data="kind")) == {"south": "street", "north": "street", "front": "courtyard",
                                              "middle": "courtyard", "back": "courtyard"}
    assert graph.edges["front", "south", "d1"]["state"] == "locked"
    assert graph.edges["back", "middle", "d3"]["step_free"] is None


def test_where_an_entrance_leads_is_worked_out_from_where_it_stands() -> None:
    bare = [door("d1", 10, 0), door("d2", 10, 20, "middle"), door("d4", 10, 60)]
    completed = complete_access(row(entrances=bare)).entrances.set_index("id")
    assert completed.loc["d1", ["courtyard", "leads_to"]].tolist() == ["front", "south"]
    assert completed.loc["d2", "leads_to"] == "front"
    assert completed.loc["d4", ["courtyard", "leads_to"]].tolist() == ["back", "north"]


def test_what_is_stated_is_kept() -> None:
    stated = [door("d1", 10, 0, "front", "north")]
    assert complete_access(row(entrances=stated)).entrances.loc[0, "leads_to"] == "north"


def test_the_heading_decides_what_lies_outside() -> None:
    lines = {"west": [(-2, -5), (-2, 30)], "south": [(-5, -2), (30, -2)]}
    streets = [{"id": name, "kind": "lane", "width": 2.0, "geometry": shapely.LineString(line)}
               for name, line in lines.items()]
    for heading, street in ((math.pi, "west"), (-math.pi / 2, "south")):
        district = row(streets=streets, entrances=[door("d", 0, 0, "front", heading=heading)])
        assert complete_access(district).entrances.loc[0, "leads_to"] == street


def test_a_house_door_inside_a_courtyard_leads_to_the_courtyard() -> None:
    house = {"id": "house", "geometry": shapely.box(5, 10, 15, 18)}
    district = row(buildings=[house], entrances=[door("d", 10, 10, "house"), door("d1", 10, 0)])
    assert complete_access(district).entrances.loc[0, "leads_to"] == "front"
    assert ways_in(district, "house")[0].via == ("d1", "d")


def test_an_unknown_outside_stays_unknown() -> None:
    district = row(entrances=[door("far", 20, 10, "front", state=None)])
    way, = ways_in(district, "front")
    assert (way.from_street, way.street_name, way.state, way.width) == (None, None, "unknown", None)
    assert way.step_free is None


def test_a_courtyard_without_entrances_has_no_way_in() -> None:
    assert ways_in(row(), "front") == []


def test_asking_for_what_is_not_there_says_so() -> None:
    with pytest.raises(BadInput, match="no object 'frnt'; did you mean front"):
        ways_in(row(), "frnt")
    with pytest.raises(BadInput, match="name a courtyard or a building"):
        ways_in(row(), "south")


def test_an_entrance_without_a_place_is_left_out() -> None:
    nowhere = {"id": "d", "courtyard": None, "state": "open", "geometry": None}
    assert not access_graph(row(entrances=[nowhere])).edges


def test_every_courtyard_of_the_synthetic_quarter_can_be_reached() -> None:
    synthetic = pytest.importorskip("twin.places.synthetic")
    district = synthetic.generate(size="small")
    graph = access_graph(district)
    ways = {name: ways_in(district, name, graph=graph) for name in district.courtyards["id"]}
    assert all(ways.values())
    streets = set(district.streets["id"])
    for name, found in ways.items():
        assert all(way.from_street in streets and len(way.through) <= 3 for way in found)
        assert all(name not in way.through and len(way.via) == len(way.through) + 1 for way in found)
