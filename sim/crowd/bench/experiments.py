"""Small experiments that a crowd model is judged by: corridors, doors, counter-flow. All places are in
metres."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy.spatial import cKDTree

from sim.crowd.ground import Ground
from sim.crowd.measures import DensityMaps
from sim.crowd.parameters import Parameters
from sim.crowd.people import STEP, Crowd

MEASURED_ONE_WAY = {0.5: 1.39, 1.0: 1.26, 1.5: 1.02, 2.0: 0.69, 2.5: 0.42, 3.0: 0.35, 3.5: 0.31}
"""Speed [m/s] by density [1/m2] in a one-way corridor of 1.8 m (Düsseldorf 2009, means of bins)."""
MEASURED_TWO_WAY = {1.0: 1.17, 1.5: 0.87, 2.0: 0.68, 2.5: 0.51, 3.0: 0.43}
"""The same in a two-way corridor of 3.6 m."""
DOOR_WIDTHS = (0.8, 1.0, 1.2, 1.6, 2.0, 2.5)
RING = 32.0
"""Length of the corridor ring [m]."""


@dataclass
class Watch:
    """What is watched once a second: how deep bodies overlap, and whether anybody is outside."""

    ground: Ground
    hard: float
    overlaps: list[np.ndarray] = field(default_factory=list)
    outside: int = 0

    def look(self, crowd: Crowd) -> None:
        """Take in one moment."""
        people = crowd.table()
        self.outside += int((~self.ground.inside(people.xy)).sum())
        if len(people.xy) > 1:
            away = cKDTree(people.xy).query(people.xy, 2)[0][:, 1]
            self.overlaps.append(np.maximum(2 * self.hard * people.radius - away, 0))

    @property
    def deepest(self) -> float:
        """Deepest overlap [m]."""
        return float(max((o.max() for o in self.overlaps), default=0.0))

    @property
    def deep(self) -> float:
        """99th percentile of the overlaps [m]."""
        return float(np.percentile(np.concatenate(self.overlaps), 99)) if self.overlaps else 0.0


@dataclass(frozen=True)
class Outcome:
    """Result of an experiment: its figure, how many never arrived, and what was watched."""

    value: float
    left: int
    watch: Watch


def free_speeds(n: int, rng: np.random.Generator) -> np.ndarray:
    """Free speeds (n,) [m/s]: normal with mean 1.34 and deviation 0.26 (Weidmann 1993), cut to 0.6-2.0."""
    return np.clip(rng.normal(1.34, 0.26, n), 0.6, 2.0)


def scattered(n: int, x0: float, y0: float, x1: float, y1: float, rng: np.random.Generator,
              margin: float = 0.2) -> np.ndarray:
    """n jittered places (n, 2) in a rectangle, on a lattice so that nobody starts inside anybody."""
    width, height = x1 - x0 - 2 * margin, y1 - y0 - 2 * margin
    columns = max(1, int(np.ceil(np.sqrt(n * width / height))))
    rows = int(np.ceil(n / columns))
    x, y = np.meshgrid((np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows)
    places = np.column_stack([x.ravel(), y.ravel()])
    places = places[rng.permutation(len(places))[:n]] + (x0 + margin, y0 + margin)
    room = np.maximum([width / columns - 0.32, height / rows - 0.32], 0) / 2
    return places + rng.uniform(-1, 1, (n, 2)) * room


def corridor(density: float, *, seed: int = 0, width: float = 1.8, two_way: bool = False, warm: float = 40,
             span: float = 40, parameters: Parameters | None = None, dt: float = STEP) -> Outcome:
    """Mean speed along a ring corridor [m/s] at a density [1/m2], after ``warm`` seconds, over ``span``
    seconds."""
    rng = np.random.default_rng(seed)
    n = round(density * RING * width)
    ground = Ground(shapely.box(-4, 0, RING + 4, width), cell=0.25)
    right = ground.goal("right", shapely.box(RING + 3, 0, RING + 4, width))
    left = ground.goal("left", shapely.box(-4, 0, -3, width))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt, period=(0, RING))
    backward = np.arange(n) % 2 == 1 if two_way else np.zeros(n, bool)
    ids = crowd.add(scattered(n, 0, 0, RING, width, rng), np.where(backward, left, right),
                    speed=free_speeds(n, rng))
    crowd.step(round(warm / dt))
    watch = Watch(ground, crowd.parameters.hard)
    made = []
    before = crowd.at(ids)[:, 0]
    for _ in range(round(span)):
        crowd.step(round(1 / dt))
        after = crowd.at(ids)[:, 0]
        made.append(float((((after - before + RING / 2) % RING - RING / 2) * np.where(backward, -1,
                                                                                      1)).mean()))
        before = after
        watch.look(crowd)
    return Outcome(float(np.mean(made)), 0, watch)


def _run_out(crowd: Crowd, watch: Watch, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Run until everybody has arrived or the limit [s]; gives ids and times of the arrivals."""
    ids: list[np.ndarray] = []
    times: list[np.ndarray] = []
    while crowd.n and crowd.time < limit:
        crowd.step()
        arrived = crowd.arrived()
        if len(arrived):
            ids.append(arrived)
            times.append(np.full(len(arrived), crowd.time))
            crowd.remove(arrived)
        if round(crowd.time / crowd.dt) % round(1 / crowd.dt) == 0:
            watch.look(crowd)
    if not ids:
        return np.empty(0, np.int64), np.empty(0)
    return np.concatenate(ids), np.concatenate(times)


