"""The choice among the gates of a layout: by which of them somebody expects to get on soonest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from sim.crowd import Crowd
from sim.crowd.behaviour.choice import FLOW, SOCIAL, Doors, choose, following, queues, tastes
from sim.crowd.ground.sight import in_sight
from sim.site import Site

PERIOD = 5.0
"""Time between two looks at the choice [s]."""
BEHIND, DEEP = 0.8, 0.8
"""Somebody is through a gate who has come to a strip so far behind its line, so deep [m]."""
BESIDE = 3.0
"""Somebody who is so far beside the opening behind its line has come through it all the same [m]."""
AT_IT = 4.0
"""Who is so near to the strip behind a gate does not choose any more [m]."""
ON_THE_WAY = 1.03, 2.0
"""A gate lies on the shortest way if the way over it is at most so many times as long, and so much longer [m]."""
SHUNS_FOR = 120.0
"""Who gave a gate up does not try it again for so long [s]."""


@dataclass
class _Side:
    """One way through a gate: the goal behind it, and a point on either side of it (2,)."""

    gate: str
    goal: int
    before: np.ndarray
    behind: np.ndarray


class Gates:
    """The gates that lead on, each in both directions, and which one everybody is bound for.

    ``bound (n,)`` is the number of the way through a gate that a visitor takes, -1 for none; ``gave_up (n,)`` how often
    each gave one up because it led nowhere.
    """

    def __init__(self, site: Site, taste: np.ndarray) -> None:
        self.ground = site.ground
        self.sides = [side for name, (kind, line, _) in site.closable.items() if name.startswith("gate:") and kind == "wall"
                      for side in _sides(site, name, line)]
        if len(self.sides) < 4:  # nothing to choose between with one gate
            self.sides = []
        self.goals = np.array([side.goal for side in self.sides], int)
        self._before, self._behind = (
            np.array([getattr(side, key) for side in self.sides]).reshape(-1, 2) for key in ("before", "behind"))
        self._half = np.array([site.closable[side.gate][1].length / 2 for side in self.sides])
        self.doors = Doors(len(self.sides))
        for k, side in enumerate(self.sides):
            self.doors.flow[k] = FLOW * max(site.closable[side.gate][1].length, 1.0)
        self.bound = np.full(len(taste), -1)
        self.gave_up = np.zeros(len(taste), int)
        self.taste = tastes(taste, len(self.sides))
        self._shunned_until = np.full((len(taste), len(self.sides)), -np.inf) if self.sides else np.empty((len(taste), 0))
        self._next = 0.0

    def __bool__(self) -> bool:
        return bool(self.sides)

    def through(self, crowd: Crowd, crowd_id: np.ndarray, on_foot: np.ndarray) -> np.ndarray:
        """Visitors among ``on_foot`` who have just come through their gate; they are bound for none any more."""
        bound = on_foot[self.bound[on_foot] >= 0]
        if not len(bound):
            return bound
        ways, at = self.bound[bound], crowd.at(crowd_id[bound])
        apart = at - (self._before + self._behind)[ways] / 2
        along = (self._behind - self._before)[ways] / (2 * BEHIND + DEEP)
        deep = (apart * along).sum(axis=1)
        across = np.abs(apart[:, 0] * along[:, 1] - apart[:, 1] * along[:, 0])
        # pushed beside the strip, or over it between two looks
        past = (deep >= BEHIND) & (deep < AT_IT) & (across < self._half[ways] + BESIDE)
        there = bound[past | np.isin(crowd_id[bound], crowd.arrived())]
        self.doors.passed(self.bound[there])
        self.bound[there] = -1
        return there

    def look_again(self) -> None:
        """Something has opened or shut."""
        self._next = 0.0

    def beyond(self, goals: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """What is left from behind gates (k,) to goals (k,) [m]."""
        points = self._behind[bound]
        out = np.zeros(len(bound))
        for goal in np.unique(goals):
            rows = goals == goal
            out[rows] = self.ground.distance(int(goal), points[rows])
        return np.where(np.isfinite(out), out, 0.0)

    def due(self, now: float) -> bool:
        """Whether it is time to look again."""
        return bool(self.sides) and now >= self._next - 1e-9

    def choose(self, crowd: Crowd, who: np.ndarray, ids: np.ndarray, goals: np.ndarray, speed: np.ndarray,
               group: np.ndarray, stuck: np.ndarray) -> np.ndarray:
        """Let visitors choose their gate again; gives those (k,) whose choice has changed.

        ``who (n,)`` visitors on foot, ``ids`` in the crowd, ``goals`` where they want to get in the end, ``speed``
        [m/s], ``group`` numbers (-1: alone), ``stuck (n,) bool`` who gets nowhere.
        """
        now, since = crowd.time, PERIOD
        self._next = now + PERIOD
        if not len(who):
            return who
        open_ = in_sight(self.ground, self._before, self._behind)
        at = crowd.at(ids)
        away = np.column_stack([self.ground.distance(int(goal), at) for goal in self.goals])
        onward, direct = np.full(away.shape, np.inf), np.full(len(who), np.inf)
        for goal in np.unique(goals):
            rows = goals == goal
            direct[rows] = self.ground.distance(int(goal), at[rows])
            onward[rows] = self._onward(int(goal), open_)
        bound = self.bound[who]
        slow = crowd.speed(ids) < 0.5 * speed
        self.doors.learn(since, bound, away, slow)
        over = away + onward
        factor, more = ON_THE_WAY
        wants = (over.min(axis=1) <= factor * direct + more) & (np.where(np.isfinite(onward), away, np.inf).min(axis=1) > AT_IT)
        rows = np.flatnonzero(wants | (bound >= 0))
        if not len(rows):
            return who[:0]
        shun = rows[stuck[rows] & (bound[rows] >= 0)]
        self._shunned_until[who[shun], bound[shun]] = now + SHUNS_FOR
        times = self.doors.times(away[rows], speed[rows], queues(bound, away), onward[rows])
        shunned = self._shunned_until[who[rows]] > now
        free = np.isfinite(times) & ~shunned
        times = np.where(shunned & free.any(axis=1, keepdims=True), np.inf, times)
        share = following(self.ground, at[rows], at, bound, len(self.doors))
        chosen = choose(times, np.isfinite(times), self.taste[who[rows]], share, SOCIAL, bound[rows])
        chosen = _as_led(who[rows], group[rows], chosen, np.isfinite(times))
        new = chosen != bound[rows]
        self.gave_up[who[rows[new & stuck[rows] & (bound[rows] >= 0)]]] += 1
        self.bound[who[rows]] = chosen
        return np.asarray(who[rows[new]])

    def _onward(self, goal: int, open_: np.ndarray) -> np.ndarray:
        """What is left to a goal behind each gate (m,) [m], inf where the gate is shut or leads away from it."""
        behind, before = (self.ground.distance(goal, points) for points in (self._behind, self._before))
        return np.where(open_ & (behind < before), behind, np.inf)


def _sides(site: Site, name: str, line: shapely.Geometry) -> list[_Side]:
    """Both ways through a gate; none where there is no ground on one side."""
    ends = shapely.get_coordinates(shapely.line_merge(line) if line.geom_type == "MultiLineString" else line)[[0, -1]]
    span = ends[1] - ends[0]
    length = float(np.hypot(*span))
    if length < 0.3:
        return []
    normal = np.array([-span[1], span[0]]) / length
    middle = ends.mean(axis=0)
    points = {way: middle + way * (BEHIND + DEEP / 2) * normal for way in (1.0, -1.0)}
    if not site.ground.inside(np.array(list(points.values())), 0.2).all():
        return []
    sides = []
    for way in (1.0, -1.0):
        near, far = way * BEHIND * normal, way * (BEHIND + DEEP) * normal
        strip = shapely.Polygon([ends[0] + near, ends[1] + near, ends[1] + far, ends[0] + far])
        strip = strip.intersection(site.walkable)
        if strip.is_empty:
            return []
        goal = site.ground.goal(f"{name}:{'left' if way > 0 else 'right'}", strip)
        sides.append(_Side(name, goal, points[-way], points[way]))
    return sides


def _as_led(who: np.ndarray, group: np.ndarray, chosen: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """What groups do: everybody takes the way of the first of the group, where they can."""
    some = np.flatnonzero((group >= 0) & (chosen >= 0))
    if not len(some):
        return chosen
    order = some[np.lexsort((who[some], group[some]))]
    _, first, of = np.unique(group[order], return_index=True, return_inverse=True)
    lead = chosen[order[first]][of]
    led = chosen.copy()
    led[order] = np.where(possible[order, lead], lead, chosen[order])
    return led
