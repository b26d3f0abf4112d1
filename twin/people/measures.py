"""What may be counted about residents: a fixed list, each measure as whole numbers by place and category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.population import Population
from twin.people.schedule import at_home, schedule


@dataclass(frozen=True)
class Measure:
    """One measure: whether it counts persons or households, its categories, and the category of every row."""

    base: str
    categories: tuple[str, ...]
    of: Callable[[Population], NDArray[np.int64]]


def _ages(population: Population) -> NDArray[np.int64]:
    return np.digitize(population.persons["age"].to_numpy(), [4, 7, 18, 60, 80])


def _day(population: Population) -> NDArray[np.int64]:
    return (~at_home(schedule(population), 14.0)).astype(np.int64)


MEASURES: dict[str, Measure] = {
    "people": Measure("persons", (), lambda p: np.zeros(len(p.persons), np.int64)),
    "households": Measure("households", (), lambda p: np.zeros(len(p.households), np.int64)),
    "age": Measure("persons", ("0-3", "4-6", "7-17", "18-59", "60-79", "80+"), _ages),
    "sex": Measure("persons", ("male", "female"), lambda p: p.persons["female"].to_numpy().astype(np.int64)),
    "mobility_need": Measure("persons", ("no", "yes"), lambda p: p.persons["mobility_need"].to_numpy().astype(np.int64)),
    "day": Measure("persons", ("home", "away"), _day),
    "size": Measure("households", ("1", "2", "3", "4+"), lambda p: np.minimum(p.households["size"].to_numpy(np.int64), 4) - 1),
    "cars": Measure("households", ("0", "1", "2+"), lambda p: np.minimum(p.households["cars"].to_numpy(np.int64), 2)),
    "workers": Measure("households", ("0", "1", "2+"), lambda p: np.minimum(p.households["workers"].to_numpy(np.int64), 2)),
    "children": Measure("households", ("no", "yes"), lambda p: (p.households["children"].to_numpy() > 0).astype(np.int64)),
    "pigeons": Measure("households", ("no", "yes"), lambda p: p.households["pigeons"].to_numpy().astype(np.int64)),
}


def measure(name: str) -> Measure:
    """A measure by its name."""
    if name not in MEASURES:
        raise BadInput(f"there is no measure {name!r}", where="aggregate", mend=f"take {', '.join(MEASURES)}")
    return MEASURES[name]


def counts_by_place(population: Population, name: str, places: NDArray[np.object_]) -> NDArray[np.int64]:
    """Counts (places, categories) of a measure; one column where it has no categories. Not to be shown: see the gate."""
    asked = measure(name)
    of_household = pd.Index(places).get_indexer(population.households["place"])
    if (of_household < 0).any():
        stranger = population.households["place"].iloc[int(np.argmin(of_household))]
        raise BadInput(f"the population lives in {stranger!r}, which is not a place of these schemes", where="aggregate",
                       mend="make the population for this district")
    place = of_household if asked.base == "households" else of_household[population.persons["household"].to_numpy()]
    width = max(1, len(asked.categories))
    cell = place * width + asked.of(population)
    return np.bincount(cell, minlength=len(places) * width).reshape(len(places), width).astype(np.int64)
