"""A guard in a folder of its own, with a clock that the test moves and passwords that are quick to check."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from twin.guard import Guard

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four quick brown words"


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(tmp_path, clock):
    made = Guard(tmp_path / "guard", now=clock, hasher=QUICK)
    yield made
    made.close()
