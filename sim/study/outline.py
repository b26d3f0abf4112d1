"""A layout rehearsed in outline: the same visitors, checkpoints, gates, posts and calls, but no crowd.

Everybody walks at their own pace to the checkpoint that seems to cost the least time, lines up (:mod:`sim.study.lines`), is
searched, goes to the venue, and leaves by the gate that seems soonest. That takes a tenth of a second where a rehearsal takes a
minute, and is enough to tell layouts apart by waiting, longest queue, ways in and out, and the time until help comes. Of
density it knows that of the queues alone. It proposes; rehearsals decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from sim import where
from sim.crowd.behaviour.choice import FLOW
from sim.draw import mean, stream
from sim.layout import LANE_DEPTH, LayoutGround, on_the_ground, takes
from sim.record import THRESHOLDS
from sim.scenario import Layout, Scenario
from sim.site import Site, prepare, queue_places
from sim.staff import pace_in_crowd
from sim.study.lines import EVERY_S, Waited, line_up
from sim.visitors import Visitors, visitors
from twin.places import District

CELL = 2.0
"""Side of the cells in which those who stand in line are counted [m]."""
BESIDE = 2.0
"""How far before and behind a fence the ways to it and on from it are measured [m]."""
PACE = pace_in_crowd(1.0)
"""Share of their free speed that staff keep on their way: that at one person a square metre."""
SITES = 4
"""Grounds that are kept; layouts with the same fences share one."""


class Outline:
    """A scenario's layouts in outline, over some seeds."""

    def __init__(self, district: District, scenario: Scenario, seeds: Sequence[int]) -> None:
        self.district, self.scenario = district, scenario
        self._people = [visitors(scenario, seed) for seed in seeds]
        self._sites: dict[str, Site] = {}

    def measures(self, layout: Layout, seeds: int | None = None) -> dict[str, float]:
        """Measures of a layout as far as they are foreseen, named as in :mod:`sim.measures`: means over the first ``seeds``, or
        all; NaN where nobody came so far. Raises :class:`BadInput` where the layout cannot be put on the ground.
        """
        scenario = self.scenario.model_copy(update={"layouts": {"it": layout}})
        ground, site = on_the_ground(self.district, scenario, "it"), self._site(scenario, layout)
        fixed = _help(self.district, scenario, layout, site)
        places = _places(scenario, ground, site)
        each = []
        for people in self._people[:seeds]:
            told = dict(fixed)
            reached = np.where(people.checked, np.nan, people.arrive)
            if layout.checkpoints:
                waited = line_up(people, layout.checkpoints, *_ways(ground, site), scenario.incidents, scenario.duration_s)
                told |= _waiting(scenario, layout, people, waited) | _crowding(site, places, waited.counts)
                reached = np.where(people.checked, waited.reached, people.arrive)
            each.append(told | _leaving(scenario, ground, site, people, reached))
        return {key: float(np.mean([told.get(key, np.nan) for told in each])) for key in each[0]}

    def takes(self, layout: Layout) -> dict[str, float]:
        """What a layout takes, as :func:`sim.layout.takes`."""
        return takes(self.district, self.scenario.model_copy(update={"layouts": {"it": layout}}), "it")

    def _site(self, scenario: Scenario, layout: Layout) -> Site:
        """The ground of a layout, with the calls for help as goals."""
        fences = repr((layout.zones, layout.barriers, layout.closures, layout.one_way))
        if fences not in self._sites:
            site = prepare(self.district, scenario, "it")
            for call in site.incidents:
                site.ground.goal(f"incident:{call}", shapely.Point(site.incidents[call]))
            self._sites = dict([*self._sites.items()][1 - SITES:]) | {fences: site}
        return self._sites[fences]


def _ways(ground: LayoutGround, site: Site) -> tuple[np.ndarray, np.ndarray]:
    """Walking distances from the entries to the checkpoints (entries, k), and from there to the venues (venues, k) [m]."""
    middles = np.array([lanes.box.centroid.coords[0] for lanes in ground.checkpoints])
    along = np.array([lanes.along for lanes in ground.checkpoints])
    before, behind = middles - (LANE_DEPTH / 2 + BESIDE) * along, middles + (LANE_DEPTH / 2 + BESIDE) * along
    return (np.array([site.ground.distance(entry.goal, before) for entry in site.entries]),
            np.array([site.ground.distance(venue.goal, behind) for venue in site.venues]))


def _waiting(scenario: Scenario, layout: Layout, people: Visitors, waited: Waited) -> dict[str, float]:
    """How long people wait and are on their way in, how many wait at once, how many come to their place."""
    wait, access = waited.begun - waited.joined, waited.reached - people.arrive
    there = waited.reached < np.minimum(people.leave, scenario.duration_s)
    told = {"wait_mean": _mean(wait), "wait_p95": _percentile(wait, 95), "queue_max": float(waited.longest.max()),
            "reached_venue": float(there.sum()), "access_p50": _percentile(access[there], 50),
            "access_p95": _percentile(access[there], 95)}
    for k, spec in enumerate(layout.checkpoints if len(layout.checkpoints) > 1 else []):
        told[f"wait_mean:{spec.id}"] = _mean(wait[waited.at == k])
    return told


def _places(scenario: Scenario, ground: LayoutGround, site: Site) -> list[np.ndarray]:
    """Where people stand in line at each checkpoint, those next to be searched first: one array (m, 2) each."""
    out = []
    for lanes in ground.checkpoints:
        queues = [queue[1:] for queue in queue_places(site, scenario, lanes)]
        depth = np.concatenate([np.arange(len(queue)) for queue in queues])
        out.append(np.concatenate(queues)[np.argsort(depth, kind="stable")])
    return out


