"""Crowd pressure and stop-and-go, with what a camera's own jitter fakes taken away.

Pressure is density times the variance of the velocities (Helbing, Johansson & Al-Abideen 2007), in 1/s2. Places that
jitter by 5 cm over a second fake 0.04 at 4 /m2: the floor is taken off, and the figure is shown only above 2 /m2. It
never raises an alarm by itself.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from twin.camera.lens import Array

SHOWN_ABOVE = 2.0
"""People per m2."""
JITTER_M = 0.05
STRIDE_S = 1.0
_WINDOW_S = 20.0
_STANDING, _WALKING = 0.15, 0.4
"""A crowd stands below the one and walks above the other [m/s]."""


class Motion(NamedTuple):
    """Crowd pressure [1/s2], NaN where it is not shown, and whether the crowd stops and goes."""

    pressure: float
    stop_and_go: bool


def crowd_pressure(density: float, velocities: Array, jitter_m: float = JITTER_M, stride_s: float = STRIDE_S) -> float:
    """Pressure [1/s2] of a density [1/m2] and velocities (n, 2) [m/s] without the floor that jitter of places makes.

    Each component of a velocity taken over ``stride_s`` carries a variance of ``2 (jitter / stride)^2``; both are
    taken off. NaN below ``SHOWN_ABOVE`` and for fewer than five people.
    """
    if not density > SHOWN_ABOVE or len(velocities) < 5:
        return float("nan")
    variance = float(np.var(velocities, axis=0, ddof=1).sum())
    return density * max(variance - 4 * (jitter_m / stride_s) ** 2, 0.0)


class CrowdMotion:
    """Pressure now, and whether speed fell to a stand and rose again at least twice in the last 20 s."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._standing: bool | None = None
        self._turns: deque[int] = deque()

    def step(self, frame: int, density: float, velocities: Array, speed: float) -> Motion:
        """Take in a frame's density [1/m2], velocities (n, 2) and mean speed [m/s]."""
        if speed < _STANDING or speed > _WALKING:
            now = speed < _STANDING
            if self._standing is not None and now != self._standing:
                self._turns.append(frame)
            self._standing = now
        while self._turns and self._turns[0] < frame - _WINDOW_S * self._rate:
            self._turns.popleft()
        return Motion(crowd_pressure(density, velocities), len(self._turns) >= 3)
