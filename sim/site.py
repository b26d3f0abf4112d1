"""A place made ready for a rehearsal: walkable ground, goals, lanes and the changes that the layout makes over time.

Everything is in local metres, counted from ``district.origin``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from sim import where
from sim.crowd import Ground
from sim.layout import Lanes, LayoutGround, chosen, on_the_ground
from sim.scenario import Scenario, Span
from twin.errors import BadInput
from twin.places import District
from twin.places.walkable import street_widths, walkable_area

MARGIN = 120.0  # m of ground around everything that a scenario names, where it names no area
NEAR = 30.0  # m that an entry, post or incident may lie off the walkable ground (metro exits stand in buildings)
SPACING = 0.7  # m from one person to the next in a queue
LONGEST_QUEUE = 300.0  # m of queue that are laid out on the ground


@dataclass
class EntryPlace:
    """An entry: its goal on the ground and the spots (k, 2) where people appear."""

    name: str
    goal: int
    spots: np.ndarray


@dataclass
class VenuePlace:
    """A venue: its goal, its area, and spots (k, 2) where people stay."""

    name: str
    goal: int
    area: BaseGeometry
    spots: np.ndarray


@dataclass
class CheckpointPlace:
    """A checkpoint: the goal of those who come, and the slots (k, 2) of every lane's queue, the first being served."""

    lanes: Lanes
    goal: int
    queues: list[np.ndarray]

    @property
    def id(self) -> str:
        """Id of the checkpoint in the layout."""
        return self.lanes.spec.id


@dataclass(order=True)
class Change:
    """Something about the ground that changes at a time: ``shut`` True closes, False opens."""

    time_s: float
    order: int
    name: str = field(compare=False)
    shut: bool = field(compare=False)


@dataclass
class Site:
    """The ground of one layout with everything that the rehearsal needs to find on it; ``in_force`` names what of
    ``closable`` is shut now."""

    walkable: BaseGeometry
    ground: Ground
    entries: list[EntryPlace]
    venues: list[VenuePlace]
    checkpoints: list[CheckpointPlace]
    posts: list[np.ndarray]
    incidents: dict[str, np.ndarray]
    changes: list[Change]
    closable: dict[str, tuple[str, BaseGeometry, float]]
    areas: dict[str, BaseGeometry]
    lines: dict[str, BaseGeometry]
    in_force: set[str] = field(default_factory=set)

    def shut(self, name: str) -> None:
        """Put a barrier, fence, gate, closure or one-way rule in force."""
        kind, shape, heading = self.closable[name]
        self.in_force.add(name)
        if kind == "wall":
            self.ground.close(name, shape)
        elif kind == "closure":
            self.ground.block(name, shape)
        else:
            self.ground.one_way(name, shape, heading)

    def clear(self, name: str) -> None:
        """Lift it."""
        kind, _, _ = self.closable[name]
        self.in_force.discard(name)
        {"wall": self.ground.open, "closure": self.ground.unblock, "one_way": self.ground.two_way}[kind](name)


def prepare(district: District, scenario: Scenario, layout: str) -> Site:
    """Make the site of a layout, or raise :class:`BadInput` for the first thing that cannot work."""
    site, found = _build(district, scenario, layout)
    if found:
        raise BadInput(found[0], where=f"{scenario.name}, layout {layout}",
                       mend="change the layout or the demand" + (f" ({len(found) - 1} more problems)" if found[1:] else ""))
    for change in [c for c in site.changes if c.time_s <= 0]:
        (site.shut if change.shut else site.clear)(change.name)
    site.changes = sorted(c for c in site.changes if c.time_s > 0)
    return site


def problems(district: District, scenario: Scenario, layout: str) -> list[str]:
    """What cannot work in a layout, one sentence each; empty when it can be rehearsed."""
    try:
        return _build(district, scenario, layout)[1]
    except BadInput as error:
        return [str(error)]


