"""Ways that weigh the crowd ahead: a metre through slow people takes longer than a free one.

Every few seconds two densities are taken down on a coarse raster and blended with what was seen before: of people in
jams of two streams, and of all slow walkers. A metre counts more where two streams jam, and where slow people have
free room beside them at the same distance to the goal: a queue that fills all the room before its door stays as it
is, since everybody there has to wait. The fields of the goals whose people are held up are solved again, the most
burdened first, as far as a share of the time that walking takes allows. The share is counted in cells and steps, not
by a clock, so that equal seeds give equal crowds.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from sim.crowd.ground import Ground
from sim.crowd.ground.terrain import Terrain

PERIOD = 10.0
"""Time between two looks at the crowd [s]."""
MEMORY = 20.0
"""Time over which what was seen fades [s]."""
PATCH = 1.0
"""Edge of a cell of the raster that slow people are counted on [m]; counts are means over 3 x 3 of them."""
WEIGHT = 2.0
"""Extra cost of a metre for each person a square metre in a jam of two streams: at 2 /m2 it gets on at about a fifth
of the free speed."""
WEIGHT_QUEUE = 1.0
"""The same for each slow person a square metre who has free room beside them: a queue at 4 /m2 gets on at about a
fifth of the free speed."""
MOST = 10.0
"""Largest extra cost of a metre."""
FELT = 0.5
"""Density of people in jams of two streams below which nobody cares [1/m2]; less than that of slow people is free
room."""
QUEUE = 1.0
"""Density of slow people above which they are a queue [1/m2]."""
BESIDE = 10
"""How far to both sides of a queue free room is looked for, in patches."""
ALIKE = 1.0
"""Places whose distances to the goal differ by less than this lie beside each other [m]."""
FEW = 15
"""Fewer slow people than this are no reason to look for other ways."""
SHARE = 0.05
"""Share of the time that walking takes which may go into new ways."""
CELLS_A_STEP = 3.5
"""Cells of a field that are solved in the time that one person's step takes (measured: 0.14 and 0.5 us)."""


