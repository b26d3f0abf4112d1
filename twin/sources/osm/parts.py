"""Parts (部件): lamps, hydrants, cameras, gates, walls, trees and what else has a place on the street."""

from __future__ import annotations

from typing import Any

from twin.sources.imported import Tally
from twin.sources.osm.elements import Elements, Ground
from twin.sources.osm.outlines import Outline
from twin.sources.osm.tags import Tags, heading_rad, name_of, positive_m

POINT_KINDS = {
    ("highway", "street_lamp"): "lamp", ("emergency", "fire_hydrant"): "hydrant",
    ("amenity", "fire_hydrant"): "hydrant", ("man_made", "surveillance"): "camera",
    ("railway", "subway_entrance"): "metro_entrance", ("highway", "bus_stop"): "bus_stop",
    ("natural", "tree"): "tree", ("amenity", "bench"): "bench", ("amenity", "waste_basket"): "bin",
    ("amenity", "waste_disposal"): "bin", ("amenity", "recycling"): "bin", ("amenity", "toilets"): "toilet",
    ("man_made", "manhole"): "manhole", ("information", "board"): "sign",
    ("information", "guidepost"): "sign",
    ("information", "map"): "sign", ("barrier", "bollard"): "bollard", ("barrier", "block"): "bollard"}
GATES = ("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "kissing_gate", "hampshire_gate",
         "wicket_gate", "turnstile", "full-height_turnstile", "entrance", "stile", "border_control",
         "toll_booth")
WALLS = ("wall", "city_wall", "retaining_wall", "dry_stone")
LOW = ("kerb", "no", "log", "toll_booth_lane", "height_restrictor", "cattle_grid", "sally_port")
"""Barriers that stop nobody on foot."""

Row = dict[str, Any]


def point_kind(tags: Tags) -> str | None:
    """Return the kind of a part at a point, None if it is none that a district keeps."""
    if "manhole" in tags:
        return "manhole"
    if "traffic_sign" in tags and "highway" not in tags:
        return "sign"
    for (key, value), kind in POINT_KINDS.items():
        if tags.get(key) == value:
            return kind
    barrier = tags.get("barrier")
    if barrier in GATES:
        return "gate"
    return "barrier" if barrier and barrier not in LOW and barrier not in WALLS else None


def line_kind(tags: Tags) -> str | None:
    """Return the kind of a part along a line, None if it is none that a district keeps."""
    barrier = tags.get("barrier")
    if barrier in WALLS:
        return "wall"
    if barrier in GATES:
        return "gate"
    if barrier and barrier not in LOW:
        return "barrier"
    return "tree" if tags.get("natural") == "tree_row" else None


def part_of(tags: Tags, kind: str, tally: Tally) -> Row:
    """Return the columns of a part that its tags tell."""
    heading = tags.get("camera:direction") or tags.get("direction")
    height = tags.get("camera:mount:height") or tags.get("height")
    row: Row = {"kind": kind, "name": name_of(tags), "heading": heading_rad(heading),
                "state": _state(tags, kind)}
    for column, text in (("width", tags.get("maxwidth:physical") or tags.get("width")), ("height", height)):
        value = positive_m(text, most=200.0)
        if text is not None and value is None:
            tally.drop(f"unknown {column} value")
        row[column] = value
    return row


def _state(tags: Tags, kind: str) -> str | None:
    if kind != "gate":
        return None
    if tags.get("locked") == "yes" or (tags.get("access") == "no" and tags.get("foot", "no") == "no"):
        return "locked"
    return "open" if tags.get("locked") == "no" or tags.get("access") in ("yes", "public",
                                                                          "permissive") else None


def rows_at_points(elements: Elements, ground: Ground, places: list[Outline], tally: Tally) -> list[Row]:
    """Return the rows of parts at nodes, and of those drawn as outlines (toilets) at a point inside."""
    rows: list[Row] = []
    for node in elements.nodes:
        if node.tags.get("barrier") == "kerb":
            tally.drop("kerb")
        kind = point_kind(node.tags)
        if kind:
            rows.append({"id": f"node/{node.id}", "source": f"osm:node/{node.id}", "observed_at": node.seen,
                         "geometry": ground.point(node.id), **part_of(node.tags, kind, tally)})
    for outline in places:
        kind = point_kind(outline.tags)
        if kind:
            rows.append({"id": outline.element, "source": f"osm:{outline.element}",
                         "observed_at": outline.seen,
                         "geometry": outline.shape.representative_point(),
                         **part_of(outline.tags, kind, tally)})
    return rows


def is_place(tags: Tags) -> bool:
    """Whether an outline stands for a part that is otherwise a point."""
    return tags.get("amenity") in ("toilets", "recycling", "waste_disposal")


def rows_along_lines(elements: Elements, ground: Ground, tally: Tally) -> list[Row]:
    """Return the rows of walls, fences and rows of trees, not yet clipped."""
    rows: list[Row] = []
    for way in elements.ways.values():
        kind = line_kind(way.tags)
        if way.tags.get("barrier") == "kerb":
            tally.drop("kerb")
        line = ground.line(way, tally) if kind else None
        if kind and line is not None:
            rows.append({"id": f"way/{way.id}", "source": f"osm:way/{way.id}", "observed_at": way.seen,
                         "geometry": line, **part_of(way.tags, kind, tally)})
    return rows
