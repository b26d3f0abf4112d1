"""Which posts to move: maximal covering proposes, simulation decides.

Maximal covering (:func:`twin.patrol.maximal_cover`) knows neither that staff are away on other calls nor that several
are needed: it proposes, for one move, for two and so on. Every proposal then answers the same calls as the plan as it
is, and is taken only if the interval of the paired difference says that it is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sim.draw import quantile
from sim.protection.answer import Travel
from sim.protection.arrival import Prepared, arrivals, interval, prepare, shares_in_time
from sim.protection.crowding import Period
from sim.protection.plan import Plan, Station
from sim.terms import Span
from twin.errors import BadInput
from twin.patrol import Cover, maximal_cover, watch_of

EVERY_M = 60.0
"""Sites are this far apart along the streets."""
REPLICATIONS = 30
_SECONDS = 5.0


@dataclass(frozen=True)
class Move:
    """A post and where it goes (district CRS)."""

    post: str
    from_xy: tuple[float, float]
    to_xy: tuple[float, float]
    site: str


@dataclass(frozen=True)
class Proposal:
    """Some moves, what covering promises of them, and what simulation found.

    ``covered`` is the share of the problems whose place a post can reach in time, all being free. ``share`` is that which
    was answered in time, ``better`` the paired difference to the plan as it is, with its 95 % interval for all proposals
    together (the best of many looks better than it is). ``others`` are the differences for every other problem.
    """

    moves: list[Move]
    covered: float
    bound: float
    share: float
    better: float
    low: float
    high: float
    others: dict[str, tuple[float, float, float]]

    @property
    def taken(self) -> bool:
        """Better for sure, and worse for sure in nothing else."""
        return self.low > 0 and all(high >= 0 for _, _, high in self.others.values())


@dataclass(frozen=True)
class Moves:
    """What was proposed for a problem, and which proposal, if any, is best (index into ``proposals``)."""

    problem: str
    share_now: float
    covered_now: float
    proposals: list[Proposal]
    best: int | None


def propose(plan: Plan, problem: str | None = None, *, most: int = 3, periods: list[Period] | None = None,
            replications: int = REPLICATIONS, on_progress: Callable[[float], None] | None = None) -> Moves:
    """Find better places for up to ``most`` posts of the kind that answers a problem first.

    Without a problem the one is taken whose promise is furthest from being kept. Raises :class:`BadInput` where no post
    of the plan could answer it.
    """
    if problem is not None and problem not in plan.protection.problems:
        raise BadInput(f"there is no problem {problem!r}", where=plan.scenario.name,
                       mend=f"choose one of {', '.join(plan.protection.problems)}")
    watch = watch_of(plan.district, plan.ground, piece_m=EVERY_M).places
    street = watch[watch["kind"] == "street"]
    sites = [Station(f"site:{name}", "steward", 0, 0, Span(), np.array([[x, y]]), name, "site")
             for name, x, y in zip(street["id"], street["x"], street["y"], strict=True)]
    prepared = prepare(plan, [*plan.stations, *sites], periods)
    now = arrivals(plan, prepared, replications=replications)
    if problem is None:
        gap = now.table["promised"] - now.table["share_in_time"]
        problem = str(now.table["problem"][int(gap.argmax())])
    kind = next(iter(plan.protection.problems[problem].needs))
    posts = [s for s in plan.stations if s.role != "round" and s.kind == kind and s.staff > s.stay]
    if not posts:
        raise BadInput(f"no post has {kind} who may leave it", where=plan.scenario.name, mend=f"add a post of kind {kind}")
    seeds = range(plan.scenario.seed, plan.scenario.seed + replications)
    shares = {name: shares_in_time(plan, name, now.calls, seeds) for name in plan.protection.problems}
    proposals: list[Proposal] = []
    tried: set[tuple[Move, ...]] = set()
    cover = _cover(plan, prepared, problem, kind, posts, sites, 0)
    covered_now = cover.covered
    for k in range(1, min(most, len(posts)) + 1):
        cover = _cover(plan, prepared, problem, kind, posts, sites, k)
        moves = _moves(cover, posts, sites)
        if moves and tuple(moves) not in tried:
            tried.add(tuple(moves))
            proposals.append(_decided(plan, prepared, problem, moves, cover, shares, seeds, tries=most))
        if on_progress is not None:
            on_progress(k / min(most, len(posts)))
    good = [k for k, proposal in enumerate(proposals) if proposal.taken]
    best = max(good, key=lambda k: proposals[k].better) if good else None
    return Moves(problem, interval(shares[problem])[0], covered_now, proposals, best)


def _cover(plan: Plan, prepared: Prepared, problem: str, kind: str, posts: Sequence[Station], sites: Sequence[Station],
           moves: int) -> Cover:
    """The best choice of sites when some of the posts may move; with no moves the posts as they are."""
    spec, staff = plan.protection.problems[problem], plan.scenario.staff
    turnout = float(quantile(staff.turnout_of(kind), np.array([0.9]))[0])  # type: ignore[arg-type]
    left = 60 * spec.within_min - turnout
    stands = [*posts, *sites]
    walk = _walks(prepared.travel, stands) / staff.speed_of(kind)  # type: ignore[arg-type]
    length = np.array([p.until_s - p.from_s for p in prepared.periods])
    weight = (prepared.places.weight[problem] * (length / length.sum())[:, None]).ravel()
    some = weight > 0
    reaches = (walk <= left).transpose(2, 0, 1).reshape(len(stands), -1)[:, some]
    return maximal_cover(reaches, number=len(posts), weights=weight[some], there=range(len(posts)), moves=moves, seconds=_SECONDS)


def _walks(travel: Travel, stands: Sequence[Station]) -> NDArray[np.float32]:
    """Walking times (periods, places, stands) at 1 m/s from where each stands."""
    return travel.seconds[:, :, [int(travel.columns[s.id][0]) for s in stands]]


def _moves(cover: Cover, posts: Sequence[Station], sites: Sequence[Station]) -> list[Move]:
    """Who goes where: posts that are given up to new sites, with the least walking altogether."""
    stands = [*posts, *sites]
    gone, new = [stands[k] for k in cover.given_up], [stands[k] for k in cover.added]
    far = np.array([[np.hypot(*np.subtract(a.home, b.home)) for b in new] for a in gone]).reshape(len(gone), len(new))
    pairs = zip(*linear_sum_assignment(far), strict=True) if len(gone) and len(new) else ()
    return [Move(gone[i].id, gone[i].home, new[j].home, new[j].of) for i, j in pairs]


def moved(stations: Sequence[Station], moves: Sequence[Move]) -> list[Station]:
    """The stations with some posts in other places."""
    to = {move.post: move.to_xy for move in moves}
    return [replace(s, track=np.array([to[s.id]])) if s.id in to else s for s in stations]


def _decided(plan: Plan, prepared: Prepared, problem: str, moves: list[Move], cover: Cover,
             now: dict[str, NDArray[np.float64]], seeds: range, *, tries: int) -> Proposal:
    """Let the plan with the moves answer the same calls, and compare."""
    stations = moved(plan.stations, moves)
    columns = prepared.travel.columns | {move.post: prepared.travel.columns[f"site:{move.site}"] for move in moves}
    travel = replace(prepared.travel, columns=columns)
    then = arrivals(plan, replace(prepared, travel=travel), stations=stations, replications=len(seeds))
    differences = {name: interval(shares_in_time(plan, name, then.calls, seeds) - now[name]) for name in now}
    differences.pop(problem)
    better, low, high = interval(shares_in_time(plan, problem, then.calls, seeds) - now[problem], tries=tries)
    share = interval(shares_in_time(plan, problem, then.calls, seeds))[0]
    return Proposal(moves, cover.covered, cover.bound, share, better, low, high, differences)
