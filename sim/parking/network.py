"""The street graph of a district for cars and for walking home.

Nodes are the vertices of centre lines, which streets share in junctions, and the places that something is joined to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from twin.errors import BadInput
from twin.places import District
from twin.places.walkable import street_widths

DRIVABLE = ("motorway", "avenue", "street", "lane", "service")
JOIN_M = 150.0
"""Something further than this from every street is not reached by car [m]."""


@dataclass(frozen=True)
class Network:
    """Nodes and stretches. All coordinates are local metres.

    ``xy (n, 2)``; stretches ``ends (m, 2) int64``, ``length (m,)``, ``street (m,)`` row of the street table,
    ``ahead`` and ``back (m,) bool`` whether cars may drive from the first end to the second, and back.
    ``joined (k,) int64`` is the node of each point that was asked for, ``off (k,)`` its distance from the street [m],
    ``gates (g,) int64`` the nodes where cars come into the district.
    """

    xy: NDArray[np.float64]
    ends: NDArray[np.int64]
    length: NDArray[np.float64]
    street: NDArray[np.int64]
    ahead: NDArray[np.bool_]
    back: NDArray[np.bool_]
    joined: NDArray[np.int64]
    off: NDArray[np.float64]
    gates: NDArray[np.int64]

    def graph(self, how: Literal["drive", "walk"], keep: NDArray[np.bool_] | None = None) -> csr_matrix:
        """Lengths between neighbouring nodes, (n, n); ``keep (m,)`` leaves stretches out."""
        ahead = self.ahead if how == "drive" else np.ones(len(self.ends), bool)
        back = self.back if how == "drive" else np.ones(len(self.ends), bool)
        if keep is not None:
            ahead, back = ahead & keep, back & keep
        a, b = self.ends.T
        rows, cols = np.concatenate([a[ahead], b[back]]), np.concatenate([b[ahead], a[back]])
        found = pd.DataFrame({"r": rows, "c": cols, "w": np.concatenate([self.length[ahead], self.length[back]])})
        found = found.groupby(["r", "c"], as_index=False).min()
        n = len(self.xy)
        return csr_matrix((found["w"], (found["r"], found["c"])), shape=(n, n))

    def distances(self, sources: NDArray[np.int64], targets: NDArray[np.int64], how: Literal["drive", "walk"],
                  limit: float = np.inf) -> NDArray[np.float32]:
        """Shortest way from every source to every target [m], (s, t) float32; inf where there is none."""
        unique, which = np.unique(sources, return_inverse=True)
        if not len(unique) or not len(targets):
            return np.zeros((len(sources), len(targets)), np.float32)
        found = dijkstra(self.graph(how), indices=unique, limit=limit)[:, targets]
        return found[which].astype(np.float32)


def street_network(district: District, points: NDArray[np.float64], *, one_way: dict[str, str] | None = None,
                   gates: NDArray[np.float64] | None = None, streets: list[str | None] | None = None) -> Network:
    """Join points ``(k, 2)`` [local metres] to the drivable streets of a district.

    ``one_way`` replaces the direction of streets by id. ``streets`` names the street that each point is reached from,
    where that is known. Cars come in at ``gates`` (g, 2), else where streets end near the district's bounds.
    Raises :class:`BadInput` without a drivable street, and for an unknown street in ``one_way``.
    """
    frame = district.streets
    usable = frame["kind"].isin(DRIVABLE) & (frame["layer"].fillna(0) == 0) & frame.geometry.notna()
    if not usable.any():
        raise BadInput("there is no street that cars drive on", where=district.name, mend="import a map with streets")
    ids = frame["id"].to_numpy(object)
    for name in one_way or {}:
        if name not in set(ids[usable.to_numpy()]):
            raise BadInput(f"there is no street {name!r} for cars to drive one way", where=district.name,
                           mend="give the id of a street or lane")
    table_rows = np.flatnonzero(usable.to_numpy())
    lines, owner = shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy()[table_rows]), return_index=True)
    lines = shapely.transform(lines, lambda xy: xy - np.array(district.origin))
    row_of = table_rows[owner]
    asked = np.concatenate([points, gates if gates is not None else np.zeros((0, 2))])
    at_line, along, off = _joined(lines, ids[row_of], asked, streets)
    rows = _vertices(lines, at_line, along, len(asked))
    return _built(frame, rows, row_of, len(points), off, one_way or {}, gates is not None and len(gates) > 0, district)


def _joined(lines: NDArray[np.object_], line_ids: NDArray[np.object_], points: NDArray[np.float64],
            streets: list[str | None] | None) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """For each point the line it joins, how far along it [m], and how far off it is [m]."""
    shapes = shapely.points(points)
    which, nearest = shapely.STRtree(lines).query_nearest(shapes, all_matches=False)
    at = np.full(len(points), -1, np.int64)
    at[which] = nearest
    for k, name in enumerate(streets or []):
        own = np.flatnonzero(line_ids == name)
        if name is not None and len(own):
            at[k] = own[int(np.argmin(shapely.distance(lines[own], shapes[k])))]
    return at, shapely.line_locate_point(lines[at], shapes), shapely.distance(lines[at], shapes)


def _vertices(lines: NDArray[np.object_], at_line: NDArray[np.int64], along: NDArray[np.float64],
              points: int) -> pd.DataFrame:
    """Every vertex and every joined point, in order along its line: columns line, along, x, y, point (-1 for a vertex)."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    step[np.flatnonzero(np.diff(line, prepend=-1))] = 0.0
    run = np.cumsum(step)
    first = np.searchsorted(line, np.arange(len(lines)))
    rows = pd.DataFrame({"line": line, "along": run - run[first][line], "x": xy[:, 0], "y": xy[:, 1], "point": -1})
    at = shapely.get_coordinates(shapely.line_interpolate_point(lines[at_line], along))
    joined = pd.DataFrame({"line": at_line, "along": along, "x": at[:, 0], "y": at[:, 1], "point": np.arange(points)})
    return pd.concat([rows, joined]).sort_values(["line", "along", "point"], kind="stable", ignore_index=True)


