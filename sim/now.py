"""What if from now: the live state of this minute as a scenario that can be rehearsed.

People whom cameras count are spread over the ground that each camera sees; what is counted there over time is thus
what the rehearsal begins with. Units on shift stand where they are and answer calls. Parts that are reported shut,
blocked or missing change the layout. What nobody reports is assumed, and each assumption is one field of
:class:`Assumptions`, so that it is written in the scenario file and can be changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import shapely

from sim.scenario import (
    Arrivals,
    Closure,
    Demand,
    Entry,
    Incident,
    Layout,
    Measure,
    Post,
    Scenario,
    Span,
    Venue,
)
from twin.errors import BadInput
from twin.places import District
from twin.places.walkable import walkable_area

REACH = 25.0
"""Radius of the ground that a camera is taken to see where no grid says it [m]."""
TOUCHES = 3.0
"""Distance between a camera and the grid that is its own [m]."""
MOST_ENTRIES = 8
MARGIN = 40.0
SHUT = frozenset({"locked", "blocked"})
"""States of a gate or barrier part through which nobody gets."""
_KEPT = 0.1
"""Part of a camera's area that has to be walkable for people to be placed in it [share]."""


@dataclass(frozen=True)
class Count:
    """What one camera reports: people in its view, and where it is (district CRS).

    Its flow is not used: who passes three cameras is counted by each of them.
    """

    camera: str
    people: int
    at: tuple[float, float]


@dataclass(frozen=True)
class UnitNow:
    """A unit on shift: call-sign, place (district CRS) and what it can do."""

    call_sign: str
    at: tuple[float, float]
    kind: Literal["steward", "medic", "police"] = "steward"


@dataclass(frozen=True)
class CaseNow:
    """An open case that ties up units: its place (district CRS)."""

    case: str
    at: tuple[float, float]
    kind: Literal["steward", "medic", "police"] = "steward"


@dataclass(frozen=True)
class Now:
    """The live state of one minute, as far as a rehearsal can begin with it."""

    moment: datetime
    counts: Sequence[Count] = ()
    units: Sequence[UnitNow] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    cases: Sequence[CaseNow] = ()


@dataclass(frozen=True)
class Assumptions:
    """What nobody reports. ``stay_s`` is how long people stay on average; how long is left to each is exponential.

    Newcomers come at the rate N / ``stay_s`` at which N people leave (Little's law), so that a place stays as full as
    it is, times ``more``. They come in spells of ``spell_s`` and their stay begins ``walk_s`` after their spell.
    """

    stay_s: float = 900.0
    more: float = 1.0
    spell_s: float = 300.0
    walk_s: float = 120.0


