"""Children of 0 to 3 over the next years, by grid, cohort by cohort, with intervals from stated assumptions.

Every year each grid has births, Poisson with mean ``women (20-44) x birth rate``; children grow a year older, survive, move
away, and others move in. What is not known is drawn: the birth rate of a year (lognormal, one for the whole place, because
good and bad years strike everywhere), and who in particular is born, dies and moves. Intervals are quantiles of the draws;
they hold as far as the assumptions do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.places.synthetic.streams import stream

AGES = 4
FERTILE = (20, 44)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assumptions:
    """What the forecast takes to be so: rates a year."""

    births_per_woman: float = 0.039
    """Births a year for each woman of 20 to 44; with the default marginals this keeps the number of children as it is."""
    birth_spread: float = 0.12
    """Standard deviation of the logarithm of the birth rate, drawn anew every year for the whole place."""
    survival: float = 0.998
    moving_out: float = 0.08
    """Share of children who move away in a year."""
    moving_in: float = 0.08
    """Children who move in a year, for each child in the grid at the start."""
    moving_spread: float = 0.15
    """Standard deviation of the logarithm of the rate of moving in, for the whole place."""

    def __post_init__(self) -> None:
        for name in ("births_per_woman", "birth_spread", "moving_in", "moving_spread"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name} is {getattr(self, name):g}", where="assumptions", mend="give a rate of 0 or more")
        for name in ("survival", "moving_out"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name):g}", where="assumptions", mend="give a share from 0 to 1")


@dataclass(frozen=True)
class Forecast:
    """Draws of children by year, grid and age: ``draws`` (draws, years, grids, 4) int64; year 0 is a year from the start."""

    draws: NDArray[np.int64]

    def intervals(self) -> pd.DataFrame:
        """Children of 0-3, one row a grid and year: ``grid`` (row number), ``year, mean, low_80, high_80, low_95, high_95``."""
        total = self.draws.sum(axis=3)
        low95, low80, high80, high95 = np.quantile(total, [0.025, 0.1, 0.9, 0.975], axis=0, method="inverted_cdf")
        years, grids = total.shape[1:]
        year, grid = np.divmod(np.arange(years * grids), grids)
        return pd.DataFrame({"grid": grid, "year": year + 1, "mean": total.mean(axis=0).ravel(), "low_80": low80.ravel(),
                             "high_80": high80.ravel(), "low_95": low95.ravel(), "high_95": high95.ravel()})

    def whole(self) -> pd.DataFrame:
        """The same for all grids together, one row a year."""
        return Forecast(self.draws.sum(axis=2, keepdims=True)).intervals().drop(columns="grid")


def forecast(children: NDArray[np.int64], women: NDArray[np.int64], assumptions: Assumptions | None = None, *, years: int = 2,
             draws: int = 2000, seed: int = 1) -> Forecast:
    """Forecast from ``children`` (grids, 4) of 0 to 3 and ``women`` of 20 to 44 (grids,), who are taken not to change."""
    children, women = np.asarray(children), np.asarray(women)
    if children.ndim != 2 or children.shape[1] != AGES or women.shape != (len(children),):
        raise BadInput(f"children {children.shape} and women {women.shape} do not fit", where="forecast",
                       mend="give children (grids, 4) and women (grids,)")
    if (children < 0).any() or (women < 0).any():
        raise BadInput("there are fewer than no people in a grid", where="forecast", mend="give counts of 0 or more")
    if years < 1 or draws < 1:
        raise BadInput(f"{years} years and {draws} draws are too few", where="forecast", mend="ask for one or more of each")
    a = assumptions or Assumptions()
    rng = stream(seed, "people forecast")
    now = np.broadcast_to(children, (draws, *children.shape)).astype(np.int64)
    settled = children.astype(float)
    out = np.empty((draws, years, *children.shape), dtype=np.int64)
    for year in range(years):
        # A lognormal of mean 1, so that the spread widens the interval and does not lift the middle.
        good = np.exp(rng.normal(-a.birth_spread**2 / 2, a.birth_spread, (draws, 1)))
        drawn_in = np.exp(rng.normal(-a.moving_spread**2 / 2, a.moving_spread, (draws, 1, 1)))
        born = rng.poisson(a.births_per_woman * women * good)
        stay = rng.binomial(now, a.survival * (1 - a.moving_out))
        come = rng.poisson(a.moving_in * settled * drawn_in)
        aged = np.concatenate([born[:, :, None], stay[:, :, :-1]], axis=2)
        now = aged + come
        out[:, year] = now
    return Forecast(out)


@dataclass(frozen=True)
class Backtest:
    """How the forecast would have done: one row an origin, grid and year in ``table``."""

    table: pd.DataFrame

    def scores(self) -> pd.DataFrame:
        """By years ahead: ``year, cases, bias, mae, covered_80, covered_95`` (bias is forecast less truth, in children)."""
        t = self.table
        return t.assign(bias=t["mean"] - t["truth"], mae=(t["mean"] - t["truth"]).abs(),
                        covered_80=t["truth"].between(t["low_80"], t["high_80"]).astype(float),
                        covered_95=t["truth"].between(t["low_95"], t["high_95"]).astype(float)).groupby("year").agg(
            cases=("truth", "size"), bias=("bias", "mean"), mae=("mae", "mean"), covered_80=("covered_80", "mean"),
            covered_95=("covered_95", "mean")).reset_index()


def backtest(history: NDArray[np.int64], women: NDArray[np.int64], assumptions: Assumptions | None = None, *, years: int = 2,
             draws: int = 1000, seed: int = 1, origins: Sequence[int] | None = None) -> Backtest:
    """Forecast from every past year that has ``years`` years after it, and compare with what came.

    ``history`` is (years, grids, 4) children of 0 to 3, ``women`` (years, grids). Nothing after an origin is used.
    """
    history, women = np.asarray(history), np.asarray(women)
    possible = range(len(history) - years)
    chosen = list(possible if origins is None else origins)
    if not chosen or not set(chosen) <= set(possible):
        raise BadInput(f"{len(history)} years of history hold no origin with {years} years after it", where="backtest",
                       mend="give a longer history or look fewer years ahead")
    found = []
    for origin in chosen:
        made = forecast(history[origin], women[origin], assumptions, years=years, draws=draws, seed=seed + origin).intervals()
        truth = history[origin + 1:origin + 1 + years].sum(axis=2)
        found.append(made.assign(origin=origin, truth=truth[made["year"] - 1, made["grid"]]))
    return Backtest(pd.concat(found, ignore_index=True))
