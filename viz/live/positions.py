"""The newest position of every unit as columns, and the frames that viewers get of them.

A frame is little endian: ``THL1``, flags (uint32: 1 whole, 2 live), n (uint32), number (uint32), time of the picture
[s since 1970] (float64), number of slots that are gone (uint32), zero (uint32), then slots (n,) uint32, x, y [local
metres], age [s before the time of the picture], accuracy [m], heading [rad] (n,) float32 each with NaN for unknown, the
gone slots uint32, and state (n,) uint8 (0 free, 1 on a case, 2 neither). A frame carries what is new to its viewer;
``whole`` says to forget what came before. Names of slots travel as text, once each.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAGIC = b"THL1"
WHOLE, LIVE = 1, 2
FREE, ON_CASE, NEITHER = 0, 1, 2
FORGOTTEN_AFTER = 3600.0
"""Age at which a unit is drawn no longer [s]; until then it is shown grey, with its age."""
NEARBY_M = 150.0
"""What a unit in the field sees of the others [m]."""

_COLUMNS: dict[str, tuple[Any, float]] = {
    "_x": (np.float32, 0), "_y": (np.float32, 0), "_seen": (np.float64, -np.inf), "_accuracy": (np.float32, np.nan),
    "_heading": (np.float32, np.nan), "_state": (np.uint8, NEITHER), "_busy": (bool, False),
    "_in": (np.int32, -1), "_version": (np.int64, 0)}


class Positions:
    """Columns that grow: one slot a unit, in the order in which they were first heard of. Safe for several threads.

    ``version (n,) int64`` counts changes, so that a viewer can be given what is new to it.
    """

    _x: np.ndarray
    _y: np.ndarray
    _seen: np.ndarray
    _accuracy: np.ndarray
    _heading: np.ndarray
    _state: np.ndarray
    _busy: np.ndarray
    _in: np.ndarray
    _version: np.ndarray

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slot: dict[str, int] = {}
        self._sent: frozenset[str] = frozenset()
        self._grid: dict[str | None, int] = {}
        self.names: list[str] = []
        self.grids: list[str | None] = []
        self.clock = 0
        self._room(64)

    def _room(self, n: int) -> None:
        old = getattr(self, "_x", np.empty(0))
        if len(old) >= n and len(old):
            return
        size = max(64, int(n * 1.6))
        for name, (kind, fill) in _COLUMNS.items():
            column = np.full(size, fill, kind)
            kept = getattr(self, name, column[:0])
            column[:len(kept)] = kept
            setattr(self, name, column)

    def __len__(self) -> int:
        return len(self.names)

    def put(self, names: Sequence[str], x: Sequence[float], y: Sequence[float], seen: Sequence[float],
            accuracy: Sequence[float | None], grids: Sequence[str | None],
            headings: Sequence[float | None] | None = None, states: Sequence[int] | None = None) -> None:
        """Take reports in the order given: local metres, seconds since 1970. Older ones than known are passed over."""
        with self._lock:
            self.clock += 1
            slots = np.array([self._slot_of(name) for name in names], np.int64)
            observed = np.asarray(seen, float)
            order = np.argsort(observed, kind="stable")  # of several reports of one unit, the newest is written last
            order = order[observed[order] >= self._seen[slots[order]]]
            at = slots[order]
            self._x[at], self._y[at] = np.asarray(x, np.float32)[order], np.asarray(y, np.float32)[order]
            self._seen[at] = observed[order]
            self._accuracy[at] = _numbers(accuracy)[order]
            self._in[at] = np.array([self._grid_of(grid) for grid in grids], np.int32)[order]
            if headings is not None:
                self._heading[at] = _numbers(headings)[order]
            if states is not None:
                self._state[at] = np.asarray(states, np.uint8)[order]
            self._version[at] = self.clock

    def _slot_of(self, name: str) -> int:
        slot = self._slot.get(name)
        if slot is None:
            slot = self._slot[name] = len(self.names)
            self.names.append(name)
            self._room(len(self.names))
            self._busy[slot] = name in self._sent
        return slot

    def _grid_of(self, grid: str | None) -> int:
        number = self._grid.get(grid)
        if number is None:
            number = self._grid[grid] = len(self.grids)
            self.grids.append(grid)
        return number

    def put_on_cases(self, names: Iterable[str]) -> None:
        """Say which units are on a case now, known ones and those that are heard of later; all others are not."""
        with self._lock:
            self.clock += 1
            self._sent = frozenset(names)
            n = len(self.names)
            busy = np.fromiter((name in self._sent for name in self.names), bool, n)
            changed = busy != self._busy[:n]
            self._busy[:n] = busy
            self._version[:n][changed] = self.clock

    def copy(self) -> Positions:
        """The columns as they are now, for a picture that does not move on."""
        other = Positions.__new__(Positions)
        with self._lock:
            other.__dict__.update(self.__dict__)
            other._slot, other._grid = dict(self._slot), dict(self._grid)
            other.names, other.grids = list(self.names), list(self.grids)
            for name in _COLUMNS:
                setattr(other, name, getattr(self, name).copy())
        other._lock = threading.Lock()
        return other

    def place_of(self, name: str) -> tuple[float, float] | None:
        """Where a unit was last, local metres."""
        with self._lock:
            slot = self._slot.get(name)
            return None if slot is None else (float(self._x[slot]), float(self._y[slot]))

    def newest(self) -> float | None:
        """When the newest position was observed [s since 1970]."""
        n = len(self.names)
        return float(self._seen[:n].max()) if n else None


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float32)


@dataclass
class Look:
    """What one viewer has been given so far. ``sees`` says whether a grid (None: outside all) lies in its scope."""

    sees: Callable[[str | None], bool]
    version: int = -1
    number: int = 0
    shown: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    near: tuple[float, float] | None = None
    _sees: list[bool] = field(default_factory=list)

    def frame(self, positions: Positions, time_s: float, *, live: bool = True, whole: bool = False
              ) -> tuple[dict[str, str], bytes, np.ndarray] | None:
        """What is new to this viewer: names of new slots, the frame, and when each of its positions was observed
        (n,) [s since 1970]; None if nothing is new. A moment that is past is told even if nothing moved until then."""
        with positions._lock:
            n = len(positions)
            self._sees.extend(bool(self.sees(grid)) for grid in positions.grids[len(self._sees):])
            allowed = np.array(self._sees, bool)[positions._in[:n]] if n else np.zeros(0, bool)
            seen = positions._seen[:n]
            allowed = allowed & (time_s - seen < FORGOTTEN_AFTER)
            if self.near is not None and n:
                away = np.hypot(positions._x[:n] - self.near[0], positions._y[:n] - self.near[1])
                allowed = allowed & (away < NEARBY_M)
            before = np.zeros(n, bool)
            if not whole:
                before[:len(self.shown)] = self.shown[:n]
            chosen = np.flatnonzero(allowed & ((positions._version[:n] > self.version) | ~before))
            gone = np.flatnonzero(before & ~allowed)
            columns = [part[:n][chosen].astype("<f4") for part in (positions._x, positions._y)]
            columns.append((time_s - seen[chosen]).astype("<f4"))
            columns += [part[:n][chosen].astype("<f4") for part in (positions._accuracy, positions._heading)]
            states = np.where(positions._busy[:n], np.uint8(ON_CASE), positions._state[:n])[chosen]
            observed = seen[chosen]
            self.version = positions.clock
        names = {str(slot): positions.names[slot] for slot in chosen[~before[chosen]].tolist()}
        self.shown = allowed
        if live and not whole and not len(chosen) and not len(gone):
            return None
        self.number += 1
        head = MAGIC + struct.pack("<IIIdII", WHOLE * whole | LIVE * live, len(chosen), self.number, time_s, len(gone), 0)
        body = [chosen.astype("<u4"), *columns, gone.astype("<u4"), states]
        return names, head + b"".join(part.tobytes() for part in body), observed


def everywhere(_grid: str | None) -> bool:
    """The scope of who may see every grid."""
    return True


def nowhere(_grid: str | None) -> bool:
    """The scope of who may see nothing."""
    return False


def within(grids: Iterable[str]) -> Callable[[str | None], bool]:
    """The scope of who may see these grids only; what lies outside all grids is not seen."""
    allowed = frozenset(grids)
    return lambda grid: grid in allowed


__all__ = ["FORGOTTEN_AFTER", "FREE", "NEARBY_M", "NEITHER", "ON_CASE", "Look", "Positions", "everywhere", "nowhere", "within"]
