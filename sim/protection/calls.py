"""What may happen while a plan runs: where problems come up, and the calls of one replication.

Calls are drawn from the scenario and the seed alone, never from the layout: two layouts with one seed answer the same
calls at the same places (common random numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from sim.draw import quantile, stream
from sim.protected import Problem
from sim.protection.crowding import Period, at_time, crowded_places
from sim.protection.plan import Plan
from sim.terms import StaffKind

CROWD_PLACES = 40
"""Places in the crowd at which problems are tried out."""


@dataclass(frozen=True)
class Places:
    """Where problems may come up: ``xy`` (n, 2), and for every problem how likely each place is in every period,
    ``weight[problem]`` (periods, n), each row with sum 1, or 0 where it cannot come up then."""

    xy: NDArray[np.float64]
    weight: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Call:
    """One problem: when, at which of the places, who is needed, and the numbers that its answer will depend on.

    ``luck`` has one quantile for the turnout of every unit that may be sent, in the order of sending.
    """

    problem: str
    time_s: float
    place: int
    needs: dict[StaffKind, int]
    luck: NDArray[np.float64]
    on_scene_s: float


def places(plan: Plan, periods: Sequence[Period], seed: int) -> Places:
    """Places of all problems: the risk places, one street place in every grid, and places in the crowd."""
    risks = np.array([risk.xy for risk in plan.risks]).reshape(-1, 2)
    by_grid = _in_grids(plan, seed)
    node, people = crowded_places(periods, plan)
    mean = people.mean(axis=0) if len(node) else np.empty(0)
    pick = np.empty(0, int)
    if mean.sum() > 0:
        pick = stream(seed, "protection/crowd").choice(len(node), CROWD_PLACES, p=mean / mean.sum())
    xy = np.concatenate([risks, by_grid, plan.ground.nodes[node[pick]] if len(pick) else np.empty((0, 2))])
    n, r, g = len(periods), len(risks), len(by_grid)
    parts = {"risks": slice(0, r), "grids": slice(r, r + g), "crowd": slice(r + g, len(xy))}
    shares = {"risks": np.tile([risk.spec.weight for risk in plan.risks], (n, 1)), "grids": np.ones((n, g)),
              "crowd": people[:, pick] / np.maximum(mean[pick], 1e-12) if len(pick) else np.empty((n, 0))}
    return Places(xy, {name: _weights(problem, parts, shares, len(xy)) for name, problem in plan.protection.problems.items()})


def _weights(problem: Problem, parts: dict[str, slice], shares: dict[str, NDArray[np.float64]],
             number: int) -> NDArray[np.float64]:
    """Likelihood of every place in every period; nothing happens in the crowd while there is none."""
    weight = np.zeros((len(shares["grids"]), number))
    weight[:, parts[problem.where]] = shares[problem.where]
    total = weight.sum(axis=1, keepdims=True)
    return np.where(total > 0, weight / np.maximum(total, 1e-300), 0.0)


def _in_grids(plan: Plan, seed: int) -> NDArray[np.float64]:
    """One place on the ground in every grid; the middle of the ground if the district has no grids."""
    nodes = plan.ground.nodes
    if not plan.grids:
        return nodes[len(nodes) // 2][None]
    node, cell = shapely.STRtree(list(plan.grids.values())).query(shapely.points(nodes), predicate="intersects")
    random = stream(seed, "protection/grids")
    found = []
    for k in range(len(plan.grids)):
        inside = node[cell == k]
        if len(inside):
            found.append(nodes[inside[int(random.random() * len(inside))]])
    return np.array(found)


def draw_calls(plan: Plan, periods: Sequence[Period], where: Places, seed: int) -> list[Call]:
    """The calls of one replication in the order of time; numbers of each problem are Poisson."""
    calls: list[Call] = []
    hours = plan.scenario.duration_s / 3600
    for name, problem in plan.protection.problems.items():
        random = stream(seed, f"protection/calls/{name}")
        number = int(random.poisson(problem.per_hour * hours))
        times = np.sort(random.uniform(0.0, plan.scenario.duration_s, number))
        at = random.random(number)
        luck = random.random((number, sum(problem.needs.values())))
        scene = np.maximum(quantile(problem.on_scene, random.random(number)), 0.0)
        cumulated = np.cumsum(where.weight[name], axis=1)
        for k in range(number):
            row = cumulated[at_time(periods, times[k])]
            if row[-1] <= 0:
                continue
            place = min(int(np.searchsorted(row, at[k] * row[-1], side="right")), len(row) - 1)
            calls.append(Call(name, float(times[k]), place, dict(problem.needs), luck[k], float(scene[k])))
    return sorted(calls, key=lambda call: (call.time_s, call.problem))
