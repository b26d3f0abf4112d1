"""Companies: people who walk together, wait for each other, and do not lose each other at a door.

A company walks at the pace of its slowest member. Who is ahead of its tail, counted along the way to the goal, slows
down a little so that the others come up beside; who is far ahead dawdles, then steps aside where there is room and
waits for the tail; who is behind walks as fast as they can alone. Waiting is bounded: somebody who does not come up
within :data:`PATIENCE` is left behind, and belongs to the company again once they have caught up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.crowd.ground.sight import in_sight
from sim.crowd.people import Crowd
from sim.crowd.step.columns import BEST, FREE, HOLD, HX, HY, ID, LEFT, LOST, MODE, NEVER, STAND, STATE, X, Y

PERIOD = 1.0
"""Time between two looks at each other [s]."""
FILE = 0.7
"""Length of way that each member takes where a company has to walk in single file [m]."""
BESIDE = 0.3
"""Members this far ahead or behind count as walking abreast [m]."""
EASE = 0.9
"""Factor of the pace of members who are ahead within the length of a file, so that the others come up beside."""
REACH = 3.0
"""Beyond the length of a file, members who are ahead slow down over this way until they dawdle [m]."""
DAWDLE = 0.2
"""Factor of the pace of somebody who waits but has no place to stand out of the way."""
PATIENCE = 60.0
"""A company waits no longer than this for its tail [s]."""
ASIDE = 1.0
"""Somebody who has dawdled so long looks for a place beside the way [s]."""
SPREAD_STEP = 0.25
"""Width of a bin of the distribution of spreads [m]."""
BINS = 400
SPOTS = ((1.0, 3.5), (1.0, 2.5), (1.0, 1.5))
"""Places beside the way, metres ahead and to the side, in the order in which they are tried."""

APART, WAITING, STOOD_ASIDE, BEHIND = 1, 2, 4, 8
"""Marks of a person: farther ahead than a file; waits; stands beside the way; has been left behind."""


class Companies:
    """Everybody's company, by person number; persons may come into the crowd and leave it at any time.

    ``company (n,)`` number of each person's company, negative for who walks alone; ``pace (n,)`` the free speed in
    company and ``brisk (n,)`` alone [m/s].
    """

    def __init__(self, company: np.ndarray, pace: np.ndarray, brisk: np.ndarray) -> None:
        known = np.asarray(company, np.int64)
        sizes = np.bincount(known[known >= 0], minlength=1)
        numbers = np.cumsum(sizes > 1) - 1
        self.company = np.where((known >= 0) & (sizes[known] > 1), numbers[known], -1).astype(np.int32)
        self.count = int((sizes > 1).sum())
        self.pace, self.brisk = np.asarray(pace, np.float32), np.maximum(brisk, pace).astype(np.float32)
        self.onward = np.zeros(len(known), np.float32)
        """What each has to go beyond the goal that they are sent to now, such as from a gate on to the exit [m]."""
        self.marks = np.zeros(len(known), np.uint8)
        self.waited_s = np.zeros(len(known), np.float32)
        self.waits = np.zeros(len(known), np.int32)
        """How often each began to wait."""
        self.left_behind = np.zeros(len(known), np.int32)
        """How often each was waited for in vain."""
        self._spell = np.zeros(len(known), np.float32)
        self._patience = np.zeros(self.count, np.float32)
        self._kept = np.zeros(len(known), np.float32)
        self._spreads = np.zeros(BINS, np.int64)
        self._next = 0.0

    def keep_together(self, crowd: Crowd, person_of: np.ndarray) -> None:
        """Let companies look at each other, if it is time; ``person_of`` gives the person's number by id."""
        if not self.count or not crowd.n or crowd.time < self._next - 1e-9:
            return
        self._next = crowd.time + PERIOD
        R, Z = crowd.columns
        rows = _members(Z, person_of, self.company)
        if not len(rows):
            return
        _look(rows, R, Z, person_of, self.company, self.count, self.pace, self.brisk, self.onward, self.marks,
              self.waited_s, self.waits, self.left_behind, self._spell, self._patience, self._kept, self._spreads)
        person = person_of[Z[ID, rows]]
        stands = (self.marks[person] & STOOD_ASIDE) != 0
        waits = (self.marks[person] & WAITING) != 0
        back = rows[stands & ~waits]
        if len(back):
            self.marks[person[stands & ~waits]] &= ~np.uint8(STOOD_ASIDE)
            crowd.release(np.sort(Z[ID, back]))
        aside = np.flatnonzero(waits & ~stands & (self._spell[person] >= ASIDE))
        if len(aside):
            self._step_aside(crowd, rows[aside], person[aside])

    def _step_aside(self, crowd: Crowd, rows: np.ndarray, person: np.ndarray) -> None:
        """Send who waits to a free place beside the way, the farther the better; who finds none dawdles on."""
        R, Z = crowd.columns
        spots = _beside(crowd, R[X:Y + 1, rows].T.astype(float) + crowd.ground.origin, R[HX:HY + 1, rows].T.astype(float))
        found = np.isfinite(spots[:, 0])
        self._spell[person[~found]] = 0.0  # they ask again a little later
        self._kept[person[found]] = R[LEFT, rows[found]] + self.onward[person[found]]
        self.marks[person[found]] |= STOOD_ASIDE
        order = np.argsort(Z[ID, rows[found]])
        if len(order):
            crowd.stand_at(Z[ID, rows[found]][order].astype(np.int64), spots[found][order])

    def forget(self, persons: np.ndarray) -> None:
        """Somebody else tells these people where to stand from now on, or they are gone."""
        self.marks[persons] = 0
        self._spell[persons] = 0

    @property
    def spread_mean(self) -> float:
        """Mean over time and companies of the way between the first and the last of a company [m]; NaN for none."""
        total = self._spreads.sum()
        return float(((np.arange(BINS) + 0.5) * SPREAD_STEP * self._spreads).sum() / total) if total else float("nan")

    def spread_below(self, percent: float) -> float:
        """Spread that companies keep below in so many of a hundred looks [m]; NaN if there was none."""
        total = self._spreads.sum()
        at = int(np.searchsorted(np.cumsum(self._spreads), total * percent / 100))
        return float((at + 1) * SPREAD_STEP) if total else float("nan")