def _crowding(site: Site, places: list[np.ndarray], counts: np.ndarray) -> dict[str, float]:
    """Person-minutes in cells that are dense with queues, and the highest density of queues in the areas.

    ``counts (t, k)`` are people in line. Where two queues share a cell, both count.
    """
    cells = [np.floor(spots / CELL).astype(np.int64) @ np.array([1, 1_000_003]) for spots in places]
    inside = {name: [np.concatenate([[0], np.cumsum(shapely.contains_xy(area, spots))]) for spots in places]
              for name, area in site.areas.items()}
    above, most = dict.fromkeys(THRESHOLDS, 0.0), dict.fromkeys(site.areas, 0.0)
    for row in counts.tolist():
        full = np.unique(np.concatenate([cell[:n] for cell, n in zip(cells, row, strict=True)]), return_counts=True)[1]
        for key, limit in THRESHOLDS.items():
            above[key] += float(full[full > limit * CELL**2].sum()) * EVERY_S / 60
        for name, area in site.areas.items():
            here = sum(int(many[min(n, len(many) - 1)]) for many, n in zip(inside[name], row, strict=True))
            most[name] = max(most[name], here / area.area)
    return above | {f"density_max:{name}": value for name, value in most.items()}


def _leaving(scenario: Scenario, ground: LayoutGround, site: Site, people: Visitors, reached: np.ndarray) -> dict[str, float]:
    """How long the way out takes those who ``reached (n,)`` their venue: by the gate that is soonest, through which a metre
    passes :data:`FLOW` people a second; nothing where the layout has no gates."""
    gates = [gate for gate in ground.gates if gate.on_fence and not gate.line.is_empty]
    who = np.flatnonzero((reached < people.leave) & (people.leave < scenario.duration_s))
    if not gates or not len(who):
        return {}
    who = who[np.argsort(people.leave[who], kind="stable")]
    sides = [_sides(site, gate.line) for gate in gates]
    spots = np.zeros((len(people), 2))
    draw = stream(0, "outline/spots").random(len(people))
    for number, venue in enumerate(site.venues):
        mine = people.venue == number
        spots[mine] = venue.spots[(draw[mine] * len(venue.spots)).astype(int)]
    to_gate = np.hypot(*(spots[who][:, None] - np.array([inner for inner, _ in sides])).transpose(2, 0, 1))
    beyond = np.array([site.ground.distance(entry.goal, np.array([outer for _, outer in sides])) for entry in site.entries])
    speed = people.speed[who, None]
    free = [min((span.from_s for span in gate.open), default=0.0) for gate in gates]
    gap = [1 / (FLOW * gate.width) for gate in gates]
    arrives = (people.leave[who, None] + to_gate / speed).T.tolist()
    onward = (beyond[people.leave_by[who]] / speed).T.tolist()
    left = []
    for k in range(len(who)):
        out = [max(arrives[g][k], free[g]) + onward[g][k] for g in range(len(gates))]
        best = out.index(min(out))
        free[best] = max(arrives[best][k], free[best]) + gap[best]
        left.append(out[best])
    egress, over = np.array(left) - people.leave[who], np.array(left) - people.leave[who].min()
    return {"egress_p50": _percentile(egress, 50), "egress_p95": _percentile(egress, 95),
            "clearance_p95": _percentile(over, 95)}


def _sides(site: Site, line: shapely.Geometry) -> tuple[np.ndarray, np.ndarray]:
    """A point (2,) on either side of a gate, that towards the venues first."""
    ends = shapely.get_coordinates(shapely.line_merge(line) if line.geom_type == "MultiLineString" else line)[[0, -1]]
    span = ends[1] - ends[0]
    off = np.array([-span[1], span[0]]) / max(float(np.hypot(*span)), 1e-9) * BESIDE
    points = ends.mean(axis=0) + np.array([off, -off])
    away = np.min([site.ground.distance(venue.goal, points) for venue in site.venues], axis=0)
    inner = int(np.argmin(away))
    return points[inner], points[1 - inner]


def _help(district: District, scenario: Scenario, layout: Layout, site: Site) -> dict[str, float]:
    """When the first of the nearest free staff is at each call for help."""
    calls = sorted((i for i in scenario.incidents if i.kind == "help"), key=lambda i: i.at_s)
    if not calls or not layout.posts:
        return {}
    at = shapely.get_coordinates([where.point(district, post.at, f"post {post.id}") for post in layout.posts])
    units = [(k, post.kind) for k, post in enumerate(layout.posts) for _ in range(post.staff - post.stay)]
    free, responses = [0.0] * len(units), []
    for call in calls:
        away = site.ground.distance(site.ground.goals[f"incident:{call.id}"], at)
        able = [u for u, (k, kind) in enumerate(units)
                if kind == call.staff_kind and free[u] <= call.at_s and np.isfinite(away[k])]
        for number, u in enumerate(sorted(able, key=lambda u: away[units[u][0]])[: call.staff]):
            there = mean(scenario.staff.turnout_of(call.staff_kind))
            there += float(away[units[u][0]]) / (PACE * scenario.staff.speed_of(call.staff_kind))
            if number == 0:
                responses.append(there)
            free[u] = call.at_s + there + mean(call.on_scene)
    told = {"unanswered": float(len(calls) - len(responses))}
    return told | ({"response_mean": float(np.mean(responses)), "response_max": max(responses)} if responses else {})


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _percentile(values: np.ndarray, percent: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, percent)) if len(known) else float("nan")


__all__ = ["Outline"]
