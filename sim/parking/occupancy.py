"""Counts of car parks, cleaned, and the arrival and departure profiles that they give.

The files are like those of Birmingham (UK): no header; lot, capacity, cars, local time. Dirty rows are counted and told.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.scenario import Arrivals
from twin.errors import BadInput

SLOT_S = 1800
"""Width of the time slots of a profile [s]."""


@dataclass(frozen=True)
class Counts:
    """``rows`` (lot, capacity, cars, time) that can be used, and how many were dropped and why.

    ``over`` rows hold more cars than bays; those within 5 % (cars in the aisles) are kept and set to the capacity,
    ``over_kept`` counts them.
    """

    rows: pd.DataFrame
    read: int
    negative: int
    over: int
    over_kept: int
    duplicate: int
    unreadable: int

    def sentence(self) -> str:
        """What was read and what was wrong with it."""
        return (f"{self.read:,} rows of {self.rows['lot'].nunique()} car parks: {self.unreadable} unreadable, {self.negative} "
                f"negative, {self.over} over capacity ({self.over_kept} of them by at most 5 %, kept as full), "
                f"{self.duplicate} duplicates; {len(self.rows):,} rows used")


@dataclass(frozen=True)
class Profile:
    """Of the capacity, in slots of half an hour, on working days: ``start_s (k,)`` time of day, ``occupancy (k,)`` share
    taken, ``arrive`` and ``leave (k,)`` share of the capacity that comes and goes in the slot."""

    start_s: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    arrive: NDArray[np.float64]
    leave: NDArray[np.float64]
    mean_stay_s: float

    def arrivals(self, start_of_day_s: float) -> Arrivals:
        """The arrivals for a scenario that starts at a time of day [s]; raises :class:`BadInput` if none fall in it."""
        return _curve(self.start_s - start_of_day_s + SLOT_S / 2, self.arrive)

    def leavings(self, start_of_day_s: float) -> Arrivals:
        """The departures, likewise."""
        return _curve(self.start_s - start_of_day_s + SLOT_S / 2, self.leave)


def read_counts(path: str | os.PathLike[str]) -> Counts:
    """Read counts and clean them. Raises :class:`BadInput` for a file that is missing or has nothing to use."""
    path = Path(path)
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="give a CSV with lot, capacity, cars, time")
    try:
        table = pd.read_csv(path, header=None, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput(f"this is not a CSV: {error}", where=str(path),
                       mend="give lot, capacity, cars, time in each row") from None
    if table.shape[1] != 4:
        raise BadInput(f"the rows have {table.shape[1]} columns", where=str(path), mend="give lot, capacity, cars, time")
    table.columns = pd.Index(["lot", "capacity", "cars", "time"])
    read = len(table)
    table["capacity"], table["cars"] = (pd.to_numeric(table[name], errors="coerce") for name in ("capacity", "cars"))
    table["time"] = pd.to_datetime(table["time"], errors="coerce", format="ISO8601")
    usable = table.notna().all(axis=1) & (table["capacity"] > 0)
    rows = table[usable]
    unreadable = read - len(rows)
    negative = rows["cars"] < 0
    over = rows["cars"] > rows["capacity"]
    kept = over & (rows["cars"] <= 1.05 * rows["capacity"])
    rows = rows[~negative & (~over | kept)]
    rows = rows.assign(cars=np.minimum(rows["cars"], rows["capacity"]))
    twice = rows.duplicated(["lot", "time"])
    rows = rows[~twice].sort_values(["lot", "time"], ignore_index=True)
    if not len(rows):
        raise BadInput("no row can be used", where=str(path), mend="give lot, capacity, cars, time in each row")
    return Counts(rows, read, int(negative.sum()), int(over.sum()), int(kept.sum()), int(twice.sum()), unreadable)


def profile(counts: Counts, *, mean_stay_s: float = 10_800.0) -> Profile:
    """Arrivals and departures by half-hour on working days.

    Counts give only the difference of the two. Who stays exponentially long, ``mean_stay_s`` on average, leaves at the
    rate N / mean stay; arrivals are what is then left over, and where that is below zero departures take the
    difference.
    """
    rows = counts.rows[counts.rows["time"].dt.day_of_week < 5]
    if not len(rows):
        raise BadInput("the counts have no working day", mend="give counts from Monday to Friday")
    day = rows["time"].dt.normalize()
    slot = ((rows["time"] - day).dt.total_seconds() // SLOT_S).astype(int)
    share = (rows["cars"] / rows["capacity"]).groupby([rows["lot"], day, slot]).mean()
    table = share.unstack()
    level = table.mean().to_numpy()
    change = table.diff(axis=1).mean().fillna(0.0).to_numpy()
    gone = level * SLOT_S / mean_stay_s
    come = change + gone
    return Profile(table.columns.to_numpy(float) * SLOT_S, level, np.maximum(come, 0.0), gone + np.maximum(-come, 0.0),
                   mean_stay_s)


def _curve(at: NDArray[np.float64], rate: NDArray[np.float64]) -> Arrivals:
    inside = at >= 0
    if not (rate[inside] > 0).any() or inside.sum() < 2:
        raise BadInput("the counts end before the scenario starts", mend="start the scenario earlier")
    return Arrivals(profile=[(float(t), float(round(r, 5))) for t, r in zip(at[inside], rate[inside], strict=True)])
