"""What is wrong with a protection plan, and what its forces are: by zone, by grid, by risk place, over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from shapely.affinity import translate

from sim.draw import quantile
from sim.layout import on_the_ground
from sim.protected import ADMITTED
from sim.protection.answer import travel_times
from sim.protection.calls import Places
from sim.protection.crowding import Period, at_time, expected
from sim.protection.plan import Plan, Risk, ZoneArea, holds
from sim.protection.sight import Sight, innermost, sight
from sim.scenario import Zone

ORDER = {"control": 0, "guard": 1, "core": 2}
"""Zones from the outermost to the innermost."""
OUTSIDE = "outside"
"""Stands for the zone of whoever is in none."""
MET_M = 20.0
"""A way into a zone is held by a post, gate, checkpoint or barrier so near to where it crosses the edge."""


@dataclass(frozen=True)
class Check:
    """A plan looked at.

    ``moments`` are the times [s] that were looked at: after every change of a zone, a rule or a duty. ``problems`` are
    sentences. ``forces`` has ``time_s, zone, kind, staff`` (zone :data:`OUTSIDE` outside all), ``grids`` has ``grid, staff`` (the
    least over the moments) ``, risk`` (weight of its risk places), ``risks`` has one row a risk place, kind and its worst
    moment: ``risk, kind, needed, there, short, first_s, time_s``. ``sight`` is that of the worst moment.
    """

    plan: Plan
    moments: list[float]
    problems: list[str]
    forces: pd.DataFrame
    grids: pd.DataFrame
    risks: pd.DataFrame
    sight: Sight
    sight_at_s: float


def check(plan: Plan, periods: list[Period] | None = None) -> Check:
    """Look at a plan at every moment at which it changes."""
    moments = _moments(plan)
    risks = _risks_met(plan, moments, periods or expected(plan))
    forces = _forces(plan, moments)
    grids = _by_grid(plan, moments)
    seen = [sight(plan, t) for t in moments]
    worst = int(np.argmax([float(s.blind["length_m"].sum()) + len(s.blind) for s in seen]))
    problems = [*_zone_problems(plan, moments), *_open_ways(plan, moments), *_round_problems(plan), *_grid_problems(plan, grids),
                *_risk_problems(risks)]
    return Check(plan, moments, problems, forces, grids, risks, seen[worst], moments[worst])


def _moments(plan: Plan) -> list[float]:
    """Times after which something of the plan is different, the start among them."""
    end = plan.scenario.duration_s
    spans = [zone.spec for zone in plan.zones] + [rule for zone in plan.zones for rule in zone.spec.rules]
    edges = {0.0}
    for span in [*spans, *(station.span for station in plan.stations)]:
        edges |= {t for t in (span.from_s, span.until_s) if t is not None and 0 <= t < end}
    return sorted(edges)


def rule_at(zone: Zone, time_s: float) -> tuple[str, str]:
    """Who is let into a zone on foot and by vehicle at a time; everybody where no rule holds."""
    for rule in reversed(zone.rules):
        if holds(rule, time_s):
            return rule.on_foot, rule.vehicles
    return "all", "all"


def _zone_problems(plan: Plan, moments: list[float]) -> list[str]:
    """Zones that do not lie in each other, and inner zones that let in more people than the outer ones do."""
    found: dict[str, None] = {}
    for time_s in moments:
        on = [zone for zone in plan.zones if holds(zone.spec, time_s)]
        for inner in on:
            outer = [zone for zone in on if ORDER[zone.spec.kind] == ORDER[inner.spec.kind] - 1]
            if outer and not any(zone.area.buffer(1.0).covers(inner.area) for zone in outer):
                found[f"zone {inner.spec.id} ({inner.spec.kind}) does not lie within a {outer[0].spec.kind} zone"] = None
            found |= dict.fromkeys(_laxer(inner, on, time_s))
        if not on and plan.zones:
            found[f"no zone holds at {_clock(time_s)}"] = None
    return list(found)


def _laxer(inner: ZoneArea, on: list[ZoneArea], time_s: float) -> list[str]:
    found = []
    for zone in on:
        if ORDER[zone.spec.kind] < ORDER[inner.spec.kind] and zone.area.intersects(inner.area):
            for what, mine, theirs in zip(("on foot", "by vehicle"), rule_at(inner.spec, time_s), rule_at(zone.spec, time_s),
                                          strict=True):
                if ADMITTED.index(mine) < ADMITTED.index(theirs):
                    found.append(f"zone {inner.spec.id} lets in {mine} {what} at {_clock(time_s)}, but zone {zone.spec.id} "
                                 f"around it {theirs}")
    return found


def _open_ways(plan: Plan, moments: list[float]) -> list[str]:
    """Ways that cross into a zone where its rule keeps somebody out and nobody stands."""
    streets = plan.district.streets
    streets = streets[streets["on_foot"].astype("boolean").fillna(True) & (streets["layer"].fillna(0) >= 0)]
    lines = streets.geometry.to_numpy()
    held = _held(plan)
    found = []
    for zone in plan.zones:
        if zone.spec.fenced or all(rule_at(zone.spec, t) == ("all", "all") for t in moments if holds(zone.spec, t)):
            continue
        edge = zone.area.boundary
        crossing = shapely.get_coordinates(shapely.intersection(lines, edge))
        inside = shapely.contains_xy(plan.ground.area, crossing[:, 0], crossing[:, 1])
        crossing = crossing[inside]
        if not len(crossing):
            continue
        far = shapely.distance(shapely.points(crossing), held) > MET_M
        if far.any():
            x, y = crossing[np.flatnonzero(far)[0]]
            found.append(f"{int(far.sum())} of {len(crossing)} ways into zone {zone.spec.id} have no post, gate or barrier "
                         f"within {MET_M:.0f} m, the first at {x:.0f}, {y:.0f}")
    return found


def _held(plan: Plan) -> shapely.Geometry:
    """Everything that holds a way: posts, gates, checkpoints, barriers, closures, fences."""
    laid = on_the_ground(plan.district, plan.scenario, plan.layout_name)
    x0, y0 = plan.district.origin
    local = [*(fence.line for fence in laid.fences), *(gate.centre for gate in laid.gates),
             *(lanes.box for lanes in laid.checkpoints)]
    standing = [shapely.Point(station.home) for station in plan.stations if station.role == "post"]
    return shapely.union_all([translate(shape, x0, y0) for shape in local] + standing)


def _round_problems(plan: Plan) -> list[str]:
    found = []
    for walk, spec in zip(plan.rounds, plan.layout.rounds, strict=True):
        between = walk.seconds / spec.patrols / 60
        if between > spec.every_min:
            needed = int(np.ceil(walk.seconds / 60 / spec.every_min))
            found.append(f"round {spec.id} takes {walk.seconds / 60:.0f} min: with {spec.patrols} patrols its stops are passed "
                         f"every {between:.0f} min, not every {spec.every_min:g}; it needs {needed}")
    return found


def _by_grid(plan: Plan, moments: list[float]) -> pd.DataFrame:
    """Staff at posts and on rounds in every grid, the least over the moments, and the weight of its risk places."""
    least: dict[str, int] = {}
    grid_of = {station.id: Counter(g for g in plan.grid_of(station.track) if g) for station in plan.stations}
    for time_s in moments:
        now: Counter[str] = Counter()
        for station in plan.stations:
            if station.on_duty(time_s):
                for grid in grid_of[station.id]:
                    now[grid] += station.staff
        least = {grid: min(now[grid], least.get(grid, now[grid])) for grid in plan.grids}
    at_risk = dict.fromkeys(plan.grids, 0.0)
    for risk, cell in zip(plan.risks, plan.grid_of(np.array([r.xy for r in plan.risks]).reshape(-1, 2)), strict=True):
        if cell is not None:
            at_risk[cell] += risk.spec.weight
    rows = [(grid, least.get(grid, 0), at_risk[grid]) for grid in plan.grids]
    return pd.DataFrame(rows, columns=["grid", "staff", "risk"])


def _grid_problems(plan: Plan, grids: pd.DataFrame) -> list[str]:
    few = grids[grids["staff"] < plan.protection.least_staff]
    if not len(few):
        return []
    named = ", ".join(few["grid"].head(5)) + (" ..." if len(few) > 5 else "")
    return [f"{len(few)} of {len(grids)} grids have fewer than {plan.protection.least_staff} staff at some time: {named}"]


def _forces(plan: Plan, moments: list[float]) -> pd.DataFrame:
    """Staff on duty by zone and kind at every moment; of a round where it begins."""
    homes = np.array([station.home for station in plan.stations]).reshape(-1, 2)
    rows = []
    for time_s in moments:
        zones = innermost(plan, homes, time_s)
        count: Counter[tuple[str, str]] = Counter()
        for station, zone in zip(plan.stations, zones, strict=True):
            if station.on_duty(time_s):
                count[zone or OUTSIDE, station.kind] += station.staff
        rows += [(time_s, zone, kind, number) for (zone, kind), number in sorted(count.items())]
    return pd.DataFrame(rows, columns=["time_s", "zone", "kind", "staff"])


def _risks_met(plan: Plan, moments: list[float], periods: list[Period]) -> pd.DataFrame:
    """Whether what a risk place needs could be there in time, each by itself, all staff being free: at its worst moment.

    Turnout is taken at its 90th percentile.
    """
    columns = ["risk", "kind", "needed", "there", "short", "first_s", "time_s"]
    if not plan.risks:
        return pd.DataFrame(columns=columns)
    where = Places(np.array([risk.xy for risk in plan.risks]), {})
    travel = travel_times(plan, plan.stations, periods, where)
    # A patrol may be anywhere on its round: it is counted with the median of its walking times.
    walks = np.empty((len(periods), len(plan.risks), len(plan.stations)))
    for k, station in enumerate(plan.stations):
        walks[:, :, k] = np.median(travel.seconds[:, :, travel.columns[station.id]], axis=2)
    rows = [_worst(plan, risk, walks[:, k], kind, needed, moments, periods) for k, risk in enumerate(plan.risks)
            for kind, needed in risk.spec.needs.items()]
    return pd.DataFrame(rows, columns=columns)


def _worst(plan: Plan, risk: Risk, walks: np.ndarray, kind: str, needed: int, moments: list[float],
           periods: list[Period]) -> tuple[str, str, int, int, int, float, float]:
    """The row of a risk place and kind at the moment at which it is met worst; walks (periods, stations) at 1 m/s."""
    staff = plan.scenario.staff
    turnout = float(quantile(staff.turnout_of(kind), np.array([0.9]))[0])  # type: ignore[arg-type]
    rows = []
    for time_s in [*moments, *(p.from_s for p in periods)]:
        seconds = turnout + walks[at_time(periods, time_s)] / staff.speed_of(kind)  # type: ignore[arg-type]
        able = np.array([s.staff - s.stay if s.kind == kind and s.on_duty(time_s) else 0 for s in plan.stations], int)
        there = int(able[seconds <= 60 * risk.spec.within_min].sum())
        first = float(seconds[able > 0].min(initial=np.inf))
        rows.append((risk.spec.id, kind, needed, there, max(needed - there, 0), first, time_s))
    return min(rows, key=lambda row: (row[3], -row[5], row[6]))


def _risk_problems(risks: pd.DataFrame) -> list[str]:
    return [f"risk place {row.risk} needs {row.needed} {row.kind} in time and {row.there} can be there at {_clock(row.time_s)}"
            for row in risks[risks["short"] > 0].itertuples()]


def _clock(time_s: float) -> str:
    minutes = round(time_s / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"
