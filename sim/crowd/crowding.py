"""Ways that weigh the crowd ahead: a metre through slow people takes longer than a free one.

Every few seconds the density of slow walkers is taken down on a coarse raster and blended with what was seen
before. Where it is high, a metre counts more, and the fields of the goals whose people are held up are solved
again, the most burdened first, as far as a share of the time that walking takes allows. The share is counted in
cells and steps, not by a clock, so that equal seeds give equal crowds.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from sim.crowd.ground import Ground
from sim.crowd.terrain import Terrain

PERIOD = 10.0
"""Time between two looks at the crowd [s]."""
MEMORY = 20.0
"""Time over which what was seen fades [s]."""
PATCH = 1.0
"""Edge of a cell of the raster that slow people are counted on [m]; counts are means over 3 x 3 of them."""
WEIGHT = 2.0
"""Extra cost of a metre for each slow person a square metre: at 2 /m2 a jam of two streams gets on at about a fifth of
the free speed."""
MOST = 10.0
"""Largest extra cost of a metre."""
FELT = 0.5
"""Density of slow people below which nobody cares [1/m2]."""
FEW = 15
"""Fewer slow people than this are no reason to look for other ways."""
SHARE = 0.10
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

    def look(self, xy: np.ndarray, goal: np.ndarray, slow: np.ndarray, steps: int) -> np.ndarray:
        """Take in where people are, local (n, 2), their goals (n,) and who of them is slow (n,), after ``steps`` steps.

        Gives how much farther the goal of each has become by the new ways, (n,) float32 [m].
        """
        farther = np.zeros(len(xy), np.float32)
        goals = np.unique(goal)
        terrain = self.terrain(goals)
        cells = self.ground.walkable_cells
        self._allowance = min(self._allowance + SHARE * CELLS_A_STEP * steps * len(xy), 3.0 * cells)
        if self._slow is None and slow.sum() < FEW:
            return farther
        self._take_in(xy[slow])
        held_up = np.bincount(goal[slow], minlength=int(goals.max()) + 1)
        for g in goals.tolist():
            self._burden[g] = self._burden.get(g, 0) + int(held_up[g]) + (g in self._crowded)
        for g in sorted(goals.tolist(), key=lambda g: (-self._burden[g], g)):
            if self._burden[g] < FEW or self._allowance < cells:
                break
            self._allowance -= cells
            self._burden[g] = 0
            here = np.flatnonzero(goal == g)
            column, row = (xy[here] / self.ground.cell).astype(np.int64).T
            before = terrain.fields[g][row, column]
            terrain = self._solve(g, terrain)
            after = terrain.fields[g][row, column]
            known = np.isfinite(before) & np.isfinite(after)
            farther[here[known]] = after[known] - before[known]
        return farther

    def _take_in(self, xy: np.ndarray) -> None:
        shape = (int(self.ground.ny * self.ground.cell / PATCH) + 1, int(self.ground.nx * self.ground.cell / PATCH) + 1)
        column, row = (xy / PATCH).astype(np.int64).T
        count = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float32)
        now = uniform_filter(count, 3, mode="constant") / np.float32(PATCH ** 2)
        keep = np.float32(np.exp(-PERIOD / MEMORY))
        self._slow = now if self._slow is None else keep * self._slow + (1 - keep) * now
        if self._slow.max() < 0.02 and not self._crowded:
            self._slow = None

    def _solve(self, goal: int, terrain: Terrain) -> Terrain:
        if self._fields is None:
            self._fields = terrain.fields.copy()
            self._copied = set(range(len(self.ground.goals)))
            terrain = terrain._replace(fields=self._fields)
        extra = self._extra()
        self.ground.solve(goal, self._fields[goal], extra)
        (self._crowded.add if extra.any() else self._crowded.discard)(goal)
        self.solved += 1
        return terrain

    def _extra(self) -> np.ndarray:
        """Extra cost of a metre in each cell of the ground, (ny, nx) float32."""
        ground, slow = self.ground, self._slow
        assert slow is not None
        column = ((np.arange(ground.nx) + 0.5) * ground.cell / PATCH).astype(np.int64)
        row = ((np.arange(ground.ny) + 0.5) * ground.cell / PATCH).astype(np.int64)
        felt = np.where(slow > FELT, np.minimum(WEIGHT * slow, MOST), 0).astype(np.float32)
        return felt[row[:, None], column[None, :]]
