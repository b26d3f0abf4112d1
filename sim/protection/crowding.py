"""How dense the crowd is while the plan runs: as planners expect it, or as a rehearsal of the event found it.

Densities slow staff down. They are given by periods within which nothing changes: one raster each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from sim.protection.plan import Plan, holds
from sim.run import Run
from twin.errors import BadInput
from twin.patrol import DensityMap

CELL_M = 5.0
LOOK_EVERY_S = 30.0
MOST_PERIODS = 12


@dataclass(frozen=True)
class Period:
    """A time within which the crowd is taken to stay as it is."""

    from_s: float
    until_s: float
    density: DensityMap


def expected(plan: Plan) -> list[Period]:
    """The crowding that the scenario states; where areas overlap, the denser counts."""
    end = plan.scenario.duration_s
    edges = {0.0, end}
    for span, _, _ in plan.crowding:
        edges |= {t for t in (span.from_s, span.until_s) if t is not None and 0 < t < end}
    times = sorted(edges)
    if len(times) - 1 > MOST_PERIODS:
        raise BadInput(f"the crowding changes {len(times) - 2} times", where=plan.scenario.name,
                       mend=f"let it change at most {MOST_PERIODS - 1} times, at the same moments in several areas")
    return [Period(a, b, _raster(plan, (a + b) / 2)) for a, b in pairwise(times)]


def rehearsed(plan: Plan, run: Run, periods: int = 4) -> list[Period]:
    """The crowding that a rehearsal of the event found, mean over each of some equal periods."""
    if run.scenario.district != plan.scenario.district or run.scenario.synthetic != plan.scenario.synthetic:
        raise BadInput("this run was rehearsed in another district", where=str(run.path), mend="give a run of the same place")
    corner, rows, columns = _frame(plan)
    frames = run.frames()
    edges = np.linspace(0.0, plan.scenario.duration_s, periods + 1)
    found = []
    for a, b in pairwise(edges):
        counts = np.zeros((rows, columns))
        looks = np.arange(a, b, LOOK_EVERY_S)
        for t in looks:
            at = frames.at(min(float(t), run.duration_s)).xy + np.asarray(run.origin)
            column, row = np.floor((at - corner) / CELL_M).astype(int).T
            inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            np.add.at(counts, (row[inside], column[inside]), 1)
        share = np.maximum(walkable_share(plan), 0.1)
        found.append(Period(float(a), float(b), DensityMap(_pair(corner), CELL_M, counts / len(looks) / (share * CELL_M**2))))
    return found


def at_time(periods: Sequence[Period], time_s: float) -> int:
    """Which period a time lies in; the last one for any time after it."""
    return min(int(np.searchsorted([p.until_s for p in periods], time_s, side="right")), len(periods) - 1)


def walkable_share(plan: Plan) -> NDArray[np.float64]:
    """Share of every cell of the rasters that can be walked on, as the nodes of the ground tell."""
    corner, rows, columns = _frame(plan)
    column, row = np.floor((plan.ground.nodes - corner) / CELL_M).astype(int).T
    nodes = np.zeros((rows, columns))
    np.add.at(nodes, (np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)), 1)
    return np.minimum(nodes * (plan.ground.cell / CELL_M) ** 2, 1.0)


def _pair(corner: NDArray[np.float64]) -> tuple[float, float]:
    return float(corner[0]), float(corner[1])


def _frame(plan: Plan) -> tuple[NDArray[np.float64], int, int]:
    west, south, east, north = plan.ground.area.bounds
    return np.array([west, south]), int(np.ceil((north - south) / CELL_M)), int(np.ceil((east - west) / CELL_M))


def _raster(plan: Plan, time_s: float) -> DensityMap:
    corner, rows, columns = _frame(plan)
    x, y = np.meshgrid(corner[0] + (np.arange(columns) + 0.5) * CELL_M, corner[1] + (np.arange(rows) + 0.5) * CELL_M)
    values = np.zeros((rows, columns))
    for span, area, density in plan.crowding:
        if holds(span, time_s):
            values = np.where(shapely.contains_xy(area, x, y), np.maximum(values, density), values)
    return DensityMap(_pair(corner), CELL_M, values)


def crowded_places(periods: Sequence[Period], plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nodes of the ground where the crowd stands, and how many people that is for each in every period.

    Returns indices of nodes (n,) and people (periods, n); nodes where nobody is ever are left out.
    """
    people = np.array([period.density.at(plan.ground.nodes) for period in periods]) * plan.ground.cell**2
    node = np.flatnonzero(people.max(axis=0) > 0.1).astype(np.int64)
    return node, people[:, node]
