"""Who of a lab scenario chooses among exits, what they know, and which exit they take."""

from __future__ import annotations

import numpy as np

from sim.crowd import Crowd, Ground
from sim.crowd.behaviour.choice import PERIOD, Doors, choose, following, queues, tastes
from sim.crowd.ground.sight import in_sight
from sim.draw import stream
from sim.lab import Choose, Lab
from sim.lab.bench import Cast

GIVES_UP_AFTER = 60.0
"""Somebody who has got nowhere for so long gives up the exit, if there is another [s] ..."""
SHUNS_FOR = 120.0
"""... and does not try it again for so long [s]."""


class Exits:
    """Exits that people choose among, again and again.

    Persons are rows of the cast. ``gave_up (n,)`` counts how often each gave an exit up because it led nowhere.
    """

    def __init__(self, lab: Lab, cast: Cast, ground: Ground, seed: int) -> None:
        self.ground, self.cast, self.signs = ground, cast, lab.signs
        offers = [people.goal if isinstance(people.goal, Choose) else None for people in lab.people]
        names = list(dict.fromkeys(name for offer in offers if offer for name in offer.choose))
        self.goals = np.array([ground.goals[name] for name in names], int)
        self.doors = Doors(len(names))
        self._number = {name: k for k, name in enumerate(names)}
        self._door_of_goal = np.full(len(ground.goals) + 1, -1)
        self._door_of_goal[self.goals] = np.arange(len(names))
        n = len(cast)
        self.offered, self.known = np.zeros((n, len(names)), bool), np.zeros((n, len(names)), bool)
        self.social = np.zeros(n)
        self.gave_up = np.zeros(n, int)
        self._shunned_until = np.full((n, len(names)), -np.inf)
        u = np.zeros(n)
        for k, offer in enumerate(offers):
            who = np.flatnonzero(cast.group == k)
            if offer is None:
                continue
            self.social[who] = offer.social
            u[who] = stream(seed, f"lab/{k}/taste").random(len(who))
            for name in offer.choose:
                knows = stream(seed, f"lab/{k}/familiar/{name}").random(len(who)) < offer.familiar.get(name, 1.0)
                self.offered[who, self._number[name]] = True
                self.known[who, self._number[name]] = knows
        self.taste = tastes(u, len(names))
        self._next = 0.0

    def __bool__(self) -> bool:
        return len(self.goals) > 0

    def passed(self, goals: np.ndarray) -> None:
        """People have reached these goals."""
        doors = self._door_of_goal[goals]
        self.doors.passed(doors[doors >= 0])

    def first(self, crowd: Crowd, persons: np.ndarray, xy: np.ndarray) -> np.ndarray:
        """Goals (n,) that newcomers at (n, 2) set off for, -1 for those who have no choice.

        They see where those go who are there, and those newcomers who have no choice.
        """
        goals = np.full(len(persons), -1)
        choosing = self.offered[persons].any(axis=1)
        if choosing.any():
            there = crowd.table()
            others = np.concatenate([there.xy, xy[~choosing]])
            bound = self._door_of_goal[np.concatenate([there.goal, self.cast.route[persons[~choosing], 0]])]
            who, at = persons[choosing], xy[choosing]
            self._read_signs(who, at)
            away, theirs = self._away(at, self.cast.step_free[who]), self._away(others, np.zeros(len(others), bool))
            chosen = self._chosen(who, at, np.full(len(who), -1), away, others, bound, theirs, crowd.time)
            goals[choosing] = np.where(chosen >= 0, self.goals[chosen], self.cast.route[who, 0])
        return self._with_company(persons, goals)

    def look(self, crowd: Crowd, who: np.ndarray) -> None:
        """Let people choose again, if it is time; ``who`` gives the person by id."""
        if not self or crowd.time < self._next - 1e-9 or not crowd.n:
            return
        self._next = crowd.time + PERIOD
        there = crowd.table()
        bound, away = self._door_of_goal[there.goal], self._away(there.xy, self.cast.step_free[who[there.ids]])
        self.doors.learn(PERIOD, bound, away, there.speed < 0.5 * there.free_speed)
        persons = who[there.ids]
        rows = np.flatnonzero(self.offered[persons].any(axis=1))
        if not len(rows):
            return
        self._read_signs(persons[rows], there.xy[rows])
        before = bound[rows]
        stuck = np.isin(there.ids[rows], crowd.stuck(GIVES_UP_AFTER)) & (before >= 0)
        self._shun(persons[rows[stuck]], before[stuck], crowd.time)
        chosen = self._chosen(persons[rows], there.xy[rows], before, away[rows], there.xy, bound, away, crowd.time)
        chosen = self._as_led(persons[rows], np.where(chosen < 0, before, chosen))
        new = chosen != before
        self.gave_up[persons[rows[new & stuck]]] += 1
        if new.any():
            goals = self.goals[chosen[new]]
            self.cast.route[persons[rows[new]], 0] = goals
            crowd.send(there.ids[rows[new]], goals)

    def _away(self, xy: np.ndarray, step_free: np.ndarray) -> np.ndarray:
        """Distances of points to the exits (n, m) [m], without steps for those who can take none (n,)."""
        away = np.column_stack([self.ground.distance(int(goal), xy) for goal in self.goals])
        if step_free.any():
            level = [self.ground.level(int(goal)) for goal in self.goals]
            away[step_free] = np.column_stack([self.ground.distance(goal, xy[step_free]) for goal in level])
        return away

    def _chosen(self, persons: np.ndarray, xy: np.ndarray, before: np.ndarray, away: np.ndarray, others: np.ndarray,
                bound: np.ndarray, their_away: np.ndarray, now: float) -> np.ndarray:
        """Exits (n,) that persons at (n, 2) take, -1 for none, given where ``others (k, 2)`` are and go."""
        times = self.doors.times(away, self.cast.speed[persons], queues(bound, their_away))
        times = np.where(self.offered[persons], times, np.inf)
        shunned = self._shunned_until[persons] > now
        free = np.isfinite(times) & ~shunned
        times = np.where(shunned & free.any(axis=1, keepdims=True), np.inf, times)
        share = np.zeros(times.shape)
        follows = self.social[persons] > 0
        if follows.any():
            share[follows] = following(self.ground, xy[follows], others, bound, len(self.doors))
        return choose(times, self.known[persons], self.taste[persons], share, self.social[persons], before)

    def _read_signs(self, persons: np.ndarray, xy: np.ndarray) -> None:
        for sign in self.signs:
            if sign.to not in self._number:
                continue
            door, at = self._number[sign.to], np.array(sign.at)
            near = np.flatnonzero(~self.known[persons, door] & (np.hypot(*(xy - at).T) <= sign.within_m))
            seen = near[in_sight(self.ground, xy[near], np.tile(at, (len(near), 1)))]
            self.known[persons[seen], door] = True

    def _shun(self, persons: np.ndarray, doors: np.ndarray, now: float) -> None:
        """Those who are stuck give up their exit for a while, and so does their company."""
        for person, door in zip(persons, doors, strict=True):
            company = self.cast.company[person]
            mates = np.flatnonzero(self.cast.company == company) if company >= 0 else person
            self._shunned_until[mates, door] = now + SHUNS_FOR

    def _as_led(self, persons: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """What companies do: everybody takes the exit of the first of the company, or of the first who can take no steps."""
        company = self.cast.company[persons]
        together = np.flatnonzero(company >= 0)
        if not len(together):
            return chosen
        order = together[np.lexsort((persons[together], ~self.cast.step_free[persons[together]], company[together]))]
        _, first, of = np.unique(company[order], return_index=True, return_inverse=True)
        led = chosen.copy()
        led[order] = np.where(self.offered[persons[order], chosen[order[first]][of]], chosen[order[first]][of], chosen[order])
        return led

    def _with_company(self, persons: np.ndarray, goals: np.ndarray) -> np.ndarray:
        """Newcomers take the exit of who leads their company (see :meth:`_as_led`), there already or coming now."""
        company = self.cast.company[persons]
        for row in np.flatnonzero((company >= 0) & (goals >= 0)):
            mates = np.flatnonzero(self.cast.company == company[row])
            lead = int(mates[np.argmax(self.cast.step_free[mates])])
            come_now = np.flatnonzero(persons == lead)
            theirs = goals[come_now[0]] if len(come_now) else self.cast.route[lead, 0]
            goals[row] = theirs if theirs in self.goals[self.offered[persons[row]]] else goals[row]
        return goals
