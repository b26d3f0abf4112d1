"""Numbers of Mesa's agents by model, without holding on to the model.

Mesa 3.3 numbers agents in a table of the class :class:`mesa.Agent` in which every model stays for good: each replication would
keep its hundreds of megabytes until the process ends. This table lets go of a model with the last that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from weakref import WeakKeyDictionary

from mesa import Agent, Model


class Numbers(WeakKeyDictionary[Model, Iterator[int]]):
    """Counts from 1 for each model that asks."""

    def __getitem__(self, model: Model) -> Iterator[int]:
        return self.setdefault(model, count(1))


def let_go_of_models() -> None:
    """Have Mesa number its agents in such a table."""
    if hasattr(Agent, "_ids"):
        Agent._ids = Numbers()
