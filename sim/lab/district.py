"""The ground of an experiment as a district, so that whatever shows a place can show it."""

from __future__ import annotations

import shapely

from sim.lab import Lab, area_of, line_of
from twin.places import District, table_frame
from twin.places.district import LOCAL_METRES

WALL = 0.1
"""Thickness that walls are drawn with [m]."""
WALL_HEIGHT = 1.1
"""Height that they are drawn with, low enough to look over [m]."""


def ground_district(lab: Lab) -> District:
    """The walkable ground as floor and its edges and the thin walls as walls, in local metres of its own.

    ``lab`` has everything in one plane. The district's origin is what the frames of a run count from.
    """
    assert lab.walkable is not None
    walkable = area_of(lab.walkable)
    source = f"lab:{lab.name}"
    floors = [{"id": f"floor/{k}", "geometry": part, "kind": "floor", "on_foot": True}
              for k, part in enumerate(shapely.get_parts(walkable), 1)]
    rings = shapely.get_rings(shapely.get_parts(walkable))
    lines = [shapely.LineString(ring.coords) for ring in rings] + [line_of(line) for line in lab.walls.values()]
    walls = [{"id": f"wall/{k}", "geometry": line, "kind": "wall", "width": WALL, "height": WALL_HEIGHT}
             for k, line in enumerate(lines, 1)]
    return District(lab.name, LOCAL_METRES, {"areas": table_frame("areas", floors, LOCAL_METRES, source=source),
                                             "parts": table_frame("parts", walls, LOCAL_METRES, source=source)},
                    extent=shapely.box(*walkable.bounds))
