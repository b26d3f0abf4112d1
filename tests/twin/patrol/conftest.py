"""The built-in district, in small, and its ground on foot."""

from __future__ import annotations

import pytest

from twin.patrol import FootGround
from twin.places import District
from twin.places.synthetic import generate


@pytest.fixture(scope="session")
def quarter() -> District:
    """One community with the square."""
    return generate("xichangan", size="small")


@pytest.fixture(scope="session")
def quarter_ground(quarter: District) -> FootGround:
    """The ground of the small quarter."""
    return FootGround.of(quarter)
