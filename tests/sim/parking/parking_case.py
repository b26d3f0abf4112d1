"""A small town to park in: four streets round a block that two lanes cross, eight courtyards, kerbs and one office lot."""

from datetime import UTC, datetime

import shapely
from pyproj import CRS

from sim.parking.plan import ParkingPlan
from twin.places import District
from twin.places.district import table_frame

TOWN = CRS.from_epsg(32650)
X0, Y0 = 446_000.0, 4_417_000.0


def at(*xy):
    return [(X0 + x, Y0 + y) for x, y in xy]


def town(**changes):
    """The district; ``changes`` replace the rows of tables by name."""
    rows = {
        "streets": [
            *({"id": f"street-{k}", "kind": "street", "width": 14.0, "geometry": shapely.LineString(at(*ends))} for k, ends in
              enumerate((((0, 0), (100, 0), (200, 0)), ((200, 0), (200, 60), (200, 120)), ((200, 120), (100, 120), (0, 120)),
                         ((0, 120), (0, 60), (0, 0))))),
            {"id": "road-in", "kind": "street", "width": 14.0, "geometry": shapely.LineString(at((-80, 0), (0, 0)))},
            {"id": "lane-across", "kind": "lane", "width": 4.0,
             "geometry": shapely.LineString(at((0, 60), (100, 60), (200, 60)))},
            {"id": "lane-wide", "kind": "lane", "width": 7.0, "geometry": shapely.LineString(at((100, 60), (100, 120)))}],
        "bays": [
            {"id": "kerb-south", "kind": "kerb", "capacity": 10, "access": "public", "street": "street-0",
             "geometry": shapely.box(X0 + 20, Y0 + 3, X0 + 80, Y0 + 5)},
            {"id": "kerb-north", "kind": "kerb", "capacity": 8, "access": "public", "street": "street-2",
             "geometry": shapely.box(X0 + 20, Y0 + 115, X0 + 68, Y0 + 117)},
            {"id": "office", "kind": "lot", "capacity": 20, "access": "private", "street": "street-1",
             "geometry": shapely.box(X0 + 210, Y0 + 50, X0 + 235, Y0 + 72)}],
        "courtyards": [{"id": f"cy-{k}", "name": f"{k}", "walled": True, "grid": "grid-west" if k % 4 < 2 else "grid-east",
                        "geometry": shapely.box(X0 + 10 + 45 * (k % 4), Y0 + (8 if k < 4 else 64), X0 + 50 + 45 * (k % 4),
                                                Y0 + (57 if k < 4 else 112))} for k in range(8)],
        "buildings": [{"id": f"b-{k}", "use": "residential", "levels": 1, "courtyard": f"cy-{k}",
                       "geometry": shapely.box(X0 + 15 + 45 * (k % 4), Y0 + (12 if k < 4 else 70), X0 + 35 + 45 * (k % 4),
                                               Y0 + (32 if k < 4 else 90))} for k in range(8)],
        "entrances": [{"id": f"e-{k}", "courtyard": f"cy-{k}", "leads_to": "lane-across", "kind": "front", "state": "open",
                       "geometry": shapely.Point(X0 + 30 + 45 * (k % 4), Y0 + (57 if k < 4 else 64))} for k in range(8)],
        "grids": [{"id": f"grid-{side}", "scheme": "household", "level": "grid", "name": side,
                   "geometry": shapely.box(X0 + west, Y0 - 10, X0 + west + 120, Y0 + 130)}
                  for side, west in (("west", -20), ("east", 100))]}
    rows.update(changes)
    tables = {name: table_frame(name, r, TOWN, source="test", observed_at=datetime(2026, 1, 1, tzinfo=UTC))
              for name, r in rows.items()}
    return District("town", TOWN, tables, extent=shapely.box(X0 - 82, Y0 - 20, X0 + 260, Y0 + 140))


def plan(**changes):
    """Thirty cars come home to eighteen kerb bays."""
    given = {"name": "town", "district": "town.gpkg", "start": "2026-10-12T15:00:00+08:00", "residents": {"cars": 30},
             "visitors": {"cars": 4}, "gates": [at((-80, 0))[0]]}
    return ParkingPlan.model_validate({**given, **changes})
