"""A lab scenario made ready: its ground, its goals, and everybody who takes part, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from sim.crowd import Ground, Parameters
from sim.draw import quantile, stream
from sim.lab import FASTEST, SLOWEST, Closing, Lab, People, area_of, line_of
from sim.lab.places import doorstep, spread
from sim.scenario import Span
from twin.errors import BadInput

CLEAR = 0.01
"""Bodies start this far from walls [m]."""
TOUCH = 0.3
"""A goal that only touches the ground is widened by this [m]."""


@dataclass
class Cast:
    """Everybody who takes part, one row a person in the order in which they come.

    ``group (n,) int`` number in the scenario's ``people``; ``come_s (n,)`` when they are due; ``delay_s (n,)``;
    ``speed (n,)`` m/s; ``radius (n,)`` m; ``route (n, k) int`` goal numbers, -1 after the last; ``xy (n, 2)`` where
    they start, NaN for those who enter by a line.
    """

    group: np.ndarray
    come_s: np.ndarray
    delay_s: np.ndarray
    speed: np.ndarray
    radius: np.ndarray
    route: np.ndarray
    xy: np.ndarray

    def __len__(self) -> int:
        return len(self.group)


@dataclass
class Bench:
    """The ground of an experiment with its goals, its people, and the places where they enter by group."""

    ground: Ground
    cast: Cast
    doorsteps: dict[int, np.ndarray]
    shut: list[tuple[float, bool, str, shapely.Geometry]]
    """What shuts (True) or opens, in time order: time [s], whether, name, line."""


def prepare(lab: Lab, seed: int | None = None) -> Bench:
    """Make a lab scenario ready for one seed; raises :class:`BadInput` for what cannot be run."""
    walkable = area_of(lab.walkable)
    ground = Ground(walkable, cell=lab.cell)
    for name, line in lab.walls.items():
        ground.close(f"wall {name}", line_of(line))
    for name, pace in lab.paces.items():
        ground.pace(name, area_of(pace.area), pace.along, pace.against, pace.heading)
    goals = {
        name: ground.goal(name, _touching(walkable, area_of(area), f"{lab.name}: goal {name}"))
        for name, area in lab.goals.items()
    }
    for name, drawn in lab.measure.lines.items():
        if not line_of(drawn).intersects(walkable):
            raise BadInput(
                f"the line {name} lies off the walkable ground", where=lab.name, mend="draw it across the ground"
            )
    for name, outline in lab.measure.areas.items():
        if not area_of(outline).intersects(walkable):
            raise BadInput(
                f"the area {name} lies off the walkable ground", where=lab.name, mend="draw it on the ground"
            )
    groups, doorsteps = [], {}
    taken = np.empty((0, 2))
    for k, people in enumerate(lab.people):
        what = f"{lab.name}: people {k}"
        free = _free(ground, lab, people.radius)
        if people.line is not None:
            doorsteps[k] = doorstep(line_of(people.line), free, what=what)
        group = _drawn(lab, k, people, free, taken, goals, lab.seed if seed is None else seed)
        taken = np.concatenate([taken, group.xy[np.isfinite(group.xy[:, 0])]])
        _check_ways(ground, lab, k, people, group, doorsteps.get(k), free)
        groups.append(group)
    _keep_company(lab, groups)
    return Bench(ground, _joined(groups), doorsteps, _timetable(lab))


def _keep_company(lab: Lab, groups: list[Cast]) -> None:
    """Slow everybody of a company down to its slowest member, as in an event."""
    for company in {people.company for people in lab.people} - {None}:
        members = [cast for people, cast in zip(lab.people, groups, strict=True) if people.company == company]
        slowest = min((float(cast.speed.min()) for cast in members if len(cast)), default=SLOWEST)
        for cast in members:
            cast.speed[:] = slowest


def _body(radius: float) -> float:
    """Distance from its centre to which a body is solid [m]."""
    return Parameters().hard * radius


def _free(ground: Ground, lab: Lab, radius: float) -> shapely.Geometry:
    """The ground that the centre of a body may be on."""
    clear = _body(radius) + CLEAR
    free = ground.walkable.buffer(-clear, quad_segs=4)
    if lab.walls:
        free = free.difference(shapely.union_all([line_of(line) for line in lab.walls.values()]).buffer(clear))
    return free


def _touching(walkable: shapely.Geometry, goal: shapely.Geometry, what: str) -> shapely.Geometry:
    """A goal that shares an area with the ground: as it is, or widened a little where it only touches."""
    if goal.intersection(walkable).area > 1e-6:
        return goal
    wide = goal.buffer(TOUCH)
    if wide.intersection(walkable).area > 1e-6:
        return wide
    raise BadInput("it lies nowhere on the walkable ground", where=what, mend="move it onto the ground")


def _drawn(
    lab: Lab, k: int, people: People, free: shapely.Geometry, taken: np.ndarray, goals: dict[str, int], seed: int
) -> Cast:
    """Everybody of one group, with their own random numbers."""
    random = stream(seed, f"lab/{k}/places")
    come, xy = _coming(lab, k, people, free, taken, random)
    n = len(come)
    u = {purpose: stream(seed, f"lab/{k}/{purpose}").random(n) for purpose in ("speed", "delay", "goal")}
    speed = np.clip(quantile(people.speed, u["speed"]), SLOWEST, FASTEST)
    delay = np.maximum(quantile(people.delay, u["delay"]), 0.0)
    if isinstance(people.goal, dict):
        shares = np.cumsum(list(people.goal.values()))
        chosen = np.searchsorted(shares / shares[-1], u["goal"], side="right").clip(max=len(shares) - 1)
        route = np.array([goals[name] for name in people.goal])[chosen][:, None]
    else:
        route = np.tile([goals[name] for name in people.names], (n, 1))
    return Cast(np.full(n, k), come, delay, speed, np.full(n, people.radius), route.reshape(n, -1), xy)


def _coming(
    lab: Lab, k: int, people: People, free: shapely.Geometry, taken: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """When people of a group are due (n,) [s], and where they start (n, 2), NaN where they enter by a line."""
    what = f"{lab.name}: people {k}"
    body = 2 * _body(people.radius)
    if people.area is not None:
        room = area_of(people.area).intersection(free)
        if room.area == 0:
            raise BadInput("people are to start inside a wall", where=what, mend="draw the area on the walkable ground")
        xy = spread(room, people.count or 0, body, taken, random, what=what)
        return np.zeros(len(xy)), xy
    if people.at is not None:
        xy = np.array(people.at, float)
        off = ~shapely.dwithin(free, shapely.points(xy), 2 * CLEAR)
        if off.any():
            x, y = xy[off][0]
            raise BadInput(f"({x:g}, {y:g}) is inside a wall or too near to one for a body", where=what, mend="move it")
        return np.zeros(len(xy)), xy
    if people.times_s is not None:
        times = np.sort(np.array(people.times_s, float))
    else:
        assert people.rate_per_s is not None
        end = min(lab.duration_s, people.until_s if people.until_s is not None else lab.duration_s)
        times = _arrivals(people.rate_per_s, people.from_s, end, people.regular, random)
        times = times[: people.count] if people.count is not None else times
    return times, np.full((len(times), 2), np.nan)


def _arrivals(rate: float, start: float, end: float, regular: bool, random: np.random.Generator) -> np.ndarray:
    """Times [s] at a rate from a start to an end: a Poisson stream, or even intervals."""
    if regular:
        return start + np.arange(int(np.ceil(max(end - start, 0) * rate - 1e-9))) / rate
    n = int(random.poisson(rate * max(end - start, 0)))
    return np.sort(random.uniform(start, max(end, start), n))


def _check_ways(
    ground: Ground, lab: Lab, k: int, people: People, group: Cast, doorstep: np.ndarray | None, free: shapely.Geometry
) -> None:
    """Everybody has a way to each goal, and it is wide enough for a body."""
    what = f"{lab.name}: people {k}"
    starts = doorstep if doorstep is not None else group.xy
    rooms = shapely.get_parts(free)
    for name in people.names:
        goal = ground.goals[name]
        lost = ~np.isfinite(ground.distance(goal, starts))
        area = ground.area_of(goal)
        wide = np.array([room.dwithin(area, _body(people.radius) + 2 * CLEAR) for room in rooms])
        home = _room_of(rooms, starts)
        if lost.any() or not wide.any():
            x, y = starts[lost][0] if lost.any() else starts[0]
            raise BadInput(
                f"there is no way from ({x:.1f}, {y:.1f}) to the goal {name}",
                where=what,
                mend="open a way, or move the people or the goal",
            )
        if lab.period is None and not wide[home].all():
            x, y = starts[~wide[home]][0]
            raise BadInput(
                f"the way from ({x:.1f}, {y:.1f}) to the goal {name} is narrower than a body "
                f"({2 * _body(people.radius):.2f} m)",
                where=what,
                mend="widen the door",
            )


def _room_of(rooms: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Which of the connected pieces of free ground each point (n, 2) is on, or nearest to: (n,) int."""
    points = shapely.points(xy)
    return np.argmin([shapely.distance(room, points) for room in rooms], axis=0)


