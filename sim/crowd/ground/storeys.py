"""Storeys joined by stairs, drawn beside each other in one plane.

Each storey is moved east by a whole number of raster cells, so that walls, ways and steps stay two-dimensional. A
flight of stairs is drawn twice: from its foot to a little beyond its seam on the lower storey, and from a little
before the seam to its head on the upper one. The seam is a line across the flight; who passes it on one copy goes on
from the same place of the other (:mod:`sim.crowd.ground.seams`). Where the copies overlap, their cells count as the same
nodes of every field, so ways lead over stairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Polygon
from shapely.affinity import translate
from shapely.ops import substring

from twin.errors import BadInput

GAP = 5.0
"""Distance between storeys in the plane [m]: nobody sees or touches anybody across it."""
BEYOND = 1.0
"""How far each copy of a flight goes on beyond the seam [m], or two and a half cells."""
MIDDLE = (0.5,)
"""Where seams are, as shares of the way up ..."""
STACKED = tuple(float(share) for share in np.linspace(0.9, 0.1, 17))
"""... and where they may be if that lays copies of different flights over each other, as in stairs one above the other:
each flight's is the highest that does not."""
OFF = 0.25
"""A foot or a head may lie so far off the edge of its flight, and a storey so far off them [m]."""
BRIDGE = 0.06
"""Half the width of the strip that joins a flight to its storeys [m]."""


@dataclass(frozen=True)
class Flight:
    """A flight of stairs as drawn in the plan: its area, its lowest edge and its highest one [m]."""

    name: str
    lower: str
    upper: str
    area: Polygon
    foot: LineString
    head: LineString


@dataclass(frozen=True)
class Seam:
    """Where a flight passes from one storey to the next, in the plane.

    ``below`` and ``above`` are the two copies of the flight, both at its lower place, ``point (2,)`` is on the seam there,
    ``up (2,)`` the unit vector of the way up, ``shift (2,)`` leads from the lower place to the upper one [m].
    """

    below: Polygon
    above: Polygon
    point: tuple[float, float]
    up: tuple[float, float]
    shift: tuple[float, float]

    @property
    def overlap(self) -> Polygon:
        """What both copies have, at the lower place."""
        return self.below.intersection(self.above)


