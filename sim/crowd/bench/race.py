"""A race on equal terms: the same square, people and exits for this engine and, where it is installed, for JuPedSim.

The square has kiosks of 4 m and eight exits, two on every side; everybody walks to one of the exits, drawn at random.
It grows with the people: 10,000 people have 6 x 6 kiosks and exits of 10 m, four times as many have 12 x 12 kiosks and
exits of 20 m. Rates count CPU seconds of one process, because a shared machine stretches wall seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import shapely

from sim.crowd.ground import Ground
from sim.crowd.people import Crowd
from twin.errors import Unavailable

PEER_STEP = 0.05  # s, the largest time step at which JuPedSim's collision-free-speed model loses under 3 % of its flow
WARM_UP_S = 2.0
REFERENCE = 10_000
"""People for whom the square has 6 x 6 kiosks and exits of 10 m."""


@dataclass(frozen=True)
class Square:
    """The ground, its exits, and where the people stand (n, 2), where each goes (n,), how fast each walks (n,)."""

    walkable: shapely.Polygon
    exits: list[shapely.Polygon]
    xy: np.ndarray
    goal: np.ndarray
    speed: np.ndarray


@dataclass(frozen=True)
class Pace:
    """What an engine managed. Real time is counted against CPU seconds on one thread, against the clock on several."""

    agent_steps_per_cpu_s: float
    times_real_time: float
    bytes_per_person: float | None = None


def square(people: int, density: float, seed: int = 1) -> Square:
    """The square that holds so many people at a density [1/m2] of its free ground."""
    side = float(np.sqrt(people / density))
    larger = float(np.sqrt(people / REFERENCE))
    rows = max(round(6 * larger), 1)
    at = [side * k / (rows + 1) for k in range(1, rows + 1)]
    kiosks = [shapely.box(x - 2, y - 2, x + 2, y + 2) for x in at for y in at] if side / (rows + 1) > 6 else []
    exits = []
    for middle in (0.3 * side, 0.7 * side):
        a, b = middle - min(5 * larger, 0.1 * side), middle + min(5 * larger, 0.1 * side)
        exits += [shapely.box(a, 0, b, 0.8), shapely.box(a, side - 0.8, b, side),
                  shapely.box(0, a, 0.8, b), shapely.box(side - 0.8, a, side, b)]
    walkable = shapely.box(0, 0, side, side).difference(shapely.union_all(kiosks))
    rng = np.random.default_rng(seed)
    xy = _scattered(people, side, walkable, rng)
    speed = np.clip(rng.normal(1.34, 0.26, people), 0.6, 2.0)
    return Square(walkable, exits, xy, rng.integers(0, 8, people), speed)


def _scattered(people: int, side: float, walkable: shapely.Polygon, rng: np.random.Generator) -> np.ndarray:
    """Points of a jittered lattice, clear of walls and of each other."""
    clear = walkable.buffer(-0.6)
    spacing = float(np.sqrt(clear.area / people))
    while True:
        cells = np.arange(0.6 + spacing / 2, side - 0.6, spacing)
        x, y = (c.ravel() for c in np.meshgrid(cells, cells))
        jitter = max(0.0, (spacing - 0.5) / 2)
        xy = np.column_stack([x, y]) + rng.uniform(-jitter, jitter, (len(x), 2))
        xy = xy[shapely.contains_xy(clear, xy[:, 0], xy[:, 1])]
        if len(xy) >= people:
            return rng.permutation(xy)[:people]
        spacing *= 0.985


def ours(place: Square, seconds: float, *, threads: int = 1) -> Pace:
    """Pace of this engine over some simulated seconds after a short warm-up."""
    ground = Ground(place.walkable)
    goals = np.array([ground.goal(f"exit {k}", area) for k, area in enumerate(place.exits)])
    crowd = Crowd(ground, seed=1, threads=threads)
    crowd.add(place.xy, goals[place.goal], speed=place.speed)
    crowd.step(round(WARM_UP_S / crowd.dt))
    done = 0
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(round(seconds)):
        steps = round(1 / crowd.dt)
        crowd.step(steps)
        done += crowd.n * steps
        crowd.remove(crowd.arrived())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Pace(done / cpu, round(seconds) / (cpu if threads == 1 else wall), crowd.bytes_per_person)


def peer(place: Square, seconds: float) -> Pace:
    """Pace of JuPedSim's collision-free-speed model on the same square; :class:`Unavailable` where it is missing."""
    try:
        jupedsim: Any = import_module("jupedsim")
    except ImportError:
        raise Unavailable("jupedsim is not installed; `pip install jupedsim` brings it, or leave --against out") from None
    model = jupedsim.CollisionFreeSpeedModel()
    race = jupedsim.Simulation(model=model, geometry=place.walkable, dt=PEER_STEP)
    stages = [race.add_exit_stage(area) for area in place.exits]
    journeys = [race.add_journey(jupedsim.JourneyDescription([stage])) for stage in stages]
    for (x, y), goal, speed in zip(place.xy, place.goal, place.speed, strict=True):
        race.add_agent(jupedsim.CollisionFreeSpeedModelAgentParameters(
            position=(float(x), float(y)), journey_id=journeys[goal], stage_id=stages[goal],
            desired_speed=float(speed), radius=0.2))
    for _ in range(4):
        race.iterate()
    done = 0
    start = time.process_time()
    steps = max(round(seconds / PEER_STEP), 1)
    for _ in range(steps):
        race.iterate()
        done += race.agent_count()
    took = time.process_time() - start
    return Pace(done / took, steps * PEER_STEP / took)
