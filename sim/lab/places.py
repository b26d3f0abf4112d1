"""Where the people of a lab scenario start: spread over an area, or along the line that they enter by."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import cKDTree

from twin.errors import BadInput

BESIDE = 0.5
"""A line of entry may lie this far off the walkable ground [m]; people then start at the nearest free point."""
APART = 0.1
"""Distance between two places of a line of entry that are tried [m]."""


def spread(
    room: shapely.Geometry, count: int, body: float, taken: np.ndarray, random: np.random.Generator, *, what: str
) -> np.ndarray:
    """Places (count, 2) in an area, evenly but not in rows, at least ``body`` [m] apart and from ``taken`` (k, 2).

    The places are those of the widest hexagonal lattice that has enough of them, each moved at random by what the
    lattice leaves free. Raises :class:`BadInput` if so many do not fit.
    """
    if count == 1 and not len(taken) and room.area > 0:
        return _one(room, random)
    shapely.prepare(room)
    others = cKDTree(taken) if len(taken) else None
    shift = random.uniform(0, 1, (8, 2))
    most = 0
    for offset in shift:
        narrow, wide = body, body + 2 * np.sqrt(room.area / count)
        found = _lattice(room, narrow, offset, others, body)
        most = max(most, len(found))
        if len(found) < count:
            continue
        for _ in range(14):
            middle = (narrow + wide) / 2
            places = _lattice(room, middle, offset, others, body)
            if len(places) >= count:
                narrow, found = middle, places
            else:
                wide = middle
        chosen = found[np.sort(random.permutation(len(found))[:count])]
        return _jittered(room, chosen, max(narrow - body, 0) / 2, others, body, random)
    if others is not None:
        found = _scattered(room, count, body, others, random)
        if len(found) == count:
            return found
        most = max(most, len(found))
    raise BadInput(
        f"{count} people do not fit into {room.area:.1f} m² of free ground, {most} do",
        where=what,
        mend="place fewer, or enlarge the area",
    )


def _one(room: shapely.Geometry, random: np.random.Generator) -> np.ndarray:
    """A random point of an area (1, 2)."""
    west, south, east, north = room.bounds
    tries = random.uniform((west, south), (east, north), (500, 2))
    inside = tries[shapely.contains_xy(room, tries[:, 0], tries[:, 1])]
    return inside[:1] if len(inside) else shapely.get_coordinates(room.representative_point())


def _lattice(
    room: shapely.Geometry, spacing: float, offset: np.ndarray, others: cKDTree | None, body: float
) -> np.ndarray:
    """The points of a hexagonal lattice that lie in an area, ``body`` metres from others."""
    west, south, east, north = room.bounds
    rise = spacing * np.sqrt(0.75)
    columns, rows = int((east - west) / spacing) + 3, int((north - south) / rise) + 3
    x, y = np.meshgrid(np.arange(columns) * spacing, np.arange(rows) * rise)
    x[1::2] += spacing / 2
    points = np.column_stack([x.ravel() + west - offset[0] * spacing, y.ravel() + south - offset[1] * rise])
    points = points[shapely.contains_xy(room, points[:, 0], points[:, 1])]
    if others is not None and len(points):
        points = points[others.query(points)[0] >= body]
    return points


def _scattered(
    room: shapely.Geometry, count: int, body: float, others: cKDTree, random: np.random.Generator
) -> np.ndarray:
    """Up to ``count`` random places in the gaps between others, one after the other (random sequential addition)."""
    west, south, east, north = room.bounds
    tries = random.uniform((west, south), (east, north), (min(400 * count, 40_000), 2))
    tries = tries[shapely.contains_xy(room, tries[:, 0], tries[:, 1])]
    tries = tries[others.query(tries)[0] >= body] if len(tries) else tries
    free = np.ones(len(tries), bool)
    chosen: list[int] = []
    for k in range(len(tries)):
        if free[k] and len(chosen) < count:
            chosen.append(k)
            free &= np.hypot(*(tries - tries[k]).T) >= body
    return tries[chosen]


def _jittered(
    room: shapely.Geometry,
    places: np.ndarray,
    reach: float,
    others: cKDTree | None,
    body: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Places moved by up to ``reach`` [m] in any direction; back where that left the area or met somebody."""
    angle, far = random.uniform(0, 2 * np.pi, len(places)), reach * np.sqrt(random.uniform(0, 1, len(places)))
    moved = places + np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None]
    fine = shapely.contains_xy(room, moved[:, 0], moved[:, 1])
    if others is not None:
        fine &= others.query(moved)[0] >= body
    return np.where(fine[:, None], moved, places)


def doorstep(line: shapely.Geometry, free: shapely.Geometry, *, what: str) -> np.ndarray:
    """Places (n, 2) along a line where people may enter: at least one, on the free ground.

    ``free`` is the ground that a body's centre may be on. Raises :class:`BadInput` where the line misses it.
    """
    count = max(int(line.length / APART), 1)
    points = shapely.line_interpolate_point(line, (np.arange(count) + 0.5) / count, normalized=True)
    near = points[shapely.dwithin(free, points, BESIDE)]
    if not len(near):
        raise BadInput("people are to enter inside a wall", where=what, mend="draw the line on the walkable ground")
    return np.unique(shapely.get_coordinates(shapely.shortest_line(free, near))[::2].round(4), axis=0)
