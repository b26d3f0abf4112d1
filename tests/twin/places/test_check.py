"""Every kind of finding is found where it is, and nowhere else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import shapely
from pyproj import CRS

from twin.places import District, table_frame
from twin.places.check import KINDS, check, summary

UTM = CRS("EPSG:32650")


def sound() -> dict[str, list[dict[str, Any]]]:
    """A small district in which nothing is wrong."""
    return {
        "streets": [{"id": "s1", "kind": "lane", "width": 4.0, "on_foot": True,
                     "geometry": shapely.LineString([(-10, -2), (50, -2)])},
                    {"id": "s2", "kind": "lane", "width": 4.0, "on_foot": True,
                     "geometry": shapely.LineString([(50, -2), (50, 40)])}],
        "courtyards": [{"id": "c1", "geometry": shapely.box(0, 0, 20, 20), "grid": "g1"}],
        "buildings": [{"id": "b1", "height": 4.0, "height_source": "measured", "courtyard": "c1",
                       "geometry": shapely.box(1, 1, 10, 6)}],
        "entrances": [{"id": f"e{k}", "courtyard": "c1", "leads_to": "s1", "state": "open", "kind": "front",
                       "geometry": shapely.Point(5 * k, 0)} for k in (1, 2)],
        "grids": [{"id": "g0", "scheme": "household", "level": "district",
                   "geometry": shapely.box(-20, -20, 60, 60)},
                  {"id": "g1", "scheme": "household", "level": "grid", "parent": "g0",
                   "geometry": shapely.box(-20, -20, 60, 60)}],
    }


def made(rows: dict[str, list[dict[str, Any]]], extent: shapely.Polygon | None = None) -> District:
    return District("test", UTM, {n: table_frame(n, r, UTM) for n, r in rows.items()}, extent=extent)


def test_a_sound_district_has_no_findings() -> None:
    assert check(made(sound(), shapely.box(-20, -20, 60, 60))) == []


BOWTIE = shapely.Polygon([(30, 0), (40, 10), (40, 0), (30, 10)])
FLAT = shapely.Polygon([(30, 0), (40, 0), (35, 0)])
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "duplicate_id": ("parts", {"id": "b1", "kind": "lamp", "geometry": shapely.Point(1, -2)}, "b1"),
    "missing_geometry": ("parts", {"id": "new", "kind": "lamp", "geometry": None}, "new"),
    "invalid_geometry": ("areas", {"id": "new", "kind": "square", "geometry": BOWTIE}, "new"),
    "zero_size": ("areas", {"id": "new", "kind": "square", "geometry": FLAT}, "new"),
    "outside_extent": ("parts", {"id": "new", "kind": "lamp", "geometry": shapely.Point(900, 0)}, "new"),
    "unknown_height": ("buildings", {"id": "new", "geometry": shapely.box(30, 0, 40, 10)}, "new"),
    "assumed_height": ("buildings", {"id": "new", "height": 3.0, "height_source": "assumed",
                                     "geometry": shapely.box(30, 0, 40, 10)}, "new"),
    "overlapping_buildings": ("buildings", {"id": "new", "height": 3.0, "height_source": "measured",
                                            "geometry": shapely.box(9, 1, 19, 9)}, "b1"),
    "few_ways_out": ("courtyards", {"id": "new", "geometry": shapely.box(30, 2, 40, 10)}, "new"),
    "leads_nowhere": ("entrances", {"id": "new", "courtyard": "c1", "state": "open", "kind": "side",
                                    "geometry": shapely.Point(10, 20)}, "new"),
    "missing_reference": ("entrances", {"id": "new", "courtyard": "c1", "leads_to": "gone", "state": "open",
                                        "geometry": shapely.Point(10, 0)}, "new"),
    "unconnected_street": ("streets", {"id": "new", "kind": "lane", "width": 4.0,
                                       "geometry": shapely.LineString([(0, 30), (30, 30)])}, "new"),
    "street_through_wall": ("parts", {"id": "new", "kind": "wall",
                                      "geometry": shapely.LineString([(30, -6), (30, 5)])}, "s1"),
    "street_through_building": ("buildings", {"id": "new", "height": 3.0, "height_source": "measured",
                                              "geometry": shapely.box(30, -8, 40, 4)}, "s1"),
    "orphan_cell": ("grids", {"id": "new", "scheme": "household", "level": "community",
                              "geometry": shapely.box(-20, -20, 60, 60)}, "new"),
    "overlapping_cells": ("grids", {"id": "new", "scheme": "household", "level": "grid", "parent": "g0",
                                    "geometry": shapely.box(40, 40, 60, 60)}, "g1"),
}


def test_there_is_a_case_for_every_kind() -> None:
    assert set(CASES) == set(KINDS)


@pytest.mark.parametrize("kind", CASES)
def test_what_is_wrong_is_found(kind: str) -> None:
    table, row, culprit = CASES[kind]
    rows = sound()
    rows[table] = [*rows.get(table, []), row]
    findings = [f for f in check(made(rows, shapely.box(-20, -20, 60, 60))) if f.kind == kind]
    assert [f.id for f in findings] == [culprit]
    assert findings[0].message


def test_a_gate_mends_a_street_through_a_wall() -> None:
    rows = sound()
    rows["parts"] = [CASES["street_through_wall"][1],
                     {"id": "gate", "kind": "gate", "geometry": shapely.Point(30, -2)}]
    assert check(made(rows)) == []


def test_parts_of_one_building_and_a_bridge_over_another_do_not_overlap() -> None:
    rows = sound()
    shape = shapely.box(2, 2, 9, 5)
    rows["buildings"] += [
        {"id": "part", "part_of": "b1", "height": 3.0, "height_source": "measured", "geometry": shape},
        {"id": "bridge", "base": 5.0, "height": 8.0, "height_source": "measured", "geometry": shape}]
    assert check(made(rows)) == []


def test_a_broken_outline_does_not_stop_the_other_checks() -> None:
    rows = sound()
    spike = shapely.Polygon([(30, 0), (40, 0), (40, 10), (40, 20), (40, 10), (30, 10)])
    rows["courtyards"].append({"id": "spiky", "geometry": spike})
    found = {(f.kind, f.id) for f in check(made(rows))}
    assert found == {("invalid_geometry", "spiky"), ("few_ways_out", "spiky")}


def test_the_summary_counts_each_kind() -> None:
    rows = sound()
    rows["entrances"] = rows["entrances"][:1]
    rows["buildings"].append({"id": "b2", "geometry": shapely.box(30, 0, 40, 10)})
    findings = check(made(rows))
    assert summary(findings) == {"unknown_height": 1, "few_ways_out": 1}
    assert summary([]) == {}


@pytest.mark.data
def test_a_real_city_extract_is_checked_in_seconds(data: Path) -> None:
    sources = pytest.importorskip("twin.sources")
    district = sources.read(data / "osm" / "beijing_cau_haidian.osm").district
    start = time.process_time()
    counts = summary(check(district))
    assert time.process_time() - start < 6.0
    assert "duplicate_id" not in counts
    assert counts["assumed_height"] > 100
