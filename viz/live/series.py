"""The curves under the picture: people counted, units on shift and open cases, minute by minute."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable

import numpy as np

from twin.cases import Case
from twin.live.row import Row

BUCKET_S = 60
HELD_BUCKETS = 5
"""A camera that falls silent counts on with its last number for so many minutes."""


class Series:
    """Minute by minute: the last count of every camera and how many units reported. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[int, dict[str, tuple[int, int]]] = {}
        self._grid: dict[str, str | None] = {}
        self._units: dict[int, int] = {}
        self._heard: dict[str, int] = {}

    def take(self, rows: Iterable[Row]) -> None:
        """Take reports in any order."""
        with self._lock:
            for row in rows:
                minute = row.observed_at // (BUCKET_S * 1_000_000)
                if row.kind == "crowd":
                    people = json.loads(row.value).get("people_count")
                    cameras = self._counts.setdefault(minute, {})
                    if people is not None and row.observed_at >= cameras.get(row.object, (0, 0))[0]:
                        cameras[row.object] = (row.observed_at, int(people))
                        self._grid[row.object] = row.grid
                elif row.kind == "position" and self._heard.get(row.object) != minute:
                    self._heard[row.object] = minute
                    self._units[minute] = self._units.get(minute, 0) + 1

    def forget(self, before_s: float) -> None:
        """Drop what is older than a moment [s since 1970]."""
        with self._lock:
            self._counts = {m: counts for m, counts in self._counts.items() if m * BUCKET_S >= before_s}
            self._units = {m: units for m, units in self._units.items() if m * BUCKET_S >= before_s}

    def people(self, since_s: float, until_s: float, grids: Collection[str] | None = None,
               camera: str | None = None) -> np.ndarray:
        """People counted in each minute of a span (k,) float64, NaN where no camera counted."""
        first, last = int(since_s // BUCKET_S), int(until_s // BUCKET_S)
        out = np.full(max(last - first + 1, 0), np.nan)
        held: dict[str, tuple[int, int]] = {}  # camera -> count, minute
        with self._lock:
            for minute in range(first - HELD_BUCKETS, last + 1):
                for name, (_, people) in self._counts.get(minute, {}).items():
                    if (camera is None or name == camera) and (grids is None or self._grid.get(name) in grids):
                        held[name] = (people, minute)
                alive = [people for people, heard in held.values() if minute - heard < HELD_BUCKETS]
                if alive and minute >= first:
                    out[minute - first] = sum(alive)
        return out

    def trends(self, now_s: float) -> dict[str, int]:
        """Whether each camera counts more (1), as many (0) or fewer (-1) people than five minutes before."""
        minute = int(now_s // BUCKET_S)
        with self._lock:
            def last(first: int) -> dict[str, int]:
                found: dict[str, int] = {}
                for m in range(first - HELD_BUCKETS + 1, first + 1):
                    found.update({name: people for name, (_, people) in self._counts.get(m, {}).items()})
                return found
            after, before = last(minute), last(minute - 5)
        return {name: (abs(people - before[name]) > max(2, 0.15 * before[name])) * (1 if people > before[name] else -1)
                for name, people in after.items() if name in before}

    def units(self, since_s: float, until_s: float) -> np.ndarray:
        """Units that reported in each minute of a span (k,) float64."""
        first, last = int(since_s // BUCKET_S), int(until_s // BUCKET_S)
        with self._lock:
            return np.array([self._units.get(minute, 0) for minute in range(first, last + 1)], float)


def open_cases(cases: Iterable[Case], since_s: float, until_s: float) -> np.ndarray:
    """Cases that were open at the end of each minute of a span (k,) float64."""
    first, last = int(since_s // BUCKET_S), int(until_s // BUCKET_S)
    ends = (np.arange(first, last + 1) + 1.0) * BUCKET_S
    rows = list(cases)
    opened = np.sort([case.reported_at.timestamp() for case in rows])
    over = np.sort([end.timestamp() for case in rows if (end := case.closed_at or case.merged_at) is not None])
    return (np.searchsorted(opened, ends, side="right") - np.searchsorted(over, ends, side="right")).astype(float)
