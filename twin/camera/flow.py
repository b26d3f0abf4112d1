"""How fast a dense crowd moves: corners followed from frame to frame (KLT), read on the plane of chests."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.camera.detector import Picture
from twin.camera.lens import Lens

CHEST_M = 1.3
"""Corners sit on heads and shoulders, not on the ground: they are read on this plane [m]."""
_STRIDE_S, _WINDOW_S = 0.6, 5.0
_CELL_M = 0.75
_CORNERS = 300
_MOVING, _TOO_FAST = 0.08, 4.0


class CrowdFlow:
    """Mean speed of what moves in a region, over the last five seconds (Lucas-Kanade with pyramids, checked backwards)."""

    def __init__(self, lens: Lens, rate: float, region: shapely.Polygon) -> None:
        self._lens, self._region, self._rate = lens, region, rate
        self._stride = max(round(_STRIDE_S * rate), 1)
        self._before: NDArray[np.uint8] | None = None
        self._tracks: NDArray[np.float32] = np.empty((0, self._stride + 1, 2), np.float32)
        self._age: NDArray[np.int64] = np.empty(0, np.int64)
        self._speeds: deque[tuple[int, float, int]] = deque()
        self._mask = _seen_region(lens, region)

    def step(self, frame: int, picture: Picture) -> tuple[float, float]:
        """Mean speed and its standard error [m/s] after a picture (h, w, 3); NaN while nothing was followed."""
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._before is not None and len(self._tracks):
            self._follow(grey)
            self._note(frame)
        if len(self._tracks) < _CORNERS // 2:
            self._begin(grey)
        self._before = grey
        while self._speeds and self._speeds[0][0] <= frame - _WINDOW_S * self._rate:
            self._speeds.popleft()
        if not self._speeds:
            return float("nan"), float("nan")
        speeds, cells = np.array([s[1] for s in self._speeds]), np.array([s[2] for s in self._speeds])
        mean = float(np.average(speeds, weights=cells))
        independent = max(len(speeds) / self._stride, 1.0)
        return mean, float(np.sqrt((speeds.std() / np.sqrt(independent)) ** 2 + (0.05 * mean) ** 2 + 0.02**2))

    def _follow(self, grey: NDArray[np.uint8]) -> None:
        here = np.ascontiguousarray(self._tracks[:, -1:])
        there, good = _followed(self._before, grey, here)
        back, again = _followed(grey, self._before, there)
        kept = (good.ravel() == 1) & (again.ravel() == 1) & (np.abs(back - here).max(axis=(1, 2)) < 0.8)
        kept &= self._lens.inside(there[:, 0], 2.0)
        self._tracks = np.concatenate([self._tracks[kept, 1:], there[kept]], axis=1)
        self._age = self._age[kept] + 1

    def _note(self, frame: int) -> None:
        whole = self._age >= self._stride
        if not whole.any():
            return
        a, b = (self._lens.ground(self._tracks[whole, k], CHEST_M) for k in (0, -1))
        middle = (a + b) / 2
        speed = np.hypot(*(b - a).T) / (self._stride / self._rate)
        used = shapely.contains_xy(self._region, middle[:, 0], middle[:, 1]) & (speed < _TOO_FAST)
        used &= (speed > _MOVING) | self._on_people(middle, speed)
        if not used.any():
            return
        cell = np.floor(middle[used] / _CELL_M).astype(int)
        _, which = np.unique(cell, axis=0, return_inverse=True)
        which = which.ravel()
        medians = [float(np.median(speed[used][which == k])) for k in range(which.max() + 1)]
        self._speeds.append((frame, float(np.mean(medians)), len(medians)))

    def _on_people(self, middle: NDArray[np.float64], speed: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether corners that stand still are taken for standing people: only where others move beside them."""
        return np.zeros(len(speed), bool) if not (speed > _MOVING).any() else np.array(
            [(np.hypot(*(middle[speed > _MOVING] - m).T) < 1.0).any() for m in middle], bool)

    def _begin(self, grey: NDArray[np.uint8]) -> None:
        free = self._mask.copy()
        for u, v in self._tracks[:, -1].round().astype(int):
            cv2.circle(free, (int(u), int(v)), 4, 0, -1)
        corners = cv2.goodFeaturesToTrack(grey, _CORNERS - len(self._tracks), 0.01, 5, mask=free)
        if corners is None:
            return
        fresh = np.repeat(corners.astype(np.float32), self._stride + 1, axis=1)
        self._tracks = np.concatenate([self._tracks, fresh])
        self._age = np.concatenate([self._age, np.zeros(len(fresh), np.int64)])


def _followed(before: Any, after: Any, corners: Any) -> tuple[Any, Any]:
    """Where corners (n, 1, 2) of one picture are in the next, and which were found."""
    there, good, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None, winSize=(15, 15), maxLevel=3)  # type: ignore[call-overload]
    return there, good


def _seen_region(lens: Lens, region: shapely.Polygon) -> NDArray[np.uint8]:
    """The picture's mask (h, w) of what the region's people fill, chest high."""
    ring = shapely.get_coordinates(region.exterior.segmentize(max(region.length / 100, 0.2)))
    at = lens.pixels(np.c_[ring, np.full(len(ring), CHEST_M)])
    mask = np.zeros((lens.size[1], lens.size[0]), np.uint8)
    at = at[np.isfinite(at).all(axis=1)]
    if len(at) >= 3:
        cv2.fillPoly(mask, [at.round().astype(np.int32).clip(-4000, 20000)], 255)
    return mask