def door(width: float, *, depth: float = 0.4, people: int = 200, seed: int = 0, limit: float = 400,
         cell: float = 0.25, parameters: Parameters | None = None, dt: float = STEP) -> Outcome:
    """Specific flow [1/(m s)] of people who leave a 10 x 10 m room through a door, over the middle 70 %."""
    rng = np.random.default_rng(seed)
    room = shapely.union_all([shapely.box(0, 0, 10, 10),
                              shapely.box(10, 5 - width / 2, 10 + depth, 5 + width / 2),
                              shapely.box(10 + depth, 0, 14 + depth, 10)])
    ground = Ground(room, cell=cell)
    out = ground.goal("out", shapely.box(13 + depth, 0, 14 + depth, 10))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt)
    crowd.add(scattered(people, 0, 0, 10, 10, rng), out, speed=free_speeds(people, rng))
    watch = Watch(ground, crowd.parameters.hard)
    _, times = _run_out(crowd, watch, limit)
    if len(times) < people:
        return Outcome(0.0, people - len(times), watch)
    first, last = int(0.15 * people), int(0.85 * people)
    return Outcome(float((last - first) / (times[last] - times[first]) / width), 0, watch)


def counter_flow(opposed: int, *, seed: int = 0, limit: float = 400, parameters: Parameters | None = None,
                 dt: float = STEP) -> Outcome:
    """Seconds until the last of 100 people has crossed a 10 x 2 m corridor against ``opposed`` (NIST TN
    1822, 2.8)."""
    rng = np.random.default_rng(seed)
    ground = Ground(shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(10, 4, 20, 6),
                                       shapely.box(20, 0, 30, 10)]), cell=0.25)
    right, left = ground.goal("right", shapely.box(29, 0, 30, 10)), ground.goal("left", shapely.box(0, 0, 1,
                                                                                                    10))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt)
    ours = crowd.add(scattered(100, 1.2, 0, 10, 10, rng), right, speed=free_speeds(100, rng))
    if opposed:
        crowd.add(scattered(opposed, 20, 0, 28.8, 10, rng), left, speed=free_speeds(opposed, rng))
    watch = Watch(ground, crowd.parameters.hard)
    ids, times = _run_out(crowd, watch, limit)
    mine = times[np.isin(ids, ours)]
    return Outcome(float(mine.max()) if len(mine) == 100 else np.nan, 100 + opposed - len(ids), watch)


