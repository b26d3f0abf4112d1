"""Districts and populations that many tests look at and none changes: made once."""

import pytest

from twin.people import Gate, Population, make_population
from twin.places import District, synthetic


@pytest.fixture(scope="session")
def small() -> District:
    return synthetic.generate(size="small")


@pytest.fixture(scope="session")
def full() -> District:
    """The built-in district."""
    return synthetic.generate()


@pytest.fixture(scope="session")
def full_people(full: District) -> Population:
    """The source case on it: 50,000 people."""
    return make_population(full, seed=1)


@pytest.fixture(scope="session")
def full_place(full: District, full_people: Population) -> tuple[District, Population, Gate]:
    """District, population and gate."""
    return full, full_people, Gate.of(full, full_people)


@pytest.fixture(scope="session")
def small_place(small: District) -> tuple[District, Population, Gate]:
    """The same of the small district."""
    population = make_population(small, seed=4)
    return small, population, Gate.of(small, population)