def _build(district: District, scenario: Scenario, name: str) -> tuple[Site, list[str]]:
    layout = chosen(scenario, name)
    on_ground = on_the_ground(district, scenario, name)
    x0, y0 = district.origin
    region = _region(district, scenario, on_ground)
    walkable = translate(walkable_area(district, within=translate(region, x0, y0)), -x0, -y0)
    walkable = _with_gates(district, walkable, on_ground)
    if walkable.is_empty:
        raise BadInput("there is no ground to walk on in the area of the scenario", where=scenario.name,
                       mend="check the area, or the streets of the district")
    ground = Ground(walkable)
    for street, area in _steps(district, walkable):
        ground.steps(f"street {street}", area)
    site = Site(
        walkable, ground, entries=[_entry(district, scenario, n, ground, walkable) for n in scenario.entries],
        venues=[_venue(district, scenario, n, ground, walkable) for n in scenario.venues], checkpoints=[],
        posts=[_near_ground(ground, where.point(district, p.at, f"post {p.id}"), f"post {p.id}") for p in layout.posts],
        incidents={i.id: _near_ground(ground, where.point(district, i.at, f"incident {i.id}"), f"incident {i.id}")
                   for i in scenario.incidents if i.at is not None},
        changes=[], closable={}, areas={n: where.area(district, a, f"area {n}") for n, a in scenario.measure.areas.items()},
        lines={n: where.line(district, a, f"line {n}") for n, a in scenario.measure.lines.items()})
    _put(site, district, scenario, name, on_ground)
    return site, _without_way(site, scenario, name, on_ground)


def _put(site: Site, district: District, scenario: Scenario, name: str, on_ground: LayoutGround) -> None:
    """Put the layout on the ground: what always holds at once, the rest as changes over time."""
    layout = chosen(scenario, name)
    for fence in on_ground.fences:
        _during(site, fence.name, ("wall", fence.line, 0.0), fence.span)
    for lanes in on_ground.checkpoints:
        label = f"lanes:{lanes.spec.id}"
        _during(site, label, ("wall", lanes.separators, 0.0), lanes.spec)
        _during(site, f"direction:{lanes.spec.id}", ("one_way", lanes.box, lanes.spec.heading), lanes.spec)
    for closure in layout.closures:
        what = f"closure {closure.id}"
        if closure.street:
            shape = street_area(district, closure.street, what)
        else:
            shape = where.area(district, closure.area or "", what)
        _during(site, f"closure:{closure.id}", ("closure", shape, 0.0), closure)
    for rule in layout.one_way:
        what = f"one-way rule {rule.id}"
        if rule.street:
            pieces = _street_pieces(district, rule.street, what, rule.direction == "backward")
        else:
            pieces = [(where.area(district, rule.area or "", what), float(rule.heading or 0.0))]
        for k, (shape, heading) in enumerate(pieces):
            _during(site, f"one_way:{rule.id}:{k}", ("one_way", shape, heading), rule)
    for lanes in on_ground.checkpoints:
        goal = site.ground.goal(f"checkpoint:{lanes.spec.id}", _on(site.walkable, lanes.approach, f"checkpoint {lanes.spec.id}"))
        site.checkpoints.append(CheckpointPlace(lanes, goal, queue_places(site, scenario, lanes)))
    for gate in on_ground.gates:
        if gate.line.is_empty:
            continue
        site.closable[f"gate:{gate.id}"] = ("wall", gate.line, 0.0)
        if gate.open:
            _opening_hours(site, f"gate:{gate.id}", gate.open)


def _during(site: Site, name: str, what: tuple[str, BaseGeometry, float], span: Span) -> None:
    if what[1].is_empty:
        return
    site.closable[name] = what
    if span.from_s <= 0:
        site.shut(name)
    else:
        site.changes.append(Change(span.from_s, len(site.changes), name, True))
    if span.until_s is not None:
        site.changes.append(Change(span.until_s, len(site.changes), name, False))


def _opening_hours(site: Site, name: str, spans: list[Span]) -> None:
    """A gate with hours is shut outside them."""
    if all(span.from_s > 0 for span in spans):
        site.changes.append(Change(0.0, len(site.changes), name, True))
    for span in spans:
        if span.from_s > 0:
            site.changes.append(Change(span.from_s, len(site.changes), name, False))
        if span.until_s is not None:
            site.changes.append(Change(span.until_s, len(site.changes), name, True))


def _steps(district: District, walkable: BaseGeometry) -> list[tuple[str, BaseGeometry]]:
    """Flights of steps on the walkable ground, by the id of their street."""
    streets = district.tables["streets"]
    steps = streets[(streets["kind"] == "steps") & streets.geometry.notna()]
    x0, y0 = district.origin
    areas = [translate(line.buffer(width / 2, cap_style="flat"), -x0, -y0).intersection(walkable)
             for line, width in zip(steps.geometry, street_widths(steps), strict=True)]
    return [(street, area) for street, area in zip(steps["id"], areas, strict=True) if area.area > 0]


