"""Where K new lots go: covering and p-median models propose sets of sites, simulated nights decide among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

from sim import where
from sim.parking.night import Night, Scene, scene_of
from sim.parking.outcome import MEASURES, outcome, walk_home
from sim.parking.plan import Lot, Option, ParkingPlan
from twin.errors import BadInput
from twin.places import District

FAR_M = 300.0
"""Who walks further than this from the car has not been served [m]."""
COVER_M = 250.0
"""A site covers the cars that belong within this walk of it [m]."""


@dataclass(frozen=True)
class Choice:
    """One proposed set of sites and how it did: ``mean`` of the measure over ``replications`` nights, the difference to
    the best set with its 95 % interval (None for the best), and the replication after which it was dropped."""

    sites: tuple[str, ...]
    proposed_by: str
    mean: float
    replications: int
    difference: float | None
    low: float | None
    high: float | None
    dropped_after: int | None


@dataclass(frozen=True)
class Siting:
    """The outcome of a search: choices, the best first; ``sure`` is a lower bound of the probability that no proposed
    set is better than the best by more than ``indifference``, in the unit of the measure."""

    measure: str
    choices: list[Choice]
    sure: float
    indifference: float

    def sentence(self) -> str:
        """What was found, in one sentence."""
        best = self.choices[0]
        return (f"{' + '.join(best.sites)}: {MEASURES[self.measure].label()} {best.mean:.1f}; with {_percent(self.sure)} "
                f"certainty no other of the {len(self.choices)} proposed sets is better by more than {self.indifference:g}.")


def site_lots(district: District, plan: ParkingPlan, k: int, *, measure: str = "unserved", proposals: int = 6,
              replications: int = 20, indifference: float = 2.0, alpha: float = 0.05, seed: int | None = None,
              on_progress: Callable[[float], None] | None = None) -> Siting:
    """Choose ``k`` of the plan's sites for new lots, so that a measure of the night is least.

    Half of the proposals come from the p-median model (least walking of the unserved), half from covering (most of the
    unserved within a walk of 250 m). They meet the same nights, and sets that fall behind are dropped by the
    sequential procedure of Kim and Nelson (2001, ACM TOMACS 11(3)). Raises :class:`BadInput` for too few
    sites, an unknown measure, and sites that nobody can reach.
    """
    if measure not in MEASURES or MEASURES[measure].better != "less" or measure == "blocked":
        raise BadInput(f"the measure {measure!r} cannot be searched for", where=plan.name, mend="say unserved or search_mean")
    if not 1 <= k <= len(plan.sites):
        raise BadInput(f"{k} of {len(plan.sites)} sites cannot be chosen", where=plan.name,
                       mend="list candidates under `sites:` and ask for at most as many")
    if replications < 3:
        raise BadInput(f"{replications} replications say nothing about chance", where=plan.name, mend="ask for at least 3")
    first = plan.seed if seed is None else seed
    base = scene_of(district, plan, _with(plan, [site.id for site in plan.sites], district))
    sets = _propose(base, plan, k, proposals, _unserved(district, plan, first))
    scenes = [scene_of(district, plan, _with(plan, names, district)) for names, _ in sets]
    values = np.full((len(sets), replications), np.nan)
    alive, dropped = list(range(len(sets))), dict.fromkeys(range(len(sets)))
    start = min(max(5, replications // 4), replications)
    for r in range(replications):
        for s in alive:
            night = Night(scenes[s], plan, first + r).run()
            values[s, r] = outcome(night, district).measures[measure]
        if on_progress is not None:
            on_progress((r + 1) / replications)
        if r + 1 >= start:
            for s in _behind(values[:, :r + 1], alive, start, indifference, alpha):
                alive.remove(s)
                dropped[s] = r + 1
            if len(alive) == 1:
                break
    return _told(sets, values, alive, dropped, measure, indifference)


def _with(plan: ParkingPlan, sites: list[str] | tuple[str, ...], district: District) -> Option:
    """The option of building on some sites: square lots of 27 m2 a car."""
    lots = []
    for site in plan.sites:
        if site.id in sites:
            at, half = where.point(district, site.at, f"site {site.id}"), np.sqrt(site.capacity * 27.0) / 2
            x, y = at.x + district.origin[0], at.y + district.origin[1]
            ring = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
            lots.append(Lot(id=site.id, area=ring, capacity=site.capacity, price=site.price, access="public"))
    return Option(lots=lots)


def _unserved(district: District, plan: ParkingPlan, seed: int, nights: int = 3) -> NDArray[np.float64]:
    """Cars of each home without a legal bay within 300 m as things are, mean over nights, (h,)."""
    scene = scene_of(district, plan)
    total = np.zeros(len(scene.homes.id))
    for s in range(nights):
        night = Night(scene, plan, seed + s).run()
        place = night.columns["place"]
        lacking = (place < 0) | ~scene.supply.legal[place] | (walk_home(night) > FAR_M)
        total += np.bincount(night.cars.home[lacking], minlength=len(total))
    return total / nights


def _propose(scene: Scene, plan: ParkingPlan, k: int, most: int, unserved: NDArray[np.float64]
             ) -> list[tuple[tuple[str, ...], str]]:
    """Sets of sites with the model that proposed them: the best of both models, each time without those found."""
    p, homes = len(scene.supply), np.flatnonzero(unserved > 0)
    ids = list(scene.supply.id)
    rows = [ids.index(site.id) for site in plan.sites]
    nodes, off = scene.network.joined, scene.network.off
    walk = scene.network.distances(nodes[rows], nodes[p:][homes], "walk").T.astype(float)
    walk += off[p:][homes][:, None] + off[rows][None, :]
    walk = np.minimum(walk, plan.drivers.walk_limit_m)
    names = [site.id for site in plan.sites]
    capacity = np.array([site.capacity for site in plan.sites], float)
    most = min(most, comb(len(names), k))
    if not len(homes):
        return [(tuple(names[j] for j in c), "any") for c in list(combinations(range(len(names)), k))[:most]]
    saving = {"p-median": plan.drivers.walk_limit_m - walk, "covering": (walk <= COVER_M).astype(float)}
    found: list[tuple[int, ...]] = []
    out: list[tuple[tuple[str, ...], str]] = []
    while len(out) < most:
        model = ("p-median", "covering")[len(out) % 2]
        chosen = _best_set(saving[model], unserved[homes], capacity, k, found)
        if chosen is None:
            break
        found.append(chosen)
        out.append((tuple(names[j] for j in chosen), model))
    return out


def _best_set(saving: NDArray[np.float64], weight: NDArray[np.float64], capacity: NDArray[np.float64], k: int,
              without: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The k sites that save most, ``saving (h, s)`` for each unserved car, within their capacities; HiGHS.

    Variables: whether each site is built, then the share of each home that each site serves. ``without`` are sets
    that may not come again. None where there is no other set.
    """
    h, s = saving.shape
    share = s + np.arange(h * s).reshape(h, s)
    rows: list[NDArray[np.int64]] = []
    cols: list[NDArray[np.int64]] = []
    data: list[NDArray[np.float64]] = []
    low: list[float] = []
    high: list[float] = []

    def add(columns: NDArray[np.int64], factors: NDArray[np.float64], least: float, most: float) -> None:
        rows.append(np.full(len(columns), len(low)))
        cols.append(columns)
        data.append(factors)
        low.append(least)
        high.append(most)

    add(np.arange(s), np.ones(s), k, k)
    for i in range(h):
        add(share[i], np.ones(s), 0, 1)
    for j in range(s):
        add(np.append(share[:, j], j), np.append(weight, -capacity[j]), -np.inf, 0)
    for chosen in without:
        add(np.array(chosen), np.ones(len(chosen)), -np.inf, k - 1)
    matrix = coo_matrix((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(len(low), s + h * s))
    cost = -np.concatenate([np.zeros(s), (weight[:, None] * saving).ravel()])
    whole = np.concatenate([np.ones(s), np.zeros(h * s)])
    solved = milp(cost, constraints=LinearConstraint(matrix.tocsr(), low, high), integrality=whole, bounds=Bounds(0, 1),
                  options={"time_limit": 20.0})
    return None if solved.x is None else tuple(int(j) for j in np.flatnonzero(solved.x[:s] > 0.5))


def _behind(values: NDArray[np.float64], alive: list[int], start: int, delta: float, alpha: float) -> list[int]:
    """Sets that the procedure of Kim and Nelson drops after ``values (sets, r)``; at least one stays."""
    r, m = values.shape[1], len(values)
    if m < 2:
        return []
    eta = 0.5 * ((2 * alpha / (m - 1)) ** (-2 / (start - 1)) - 1)
    h2 = 2 * eta * (start - 1)
    mean = {s: values[s].mean() for s in alive}
    out = []
    for i in alive:
        for other in alive:
            if other == i or other in out:
                continue
            spread = float(np.var(values[i, :start] - values[other, :start], ddof=1))
            room = max(0.0, delta / 2 * (h2 * spread / delta**2 - r)) / r
            if mean[i] > mean[other] + room and mean[i] > mean[other]:
                out.append(i)
                break
    return out


def _told(sets: list[tuple[tuple[str, ...], str]], values: NDArray[np.float64], alive: list[int],
          dropped: dict[int, int | None], measure: str, delta: float) -> Siting:
    best = min(alive, key=lambda s: (float(np.nanmean(values[s])), s))
    choices, doubt = [], 0.0
    for s, (names, model) in enumerate(sets):
        n = int(np.isfinite(values[s]).sum())
        gap = low = high = None
        if s != best:
            pairs = values[s, :n] - values[best, :n]
            gap, error = float(pairs.mean()), float(pairs.std(ddof=1) / np.sqrt(n))
            half = float(stats.t.ppf(0.975, n - 1)) * error
            low, high = gap - half, gap + half
            doubt += float(stats.t.sf((gap + delta) / error, n - 1)) if error > 0 else 0.0
        choices.append(Choice(names, model, float(np.nanmean(values[s])), n, gap, low, high, dropped[s]))
    choices.sort(key=lambda c: (c.difference is not None, c.difference or 0.0, c.sites))
    return Siting(measure, choices, max(0.0, 1.0 - doubt), delta)


def _percent(share: float) -> str:
    return "more than 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


__all__ = ["Choice", "Siting", "site_lots"]