def scenario_from(now: Now, district: District, place: str, *, minutes: float = 15.0, layout: Layout | None = None,
                  assume: Assumptions | None = None, seed: int = 1, name: str = "from-now") -> Scenario:
    """The scenario that begins as the district is now.

    ``place`` is ``synthetic:NAME`` or the path of the district's file. ``layout`` is what the event has put on the
    ground; None is the place as it is. Raises :class:`BadInput` where no camera counts anybody.
    """
    assume = assume or Assumptions()
    duration = minutes * 60.0
    views = {count.camera: view(district, count) for count in now.counts if count.people > 0}
    seen = {camera: area for camera, area in views.items() if area is not None}
    if not seen:
        raise BadInput("no camera counts anybody on walkable ground now", where=district.name,
                       mend="wait for counts, or choose an earlier moment")
    entries = _entries(district, shapely.union_all(list(seen.values())))
    counts = [count for count in now.counts if count.camera in seen]
    venues = {"in-view": Venue(area=shapely.union_all(list(seen.values())).wkt)}
    demand: dict[str, Demand] = {}
    for count in counts:
        way = _nearest(entries, count.at)
        demand[f"at-{count.camera}"] = Demand(
            entry=way, venue="in-view", people=count.people, present=seen[count.camera].wkt, arrive=Arrivals(at=0.0),
            leave=_leaving(0.0, assume.stay_s), checked=False)
    for k, (begin, end) in enumerate(_spells(duration, assume.spell_s)):
        for way, rate in _rates(counts, entries, assume).items():
            people = round(rate * end) - round(rate * begin)
            if people:
                demand[f"by-{way}-{k + 1}"] = Demand(
                    entry=way, venue="in-view", people=people, arrive=Arrivals(uniform=(begin, end)),
                    leave=_leaving(end + assume.walk_s, assume.stay_s), checked=False)
    area = _area(district, list(seen.values()), [entry.at for entry in entries.values()])
    inside = area.buffer(-1.0)
    units = [unit for unit in now.units if inside.contains(shapely.Point(unit.at))]
    put = _changed(layout or Layout(title="as it is now"), district, now.parts, duration, inside)
    put = put.model_copy(update={"posts": [Post(id=unit.call_sign, at=unit.at, kind=unit.kind, staff=1) for unit in units]})
    synthetic = place.removeprefix("synthetic:") if place.startswith("synthetic:") else None
    return Scenario(
        name=name, title=f"From {now.moment:%Y-%m-%d %H:%M:%S %Z}", synthetic=synthetic,  # type: ignore[arg-type]
        district=None if synthetic else place, area=area.wkt, start=now.moment, duration_s=duration, seed=seed,
        entries=entries, venues=venues, demand=demand, layouts={"now": put},
        incidents=[Incident(id=case.case, at_s=1.0, at=case.at, staff_kind=case.kind) for case in now.cases
                   if inside.contains(shapely.Point(case.at)) and any(u.kind == case.kind for u in units)],
        measure=Measure(areas={camera: seen[camera].wkt for camera in seen}))