class Storeys:
    """Storeys laid out in one plane, from a cell edge [m], plans by name and the flights between them.

    ``plane`` is the walkable area, ``walls`` the sides of the flights, ``seams`` where people pass between storeys,
    ``stairs`` both copies of each flight and ``headings`` its way up [rad], all by the name of the flight.
    ``body`` is the width of a body [m] that has to fit through every flight. Raises :class:`BadInput` for flights that
    lead nowhere.
    """

    def __init__(self, plans: Mapping[str, Polygon | MultiPolygon], flights: Sequence[Flight] = (), *, cell: float,
                 body: float = 0.37, where: str | None = None) -> None:
        self.names = list(plans)
        self.plans = dict(plans)
        self._cell, self._body, self._where = cell, body, where
        self._shift = _side_by_side(self.plans, flights, cell)
        self._edges = np.array([self._west(name, flights) + self._shift[name] for name in self.names])
        if not self._join_all(flights, MIDDLE):
            self._join_all(flights, STACKED)
        self._walkable = {name: shapely.union_all(parts) for name, parts in self._grounds.items()}
        plane = shapely.union_all([self.on_plane(name, ground) for name, ground in self._walkable.items()])
        self.plane: Polygon | MultiPolygon = plane

    # -- between the plan of a storey and the plane

    def on_plane(self, storey: str, geometry: shapely.Geometry) -> shapely.Geometry:
        """A geometry of a storey's plan in the plane."""
        return translate(geometry, self._shift[storey], 0.0)

    def shift(self, storey: str) -> np.ndarray:
        """What leads from a storey's plan to the plane: (2,) float64 [m]."""
        return np.array([self._shift[storey], 0.0])

    def plan(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the plane (n, 2) in the plans: (n, 2) float64 [m], and the number of each one's storey (n,) int."""
        xy = np.asarray(xy, float).reshape(-1, 2)
        storey = np.clip(np.searchsorted(self._edges - GAP / 2, xy[:, 0], side="right") - 1, 0, len(self.names) - 1)
        shifts = np.array([self._shift[name] for name in self.names])
        return xy - np.column_stack([shifts[storey], np.zeros(len(xy))]), storey

    def walkable(self, storey: str) -> shapely.Geometry:
        """The walkable ground of a storey in its plan, with the parts of flights that are drawn on it."""
        return self._walkable[storey]

    def _west(self, name: str, flights: Sequence[Flight]) -> float:
        return _extent(name, self.plans, flights)[0]

    # -- flights

    def _join_all(self, flights: Sequence[Flight], shares: Sequence[float]) -> bool:
        """Draw all flights with seams at the first of some shares of the way up that will do; gives whether they could
        be."""
        self.seams: dict[str, Seam] = {}
        self.walls: dict[str, shapely.Geometry] = {}
        self.stairs: dict[str, MultiPolygon] = {}
        self.headings: dict[str, float] = {}
        self._grounds: dict[str, list[shapely.Geometry]] = {name: [plan] for name, plan in self.plans.items()}
        copies: dict[str, list[Polygon]] = {name: [] for name in self.names}
        return all(self._join(flight, copies, shares) for flight in flights)

    def _join(self, flight: Flight, copies: dict[str, list[Polygon]], shares: Sequence[float]) -> bool:
        """Draw a flight on both of its storeys, where no copy of another is in the way; gives whether it could be."""
        what = f"{self._where}: stairs {flight.name}" if self._where else f"stairs {flight.name}"
        self._check(flight, what)
        foot = self._opening(flight.area, flight.foot, flight.lower, "foot", what)
        head = self._opening(flight.area, flight.head, flight.upper, "head", what)
        sound = False
        for share in shares:
            cut = _cut(flight.area, foot, head, share, max(BEYOND, 2.5 * self._cell))
            if cut is None:
                continue
            sound = True
            below, above, point, up = cut
            if not any(below.intersection(other).area > 1e-6 for other in copies[flight.lower]) and not any(
                    above.intersection(other).area > 1e-6 for other in copies[flight.upper]):
                break
        else:
            if shares is MIDDLE:
                return False
            if sound:
                raise BadInput("it lies over other stairs of the same storey", where=what,
                               mend="draw it beside them in the plan: its place there does not matter to anybody")
            raise BadInput("no straight line across it parts its foot from its head", where=what,
                           mend="draw stairs that turn as several flights with landings between, each a storey")
        copies[flight.lower].append(below)
        copies[flight.upper].append(above)
        for storey, copy, opening, side in ((flight.lower, below, foot, "below"), (flight.upper, above, head, "above")):
            self._grounds[storey] += [copy, opening.buffer(BRIDGE, cap_style="flat")]
            rail = copy.boundary.difference(opening.buffer(1e-6))
            self.walls[f"stairs {flight.name} {side}"] = self.on_plane(storey, rail)
        low, high = self._shift[flight.lower], self._shift[flight.upper]
        self.seams[flight.name] = Seam(translate(below, low), translate(above, low), (point[0] + low, point[1]), up,
                                       (high - low, 0.0))
        self.stairs[flight.name] = MultiPolygon([translate(below, low), translate(above, high)])
        self.headings[flight.name] = float(np.arctan2(up[1], up[0]))
        return True

    def _check(self, flight: Flight, what: str) -> None:
        for storey in (flight.lower, flight.upper):
            if storey not in self.plans:
                raise BadInput(f"there is no storey {storey!r}", where=what,
                               mend=f"name one of {', '.join(self.names)}")
        if flight.lower == flight.upper:
            raise BadInput("it leads from a storey to the same storey", where=what, mend="name the storey above as `to`")
        if flight.area.geom_type != "Polygon":
            raise BadInput("its area is in several pieces", where=what, mend="draw one flight as one polygon")
        core = flight.area.buffer(-self._body / 2)
        if core.is_empty or core.geom_type != "Polygon":
            raise BadInput(f"it is narrower than a body ({self._body:.2f} m)", where=what, mend="widen it")

    def _opening(self, area: Polygon, line: LineString, storey: str, end: str, what: str) -> LineString:
        """The part of a flight's edge that a foot or a head is drawn along."""
        ring = area.exterior
        ends = shapely.points(np.array(line.coords)[[0, -1]])
        if shapely.distance(ring, ends).max() > OFF:
            raise BadInput(f"its {end} lies off the edge of its area", where=what,
                           mend=f"draw the {end} along the edge where people step on and off")
        a, b = sorted(shapely.line_locate_point(ring, ends))
        arcs = [substring(ring, a, b), shapely.line_merge(shapely.union_all([substring(ring, b, ring.length),
                                                                            substring(ring, 0, a)]))]
        arc = min(arcs, key=lambda arc: abs(arc.length - line.length))
        if arc.length < self._body:
            raise BadInput(f"its {end} is {arc.length:.2f} m wide, narrower than a body ({self._body:.2f} m)", where=what,
                           mend="widen it")
        if arc.intersection(self.plans[storey].buffer(OFF)).length < 0.9 * arc.length:
            raise BadInput(f"its {end} does not touch the storey {storey}", where=what,
                           mend=f"draw the walkable area of {storey} up to the {end}, or move the stairs")
        if arc.intersection(self.plans[storey].buffer(BRIDGE)).length < 0.9 * arc.length:
            self._grounds[storey].append(arc.buffer(OFF, cap_style="flat"))
        return arc


def _extent(name: str, plans: Mapping[str, shapely.Geometry], flights: Sequence[Flight]) -> tuple[float, float]:
    """Westernmost and easternmost x of a storey with its flights [m]."""
    shapes = [plans[name], *[flight.area for flight in flights if name in (flight.lower, flight.upper)]]
    west, _, east, _ = shapely.total_bounds(shapes)
    return float(west), float(east)


def _side_by_side(plans: Mapping[str, shapely.Geometry], flights: Sequence[Flight], cell: float) -> dict[str, float]:
    """How far each storey is moved east [m], a whole number of cells; the first stays."""
    shifts: dict[str, float] = {}
    free = -np.inf
    for name in plans:
        west, east = _extent(name, plans, flights)
        shifts[name] = float(np.ceil((free - west) / cell) * cell) if np.isfinite(free) else 0.0
        free = east + shifts[name] + GAP
    return shifts


def _cut(area: Polygon, foot: LineString, head: LineString, share: float, beyond: float) -> tuple[
        Polygon, Polygon, tuple[float, float], tuple[float, float]] | None:
    """Both copies of a flight with the seam at a share of the way up, the seam's point and the way up there; None if no
    straight line across it there parts foot from head."""
    start, end = (np.array(line.interpolate(0.5, normalized=True).coords[0]) for line in (foot, head))
    up = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    point = start + share * (end - start)
    below, above = (area.intersection(_half_plane(point, up * side, area)) for side in (-1, 1))
    if below.geom_type != "Polygon" or above.geom_type != "Polygon":
        return None
    if max(below.distance(foot), above.distance(head)) > 1e-6 or min(above.distance(foot), below.distance(head)) < 1e-3:
        return None
    below = _piece(area.intersection(_half_plane(point + beyond * up, -up, area)), below)
    above = _piece(area.intersection(_half_plane(point - beyond * up, up, area)), above)
    return below, above, (float(point[0]), float(point[1])), (float(up[0]), float(up[1]))


def _half_plane(point: np.ndarray, ahead: np.ndarray, area: Polygon) -> Polygon:
    """All that lies ahead (2,) of a point, as far as an area goes."""
    size = 2 * area.length + 2 * shapely.Point(point).distance(area)
    across = size * np.array([-ahead[1], ahead[0]])
    return Polygon([point - across, point + across, point + across + size * ahead, point - across + size * ahead])


def _piece(shape: shapely.Geometry, near: Polygon) -> Polygon:
    """The polygon of a shape that has most in common with another."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return max(parts, key=lambda part: part.intersection(near).area)
