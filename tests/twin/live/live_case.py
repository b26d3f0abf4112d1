"""A small district with two communities, a camera, a lot and a lamp, and the door to its log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from pyproj import CRS

from twin.live import Operation
from twin.live.clock import Clock
from twin.live.intake import Intake
from twin.places import District, table_frame
from twin.store import Log, open_store

UTM = CRS.from_epsg(32650)
WEST, SOUTH = 446_000.0, 4_417_000.0
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LONLAT = (116.37059, 39.90588)  # 200 m east and 500 m north of the district's corner


class Watch(Clock):
    """A clock that stands still."""

    def __init__(self, at: datetime = NOW) -> None:
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        return self.at


def district() -> District:
    def rows(table: str, *lines: dict[str, Any]) -> Any:
        return table_frame(table, lines, UTM, source="test")

    def cell(x: float) -> shapely.Polygon:
        return shapely.box(WEST + x, SOUTH, WEST + x + 500, SOUTH + 1000)

    grids = rows("grids", {"id": "d", "level": "district", "geometry": shapely.box(WEST, SOUTH, WEST + 1000, SOUTH + 1000)},
                 {"id": "c-1", "level": "community", "parent": "d", "geometry": cell(0)},
                 {"id": "c-2", "level": "community", "parent": "d", "geometry": cell(500)})
    parts = rows("parts", {"id": "cam-1", "kind": "camera", "geometry": shapely.Point(WEST + 10, SOUTH + 10)},
                 {"id": "lamp-1", "kind": "lamp", "geometry": shapely.Point(WEST + 600, SOUTH + 10)})
    bays = rows("bays", {"id": "lot-1", "kind": "lot", "capacity": 40, "geometry": cell(0)})
    lines = ((100, 100, 900, 100), (900, 100, 900, 800), (900, 800, 100, 800), (100, 800, 100, 100))
    streets = rows("streets", *({"id": f"s-{k}", "on_foot": True, "kind": "lane",
                                 "geometry": shapely.LineString([(WEST + a, SOUTH + b), (WEST + c, SOUTH + d)])}
                                for k, (a, b, c, d) in enumerate(lines)))
    return District("small", UTM, {"grids": grids, "parts": parts, "bays": bays, "streets": streets})


@pytest.fixture(scope="session")
def place() -> District:
    return district()


@pytest.fixture
def log() -> Iterator[Log]:
    opened = open_store("memory:")
    yield opened
    opened.close()


@pytest.fixture
def intake(log: Log, place: District) -> Intake:
    log.declare(Operation(id="op-1", purpose="evening", start=NOW - timedelta(hours=2), end=NOW + timedelta(hours=2),
                          units=("P-1", "P-2", "P-3")))
    return Intake(log, place, clock=Watch())


def report(**other: Any) -> dict[str, Any]:
    """A position of P-1 that is right; other fields, or None to leave one out."""
    given = {"kind": "position", "object": "P-1", "observed_at": NOW.isoformat(), "x": WEST + 100, "y": SOUTH + 100,
             "accuracy_m": 5.0, "value": {"speed": 1.2}} | other
    return {name: value for name, value in given.items() if value is not None}


def body(*reports: dict[str, Any]) -> bytes:
    return json.dumps(reports).encode()