def view(district: District, count: Count) -> shapely.Polygon | shapely.MultiPolygon | None:
    """The walkable ground that a camera sees, in the district's CRS; None where there is none.

    That is the video grid that begins at the camera, else the ground within :data:`REACH`.
    """
    at = shapely.Point(count.at)
    own = _own_grid(district, count.camera, at)
    shape = at.buffer(REACH) if own is None else own
    ground = walkable_area(district, within=shape.buffer(5.0)).intersection(shape)
    parts = [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon" and part.area > 1.0]
    if sum(part.area for part in parts) < _KEPT * min(shape.area, 200.0):
        return None
    return shapely.MultiPolygon(parts).simplify(0.2).buffer(0)


def _own_grid(district: District, camera: str, at: shapely.Point) -> shapely.Geometry | None:
    grids = district.grids
    cells = grids[(grids["scheme"] == "video") & (grids["level"] == "grid")]
    if not len(cells):
        return None
    near = cells[shapely.distance(cells.geometry.to_numpy(), at) < TOUCHES]
    # Several wedges may pass over a camera; its own has a corner there.
    corner = [float(np.hypot(*(shapely.get_coordinates(shape) - np.array(at.coords[0])).T).min()) for shape in near.geometry]
    order = [k for k in np.argsort(corner, kind="stable") if corner[k] < TOUCHES]
    if not order:
        return None
    part = district.parts[district.parts["id"] == camera]
    heading = float(part["heading"].iloc[0]) if len(part) else math.nan
    if math.isfinite(heading):
        def turned(k: int) -> float:
            middle = near.geometry.iloc[k].centroid
            return abs(math.remainder(math.atan2(middle.y - at.y, middle.x - at.x) - heading, 2 * math.pi))
        order.sort(key=turned)
    return near.geometry.iloc[order[0]]


def _entries(district: District, about: shapely.Geometry) -> dict[str, Entry]:
    """Ways out of the part that is watched: metro entrances near it, and the ends of streets that leave it."""
    box = shapely.box(*about.bounds).buffer(MARGIN, join_style="mitre")
    metro = district.parts[district.parts["kind"] == "metro_entrance"]
    inside = metro[shapely.contains(box, metro.geometry.to_numpy())] if len(metro) else metro
    found = {str(row.id): Entry(at=str(row.id), width=5.0) for row in inside.itertuples()}
    for street, width, at in _crossings(district, box):
        if len(found) >= MOST_ENTRIES:
            break
        found[street] = Entry(at=at, width=float(np.clip(width, 2.0, 8.0)))
    if len(found) < 1:
        raise BadInput("no street and no metro entrance leads to where people are", where=district.name,
                       mend="add the streets to the district")
    return found


def _crossings(district: District, box: shapely.Polygon) -> list[tuple[str, float, tuple[float, float]]]:
    """Where streets cross the edge of a box, the widest first, at least 60 m from one another."""
    streets = district.streets
    west, south, east, north = district.bounds
    edge = box.intersection(shapely.box(west, south, east, north).buffer(-2.0)).boundary
    found: list[tuple[str, float, tuple[float, float]]] = []
    width = streets["width"].fillna(3.0).to_numpy(float)
    on_foot = streets["on_foot"].fillna(True).to_numpy(bool) if "on_foot" in streets else np.ones(len(streets), bool)
    for k in np.argsort(-width, kind="stable"):
        if not on_foot[k]:
            continue
        for part in shapely.get_parts(streets.geometry.iloc[k].intersection(edge)):
            if part.is_empty:
                continue
            x, y = shapely.get_coordinates(part)[0].round(1).tolist()
            if all(math.hypot(x - a, y - b) > 60 for _, _, (a, b) in found):
                found.append((f"{streets['id'].iloc[k]}-{len(found) + 1}", float(width[k]), (x, y)))
    return found[:MOST_ENTRIES]


def _nearest(entries: Mapping[str, Entry], at: tuple[float, float]) -> str:
    def away(name: str) -> float:
        place = entries[name].at
        return math.hypot(place[0] - at[0], place[1] - at[1]) if isinstance(place, tuple) else 60.0
    return min(entries, key=away)


def _rates(counts: Sequence[Count], entries: Mapping[str, Entry], assume: Assumptions) -> dict[str, float]:
    """Newcomers by entry [1/s]."""
    rates: dict[str, float] = {}
    for count in counts:
        way = _nearest(entries, count.at)
        rates[way] = rates.get(way, 0.0) + count.people / assume.stay_s * assume.more
    return rates


def _spells(duration: float, length: float) -> list[tuple[float, float]]:
    edges = [*np.arange(0.0, duration, length).tolist(), duration]
    return list(pairwise(edges))


def _leaving(begin: float, stay_s: float) -> Arrivals:
    """Exponential times of leaving from a moment on, as points of a falling rate."""
    since = np.linspace(0.0, 5.0, 11) * stay_s
    return Arrivals(profile=[(round(begin + s, 1), float(round(np.exp(-s / stay_s), 4))) for s in since.tolist()])


def _area(district: District, seen: Sequence[Any], ways: Sequence[object]) -> shapely.Polygon:
    shapes = list(seen)
    shapes += [shapely.Point(at) for at in ways if isinstance(at, tuple)]
    shapes += [district.find(at)[1].geometry for at in ways if isinstance(at, str)]
    around = shapely.box(*shapely.GeometryCollection(shapes).bounds).buffer(MARGIN, join_style="mitre")
    return around.intersection(shapely.box(*district.bounds))


def _changed(layout: Layout, district: District, parts: Mapping[str, str], duration: float,
             within: shapely.Polygon) -> Layout:
    """The layout with what is reported about its gates and the district's: shut ones are shut to the end."""
    shut = {part for part, state in parts.items() if state in SHUT}
    gates = [gate.model_copy(update={"open": [Span(from_s=duration)]}) if gate.id in shut or gate.at in shut else gate
             for gate in layout.gates]
    known = {gate.id for gate in gates} | {gate.at for gate in gates if isinstance(gate.at, str)}
    standing = district.parts[district.parts["id"].isin(sorted(shut - known)) & district.parts["kind"].isin(["gate", "barrier"])]
    closures = [*layout.closures]
    for row in standing.itertuples():
        if within.contains(row.geometry):
            width = float(row.width) if row.width is not None and math.isfinite(row.width) else 3.0
            ring = shapely.get_coordinates(row.geometry.buffer(max(width / 2, 1.0), quad_segs=2).exterior).round(2)
            closures.append(Closure(id=str(row.id), area=[(x, y) for x, y in ring.tolist()]))
    return layout.model_copy(update={"gates": gates, "closures": closures})
