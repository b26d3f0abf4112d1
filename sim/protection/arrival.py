"""How soon help is there, by kind of problem: percentiles of turnout, travel and response under crowding.

Many replications of the calls are answered (:mod:`sim.protection.answer`); percentiles are those of all their calls,
shares in time come with a 95 % interval over the replications (Student's t), because calls of one replication are not
independent of each other: they share the staff.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sim.protection.answer import Answer, Answering, Travel, travel_times
from sim.protection.calls import Places, draw_calls, places
from sim.protection.crowding import Period, expected
from sim.protection.plan import Plan, Station

PERCENTILES = (50, 90, 95)
REPLICATIONS = 40


@dataclass(frozen=True)
class Arrivals:
    """How the calls were answered.

    ``calls`` has one row a call: ``seed, problem, time_s, x, y, waited_s, turnout_s, travel_s, first_s, whole_s``
    (NaN where nobody came). ``table`` has one row a problem: ``problem, calls, unanswered``, ``turnout_p50`` ...
    ``whole_p95`` [s], ``share_in_time`` with ``low, high``, what is promised, and whether that is ``kept`` (the lower end
    of the interval reaches it), ``missed`` (the upper end does not) or ``open``.
    """

    calls: pd.DataFrame
    table: pd.DataFrame


@dataclass(frozen=True)
class Prepared:
    """What does not change from seed to seed: the crowd, the places of problems, and the walking times."""

    periods: list[Period]
    places: Places
    travel: Travel


def prepare(plan: Plan, stations: Sequence[Station], periods: list[Period] | None = None) -> Prepared:
    """Find the places of problems and the walking times from all stations; the crowd is the expected one if not given."""
    periods = periods or expected(plan)
    where = places(plan, periods, plan.scenario.seed)
    return Prepared(periods, where, travel_times(plan, stations, periods, where))


def arrivals(plan: Plan, prepared: Prepared | None = None, *, stations: Sequence[Station] | None = None,
             replications: int = REPLICATIONS, on_progress: Callable[[float], None] | None = None) -> Arrivals:
    """Answer the calls of several replications with the stations of a plan (or others)."""
    manned = list(plan.stations if stations is None else stations)
    prepared = prepared or prepare(plan, manned)
    rows = []
    first = plan.scenario.seed
    for seed in range(first, first + replications):
        calls = draw_calls(plan, prepared.periods, prepared.places, seed)
        answers = Answering(plan, manned, prepared.travel, seed).answer(calls)
        rows += [_row(seed, answer, prepared.places.xy) for answer in answers]
        if on_progress is not None:
            on_progress((seed - first + 1) / replications)
    table = pd.DataFrame(rows, columns=["seed", "problem", "time_s", "x", "y", "waited_s", "turnout_s", "travel_s", "first_s",
                                        "whole_s"])
    seeds = range(first, first + replications)
    return Arrivals(table, pd.DataFrame([_summary(plan, name, table, seeds) for name in plan.protection.problems]))


def _row(seed: int, answer: Answer, xy: NDArray[np.float64]) -> tuple[object, ...]:
    call = answer.call
    return (seed, call.problem, call.time_s, xy[call.place, 0], xy[call.place, 1], answer.waited, answer.turnout, answer.travel,
            answer.first, answer.whole)


def shares_in_time(plan: Plan, problem: str, calls: pd.DataFrame, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Share of the calls of a problem that were answered in time, one number a replication; NaN where there was no call."""
    mine = calls[calls["problem"] == problem]
    in_time = mine["first_s"] <= 60 * plan.protection.problems[problem].within_min
    by_seed = in_time.groupby(mine["seed"]).mean()
    return by_seed.reindex(list(seeds)).to_numpy(dtype=float)


def interval(values: NDArray[np.float64], *, tries: int = 1) -> tuple[float, float, float]:
    """Mean of what is known, and the ends of its 95 % interval (Student's t), for ``tries`` together (Bonferroni)."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    mean = float(known.mean())
    if len(known) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf(1 - 0.025 / tries, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return mean, mean - half, mean + half


def _summary(plan: Plan, name: str, table: pd.DataFrame, seeds: Sequence[int]) -> dict[str, object]:
    problem = plan.protection.problems[name]
    mine = table[table["problem"] == name]
    row: dict[str, object] = {"problem": name, "calls": len(mine), "unanswered": int(mine["first_s"].isna().sum())}
    for part in ("turnout", "travel", "first", "whole"):
        known = mine[f"{part}_s"].to_numpy(dtype=float)
        # Who never came has to count: a percentile that falls among them is infinite.
        known = np.sort(np.where(np.isnan(known), np.inf, known))
        for percent in PERCENTILES:
            row[f"{part}_p{percent}"] = float(known[int(np.ceil(percent / 100 * len(known))) - 1]) if len(known) else np.nan
    mean, low, high = interval(shares_in_time(plan, name, table, seeds))
    kept = "kept" if low >= problem.share else "missed" if high < problem.share else "open"
    return row | {"share_in_time": mean, "low": max(low, 0.0), "high": min(high, 1.0), "within_min": problem.within_min,
                  "promised": problem.share, "verdict": kept}