def _beside(crowd: Crowd, xy: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """A free place beside the way of each of some people at (n, 2) who walk along unit vectors (n, 2), to the right if
    both sides are as good: (n, 2), NaN where there is none."""
    right = np.column_stack([heading[:, 1], -heading[:, 0]])
    tries = [xy + along * heading + side * across * right for along, across in SPOTS for side in (1, -1)]
    out = np.full(xy.shape, np.nan)
    for spots in tries:
        rows = np.flatnonzero(np.isnan(out[:, 0]) & heading.any(axis=1))
        rows = rows[crowd.ground.inside(spots[rows])]
        rows = rows[in_sight(crowd.ground, xy[rows], spots[rows])]
        rows = rows[crowd.ground.wall_distance(spots[rows]) >= 0.35] if len(rows) else rows
        rows = rows[crowd.fits(spots[rows], 0.4)] if len(rows) else rows
        out[rows] = spots[rows]
    return out


@njit(cache=True, fastmath=False, error_model="numpy")
def _members(Z: np.ndarray, person_of: np.ndarray, company: np.ndarray) -> np.ndarray:
    """Rows of the people who are in a company: (m,) int64."""
    rows = np.empty(Z.shape[1], np.int64)
    m = 0
    for row in range(Z.shape[1]):
        if company[person_of[Z[ID, row]]] >= 0:
            rows[m] = row
            m += 1
    return rows[:m]


@njit(cache=True, fastmath=False, error_model="numpy")
def _look(rows: np.ndarray, R: np.ndarray, Z: np.ndarray, person_of: np.ndarray, company: np.ndarray, count: int,
          pace: np.ndarray, brisk: np.ndarray, onward: np.ndarray, marks: np.ndarray, waited: np.ndarray, waits: np.ndarray,
          left_behind: np.ndarray, spell: np.ndarray, patience: np.ndarray, kept: np.ndarray, spreads: np.ndarray) -> None:
    """One look of everybody at their company: sets free speeds and marks."""
    far = np.float32(1e9)
    tail, front = np.full(count, -far), np.full(count, far)
    last = np.full(count, -1, np.int64)
    size, waiting = np.zeros(count, np.int32), np.zeros(count, np.bool_)
    togo = np.full(len(rows), -far, np.float32)
    for k in range(len(rows)):
        row = rows[k]
        person = person_of[Z[ID, row]]
        aside = marks[person] & STOOD_ASIDE
        busy = (Z[MODE, row] & STAND and not aside) or Z[STATE, row] & LOST
        if busy or (R[BEST, row] >= NEVER and not aside):
            continue  # queues, cannot get there, or has not looked at the way yet
        togo[k] = kept[person] if aside else max(R[LEFT, row], np.float32(0)) + onward[person]
        c = company[person]
        front[c] = min(front[c], togo[k])
        if marks[person] & BEHIND:
            continue
        size[c] += 1
        if togo[k] > tail[c]:
            tail[c], last[c] = togo[k], person
    for k in range(len(rows)):
        row = rows[k]
        person = person_of[Z[ID, row]]
        c = company[person]
        if togo[k] == -far or Z[MODE, row] & HOLD:
            continue
        if marks[person] & BEHIND:
            R[FREE, row] = brisk[person]
            if togo[k] <= tail[c] + np.float32(FILE):
                marks[person] &= ~np.uint8(BEHIND)  # caught up
            continue
        file = np.float32(FILE) * (size[c] - 1)
        ahead, behind = tail[c] - togo[k], togo[k] - front[c]
        beyond = ahead - file - np.float32(1)
        free = pace[person]
        if beyond > 0:
            free *= max(np.float32(EASE) * (np.float32(1) - beyond / np.float32(REACH)), np.float32(DAWDLE))
        elif ahead > BESIDE:
            free *= np.float32(1) - np.float32(1 - EASE) * min(ahead - np.float32(BESIDE), np.float32(1))
        elif behind > BESIDE:
            free = brisk[person]
        R[FREE, row] = free
        if beyond >= REACH and not marks[person] & WAITING:
            marks[person] |= WAITING
            waits[person] += 1
            spell[person] = 0
        elif beyond <= 0 and marks[person] & WAITING:
            marks[person] &= ~np.uint8(WAITING)
        if marks[person] & WAITING:
            waiting[c] = True
            spell[person] += np.float32(PERIOD)
            waited[person] += np.float32(PERIOD)
    for c in range(count):
        if size[c] > 1:
            spreads[min(int((tail[c] - front[c]) / SPREAD_STEP), BINS - 1)] += 1
        patience[c] = patience[c] + np.float32(PERIOD) if waiting[c] else np.float32(0)
        if patience[c] > PATIENCE:
            marks[last[c]] |= BEHIND
            left_behind[last[c]] += 1
            patience[c] = 0
