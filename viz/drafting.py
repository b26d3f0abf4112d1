"""Drawing a layout: edits from the scene become things of the layout, and the layout becomes things in the scene.

The scene speaks local metres (from ``district.origin``), the scenario file the district's CRS. All functions return
new layouts and leave the given ones as they are, so that undo is a list of layouts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from pydantic import ValidationError
from shapely.affinity import translate
from shapely.geometry import mapping, shape

from sim import where
from sim.scenario import Barrier, Checkpoint, Closure, Gate, Layout, OneWay, Post, Scenario, Zone
from twin.errors import BadInput, HutongError
from twin.places import District

LISTS = {"zone": "zones", "barrier": "barriers", "gate": "gates", "checkpoint": "checkpoints", "post": "posts",
         "closure": "closures", "oneway": "one_way"}
"""Kind of a thing in the scene -> list of the layout that holds it."""
_MODELS: dict[str, Any] = {
    "zone": Zone,
    "barrier": Barrier,
    "gate": Gate,
    "checkpoint": Checkpoint,
    "post": Post,
    "closure": Closure,
    "oneway": OneWay,
}
FIELDS: dict[str, tuple[str, ...]] = {
    "zone": ("id", "kind", "fenced", "from_s", "until_s"), "barrier": ("id", "from_s", "until_s"),
    "gate": ("id", "width", "open_from_s", "open_until_s"),
    "checkpoint": ("id", "heading_deg", "lanes", "lane_width", "staff_per_lane", "from_s", "until_s"),
    "post": ("id", "kind", "staff", "from_s", "until_s"), "closure": ("id", "from_s", "until_s"),
    "oneway": ("id", "direction", "heading_deg", "from_s", "until_s")}
"""What can be set of each kind of thing, in the order of the form."""
ON_FENCE = 1.0  # m that a gate may lie off its barrier (as in sim.layout)


def edited(
    layout: Layout, edit: dict[str, Any], district: District, *, zone_kind: str = "guard"
) -> tuple[Layout, str | None]:
    """Apply what was drawn, moved or deleted in the scene; returns the layout and the id that is then selected."""
    kind, action = str(edit.get("kind")), edit.get("action")
    if kind not in LISTS:
        return layout, None
    if action == "delete":
        return without(layout, str(edit.get("id"))), None
    drawn = shape(edit["geometry"])
    if action == "add":
        item = _new(layout, kind, drawn, edit, district, zone_kind)
        return _with(layout, kind, [*getattr(layout, LISTS[kind]), item]), item.id
    found = find(layout, str(edit.get("id")))
    if found is None:
        return layout, None
    kind, item = found
    changes = _placed(kind, drawn, district)
    if edit.get("heading") is not None and hasattr(item, "heading") and kind == "checkpoint":
        changes["heading"] = float(edit["heading"])
    if kind == "closure":
        changes["street"] = None
    return replaced(layout, item.id, item.model_copy(update=changes)), item.id


def find(layout: Layout, item_id: str) -> tuple[str, Any] | None:
    """Kind and model of the thing with an id."""
    for kind, name in LISTS.items():
        for item in getattr(layout, name):
            if item.id == item_id:
                return kind, item
    return None


def without(layout: Layout, item_id: str) -> Layout:
    """The layout less one thing."""
    found = find(layout, item_id)
    if found is None:
        return layout
    return _with(layout, found[0], [item for item in getattr(layout, LISTS[found[0]]) if item.id != item_id])


def replaced(layout: Layout, item_id: str, item: Any) -> Layout:
    """The layout with one thing put in the place of another."""
    found = find(layout, item_id)
    if found is None:
        return layout
    return _with(layout, found[0], [item if old.id == item_id else old for old in getattr(layout, LISTS[found[0]])])


def fields(kind: str, item: Any) -> dict[str, Any]:
    """The values of a thing's form; headings in degrees, gate hours as one span."""
    values: dict[str, Any] = {}
    for name in FIELDS[kind]:
        if name == "heading_deg":
            values[name] = None if item.heading is None else round(math.degrees(item.heading) % 360, 1)
        elif name.startswith("open_"):
            span = item.open[0] if item.open else None
            values[name] = None if span is None else getattr(span, name.removeprefix("open_"))
        else:
            values[name] = getattr(item, name)
    return values


