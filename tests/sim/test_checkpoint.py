"""Queues and service against queueing theory, with people who need no time to step forward."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import shapely

from sim.checkpoint import Checkpoint
from sim.clock import Model
from sim.draw import quantile
from sim.layout import _lanes
from sim.scenario import Checkpoint as Spec
from sim.scenario import Distribution
from sim.site import CheckpointPlace


class Standing:
    """A crowd in which everybody is at once where they are told to stand."""

    def __init__(self, n):
        self.xy = np.full((n, 2), -50.0)

    def stand_at(self, ids, xy):
        self.xy[ids] = xy

    def at(self, ids):
        return self.xy[ids]


class Desk(Model):
    """One checkpoint with arrivals at given times."""

    def __init__(self, arrivals, quantiles, step_free=None, **spec):
        super().__init__(rng=1)
        n = len(arrivals)
        self.crowd, self.crowd_id = Standing(n), np.arange(n)
        self.visitors = SimpleNamespace(service=quantiles, step_free=np.zeros(n, bool) if step_free is None else step_free)
        lanes = _lanes(shapely.Point(0, 0), Spec(id="c", at=(0, 0), heading=0.0, **spec))
        queues = [service - np.arange(0, 900, 0.7)[:, None] * lanes.along for service in lanes.service]
        self.desk = Checkpoint(self, CheckpointPlace(lanes, 0, queues))
        self.arrivals, self.next = arrivals, 0
        self.joined, self.begun = np.full(n, np.nan), np.full(n, np.nan)
        self.longest = 0
        for time in arrivals:
            self.schedule_event(self.arrive, at=time)

    def arrive(self):
        visitor, self.next = self.next, self.next + 1
        self.joined[visitor] = self.time
        self.desk.join(np.array([visitor]))
        self.desk.serve()

    def begin_service(self, visitor):
        self.begun[visitor] = self.time
        self.longest = max(self.longest, self.desk.waiting)

    def end_service(self, visitor):
        self.crowd.xy[visitor] = 100.0
        self.schedule_event(self.desk.serve, after=0.0)

    def waits(self):
        self.run_until(self.arrivals[-1] + 1e5)
        return self.begun - self.joined


def poisson(n, rate, seed):
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, n))


def erlang_wait(c, load, service):
    """Mean wait in M/M/c (Erlang C): ``load`` = arrival rate times mean service."""
    terms = [load**k / math.factorial(k) for k in range(c)]
    tail = load**c / math.factorial(c) * c / (c - load)
    return tail / (sum(terms) + tail) * service / (c - load)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_one_lane_with_constant_service_waits_as_m_d_1(load):
    n, service = 20_000, 10.0
    desk = Desk(poisson(n, load / service, 3), np.full(n, 0.5), lanes=1, service={"constant": service})
    expected = load * service / (2 * (1 - load))
    assert np.mean(desk.waits()) == pytest.approx(expected, rel=0.06)


def test_one_lane_with_exponential_service_waits_as_m_m_1():
    n, service, load = 25_000, 10.0, 0.7
    quantiles = np.random.default_rng(5).random(n)
    desk = Desk(poisson(n, load / service, 4), quantiles, lanes=1, service={"exponential": service})
    assert np.mean(desk.waits()) == pytest.approx(load * service / (1 - load), rel=0.1)


def one_queue(arrivals, services, c):
    """Waits of the same customers in one common queue before c servers (Kiefer and Wolfowitz 1955)."""
    free = np.zeros(c)
    waits = np.empty(len(arrivals))
    for k, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        first = free.argmin()
        waits[k] = max(free[first] - arrival, 0.0)
        free[first] = arrival + waits[k] + service
    return waits


@pytest.mark.parametrize(("lanes", "load"), [(2, 1.5), (4, 3.2)])
def test_lanes_with_jockeying_wait_nearly_as_m_m_c(lanes, load):
    n, service = 15_000, 10.0
    arrivals, quantiles = poisson(n, load / service, 7), np.random.default_rng(6).random(n)
    waits = Desk(arrivals, quantiles, lanes=lanes, service={"exponential": service}).waits()
    common = one_queue(arrivals, np.maximum(quantile(Distribution(exponential=service), quantiles), 0.5), lanes)
    assert np.mean(waits) == pytest.approx(np.mean(common), rel=0.06)
    assert np.mean(waits) == pytest.approx(erlang_wait(lanes, load, service), rel=0.25)


def test_without_jockeying_people_wait_longer():
    n, service, load = 8_000, 10.0, 3.2
    quantiles = np.random.default_rng(6).random(n)
    waits = [np.mean(Desk(poisson(n, load / service, 8), quantiles, lanes=4, service={"exponential": service},
                          jockeying=jockeying).waits()) for jockeying in (True, False)]
    assert waits[1] > waits[0]


def test_priority_lanes_are_for_who_cannot_take_steps():
    n = 4000
    step_free = np.random.default_rng(9).random(n) < 0.1
    desk = Desk(poisson(n, 0.19, 10), np.full(n, 0.5), step_free, lanes=3, priority_lanes=1, service={"constant": 10.0})
    waits = desk.waits()
    assert np.mean(waits[step_free]) < 0.3 * np.mean(waits[~step_free])
    assert desk.desk.lanes[0].served <= step_free.sum()


def test_everybody_is_served_once_though_lanes_go_down_and_up():
    n = 2000
    desk = Desk(poisson(n, 0.3, 11), np.random.default_rng(1).random(n), lanes=4, service={"gamma": (10.0, 5.0)})
    desk.run_until(1000)
    desk.desk.lanes_down(3)
    desk.run_until(2500)
    assert desk.desk.waiting > 100
    desk.desk.lanes_up(3)
    desk.desk.serve()
    waits = desk.waits()
    assert np.isfinite(waits).all() and (waits >= 0).all()
    assert sum(lane.served for lane in desk.desk.lanes) == n
