"""The time at which observations are received. It never runs backwards while Hutong runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

JUMP_S = 5.0


class Clock:
    """The wall clock, held where it would jump back.

    A jump forward (a machine that slept, a clock that was set) is followed. After a jump back the time goes on from
    where it was, and :attr:`trouble` says so until the wall clock has caught up.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()
        self._behind_s = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time now, UTC."""
        with self._lock:
            ahead = self._wall() - self._steady()
            self._behind_s = self._ahead - ahead
            self._ahead = max(self._ahead, ahead)
            return datetime.fromtimestamp(self._ahead + self._steady(), UTC)

    @property
    def trouble(self) -> str | None:
        """What is wrong with the clock of this machine."""
        if self._behind_s < JUMP_S:
            return None
        return f"the clock of this machine jumped back by {self._behind_s:.0f} s; time goes on from before the jump"
