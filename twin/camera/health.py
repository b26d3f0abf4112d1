"""Whether a camera can be believed: frozen, dark, covered, moved, or slower than it should be."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.camera.detector import Picture

Trouble = Literal["frozen", "dark", "covered", "moved", "slow"]
_SIDE = (160, 120)
_FROZEN_S, _DARK_S, _COVERED_S, _MOVED_S, _SLOW_S = 3.0, 2.0, 3.0, 3.0, 10.0
_CHANGED, _DARK_LEVEL, _FLAT = 0.15, 18.0, 6.0
_SHIFT_PX = 2.5
_SLOW = 0.5


@dataclass(frozen=True)
class HealthChange:
    """A trouble began (``on``) or ended, at a time [s]; ``reading`` is what was measured."""

    trouble: Trouble
    on: bool
    time_s: float
    reading: float

    def as_dict(self) -> dict[str, Any]:
        """The change as plain values."""
        return asdict(self)


class Health:
    """Looks at small grey copies of the pictures; of them only a running mean is kept, in memory."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._last: NDArray[np.float32] | None = None
        self._mean: NDArray[np.float32] | None = None
        self._home: NDArray[np.float32] | None = None
        self._since: dict[Trouble, float] = {}
        self._times: deque[float] = deque()
        self.troubles: set[Trouble] = set()

    def step(self, time_s: float, picture: Picture) -> list[HealthChange]:
        """Look at a picture (h, w, 3) taken at a time [s]; what began or ended."""
        small = cv2.resize(picture, _SIDE, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
        level, spread = float(grey.mean()), float(grey.std())
        dark, flat = level < _DARK_LEVEL, spread < _FLAT
        moving = float(np.abs(grey - self._last).mean()) if self._last is not None else 1.0
        self._last = grey
        found: list[HealthChange] = []
        found += self._judge("frozen", moving < _CHANGED, _FROZEN_S, time_s, moving)
        found += self._judge("dark", dark, _DARK_S, time_s, level)
        found += self._judge("covered", flat and not dark, _COVERED_S, time_s, spread)
        shift = 0.0 if dark or flat else self._shift(grey)
        found += self._judge("moved", shift > _SHIFT_PX, _MOVED_S, time_s, shift)
        found += self._pace(time_s)
        return found

    def _shift(self, grey: NDArray[np.float32]) -> float:
        """How far [px of the small copy] the still part of the view has shifted since the beginning."""
        if self._mean is None or self._home is None:
            self._mean = self._home = grey.copy()
            return 0.0
        self._mean = 0.9 * self._mean + 0.1 * grey
        edges, home = _edges(self._mean), _edges(self._home)
        (dx, dy), sure = cv2.phaseCorrelate(home, edges)
        if sure < 0.05:  # nothing in common with the view at the beginning: it looks elsewhere
            return float(max(np.hypot(dx, dy), 99.0))
        shift = float(np.hypot(dx, dy))
        if shift < 0.5 and "moved" not in self.troubles:
            self._home = 0.995 * self._home + 0.005 * grey  # light changes slowly
        return shift

    def _pace(self, time_s: float) -> list[HealthChange]:
        self._times.append(time_s)
        while self._times[0] < time_s - 5.0:
            self._times.popleft()
        span = self._times[-1] - self._times[0]
        if span < 3.0:
            return []
        pace = (len(self._times) - 1) / span
        return self._judge("slow", pace < _SLOW * self._rate, _SLOW_S - 5.0, time_s, pace)

    def _judge(self, trouble: Trouble, bad: bool, dwell_s: float, time_s: float, reading: float) -> list[HealthChange]:
        if bad == (trouble in self.troubles):
            self._since.pop(trouble, None)
            return []
        since = self._since.setdefault(trouble, time_s)
        if time_s - since < dwell_s:
            return []
        del self._since[trouble]
        (self.troubles.add if bad else self.troubles.discard)(trouble)
        return [HealthChange(trouble, bad, time_s, reading)]


def _edges(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.asarray(np.minimum(cv2.magnitude(across, down), 80.0) * _WINDOW, np.float32)


_WINDOW = np.outer(np.hanning(_SIDE[1]), np.hanning(_SIDE[0])).astype(np.float32)
