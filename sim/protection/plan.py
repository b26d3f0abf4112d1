"""A layout's protection plan made ready: the ground on foot, who stands where and when, what is at risk.

Everything is in the district's CRS [m]; times count from the start of the scenario [s].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from sim import where
from sim.layout import chosen, on_the_ground
from sim.protected import Protection, RiskPlace
from sim.scenario import Layout, Scenario, Zone
from sim.terms import PointRef, Span, StaffKind
from twin.errors import BadInput
from twin.patrol import FootGround
from twin.patrol.ground import FREE_SPEED
from twin.places import District
from twin.places.walkable import walkable_area

CELL_M = 3.0
"""Cells of the ground on foot: times are found ten times as fast as in the 1.5 m of ``hutong patrol``."""
FENCE_M = 0.3
NEAR_M = 40.0
"""A post or risk place may lie so far off the walkable ground: metro exits and halls stand in buildings."""
STOP_M = 40.0
"""Along a round its patrols are looked for every so many metres."""
PATROL_SPEED = 1.1
"""m/s at which patrols stroll along, looking about."""


@dataclass(frozen=True)
class Station:
    """Where staff of one kind are found together: a post, a reserve, or one patrol on its round.

    ``track`` (k, 2) is where they may be, one place for a post, places at equal times along a round for a patrol.
    """

    id: str
    kind: StaffKind
    staff: int
    stay: int
    span: Span
    track: NDArray[np.float64]
    of: str
    role: str

    @property
    def home(self) -> tuple[float, float]:
        """The post, or where the round begins."""
        return float(self.track[0, 0]), float(self.track[0, 1])

    def on_duty(self, time_s: float) -> bool:
        """Whether they are there at a time."""
        return holds(self.span, time_s)


@dataclass(frozen=True)
class ZoneArea:
    """A zone with its area."""

    spec: Zone
    area: BaseGeometry


@dataclass(frozen=True)
class Risk:
    """A risk place and where it is."""

    spec: RiskPlace
    xy: tuple[float, float]


@dataclass(frozen=True)
class RoundWalk:
    """A round on the ground: how long it takes to walk once [s], and the way (k, 2)."""

    id: str
    seconds: float
    way: NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """A layout's protection plan on the ground. ``grids`` maps grid ids to areas; ``cell_of`` finds the grid of a place."""

    district: District
    scenario: Scenario
    layout_name: str
    layout: Layout
    protection: Protection
    ground: FootGround
    stations: list[Station]
    zones: list[ZoneArea]
    risks: list[Risk]
    rounds: list[RoundWalk]
    grids: dict[str, BaseGeometry]
    crowding: Sequence[tuple[Span, BaseGeometry, float]] = ()

    @property
    def staff(self) -> int:
        """All staff of the plan, whenever they are on duty."""
        return sum(station.staff for station in self.stations)

    def grid_of(self, xy: NDArray[np.float64]) -> list[str | None]:
        """The grid of each place (n, 2), None outside all of them."""
        names = list(self.grids)
        found: list[str | None] = [None] * len(xy)
        if names and len(xy):
            point, cell = shapely.STRtree(list(self.grids.values())).query(shapely.points(xy), predicate="intersects")
            for p, c in zip(point[::-1].tolist(), cell[::-1].tolist(), strict=True):
                found[p] = names[c]
        return found


def holds(span: Span, time_s: float) -> bool:
    """Whether a span holds at a time."""
    return span.from_s <= time_s and (span.until_s is None or time_s < span.until_s)


def make_ready(district: District, scenario: Scenario, layout: str) -> Plan:
    """The plan of a layout; :class:`BadInput` if the scenario protects nothing, or for the first thing out of place."""
    if scenario.protection is None:
        raise BadInput("this scenario has no protection plan", where=scenario.name,
                       mend="add `protection:` with risks and problems, as in scenarios/protection.yaml")
    spec, protection = chosen(scenario, layout), scenario.protection
    ground = _ground(district, scenario, layout)
    snap = _Snap(district, ground, scenario.name)
    rounds, walks = _rounds(spec, snap, ground)
    stations = [Station(post.id, post.kind, post.staff, post.stay, post, snap(post.at, f"post {post.id}")[None], post.id,
                        "reserve" if post.reserve else "post") for post in spec.posts]
    x0, y0 = district.origin
    zones = [ZoneArea(zone, translate(where.area(district, zone.area, f"zone {zone.id}"), x0, y0)) for zone in spec.zones]
    risks = [Risk(risk, _pair(snap(risk.at, f"risk place {risk.id}"))) for risk in protection.risks]
    crowding = [(c, translate(where.area(district, c.area, f"crowding {k + 1}"), x0, y0), c.density)
                for k, c in enumerate(protection.crowding)]
    return Plan(district, scenario, layout, spec, protection, ground, stations + rounds, zones, risks, walks,
                _grids(district, protection), crowding)


