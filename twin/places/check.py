"""What is wrong or missing in a district, so that it can be mended before anybody relies on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.places.access import access_graph, ways_in
from twin.places.district import District
from twin.places.walkable import GATE_REACH_M, in_the_way

Severity = Literal["error", "warning", "note"]
OVERLAP_M2 = 1.0
OVERLAP_SHARE = 0.1
"""Buildings overlap if they share more than this area, or more than this share of the smaller one."""
CELL_OVERLAP_M2 = 1.0
TOUCH_M = 0.5
"""Streets whose lines come this close are connected."""
SPECK_M2 = 0.01
KINDS: dict[str, str] = {
    "duplicate_id": "an id that stands more than once",
    "missing_geometry": "an object without a geometry",
    "invalid_geometry": "a geometry that crosses itself or is otherwise not valid",
    "zero_size": "a polygon without area or a line without length",
    "outside_extent": "an object wholly outside the stated extent",
    "unknown_height": "a building whose height is not known",
    "assumed_height": "a building whose height was assumed",
    "overlapping_buildings": "buildings that stand in one another",
    "few_ways_out": "a courtyard with fewer than two open ways out",
    "leads_nowhere": "an entrance of which it is not known where it leads, or into what",
    "missing_reference": "a reference to an id that the district does not have",
    "unconnected_street": "streets that are not connected to the rest",
    "street_through_wall": "a street for people on foot that crosses a wall without a gate",
    "street_through_building": "a street for people on foot that runs through a building",
    "orphan_cell": "a grid cell below the top level without a parent",
    "overlapping_cells": "grid cells of one scheme and level that overlap",
}
"""Every kind of finding and what it means."""
REFERENCES = (
    ("buildings", "part_of", ("buildings",)), ("buildings", "courtyard", ("courtyards",)),
    ("courtyards", "grid", ("grids",)), ("entrances", "courtyard", ("courtyards", "buildings")),
    ("entrances", "leads_to", ("streets", "courtyards", "buildings", "areas")),
    ("bays", "street", ("streets",)),
    ("grids", "parent", ("grids",)), ("surfaces", "building", ("buildings",)))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or missing: its kind (:data:`KINDS`), where, one sentence, and how grave it is.

    An ``error`` makes results wrong, a ``warning`` may, a ``note`` says what is not known.
    """

    kind: str
    table: str
    id: str
    message: str
    severity: Severity


def check(district: District) -> list[Finding]:
    """Return everything that is wrong or missing, errors first, then by kind, table and id."""
    sound = District(district.name, district.crs, {name: _sound(t) for name, t in district.tables.items()},
                     attribution=district.attribution, extent=district.extent)
    findings = [*_ids(district), *_geometry(district), *_references(district), *_extent(sound),
                *_heights(district), *_overlapping_buildings(sound), *_streets(sound), *_obstructed(sound),
                *_cells(sound)]
    if not any(f.kind == "duplicate_id" for f in findings):
        findings += _access(sound)
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda f: (order[f.severity], list(KINDS).index(f.kind), f.table, f.id))


