"""The seed: a small sample of households with their persons, whose mixture is what a population is made of.

Two tables of columns. ``households`` has ``size``, ``cars``, ``workers`` and ``children`` (persons under 18) and whatever
the rules of the controls ask; ``persons`` has ``household`` (row of its household), ``age``, ``female``, ``worker`` and
``mobility_need``. There is no name and no number that anybody could be known by: columns that no rule asks are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twin.places.synthetic.streams import stream

HOUSEHOLD_COLUMNS = ("size", "cars", "workers", "children")
PERSON_COLUMNS = ("household", "age", "female", "worker", "mobility_need")
CHILD_BELOW = 18


@dataclass(frozen=True)
class Seed:
    """A sample of households and their persons, persons in the order of their households."""

    households: pd.DataFrame
    persons: pd.DataFrame

    def __len__(self) -> int:
        return len(self.households)


def sample(number: int = 4000, seed: int = 1) -> Seed:
    """An invented sample of households of an old inner-city quarter, the same for the same seed.

    Households are of seven kinds (one adult, one elder, couple, elder couple, one parent, family, three generations) with
    ages that fit together. The kinds only give the mixture its shape: how many there are of each is for the controls.
    """
    rng = stream(seed, "people sample")
    kind = rng.choice(7, number, p=(0.18, 0.12, 0.17, 0.13, 0.08, 0.2, 0.12))
    ages = [_ages(int(k), rng) for k in kind]
    sizes = np.array([len(a) for a in ages])
    age = np.concatenate(ages)
    household = np.repeat(np.arange(number), sizes)
    female = rng.random(len(age)) < 0.5
    worker = (age >= 18) & (age < 60) & (rng.random(len(age)) < 0.74) | (age >= 60) & (rng.random(len(age)) < 0.07)
    need = rng.random(len(age)) < np.select([age < 60, age < 70, age < 80], [0.008, 0.04, 0.12], 0.35)
    persons = pd.DataFrame({"household": household, "age": age, "female": female, "worker": worker, "mobility_need": need})
    workers = np.bincount(household, weights=worker, minlength=number)
    cars = np.minimum(rng.poisson(0.12 + 0.17 * workers + 0.06 * (sizes > 2)), 2)
    households = pd.DataFrame({
        "size": sizes, "cars": cars, "workers": workers.astype(int),
        "children": np.bincount(household, weights=age < CHILD_BELOW, minlength=number).astype(int)})
    return Seed(households, persons)


def _ages(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Ages of the members of one household."""
    adult, elder = int(rng.integers(22, 60)), int(rng.integers(60, 95))
    if kind == 0:
        return np.array([adult])
    if kind == 1:
        return np.array([elder])
    if kind == 2:
        return np.array([adult, np.clip(adult + rng.integers(-5, 6), 20, 64), *rng.integers(20, 60, int(rng.random() < 0.12))])
    if kind == 3:
        return np.array([elder, np.clip(elder + rng.integers(-6, 7), 58, 99)])
    parent = int(rng.integers(25, 52))
    children = np.clip(parent - rng.integers(22, 36, int(rng.choice([1, 2, 3], p=(0.68, 0.27, 0.05)))), 0, 26)
    if kind == 4:
        return np.array([parent, *children])
    both = [parent, int(np.clip(parent + rng.integers(-4, 5), 22, 58))]
    if kind == 5:
        return np.array([*both, *children])
    grown = int(np.clip(parent + rng.integers(22, 34), 58, 95))
    return np.array([*both, *children[:2], *[grown + int(g) for g in rng.integers(-3, 4, 1 + int(rng.random() < 0.5))]])
