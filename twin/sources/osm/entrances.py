"""Entrances: doors on the outlines of buildings, gates in the walls of courtyards, and passages under
buildings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

from twin.sources.imported import Tally
from twin.sources.osm.elements import Elements, Ground, Node
from twin.sources.osm.parts import part_of, point_kind
from twin.sources.osm.tags import Tags, positive_m

ON_THE_OUTLINE_M = 0.5
"""An entrance that is not a node of an outline belongs to it if it is this near."""
STREET_WITHIN_M = 50.0
KINDS = {"main": "front", "home": "front", "shop": "front", "secondary": "side", "side": "side",
         "service": "back",
         "back": "back", "delivery": "back", "garage": "back", "emergency": "emergency", "exit": "side",
         "passage": "passage"}

Row = dict[str, Any]
Tables = dict[str, list[Row]]


class Neighbourhood:
    """What entrances can open into and lead to: outlines of buildings and courtyards, and streets to walk
    on."""

    def __init__(self, tables: Tables) -> None:
        self.buildings = [row for row in tables["buildings"] if not row.get("part_of")]
        self.courtyards = tables["courtyards"]
        self.streets = [row for row in tables["streets"]
                        if row["on_foot"] is not False and row["layer"] >= 0 and row["kind"] != "motorway"]
        self._trees = {id(rows): shapely.STRtree([row["geometry"] for row in rows])
                       for rows in (self.buildings, self.courtyards, self.streets)}

    def on_outline(self, rows: list[Row], point: shapely.Point) -> Row | None:
        """Return the row whose outline the point lies on, the nearest if there are several."""
        near = self._trees[id(rows)].query(point, predicate="dwithin", distance=ON_THE_OUTLINE_M)
        gaps = [(float(rows[i]["geometry"].boundary.distance(point)), int(i)) for i in near]
        gaps = [gap for gap in gaps if gap[0] <= ON_THE_OUTLINE_M]
        return rows[min(gaps)[1]] if gaps else None

    def courtyards_touched(self, line: shapely.Geometry) -> list[int]:
        """Return the indices of the courtyards that a line reaches."""
        found = self._trees[id(self.courtyards)].query(line, predicate="dwithin", distance=ON_THE_OUTLINE_M)
        return sorted(int(i) for i in found)

    def street(self, point: shapely.Point) -> str | None:
        """Return the id of the nearest street to walk on, None if none is near."""
        found = self._trees[id(self.streets)].query_nearest(point, max_distance=STREET_WITHIN_M,
                                                            all_matches=False)
        return self.streets[int(found[0])]["id"] if len(found) else None


def entrance_rows(elements: Elements, ground: Ground, tables: Tables, tally: Tally) -> list[Row]:
    """Return the rows of entrances; an entrance on no outline becomes a gate among ``tables["parts"]``."""
    around = Neighbourhood(tables)
    known = {row["id"] for row in tables["parts"]}
    rows: list[Row] = []
    for node in elements.nodes:
        door = node.tags.get("entrance", "no") != "no"
        gate = point_kind(node.tags) == "gate"
        if not (door or gate):
            continue
        point = ground.point(node.id)
        if point is None or not np.isfinite(shapely.get_coordinates(point)).all():
            continue
        row = _entrance(node, point, around, gate_only=gate and not door)
        if row is not None:
            rows.append(row)
        elif door and f"node/{node.id}" not in known and _inside(ground, point):
            tables["parts"].append({"id": f"node/{node.id}", "source": f"osm:node/{node.id}",
                                    "geometry": point,
                                    "observed_at": node.seen, **part_of(node.tags, "gate", tally)})
            tally.note("entrances that lie on no building are kept as gates")
    return rows + _passages(elements, around)


def _inside(ground: Ground, point: shapely.Point) -> bool:
    return ground.extent is None or bool(shapely.intersects(ground.extent, point))


def _entrance(node: Node, point: shapely.Point, around: Neighbourhood, gate_only: bool) -> Row | None:
    """The entrance at a node. A door in a building that faces the courtyard inside it leads to that
    courtyard."""
    building = None if gate_only else around.on_outline(around.buildings, point)
    courtyard = around.on_outline(around.courtyards, point)
    owner = building or courtyard
    if owner is None:
        return None
    inward = courtyard["id"] if building is not None and courtyard is not None else around.street(point)
    return {"id": f"node/{node.id}/entrance", "source": f"osm:node/{node.id}", "observed_at": node.seen,
            "geometry": point, "courtyard": owner["id"], "leads_to": inward,
            "kind": KINDS.get(node.tags.get("entrance", "")) or ("front" if gate_only else None),
            "state": _state(node.tags), "width": positive_m(node.tags.get("width"), most=50.0),
            "step_free": {"yes": True, "designated": True, "no": False}.get(node.tags.get("wheelchair", "")),
            "heading": outward(owner["geometry"], point)}


def _state(tags: Tags) -> str:
    if tags.get("locked") == "yes":
        return "locked"
    if tags.get("access") == "no" or tags.get("disused") == "yes":
        return "blocked"
    return "open" if tags.get("access") in ("yes", "public", "permissive", "customers", "foot") else "unknown"


def _passages(elements: Elements, around: Neighbourhood) -> list[Row]:
    """Where ways that pass under a building reach the outline of a courtyard."""
    rows: list[Row] = []
    for street in around.streets:
        way = elements.ways.get(int(street["source"].removeprefix("osm:way/")))
        if way is None or not is_passage(way.tags):
            continue
        line = street["geometry"]
        for i in around.courtyards_touched(line):
            courtyard = around.courtyards[i]
            outline = courtyard["geometry"].boundary
            point = shapely.get_coordinates(shapely.shortest_line(outline, line))[0]
            place = shapely.Point(point)
            rows.append({"id": f"{street['id']}/passage/{courtyard['id']}",
                         "source": street["source"], "observed_at": way.seen, "geometry": place,
                         "courtyard": courtyard["id"], "leads_to": street["id"], "kind": "passage",
                         "state": "open",
                         "width": positive_m(way.tags.get("width"), most=50.0), "step_free": None,
                         "heading": outward(courtyard["geometry"], place)})
    return rows


def is_passage(tags: Tags) -> bool:
    """Whether a way leads under a building."""
    return tags.get("tunnel") == "building_passage" or tags.get("covered") in ("yes", "arcade")


def outward(shape: shapely.Geometry, point: shapely.Point) -> float | None:
    """Return the direction out of a polygon at a point on its outline [rad], None if it has none there."""
    outline = min(shapely.get_parts(shape.boundary), key=lambda ring: ring.distance(point))
    along = outline.project(point)
    step = min(0.1, outline.length / 8)
    before, after = outline.interpolate(max(along - step, 0.0)), outline.interpolate(min(along + step,
                                                                                         outline.length))
    dx, dy = after.x - before.x, after.y - before.y
    if math.hypot(dx, dy) == 0:
        return None
    heading = math.atan2(-dx, dy)
    probe = shapely.Point(point.x + 0.2 * math.cos(heading), point.y + 0.2 * math.sin(heading))
    return (heading + math.pi if shape.contains(probe) else heading) % (2 * math.pi)