def summary(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings there are of each kind, in the order of :data:`KINDS`; kinds without any are
    left out.
    """
    count = Counter(f.kind for f in findings)
    return {kind: count[kind] for kind in KINDS if count[kind]}


def _sound(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The rows that can be measured: with a geometry, repaired if it is not valid."""
    there = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    bad = ~there.geometry.is_valid
    if not bad.any():
        return there
    mended = there.geometry.make_valid(method="structure", keep_collapsed=False)
    return there.set_geometry(mended)[~mended.is_empty]


def _ids(district: District) -> Iterator[Finding]:
    ids = pd.concat([t["id"].to_frame().assign(table=name) for name, t in district.tables.items()])
    counts = ids.groupby("id").agg(times=("table", "size"), table=("table", "first"))
    for row in counts[counts["times"] > 1].itertuples():
        yield Finding("duplicate_id", row.table, str(row.Index),
                      f"the id {row.Index!r} stands {row.times} times; give every object its own", "error")


def _geometry(district: District) -> Iterator[Finding]:
    for name, frame in district.tables.items():
        shapes, ids = frame.geometry.to_numpy(), frame["id"].to_numpy()
        absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
        for i in np.flatnonzero(absent):
            yield Finding("missing_geometry", name, ids[i], "it has no geometry; draw or drop it", "error")
        for i in np.flatnonzero(~absent & ~shapely.is_valid(shapes)):
            yield Finding("invalid_geometry", name, ids[i],
                          f"{shapely.is_valid_reason(shapes[i])}; redraw the outline", "error")
        size = np.where(shapely.get_dimensions(shapes) == 2, shapely.area(shapes), shapely.length(shapes))
        flat = (shapely.get_dimensions(shapes) > 0) & ~absent & (size < SPECK_M2) & (name != "surfaces")
        for i in np.flatnonzero(flat):
            yield Finding("zero_size", name, ids[i], "it has no area or length; redraw or drop it", "error")


def _references(district: District) -> Iterator[Finding]:
    for name, column, targets in REFERENCES:
        frame = district.tables[name]
        known = pd.concat([district.tables[t]["id"] for t in targets])
        for row in frame[frame[column].notna() & ~frame[column].isin(known)].itertuples():
            yield Finding("missing_reference", name, row.id,
                          f"{column} names {getattr(row, column)!r}, which is not among the "
                          f"{' or '.join(targets)}", "error")


def _extent(district: District) -> Iterator[Finding]:
    if district.extent is None:
        return
    for name, frame in district.tables.items():
        away = ~shapely.intersects(district.extent, frame.geometry.to_numpy())
        for object_id in frame["id"].to_numpy()[away]:
            yield Finding("outside_extent", name, object_id, "it lies outside the extent", "warning")


def _heights(district: District) -> Iterator[Finding]:
    buildings = district.buildings
    for object_id in buildings["id"][buildings["height"].isna()]:
        yield Finding("unknown_height", "buildings", object_id, "its height is not known", "warning")
    assumed = buildings["height"].notna() & ((buildings["height_source"] == "assumed")
                                             | buildings["height_source"].isna())
    for object_id in buildings["id"][assumed]:
        yield Finding("assumed_height", "buildings", object_id, "its height was assumed", "note")


def _overlapping_buildings(district: District) -> Iterator[Finding]:
    buildings = district.buildings
    shapes, ids = buildings.geometry.to_numpy(), buildings["id"].to_numpy()
    whole = buildings["part_of"].to_numpy(dtype=object)
    base = buildings["base"].fillna(0.0).to_numpy(dtype=float)
    top = buildings["height"].fillna(np.inf).to_numpy(dtype=float)
    first, second, shared = _overlaps(shapes)
    smaller = np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
    family = ((ids[first] == whole[second]) | (ids[second] == whole[first])
              | (~pd.isna(whole[first]) & (whole[first] == whole[second]))).astype(bool)
    stacked = (base[first] >= top[second]) | (base[second] >= top[first])
    grave = ((shared > OVERLAP_M2) | (shared > OVERLAP_SHARE * smaller)) & (shared > SPECK_M2)
    grave &= ~family & ~stacked
    for a, b, area in zip(first[grave], second[grave], shared[grave], strict=True):
        yield Finding("overlapping_buildings", "buildings", ids[a],
                      f"it overlaps building {ids[b]!r} by {area:.1f} m2", "warning")


def _overlaps(shapes: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of shapes that meet, first < second, and the area that they share [m2]."""
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = first < second
    first, second = first[pairs], second[pairs]
    return first, second, shapely.area(shapely.intersection(shapes[first], shapes[second]))


def _streets(district: District) -> Iterator[Finding]:
    streets = district.streets
    shapes, ids = streets.geometry.to_numpy(), streets["id"].to_numpy()
    if not len(shapes):
        return
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=TOUCH_M)
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(range(len(shapes)))
    graph.add_edges_from(zip(first.tolist(), second.tolist(), strict=True))
    pieces = sorted(nx.connected_components(graph), key=lambda piece: (-len(piece), min(piece)))
    for piece in pieces[1:]:
        for i in sorted(piece):
            yield Finding("unconnected_street", "streets", ids[i],
                          f"it is one of {len(piece)} that do not meet the rest of the streets", "warning")


def _obstructed(district: District) -> Iterator[Finding]:
    """Streets for people on foot that are cut off: by a wall without a gate, or by a building."""
    parts, streets = district.parts, district.streets
    is_line = shapely.get_dimensions(parts.geometry.to_numpy()) == 1
    walls = parts[is_line & parts["kind"].isin(["wall", "barrier"]).to_numpy()]
    on_foot = streets["on_foot"].fillna(True) & (streets["layer"].fillna(0) == 0)
    walked = streets[on_foot.to_numpy(dtype=bool)]
    lines = walked.geometry.to_numpy()
    wall, street = shapely.STRtree(lines).query(walls.geometry.to_numpy(), predicate="crosses")
    crossings = shapely.intersection(walls.geometry.to_numpy()[wall], lines[street])
    gates = shapely.union_all(parts.geometry.to_numpy()[(parts["kind"] == "gate").to_numpy()])
    shut = ~(shapely.distance(crossings, gates) <= GATE_REACH_M)  # without any gate the distance is NaN
    for i in np.flatnonzero(shut):
        yield Finding("street_through_wall", "streets", walked["id"].iloc[street[i]],
                      f"it crosses the wall {walls['id'].iloc[wall[i]]!r} where no gate stands: nobody gets "
                      "through", "warning")
    low = district.buildings[in_the_way(district.buildings)]
    shapes = low.geometry.to_numpy()
    building, street = shapely.STRtree(lines).query(shapes, predicate="intersects")
    inside = shapely.length(shapely.intersection(shapes[building], lines[street])) > 1.0
    for j, i in zip(building[inside], street[inside], strict=True):
        yield Finding("street_through_building", "streets", walked["id"].iloc[i],
                      f"it runs through the building {low['id'].iloc[j]!r}: nobody gets through; give the "
                      "building a `base` if there is a passage under it", "warning")


def _cells(district: District) -> Iterator[Finding]:
    """Cells without a parent, and cells that overlap; fields of cameras (the video scheme) may."""
    grids = district.grids
    levels = ("district", "subdistrict", "community", "grid", "courtyard")
    rank = grids["level"].map({level: k for k, level in enumerate(levels)})
    top = rank.groupby(grids["scheme"]).transform("min")
    for object_id in grids["id"][grids["parent"].isna() & (rank > top)]:
        yield Finding("orphan_cell", "grids", object_id, "it has no parent one level up", "warning")
    for (scheme, level), cells in grids.groupby(["scheme", "level"]):
        shapes, ids = cells.geometry.to_numpy(), cells["id"].to_numpy()
        first, second, shared = _overlaps(shapes)
        for a, b, area in zip(first, second, shared, strict=True):
            if area > CELL_OVERLAP_M2:
                yield Finding("overlapping_cells", "grids", ids[a],
                              f"it overlaps {ids[b]!r} of the same scheme ({scheme}) and level ({level}) "
                              f"by {area:.1f} m2", "note" if scheme == "video" else "error")


def _access(district: District) -> Iterator[Finding]:
    graph = access_graph(district)
    edges = {key: (u, v) for u, v, key in graph.edges(keys=True)}
    for entrance in district.entrances["id"]:
        nodes: Sequence[str] = edges.get(entrance, ())
        if not nodes or any(graph.nodes[node]["kind"] == "unknown" for node in nodes):
            yield Finding("leads_nowhere", "entrances", entrance,
                          "it is not known what it joins; state `courtyard` and `leads_to`", "warning")
    for courtyard in district.courtyards["id"]:
        ways = [way for way in ways_in(district, courtyard, graph=graph) if way.state == "open"]
        doors = {way.via[-1] for way in ways}
        if len(doors) < 2:
            yield Finding("few_ways_out", "courtyards", courtyard,
                          f"{'only one' if doors else 'no'} way out of it is known to be open", "warning")