def _joined(groups: list[Cast]) -> Cast:
    """All groups as one cast, ordered by when they are due."""
    longest = max(group.route.shape[1] for group in groups)
    routes = [
        np.pad(group.route, ((0, 0), (0, longest - group.route.shape[1])), constant_values=-1) for group in groups
    ]
    columns = [
        np.concatenate([getattr(group, key) for group in groups])
        for key in ("group", "come_s", "delay_s", "speed", "radius")
    ]
    xy = np.concatenate([group.xy for group in groups])
    order = np.argsort(columns[1], kind="stable")
    group, come, delay, speed, radius = (column[order] for column in columns)
    return Cast(group, come, delay, speed, radius, np.concatenate(routes)[order], xy[order])


def _timetable(lab: Lab) -> list[tuple[float, bool, str, shapely.Geometry]]:
    """When doors and closings shut and open."""
    rows: list[tuple[float, bool, str, shapely.Geometry]] = []
    closings = [(f"closing {i}", closing) for i, closing in enumerate(lab.closes)]
    for name, closing in closings:
        rows += _closed(name, closing)
    for name, door in lab.doors.items():
        if door.open:
            line = line_of(door.line)
            rows.append((0.0, True, f"door {name}", line))
            for span in door.open:
                rows += _opened(f"door {name}", span, line)
    return sorted(rows, key=lambda row: row[0])


def _closed(name: str, closing: Closing) -> list[tuple[float, bool, str, shapely.Geometry]]:
    line = line_of(closing.line)
    rows = [(closing.at_s, True, name, line)]
    return rows if closing.until_s is None else [*rows, (closing.until_s, False, name, line)]


def _opened(name: str, span: Span, line: shapely.Geometry) -> list[tuple[float, bool, str, shapely.Geometry]]:
    rows = [(span.from_s, False, name, line)]
    return rows if span.until_s is None else [*rows, (span.until_s, True, name, line)]
