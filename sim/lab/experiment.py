"""One run of a lab scenario with one seed: people enter, walk, are measured, and leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import shapely

from sim.crowd import Crowd, DensityMaps, FlowLine, Parameters
from sim.crowd.people import Snapshot
from sim.lab import Lab, area_of, line_of
from sim.lab.air import Air
from sim.lab.bench import Bench, prepare
from sim.lab.company import companies_of, onward
from sim.lab.doors import Regulator
from sim.lab.exits import Exits
from sim.lab.tracks import Tracks
from sim.run import Frame

TRIES = 12
"""Places of a line of entry that a newcomer tries in each time step."""
SLACK = 1e-9


@dataclass
class Findings:
    """What one run leaves.

    ``people`` has one row a person: ``id`` (-1 for who never got in), ``group, goal, speed, radius, due_s, entered_s,
    out_s, out_x, out_y`` (NaN for what did not happen), ``company`` (-1 for none), ``waits, waited_s`` for it,
    ``left_behind`` by it, ``gave_up`` exits, ``stuck`` for over a minute, ``dose``, ``down_s`` when it reached 1.
    ``crossings`` one row for each time step in which somebody crossed a line: ``line, time_s, forward, backward``.
    ``areas`` one row an area and time step: ``area, time_s, people, density, speed``. ``series``
    one row a second. ``tracks`` one row a person and frame: ``id, frame, x, y``.
    Positions are in the plans; where there are storeys, ``storey`` stands beside them (``out_storey`` in ``people``).
    ``lab`` is the scenario with everything in one plane.
    """

    lab: Lab
    seed: int
    people: pd.DataFrame
    crossings: pd.DataFrame
    areas: pd.DataFrame
    series: pd.DataFrame
    tracks: pd.DataFrame
    maps: dict[str, np.ndarray]
    outside: int
    """How many frame positions lay off the walkable ground."""
    end_s: float
    gave_way: int = 0
    """How often somebody gave way in a jam of people who walk against each other, and got out of it."""
    company_spread: float = float("nan")
    """Mean way between the first and the last of a company [m]; NaN where nobody has company."""
    company_spread_p95: float = float("nan")
    """What it stays below in 95 of 100 looks [m]."""


@dataclass
class _Notes:
    """What is written down on the way."""

    crossings: list[tuple[str, float, int, int]] = field(default_factory=list)
    areas: list[tuple[str, float, int, float]] = field(default_factory=list)
    series: list[tuple[float, ...]] = field(default_factory=list)


class Experiment:
    """A lab scenario in motion.

    ``tracks`` keeps positions at the scenario's frame rate; ``on_frame`` is given everybody once a second; ``maps``
    keeps density maps. Raises :class:`BadInput` for a scenario that cannot be run.
    """

    def __init__(
        self,
        lab: Lab,
        seed: int | None = None,
        *,
        tracks: bool = True,
        maps: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
        parameters: Parameters | None = None,
        threads: int = 1,
    ) -> None:
        self.seed = lab.seed if seed is None else seed
        self.bench: Bench = prepare(lab, self.seed)
        self.ground, self.cast, self.storeys = self.bench.ground, self.bench.cast, self.bench.storeys
        self.lab = lab = self.bench.lab
        n = len(self.cast)
        self.crowd = Crowd(
            self.ground, seed=self.seed, dt=lab.step_s, capacity=n, parameters=parameters, period=lab.period, threads=threads
        )
        self.id = np.full(n, -1)
        self.entered, self.out = np.full(n, np.nan), np.full(n, np.nan)
        self.out_xy = np.full((n, 2), np.nan)
        self._who = np.empty(0, int)
        self._leg = np.zeros(n, int)
        self._held = np.zeros(n, bool)
        self._waiting: dict[int, list[int]] = {k: [] for k in self.bench.doorsteps}
        self._next = 0
        self._shut = list(self.bench.shut)
        self._random = np.random.default_rng(np.random.SeedSequence([self.seed, 77]))
        self._lines = {
            name: FlowLine(line) for name, ref in lab.measure.lines.items() for line in [_single(line_of(ref))]
        }
        self._areas = {name: area_of(ref).intersection(self.ground.walkable) for name, ref in lab.measure.areas.items()}
        for area in self._areas.values():
            shapely.prepare(area)
        self._regulators = [
            Regulator(line, most_per_s, n) for line, most_per_s in self.bench.regulated
        ]
        self.companies = companies_of(self.cast)
        self._onward = onward(self.cast, self.ground, self.companies)
        self.exits = Exits(lab, self.cast, self.ground, self.seed)
        self.air = Air(lab, self.ground, n)
        self.was_stuck = np.zeros(n, bool)
        self._notes = _Notes()
        self._tracks = Tracks(self.ground, lab.fps, lab.period, self.storeys) if tracks else None
        self._maps = self._blank_maps() if maps else None
        self._on_frame = on_frame

    def _blank_maps(self) -> DensityMaps:
        west, south, east, north = self.ground.walkable.bounds
        return DensityMaps(np.array([west, south]), 1.0, (int(np.ceil(north - south)), int(np.ceil(east - west))))

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self.crowd.time

    def run(self, on_progress: Callable[[float], None] | None = None) -> Findings:
        """Run to the end; ``on_progress`` is told the time [s] now and then."""
        steps = round(self.lab.duration_s / self.lab.step_s)
        second = max(round(1 / self.lab.step_s), 1)
        for step in range(steps):
            self._turn_doors()
            self.air.drift(self.time)
            self._let_in()
            self._set_off()
            self.exits.look(self.crowd, self._who)
            self.companies.keep_together(self.crowd, self._who)
            for regulator in self._regulators:
                regulator.regulate(self.crowd, self._who, self._held)
            before, start = self.crowd.table(), self.time
            if step % second == 0:
                self._note_second(before)
            self.crowd.step()
            self._note_step(before, start)
            self._breathe()
            self._let_out()
            if on_progress is not None and step % (10 * second) == 0:
                on_progress(self.time)
            if self.lab.stop_when_empty and self.crowd.n == np.isfinite(self.air.down_s).sum() and self._all_done():
                break
        self._let_in()
        after = self.crowd.table()
        self._note_second(after)
        if self._tracks is not None:
            self._tracks.last(self.time, after)
        return self._findings()

    def _all_done(self) -> bool:
        return self._next == len(self.cast) and not any(self._waiting.values())

    # -- who comes, goes on, and leaves

    def _turn_doors(self) -> None:
        while self._shut and self._shut[0][0] <= self.time + SLACK:
            _, shut, name, line = self._shut.pop(0)
            if shut:
                self.ground.close(name, line)
            else:
                self.ground.open(name)

    def _let_in(self) -> None:
        """Bring in who is due: at their place, or by their line as soon as there is room."""
        cast = self.cast
        due = []
        while self._next < len(cast) and cast.come_s[self._next] <= self.time + SLACK:
            due.append(self._next)
            self._next += 1
        placed = np.array([p for p in due if np.isfinite(cast.xy[p, 0])], int)
        if len(placed):
            self._add(placed, cast.xy[placed])
        for person in due:
            if not np.isfinite(cast.xy[person, 0]):
                self._waiting[int(cast.group[person])].append(person)
        for group, queue in self._waiting.items():
            places = self.bench.doorsteps[group]
            while queue:
                tries = places[self._random.permutation(len(places))[:TRIES]]
                fits = np.flatnonzero(self.crowd.fits(tries, cast.radius[queue[0]]))
                if not len(fits):
                    break
                self._add(np.array([queue.pop(0)]), tries[fits[:1]])

    def _add(self, persons: np.ndarray, xy: np.ndarray) -> None:
        cast = self.cast
        if self.exits:
            chosen = self.exits.first(self.crowd, persons, xy)
            cast.route[persons, 0] = np.where(chosen >= 0, chosen, cast.route[persons, 0])
        self.companies.onward[persons] = self._onward[persons, 0]
        ids = self.crowd.add(xy, cast.route[persons, 0], speed=cast.speed[persons], radius=cast.radius[persons],
                             step_free=cast.step_free[persons])
        self.id[persons], self.entered[persons] = ids, self.time
        self._who = np.concatenate([self._who, persons])
        late = cast.delay_s[persons] > 0
        if late.any():
            self.crowd.hold(ids[late])
            self._held[persons[late]] = True

    def _set_off(self) -> None:
        """Let those go whose delay is over."""
        if self._held.any():
            over = self.entered + self.cast.delay_s <= self.time + SLACK
            ready = np.flatnonzero(self._held & over & np.isnan(self.air.down_s))
            if len(ready):
                self.crowd.hold(self.id[ready], False)
                self._held[ready] = False

    def _let_out(self) -> None:
        """Send who has reached a goal to the next, or away after the last."""
        ids = self.crowd.arrived()
        if not len(ids):
            return
        persons = self._who[ids]
        persons, ids = persons[~self._held[persons]], ids[~self._held[persons]]
        route = self.cast.route
        last = self._leg[persons] + 1
        more = (last < route.shape[1]) & (route[persons, np.minimum(last, route.shape[1] - 1)] >= 0)
        if more.any():
            self._leg[persons[more]] += 1
            self.companies.onward[persons[more]] = self._onward[persons[more], self._leg[persons[more]]]
            self.crowd.send(ids[more], route[persons[more], self._leg[persons[more]]])
        gone = persons[~more]
        if len(gone):
            self.exits.passed(route[gone, self._leg[gone]])
            self.out[gone] = self.time
            self.out_xy[gone] = self.crowd.at(ids[~more])
            self.crowd.remove(ids[~more])

    def _breathe(self) -> None:
        """Whoever has breathed too much stands where they are."""
        if self.air and self.crowd.n:
            down = self.air.breathe(self.crowd.table(), self._who, self.time, self.lab.step_s)
            if len(down):
                self.crowd.hold(self.id[down])
                self._held[down] = True

    # -- what is written down

    def _note_step(self, before: Snapshot, start: float) -> None:
        if not self._lines and not self._areas and self._tracks is None:
            return
        now = self.crowd.table()
        for name, line in self._lines.items():
            forward, backward = line.crossed(*self._seen_from(line, before.xy, now.xy))
            if forward or backward:
                self._notes.crossings.append((name, self.time, forward, backward))
        if self._areas:
            moved = self._plan(now.xy) - self._plan(before.xy)
            if self.lab.period:
                length = self.lab.period[1] - self.lab.period[0]
                moved[:, 0] = (moved[:, 0] + length / 2) % length - length / 2
            speed = np.hypot(*moved.T) / self.lab.step_s
            for name, area in self._areas.items():
                inside = shapely.contains_xy(area, now.xy[:, 0], now.xy[:, 1])
                self._notes.areas.append((name, self.time, int(inside.sum()), float(speed[inside].sum())))
        if self._tracks is not None:
            self._tracks.between(start, self.time, before, now)

    def _plan(self, xy: np.ndarray) -> np.ndarray:
        """Points of the plane (n, 2) in the plans of their storeys."""
        return self.storeys.plan(xy)[0] if self.storeys else xy

    def _seen_from(self, line: FlowLine, before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where people (n, 2) were and are, for who watches a line: who has just passed from its storey to another, or
        came from there, has not leapt."""
        if not self.storeys:
            return before, now
        (was, left), (is_, entered) = self.storeys.plan(before), self.storeys.plan(now)
        own = self.storeys.plan(np.array(line.line.coords[:1]))[1][0]
        near = ((left == own) | (entered == own)) & (left != entered)
        shift = self.storeys.shift(self.storeys.names[own])
        there = near | (left == entered)
        return np.where(near[:, None], was + shift, before)[there], np.where(near[:, None], is_ + shift, now)[there]

    def _note_second(self, people: Snapshot) -> None:
        stuck = self.crowd.stuck()
        self.was_stuck[self._who[stuck]] = True
        waiting = sum(map(len, self._waiting.values()))
        densest = float("nan")
        if self._maps is not None:
            densest = float(self._maps.add(people.xy, people.heading * people.speed[:, None]).max(initial=0.0))
        self._notes.series.append(
            (
                round(self.time),
                int(np.isfinite(self.entered).sum()),
                int(np.isfinite(self.out).sum()),
                self.crowd.n,
                waiting,
                0,
                len(stuck),
                densest,
            )
        )
        if self._on_frame is not None:
            x, y = origin_of(self.lab)
            state = np.where(np.isin(people.ids, stuck), 5, 0).astype(np.uint8)
            self._on_frame(
                Frame(
                    round(self.time),
                    people.ids.astype(np.uint32),
                    (people.xy - (x, y)).astype(np.float32),
                    people.speed.astype(np.float32),
                    state,
                )
            )

    def _findings(self) -> Findings:
        cast, names = self.cast, {number: name for name, number in self.ground.goals.items()}
        last = np.where(cast.route >= 0, cast.route, 0)[np.arange(len(cast)), (cast.route >= 0).sum(1) - 1]
        people = pd.DataFrame(
            {
                "id": self.id,
                "group": cast.group,
                "goal": [names[g] for g in last],
                "speed": cast.speed,
                "radius": cast.radius,
                "delay_s": cast.delay_s,
                "due_s": cast.come_s,
                "entered_s": self.entered,
                "out_s": self.out,
                "out_x": self._plan(self.out_xy)[:, 0],
                "out_y": self._plan(self.out_xy)[:, 1],
                "company": self.companies.company,
                "waits": self.companies.waits,
                "waited_s": self.companies.waited_s,
                "left_behind": self.companies.left_behind,
                "gave_up": self.exits.gave_up,
                "stuck": self.was_stuck | (self.exits.gave_up > 0),
                "dose": self.air.dose,
                "down_s": self.air.down_s,
            }
        )
        if self.storeys:
            storey = np.array(self.storeys.names)[self.storeys.plan(self.out_xy)[1]]
            people["out_storey"] = np.where(np.isfinite(self.out), storey, "")
        crossings = pd.DataFrame(self._notes.crossings, columns=["line", "time_s", "forward", "backward"])
        areas = pd.DataFrame(self._notes.areas, columns=["area", "time_s", "people", "speed"])
        size = areas["area"].map({name: area.area for name, area in self._areas.items()}).astype(float)
        areas["density"] = areas["people"] / size
        areas["speed"] = areas["speed"] / areas["people"].where(areas["people"] > 0)
        series = pd.DataFrame(
            self._notes.series,
            columns=["time_s", "entered", "left", "inside", "waiting_outside", "queueing", "stuck", "density_max"],
        )
        tracks = self._tracks.table() if self._tracks is not None else pd.DataFrame(columns=["id", "frame", "x", "y"])
        outside = self._tracks.outside if self._tracks is not None else 0
        return Findings(
            self.lab,
            self.seed,
            people,
            crossings,
            areas,
            series,
            tracks,
            self._raster(),
            outside,
            self.time,
            gave_way=self.crowd.gave_way,
            company_spread=self.companies.spread_mean,
            company_spread_p95=self.companies.spread_below(95),
        )

    def _raster(self) -> dict[str, np.ndarray]:
        if self._maps is None:
            return {}
        maps: dict[str, np.ndarray] = {key: raster.astype(np.float32) for key, raster in self._maps.maps().items()}
        maps["travel_time"] = np.full(self._maps.shape, np.nan, np.float32)
        maps["origin"], maps["cell"] = self._maps.corner, np.array(self._maps.cell)
        return maps


def origin_of(lab: Lab) -> tuple[float, float]:
    """What the stored frames of a lab scenario in one plane count from: the middle of its ground, in whole metres."""
    assert lab.walkable is not None
    west, south, east, north = area_of(lab.walkable).bounds
    return float(round((west + east) / 2)), float(round((south + north) / 2))


def _single(line: shapely.Geometry) -> shapely.LineString:
    """A line of one piece, as flow is counted over."""
    if line.geom_type == "MultiLineString":
        line = shapely.line_merge(line)
    return shapely.get_parts(line)[0] if line.geom_type == "MultiLineString" else shapely.LineString(line.coords)