def _region(district: District, scenario: Scenario, on_ground: LayoutGround) -> BaseGeometry:
    """The part of the district that is walked in: as stated, else all that is named and a margin."""
    west, south, east, north = district.bounds
    x0, y0 = district.origin
    whole = shapely.box(west - x0, south - y0, east - x0, north - y0)
    if scenario.area is not None:
        return where.area(district, scenario.area, "the area of the scenario")
    named: list[BaseGeometry] = [where.point(district, e.at, f"entry {n}") for n, e in scenario.entries.items()]
    named += [where.area(district, v.area, f"venue {n}") for n, v in scenario.venues.items()]
    named += [f.line for f in on_ground.fences] + [c.box for c in on_ground.checkpoints]
    around = shapely.box(*shapely.GeometryCollection(named).bounds).buffer(MARGIN, join_style="mitre")
    return around.intersection(whole) if around.intersects(whole) else whole


def _with_gates(district: District, walkable: BaseGeometry, on_ground: LayoutGround) -> BaseGeometry:
    """Gates that lie on no fence of the layout open a wall of the district."""
    openings = [g.centre.buffer(g.width / 2, quad_segs=4) for g in on_ground.gates if not g.on_fence]
    if not openings:
        return walkable
    x0, y0 = district.origin
    buildings = district.buildings.geometry.to_numpy()
    near = shapely.STRtree(buildings).query(translate(shapely.union_all(openings), x0, y0))
    solid = translate(shapely.union_all(buildings[near]), -x0, -y0)
    return shapely.union_all([walkable, *openings]).difference(solid)


def _entry(district: District, scenario: Scenario, name: str, ground: Ground, walkable: BaseGeometry) -> EntryPlace:
    spec = scenario.entries[name]
    at = _near_ground(ground, where.point(district, spec.at, f"entry {name}"), f"entry {name}")
    reach = shapely.Point(at).buffer(max(spec.width / 2, 1.0))
    area = max(shapely.get_parts(reach.intersection(walkable)), key=lambda part: part.area)
    spots = _lattice(area, 0.5, ground)
    return EntryPlace(name, ground.goal(f"entry:{name}", area), spots if len(spots) else at[None])


def _venue(district: District, scenario: Scenario, name: str, ground: Ground, walkable: BaseGeometry) -> VenuePlace:
    area = _on(walkable, where.area(district, scenario.venues[name].area, f"venue {name}"), f"venue {name}")
    wanted = sum(d.people for d in scenario.demand.values() if d.venue == name)
    step = float(np.clip(np.sqrt(area.area / max(wanted, 1)) * 0.9, 0.45, 4.0))
    spots = _lattice(area, step, ground)
    if not len(spots):
        raise BadInput(f"venue {name} has no room for anybody", where=scenario.name, mend="draw it larger")
    return VenuePlace(name, ground.goal(f"venue:{name}", area), area, spots)


def _on(walkable: BaseGeometry, area: BaseGeometry, what: str) -> BaseGeometry:
    """The part of an area that can be walked on."""
    common = walkable.intersection(area)
    parts = [p for p in shapely.get_parts(common) if p.geom_type == "Polygon" and p.area > 0.25]
    if not parts:
        raise BadInput(f"{what} lies wholly on buildings, walls or water", mend="move it onto walkable ground")
    return shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]


def _lattice(area: BaseGeometry, step: float, ground: Ground) -> np.ndarray:
    """Points (k, 2) of a triangular lattice in an area, clear of walls."""
    west, south, east, north = area.bounds
    rows = np.arange(south + step / 2, north, step * np.sqrt(3) / 2)
    columns = np.arange(west + step / 2, east, step)
    x, y = np.meshgrid(columns, rows)
    x = x + (np.arange(len(rows)) % 2)[:, None] * step / 2
    spots = np.column_stack([x.ravel(), y.ravel()])
    spots = spots[shapely.contains_xy(area, spots[:, 0], spots[:, 1])]
    return spots[ground.inside(spots, clearance=0.3)] if len(spots) else spots


def _near_ground(ground: Ground, at: shapely.Point, what: str) -> np.ndarray:
    """The place itself, or the nearest walkable one within a few metres."""
    xy = np.array(at.coords[0])[None]
    if ground.inside(xy, clearance=0.3)[0]:
        return xy[0]
    moved = ground.nearest(xy, clearance=0.3)[0]
    distance = float(np.hypot(*(moved - xy[0])))
    if not distance <= NEAR:
        raise BadInput(f"{what} lies {distance:.0f} m off the walkable ground", mend="move it onto a street or square")
    return moved


