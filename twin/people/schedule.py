"""When people and cars are away from home on a weekday: enough for parking, and for who is where at an event.

Every person is away once at most, from ``leaves_h`` for ``away_h`` hours (which may pass midnight); both are null for who
stays at home. The profiles are stated assumptions, drawn from named streams.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.people.population import Population
from twin.places.synthetic.streams import stream

WORKERS_OUT, NIGHT_SHIFT, PUPILS_OUT, OTHERS_OUT = 0.88, 0.06, 0.95, 0.6
BY_CAR = 0.45
"""Share of cars that somebody takes to work; the others stay for the day."""


def schedule(population: Population, *, seed: int | None = None) -> pd.DataFrame:
    """One row a person: ``leaves_h`` and ``away_h`` [h], null for who stays at home all day."""
    people = population.persons
    rng = stream(population.seed if seed is None else seed, "people schedule")
    n = len(people)
    age, worker = people["age"].to_numpy(), people["worker"].to_numpy(dtype=bool)
    out, normal, length = rng.random(n), rng.normal(size=n), rng.normal(size=n)
    night = worker & (rng.random(n) < NIGHT_SHIFT)
    pupil = (age >= 7) & (age < 18) & ~worker
    nursery = (age >= 3) & (age < 7)
    kinds = [night, worker, pupil, nursery]
    leaves = np.select(kinds, [20.5 + normal, 7.6 + 0.8 * normal, 7.3 + 0.3 * normal, 8.0 + 0.3 * normal], 10 + 2.5 * normal)
    away = np.select(kinds, [10 + 0.8 * length, 10 + 1.2 * length, 8.8 + 0.7 * length, 8.5 + 0.4 * length],
                     np.exp(0.4 + 0.5 * length))
    goes = out < np.select([worker, pupil | nursery], [WORKERS_OUT, PUPILS_OUT], OTHERS_OUT)
    return pd.DataFrame({"leaves_h": np.where(goes, np.mod(leaves, 24), np.nan),
                         "away_h": np.where(goes, np.clip(away, 0.25, 20), np.nan)})


def at_home(times: pd.DataFrame, hour: float) -> NDArray[np.bool_]:
    """Who is at home at an hour of the day [h]: (n,) bool for the rows of a schedule."""
    since = np.mod(hour - times["leaves_h"].to_numpy(), 24)
    return ~(since < times["away_h"].to_numpy())


def car_schedule(population: Population, *, seed: int | None = None) -> pd.DataFrame:
    """One row a car of a resident: ``household`` (row), ``place, building, leaves_h, away_h``; hours are null if it stays."""
    rng = stream(population.seed if seed is None else seed, "people cars")
    homes = population.households
    household = np.repeat(np.arange(len(homes)), homes["cars"].to_numpy())
    times = schedule(population, seed=seed)
    workers = population.persons["worker"].to_numpy(dtype=bool) & times["leaves_h"].notna().to_numpy()
    first = pd.Series(np.flatnonzero(workers)).groupby(population.persons["household"].to_numpy()[workers]).first()
    driver = first.reindex(household).to_numpy()
    # The second car of a household stays: who drives it is not known.
    taken = np.isfinite(driver) & (rng.random(len(household)) < BY_CAR) & ~pd.Series(household).duplicated().to_numpy()
    row = np.where(taken, driver, 0).astype(np.int64)
    return pd.DataFrame({
        "household": household, "place": homes["place"].to_numpy()[household],
        "building": homes["building"].to_numpy()[household],
        "leaves_h": np.where(taken, times["leaves_h"].to_numpy()[row], np.nan),
        "away_h": np.where(taken, times["away_h"].to_numpy()[row], np.nan)})
