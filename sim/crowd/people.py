"""The crowd: people as columns, moved together by the kernel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import get_num_threads, set_num_threads

from sim.crowd.behaviour.crowding import PERIOD, Crowding
from sim.crowd.ground import Ground
from sim.crowd.ground.walls import SLACK
from sim.crowd.parameters import STANDARD_RADIUS, Parameters
from sim.crowd.step import columns as k
from sim.crowd.step.jam import SLOW
from sim.crowd.step.kernel import advance, advance_threads, fitting
from twin.errors import BadInput

STEP = 0.1
"""Time step that the parameters were calibrated with [s]."""
SURE = 0.2
"""How sure somebody has to be of being in a jam of two streams for it to count when ways are chosen."""
NUDGE = 1.0
"""A newcomer this far off the walkable ground is put on it; one farther away is an error [m]."""


class Snapshot(NamedTuple):
    """Everybody at one moment; all arrays have one row a person, ascending by id.

    ``xy (n, 2) float64`` metres, ``heading (n, 2)`` unit vectors (zero before the first step), ``speed``,
    ``free_speed`` m/s, ``radius`` m, ``ids`` and ``goal`` int64.
    """

    ids: np.ndarray
    xy: np.ndarray
    heading: np.ndarray
    speed: np.ndarray
    goal: np.ndarray
    radius: np.ndarray
    free_speed: np.ndarray


class Crowd:
    """People who walk on a ground to their goals, never outside it.

    ``seed`` decides the sway of their headings; equal seeds and calls give equal positions, with any number
    of ``threads``. ``dt`` is the time step [s]. ``period`` makes the ground a ring for experiments: whoever
    walks over its second x comes in again at its first, and the other way round. With ``heed_crowding`` people
    choose the ways that are quickest in the crowd as it is, without it the quickest on empty ground.
    """

    _R: np.ndarray
    _Z: np.ndarray
    _R2: np.ndarray
    _Z2: np.ndarray
    _moved: np.ndarray
    _spare: np.ndarray
    _start: np.ndarray
    _cell: np.ndarray
    _touch: np.ndarray
    _touching: np.ndarray

    def __init__(self, ground: Ground, *, seed: int, parameters: Parameters | None = None, dt: float = STEP,
                 capacity: int = 1024, threads: int = 1, period: tuple[float, float] | None = None,
                 heed_crowding: bool = True) -> None:
        if not 0.01 <= dt <= 0.2:
            raise BadInput(f"the time step of the crowd is {dt} s", mend="give one between 0.01 and 0.2 s")
        self.ground, self.parameters = ground, parameters or Parameters()
        self.dt, self.threads = float(dt), threads
        self._seed = np.uint32(np.random.SeedSequence(seed).generate_state(1)[0])
        self._slot_steps = max(round(self.parameters.noise_time / dt), 1)
        self._low, self._period = np.float32(0), np.float32(0)
        self._period_cells = 0
        self._across = np.float32(k.CELL)
        if period:
            self._low = np.float32(period[0] - ground.origin[0])
            self._period = np.float32(period[1] - period[0])
            self._period_cells = int(self._period / k.CELL)
            self._across = np.float32(self._period / self._period_cells)
        self.n = 0
        self._steps = 0
        self._next_id = 0
        self._version = ground.version
        self._crowding = Crowding(ground) if heed_crowding and period is None else None
        self._look_steps = round(PERIOD / self.dt)
        self._gave_way_before = 0
        self._order: np.ndarray | None = None
        self._allocate(max(int(capacity), 16))

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self._steps * self.dt

    # -- who is there
    # ------------------------------------------------------------------------------------------

    def add(self, xy: np.ndarray, goal: np.ndarray | int, *, speed: np.ndarray | float,
            radius: np.ndarray | float = STANDARD_RADIUS, step_free: np.ndarray | bool = False) -> np.ndarray:
        """Put people at (n, 2), with goal numbers, free speeds [m/s] and body radii [m], and whether they can take
        no steps; gives their ids (n,) int64.

        Ids ascend and are never used again. Somebody less than a metre off the walkable ground is put on it.
        """
        xy = np.array(xy, float).reshape(-1, 2)
        n = len(xy)
        goal = np.broadcast_to(np.asarray(goal, np.int64), n)
        speed = np.broadcast_to(np.asarray(speed, float), n)
        radius = np.broadcast_to(np.asarray(radius, float), n)
        if n == 0:
            return np.empty(0, np.int64)
        if not np.isfinite(xy).all():
            raise BadInput("a newcomer's position is not a number", mend="give metres")
        if not ((speed > 0) & (speed <= 4)).all():
            raise BadInput(f"a walking speed of {speed[~((speed > 0) & (speed <= 4))][0]} m/s",
                           mend="give one above 0 and up to 4 m/s")
        if not ((radius >= 0.1) & (radius <= 0.6)).all():
            raise BadInput(f"a body radius of {radius[~((radius >= 0.1) & (radius <= 0.6))][0]} m",
                           mend="give one between 0.1 and 0.6 m")
        self._check_goals(goal)
        xy = self._on_the_ground(xy)
        if self.n + n > self._R.shape[1]:
            self._grow(self.n + n)
        rows = slice(self.n, self.n + n)
        local = xy - self.ground.origin
        ids = np.arange(self._next_id, self._next_id + n, dtype=np.int64)
        R, Z = self._R, self._Z
        R[:, rows] = 0
        R[k.X, rows], R[k.Y, rows] = local.T
        R[k.FREE, rows], R[k.RADIUS, rows] = speed, radius
        R[k.BEST, rows], R[k.SINCE, rows] = k.NEVER, self.time
        Z[k.ID, rows] = ids
        Z[k.STATE, rows] = Z[k.GAVE, rows] = 0
        Z[k.MODE, rows] = np.where(np.broadcast_to(np.asarray(step_free, bool), n), k.LEVEL, 0)
        Z[k.GOAL, rows] = self._goal_of(Z[k.MODE, rows], goal)
        self.n += n
        self._next_id += n
        self._order = None
        return ids

    def fits(self, xy: np.ndarray, radius: np.ndarray | float = STANDARD_RADIUS) -> np.ndarray:
        """Whether newcomers at (n, 2) would overlap nobody who is there now: (n,) bool."""
        local = np.asarray(xy, float).reshape(-1, 2) - self.ground.origin
        radius = np.ascontiguousarray(np.broadcast_to(np.asarray(radius, float), len(local)))
        return fitting(local, radius, self._R, self.n, np.float32(self.parameters.hard))

    def remove(self, ids: np.ndarray) -> None:
        """Take people away."""
        keep = np.ones(self.n, bool)
        rows = self._rows(ids)
        keep[rows] = False
        self._gave_way_before += int(self._Z[k.GAVE, rows].sum())
        left = int(keep.sum())
        self._R[:, :left] = self._R[:, :self.n][:, keep]
        self._Z[:, :left] = self._Z[:, :self.n][:, keep]
        self.n = left
        self._order = None

    # -- what they do
    # ------------------------------------------------------------------------------------------

    def send(self, ids: np.ndarray, goal: np.ndarray | int) -> None:
        """Give people a new goal."""
        rows = self._rows(ids)
        goal = np.broadcast_to(np.asarray(goal, np.int64), len(rows))
        self._check_goals(goal)
        self._Z[k.GOAL, rows] = self._goal_of(self._Z[k.MODE, rows], goal)
        self._begin(rows)

    def stand_at(self, ids: np.ndarray, xy: np.ndarray) -> None:
        """Let people walk to their own places (n, 2) and stay there.

        They follow their goal's field until the place is in sight and near, or until they have reached the
        goal.
        """
        rows = self._rows(ids)
        local = np.broadcast_to(np.asarray(xy, float) - self.ground.origin, (len(rows), 2))
        self._R[k.TX, rows], self._R[k.TY, rows] = local.T
        self._Z[k.MODE, rows] |= k.STAND
        arrived = self._Z[k.STATE, rows] & k.ARRIVED
        self._begin(rows)
        self._Z[k.STATE, rows] |= arrived

    def release(self, ids: np.ndarray) -> None:
        """Let people go on to their goal who were told to stand somewhere."""
        rows = self._rows(ids)
        self._Z[k.MODE, rows] &= ~k.STAND
        self._begin(rows)

    def hold(self, ids: np.ndarray, held: bool | np.ndarray = True) -> None:
        """Let people stand still, such as while they are served, or let them go on."""
        rows = self._rows(ids)
        held = np.broadcast_to(np.asarray(held, bool), len(rows))
        self._Z[k.MODE, rows] = np.where(held, self._Z[k.MODE, rows] | k.HOLD, self._Z[k.MODE,
                                                                                       rows] & ~k.HOLD)
        self._R[k.BEST, rows[~held]], self._R[k.SINCE, rows[~held]] = k.NEVER, self.time

    def step(self, steps: int = 1) -> None:
        """Move everybody on by so many time steps."""
        if steps <= 0:
            return
        if self.n == 0:
            self._steps += steps
            return
        if self._version != self.ground.version:
            self._meet_new_walls()
        while steps > 0:
            some = min(steps, self._look_steps - self._steps % self._look_steps)
            self._advance(some)
            steps -= some
            if self._crowding is not None and self._steps % self._look_steps == 0:
                self._look_ahead()

    def _look_ahead(self) -> None:
        """Let the crowd weigh where it is slow; progress is counted on along the new ways."""
        R, Z, n = self._R, self._Z, self.n
        walking = (Z[k.MODE, :n] & (k.STAND | k.HOLD) == 0) & (Z[k.STATE, :n] & (k.ARRIVED | k.LOST) == 0)
        opposed = walking & (R[k.JAM, :n] > SURE)
        slow = walking & (R[k.SPEED, :n] < SLOW * R[k.FREE, :n])
        assert self._crowding is not None
        R[k.BEST, :n] += self._crowding.look(R[k.X:k.Y + 1, :n].T, Z[k.GOAL, :n].astype(np.int64), opposed, slow,
                                             self._look_steps)

    def _advance(self, steps: int) -> None:
        seams = self.ground.seams
        if not len(seams):
            self._walk(steps)
            return
        for _ in range(steps):
            ghosts = seams.ghosts(self._R, self._Z, self.n)
            if self.n + ghosts > self._R.shape[1]:
                self._grow(self.n + ghosts)
            self.n = seams.haunt(self._R, self._Z, self.n)
            self._walk(1)
            self.n = seams.settle(self._R, self._Z, self.n)

    def _walk(self, steps: int) -> None:
        """Step rows as they are; ghosts are people here."""
        goals = np.unique(self._Z[k.GOAL, :self.n])
        terrain = self.ground.terrain(goals) if self._crowding is None else self._crowding.terrain(goals)
        width, height = self._grid()
        arguments: tuple[Any, ...] = (steps, self.n, self._R, self._Z, self._R2, self._Z2, self._moved,
                                      self._spare, self._start, self._cell,
                     self._touch, self._touching, width, height, self._across, self._period, self._low,
                     terrain,
                     self.parameters.numbers(), self.dt, self._steps, self._slot_steps, self._seed)
        if self.threads > 1:
            before = get_num_threads()
            set_num_threads(self.threads)
            try:
                advance_threads(*arguments)
            finally:
                set_num_threads(before)
        else:
            advance(*arguments)
        if steps % 2:
            self._R, self._R2, self._Z, self._Z2 = self._R2, self._R, self._Z2, self._Z
        self._steps += steps
        self._order = None

    # -- what is seen
    # ------------------------------------------------------------------------------------------

    def arrived(self) -> np.ndarray:
        """Ids of the people who have reached their goal's area since it was given, ascending."""
        return self._ids_where((self._Z[k.STATE, :self.n] & k.ARRIVED) != 0)

    def standing(self) -> np.ndarray:
        """Ids of the people who have reached the place that they were told to stand at, ascending."""
        state, mode = self._Z[k.STATE, :self.n], self._Z[k.MODE, :self.n]
        return self._ids_where(((state & k.STANDING) != 0) & ((mode & k.STAND) != 0))

    def stuck(self, seconds: float = 60.0) -> np.ndarray:
        """Ids of people who want to walk and have come no metre nearer for so long, or have no way at all."""
        state, mode = self._Z[k.STATE, :self.n], self._Z[k.MODE, :self.n]
        idle = ((mode & k.HOLD) != 0) | ((state & k.STANDING) != 0) | (
            ((state & k.ARRIVED) != 0) & ((mode & k.STAND) == 0))
        late = self.time - self._R[k.SINCE, :self.n] > seconds
        return self._ids_where(~idle & (late | ((state & k.LOST) != 0)))

    @property
    def gave_way(self) -> int:
        """How often so far somebody gave way in a jam of people who walk against each other, and got out of it."""
        return self._gave_way_before + int(self._Z[k.GAVE, :self.n].sum())

    @property
    def ways_renewed(self) -> int:
        """How often so far the ways to a goal were found anew because of a crowd."""
        return self._crowding.solved if self._crowding else 0

    @property
    def bytes_per_person(self) -> float:
        """Memory of one row in all columns, with the copy that sorting writes to and the list of possible contacts."""
        columns = (self._R, self._Z, self._R2, self._Z2, self._moved, self._spare, self._cell, self._touching, self._touch)
        return sum(column.nbytes for column in columns) / self._R.shape[1]

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Everybody's columns as they are now, (REALS, n) float32 and (INTEGERS, n) int32, rows in no order.

        Views for code of this package that looks at all people at once; they hold until the next step.
        """
        return self._R[:, :self.n], self._Z[:, :self.n]

    def lost(self) -> np.ndarray:
        """Ids of people whose goal cannot be reached from where they are, ascending."""
        return self._ids_where((self._Z[k.STATE, :self.n] & k.LOST) != 0)

    def at(self, ids: np.ndarray) -> np.ndarray:
        """Positions of people: (n, 2) float64."""
        rows = self._rows(ids)
        return self._R[k.X:k.Y + 1, rows].T.astype(float) + self.ground.origin

    def speed(self, ids: np.ndarray) -> np.ndarray:
        """Speeds of people: (n,) float64 [m/s]."""
        return self._R[k.SPEED, self._rows(ids)].astype(float)

    def to_go(self, ids: np.ndarray) -> np.ndarray:
        """Distance that people had to go at the last step: (n,) float64 [m], inf where there is no way."""
        left = self._R[k.LEFT, self._rows(ids)].astype(float)
        return np.where(left >= 1e17, np.inf, np.maximum(left, 0))

    def table(self) -> Snapshot:
        """Everybody as they are now, ascending by id."""
        order = self._sorted()[1]
        R, Z = self._R[:, :self.n][:, order], self._Z[:, :self.n][:, order]
        return Snapshot(Z[k.ID].astype(np.int64), R[k.X:k.Y + 1].T.astype(float) + self.ground.origin,
                        R[k.HX:k.HY + 1].T.astype(float), R[k.SPEED].astype(float),
                        self.ground.common(Z[k.GOAL]), R[k.RADIUS].astype(float), R[k.FREE].astype(float))

    # -- rows
    # --------------------------------------------------------------------------------------------------

    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Ids ascending, and the row of each."""
        if self._order is None:
            self._order = np.argsort(self._Z[k.ID, :self.n])
        return self._Z[k.ID, :self.n][self._order], self._order

    def _rows(self, ids: np.ndarray) -> np.ndarray:
        wanted = np.atleast_1d(np.asarray(ids, np.int64))
        known, order = self._sorted()
        at = np.searchsorted(known, wanted)
        if len(wanted) and (at.max() >= len(known) or (known[at] != wanted).any()):
            raise KeyError(f"nobody with the id {wanted[~np.isin(wanted, known)][0]} is in the crowd")
        return order[at]

    def _ids_where(self, wanted: np.ndarray) -> np.ndarray:
        return np.sort(self._Z[k.ID, :self.n][wanted]).astype(np.int64)

    def _begin(self, rows: np.ndarray) -> None:
        """Start counting progress afresh."""
        self._Z[k.STATE, rows] = 0
        self._R[k.BEST, rows], self._R[k.SINCE, rows] = k.NEVER, self.time

    def _goal_of(self, mode: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The goals (n,) whose ways people of these modes can take."""
        level = (mode & k.LEVEL) != 0
        if not level.any():
            return goal
        return np.array([self.ground.level(int(g)) if flat else g for g, flat in zip(goal, level, strict=True)])

    def _check_goals(self, goals: np.ndarray) -> None:
        count = self.ground.goal_count
        if len(goals) and (goals.min() < 0 or goals.max() >= count):
            raise BadInput(f"there is no goal number {goals.max()}", mend=f"the ground has {count} goals")

    def _on_the_ground(self, xy: np.ndarray) -> np.ndarray:
        off = ~self.ground.inside(xy, 2 * SLACK)
        if off.any():
            put = self.ground.nearest(xy[off], 2 * SLACK)
            moved = np.hypot(*(put - xy[off]).T)
            if moved.max() > NUDGE:
                x, y = xy[off][moved.argmax()]
                raise BadInput(f"({x:.1f}, {y:.1f}) is {moved.max():.1f} m off the walkable ground",
                               mend="place people on it")
            xy[off] = put
        return xy

    def _meet_new_walls(self) -> None:
        """Take people out of walls that were put up on them, and forget progress made on ways that have
        changed."""
        self._version = self.ground.version
        rows = np.arange(self.n)
        xy = self._R[k.X:k.Y + 1, :self.n].T.astype(float) + self.ground.origin
        inside = self.ground.inside(xy, SLACK)
        if not inside.all():
            put = self.ground.nearest(xy[~inside], 2 * SLACK) - self.ground.origin
            self._R[k.X, rows[~inside]], self._R[k.Y, rows[~inside]] = put.T
        walking = (self._Z[k.STATE, :self.n] & k.ARRIVED) == 0
        self._R[k.BEST, :self.n][walking] = k.NEVER
        self._R[k.SINCE, :self.n][walking] = self.time

    # -- memory
    # ------------------------------------------------------------------------------------------------

    def _allocate(self, capacity: int) -> None:
        self._R = np.zeros((k.REALS, capacity), np.float32)
        self._Z = np.zeros((k.INTEGERS, capacity), np.int32)
        self._R2, self._Z2 = np.zeros_like(self._R), np.zeros_like(self._Z)
        self._moved, self._spare = np.zeros((7, capacity), np.float32), np.zeros((2, capacity), np.float32)
        self._cell, self._touching = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        self._touch = np.zeros((capacity, k.TOUCHING), np.int32)
        self._start = np.zeros(0, np.int32)

    def _grow(self, needed: int) -> None:
        R, Z, n = self._R, self._Z, self.n
        self._allocate(max(needed, 2 * R.shape[1]))
        self._R[:, :n], self._Z[:, :n] = R[:, :n], Z[:, :n]

    def _grid(self) -> tuple[int, int]:
        """Size of the wrapped grid of neighbour cells: about eight cells a person, no more than the site
        has."""
        extent = np.array([self.ground.nx, self.ground.ny]) * self.ground.cell / k.CELL + 2 * k.REACH + 1
        side = 2 ** int(np.ceil(np.log2(np.sqrt(8 * max(self.n, 500)))))
        width = self._period_cells or int(min(side, extent[0]))
        height = int(min(side, extent[1]))
        width, height = max(width, 2 * k.REACH + 1), max(height, 2 * k.REACH + 1)
        if len(self._start) != width * height + 2:
            self._start = np.zeros(width * height + 2, np.int32)
        return width, height
