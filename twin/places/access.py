"""The access graph: which doors and passages join streets, courtyards and buildings, and all ways into one of
them.

A locked front door matters less where a back door is known. The graph has a node for every street, courtyard
and building that an entrance touches, and an edge for every entrance. What is not known stays unknown: it is
neither open nor step free, and it is listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.places.district import District
from twin.places.walkable import street_widths

USABILITY = ("open", "unknown", "locked", "blocked")
"""States of an entrance, the most usable first; a way is as usable as its worst entrance."""
ON_OUTLINE_M = 1.5
"""An entrance belongs to an outline that is within this distance of it."""
REACH_M = 6.0
"""Outside an entrance lies what is within this distance of it (of a street: of its edge)."""
STEP_OUT_M = 1.0
"""How far in front of an entrance with a known heading its outside is looked for."""


@dataclass(frozen=True)
class WayIn:
    """One way from a street into a courtyard or building.

    ``via`` are the entrances in the order in which they are passed and ``through`` the courtyards and
    buildings that are crossed between them. ``from_street`` and ``street_name`` are None where the map does
    not say what lies outside the first entrance. ``kind`` is the kind of the last entrance, ``state`` the
    worst on the way, ``width`` the narrowest known clear width [m], ``step_free`` True only if every entrance
    is known to be so and False as soon as one is known not to be. ``length`` is the straight-line length from
    the street's centre line through the entrances to the last of them [m].
    """

    via: tuple[str, ...]
    through: tuple[str, ...]
    from_street: str | None
    street_name: str | None
    kind: str | None
    state: str
    width: float | None
    step_free: bool | None
    length: float


def access_graph(district: District) -> nx.MultiGraph:
    """Return the graph of streets, courtyards and buildings (nodes) and entrances (edges), by their ids.

    Nodes carry ``kind`` (``street``, ``courtyard``, ``building``, or ``unknown`` for the outside of an
    entrance of which the map does not say where it leads), ``name`` and ``geometry``. Edges carry
    ``entrance``, ``kind``, ``state``, ``width`` [m] (None if unknown), ``step_free`` (None if unknown),
    ``xy`` and ``inner``, the id that the entrance opens into.
    """
    district = complete_access(district)
    graph: nx.MultiGraph = nx.MultiGraph()
    places = _places(district)
    for entrance in district.entrances[_placed(district.entrances)].itertuples():
        inner, outer = entrance.courtyard, entrance.leads_to
        if inner not in places:
            continue
        if outer not in places:
            outer = f"outside {entrance.id}"
        for node in (inner, outer):
            kind, name, geometry = places.get(node, ("unknown", None, None))
            graph.add_node(node, kind=kind, name=name, geometry=geometry)
        graph.add_edge(inner, outer, key=entrance.id, entrance=entrance.id, kind=entrance.kind,
                       state=entrance.state or "unknown", width=_positive(entrance.width),
                       step_free=None if pd.isna(entrance.step_free) else bool(entrance.step_free),
                       xy=(entrance.geometry.x, entrance.geometry.y), inner=inner)
    return graph


def ways_in(district: District, courtyard_id: str, *, max_through: int = 3,
            graph: nx.MultiGraph | None = None) -> list[WayIn]:
    """Return every simple way from a street into a courtyard (or building), the most usable first.

    A way crosses at most ``max_through`` other courtyards or buildings and no street on its way. Ways are
    sorted by state (open, unknown, locked, blocked), then by the number of entrances, width and length. Give
    ``graph`` (:func:`access_graph`) when asking for many courtyards. Raises :class:`BadInput` for an unknown
    id.
    """
    table, _ = district.find(courtyard_id)
    if table not in ("courtyards", "buildings"):
        raise BadInput(f"{courtyard_id!r} is in the table {table}", where=district.name,
                       mend="name a courtyard or a building")
    graph = access_graph(district) if graph is None else graph
    if courtyard_id not in graph:
        return []
    found = [_way(graph, edges) for edges in _walks(graph, courtyard_id, max_through)]
    return sorted(found, key=lambda way: (USABILITY.index(way.state), len(way.via), -(way.width or 0.0),
                                          way.length, way.via))


def complete_access(district: District) -> District:
    """Return the district with what its entrances lack worked out from where they stand, where that is plain.

    An entrance without ``courtyard`` gets the courtyard, else the building, on whose outline it stands
    (within 1.5 m). One without ``leads_to`` gets the courtyard that it stands inside, else the nearest
    courtyard or street within 6 m on its outer side. What is stated is never changed; what is not plain stays
    null.
    """
    entrances = district.entrances
    inside_of = _inside_of(district)
    missing = entrances["leads_to"].isna() & inside_of.notna() & _placed(entrances)
    if not missing.any() and inside_of.equals(entrances["courtyard"]):
        return district
    completed = entrances.copy()
    completed["courtyard"] = inside_of
    asked = completed[missing]
    outside = pd.Series(_outside_of(district, asked), index=asked.index, dtype=object)
    completed.loc[missing, "leads_to"] = outside
    return replace(district, tables={**district.tables, "entrances": completed})


def _placed(frame: gpd.GeoDataFrame) -> pd.Series:
    """Whether each row has a geometry."""
    return frame.geometry.notna() & ~frame.geometry.is_empty


def _places(district: District) -> dict[str, tuple[str, str | None, shapely.Geometry]]:
    """Kind, name and geometry of everything that an entrance can join, by id."""
    tables = {"street": district.streets, "courtyard": district.courtyards, "building": district.buildings}
    return {row_id: (kind, name, geometry) for kind, frame in tables.items()
            for row_id, name, geometry in zip(frame["id"], frame["name"], frame.geometry, strict=True)}


def _inside_of(district: District) -> pd.Series:
    """Id of what each entrance opens into: as stated, else the outline it stands on, courtyards before
    buildings."""
    inside: pd.Series = district.entrances["courtyard"].copy()
    for frame in (district.courtyards, district.buildings):
        unknown = inside.isna() & _placed(district.entrances)
        points = district.entrances.geometry.to_numpy()[unknown.to_numpy()]
        nearest = _nearest(points, shapely.boundary(frame.geometry.to_numpy()), ON_OUTLINE_M)
        ids = frame["id"].to_numpy(dtype=object)
        inside[unknown] = [ids[i] if i >= 0 else None for i in nearest]
    return inside


def _nearest(points: NDArray[Any], shapes: NDArray[Any], reach: float) -> NDArray[np.int64]:
    """Index of the nearest shape within reach of every point, -1 if there is none, (n,)."""
    nearest = np.full(len(points), -1, dtype=np.int64)
    if len(points) and len(shapes):
        which, shape = shapely.STRtree(shapes).query_nearest(points, max_distance=reach, all_matches=False)
        nearest[which] = shape
    return nearest


def _outside_of(district: District, entrances: gpd.GeoDataFrame) -> list[str | None]:
    """Id of what lies outside each entrance, or None."""
    courtyards, streets = district.courtyards, district.streets
    streets = streets[streets["layer"].fillna(0) == 0]
    yards = courtyards.geometry.to_numpy()
    yard_ids = courtyards["id"].to_numpy(dtype=object)
    own = dict(zip([*district.courtyards["id"], *district.buildings["id"]],
                   [*district.courtyards.geometry, *district.buildings.geometry], strict=True))
    points = entrances.geometry.to_numpy()
    inner = entrances["courtyard"].to_numpy(dtype=object)
    front = np.array([_front(point, heading, own.get(name)) for point, heading, name in
                      zip(points, entrances["heading"], inner, strict=True)], dtype=object)
    found: list[str | None] = [None] * len(points)
    which, yard = shapely.STRtree(yards).query(front, predicate="within")
    for i, j in zip(which, yard, strict=True):
        if yard_ids[j] != inner[i]:
            found[i] = yard_ids[j]
    half = street_widths(streets) / 2
    street = _nearest_edge(front, streets.geometry.to_numpy(), half)
    street_ids = streets["id"].to_numpy(dtype=object)
    return [have or (street_ids[j] if j >= 0 else None) for have, j in zip(found, street, strict=True)]


def _front(point: shapely.Point, heading: float | None, own: shapely.Geometry | None) -> shapely.Point:
    """The place one step in front of an entrance: along its heading, else away from what it opens into."""
    if heading is None or math.isnan(heading):
        around = [2 * math.pi * k / 16 for k in range(16)]
        if own is None:
            return point
        heading = max(around, key=lambda angle: round(own.distance(_step(point, angle)), 3))
        if own.distance(_step(point, heading)) == 0.0:
            return point
    return _step(point, heading)


def _step(point: shapely.Point, heading: float) -> shapely.Point:
    return shapely.Point(point.x + STEP_OUT_M * math.cos(heading), point.y + STEP_OUT_M * math.sin(heading))


def _nearest_edge(points: NDArray[Any], lines: NDArray[Any], half: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the street whose edge is nearest to each point and within reach, -1 if there is none, (n,)."""
    nearest = np.full(len(points), -1, dtype=np.int64)
    if not len(points) or not len(lines):
        return nearest
    tree = shapely.STRtree(lines)
    which, line = tree.query(points, predicate="dwithin", distance=REACH_M + float(half.max()))
    off = np.maximum(shapely.distance(points[which], lines[line]) - half[line], 0.0)
    near = pd.DataFrame({"which": which, "line": line, "off": off, "centre": off + half[line]})
    near = near[near["off"] <= REACH_M].sort_values(["which", "off", "centre", "line"])
    near = near.drop_duplicates("which")
    nearest[near["which"].to_numpy()] = near["line"].to_numpy()
    return nearest


