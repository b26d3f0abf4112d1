"""A way drawn as a line: down the links to the goal, then as straight as walls and rules allow."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString

from sim.crowd.ground.field import descend
from sim.crowd.ground.links import RULED
from sim.crowd.ground.terrain import Terrain
from sim.crowd.ground.walls import sees


def path_down(terrain: Terrain, goal: int, start: np.ndarray, step: float, twin: np.ndarray) -> np.ndarray:
    """The way from a point (2,) in the raster's own metres to a goal: its bends, and a point at least every ``step``
    metres, (k, 2) float64; only the point itself if there is no way. ``twin`` as in :func:`sim.crowd.ground.march.march`."""
    cells = np.array(descend(start[0], start[1], terrain.fields[goal], terrain.links, terrain.segments, terrain.start,
                             terrain.item, terrain.cell, twin))
    leaps = np.flatnonzero(np.hypot(*np.diff(cells, axis=0).T) > 4 * terrain.cell) + 1
    pieces = [_straightened(piece, terrain, step) for piece in np.split(cells, leaps)]
    return np.concatenate(pieces)


def _straightened(cells: np.ndarray, terrain: Terrain, step: float) -> np.ndarray:
    """The way over cell centres (n, 2) on one storey with its needless bends left out."""
    bends = [0]
    while bends[-1] < len(cells) - 1:
        bends.append(_farthest_seen(cells, bends[-1], terrain))
    line = LineString(cells[bends]) if len(bends) > 1 else None
    if line is None or line.length == 0:
        return cells[:1]
    turns = np.append(0, np.cumsum(np.hypot(*np.diff(cells[bends], axis=0).T)))
    along = np.unique(np.concatenate([np.arange(0, line.length, step), turns]))
    return shapely.get_coordinates(shapely.line_interpolate_point(line, along))


def _farthest_seen(cells: np.ndarray, at: int, terrain: Terrain) -> int:
    """The last of the cells on the way that a straight line reaches without leaving the raster's open links."""
    best, stride = at + 1, 1
    while best < len(cells) - 1:
        ahead = min(best + stride, len(cells) - 1)
        if not _straight(cells[at], cells[ahead], terrain):
            if stride == 1:
                break
            stride = 1
            continue
        best, stride = ahead, min(stride * 2, 16)
    return best


def _straight(p: np.ndarray, q: np.ndarray, terrain: Terrain) -> bool:
    ny, nx = terrain.kind.shape
    if not sees(p[0], p[1], q[0], q[1], terrain.segments, terrain.start, terrain.item, nx, ny, terrain.cell):
        return False
    n = max(int(np.hypot(*(q - p)) / (0.5 * terrain.cell)), 1)
    between = p + (q - p) * np.linspace(0, 1, n + 1)[:, None]
    column, row = (between / terrain.cell).astype(int).T
    return not np.any(terrain.kind[row, column] == RULED)
