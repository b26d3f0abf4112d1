"""The choice among the exits that a demand allows: metro entrances, ends of streets, by which visitors leave."""

from __future__ import annotations

import numpy as np

from sim.crowd import Crowd
from sim.crowd.behaviour.choice import SOCIAL, Doors, choose, following, queues, tastes
from sim.gates import SHUNS_FOR
from sim.site import Site

PERIOD = 6.0
"""Time between two looks at the choice [s]."""
FLOW = 4.0
"""What an exit is thought to take before anything is known of it [1/s]: an entrance of three metres."""


class WaysOut:
    """The exits, who knows which, and who gave one up.

    ``knows (n, m) bool`` which of the site's entries each visitor may leave by and knows; ``gave_up (n,)`` how often
    each gave one up because it led nowhere.
    """

    def __init__(self, site: Site, knows: np.ndarray, taste: np.ndarray) -> None:
        self.ground, self.knows = site.ground, knows
        self.goals = np.array([entry.goal for entry in site.entries], int)
        self.doors = Doors(len(self.goals), FLOW)
        self.gave_up = np.zeros(len(taste), int)
        self.chooses = knows.sum(axis=1) > 1
        self.taste = tastes(taste, len(self.goals))
        self._shunned_until = np.full(knows.shape if self.chooses.any() else (len(taste), 0), -np.inf)
        self._next = 0.0

    def __bool__(self) -> bool:
        return bool(self.chooses.any())

    def due(self, now: float) -> bool:
        """Whether it is time to look again."""
        return bool(self) and now >= self._next - 1e-9

    def passed(self, exits: np.ndarray) -> None:
        """People have left by these exits."""
        self.doors.passed(exits)

    def choose(self, crowd: Crowd, who: np.ndarray, ids: np.ndarray, now_by: np.ndarray, set_off: np.ndarray,
               speed: np.ndarray, group: np.ndarray, stuck: np.ndarray) -> np.ndarray:
        """Exits (n,) that leaving visitors take.

        ``now_by (n,)`` the exit that each is bound for, ``set_off (n,) bool`` who has walked towards it already;
        ``speed`` [m/s], ``group`` numbers (-1: alone), ``stuck (n,) bool`` who gets nowhere.
        """
        now = crowd.time
        self._next = now + PERIOD
        at = crowd.at(ids)
        away = np.column_stack([self.ground.distance(int(goal), at) for goal in self.goals])
        self.doors.learn(PERIOD, now_by, away, crowd.speed(ids) < 0.5 * speed)
        rows = np.flatnonzero(self.chooses[who])
        if not len(rows):
            return now_by
        shun = rows[stuck[rows]]
        self._shunned_until[who[shun], now_by[shun]] = now + SHUNS_FOR
        times = self.doors.times(away[rows], speed[rows], queues(np.where(set_off, now_by, -1), away))
        known = self.knows[who[rows]]
        shunned = self._shunned_until[who[rows]] > now
        free = known & np.isfinite(times) & ~shunned
        times = np.where(~known | (shunned & free.any(axis=1, keepdims=True)), np.inf, times)
        share = following(self.ground, at[rows], at, np.where(set_off, now_by, -1), len(self.doors))
        before = np.where(set_off[rows], now_by[rows], -1)
        chosen = choose(times, known, self.taste[who[rows]], share, SOCIAL, before)
        out = now_by.copy()
        out[rows] = np.where(chosen >= 0, chosen, now_by[rows])
        out = _with_leader(who, group, out, self.knows)
        self.gave_up[who[stuck & (out != now_by)]] += 1
        return out


def _with_leader(who: np.ndarray, group: np.ndarray, exits: np.ndarray, knows: np.ndarray) -> np.ndarray:
    """What groups do: everybody takes the exit of the first of the group, if they may."""
    some = np.flatnonzero(group >= 0)
    if not len(some):
        return exits
    order = some[np.lexsort((who[some], group[some]))]
    _, first, of = np.unique(group[order], return_index=True, return_inverse=True)
    lead = exits[order[first]][of]
    led = exits.copy()
    led[order] = np.where(knows[who[order], lead], lead, exits[order])
    return led