def _walks(graph: nx.MultiGraph, target: str, max_through: int) -> Iterator[list[tuple[str, str, str]]]:
    """Simple walks outward from the target to a street or an unknown outside, as edges (inner, outer,
    key)."""
    stack: list[list[tuple[str, str, str]]] = [[(target, v, k)] for _, v, k in graph.edges(target, keys=True)]
    while stack:
        walk = stack.pop()
        here = walk[-1][1]
        if graph.nodes[here]["kind"] in ("street", "unknown"):
            yield walk
        elif len(walk) <= max_through:
            seen = {target, *(v for _, v, _ in walk)}
            stack.extend([*walk, (here, v, k)] for _, v, k in graph.edges(here, keys=True) if v not in seen)


def _way(graph: nx.MultiGraph, walk: list[tuple[str, str, str]]) -> WayIn:
    inward = walk[::-1]
    edges = [graph.edges[u, v, key] for u, v, key in inward]
    start = inward[0][1]
    street = start if graph.nodes[start]["kind"] == "street" else None
    widths = [edge["width"] for edge in edges if edge["width"] is not None]
    free = [edge["step_free"] for edge in edges]
    path = np.array([edge["xy"] for edge in edges])
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    if street is not None:
        length += shapely.Point(path[0]).distance(graph.nodes[street]["geometry"])
    return WayIn(via=tuple(edge["entrance"] for edge in edges), through=tuple(u for u, _, _ in inward[:-1]),
                 from_street=street, street_name=graph.nodes[start]["name"], kind=edges[-1]["kind"],
                 state=max((edge["state"] for edge in edges), key=USABILITY.index),
                 width=min(widths) if widths else None,
                 step_free=False if False in free else None if None in free else True, length=length)


def _positive(width: float | None) -> float | None:
    return float(width) if width is not None and width > 0 else None