class Crowding:
    """What a crowd knows of where it is slow, and the fields that follow from it; the ground's own stay as they are."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.solved = 0
        self._version = -1
        self._forget()

    def _forget(self) -> None:
        self._fields: np.ndarray | None = None
        self._copied: set[int] = set()
        self._crowded: set[int] = set()
        self._burden: dict[int, int] = {}
        self._opposed: np.ndarray | None = None
        self._slow: np.ndarray | None = None
        self._allowance = np.inf
        self._version = self.ground.version

    def terrain(self, goals: np.ndarray) -> Terrain:
        """The ground with the fields that this crowd follows to the given goals."""
        terrain = self.ground.terrain(goals)
        if self._version != self.ground.version:
            self._forget()
        if self._fields is None:
            return terrain
        if len(self._fields) != len(terrain.fields):
            more = np.empty_like(terrain.fields)
            more[:len(self._fields)] = self._fields
            self._fields = more
        for goal in set(goals.tolist()) - self._copied:
            self._fields[goal] = terrain.fields[goal]
            self._copied.add(goal)
        return terrain._replace(fields=self._fields)

    def look(self, xy: np.ndarray, goal: np.ndarray, opposed: np.ndarray, slow: np.ndarray, steps: int) -> np.ndarray:
        """Take in where people are, local (n, 2), their goals (n,), who of them is in a jam of two streams and who walks
        slowly, both (n,), after ``steps`` steps.

        Gives how much farther the goal of each has become by the new ways, (n,) float32 [m].
        """
        farther = np.zeros(len(xy), np.float32)
        goals = np.unique(goal)
        terrain = self.terrain(goals)
        cells = self.ground.walkable_cells
        self._allowance = min(self._allowance + SHARE * CELLS_A_STEP * steps * len(xy), 3.0 * cells)
        if self._slow is None and slow.sum() < FEW:
            return farther
        self._opposed = self._blend(self._opposed, xy[opposed])
        self._slow = self._blend(self._slow, xy[slow])
        if self._slow.max() < 0.02 and not self._crowded:
            self._opposed = self._slow = None
            return farther
        held_up = np.bincount(goal[slow], minlength=int(goals.max()) + 1)
        for g in goals.tolist():
            self._burden[g] = self._burden.get(g, 0) + int(held_up[g]) + (g in self._crowded)
        for g in sorted(goals.tolist(), key=lambda g: (-self._burden[g], g)):
            if self._burden[g] < FEW or self._allowance < cells:
                break
            self._burden[g] = 0
            extra = self._extra(terrain.fields[g])
            if g not in self._crowded and not extra.any():
                continue
            self._allowance -= cells
            here = np.flatnonzero(goal == g)
            column, row = (xy[here] / self.ground.cell).astype(np.int64).T
            before = terrain.fields[g][row, column]
            terrain = self._solve(g, terrain, extra)
            after = terrain.fields[g][row, column]
            known = np.isfinite(before) & np.isfinite(after)
            farther[here[known]] = after[known] - before[known]
        return farther

    def _blend(self, before: np.ndarray | None, xy: np.ndarray) -> np.ndarray:
        """Density of people at (n, 2) by patch, blended with what was seen before [1/m2]."""
        shape = (int(self.ground.ny * self.ground.cell / PATCH) + 1, int(self.ground.nx * self.ground.cell / PATCH) + 1)
        column, row = (xy / PATCH).astype(np.int64).T
        count = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float32)
        now = uniform_filter(count, 3, mode="constant") / np.float32(PATCH ** 2)
        keep = np.float32(np.exp(-PERIOD / MEMORY))
        return keep * (now if before is None else before) + (1 - keep) * now

    def _solve(self, goal: int, terrain: Terrain, extra: np.ndarray) -> Terrain:
        """Solve a goal's field with the extra cost of a metre by cell, (ny, nx)."""
        if self._fields is None:
            self._fields = terrain.fields.copy()
            terrain = terrain._replace(fields=self._fields)
        self._copied.add(goal)  # the others are copied when somebody has them as a goal, for only then are they solved
        self.ground.solve(goal, self._fields[goal], extra)
        (self._crowded.add if extra.any() else self._crowded.discard)(goal)
        self.solved += 1
        return terrain

    def _extra(self, field: np.ndarray) -> np.ndarray:
        """Extra cost of a metre in each cell of the ground for those who follow a field, both (ny, nx) float32."""
        ground, opposed = self.ground, self._opposed
        assert opposed is not None
        column = ((np.arange(ground.nx) + 0.5) * ground.cell / PATCH).astype(np.int64)
        row = ((np.arange(ground.ny) + 0.5) * ground.cell / PATCH).astype(np.int64)
        felt = np.where(opposed > FELT, np.minimum(WEIGHT * opposed, MOST), 0).astype(np.float32)
        return np.maximum(felt, self._avoidable(field))[row[:, None], column[None, :]]

    def _avoidable(self, field: np.ndarray) -> np.ndarray:
        """Extra cost of a metre by patch for queues that have free room beside them, in full from half of the room on."""
        slow = self._slow
        assert slow is not None
        felt = np.zeros_like(slow)
        r, c = np.nonzero(slow > QUEUE)
        if len(r) == 0:
            return felt
        middle = [np.minimum(((np.arange(n) + 0.5) * PATCH / self.ground.cell).astype(np.int64), cells - 1)
                  for n, cells in zip(slow.shape, field.shape, strict=True)]
        level = field[np.ix_(*middle)]
        known = np.isfinite(level[r, c])
        r, c = r[known], c[known]
        span = np.arange(-BESIDE, BESIDE + 1)
        rows, columns = np.broadcast_arrays(r[:, None, None] + span[:, None], c[:, None, None] + span)
        there = (rows >= 0) & (rows < slow.shape[0]) & (columns >= 0) & (columns < slow.shape[1])
        rows, columns = np.clip(rows, 0, slow.shape[0] - 1), np.clip(columns, 0, slow.shape[1] - 1)
        beside = there & (np.abs(level[rows, columns] - level[r, c][:, None, None]) < ALIKE)
        free = (beside & (slow[rows, columns] < FELT)).sum((1, 2)) / np.maximum(beside.sum((1, 2)), 1)
        felt[r, c] = np.minimum(WEIGHT_QUEUE * slow[r, c], MOST) * np.minimum(2 * free, 1)
        return uniform_filter(felt, 3, mode="constant")
