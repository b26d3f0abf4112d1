"""Which way visitors take, and when they give it up for another: gates, exits, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.gates import Gates
from sim.leaving import WaysOut

if TYPE_CHECKING:
    from sim.event import Rehearsal

WALKING_IN, LEAVING = 0, 4
PERIOD = 10.0
"""Who gets nowhere looks for another checkpoint so often [s]."""


class Ways:
    """The ways of a rehearsal's visitors.

    ``onward (n,)`` is what each has to go beyond the gate that they are bound for [m]; ``was_stuck (n,) bool`` who got
    nowhere for over a minute at any time.
    """

    def __init__(self, model: Rehearsal) -> None:
        self.model = model
        visitors = model.visitors
        self.gates = Gates(model.site, visitors.taste)
        self.exits = WaysOut(model.site, visitors.knows, visitors.taste)
        self.onward = np.zeros(len(visitors))
        self.was_stuck = np.zeros(len(visitors), bool)
        self._other_checkpoint = np.zeros(len(visitors), int)
        self._next = PERIOD

    def through_gates(self) -> None:
        """Who is through the own gate goes on to where they want to get in the end."""
        if self.gates and (self.gates.bound >= 0).any():
            model = self.model
            through = self.gates.through(model.crowd, model.crowd_id, self._on_foot())
            if len(through):
                self.onward[through] = 0.0
                model.crowd.send(model.crowd_id[through], model.goal_of(through))

    def second(self) -> None:
        """Let people look for a better way, if it is time."""
        model = self.model
        stuck = model.visitor_of[model.stuck()]
        self.was_stuck[stuck] = True
        now = model.time
        if now >= self._next - 1e-9:
            self._next = now + PERIOD
            self._take_other_checkpoints(stuck)
        if self.exits.due(now):
            self.choose_exits(np.flatnonzero(model.state == LEAVING), set_off=True)
        if self.gates.due(now):
            who = self._on_foot()
            goals = model.goal_of(who)
            changed = self.gates.choose(model.crowd, who, model.crowd_id[who], goals, model.visitors.speed[who],
                                        model.together.group[who], np.isin(who, stuck))
            self._send_by_gates(changed)

    def choose_exits(self, who: np.ndarray, *, set_off: bool) -> None:
        """Let leaving visitors choose their exit; ``set_off``: they are on their way and are sent on."""
        if not self.exits or not len(who):
            return
        model = self.model
        stuck = np.isin(who, model.visitor_of[model.stuck()]) if set_off else np.zeros(len(who), bool)
        before = model.visitors.leave_by[who]
        chosen = self.exits.choose(model.crowd, who, model.crowd_id[who], before, np.full(len(who), set_off),
                                   model.visitors.speed[who], model.together.group[who], stuck)
        model.visitors.leave_by[who] = chosen
        changed = who[chosen != before]
        if set_off and len(changed):
            model.send(changed)

    def check(self, who: np.ndarray) -> None:
        """Whoever cannot reach the goal, as the ground is now, takes another; without any, is cut off."""
        model, ground = self.model, self.model.site.ground
        goals = model.goal_of(who)
        at = model.crowd.at(model.crowd_id[who])
        for goal in np.unique(goals):
            here = goals == goal
            lost = ~np.isfinite(ground.distance(int(goal), at[here]))
            model.cut_off[who[here][~lost]] = False
            if lost.any():
                self._take_another(who[here][lost])

    def _take_another(self, who: np.ndarray) -> None:
        model, ground = self.model, self.model.site.ground
        at = model.crowd.at(model.crowd_id[who])
        leaving = model.state[who] == LEAVING
        exits = np.column_stack([ground.distance(e.goal, at) for e in model.site.entries])
        nearest = exits.argmin(1)
        can = np.isfinite(exits.min(1))
        model.visitors.leave_by[who[leaving & can]] = nearest[leaving & can]
        coming = ~leaving & ~model.passed[who]
        rerouted = np.zeros(len(who), bool)
        if model.checkpoints and coming.any():
            ways = np.column_stack([ground.distance(c.place.goal, at) for c in model.checkpoints])
            rerouted = np.isfinite(ways.min(1)) & coming
            model.checkpoint[who[rerouted]] = ways.argmin(1)[rerouted]
        solved = (leaving & can) | rerouted
        model.cut_off[who[~solved]] = True
        model.cut_off_ever |= model.cut_off
        if (~solved).any():
            model.record.event("cut off", "", float((~solved).sum()), "people without a way", at[~solved].mean(0))
        if solved.any():
            model.send(who[solved])

    def forget(self, who: np.ndarray) -> None:
        """These visitors are sent straight to their goal."""
        self.gates.bound[who] = -1
        self.onward[who] = 0.0

    def changed(self) -> None:
        """A gate or barrier has opened or shut: everybody looks for a gate anew."""
        bound = np.flatnonzero(self.gates.bound >= 0)
        if len(bound):
            self.model.send(bound)
        self.gates.look_again()

    def measures(self) -> dict[str, float]:
        """How often people gave way in jams and gave ways up, and how many were stuck."""
        gave_up = self.gates.gave_up.sum() + self.exits.gave_up.sum() + self._other_checkpoint.sum()
        return {"gave_way": float(self.model.crowd.gave_way), "gave_up": float(gave_up), "stuck": float(self.was_stuck.sum())}

    def _on_foot(self) -> np.ndarray:
        """Visitors on their way, but for those who wait for their group behind a checkpoint."""
        model = self.model
        walks = np.isin(model.state, (WALKING_IN, LEAVING))
        walks[model.together.meets()] = False
        return np.flatnonzero(walks)

    def _send_by_gates(self, who: np.ndarray) -> None:
        if not len(who):
            return
        model = self.model
        bound, final = self.gates.bound[who], model.goal_of(who)
        model.send(who)
        self.gates.bound[who] = bound
        by_gate = bound >= 0
        model.crowd.send(model.crowd_id[who[by_gate]], self.gates.goals[bound[by_gate]])
        self.onward[who[by_gate]] = self.gates.beyond(final[by_gate], bound[by_gate])

    def _take_other_checkpoints(self, stuck: np.ndarray) -> None:
        """Who gets nowhere on the way to a checkpoint tries another that is open."""
        model = self.model
        who = stuck[(model.state[stuck] == WALKING_IN) & ~model.passed[stuck] & (model.checkpoint[stuck] >= 0)]
        if not len(who) or len(model.checkpoints) < 2:
            return
        at = model.crowd.at(model.crowd_id[who])
        ways = np.column_stack([model.site.ground.distance(c.place.goal, at) if c.open else np.full(len(who), np.inf)
                                for c in model.checkpoints])
        ways[np.arange(len(who)), model.checkpoint[who]] = np.inf
        other = np.isfinite(ways.min(axis=1))
        model.checkpoint[who[other]] = ways.argmin(axis=1)[other]
        self._other_checkpoint[who[other]] += 1
        if other.any():
            model.send(who[other])
