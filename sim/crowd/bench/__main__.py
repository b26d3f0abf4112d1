"""Measured figures of the crowd engine: ``python -m sim.crowd.bench [model|speed|scale|million|all]``."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import shapely

from sim.crowd.bench.experiments import (
    DOOR_WIDTHS,
    MEASURED_ONE_WAY,
    MEASURED_TWO_WAY,
    Outcome,
    corner,
    corridor,
    counter_flow,
    door,
    error,
    free_speeds,
    gate_jam,
    hall,
    scattered,
)
from sim.crowd.bench.race import ours
from sim.crowd.bench.race import square as race_square
from sim.crowd.ground import Ground
from sim.crowd.people import STEP, Crowd

SEEDS = (11, 12, 13)


def _line(name: str, experiment: Callable[..., Outcome]) -> float:
    """Run an experiment with every seed, print a line, give the mean."""
    outcomes = [experiment(seed=seed) for seed in SEEDS]
    values = [o.value for o in outcomes]
    print(f"{name:34s} {np.mean(values):7.2f}   {min(values):7.2f} - {max(values):.2f}   never arrived "
          f"{sum(o.left for o in outcomes)}, outside {sum(o.watch.outside for o in outcomes)}, overlap p99 "
          f"{max(o.watch.deep for o in outcomes):.3f} max {max(o.watch.deepest for o in outcomes):.3f} m",
          flush=True)
    return float(np.mean(values))


def model(dt: float = STEP) -> None:
    """Print what the model does in the experiments it is judged by."""
    for title, measured, width, two_way in (("one-way", MEASURED_ONE_WAY, 1.8, False),
                                            ("two-way", MEASURED_TWO_WAY, 3.6, True)):
        speeds = {rho: _line(f"{title} {width} m, {rho}/m2, measured {v}",
                             partial(corridor, rho, width=width, two_way=two_way, dt=dt))
                  for rho, v in measured.items()}
        print(f"{title}: RMSE {error(speeds, measured):.3f} m/s, "
              f"largest flow {max(rho * v for rho, v in speeds.items()):.2f} /(m s)")
    for depth in (0.4, 2.0):
        flows = np.array([_line(f"door {w} m, {depth} m deep", partial(door, w, depth=depth, dt=dt))
                          for w in DOOR_WIDTHS])
        total = flows * DOOR_WIDTHS
        slope, intercept = np.polyfit(DOOR_WIDTHS, total, 1)
        print(f"doors {depth} m deep: J = {slope:.2f} w {intercept:+.2f}, "
              f"R2 {np.corrcoef(DOOR_WIDTHS, total)[0, 1] ** 2:.3f}")
    for opposed in (0, 10, 50, 100):
        _line(f"100 against {opposed}: seconds", partial(counter_flow, opposed, dt=dt))
    times = [_line(f"hall, {doors} doors: seconds", partial(hall, doors, dt=dt)) for doors in (4, 2)]
    print(f"hall: ratio {times[1] / times[0]:.2f}")
    _line("2,000 before a gate of 5 m: /m2", partial(gate_jam, dt=dt))
    for people in (150, 300):
        _line(f"{people} round a corner: most stuck", partial(corner, people, dt=dt))


def square(density: float, *, people: int = 10_000, steps: int = 100, threads: int = 1,
           crossing: bool = True) -> float:
    """Agent-steps a CPU-second in a plain square at a density [1/m2]; half the people cross the others'
    way."""
    side = float(np.sqrt(people / density))
    ground = Ground(shapely.box(0, 0, side + 20, side))
    east, north = (ground.goal("east", shapely.box(side + 18, 0, side + 20, side)),
                   ground.goal("north", shapely.box(0, side - 1, side + 20, side)))
    rng = np.random.default_rng(0)
    crowd = Crowd(ground, seed=0, threads=threads)
    goals = np.where(np.arange(people) % 2 == 0, north, east) if crossing else np.full(people, east)
    crowd.add(scattered(people, 0, 0, side, side, rng), goals, speed=free_speeds(people, rng))
    crowd.step(20)
    best = 0.0
    for _ in range(5):
        start = time.process_time() if threads == 1 else time.perf_counter()
        crowd.step(steps // 5)
        took = (time.process_time() if threads == 1 else time.perf_counter()) - start
        best = max(best, people * (steps // 5) / took)
    return best


def _quarter(size: float, rng: np.random.Generator) -> shapely.Geometry:
    """Ground between houses of 34 x 24 m on 55 % of the plots of a quarter."""
    corners = [(x, y) for x in np.arange(0, size, 40) for y in np.arange(0, size, 30) if rng.random() < 0.55]
    houses = [shapely.box(x + 3, y + 3, x + 37, y + 27) for x, y in corners]
    return shapely.box(0, 0, size, size).difference(shapely.union_all(houses))


def town(people: int = 5000, minutes: float = 30.0, size: float = 600.0) -> None:
    """People who walk between ten goals among blocks of houses; prints the CPU time with everything in it."""
    start = time.process_time()
    rng = np.random.default_rng(1)
    ground = Ground(_quarter(size, rng))
    places = rng.uniform(10, size - 10, (400, 2))
    places = places[ground.inside(places, 2.0)][:10]
    goals = np.array([ground.goal(f"g{i}", shapely.Point(p).buffer(6)) for i, p in enumerate(places)])
    crowd = Crowd(ground, seed=1)
    xy = rng.uniform(0, size, (people * 4, 2))
    xy = xy[ground.inside(xy, 0.3)][:people]
    crowd.add(xy, rng.choice(goals, people), speed=free_speeds(people, rng))
    outside, most_stuck = 0, 0
    ready = time.process_time() - start
    while crowd.time < minutes * 60:
        crowd.step(round(1 / crowd.dt))
        arrived = crowd.arrived()
        crowd.send(arrived, rng.choice(goals, len(arrived)))
        if round(crowd.time) % 10 == 0:
            most_stuck = max(most_stuck, len(crowd.stuck()))
        if round(crowd.time) % 60 == 0:
            outside += int((~ground.inside(crowd.table().xy)).sum())
    took = time.process_time() - start
    pace = people * crowd.time / crowd.dt / (took - ready) / 1e6
    print(f"town {size:.0f} x {size:.0f} m, {people} people, {minutes:.0f} min: {took:.1f} s CPU, of which "
          f"{ready:.1f} s to get ready; {pace:.2f} M agent-steps a CPU-second, outside {outside}, "
          f"stuck {len(crowd.stuck())} (most {most_stuck}), "
          f"gave way {crowd.gave_way}, ways renewed {crowd.ways_renewed}")


def fields(size: float = 1000.0) -> None:
    """Time for the ground and for one goal's distances of a town of 1 km2."""
    rng = np.random.default_rng(1)
    area = _quarter(size, rng)
    for attempt in ("first", "again"):
        start = time.process_time()
        ground = Ground(area)
        goal = ground.goal("g", shapely.Point(3, 3))
        ground.distance(goal, np.array([[size - 2, size - 2]]))
        made = time.process_time() - start
        start = time.process_time()
        ground.close("gate", shapely.LineString([(480, 470), (520, 470)]))
        ground.distance(goal, np.array([[size - 2, size - 2]]))
        print(f"{size:.0f} x {size:.0f} m at 0.5 m, {attempt}: ground and one field {made:.2f} s, "
              f"after a gate shut {time.process_time() - start:.2f} s")


