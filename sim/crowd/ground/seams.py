"""Passing from one storey's copy of a flight of stairs to the other's, and seeing across.

A person who is beyond the seam on one copy is moved to the same place of the other: heading, speed and id stay. For
a step, people within sight of a seam stand on the other copy too, as ghosts: rows that are seen and pushed like
anybody, go straight on, and are gone after the step. So nobody overlaps across a seam.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from numba import njit

from sim.crowd.ground.storeys import Seam
from sim.crowd.step.columns import GHOST, INTEGERS, MODE, REALS, SIGHT, X, Y


class Seams:
    """The seams of a ground as arrays; coordinates are local metres from the ground's origin."""

    def __init__(self, seams: Iterable[Seam], origin: np.ndarray) -> None:
        seams = list(seams)
        rings = [shapely.get_coordinates(copy.exterior) - origin for seam in seams for copy in (seam.below, seam.above)]
        self._rings = np.concatenate([np.empty((0, 2)), *rings])
        self._starts = np.cumsum([0, *map(len, rings)]).astype(np.int64)
        self._boxes = np.array([[*ring.min(0), *ring.max(0)] for ring in rings]).reshape(-1, 4)
        self._lines = np.array([[*(np.array(seam.point) - origin), *seam.up, *seam.shift] for seam in seams]).reshape(-1, 6)

    def __len__(self) -> int:
        return len(self._lines)

    def ghosts(self, R: np.ndarray, Z: np.ndarray, n: int) -> int:
        """How many ghosts the n people of the columns have."""
        return int(_haunt(R, Z, n, self._lines, self._starts, self._boxes, self._rings, False))

    def haunt(self, R: np.ndarray, Z: np.ndarray, n: int) -> int:
        """Put the ghosts behind the n people; gives how many rows there are with them."""
        return n + int(_haunt(R, Z, n, self._lines, self._starts, self._boxes, self._rings, True))

    def settle(self, R: np.ndarray, Z: np.ndarray, n: int) -> int:
        """Take the ghosts out of n rows and move who has passed a seam; gives how many people there are."""
        return int(_settle(R, Z, n, self._lines, self._starts, self._boxes, self._rings))


@njit(cache=True, fastmath=False, error_model="numpy")
def _on(x: float, y: float, copy: int, starts: np.ndarray, boxes: np.ndarray, rings: np.ndarray) -> bool:
    """Whether (x, y), at the lower place, is on a copy of a flight: ring 2 s is the lower one of seam s, 2 s + 1 the upper."""
    if x < boxes[copy, 0] or y < boxes[copy, 1] or x > boxes[copy, 2] or y > boxes[copy, 3]:
        return False
    inside = False
    for k in range(starts[copy], starts[copy + 1] - 1):
        ax, ay, bx, by = rings[k, 0], rings[k, 1], rings[k + 1, 0], rings[k + 1, 1]
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


@njit(cache=True, fastmath=False, error_model="numpy")
def _up(x: float, y: float, line: np.ndarray) -> float:
    """How far (x, y), at the lower place, is up from a seam [m]."""
    return (x - line[0]) * line[2] + (y - line[1]) * line[3]


@njit(cache=True, fastmath=False, error_model="numpy")
def _haunt(R: np.ndarray, Z: np.ndarray, n: int, lines: np.ndarray, starts: np.ndarray, boxes: np.ndarray,
           rings: np.ndarray, fill: bool) -> int:
    """Count the ghosts of n people, or write their rows from n on."""
    count = 0
    for i in range(n):
        x, y = np.float64(R[X, i]), np.float64(R[Y, i])
        for s in range(len(lines)):
            dx, dy = lines[s, 4], lines[s, 5]
            if _on(x, y, 2 * s, starts, boxes, rings) and -SIGHT < _up(x, y, lines[s]) <= 0.0:
                side = 1
            elif _on(x - dx, y - dy, 2 * s + 1, starts, boxes, rings) and 0.0 < _up(x - dx, y - dy, lines[s]) < SIGHT:
                side = -1
            else:
                continue
            if fill:
                k = n + count
                for q in range(REALS):
                    R[q, k] = R[q, i]
                for q in range(INTEGERS):
                    Z[q, k] = Z[q, i]
                R[X, k] = np.float32(x + side * dx)
                R[Y, k] = np.float32(y + side * dy)
                Z[MODE, k] |= GHOST
            count += 1
    return count


@njit(cache=True, fastmath=False, error_model="numpy")
def _settle(R: np.ndarray, Z: np.ndarray, n: int, lines: np.ndarray, starts: np.ndarray, boxes: np.ndarray,
            rings: np.ndarray) -> int:
    """Close the gaps that ghosts leave in n rows, and move who has passed a seam; gives how many people there are."""
    k = 0
    for i in range(n):
        if Z[MODE, i] & GHOST:
            continue
        if k != i:
            for q in range(REALS):
                R[q, k] = R[q, i]
            for q in range(INTEGERS):
                Z[q, k] = Z[q, i]
        x, y = np.float64(R[X, k]), np.float64(R[Y, k])
        for s in range(len(lines)):
            dx, dy = lines[s, 4], lines[s, 5]
            if _on(x, y, 2 * s, starts, boxes, rings) and _up(x, y, lines[s]) > 0.0:
                R[X, k], R[Y, k] = np.float32(x + dx), np.float32(y + dy)
                break
            if _on(x - dx, y - dy, 2 * s + 1, starts, boxes, rings) and _up(x - dx, y - dy, lines[s]) <= 0.0:
                R[X, k], R[Y, k] = np.float32(x - dx), np.float32(y - dy)
                break
        k += 1
    return k
