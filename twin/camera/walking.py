"""How fast people walk: displacement over one second, averaged over five."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import shapely

from twin.camera.lens import Array
from twin.camera.tracker import Present

STRIDE_S = 1.0
"""A speed is the displacement over this time: shorter ones measure the jitter of boxes."""
WINDOW_S = 5.0


@dataclass
class WalkingSpeed:
    """Mean walking speed in a region over the last five seconds, frames in order."""

    region: shapely.Polygon
    rate: float
    _before: deque[dict[int, Array]] = field(default_factory=deque)
    _speeds: deque[tuple[int, Array]] = field(default_factory=deque)

    def step(self, frame: int, present: Present) -> tuple[float, float]:
        """Mean speed and its standard error [m/s] at a frame; NaN where nobody walked through the region."""
        lag = max(round(STRIDE_S * self.rate), 1)
        now = {int(n): p for n, p in zip(present.numbers, present.places, strict=True)}
        self._before.append(now)
        if len(self._before) > lag + 1:
            self._before.popleft()
        if len(self._before) == lag + 1:
            then = self._before[0]
            both = [n for n in now if n in then]
            if both:
                a, b = np.array([then[n] for n in both]), np.array([now[n] for n in both])
                middle = (a + b) / 2
                inside = shapely.contains_xy(self.region, middle[:, 0], middle[:, 1])
                if inside.any():
                    self._speeds.append((frame, np.hypot(*(b - a)[inside].T) / (lag / self.rate)))
        while self._speeds and self._speeds[0][0] <= frame - WINDOW_S * self.rate:
            self._speeds.popleft()
        if not self._speeds:
            return float("nan"), float("nan")
        every = np.concatenate([s for _, s in self._speeds])
        people = len(every) / (len(self._speeds) or 1)
        # sightings of one person are alike: the error goes with people and seconds, not with frames
        independent = max(people * len(self._speeds) / (self.rate * STRIDE_S), 1.0)
        return float(every.mean()), float(every.std() / np.sqrt(independent))


def walking_speeds(people: pd.DataFrame, region: shapely.Polygon, rate: float, frames: int) -> Array:
    """Mean walking speeds (frames,) [m/s] of a table with ``frame``, ``id``, ``x``, ``y``: what a perfect camera would say."""
    measure, said = WalkingSpeed(region, rate), np.full(frames, np.nan)
    groups = {int(k): g for k, g in people.groupby("frame")}
    nobody = Present(np.empty(0, np.int64), np.empty((0, 2)), np.empty((0, 2)))
    for frame in range(frames):
        g = groups.get(frame)
        here = nobody if g is None else Present(g["id"].to_numpy(np.int64), g[["x", "y"]].to_numpy(), np.zeros((len(g), 2)))
        said[frame] = measure.step(frame, here)[0]
    return said
