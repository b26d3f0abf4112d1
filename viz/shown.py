"""What a run draws over its ground in the scene: an event's layout, or an experiment's goals, lines and areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from sim.lab import Lab, area_of, line_of
from sim.lab.bench import prepare
from sim.run import Run
from twin.places import District
from viz import drafting

LINE_WIDTH = 0.12
"""Width that lines of measurement are drawn with [m]."""


def overlays(district: District, run: Run) -> list[dict[str, Any]]:
    """Everything that a run shows on its ground, in local metres."""
    if run.kind == "lab":
        return _experiment(prepare(run.lab).lab if run.lab.storeys else run.lab, np.array(district.origin))
    return drafting.overlays(district, run.scenario, run.layout)


def view(run: Run, drawn: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Where the scene looks first so that all that is drawn is seen; nearer in an experiment, which is small."""
    return drafting.frame(drawn, margin=4.0 if run.kind == "lab" else 40.0)


def _experiment(lab: Lab, origin: np.ndarray) -> list[dict[str, Any]]:
    """Goals as venues, measured areas and lines as zones."""
    shapes = [(f"goal:{name}", "venue", "", area_of(area), name) for name, area in lab.goals.items()]
    shapes += [(f"area:{name}", "zone", "control", area_of(area), name) for name, area in lab.measure.areas.items()]
    shapes += [(f"line:{name}", "zone", "guard", line_of(line).buffer(LINE_WIDTH / 2, cap_style="flat"), name)
               for name, line in lab.measure.lines.items()]
    return [{"id": item, "kind": kind, "style": style, "label": label,
             "geometry": mapping(shapely.transform(part, lambda xy: xy - origin))}
            for item, kind, style, shape, label in shapes for part in shapely.get_parts(shape)]
