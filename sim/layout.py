"""A layout on the ground: its fences, gates and checkpoint lanes as geometry in local metres, and what it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from sim import where
from sim.scenario import Checkpoint, Layout, Scenario, Span
from twin.errors import BadInput
from twin.places import District

LANE_DEPTH = 2.4  # m, length of the separators between two search lanes


@dataclass
class Fence:
    """A line that nobody walks through while its span lasts."""

    name: str
    line: BaseGeometry
    span: Span
    length: float


@dataclass
class GateLine:
    """The closable opening of a gate, and whether it lies on a fence of the layout."""

    id: str
    line: BaseGeometry
    centre: shapely.Point
    width: float
    on_fence: bool
    open: list[Span]


@dataclass
class Lanes:
    """A checkpoint: its outline, lane separators, and for every lane the place of service."""

    spec: Checkpoint
    box: shapely.Polygon
    separators: shapely.MultiLineString
    service: np.ndarray
    along: np.ndarray
    on_fence: bool = False

    def lane_of(self, xy: np.ndarray, before: float = 0.0) -> np.ndarray:
        """Number of the lane whose separators each point (n, 2) lies between, or at most ``before`` metres in front
        of, -1 for none: (n,) int."""
        apart = xy - np.array(self.box.centroid.coords[0])
        deep = apart @ self.along
        across = apart @ np.array([-self.along[1], self.along[0]]) + self.spec.lanes * self.spec.lane_width / 2
        number = np.floor(across / self.spec.lane_width).astype(int)
        within = (deep > -LANE_DEPTH / 2 - before) & (deep < LANE_DEPTH / 2)
        return np.where(within & (number >= 0) & (number < self.spec.lanes), number, -1)

    @property
    def approach(self) -> shapely.Polygon:
        """The ground just before the lanes, as wide as they are and 4 m deep."""
        middle = np.array(self.box.centroid.coords[0]) - self.along * (LANE_DEPTH / 2 + 2.0)
        return _box(middle, self.along, self.spec.lanes * self.spec.lane_width, 2.0)


@dataclass
class LayoutGround:
    """Everything that a layout puts on the ground."""

    fences: list[Fence] = field(default_factory=list)
    gates: list[GateLine] = field(default_factory=list)
    checkpoints: list[Lanes] = field(default_factory=list)


def on_the_ground(district: District, scenario: Scenario, name: str) -> LayoutGround:
    """Geometry of a layout: fences with their gates and checkpoints cut out."""
    layout = chosen(scenario, name)
    ground = LayoutGround()
    for barrier in layout.barriers:
        drawn = where.line(district, barrier.line, f"barrier {barrier.id}")
        ground.fences.append(Fence(f"barrier:{barrier.id}", drawn, barrier, drawn.length))
    for zone in layout.zones:
        outline = where.area(district, zone.area, f"zone {zone.id}").boundary
        if zone.fenced:
            ground.fences.append(Fence(f"zone:{zone.id}", outline, zone, outline.length))
    for gate in layout.gates:
        centre = where.point(district, gate.at, f"gate {gate.id}")
        opening = centre.buffer(gate.width / 2)
        cut = [_cut(fence, opening) for fence in ground.fences if fence.line.distance(centre) < max(1.0, gate.width / 4)]
        line = shapely.union_all(cut) if cut else shapely.LineString()
        ground.gates.append(GateLine(gate.id, line, centre, gate.width, bool(cut), gate.open))
    for spec in layout.checkpoints:
        lanes = _lanes(where.point(district, spec.at, f"checkpoint {spec.id}"), spec)
        for fence in ground.fences:
            if fence.line.intersects(lanes.box):
                _cut(fence, lanes.box)
                lanes.on_fence = True
        ground.checkpoints.append(lanes)
    return ground


def chosen(scenario: Scenario, name: str) -> Layout:
    """A layout of the scenario by its name."""
    if name not in scenario.layouts:
        raise BadInput(f"there is no layout {name!r}", where=scenario.name,
                       mend=f"choose one of {', '.join(scenario.layouts)}")
    return scenario.layouts[name]


def _cut(fence: Fence, opening: BaseGeometry) -> BaseGeometry:
    """Take an opening out of a fence and return what was there."""
    taken = fence.line.intersection(opening)
    fence.line = fence.line.difference(opening)
    return taken


def _lanes(centre: shapely.Point, spec: Checkpoint) -> Lanes:
    along = np.array([math.cos(spec.heading), math.sin(spec.heading)])
    left = np.array([-along[1], along[0]])
    middle = np.array(centre.coords[0])
    offsets = (np.arange(spec.lanes + 1) - spec.lanes / 2) * spec.lane_width
    half = along * LANE_DEPTH / 2
    separators = shapely.MultiLineString([[middle + o * left - half, middle + o * left + half] for o in offsets])
    service = middle + (offsets[:-1, None] + spec.lane_width / 2) * left + 0.3 * along
    box = _box(middle, along, spec.lanes * spec.lane_width, LANE_DEPTH / 2)
    return Lanes(spec, box, separators, service, along)


def _box(centre: np.ndarray, along: np.ndarray, width: float, half_depth: float) -> shapely.Polygon:
    left = np.array([-along[1], along[0]]) * width / 2
    ahead = along * half_depth
    return shapely.Polygon([centre - left - ahead, centre + left - ahead, centre + left + ahead, centre - left + ahead])


def takes(district: District, scenario: Scenario, name: str) -> dict[str, float]:
    """What a layout needs: metres of barrier and fence, gates, lanes, posts, staff and staff-hours."""
    layout, ground = chosen(scenario, name), on_the_ground(district, scenario, name)
    end = scenario.duration_s
    hours = 0.0
    staff = 0.0
    for post in layout.posts:
        staff += post.staff
        hours += post.staff * _hours(post, end)
    for checkpoint in layout.checkpoints:
        needed = checkpoint.lanes * checkpoint.staff_per_lane
        staff += needed
        hours += needed * _hours(checkpoint, end)
    return {
        "barrier_m": round(sum(f.length for f in ground.fences if f.name.startswith("barrier:")), 1),
        "fence_m": round(sum(f.line.length for f in ground.fences if f.name.startswith("zone:")), 1),
        "gates": len(layout.gates), "lanes": sum(c.lanes for c in layout.checkpoints), "posts": len(layout.posts),
        "staff": round(staff, 1), "staff_hours": round(hours, 2)}


def _hours(span: Span, end: float) -> float:
    until = end if span.until_s is None else min(span.until_s, end)
    return max(until - span.from_s, 0.0) / 3600