def _pair(xy: NDArray[np.float64]) -> tuple[float, float]:
    return float(xy[0]), float(xy[1])


def _ground(district: District, scenario: Scenario, layout: str) -> FootGround:
    """The walkable ground with the fences and barriers of the layout on it; staff pass its gates and checkpoints."""
    area = walkable_area(district)
    x0, y0 = district.origin
    lines = [fence.line for fence in on_the_ground(district, scenario, layout).fences]
    if lines:
        area = area.difference(translate(shapely.union_all(lines), x0, y0).buffer(FENCE_M, cap_style="flat"))
    return FootGround(area, cell=CELL_M)


def _grids(district: District, protection: Protection) -> dict[str, BaseGeometry]:
    cells = district.grids
    cells = cells[(cells["scheme"] == protection.scheme) & (cells["level"] == protection.level)].sort_values("id")
    if not len(cells) and len(district.grids):
        there = sorted({f"{s}/{level}" for s, level in zip(district.grids["scheme"], district.grids["level"], strict=True)})
        raise BadInput(f"the district has no grids of scheme {protection.scheme!r} and level {protection.level!r}",
                       where=district.name, mend=f"choose one of {', '.join(there)}")
    return dict(zip(cells["id"].astype(str), cells.geometry, strict=True))


class _Snap:
    """Puts places of the scenario onto the ground on foot."""

    def __init__(self, district: District, ground: FootGround, name: str) -> None:
        self._district, self._ground, self._name = district, ground, name

    def __call__(self, ref: PointRef, what: str) -> NDArray[np.float64]:
        """The place (2,) on the ground; :class:`BadInput` if there is none near."""
        point = where.point(self._district, ref, what)
        x0, y0 = self._district.origin
        node = self._ground.snap([(point.x + x0, point.y + y0)], within=NEAR_M)[0]
        if node < 0:
            raise BadInput(f"{what} lies over {NEAR_M:.0f} m off the walkable ground", where=self._name,
                           mend="move it onto a street or square")
        return self._ground.nodes[node]


def _rounds(layout: Layout, snap: _Snap, ground: FootGround) -> tuple[list[Station], list[RoundWalk]]:
    stations: list[Station] = []
    walks: list[RoundWalk] = []
    ways = Ways(ground)
    for one in layout.rounds:
        stops = [snap(stop, f"stop {k + 1} of round {one.id}") for k, stop in enumerate(one.stops)]
        legs = list(pairwise(stops)) + ([(stops[-1], stops[0])] if one.closed else [])
        found = [ways.between(a, b) for a, b in legs]
        if any(leg is None for leg in found):
            k = next(k for k, leg in enumerate(found) if leg is None)
            raise BadInput(f"round {one.id} has no way on foot from stop {k + 1} to the next",
                           mend="move the stops onto the same ground, or open a gate")
        way = np.concatenate([stops[0][None], *(leg[1:] for leg in found if leg is not None)])
        if not one.closed:
            way = np.concatenate([way, way[-2::-1]])
        length = float(np.hypot(*np.diff(way, axis=0).T).sum())
        walks.append(RoundWalk(one.id, length / PATROL_SPEED, way))
        track = along(way, max(int(length / STOP_M), 2))
        for k in range(one.patrols):
            shift = k * len(track) // one.patrols
            stations.append(Station(f"{one.id}-{k + 1}" if one.patrols > 1 else one.id, one.kind, one.staff, 0, one,
                                    np.roll(track, -shift, axis=0), one.id, "round"))
    return stations, walks


def along(way: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Places (number, 2) at equal distances along a way (k, 2), the end left out."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
    at = np.arange(number) * steps[-1] / number
    return np.column_stack([np.interp(at, steps, way[:, k]) for k in (0, 1)])


class Ways:
    """Finds the ways themselves, where the ground on foot tells times: downhill on the times to the end of each."""

    def __init__(self, ground: FootGround) -> None:
        self._ground = ground
        self._near = KDTree(ground.nodes)

    def between(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """The quickest way (k, 2) from one place (2,) to another, None where there is none."""
        ground = self._ground
        times = ground.times([end])
        node = int(ground.snap([start])[0])
        if node < 0 or not np.isfinite(times[node]):
            return None
        path = [node]
        corner = np.asarray(ground.corner)
        while times[path[-1]] > 0:
            here = ground.nodes[path[-1]]
            near = np.array(self._near.query_ball_point(here, 2.5 * ground.cell))
            near = near[times[near] < times[path[-1]]]
            near = near[ground.walls.clear(np.repeat((here - corner)[None], len(near), 0), ground.nodes[near] - corner)]
            if not len(near):
                return None
            path.append(int(near[np.argmin(times[near] + np.hypot(*(ground.nodes[near] - here).T) / FREE_SPEED)]))
        return ground.nodes[path]
