"""A lab scenario made ready: its ground, its goals, and everybody who takes part, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from sim.crowd import Ground
from sim.crowd.ground.storeys import Storeys
from sim.draw import quantile, stream
from sim.kinds import KINDS
from sim.lab import FASTEST, SLOWEST, Choose, Closing, Lab, People, area_of, line_of
from sim.lab.places import doorstep, spread
from sim.lab.plan import laid_out
from sim.lab.ways import CLEAR, body_of, check_ways, free_ground, within_reach
from sim.scenario import Distribution, Span
from twin.errors import BadInput

TOUCH = 0.3
"""A goal that only touches the ground is widened by this [m]."""


@dataclass
class Cast:
    """Everybody who takes part, one row a person in the order in which they come.

    ``group (n,) int`` number in the scenario's ``people``; ``come_s (n,)`` when they are due; ``delay_s (n,)``;
    ``speed (n,)`` m/s; ``radius (n,)`` m; ``brisk (n,)`` the speed alone of who walks slower in company [m/s];
    ``company (n,) int`` its number, -1 for none; ``route (n, k) int`` goal numbers, -1 after the last; ``xy (n, 2)`` where
    they start, NaN for those who enter by a line; ``step_free (n,) bool`` who can take no steps.
    """

    group: np.ndarray
    come_s: np.ndarray
    delay_s: np.ndarray
    speed: np.ndarray
    radius: np.ndarray
    brisk: np.ndarray
    company: np.ndarray
    route: np.ndarray
    xy: np.ndarray
    step_free: np.ndarray

    def __len__(self) -> int:
        return len(self.group)


@dataclass
class Bench:
    """The ground of an experiment with its goals, its people, and the places where they enter by group.

    ``lab`` is the scenario with everything in the ground's plane; ``storeys`` tells where that is in the plans, if it has
    any.
    """

    lab: Lab
    ground: Ground
    cast: Cast
    doorsteps: dict[int, np.ndarray]
    shut: list[tuple[float, bool, str, shapely.Geometry]]
    """What shuts (True) or opens, in time order: time [s], whether, name, line."""
    regulated: list[tuple[shapely.Geometry, float]]
    """Lines that let through so many people a second at most: doors, and both ends of stairs."""
    storeys: Storeys | None = None


def prepare(lab: Lab, seed: int | None = None) -> Bench:
    """Make a lab scenario ready for one seed; raises :class:`BadInput` for what cannot be run."""
    seed = lab.seed if seed is None else seed
    house = lab
    lab, storeys = laid_out(house, 2 * body_of(min(_radii(people).min() for people in house.people)))
    assert lab.walkable is not None
    walkable = area_of(lab.walkable)
    ground = Ground(walkable, cell=lab.cell, walls=storeys.walls if storeys else {}, seams=storeys.seams if storeys else {})
    for name, line in lab.walls.items():
        ground.close(f"wall {name}", line_of(line))
    for name, pace in lab.paces.items():
        ground.pace(name, area_of(pace.area), pace.along, pace.against, pace.heading)
    if storeys:
        _lay_stairs(house, storeys, ground)
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
        free = free_ground(ground, lab, _radii(people).max(), storeys)
        if people.line is not None:
            doorsteps[k] = doorstep(line_of(people.line), free, what=what)
        group = _drawn(lab, k, people, free, taken, goals, seed)
        taken = np.concatenate([taken, group.xy[np.isfinite(group.xy[:, 0])]])
        for radius, step_free in {*zip(group.radius.tolist(), group.step_free.tolist(), strict=True)}:
            alike = (group.radius == radius) & (group.step_free == step_free)
            starts = doorsteps[k] if k in doorsteps else group.xy[alike]
            chosen = isinstance(people.goal, Choose)
            names = within_reach(ground, people.names, starts, step_free) if chosen else people.names
            check_ways(ground, lab, storeys, what, names, starts, radius, step_free)
        groups.append(group)
    _keep_company(lab, groups)
    cast = _joined(groups)
    if storeys:
        _pace_stairs(house, storeys, ground, cast)
    return Bench(lab, ground, cast, doorsteps, _timetable(lab), _regulated(house, lab, storeys), storeys)


def _lay_stairs(house: Lab, storeys: Storeys, ground: Ground) -> None:
    """Tell the ground where steps are, and which stairs lead one way."""
    for flight in house.stairs:
        both = storeys.stairs[flight.name]
        ground.steps(f"stairs {flight.name}", both)
        if flight.oneway is not None:
            heading = storeys.headings[flight.name] + (np.pi if flight.oneway == "down" else 0.0)
            ground.one_way(f"stairs {flight.name}", both, heading)


def _pace_stairs(house: Lab, storeys: Storeys, ground: Ground, cast: Cast) -> None:
    """Slow people down on stairs; speeds in m/s are those of the mean of who can take them."""
    walkers = cast.speed[~cast.step_free]
    for flight in house.stairs if len(walkers) else ():
        up, down = flight.shares(float(walkers.mean()))
        ground.pace(f"stairs {flight.name}", storeys.stairs[flight.name], up, down, storeys.headings[flight.name])


def _regulated(house: Lab, lab: Lab, storeys: Storeys | None) -> list[tuple[shapely.Geometry, float]]:
    """The lines of doors and stairs that are regulated, in the plane, and how many people a second they let through."""
    found = [(line_of(door.line), door.most_per_s) for door in lab.doors.values() if door.most_per_s]
    for flight in house.stairs if storeys else ():
        if flight.most_per_s:
            assert storeys is not None
            ends = [storeys.on_plane(flight.lower, line_of(flight.foot)), storeys.on_plane(flight.upper, line_of(flight.head))]
            found.append((shapely.union_all(ends), flight.most_per_s))
    return found


def _keep_company(lab: Lab, groups: list[Cast]) -> None:
    """Number the companies; all of one walk at the pace of the slowest, to one goal."""
    names = {name: number for number, name in enumerate(dict.fromkeys(p.company for p in lab.people if p.company))}
    count = len(names)
    for people, cast in zip(lab.people, groups, strict=True):
        if people.company:
            cast.company[:] = names[people.company]
        elif people.company_size:
            cast.company[:] = count + np.arange(len(cast)) // people.company_size
            count = max(count, int(cast.company.max(initial=count - 1)) + 1)
    if not count:
        return
    company = np.concatenate([cast.company for cast in groups])
    slowest = np.full(count, np.inf)
    np.minimum.at(slowest, company[company >= 0], np.concatenate([cast.speed for cast in groups])[company >= 0])
    leads: dict[int, np.ndarray] = {}
    for people, cast in zip(lab.people, groups, strict=True):
        together = cast.company >= 0
        cast.speed[together] = slowest[cast.company[together]]
        for row in np.flatnonzero(together) if isinstance(people.goal, dict) else ():
            cast.route[row] = leads.setdefault(int(cast.company[row]), cast.route[row].copy())


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
    speed, radius, step_free = _bodies(people, u["speed"], stream(seed, f"lab/{k}/kind").random(n))
    delay = np.maximum(quantile(people.delay, u["delay"]), 0.0)
    if isinstance(people.goal, dict):
        shares = np.cumsum(list(people.goal.values()))
        chosen = np.searchsorted(shares / shares[-1], u["goal"], side="right").clip(max=len(shares) - 1)
        route = np.array([goals[name] for name in people.goal])[chosen][:, None]
    else:
        route = np.tile([goals[name] for name in people.names], (n, 1))
    if isinstance(people.goal, Choose):
        route = route[:, :1]  # until they choose
    alone = np.full(n, -1)
    return Cast(np.full(n, k), come, delay, speed, radius, speed.copy(), alone, route.reshape(n, -1), xy, step_free)


def _radii(people: People) -> np.ndarray:
    """The radii of the bodies in a group: (kinds,) [m]."""
    return np.array([KINDS[name].radius for name in people.kind] if isinstance(people.kind, dict) else [people.radius])


def _bodies(people: People, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Speed [m/s], radius [m] and whether they take no steps of people (n,) with random numbers for speed and kind."""
    if not isinstance(people.kind, dict):
        speed = np.clip(quantile(people.speed, u), SLOWEST, FASTEST)
        return speed, np.full(len(u), people.radius), np.full(len(u), people.step_free)
    kinds = [KINDS[name] for name in people.kind]
    shares = np.cumsum(list(people.kind.values()))
    kind = np.searchsorted(shares / shares[-1], v, side="right").clip(max=len(kinds) - 1)
    speeds = np.array([quantile(Distribution(normal=one.speed), u) for one in kinds])
    speed = np.clip(speeds[kind, np.arange(len(u))], SLOWEST, FASTEST)
    return speed, np.array([one.radius for one in kinds])[kind], np.array([one.step_free for one in kinds])[kind]


def _coming(
    lab: Lab, k: int, people: People, free: shapely.Geometry, taken: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """When people of a group are due (n,) [s], and where they start (n, 2), NaN where they enter by a line."""
    what = f"{lab.name}: people {k}"
    body = 2 * body_of(_radii(people).max())
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


def _joined(groups: list[Cast]) -> Cast:
    """All groups as one cast, ordered by when they are due."""
    longest = max(group.route.shape[1] for group in groups)
    routes = [
        np.pad(group.route, ((0, 0), (0, longest - group.route.shape[1])), constant_values=-1) for group in groups
    ]
    columns = [
        np.concatenate([getattr(group, key) for group in groups])
        for key in ("group", "come_s", "delay_s", "speed", "radius", "brisk", "company", "step_free")
    ]
    xy = np.concatenate([group.xy for group in groups])
    order = np.argsort(columns[1], kind="stable")
    group, come, delay, speed, radius, brisk, company, step_free = (column[order] for column in columns)
    return Cast(group, come, delay, speed, radius, brisk, company, np.concatenate(routes)[order], xy[order], step_free)


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