def _corridor(district: District, street: str, what: str) -> tuple[BaseGeometry, float]:
    """Centre line of a street and half its width, footways and a little more included."""
    width = district.find(street)[1].get("width")
    known = float(width) if width is not None and np.isfinite(width) else 4.0
    return where.line(district, street, what), known / 2 + 0.5


def street_area(district: District, street: str, what: str) -> BaseGeometry:
    """A street as an area from wall to wall, in local metres; ``what`` names it in errors."""
    line, half = _corridor(district, street, what)
    return line.buffer(half, cap_style="flat")


def _street_pieces(district: District, street: str, what: str, backward: bool) -> list[tuple[BaseGeometry, float]]:
    """A street as straight pieces with the heading of each [rad]."""
    line, half = _corridor(district, street, what)
    out = []
    for part in shapely.get_parts(line.simplify(1.0)):
        xy = shapely.get_coordinates(part)[::-1] if backward else shapely.get_coordinates(part)
        for a, b in pairwise(xy):
            out.append((shapely.LineString([a, b]).buffer(half, cap_style="flat"), float(np.arctan2(*(b - a)[::-1]))))
    return out


def queue_places(site: Site, scenario: Scenario, lanes: Lanes) -> list[np.ndarray]:
    """Where people of each lane stand: first the place of service, then back along the lane, straight as far as the
    ground is clear (30 m at most), then along the way that most of them come."""
    demand = [0] * len(site.entries)
    names = [entry.name for entry in site.entries]
    for stream in scenario.demand.values():
        demand[names.index(stream.entry)] += stream.people
    busiest = site.entries[int(np.argmax(demand))]
    out = []
    for service in lanes.service:
        reach = np.arange(0.0, 30.0, 0.25)
        straight = service - reach[:, None] * lanes.along
        clear = site.ground.inside(straight, clearance=0.35)
        clear[reach < 2.0] = True
        end = int(np.argmin(clear)) if not clear.all() else len(reach)
        line = straight[:end]
        onward = site.ground.path(busiest.goal, line[-1], step=0.5)
        if len(onward) > 1:
            line = np.concatenate([line, onward[1:]])
        out.append(_slots(line))
    return out


def _slots(line: np.ndarray) -> np.ndarray:
    """Points (k, 2) every SPACING metres along a line; the second stands clear of the one being served."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.concatenate([[0.0], np.arange(1.2, min(steps[-1], LONGEST_QUEUE), SPACING)])
    return np.column_stack([np.interp(at, steps, line[:, 0]), np.interp(at, steps, line[:, 1])])


def _without_way(site: Site, scenario: Scenario, name: str, on_ground: LayoutGround) -> list[str]:
    """Demand that finds no way even with every gate open, and things that lie where they do nothing."""
    found = []
    entries, venues = ({p.name: p for p in places} for places in (site.entries, site.venues))
    for label, demand in scenario.demand.items():
        start, venue = entries[demand.entry], venues[demand.venue]
        direct = bool(np.isfinite(site.ground.distance(venue.goal, start.spots)).any())
        if demand.checked and site.checkpoints:
            through = any(np.isfinite(site.ground.distance(c.goal, start.spots)).any()
                          and np.isfinite(site.ground.distance(venue.goal, c.lanes.service)).any()
                          for c in site.checkpoints)
            if not through:
                found.append(f"demand {label} has no way from {demand.entry} through a checkpoint to {demand.venue}")
        elif not direct:
            found.append(f"demand {label} has no way from {demand.entry} to {demand.venue}")
        for leave in (entries[name] for name in demand.exits) if demand.leave else ():
            if not np.isfinite(site.ground.distance(leave.goal, venue.spots)).any():
                found.append(f"demand {label} has no way out from {demand.venue} to {leave.name}; open a gate for it")
    for k, post in enumerate(site.posts):
        reachable = any(np.isfinite(site.ground.distance(v.goal, post[None]))[0] for v in site.venues)
        if not reachable:
            found.append(f"post {chosen(scenario, name).posts[k].id} is cut off from every venue")
    for lanes in on_ground.checkpoints:
        if not site.ground.inside(lanes.service, clearance=0.1).all():
            found.append(f"checkpoint {lanes.spec.id} has lanes inside a building, wall or water")
    return found
