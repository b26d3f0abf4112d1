"""A small place for rehearsals: a square between two streets, with a lane round it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import yaml

from sim.scenario import Scenario
from twin.places import District, table_frame

CRS = "EPSG:32650"
X0, Y0 = 446_000.0, 4_416_000.0


def ring(*xy):
    return [[X0 + x, Y0 + y] for x, y in xy]


@pytest.fixture(scope="session")
def plaza(tmp_path_factory):
    """A district: square 40 x 40 m at the origin, streets 8 m wide to x = -100 and x = 100, and a lane to the north."""
    def at(shape):
        return shapely.transform(shape, lambda xy: xy + np.array([X0, Y0]))

    streets = [("west", [(-100, 0), (-20, 0)], 8.0), ("east", [(20, 0), (100, 0)], 8.0), ("north", [(0, 20), (0, 80)], 6.0)]
    district = District("plaza", CRS, {
        "areas": table_frame("areas", [{"id": "square", "geometry": at(shapely.box(-20, -20, 20, 20)), "kind": "square",
                                        "on_foot": True}], CRS, source="test"),
        "streets": table_frame("streets", [{"id": i, "geometry": at(shapely.LineString(xy)), "kind": "street", "width": w,
                                            "on_foot": True, "layer": 0} for i, xy, w in streets], CRS, source="test"),
        "buildings": table_frame("buildings", [{"id": "hall", "geometry": at(shapely.box(5, 5, 12, 12)), "height": 6.0}],
                                 CRS, source="test")},
        extent=at(shapely.box(-100, -80, 100, 80)))
    path = tmp_path_factory.mktemp("plaza") / "plaza.gpkg"
    district.save(path)
    return path


def evening(path, **changes) -> Scenario:
    """A short event on the plaza: 120 people from the west through a checkpoint, out to the east."""
    x, y = X0, Y0
    data = {
        "name": "evening", "district": str(path), "start": "2026-10-01T18:00:00+08:00", "duration_s": 240, "seed": 1,
        "entries": {"w": {"at": [x - 97, y], "width": 6}, "e": {"at": [x + 97, y], "width": 6}},
        "venues": {"square": {"area": ring((-15, -15), (4, -15), (4, 15), (-15, 15))}},
        "demand": {"visitors": {"entry": "w", "venue": "square", "people": 120, "arrive": {"uniform": [0, 60]},
                                "leave": {"uniform": [150, 170]}, "leave_by": "e"}},
        "layouts": {
            "open": {},
            "checked": {
                "barriers": [{"id": "fence", "line": ring((-40, -4.5), (-40, 4.5))}],
                "checkpoints": [{"id": "west-check", "at": [x - 40, y], "heading": 0.0, "lanes": 4, "lane_width": 1.2,
                                 "service": {"constant": 4.0}}],
                "posts": [{"id": "p1", "at": [x + 15, y - 15], "staff": 2}]}},
        "incidents": [{"id": "fall", "at_s": 100, "at": [x - 10, y], "on_scene": {"constant": 30}}],
        "measure": {"areas": {"middle": ring((-10, -10), (3, -10), (3, 10), (-10, 10))},
                    "lines": {"gate": ring((-30, -4), (-30, 4))}}}
    data.update(changes)
    return Scenario.model_validate(yaml.safe_load(yaml.safe_dump(data, sort_keys=False)))
