"""Queues of a checkpoint against queueing theory, with people who need no time to step forward."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import shapely

from sim.checkpoint import Checkpoint
from sim.clock import Model
from sim.layout import Lanes
from sim.scenario import Checkpoint as Spec
from sim.site import CheckpointPlace
from sim.verify.check import Figures

SERVICE = 10.0
"""Mean time of service [s]."""


class _Standing:
    """A crowd in which everybody is at once where they are told to stand."""

    def __init__(self, people: int) -> None:
        self.xy = np.full((people, 2), -50.0)

    def stand_at(self, ids: np.ndarray, xy: np.ndarray) -> None:
        """Put people at their places."""
        self.xy[ids] = xy

    def at(self, ids: np.ndarray) -> np.ndarray:
        """Positions of people."""
        return self.xy[ids]


class Desk(Model):
    """A checkpoint of one lane that people come to at given times (n,) [s], with quantiles of their service (n,)."""

    def __init__(self, arrivals: np.ndarray, quantiles: np.ndarray, service: dict[str, float]) -> None:
        super().__init__(rng=1)
        n = len(arrivals)
        self.crowd, self.crowd_id = _Standing(n), np.arange(n)
        self.visitors = SimpleNamespace(service=quantiles, step_free=np.zeros(n, bool))
        spec = Spec.model_validate({"id": "desk", "at": (0, 0), "heading": 0.0, "lanes": 1, "service": service})
        lanes = Lanes(spec, shapely.box(-1.2, -0.6, 1.2, 0.6), shapely.MultiLineString(), np.zeros((1, 2)), np.array([1.0, 0.0]))
        places = np.column_stack([-np.arange(0, 900, 0.7), np.zeros(1286)])
        desk: Any = Checkpoint(self, CheckpointPlace(lanes, 0, [places]))
        self.desk, self._next = desk, 0
        self.joined, self.begun = np.full(n, np.nan), np.full(n, np.nan)
        self.arrivals = arrivals
        for time in arrivals:
            self.schedule_event(self.arrive, at=float(time))

    def arrive(self) -> None:
        """The next person joins the queue."""
        person, self._next = self._next, self._next + 1
        self.joined[person] = self.time
        self.desk.join(np.array([person]))
        self.desk.serve()

    def begin_service(self, person: int) -> None:
        """Somebody is served."""
        self.begun[person] = self.time

    def end_service(self, person: int) -> None:
        """Somebody goes on."""
        self.crowd.xy[person] = 100.0
        self.schedule_event(self.desk.serve, after=0.0)

    def mean_wait(self) -> float:
        """Mean time between joining and being served [s]."""
        self.run_until(float(self.arrivals[-1]) + 1e5)
        return float(np.mean(self.begun - self.joined))


@cache
def wait(load: float, kind: str, people: int = 8_000) -> float:
    """Mean wait [s] at one lane with ``constant`` or ``exponential`` service, at a load between 0 and 1."""
    rng = np.random.default_rng(np.random.SeedSequence([5, round(10 * load)]))
    arrivals = np.cumsum(rng.exponential(SERVICE / load, people))
    return Desk(arrivals, rng.random(people), {kind: SERVICE}).mean_wait()


@cache
def waits(people: int = 8_000) -> Figures:
    """Mean waits as shares of what theory gives for one lane: constant (M/D/1) and exponential service (M/M/1)."""
    return {
        f"{kind}_at_{load}": wait(load, kind, people) / (factor * load * SERVICE / (1 - load))
        for kind, load, factor in (("constant", 0.5, 0.5), ("constant", 0.8, 0.5), ("exponential", 0.7, 1.0))
    }
