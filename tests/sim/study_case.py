"""A small event that takes a fifth of a second: a strip of ground, a checkpoint across it, a square behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
import yaml

from sim.scenario import Scenario
from twin.places import District, table_frame

CRS = "EPSG:32650"
X0, Y0 = 446_000.0, 4_416_000.0


def small_event(folder: Path, lanes: dict[str, int], *, people: int = 20, duration_s: float = 100.0, until_s: float = 30.0,
                service: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    """Visitors who come within ``until_s`` through a checkpoint of so many lanes in each layout (0: none at all)."""
    ground = shapely.transform(shapely.box(-60, -6, 20, 6), lambda xy: xy + np.array([X0, Y0]))
    file = folder / "strip.gpkg"
    if not file.is_file():
        area = {"id": "strip", "geometry": ground, "kind": "square", "on_foot": True}
        District("strip", CRS, {"areas": table_frame("areas", [area], CRS, source="test")}, extent=ground).save(file)
    layouts: dict[str, Any] = {}
    for name, count in lanes.items():
        layouts[name] = {} if not count else {
            "barriers": [{"id": "fence", "line": [[X0 - 30, Y0 - 6.5], [X0 - 30, Y0 + 6.5]]}],
            "checkpoints": [{"id": "check", "at": [X0 - 30, Y0], "heading": 0.0, "lanes": count, "lane_width": 1.1,
                             "service": service or {"constant": 6.0}}],
            "posts": [{"id": "post", "at": [X0 + 15, Y0 - 4], "staff": 2}]}
    data = {
        "name": "evening", "district": str(file), "start": "2026-10-01T18:00:00+08:00", "duration_s": duration_s, "seed": 1,
        "entries": {"w": {"at": [X0 - 55, Y0], "width": 6}},
        "venues": {"square": {"area": [[X0 - 5, Y0 - 5], [X0 + 15, Y0 - 5], [X0 + 15, Y0 + 5], [X0 - 5, Y0 + 5]]}},
        "demand": {"visitors": {"entry": "w", "venue": "square", "people": people, "arrive": {"uniform": [0, until_s]}}},
        "layouts": layouts, **changes}
    return Scenario.model_validate(yaml.safe_load(yaml.safe_dump(data, sort_keys=False)))
