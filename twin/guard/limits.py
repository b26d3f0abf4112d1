"""Rate limits: buckets that fill with time and are emptied by asking."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000
"""Buckets that are remembered; whoever was quiet longest is forgotten first, and by then their bucket is full."""


class Rate:
    """Everybody may do ``burst`` things at once and ``per_s`` a second in the long run."""

    def __init__(self, burst: float, per_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self.burst, self.per_s, self._now = burst, per_s, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str) -> float:
        """Do one thing: 0 if it is allowed now, else the seconds to wait."""
        with self._lock:
            left = self._now_left(who)
            if left >= 1:
                self._put(who, left - 1)
                return 0.0
            self._put(who, left)
            return (1 - left) / self.per_s

    def give_back(self, who: str) -> None:
        """It does not count after all."""
        with self._lock:
            self._put(who, min(self.burst, self._now_left(who) + 1))

    def _now_left(self, who: str) -> float:
        left, at = self._left.get(who, (self.burst, 0.0))
        return min(self.burst, left + (self._now() - at) * self.per_s) if who in self._left else self.burst

    def _put(self, who: str, left: float) -> None:
        self._left[who] = (left, self._now())
        self._left.move_to_end(who)
        while len(self._left) > MOST:
            self._left.popitem(last=False)