def hall(doors: int, *, seed: int = 0, limit: float = 600, parameters: Parameters | None = None,
         dt: float = STEP) -> Outcome:
    """Seconds in which 1,000 people leave a 30 x 20 m hall by four doors of 1 m, or by two (RiMEA 9)."""
    rng = np.random.default_rng(seed)
    spots = [(4, -0.4), (25, -0.4), (4, 20), (25, 20)][:doors]
    ground = Ground(shapely.union_all([shapely.box(0, 0, 30, 20), shapely.box(0, -4, 30, -0.4),
                                       shapely.box(0, 20.4, 30, 24),
                                       *[shapely.box(x, y, x + 1, y + 0.4) for x, y in spots]]), cell=0.25)
    out = ground.goal("out", shapely.union_all([shapely.box(0, -4, 30, -3), shapely.box(0, 23, 30, 24)]))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt)
    crowd.add(scattered(1000, 2, 2, 28, 18, rng, 0), out, speed=free_speeds(1000, rng))
    watch = Watch(ground, crowd.parameters.hard)
    _, times = _run_out(crowd, watch, limit)
    return Outcome(float(times.max()) if crowd.n == 0 else np.nan, crowd.n, watch)


def gate_jam(people: int = 2000, width: float = 5.0, *, seed: int = 0, seconds: float = 90,
             parameters: Parameters | None = None, dt: float = STEP) -> Outcome:
    """Largest density [1/m2] (Gaussian of 0.8 m) while people push through a gate out of a 48 x 40 m yard."""
    rng = np.random.default_rng(seed)
    ground = Ground(shapely.union_all([shapely.box(0, 0, 50, 40), shapely.box(50, 20 - width / 2, 50.4, 20 + width / 2),
                                       shapely.box(50.4, 0, 70, 40)]))
    out = ground.goal("out", shapely.box(68, 0, 70, 40))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt)
    crowd.add(scattered(people, 2, 0, 48, 40, rng), out, speed=free_speeds(people, rng))
    watch = Watch(ground, crowd.parameters.hard)
    maps = DensityMaps(np.zeros(2), 0.5, (80, 140))
    while crowd.time < seconds:
        crowd.step(round(1 / dt))
        there = crowd.table()
        maps.add(there.xy, there.heading * there.speed[:, None])
        crowd.remove(crowd.arrived())
        if round(crowd.time) % 10 == 0:
            watch.look(crowd)
    return Outcome(float(maps.maps()["density_max"].max()), 0, watch)


def corner(people: int = 300, *, seed: int = 0, seconds: float = 300, parameters: Parameters | None = None,
           dt: float = STEP) -> Outcome:
    """Most people stuck for a minute at any time, of two streams that go to and fro round one house corner.

    ``left`` of the outcome counts those who are stuck at the end.
    """
    rng = np.random.default_rng(seed)
    ground = Ground(shapely.box(0, 0, 30, 30).difference(shapely.box(0, 6, 24, 30)))
    west, north = ground.goal("west", shapely.box(0, 0, 2, 6)), ground.goal("north", shapely.box(24, 28, 30, 30))
    crowd = Crowd(ground, seed=seed, parameters=parameters, dt=dt)
    half = people // 2
    crowd.add(scattered(half, 0, 0, 20, 6, rng), north, speed=free_speeds(half, rng))
    crowd.add(scattered(people - half, 24, 8, 30, 28, rng), west, speed=free_speeds(people - half, rng))
    watch = Watch(ground, crowd.parameters.hard)
    most = 0
    while crowd.time < seconds:
        crowd.step(round(1 / dt))
        arrived = crowd.arrived()
        crowd.send(arrived, np.where(crowd.at(arrived)[:, 0] < 3, north, west))
        most = max(most, len(crowd.stuck()))
        if round(crowd.time) % 10 == 0:
            watch.look(crowd)
    return Outcome(float(most), len(crowd.stuck()), watch)


def error(speeds: dict[float, float], measured: dict[float, float]) -> float:
    """Root mean square difference of speeds by density [m/s]."""
    return float(np.sqrt(np.mean([(speeds[key] - measured[key]) ** 2 for key in measured])))
