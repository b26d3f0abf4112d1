"""Outlines: which closed ways and multipolygons bound something, and the polygons that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.sources.imported import Tally
from twin.sources.osm.elements import Elements, Ground, Relation, Way
from twin.sources.osm.tags import Tags
from twin.sources.shapes import polygonal, sound_polygons


@dataclass(frozen=True)
class Outline:
    """Something that covers ground. ``element`` is such as ``way/4211``; ``nodes`` are the ids along its
    rings."""

    element: str
    tags: Tags
    shape: shapely.Geometry
    nodes: tuple[int, ...]
    seen: datetime | None = None


def outlines(elements: Elements, ground: Ground, wanted: Callable[[Tags], bool],
             tally: Tally) -> list[Outline]:
    """Return everything with an outline whose tags are wanted, ways first, then relations, in the order of
    ids as they stand in the file. A way that only repeats the outline of a multipolygon is left out."""
    ways: list[tuple[Way | Relation, Tags, Any, tuple[int, ...]]] = []
    relations: list[tuple[Way | Relation, Tags, Any, tuple[int, ...]]] = []
    covered: set[int] = set()
    for relation in elements.relations.values():
        if relation.tags.get("type") != "multipolygon":
            continue
        tags, outer = _own_tags(relation, elements)
        if not wanted(tags):
            continue
        shape = _multipolygon(relation, elements, ground)
        if shape is None:
            tally.drop("incomplete relation")
            continue
        repeats = {way for way in outer if way in elements.ways and wanted(elements.ways[way].tags)}
        if repeats and tags is relation.tags:
            tally.drop("outline of a multipolygon that is kept", len(repeats))
        covered |= repeats
        members = tuple(n for kind, ref, _ in relation.members if kind == "w" and ref in elements.ways
                        for n in elements.ways[ref].nodes)
        relations.append((relation, tags, shape, members))
    for way in elements.ways.values():
        if way.id in covered or not way.tags or not wanted(way.tags):
            continue
        if not ground.complete(way.nodes):
            tally.drop("missing nodes")
        elif not way.closed:
            tally.drop("outline that is not closed")
        else:
            ways.append((way, way.tags, shapely.Polygon(ground.coordinates(way.nodes)), way.nodes))
    found = [*ways, *relations]
    shapes = sound_polygons(np.array([shape for _, _, shape, _ in found], dtype=object), tally)
    return [Outline(_label(element), tags, shape, nodes, element.seen)
            for (element, tags, _, nodes), shape in zip(found, shapes, strict=True) if shape is not None]


def _label(element: Way | Relation) -> str:
    return f"{'way' if isinstance(element, Way) else 'relation'}/{element.id}"


def _own_tags(relation: Relation, elements: Elements) -> tuple[Tags, list[int]]:
    """Tags of a multipolygon and the ids of its outer ways. Older ones carry their tags on the outer
    way."""
    outer = [ref for kind, ref, role in relation.members if kind == "w" and role in ("outer", "")]
    if set(relation.tags) - {"type", "source", "created_by"} or not outer or outer[0] not in elements.ways:
        return relation.tags, outer
    return elements.ways[outer[0]].tags, outer


def _multipolygon(relation: Relation, elements: Elements, ground: Ground) -> shapely.Geometry | None:
    """The area of a multipolygon, None if ways or nodes of it are missing or its rings do not close."""
    members = [(ref, role) for kind, ref, role in relation.members if kind == "w"]
    if not members or any(ref not in elements.ways for ref, _ in members):
        return None
    ways = [(elements.ways[ref], role) for ref, role in members]
    if not all(ground.complete(way.nodes) for way, _ in ways):
        return None
    outer = _rings((way for way, role in ways if role != "inner"), ground)
    inner = _rings((way for way, role in ways if role == "inner"), ground)
    if outer is None or inner is None or not len(outer):
        return None
    shape = shapely.union_all(outer)
    return polygonal(shapely.difference(shape, shapely.union_all(inner))) if len(inner) else shape


def _rings(ways: Iterable[Way], ground: Ground) -> NDArray[Any] | None:
    """Polygons of the rings that ways make, (n,), mended where they cross themselves; None if one does not
    close."""
    open_ways = [way for way in ways if len(way.nodes) > 1]
    rings = [shapely.Polygon(ground.coordinates(way.nodes)) for way in open_ways if way.closed]
    pieces = [ground.coordinates(way.nodes) for way in open_ways if not way.closed]
    if pieces:
        if not all(np.isfinite(piece).all() for piece in pieces):
            return None
        merged = shapely.get_parts(shapely.line_merge(shapely.MultiLineString(pieces)))
        if not (shapely.is_closed(merged) & (shapely.get_num_coordinates(merged) > 3)).all():
            return None
        rings.extend(shapely.Polygon(line) for line in merged)
    if not all(np.isfinite(shapely.get_coordinates(ring)).all() for ring in rings):
        return None
    shapes = [ring if ring.is_valid else polygonal(shapely.make_valid(ring)) for ring in rings]
    return np.array(shapes, dtype=object)
