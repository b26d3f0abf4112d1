"""Marginals of the built-in district, and of any other that has none of its own: stated shares, made whole for every zone.

The shares are invented for an inner-city quarter of Beijing and published here, so that anybody can see what the
population is made to. Zones differ by a few per cent, the same for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.people.controls import Control
from twin.places.synthetic.streams import stream

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How many people, households and dwellings there are to be; ``buildings`` limits where (the largest), None all."""

    people: int
    households: int
    dwellings: int
    buildings: int | None = None


SIZES = {"quarter": Size(50_000, 20_800, 24_000), "large": Size(133_364, 57_500, 95_962, 3_767)}
"""The built-in district as the source case has it, and its whole subdistrict (of whose dwellings 60 % are lived in)."""
PER_COURTYARD = 50_000 / 1_454
LIVED_IN = 20_800 / 24_000
MEAN_SIZE = 50_000 / 20_800

HOUSEHOLD_SIZES = (0.28, 0.32, 0.22, 0.11, 0.05, 0.02)
"""Shares of households with 1 to 6 persons before they are tilted to the mean size that is asked."""
AGES = {"age_0": 0.0075, "age_1": 0.0075, "age_2": 0.0075, "age_3": 0.0075, "age_4_6": 0.025, "age_7_17": 0.085,
        "age_18_39": 0.28, "age_40_59": 0.29, "age_60_79": 0.235, "age_80_up": 0.055}
FEMALE = 0.508
MOBILITY_NEED = 0.035
CARS = {"cars_0": 0.66, "cars_1": 0.29, "cars_2_up": 0.05}
WORKERS = {"workers_0": 0.33, "workers_1": 0.37, "workers_2_up": 0.30}
CHILDREN_TOGETHER = 1.35
"""Persons under 18 in a household that has any."""
PIGEONS = 0.015
"""Share of households that keep pigeons; no marginal is known, the share is assumed."""
SPREAD = 0.04
"""Standard deviation of the logarithm by which the shares of zones differ."""

CONTROLS = (
    Control("households", "households", "size > 0", 100.0),
    Control("persons", "persons", "age >= 0", 10.0),
    Control("size_1", "households", "size == 1"),
    Control("size_2", "households", "size == 2"),
    Control("size_3", "households", "size == 3"),
    Control("size_4_up", "households", "size >= 4"),
    Control("male", "persons", "female == 0"),
    Control("female", "persons", "female == 1"),
    *(Control(f"age_{k}", "persons", f"age == {k}") for k in range(4)),
    *(Control(f"age_{a}_{b}", "persons", f"age >= {a} and age <= {b}")
      for a, b in ((4, 6), (7, 17), (18, 39), (40, 59), (60, 79))),
    Control("age_80_up", "persons", "age >= 80"),
    Control("cars_0", "households", "cars == 0"),
    Control("cars_1", "households", "cars == 1"),
    Control("cars_2_up", "households", "cars >= 2"),
    Control("with_children", "households", "children > 0"),
    Control("without_children", "households", "children == 0"),
    Control("workers_0", "households", "workers == 0"),
    Control("workers_1", "households", "workers == 1"),
    Control("workers_2_up", "households", "workers >= 2"),
    Control("mobility_need", "persons", "mobility_need == 1"),
)


def totals(size: Size, weights: Floats, seed: int) -> Floats:
    """Totals of :data:`CONTROLS` for zones with ``weights (zones,)``: (zones, controls), whole numbers that agree."""
    if size.people < size.households:
        raise BadInput(f"{size.households:,} households cannot be made of {size.people:,} people", where="marginals",
                       mend="ask for at least one person a household")
    mean = size.people / size.households
    if mean > 5:
        raise BadInput(f"{mean:.1f} persons a household are more than the sample can show", where="marginals",
                       mend="ask for more households")
    rng = stream(seed, "people marginals")
    households = shared(weights, size.households)
    by_size = _table(rng, households, _tilted(mean))
    persons = _persons(by_size, size.people)
    young = (sum(AGES[f"age_{k}"] for k in range(4)) + AGES["age_4_6"] + AGES["age_7_17"]) * mean / CHILDREN_TOGETHER
    column: dict[str, Floats] = {"households": households, "persons": persons, "size_4_up": by_size[:, 3:].sum(axis=1)}
    column |= {f"size_{k}": by_size[:, k - 1] for k in (1, 2, 3)}
    for names, of, shares in ((("male", "female"), persons, (1 - FEMALE, FEMALE)),
                              (tuple(AGES), persons, tuple(AGES.values())),
                              (tuple(CARS), households, tuple(CARS.values())),
                              (("with_children", "without_children"), households, (young, 1 - young)),
                              (tuple(WORKERS), households, tuple(WORKERS.values())),
                              (("mobility_need", ""), persons, (MOBILITY_NEED, 1 - MOBILITY_NEED))):
        column |= dict(zip(names, _table(rng, of, np.array(shares)).T, strict=True))
    return np.column_stack([column[c.name] for c in CONTROLS])


def shared(weights: Floats, total: int) -> Floats:
    """Whole numbers in proportion to weights that add up to the total (largest remainder): same shape as ``weights``."""
    weights = np.asarray(weights, float)
    exact = weights / weights.sum() * total
    number = np.floor(exact)
    number[np.argsort(number - exact, kind="stable")[: total - int(number.sum())]] += 1
    return number


def _tilted(mean: float) -> Floats:
    """Shares of household sizes whose mean is the one asked: ``p_k`` times ``exp(t k)`` for the right ``t``."""
    k, low, high = np.arange(1, 7), -9.0, 9.0
    for _ in range(80):
        middle = (low + high) / 2
        share = np.array(HOUSEHOLD_SIZES) * np.exp(middle * (k - 3))
        share /= share.sum()
        low, high = (middle, high) if share @ k < mean else (low, middle)
    return share


def _table(rng: np.random.Generator, rows: Floats, shares: Floats) -> Floats:
    """Whole numbers (zones, categories) with the given row sums; columns near the shares, zones a little different."""
    spread = rng.normal(0.0, SPREAD, (len(rows), len(shares)))
    cells = shares * np.exp(spread) * rows[:, None]
    wanted = shares / shares.sum() * rows.sum()
    for _ in range(100):
        cells *= wanted / np.maximum(cells.sum(axis=0), 1e-12)
        cells *= (rows / np.maximum(cells.sum(axis=1), 1e-12))[:, None]
    return np.array([shared(line, int(row)) if row else np.zeros(len(shares)) for line, row in zip(cells, rows, strict=True)])


def _persons(by_size: Floats, people: int) -> Floats:
    """Persons of every zone from its households by size, the few that are over or missing shared out."""
    persons = by_size @ np.arange(1, by_size.shape[1] + 1)
    off = people - int(persons.sum())
    moved = shared(np.maximum(persons, 1e-9), abs(off)) * np.sign(off)
    return persons + moved
