"""Posts and rounds, and which posts to add or move for the best cover.

The choice is the maximal covering location problem (Church and ReVelle 1974): with ``p`` posts, as much weight as
possible lies within the reach time of one::

    max  sum_i w_i y_i   such that  y_i <= sum_{j: t_ij <= T} x_j,  sum_j x_j <= p,  x_j in {0, 1},  0 <= y_i <= 1

HiGHS solves it (``scipy.optimize.milp``). Where it does not come to an end in time, the greedy choice stands, which
reaches at least 1 - 1/e = 63 % of the best (Nemhauser, Wolsey and Fisher 1978), with the gap to the proven bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, hstack, identity, vstack

from twin.cases.step import Id
from twin.errors import BadInput
from twin.patrol.ground import DensityMap, FootGround


class Post(BaseModel):
    """A place where units stand: ``x``, ``y`` in the district's CRS [m], how many units it needs, how far they see [m]."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Id
    x: float
    y: float
    kind: Literal["patrol", "guard", "steward", "medic", "fire", "traffic"] = "patrol"
    units: Annotated[int, Field(ge=1, le=50)] = 1
    sees_m: Annotated[float, Field(gt=0, le=500)] = 30.0


class Round(BaseModel):
    """A way that a unit walks again and again: the posts in their order, and how often [min] each is to be passed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Id
    posts: Annotated[tuple[Id, ...], Field(min_length=2, max_length=200)]
    every_min: Annotated[float, Field(gt=0, le=24 * 60)] = 60.0
    closed: bool = True


def round_time(ground: FootGround, way: Round, posts: Sequence[Post]) -> float:
    """Time to walk a round once [s]; raises :class:`BadInput` for unknown posts and for posts that no way joins."""
    by_id = {post.id: post for post in posts}
    unknown = [stop for stop in way.posts if stop not in by_id]
    if unknown:
        raise BadInput(f"round {way.id} passes {unknown[0]}, which is no post", mend="name posts that are there")
    stops = [(by_id[stop].x, by_id[stop].y) for stop in way.posts]
    legs = list(pairwise(stops)) + ([(stops[-1], stops[0])] if way.closed else [])
    total = sum(float(ground.time_table([a], [b])[0, 0]) for a, b in legs)
    if not np.isfinite(total):
        raise BadInput(f"round {way.id} joins posts that no way on foot joins", mend="move the posts onto the same ground")
    return total


@dataclass(frozen=True)
class Cover:
    """Chosen posts: ``chosen`` (indices into the sites), how much weight they cover, and how good that is.

    ``covered`` and ``bound`` are shares of all weight; no choice can reach more than ``bound``, and ``gap = bound -
    covered`` (0 if proven best). ``by_place`` (n,) tells which places are covered. ``added`` and ``given_up`` are
    site indices, set against the posts that were there.
    """

    chosen: tuple[int, ...]
    added: tuple[int, ...]
    given_up: tuple[int, ...]
    covered: float
    bound: float
    method: Literal["highs", "greedy"]
    by_place: NDArray[np.bool_]

    @property
    def gap(self) -> float:
        """Share of the weight by which a better choice could at most be better."""
        return max(self.bound - self.covered, 0.0)


def best_posts(ground: FootGround, sites: ArrayLike, places: ArrayLike, *, number: int, reach_min: float,
               weights: ArrayLike | None = None, there: Sequence[int] = (), moves: int = 0, density: DensityMap | None = None,
               seconds: float = 20.0) -> Cover:
    """Which sites (m, 2) to post so that most of the places (n, 2) are reached on foot within the minutes.

    ``there`` are the sites posted now; of these at most ``moves`` are given up, all others stay. ``number`` is how
    many posts there are to be in all.
    """
    times = ground.time_table(sites, places, density=density, limit_s=60 * reach_min)
    return maximal_cover(times <= 60 * reach_min, number=number, weights=weights, there=there, moves=moves, seconds=seconds)


def maximal_cover(reaches: ArrayLike, *, number: int, weights: ArrayLike | None = None, there: Sequence[int] = (),
                  moves: int = 0, seconds: float = 20.0, solver: Literal["highs", "greedy"] = "highs") -> Cover:
    """Choose ``number`` sites so that most weight is covered: ``reaches`` (m, n) bool tells which site covers which place.

    Raises :class:`BadInput` where the posts that must stay are more than the number.
    """
    a = np.asarray(reaches, dtype=bool)
    sites, places = a.shape
    w = np.ones(places) if weights is None else np.asarray(weights, dtype=float)
    posted = sorted(set(there))
    if len(w) != places or (w < 0).any() or not np.isfinite(w).all():
        raise BadInput("the weights do not fit the places", mend="give one number from 0 for every place")
    if any(not 0 <= site < sites for site in posted):
        raise BadInput("a post stands on a site that is not in the list", mend="add it to the sites")
    staying = max(len(posted) - moves, 0)
    if number < max(staying, 1):
        raise BadInput(f"{number} posts are fewer than the {staying} that must stay", mend="allow more moves, or more posts")
    chosen = None if solver == "greedy" else _by_highs(a, w, number, posted, staying, seconds)
    greedy = _greedy(a, w, number, posted, moves)
    method: Literal["highs", "greedy"] = "greedy"
    if chosen is not None and w[a[chosen[0]].any(axis=0)].sum() >= w[a[greedy].any(axis=0)].sum():
        picked, bound, method = chosen[0], chosen[1], "highs"
    else:
        picked, bound = greedy, chosen[1] if chosen is not None else _bound(a, w, number, posted, staying)
    by_place: NDArray[np.bool_] = np.any(a[picked], axis=0)
    total = float(w.sum()) or 1.0
    covered = float(w[by_place].sum()) / total
    return Cover(tuple(picked), tuple(j for j in picked if j not in posted), tuple(j for j in posted if j not in picked), covered,
                 max(min(bound / total, 1.0), covered), method, by_place)


def _program(a: NDArray[np.bool_], w: NDArray[np.float64], number: int, posted: list[int],
             staying: int) -> tuple[NDArray[np.float64], csr_array, NDArray[np.float64]]:
    """``c, A, b`` of ``min c z, A z <= b`` with z = (x of the sites, y of the places)."""
    sites, places = a.shape
    cover = hstack([-csr_array(a.T.astype(float)), identity(places)])
    budget = np.concatenate([np.ones(sites), np.zeros(places)])
    stay = np.zeros(sites + places)
    stay[posted] = -1.0
    rows = csr_array(np.vstack([budget, stay]))
    limits = np.concatenate([np.zeros(places), [number, -staying]])
    return np.concatenate([np.zeros(sites), -w]), csr_array(vstack([cover, rows])), limits


def _by_highs(a: NDArray[np.bool_], w: NDArray[np.float64], number: int, posted: list[int], staying: int,
              seconds: float) -> tuple[list[int], float] | None:
    """Chosen sites and the bound on the weight; None where HiGHS found nothing in time."""
    sites, places = a.shape
    c, matrix, limit = _program(a, w, number, posted, staying)
    whole = np.concatenate([np.ones(sites), np.zeros(places)])
    found = milp(c, constraints=LinearConstraint(matrix, ub=limit), integrality=whole, bounds=Bounds(0, 1),
                 options={"time_limit": seconds})
    if found.x is None:
        return None
    bound = float(-found.mip_dual_bound) if found.mip_dual_bound is not None else float(w.sum())
    return [int(j) for j in np.flatnonzero(found.x[:sites] > 0.5)], bound


def _bound(a: NDArray[np.bool_], w: NDArray[np.float64], number: int, posted: list[int], staying: int) -> float:
    """The weight that no choice can exceed: the program without whole numbers."""
    c, matrix, limit = _program(a, w, number, posted, staying)
    found = linprog(c, A_ub=matrix, b_ub=limit, bounds=(0, 1), method="highs")
    return float(-found.fun) if found.status == 0 else float(w.sum())


def _greedy(a: NDArray[np.bool_], w: NDArray[np.float64], number: int, posted: list[int], moves: int) -> list[int]:
    """Keep the posts, give up those whose loss is least, then add the site that adds most, one after another."""
    kept = list(posted)
    while len(kept) > number or (moves > 0 and len(kept) > max(len(posted) - moves, 0)):
        times_covered = a[kept].sum(axis=0)
        loss = [float(w[a[j] & (times_covered == 1)].sum()) for j in kept]
        kept.pop(int(np.argmin(loss)))
    covered = a[kept].any(axis=0) if kept else np.zeros(a.shape[1], dtype=bool)
    while len(kept) < number:
        gain = a[:, ~covered].astype(float) @ w[~covered]
        gain[kept] = -1.0
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        kept.append(best)
        covered |= a[best]
    return sorted(kept)
