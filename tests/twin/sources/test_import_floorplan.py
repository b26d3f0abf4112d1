"""Floor plans: WKT and DXF."""

from __future__ import annotations

from pathlib import Path

import ezdxf
import pytest

from twin.errors import BadInput
from twin.places import LOCAL_METRES
from twin.sources import Import, read

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]


def wkt(folder: Path, text: str) -> Path:
    path = folder / "hall.wkt"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [
    "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))", "polygon((0 0,10 0,\n10 10,0 10,0 0))\n",
    "# a hall\nSRID=0;POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))",
    "MULTIPOLYGON (((0 0, 10 0, 10 5, 0 5, 0 0)), ((0 6, 10 6, 10 11, 0 11, 0 6)))",
    "POLYGON ((0 0, 10 0, 10 5, 0 5, 0 0))\nPOLYGON ((0 6, 10 6, 10 11, 0 11, 0 6))",
    "GEOMETRYCOLLECTION (POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0)), LINESTRING (0 0, 1 1))"])
def test_wkt(tmp_path: Path, text: str) -> None:
    result = read(wkt(tmp_path, text))
    areas = result.district.areas
    assert areas.area.sum() == pytest.approx(100) and result.district.crs == LOCAL_METRES
    assert set(areas["kind"]) == {"floor"} and areas["on_foot"].all()
    assert result.dropped["geometry that is not a polygon"] == text.count("LINESTRING")


@pytest.mark.parametrize("text", ["POLYGON ((0 0, 10 0, 10 10", "POLYGON ((0 0, 10 x, 10 10, 0 0))",
                                  "POLYGON EMPTY",
                                  "POINT (1 2)", "POLYGON ((0 0, 1 0, 2 0, 0 0))", "LINESTRING (0 0, 1 1)"])
def test_wkt_that_is_no_floor(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput):
        read(wkt(tmp_path, text))


def drawing(folder: Path, units: int, *outlines: tuple[str, list[tuple[float, float]], bool]) -> Import:
    document = ezdxf.new("R2010")
    document.header["$INSUNITS"] = units
    for layer, points, closed in outlines:
        document.modelspace().add_lwpolyline(points, dxfattribs={"layer": layer}, close=closed)
    document.saveas(folder / "hall.dxf")
    return read(folder / "hall.dxf")


@pytest.mark.parametrize(("units", "metre"), [(6, 1.0), (4, 0.001), (5, 0.01), (2, 0.3048), (0, 1.0)])
def test_drawing_units(tmp_path: Path, units: int, metre: float) -> None:
    points = [(x / metre, y / metre) for x, y in SQUARE]
    result = drawing(tmp_path, units, ("plan", points, True))
    assert result.district.areas.area.sum() == pytest.approx(100)
    assert any("does not state its unit" in note for note in result.notes) == (units == 0)


def test_holes_and_islands(tmp_path: Path) -> None:
    hole = [(2, 2), (8, 2), (8, 8), (2, 8)]
    island = [(4, 4), (6, 4), (6, 6), (4, 6)]
    areas = drawing(tmp_path, 6, ("a", hole, True), ("a", SQUARE, True), ("a", island, True)).district.areas
    assert sorted(areas.area) == [pytest.approx(4), pytest.approx(64)]


def test_walkable_layers_go_first(tmp_path: Path) -> None:
    result = drawing(tmp_path, 6, ("exits", [(0, 0), (2, 0), (2, 2)], True), ("walkable", SQUARE, True),
                     ("walkable", SQUARE[:3], False))
    assert result.district.areas.area.tolist() == [pytest.approx(100)]
    assert result.dropped == {"outline on layer exits": 1, "open line": 1}


def test_round_rooms(tmp_path: Path) -> None:
    document = ezdxf.new("R2010")
    document.header["$INSUNITS"] = 6
    document.modelspace().add_circle((0, 0), 5)
    document.saveas(tmp_path / "hall.dxf")
    assert read(tmp_path / "hall.dxf").district.areas.area.sum() == pytest.approx(78.5, rel=0.01)


def test_an_empty_drawing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing in this file"):
        drawing(tmp_path, 6)
