"""Drawing lab scenarios for tests: rectangles in metres, rooms, doors."""

from __future__ import annotations

from collections.abc import Mapping
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
Drawn: TypeAlias = "Shape | dict[str, str]"
"""A shape, or one on a storey as :func:`on` gives it."""


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


def on(storey: str, shape: Shape) -> dict[str, str]:
    """An area or a line on a storey."""
    return {"line" if "Line" in shape.geom_type else "area": shape.wkt, "storey": storey}


def flight(name: str, start: str, end: str, area: Shape, foot: Shape, head: Shape, **keys: Any) -> dict[str, Any]:
    """An entry of ``stairs`` from a storey up to another."""
    return {"name": name, "from": start, "to": end, "area": area.wkt, "foot": foot.wkt, "head": head.wkt} | keys


def _written(shape: Drawn) -> str | dict[str, str]:
    return shape if isinstance(shape, dict) else str(shape.wkt)


def lab(
    name: str,
    walkable: Shape | None,
    people: list[dict[str, Any]],
    goals: Mapping[str, Drawn],
    duration_s: float,
    *,
    lines: Mapping[str, Drawn] | None = None,
    areas: Mapping[str, Drawn] | None = None,
    **keys: Any,
) -> Lab:
    """A lab scenario that ends when everybody is out; without ``walkable`` among the keys are ``storeys``."""
    return Lab.model_validate(
        {
            "name": name,
            "kind": "lab",
            "walkable": None if walkable is None else walkable.wkt,
            "people": people,
            "duration_s": duration_s,
            "fps": FPS,
            "goals": {k: _written(shape) for k, shape in goals.items()},
            "stop_when_empty": True,
            "measure": {
                "lines": {k: _written(shape) for k, shape in (lines or {}).items()},
                "areas": {k: _written(shape) for k, shape in (areas or {}).items()},
            },
        }
        | keys
    )


def run(scenario: Lab, seed: int = 1, *, tracks: bool = False) -> Findings:
    """Run a scenario with one seed."""
    return Experiment(scenario, seed, tracks=tracks).run()
