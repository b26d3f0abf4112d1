"""A plausible day of the district: patrols on their rounds, cases, camera counts, parking. All of it is made up.

Patrols walk between posts along the streets at 1.2 m/s and stand at each for some minutes; their GPS is 5 m off, and
its error wanders slowly, as real ones do. Cases come as a Poisson process, 2,000 a month, by type and hour, and walk the
loop. Cameras count people minute by minute; lots and kerbs fill and empty. The same seed gives the same day.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import networkx as nx
import numpy as np
import shapely
from pydantic import BaseModel

from twin.cases.step import CaseStep, Kind, Level, Result
from twin.cases.types import type_of
from twin.live.grids import GridFinder
from twin.live.observation import GPS_ACCURACY_M, Crowd, Occupancy, Position
from twin.live.row import Row, microseconds
from twin.places import District
from twin.places.synthetic.streams import stream as numbers

SOURCE = "synthetic"
DAY_S = 86_400
WALK = 1.2  # m/s
GPS_MEMORY_S = 60.0  # over which the error of a position is alike
CASES_A_MONTH = 2_000
SHARES = {"rubbish": 0.22, "illegal_parking": 0.21, "facility_damaged": 0.12, "street_vending": 0.11, "noise": 0.1,
          "lamp_out": 0.07, "housing": 0.05, "fire_hazard": 0.04, "medical": 0.03, "manhole": 0.02, "crowd": 0.015,
          "lost_child": 0.01, "suspicious_object": 0.005}
"""Share of each type of case: made up, with rubbish and parking in front, as city reports have them."""
BY_HOUR = np.array([3, 2, 1, 1, 1, 3, 9, 22, 34, 38, 40, 36, 30, 34, 38, 40, 42, 44, 40, 34, 26, 18, 10, 6], float)
"""How busy each hour is (cases); a bimodal day."""
STREET_LIFE = np.array([
    4, 2, 1, 1, 2, 8, 25, 60, 85, 80, 82, 90, 95, 88, 85, 90, 100, 115, 120, 110, 85, 55, 25, 10], float) / 100
"""People on the street by hour, as a share of a busy hour."""


@dataclass(frozen=True)
class Day:
    """One made-up day. ``start`` is its local midnight, ``units`` patrols report every ``every_s`` seconds.

    A day in fast motion passes ``speed`` times as quickly, and is reported so: it begins at ``start`` with the second
    ``begin_s`` of the day.
    """

    start: datetime
    seed: int = 1
    units: int = 24
    every_s: float = 10.0
    stream: str = "drill:synthetic"
    speed: float = 1.0
    begin_s: float = 0.0

    def at(self, seconds: float) -> int:
        """A moment of the day [us since 1970], in whole milliseconds."""
        return microseconds(self.start.astimezone(UTC)) + round((seconds - self.begin_s) * 1000 / self.speed) * 1000

    @property
    def mark(self) -> str:
        """What the names of its cases begin with: days in fast motion follow each other within minutes."""
        return f"S{self.start:%m%d}" if self.speed == 1 else f"S{self.start:%m%d.%H%M%S}"


def synthetic_day(district: District, day: Day) -> Iterator[Row]:
    """Everything that is reported on a day, in order of time observed."""
    grids = GridFinder(district)
    parts = [_patrols(district, day, grids), _cases(district, day, grids), _counts(district, day, grids),
             _parking(district, day, grids)]
    rows = heapq.merge(*parts, key=lambda row: (row.observed_at, row.id))
    begin = day.at(day.begin_s)
    return (row for row in rows if row.observed_at >= begin)


def call_signs(day: Day) -> list[str]:
    """The units of a day."""
    return [f"P-{k + 1:02d}" for k in range(day.units)]


def _row(day: Day, kind: str, thing: str, second: float, value: BaseModel, x: float | None, y: float | None,
         grid: str | None, accuracy_m: float | None = None, mark: str = "") -> Row:
    at = day.at(second)
    return Row(f"{SOURCE}/{kind}/{thing}/{at}{mark}", day.stream, SOURCE, kind, thing, at, at,
               None if x is None else round(float(x), 2), None if y is None else round(float(y), 2), accuracy_m, grid,
               value.model_dump_json(exclude_none=True))


def _patrols(district: District, day: Day, grids: GridFinder) -> Iterator[Row]:
    network = _walks(district)
    nodes = sorted(network.nodes)
    if not nodes:
        return
    ways = [_round(network, nodes, numbers(day.seed, f"round {k}")) for k in range(day.units)]
    errors = [_gps(numbers(day.seed, f"gps {k}"), day) for k in range(day.units)]
    shifts = numbers(day.seed, "shifts").permutation(day.units) % 3
    names = call_signs(day)
    for step in range(int(DAY_S / day.every_s)):
        second = step * day.every_s
        hour = second / 3600
        on = [k for k in range(day.units) if shifts[k] == int(hour // 8) or (shifts[k] == 1 and 7 <= hour < 20)]
        if not on:
            continue
        places = np.array([[np.interp(second, ways[k][0], ways[k][1]), np.interp(second, ways[k][0], ways[k][2])] for k in on])
        ahead = np.array([[np.interp(second + 1, ways[k][0], ways[k][1]), np.interp(second + 1, ways[k][0], ways[k][2])]
                          for k in on]) - places
        seen = places + np.array([errors[k][step] for k in on])
        found = grids.find(seen[:, 0], seen[:, 1])
        for j, k in enumerate(on):
            speed = float(np.hypot(*ahead[j]))
            heading = round(float(np.arctan2(ahead[j, 1], ahead[j, 0]) % (2 * np.pi)), 2) if speed > 0.1 else None
            value = Position(speed=round(speed, 2), heading=heading, unit="patrol", status="free")
            yield _row(day, "position", names[k], second, value, seen[j, 0], seen[j, 1], found[j], GPS_ACCURACY_M)


def _walks(district: District) -> nx.Graph:
    """Streets that one walks, as a network of their ends and crossings; its largest connected piece."""
    lines = shapely.unary_union(district.streets[district.streets["on_foot"].fillna(True)].geometry.to_numpy())
    network: nx.Graph = nx.Graph()
    for line in shapely.get_parts(lines):
        points = [tuple(np.round(point, 2).tolist()) for point in shapely.get_coordinates(line)]
        for a, b in pairwise(points):
            if a != b:
                network.add_edge(a, b, weight=float(np.hypot(a[0] - b[0], a[1] - b[1])))
    largest = max(nx.connected_components(network), key=lambda piece: (len(piece), min(piece)), default=set())
    return network.subgraph(largest)


def _round(network: nx.Graph, nodes: list[tuple[float, float]], rng: np.random.Generator
           ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A day's way of one unit: times [s], x and y [m] of the points where it turns, stops and goes on."""
    posts = [nodes[k] for k in rng.choice(len(nodes), size=min(6, len(nodes)), replace=False)]
    legs = [nx.shortest_path(network, a, b, weight="weight") for a, b in zip(posts, posts[1:] + posts[:1], strict=True)]
    times, points = [0.0], [posts[0]]
    leg = 0
    while times[-1] < DAY_S:
        times.append(times[-1] + float(rng.uniform(180, 480)))  # stands at the post
        points.append(points[-1])
        for point in legs[leg % len(legs)][1:]:
            times.append(times[-1] + float(np.hypot(point[0] - points[-1][0], point[1] - points[-1][1])) / WALK)
            points.append(point)
        leg += 1
    way = np.array(points)
    return np.array(times), way[:, 0], way[:, 1]


