"""A patrol schedule that nobody can foretell: tours drawn slot by slot with the chances that the game gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sim.draw import stream
from sim.protected import Patrols
from sim.protection.game import Mixed, drawn_by_comb, improved, marginals, side_by_side
from sim.protection.plan import PATROL_SPEED, Plan
from twin.errors import BadInput

_NEVER = 1e9  # s of walking, where there is no way


@dataclass(frozen=True)
class Tour:
    """Risk places (indices) in the order of walking, and the time once round [s], staying at each included."""

    places: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Schedule:
    """Who walks where when, and what it is worth.

    ``rows`` has ``slot, start_s, team, tour, stops`` (ids of risk places, in the order of walking), ``round_min`` and
    ``walk_min`` (from the tour before). ``places`` has one row a risk place: ``risk, weight, chance`` that an attack is met,
    ``gain`` (what an attacker can expect there), ``best`` (the chance that the program allows at most). ``value`` is the most
    that an attacker who knows everything but the draw can expect, ``bound`` what no schedule can go below, ``fixed`` his gain
    if the best tours were walked every time, ``by_comb`` if tours were drawn with the marginals alone.
    """

    rows: pd.DataFrame
    places: pd.DataFrame
    tours: list[Tour]
    mix: Mixed
    value: float
    bound: float
    fixed: float
    by_comb: float


def schedule(plan: Plan, seed: int, *, slots: int | None = None) -> Schedule:
    """Draw a schedule for the scenario's duration, or for some number of slots.

    Whoever knows the seed knows the schedule: keep it as secret as the schedule itself.
    """
    patrols = plan.protection.patrols
    if not plan.risks:
        raise BadInput("patrols need risk places to watch", where=plan.scenario.name, mend="add `protection: risks:`")
    between = _between(plan)
    tours = make_tours(between, patrols)
    meets = chances(tours, len(plan.risks), patrols)
    weight = np.array([risk.spec.weight for risk in plan.risks])
    game = marginals(meets, weight, patrols.teams)
    by_comb = drawn_by_comb(game, side_by_side(game.x, meets), meets, weight)
    mix = improved(by_comb, meets, weight, patrols.teams)
    number = slots or max(int(plan.scenario.duration_s // (60 * patrols.slot_min)), 1)
    rows = _timetable(plan, tours, mix, between, seed, number)
    names = [risk.spec.id for risk in plan.risks]
    places = pd.DataFrame({"risk": names, "weight": weight, "chance": mix.cover, "gain": weight * (1 - mix.cover),
                           "best": game.cover})
    return Schedule(rows, places, tours, mix, mix.value, game.value, _fixed(meets, weight, patrols.teams), by_comb.value)


def _between(plan: Plan) -> NDArray[np.float64]:
    """Walking times between risk places at the pace of a patrol [s]: (n, n)."""
    xy = np.array([risk.xy for risk in plan.risks])
    return plan.ground.time_table(xy, xy, speed=PATROL_SPEED)


def make_tours(between: NDArray[np.float64], patrols: Patrols) -> list[Tour]:
    """Tours that fit into a slot: from every risk place, the next nearest one after another is put where it costs least.

    ``between`` (n, n) are walking times [s]. Each tour of every length is kept, once.
    """
    dwell, longest = 60 * patrols.dwell_min, 60 * patrols.slot_min
    found: dict[frozenset[int], Tour] = {}
    for first in range(len(between)):
        way = [first]
        found.setdefault(frozenset(way), Tour((first,), 0.0))
        for k in np.argsort(between[first], kind="stable").tolist():
            if k in way or not np.isfinite(between[first, k]):
                continue
            longer = min(([*way[:p], k, *way[p:]] for p in range(1, len(way) + 1)), key=lambda w: _round(w, between))
            seconds = _round(longer, between) + dwell * len(longer)
            if seconds > longest:
                break
            way = longer
            known = found.get(frozenset(way))
            if known is None or seconds < known.seconds:
                found[frozenset(way)] = Tour(tuple(way), seconds)
    return list(found.values())


def _round(way: list[int], between: NDArray[np.float64]) -> float:
    return float(between[way, way[1:] + way[:1]].sum())


def chances(tours: list[Tour], places: int, patrols: Patrols) -> NDArray[np.float64]:
    """The chance (tours, places) that an attack at a place is met by the patrol of a tour.

    A patrol that goes round in L seconds, beginning anywhere on its tour, stands at each place for the dwell and comes by
    within an attack's time with the chance min(1, (dwell + attack) / L). Whoever stays at one place meets everything.
    """
    out = np.zeros((len(tours), places))
    for b, tour in enumerate(tours):
        share = 1.0 if tour.seconds <= 0 else min((patrols.dwell_min + patrols.attack_min) * 60 / tour.seconds, 1.0)
        out[b, list(tour.places)] = share
    return out


def _fixed(meets: NDArray[np.float64], weight: NDArray[np.float64], teams: int) -> float:
    """An attacker's gain if the same tours were walked in every slot, chosen one after another for what they watch."""
    missed = np.ones(meets.shape[1])
    for _ in range(min(teams, len(meets))):
        best = int(np.argmax(meets @ (weight * missed)))
        missed = missed * (1 - meets[best])
    return float((weight * missed).max())


def _timetable(plan: Plan, tours: list[Tour], mix: Mixed, between: NDArray[np.float64], seed: int,
               slots: int) -> pd.DataFrame:
    """Draw every slot anew; teams get the tours that they are nearest to, and begin anywhere on them, either way round."""
    patrols = plan.protection.patrols
    names = [risk.spec.id for risk in plan.risks]
    random = stream(seed, "protection/schedule")
    last: list[int | None] = [None] * patrols.teams
    rows = []
    for slot in range(slots):
        drawn = mix.sets[min(int(np.searchsorted(np.cumsum(mix.q), random.random(), side="right")), len(mix.sets) - 1)]
        ways = []
        for tour in (tours[b] for b in drawn):
            start = int(random.integers(len(tour.places)))
            way = tour.places[start:] + tour.places[:start]
            ways.append(way if random.random() < 0.5 else way[:1] + way[:0:-1])
        walk = np.array([[0.0 if at is None else between[at, way[0]] for way in ways] for at in last])
        for team, k in zip(*linear_sum_assignment(np.where(np.isfinite(walk), walk, _NEVER)), strict=True):
            rows.append((slot, slot * 60 * patrols.slot_min, f"{patrols.kind}-{team + 1:02d}", int(drawn[k]),
                         tuple(names[p] for p in ways[k]), tours[drawn[k]].seconds / 60, float(walk[team, k]) / 60))
            last[team] = ways[k][-1]
    return pd.DataFrame(rows, columns=["slot", "start_s", "team", "tour", "stops", "round_min", "walk_min"])