def scale(sizes: tuple[int, ...] = (10_000, 50_000, 100_000), rounds: int = 3, seconds: float = 10.0) -> None:
    """Print times real time on one thread and on two, and the cost a person against that of the smallest crowd.

    The sizes take turns, so that a busy machine is busy for all of them; medians over the rounds.
    """
    for density in (0.11, 1.0):
        places = {people: race_square(people, density) for people in sizes}
        paces = [{(people, threads): ours(places[people], seconds, threads=threads) for people in sizes for threads in (1, 2)}
                 for _ in range(rounds)]
        cost = {people: median(1e6 / turn[people, 1].agent_steps_per_cpu_s for turn in paces) for people in sizes}
        for people in sizes:
            one, two = (median(turn[people, threads].times_real_time for turn in paces) for threads in (1, 2))
            print(f"{people:7,} people at {density}/m2: {one:5.2f} times real time on one thread, {two:5.2f} on two; "
                  f"{cost[people]:.3f} us a person and step, {cost[people] / cost[sizes[0]]:.2f} of that of {sizes[0]:,}",
                  flush=True)


def million(people: int = 1_000_000, density: float = 1.0, seconds: float = 5.0) -> None:
    """Print how long so many people take to stand ready and to walk, and the memory that all of it takes."""
    start = time.perf_counter()
    place = race_square(people, density)
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ground = Ground(place.walkable)
    goals = np.array([ground.goal(f"exit {k}", area) for k, area in enumerate(place.exits)])
    ground.terrain(goals)
    ready = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    crowd = Crowd(ground, seed=1, capacity=people)
    crowd.add(place.xy, goals[place.goal], speed=place.speed)
    crowd.step()
    made = time.perf_counter() - start
    start = time.process_time()
    crowd.step(round(seconds / crowd.dt))
    took = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outside = int((~ground.inside(crowd.table().xy)).sum())
    print(f"{people:,} people at {density}/m2: ready after {made:.0f} s, {seconds:.0f} s walked in {took:.1f} s CPU "
          f"({seconds / took:.2f} times real time), outside {outside}; {crowd.bytes_per_person:.0f} bytes a person in columns; "
          f"resident {empty / 1024:.0f} MB with the people's places, {ready / 1024:.0f} with the ground and eight fields of "
          f"{ground.nx * ground.ny / 1e6:.1f} M cells, {most / 1024:.0f} at most")


def speed() -> None:
    """Print how fast the engine is."""
    for density in (0.1, 0.5, 1.0, 1.5, 3.0):
        print(f"square at {density}/m2: {square(density) / 1e6:.2f} M agent-steps a CPU-second, one way "
              f"{square(density, crossing=False) / 1e6:.2f}", flush=True)
    print(f"square at 1.5/m2, two threads: {square(1.5, threads=2) / 1e6:.2f} M agent-steps a second")
    fields()
    town()


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    if what in ("model", "all"):
        model()
    if what in ("speed", "all"):
        speed()
    if what in ("scale", "all"):
        scale()
    if what in ("million", "all"):
        million()
