"""A past to try the forecast on: counts of former years from a CSV, or one that went as the assumptions say."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.cohort import AGES, Assumptions, Backtest, backtest, forecast

COLUMNS = ("year", "grid", *(f"age_{a}" for a in range(AGES)), "women")
Counts = NDArray[np.int64]


def read_history(path: str | PathLike[str]) -> tuple[Counts, Counts]:
    """Children (years, grids, 4) and women of 20-44 (years, grids) from a CSV with the columns :data:`COLUMNS`.

    Raises :class:`BadInput` for a missing column, a year without one of the grids, and counts that are no whole numbers of 0
    or more.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise BadInput("there is no such file", where=str(path), mend=f"give a CSV with {', '.join(COLUMNS)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput("this is not a CSV file", where=str(path), mend="export it again as CSV") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise BadInput(f"there is no column {missing[0]}", where=str(path), mend=f"give {', '.join(COLUMNS)}")
    numbers = table[list(COLUMNS[2:])].apply(pd.to_numeric, errors="coerce")
    wrong = numbers.isna().any(axis=1) | (numbers < 0).any(axis=1) | (numbers != numbers.round()).any(axis=1)
    if wrong.any():
        raise BadInput("a count is not a whole number of 0 or more", where=f"{path} line {int(wrong.to_numpy().argmax()) + 2}",
                       mend="give counts of children and women")
    years, grids = sorted(table["year"].unique()), sorted(table["grid"].astype(str).unique())
    if len(table) != len(years) * len(grids) or table.duplicated(["year", "grid"]).any():
        raise BadInput(f"{len(years)} years of {len(grids)} grids are not one row each", where=str(path),
                       mend="give every grid once in every year")
    ordered = numbers.assign(year=table["year"], grid=table["grid"].astype(str)).sort_values(["year", "grid"])
    shape = (len(years), len(grids))
    children = ordered[[f"age_{a}" for a in range(AGES)]].to_numpy(np.int64).reshape(*shape, AGES)
    return children, ordered["women"].to_numpy(np.int64).reshape(shape)


def drawn_past(children: Counts, women: Counts, assumptions: Assumptions, *, years: int = 10, seed: int = 1
               ) -> tuple[Counts, Counts]:
    """A past (years, grids, 4) that begins at ``children (grids, 4)`` and goes as the assumptions say, and its women."""
    went = forecast(children, women, assumptions, years=years - 1, draws=1, seed=seed).draws[0]
    return np.concatenate([children[None], went]), np.tile(women, (years, 1))


def tried(children: Counts, women: Counts, assumptions: Assumptions, *, pasts: int = 5, years: int = 10, ahead: int = 2,
          seed: int = 1) -> Backtest:
    """The backtest over several drawn pasts: whether intervals cover as often as they say, if the assumptions are right."""
    made = []
    for k in range(pasts):
        past, of = drawn_past(children, women, assumptions, years=years, seed=seed + 1000 * (k + 1))
        made.append(backtest(past, of, assumptions, years=ahead, draws=400, seed=seed).table.assign(past=k))
    return Backtest(pd.concat(made, ignore_index=True))


__all__ = ["COLUMNS", "drawn_past", "read_history", "tried"]