def _gps(rng: np.random.Generator, day: Day) -> np.ndarray:
    """Errors of a unit's positions ``(n, 2)`` [m]: a first-order autoregression whose two axes together err 5 m (rms)."""
    n = int(DAY_S / day.every_s)
    alike = float(np.exp(-day.every_s / GPS_MEMORY_S))
    spread = GPS_ACCURACY_M / np.sqrt(2)
    shocks = rng.normal(0, spread, (n, 2)) * np.sqrt(1 - alike**2)
    errors = np.empty((n, 2))
    errors[0] = rng.normal(0, spread, 2)
    for k in range(1, n):
        errors[k] = alike * errors[k - 1] + shocks[k]
    return errors


def _cases(district: District, day: Day, grids: GridFinder) -> Iterator[Row]:
    rng = numbers(day.seed, f"cases {day.start:%Y-%m-%d}")
    places = district.courtyards.geometry if len(district.courtyards) else district.streets.geometry
    if not len(places):
        return
    busy = rng.lognormal(0, 1, len(places))  # some places have many cases
    kinds, shares = list(SHARES), np.array(list(SHARES.values()))
    steps: list[Row] = []
    for number in range(rng.poisson(CASES_A_MONTH * 12 / 365.25)):
        second = (rng.choice(24, p=BY_HOUR / BY_HOUR.sum()) + rng.random()) * 3600
        kind = str(rng.choice(kinds, p=shares / shares.sum()))
        at = places.iloc[rng.choice(len(places), p=busy / busy.sum())].representative_point()
        x, y = at.x + rng.normal(0, 3), at.y + rng.normal(0, 3)
        grid = grids.find(np.array([x]), np.array([y]))[0]
        if second < day.begin_s:
            continue  # its later steps would be of a case that nobody reported
        name = f"{day.mark}-{number + 1:03d}"
        for k, (when, step) in enumerate(_loop(name, kind, grid, second, day, rng)):
            if when < DAY_S:
                steps.append(_row(day, "case", name, when, step, x, y, grid, mark=f"-{k}"))
    yield from sorted(steps, key=lambda row: (row.observed_at, row.id))


