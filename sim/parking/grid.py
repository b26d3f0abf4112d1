"""A square grid of streets with equal kerbs: the bench of the search, and where its known behaviour is looked at."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import shapely
from numpy.typing import NDArray

from sim.draw import stream
from sim.parking.demand import Cars, Homes
from sim.parking.network import Network
from sim.parking.night import Night, Scene, ready
from sim.parking.outcome import audit
from sim.parking.plan import Drivers, ParkingPlan
from sim.parking.supply import Supply
from sim.scenario import Distribution

BLOCK_M = 120.0
LAWFUL = Drivers(scruple=Distribution(constant=1e9), memory_s=1e9, patience=Distribution(constant=1e9))
"""Drivers of the bench: they break no rule and look until they have seen every kerb within reach full."""


def grid_scene(plan: ParkingPlan, *, nodes: int = 7, spaces: int = 2872) -> Scene:
    """A grid of ``nodes`` by ``nodes`` junctions 120 m apart with a kerb on both sides of every street.

    Seven by seven have 84 streets and 168 kerbs. ``spaces`` are shared out as evenly as they go. Each kerb is a home.
    """
    at = np.stack(np.meshgrid(np.arange(nodes), np.arange(nodes), indexing="ij"), axis=-1).reshape(-1, 2)
    number = at[:, 0] * nodes + at[:, 1]
    east, north = number[at[:, 0] < nodes - 1], number[at[:, 1] < nodes - 1]
    streets = np.concatenate([np.stack([east, east + nodes], 1), np.stack([north, north + 1], 1)])
    corner = at * BLOCK_M
    middle = (corner[streets[:, 0]] + corner[streets[:, 1]]) / 2
    halves = np.arange(len(streets)) + len(corner)
    ends = np.concatenate([np.stack([streets[:, 0], halves], 1), np.stack([halves, streets[:, 1]], 1)])
    kerbs = 2 * len(streets)
    capacity = np.full(kerbs, spaces // kerbs, np.int32)
    capacity[:spaces % kerbs] += 1
    joined = np.repeat(halves, 2)
    yes = np.ones(len(ends), bool)
    edge = np.flatnonzero((at == 0).any(1) | (at == nodes - 1).any(1))
    network = Network(np.concatenate([corner, middle]).astype(float), ends.astype(np.int64), np.full(len(ends), BLOCK_M / 2),
                      np.tile(np.arange(len(streets)), 2), yes, yes, np.tile(joined, 2), np.zeros(2 * kerbs), edge)
    place = np.repeat(middle, 2, axis=0)
    everywhere, never = np.full(kerbs, -np.inf), np.full(kerbs, np.inf)
    supply = Supply(np.array([f"kerb {k}" for k in range(kerbs)], object), np.full(kerbs, "kerb", object),
                    np.zeros(kerbs, np.int8), capacity, np.zeros(kerbs), everywhere, never, never.copy(),
                    np.zeros(kerbs, bool), np.ones(kerbs, bool), np.zeros(kerbs, bool), np.full(kerbs, -1, np.int64),
                    shapely.points(place), np.full(kerbs, None, object))
    homes = Homes(supply.id, place, np.ones(kerbs), np.full(kerbs, -1, np.int64))
    return ready(supply, homes, np.zeros(kerbs, np.int64), network, plan)


def grid_plan(drivers: Drivers = LAWFUL, duration_s: float = 23_400.0) -> ParkingPlan:
    """The plan of the bench: from 17:00 until 23:30 on no particular day."""
    return ParkingPlan(name="grid", synthetic="xichangan", start=datetime(2026, 1, 1, 17, tzinfo=UTC),
                       duration_s=duration_s, drivers=drivers)


def coming_home(cars: int, homes: int, seed: int) -> Cars:
    """Cars that come home in the evening, most at 18:30, and stay the night; each belongs to some kerb."""
    draw = {name: stream(seed, f"grid {name}") for name in ("home", "enters", "gate", "tastes")}
    no, late = np.zeros(cars), np.full(cars, np.inf)
    return Cars(draw["home"].integers(0, homes, cars), np.ones(cars, bool), np.zeros(cars, bool),
                draw["enters"].triangular(0, 5400, 21_600, cars), late, late.copy(), np.full(cars, 1e9), no,
                draw["gate"].random(cars), draw["tastes"].integers(0, 2**63, cars).astype(np.uint64))


@dataclass(frozen=True)
class Pace:
    """One round of the bench. ``double_parked`` counts breaches of the audit, ``unparked`` the cars
    without a bay at the end."""

    cars: int
    spaces: int
    cpu_s: float
    cars_per_cpu_s: float
    double_parked: int
    unparked: int
    search_mean_s: float
    search_p95_s: float


def race(scene: Scene, cars: int, seed: int = 1, plan: ParkingPlan | None = None) -> Pace:
    """Spend one night on a grid and time it: drawing the cars, the model and the search, without the audit after it."""
    plan = grid_plan() if plan is None else plan
    started = time.process_time()
    night = Night(scene, plan, seed, cars=coming_home(cars, len(scene.homes.id), seed)).run()
    took = time.process_time() - started
    search = night.columns["times"][:, 1] - night.columns["times"][:, 0]
    search = search[np.isfinite(search)]
    return Pace(cars, int(scene.supply.capacity.sum()), took, cars / max(took, 1e-9), len(audit(night)),
                cars - int((night.columns["place"] >= 0).sum()), float(search.mean()), float(np.quantile(search, 0.95)))


def cruising(occupancies: NDArray[np.float64] | list[float], *, seed: int = 1, hours: float = 6.0, stay_s: float = 3600.0,
             nodes: int = 7, spaces: int = 2872) -> dict[float, float]:
    """Mean search time [s] at steady occupancies: cars come and go so that this share of the bays is taken.

    Cars are as many as bays times the occupancy; each stays ``stay_s`` on average (exponential), and is followed by
    another. The first two hours are not counted.
    """
    plan = grid_plan(duration_s=hours * 3600)
    scene, out = grid_scene(plan, nodes=nodes, spaces=spaces), {}
    for share in occupancies:
        rate = share * spaces / stay_s
        draw = stream(seed, "cruising")
        enters = np.cumsum(draw.exponential(1.0 / rate, round(rate * hours * 3600)))
        begin = np.arange(round(share * spaces)) * 0.01
        enters = np.concatenate([begin, enters])
        n = len(enters)
        cars = coming_home(n, len(scene.homes.id), seed)
        stay = draw.exponential(stay_s, n)
        cars = Cars(cars.home, cars.resident, cars.early, enters, enters + stay + 60.0, cars.patience, cars.scruple,
                    cars.permit_draw, cars.gate_draw, cars.key)
        night = Night(scene, plan, seed, cars=cars).run()
        search = (night.columns["times"][:, 1] - night.columns["times"][:, 0])[enters > 7200.0]
        out[float(share)] = float(np.nanmean(search))
    return out