def _built(frame: pd.DataFrame, rows: pd.DataFrame, row_of: NDArray[np.int64], points: int,
           off: NDArray[np.float64], one_way: dict[str, str], gated: bool, district: District) -> Network:
    keys = np.round(rows[["x", "y"]].to_numpy(), 2)
    _, first, node = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    node = node.ravel()
    xy = rows[["x", "y"]].to_numpy()[first]
    same = np.flatnonzero(np.diff(rows["line"].to_numpy()) == 0)
    ends = np.stack([node[same], node[same + 1]], axis=1)
    length = np.diff(rows["along"].to_numpy())[same]
    street = row_of[rows["line"].to_numpy()[same]]
    real = ends[:, 0] != ends[:, 1]
    ends, length, street = ends[real], np.maximum(length[real], 0.01), street[real]
    rule = frame["oneway"].fillna("no").to_numpy(object).copy()
    for k, name in enumerate(frame["id"]):
        rule[k] = one_way.get(name, rule[k])
    is_point = rows["point"].to_numpy() >= 0
    joined = np.zeros(len(off), np.int64)
    joined[rows["point"].to_numpy()[is_point]] = node[is_point]
    ahead, back = rule[street] != "backward", rule[street] != "forward"
    gate_nodes = joined[points:] if gated else _edge_nodes(xy, ends, district)
    return Network(xy, ends, length, street, ahead, back, joined[:points], off[:points], np.unique(gate_nodes))


def _edge_nodes(xy: NDArray[np.float64], ends: NDArray[np.int64], district: District) -> NDArray[np.int64]:
    """Dead ends within 40 m of the bounds, in the largest part of the graph; all its nodes where there is none."""
    n = len(xy)
    degree = np.bincount(ends.ravel(), minlength=n)
    graph = csr_matrix((np.ones(len(ends)), ends.T), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    main = part == np.bincount(part).argmax()
    west, south, east, north = np.array(district.bounds) - np.tile(district.origin, 2)
    near = np.min([xy[:, 0] - west, east - xy[:, 0], xy[:, 1] - south, north - xy[:, 1]], axis=0) < 40
    found = np.flatnonzero((degree == 1) & near & main)
    return found if len(found) else np.flatnonzero(main)


def drivable_widths(district: District) -> NDArray[np.float64]:
    """Width of every street of the table [m], assumed by kind where it is not known, (n,)."""
    return np.asarray(street_widths(district.streets), float)
