"""Drawing lab scenarios for tests: rectangles in metres, rooms, doors."""

from __future__ import annotations

from typing import Any, TypeAlias

import shapely
from shapely.geometry.base import BaseGeometry

from sim.lab import Lab
from sim.lab.experiment import Experiment, Findings

FREE = {"normal": [1.34, 0.26]}
"""Free speeds of pedestrians (Weidmann 1993)."""
FPS = 10.0
"""Frames a second that tests look at."""

Shape: TypeAlias = BaseGeometry


def box(x0: float, y0: float, x1: float, y1: float) -> Shape:
    """A rectangle."""
    return shapely.box(x0, y0, x1, y1)


def joined(*shapes: Shape) -> Shape:
    """Shapes as one ground."""
    return shapely.union_all(shapes)


def line(x0: float, y0: float, x1: float, y1: float) -> Shape:
    """A straight line."""
    return shapely.LineString([(x0, y0), (x1, y1)])


def group(goal: str | list[str] | dict[str, float], **keys: Any) -> dict[str, Any]:
    """An entry of ``people``; shapes become WKT, the speed is the pedestrians' unless given."""
    return {"goal": goal, "speed": FREE} | {
        key: value.wkt if isinstance(value, BaseGeometry) else value for key, value in keys.items()
    }


def lab(
    name: str,
    walkable: Shape,
    people: list[dict[str, Any]],
    goals: dict[str, Shape],
    duration_s: float,
    *,
    lines: dict[str, Shape] | None = None,
    areas: dict[str, Shape] | None = None,
    **keys: Any,
) -> Lab:
    """A lab scenario that ends when everybody is out."""
    return Lab.model_validate(
        {
            "name": name,
            "kind": "lab",
            "walkable": walkable.wkt,
            "people": people,
            "duration_s": duration_s,
            "fps": FPS,
            "goals": {k: shape.wkt for k, shape in goals.items()},
            "stop_when_empty": True,
            "measure": {
                "lines": {k: shape.wkt for k, shape in (lines or {}).items()},
                "areas": {k: shape.wkt for k, shape in (areas or {}).items()},
            },
        }
        | keys
    )


def run(scenario: Lab, seed: int = 1, *, tracks: bool = False) -> Findings:
    """Run a scenario with one seed."""
    return Experiment(scenario, seed, tracks=tracks).run()