def _loop(case: str, kind: str, grid: str | None, second: float, day: Day, rng: np.random.Generator
          ) -> Iterator[tuple[float, CaseStep]]:
    """The steps of a case: times to arrive and to handle spread about the limits of its type, most within."""
    rule = type_of(kind)
    unit = str(rng.choice(call_signs(day)))
    yield second, CaseStep(step=Kind.REPORT, case=case, by="patrol-1" if rng.random() < 0.6 else "hotline",
                           why=f"{rule.en} (synthetic)", type=kind, level=Level.COMMUNITY, grid=grid)
    second += float(rng.lognormal(np.log(120 if rule.urgent else 300), 0.5))
    yield second, CaseStep(step=Kind.DISPATCH, case=case, by="desk-1", why="nearest free unit", units=(unit,))
    second += rule.arrive_min * 60 * float(rng.lognormal(np.log(0.45), 0.5))
    yield second, CaseStep(step=Kind.ARRIVE, case=case, by=unit, why="on the spot")
    second += rule.handle_h * 3600 * float(rng.lognormal(np.log(0.3), 0.8))
    yield second, CaseStep(step=Kind.HANDLE, case=case, by=unit, why="done")
    second += float(rng.lognormal(np.log(1800), 0.6))
    yield second, CaseStep(step=Kind.VERIFY, case=case, by="verifier-1", why="seen", result=Result.SOLVED)
    yield second + 60, CaseStep(step=Kind.CLOSE, case=case, by="desk-1", why="verified")
    if rng.random() < 0.5:
        yield second + float(rng.uniform(600, 14_400)), CaseStep(step=Kind.ASSESS, case=case, by="hotline",
                                                                 why="asked on the telephone", rating=int(rng.choice([3, 4, 5])))


def _counts(district: District, day: Day, grids: GridFinder) -> Iterator[Row]:
    cameras = district.parts[district.parts["kind"] == "camera"]
    if not len(cameras):
        return
    points = shapely.get_coordinates(cameras.geometry.representative_point().to_numpy())
    found = grids.find(points[:, 0], points[:, 1])
    rng = numbers(day.seed, f"counts {day.start:%Y-%m-%d}")
    things = [str(thing) for thing in cameras["id"]]
    usual = rng.lognormal(np.log(12), 0.7, len(cameras))  # people in the picture in a busy hour
    for minute in range(DAY_S // 60):
        life = np.interp(minute / 60, np.arange(25), np.append(STREET_LIFE, STREET_LIFE[0]))
        people = rng.poisson(usual * life * rng.gamma(8, 1 / 8, len(cameras)))
        paces = np.clip(rng.normal(1.25, 0.12, len(cameras)), 0.3, 2.0)
        for k in sorted(range(len(cameras)), key=lambda k: k % 60):
            density = round(int(people[k]) / 120.0, 3)
            value = Crowd(people_count=int(people[k]), density=density, average_crowd_speed=round(float(paces[k]), 2),
                          flow=round(density * float(paces[k]) * 4.0, 3), period_s=60.0, congested=density > 1.5)
            yield _row(day, "crowd", things[k], minute * 60 + k % 60 / 2, value, points[k, 0], points[k, 1], found[k])


def _parking(district: District, day: Day, grids: GridFinder) -> Iterator[Row]:
    lots = district.bays[district.bays["capacity"].fillna(0) > 0]
    if not len(lots):
        return
    points = shapely.get_coordinates(lots.geometry.representative_point().to_numpy())
    found = grids.find(points[:, 0], points[:, 1])
    rng = numbers(day.seed, f"parking {day.start:%Y-%m-%d}")
    things = [str(thing) for thing in lots["id"]]
    capacity = lots["capacity"].to_numpy(int)
    full = np.clip(rng.normal(0.97, 0.05, len(lots)), 0.6, 1.0)
    by_day = np.clip(rng.normal(0.6, 0.15, len(lots)), 0.1, 0.95)
    wander = np.zeros(len(lots))
    for step in range(DAY_S // 300):
        hour = step / 12
        home = np.interp(hour, [0, 6, 9, 16, 20, 24], [1, 1, 0, 0, 0.9, 1])  # residents come home in the evening
        wander = 0.9 * wander + rng.normal(0, 0.02, len(lots))
        taken = np.clip(np.rint(capacity * (by_day + (full - by_day) * home + wander)), 0, capacity).astype(int)
        for k in sorted(range(len(lots)), key=lambda k: k % 300):
            value = Occupancy(occupied=int(taken[k]), capacity=int(capacity[k]))
            yield _row(day, "occupancy", things[k], step * 300 + k % 300 / 2, value, points[k, 0], points[k, 1], found[k])

