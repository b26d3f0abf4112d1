"""Where to put facilities: p-median (least walking in all) and p-centre (nobody far) by mixed-integer programmes in HiGHS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from twin.errors import BadInput

Floats = NDArray[np.float64]
Goal = Literal["median", "centre"]
_SECONDS = 60.0


@dataclass(frozen=True)
class Siting:
    """Chosen sites (columns of the distances), the site of each demand (rows), and how far people walk [m].

    ``mean_m`` is the mean over demand, ``worst_m`` the longest of any; ``optimal`` says whether HiGHS proved the choice.
    """

    goal: Goal
    sites: tuple[int, ...]
    site_of: NDArray[np.int64]
    mean_m: float
    worst_m: float
    optimal: bool


def site(distance: Floats, demand: Floats, number: int = 2, *, goal: Goal = "median") -> Siting:
    """Choose ``number`` sites for ``demand (n,)`` with walking ``distance (n, m)`` [m], inf where there is no way.

    p-median: ``min sum_i w_i d_ij y_ij`` with ``sum_j y_ij = 1``, ``y_ij <= z_j``, ``sum_j z_j = p`` (ReVelle and Swain 1970).
    p-centre: the shortest radius at which ``p`` sites cover all demand, by bisection over the distances; of the choices with
    this radius the one with the least walking. Demand of 0 asks for nothing.
    """
    distance, demand = np.asarray(distance, float), np.asarray(demand, float)
    asking = np.flatnonzero(demand > 0)
    _check(distance, demand, asking, number)
    d = distance[asking]
    radius = np.inf if goal == "median" else _radius(d, number)
    chosen, optimal = _median(np.where(d <= radius, d, np.inf), demand[asking], number)
    if chosen is None:
        raise BadInput(f"no {number} of the candidate sites can be reached from everywhere", where="siting",
                       mend="add candidates or ask for more sites")
    reach = distance[:, list(chosen)]
    nearest = np.argmin(reach, axis=1)
    walked = reach[asking, nearest[asking]]
    return Siting(goal, chosen, np.array(chosen)[nearest], float(np.average(walked, weights=demand[asking])),
                  float(walked.max()), optimal)


def _check(distance: Floats, demand: Floats, asking: NDArray[np.int64], number: int) -> None:
    if distance.ndim != 2 or demand.shape != (len(distance),):
        raise BadInput(f"distances {distance.shape} and demand {demand.shape} do not fit", where="siting",
                       mend="give one row of distances for each demand")
    if not len(asking):
        raise BadInput("there is no demand", where="siting", mend="give a weight above 0 somewhere")
    if not 1 <= number <= distance.shape[1]:
        raise BadInput(f"{number} sites cannot be chosen from {distance.shape[1]} candidates", where="siting",
                       mend="give more candidates or ask for fewer sites")
    if np.isnan(distance).any() or (distance < 0).any():
        raise BadInput("a walking distance is negative or not known", where="siting",
                       mend="give metres, inf where there is no way")
    unreached = ~np.isfinite(distance[asking]).any(axis=0)
    if unreached.any():
        raise BadInput(f"nobody can reach candidate site {int(np.argmax(unreached)) + 1}", where="siting",
                       mend="move it to a street or leave it out")
    lost = ~np.isfinite(distance[asking]).any(axis=1)
    if lost.any():
        raise BadInput(f"no candidate site can be reached from demand {int(asking[np.argmax(lost)]) + 1}", where="siting",
                       mend="add a candidate that it can reach")


def _median(d: Floats, weight: Floats, number: int) -> tuple[tuple[int, ...] | None, bool]:
    """The p-median over the finite distances; None if there is no choice, and whether it is proved."""
    n, m = d.shape
    row, column = np.nonzero(np.isfinite(d))
    k = len(row)
    each, pair = np.arange(k), np.ones(k)
    served = csr_array(coo_array((pair, (row, each)), shape=(n, k + m)))
    of_pair = (np.concatenate([each, each]), np.concatenate([each, k + column]))
    opened = csr_array(coo_array((np.concatenate([pair, -pair]), of_pair), shape=(k, k + m)))
    total = csr_array(coo_array((np.ones(m), (np.zeros(m, int), k + np.arange(m))), shape=(1, k + m)))
    # Only the sites need to be whole: each demand then goes to its nearest open one by itself.
    found = milp(np.concatenate([weight[row] * d[row, column], np.zeros(m)]),
                 constraints=[LinearConstraint(served, 1, 1), LinearConstraint(opened, -np.inf, 0),
                              LinearConstraint(total, number, number)],
                 integrality=np.concatenate([np.zeros(k), np.ones(m)]),
                 bounds=Bounds(0, 1), options={"time_limit": _SECONDS})
    if found.x is None:
        return None, False
    return tuple(int(j) for j in np.flatnonzero(found.x[k:] > 0.5)), found.status == 0


def _radius(d: Floats, number: int) -> float:
    """The shortest distance within which some choice of sites covers all demand; inf if there is none."""
    steps = np.unique(d[np.isfinite(d)])
    low, high = int(np.searchsorted(steps, d.min(axis=1).max())), len(steps) - 1
    if not _covered(d, steps[high], number):
        return np.inf
    while low < high:
        middle = (low + high) // 2
        if _covered(d, steps[middle], number):
            high = middle
        else:
            low = middle + 1
    return float(steps[high])


def _covered(d: Floats, radius: float, number: int) -> bool:
    """Whether ``number`` sites cover all demand within a radius (set covering)."""
    near = csr_array((d <= radius).astype(float))
    found = milp(np.ones(d.shape[1]), constraints=LinearConstraint(near, 1, np.inf), integrality=np.ones(d.shape[1]),
                 bounds=Bounds(0, 1), options={"time_limit": _SECONDS})
    return found.status == 0 and round(found.fun) <= number