def with_fields(layout: Layout, item_id: str, values: dict[str, Any]) -> tuple[Layout, str]:
    """Take values from the form of a thing; returns the layout and the id, which the form may have changed.

    Raises :class:`BadInput` for a value that cannot be.
    """
    found = find(layout, item_id)
    if found is None:
        raise BadInput(f"there is no {item_id!r} in this layout", mend="select something else")
    kind, item = found
    data = item.model_dump(exclude_none=True)
    for name, value in values.items():
        if name == "heading_deg":
            if value is not None and data.get("heading") is not None:
                data["heading"] = math.radians(float(value))
        elif name.startswith("open_"):
            continue
        elif name == "until_s" or (name in type(item).model_fields and value is not None):
            data[name] = value.strip() if isinstance(value, str) else value
    if kind == "gate" and ("open_from_s" in values or "open_until_s" in values):
        start, end = values.get("open_from_s"), values.get("open_until_s")
        data["open"] = [] if start is None and end is None else [
            {"from_s": start or 0.0, "until_s": end}, *data.get("open", [])[1:]]
    try:
        new = _MODELS[kind].model_validate({key: value for key, value in data.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or kind
        raise BadInput(
            f"{item_id}: {name}: {first['msg'].removeprefix('Value error, ')}", mend="give another value"
        ) from None
    if not new.id:
        raise BadInput("the id is empty", mend="give it a name of its own")
    if new.id != item_id and find(layout, new.id) is not None:
        raise BadInput(f"the id {new.id!r} is taken", mend="give it a name of its own")
    return replaced(layout, item_id, new), new.id


def overlays(district: District, scenario: Scenario, layout: Layout) -> list[dict[str, Any]]:
    """Everything of a layout, and the scenario's entries and venues, for the scene. What cannot be placed is left out
    here; the list of problems names it."""
    out: list[dict[str, Any]] = []
    for name, venue in scenario.venues.items():
        out += _areas(
            f"venue:{name}", "venue", lambda v=venue, n=name: where.area(district, v.area, f"venue {n}"), label=name
        )
    for zone in layout.zones:
        out += _areas(
            zone.id, "zone", lambda z=zone: where.area(district, z.area, f"zone {z.id}"), style=zone.kind, label=zone.id
        )
    for closure in layout.closures:
        out += _areas(closure.id, "closure", lambda c=closure: _closed(district, c), label=closure.id)
    for barrier in layout.barriers:
        try:
            line = where.line(district, barrier.line, f"barrier {barrier.id}")
        except HutongError:
            continue
        out += [{"id": barrier.id, "kind": "barrier", "geometry": _geojson(part)} for part in shapely.get_parts(line)]
    for rule in layout.one_way:
        out += _one_way(district, rule)
    points: list[tuple[str, Any, dict[str, Any]]] = [
        ("gate", g, {"width": g.width, "label": g.id, "heading": 0.0}) for g in layout.gates
    ]
    points += [("checkpoint", c, {"lanes": c.lanes, "lane_width": c.lane_width, "heading": c.heading, "label": c.id})
               for c in layout.checkpoints]
    points += [("post", p, {"label": f"{p.id} ({p.staff})"}) for p in layout.posts]
    points += [("entry", _Named(f"entry:{name}", e.at), {"label": name}) for name, e in scenario.entries.items()]
    points += [("incident", _Named(f"incident:{i.id}", i.at), {"label": i.title or i.id})
               for i in scenario.incidents if i.at is not None]
    for kind, item, more in points:
        try:
            at = where.point(district, item.at, f"{kind} {item.id}")
        except HutongError:
            continue
        if kind == "gate":
            more["heading"] = _across(out, at)
        out.append({"id": item.id, "kind": kind, "geometry": _geojson(at), **more})
    return out


def frame(drawn: list[dict[str, Any]], margin: float = 40.0) -> dict[str, Any] | None:
    """A view of the scene that shows what is drawn: ``{"bounds": [west, south, east, north]}`` in local metres."""
    if not drawn:
        return None
    west, south, east, north = shapely.GeometryCollection([shape(o["geometry"]) for o in drawn]).bounds
    return {"bounds": [west - margin, south - margin, east + margin, north + margin]}


class _Named:
    """An entry or incident as a point with an id."""

    def __init__(self, item_id: str, at: Any) -> None:
        self.id, self.at = item_id, at


def quick_problems(district: District, layout: Layout) -> list[tuple[str, dict[str, Any]]]:
    """What is seen at once to be wrong, as (word key, values): crossings, buildings, gates off their barrier."""
    found: list[tuple[str, dict[str, Any]]] = []
    x0, y0 = district.origin
    shapes: dict[str, Any] = {}
    for kind, name in LISTS.items():
        for item in getattr(layout, name):
            try:
                shapes[item.id] = _shape(district, kind, item)
            except HutongError as error:
                found.append(("problem.sentence", {"text": str(error)}))
    buildings = district.buildings
    solid = buildings.geometry.to_numpy()
    tree = shapely.STRtree(solid)
    fences = [shapes[b.id] for b in layout.barriers if b.id in shapes]
    fences += [shapes[z.id].boundary for z in layout.zones if z.fenced and z.id in shapes]
    for barrier in layout.barriers:
        line = shapes.get(barrier.id)
        if line is None:
            continue
        if not line.is_simple:
            found.append(("problem.crosses", {"id": barrier.id}))
        inside = (
            shapely.union_all(solid[tree.query(translate(line, x0, y0), predicate="intersects")])
            if len(solid)
            else None
        )
        hidden = 0.0 if inside is None or inside.is_empty else translate(line, x0, y0).intersection(inside).length
        if line.length > 0 and hidden > 0.8 * line.length:
            found.append(("problem.inside", {"id": barrier.id}))
    for gate in layout.gates:
        at = shapes.get(gate.id)
        if at is not None and not any(f.distance(at) < max(ON_FENCE, gate.width / 4) for f in fences):
            found.append(("problem.gate", {"id": gate.id}))
    for kind in ("post", "checkpoint"):
        for item in getattr(layout, LISTS[kind]):
            at = shapes.get(item.id)
            if at is not None and len(tree.query(translate(at, x0, y0), predicate="within")):
                found.append(("problem.in_building", {"id": item.id}))
    return found


def _shape(district: District, kind: str, item: Any) -> Any:
    if kind == "zone":
        return where.area(district, item.area, f"zone {item.id}")
    if kind == "barrier":
        return where.line(district, item.line, f"barrier {item.id}")
    if kind == "closure":
        return _closed(district, item)
    if kind == "oneway":
        return (where.line(district, item.street, f"one-way rule {item.id}") if item.street
                else where.area(district, item.area or "", f"one-way rule {item.id}"))
    return where.point(district, item.at, f"{kind} {item.id}")


def _closed(district: District, closure: Closure) -> Any:
    if closure.area is not None:
        return where.area(district, closure.area, f"closure {closure.id}")
    line = where.line(district, closure.street or "", f"closure {closure.id}")
    width = district.find(closure.street or "")[1].get("width")
    return line.buffer(float(width) / 2 if width is not None and np.isfinite(width) else 2.0, cap_style="flat")


def _areas(item_id: str, kind: str, area: Any, **more: Any) -> list[dict[str, Any]]:
    try:
        found = area()
    except HutongError:
        return []
    return [{"id": item_id, "kind": kind, "geometry": _geojson(part), **more} for part in shapely.get_parts(found)]


def _one_way(district: District, rule: OneWay) -> list[dict[str, Any]]:
    """A street's rule as arrows along it; that of an area as one arrow through its middle."""
    try:
        found = _shape(district, "oneway", rule)
    except HutongError:
        return []
    if rule.street:
        lines = [line.reverse() if rule.direction == "backward" else line for line in shapely.get_parts(found)]
    else:
        middle, reach = found.representative_point(), math.sqrt(found.area) / 2
        ahead = reach * math.cos(rule.heading or 0.0), reach * math.sin(rule.heading or 0.0)
        lines = [
            shapely.LineString([(middle.x - ahead[0], middle.y - ahead[1]), (middle.x + ahead[0], middle.y + ahead[1])])
        ]
    return [{"id": rule.id, "kind": "oneway", "geometry": _geojson(line), "label": rule.id} for line in lines]


def _geojson(geometry: Any) -> dict[str, Any]:
    return dict(mapping(shapely.set_precision(geometry, 0.01, mode="pointwise")))


def _across(drawn: list[dict[str, Any]], at: shapely.Point) -> float:
    """The heading of passing a gate: across the nearest barrier or zone outline."""
    lines = [shape(o["geometry"]) for o in drawn if o["kind"] in ("barrier", "zone")]
    lines = [line.boundary if line.geom_type == "Polygon" else line for line in lines]
    if not lines:
        return 0.0
    line = min(lines, key=lambda candidate: candidate.distance(at))
    along = line.project(at)
    a, b = line.interpolate(max(along - 0.5, 0)), line.interpolate(along + 0.5)
    return math.atan2(b.y - a.y, b.x - a.x) + math.pi / 2


def _new(layout: Layout, kind: str, drawn: Any, edit: dict[str, Any], district: District, zone_kind: str) -> Any:
    given = _placed(kind, drawn, district) | {"id": free_id(layout, kind)}
    if kind == "zone":
        given["kind"] = zone_kind
    elif kind == "checkpoint":
        given["heading"] = float(edit.get("heading") or 0.0)
    elif kind == "oneway":
        line = shapely.get_coordinates(drawn)
        given = {"id": given["id"], "area": _ring(drawn.buffer(2.0, cap_style="flat"), district),
                 "heading": math.atan2(*(line[-1] - line[0])[::-1])}
    return _MODELS[kind].model_validate(given)


def _placed(kind: str, drawn: Any, district: District) -> dict[str, Any]:
    """Where a thing is, as its model wants it, in the district's CRS to the centimetre."""
    if kind in ("zone", "closure"):
        return {"area": _ring(drawn, district)}
    if kind == "oneway":
        return {"area": _ring(drawn, district)} if drawn.geom_type == "Polygon" else {}
    moved = shapely.get_coordinates(drawn) + np.array(district.origin)
    points = [(round(x, 2), round(y, 2)) for x, y in moved.tolist()]
    return {"line": points} if kind == "barrier" else {"at": points[0]}


def _ring(drawn: Any, district: District) -> list[tuple[float, float]]:
    moved = shapely.get_coordinates(drawn.exterior)[:-1] + np.array(district.origin)
    return [(round(x, 2), round(y, 2)) for x, y in moved.tolist()]


def free_id(layout: Layout, kind: str) -> str:
    """An id that nothing in the layout has, such as barrier-3."""
    taken = {item.id for name in LISTS.values() for item in getattr(layout, name)}
    k = 1
    while f"{kind}-{k}" in taken:
        k += 1
    return f"{kind}-{k}"


def _with(layout: Layout, kind: str, items: list[Any]) -> Layout:
    return layout.model_copy(update={LISTS[kind]: items})
