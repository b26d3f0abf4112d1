"""The major-event rehearsal: a Mesa model that owns a column crowd, checkpoints, staff and incidents."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

import numpy as np
import shapely
from scipy.stats import norm

from sim.checkpoint import Checkpoint
from sim.clock import Model
from sim.crowd import Crowd
from sim.draw import stream
from sim.layout import chosen
from sim.meeting import Together
from sim.present import stands
from sim.record import Recorder
from sim.run import Frame
from sim.scenario import Incident, Scenario
from sim.site import Change, Site, prepare
from sim.staff import Call, Unit
from sim.visitors import visitors
from sim.ways import Ways
from twin.places import District

TICK = 0.2  # s between two looks at queues and newcomers
GIVES_UP_AFTER = 20.0  # s without getting anywhere after which somebody makes do with what is at hand
TASTE = 0.15  # spread of how people judge the time a checkpoint costs them (log scale)

WALKING_IN, QUEUEING, SERVED, AT_VENUE, LEAVING, STUCK = range(6)
EXPECTED, OUTSIDE, GONE = 10, 11, 12


class Rehearsal(Model):
    """One scenario with one layout and one seed.

    Incidents in ``on_call`` begin when :meth:`happen` says so; without ``dispatches`` only who is sent goes to a call.
    Nobody comes in by the entries in ``held``; ``directed`` is the checkpoint that each demand was told, -1 for none.
    Visitors are numbered in the order of their arrival; ``state``, ``crowd_id`` and the times have one entry each.
    """

    def __init__(self, district: District, scenario: Scenario, layout: str, seed: int, *, threads: int = 1,
                 on_frame: Callable[[Frame], None] | None = None, on_call: Collection[str] = (),
                 dispatches: bool = True) -> None:
        super().__init__(rng=seed)
        self.plan, self.seed = scenario, seed  # Mesa keeps the name `scenario` for itself
        self.layout = chosen(scenario, layout)
        self.site: Site = prepare(district, scenario, layout)
        self.site_origin = district.origin
        self.visitors = visitors(scenario, seed)
        n = len(self.visitors)
        self.crowd = Crowd(self.site.ground, seed=seed, threads=threads)
        self.state = np.full(n, EXPECTED, np.uint8)
        self.crowd_id = np.full(n, -1, np.int64)
        self.visitor_of = np.full(n, -1, np.int64)
        self.checkpoint = np.full(n, -1, np.int16)
        self.passed = ~self.visitors.checked | (not self.site.checkpoints)
        self.cut_off = np.zeros(n, bool)
        self.cut_off_ever = np.zeros(n, bool)
        self.times = {key: np.full(n, np.nan) for key in ("entered", "joined", "service", "reached", "turned", "left")}
        self.together = Together(self, self.visitors)
        self.ways = Ways(self)
        self._spot = self._spots()
        self._next = 0
        self._outside: list[deque[int]] = [deque() for _ in self.site.entries]
        self._door_rng = stream(seed, "doors")
        self.checkpoints = [Checkpoint(self, place) for place in self.site.checkpoints]
        self.units = [Unit(self, post, at, k) for post, at in zip(self.layout.posts, self.site.posts, strict=True)
                      for k in range(post.staff)]
        self.calls: list[Call] = []
        self.dispatches = dispatches
        self.held: set[str] = set()
        self.directed = np.full(len(scenario.demand), -1)
        self._goals: dict[str, int] = {}
        self._changes = deque(self.site.changes)
        self._incidents = deque(sorted((i for i in scenario.incidents if i.id not in on_call), key=lambda i: i.at_s))
        self.record = Recorder(self, on_frame)
        self._measure_ways()
        for change in self.site.changes:
            self.schedule_event(self._change, at=change.time_s)
        for incident in self._incidents:
            self.schedule_event(self._incident, at=incident.at_s)
        self._place_present(stands(district, scenario, self.site.walkable, self.visitors.demand, seed))
        self._ticks = 0
        self.schedule_event(self._tick, at=TICK)

    # -- time ---------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.crowd.step(round(TICK / self.crowd.dt))
        self.ways.through_gates()
        for checkpoint in self.checkpoints:
            checkpoint.serve()
        self._ticks += 1
        self.schedule_event(self._tick, at=round((self._ticks + 1) * TICK, 6))  # a sum of ticks would drift
        self._let_in()
        if self._ticks % round(1 / TICK) == 0:
            self._second()

    def _second(self) -> None:
        self._turn_round()
        self._arrive()
        self._join_queues()
        self._give_up()
        self.ways.second()
        self.together.second()
        for unit in self.units:
            unit.walk(1.0)
        for call in self.calls:
            if not call.complete:
                call.seek()
        self.record.second()

    # -- visitors come --------------------------------------------------------------------------------------------

    def _place_present(self, at: np.ndarray) -> None:
        """Put those on the ground who are there from the start; who stands in the own venue stays there."""
        who = np.flatnonzero(np.isfinite(at[:, 0]))
        if not len(who):
            return
        self._enter(who, at[who])
        venues = self.visitors.venue[who]
        inside = np.zeros(len(who), bool)
        for k, venue in enumerate(self.site.venues):
            here = venues == k
            inside[here] = shapely.contains_xy(venue.area.buffer(0.5), at[who[here], 0], at[who[here], 1])
        there = who[inside]
        self.passed[there] = True
        self.state[there] = AT_VENUE
        self.times["reached"][there] = 0.0
        self._spot[there] = at[there]
        self.crowd.stand_at(self.crowd_id[there], at[there])

    def _let_in(self) -> None:
        """Whoever is due enters where there is room; the others wait outside, first come first in."""
        due = int(np.searchsorted(self.visitors.arrive, self.time, side="right"))
        for visitor in range(self._next, due):
            if self.state[visitor] != EXPECTED:  # present from the start
                continue
            self.state[visitor] = OUTSIDE
            self._outside[self.visitors.entry[visitor]].append(visitor)
        self._next = due
        for place, waiting in zip(self.site.entries, self._outside, strict=True):
            if waiting and place.name not in self.held:
                spots = self._door_rng.permutation(place.spots)
                free = spots[self.crowd.fits(spots)][: len(waiting)]
                self._enter(np.array([waiting.popleft() for _ in range(len(free))], int), free)

    def _enter(self, who: np.ndarray, spots: np.ndarray) -> None:
        if not len(who):
            return
        self.times["entered"][who] = self.time
        self.state[who] = WALKING_IN
        self.checkpoint[who] = self._choose_checkpoint(who)
        goals = self.goal_of(who)
        ids = self.crowd.add(spots, goals, speed=self.visitors.speed[who], radius=self.visitors.radius[who],
                             step_free=self.visitors.step_free[who])
        self.crowd_id[who] = ids
        self.visitor_of[ids] = who

    def _choose_checkpoint(self, who: np.ndarray) -> np.ndarray:
        """The checkpoint that costs each the least time, walking and waiting, as each judges it; -1 for none."""
        if not self.checkpoints:
            return np.full(len(who), -1)
        entry, venue = self.visitors.entry[who], self.visitors.venue[who]
        walk = self._way_in[entry] + self._way_on[venue]
        wait = np.array([c.expected_wait if c.open else np.inf for c in self.checkpoints])
        judged = np.column_stack([(self.visitors.taste[who] + k * 0.618) % 1.0 for k in range(len(self.checkpoints))])
        cost = (walk / self.visitors.speed[who, None] + wait) * np.exp(TASTE * norm.ppf(np.clip(judged, 1e-6, 1 - 1e-6)))
        best = np.argmin(cost, axis=1)
        walkable = np.argmin(np.where(np.isfinite(walk), walk, np.inf), axis=1)
        best = np.where(np.isfinite(cost[np.arange(len(who)), best]), best, walkable)
        told = self.directed[self.visitors.demand[who]]
        best = np.where(told >= 0, told, best)
        return np.where(self.passed[who], -1, self.together.led(who, best, np.where(self.passed, -1, self.checkpoint)))

    def way_on(self, who: np.ndarray) -> np.ndarray:
        """Walking distances (n,) from the checkpoint of each visitor on to the venue [m]."""
        return self._way_on[self.visitors.venue[who], self.checkpoint[who]]

    def goal_of(self, who: np.ndarray) -> np.ndarray:
        """Number of the goal that each is bound for."""
        venues = np.array([v.goal for v in self.site.venues])[self.visitors.venue[who]]
        exits = np.array([e.goal for e in self.site.entries])[self.visitors.leave_by[who]]
        if self.checkpoints:
            checks = np.array([c.place.goal for c in self.checkpoints])[self.checkpoint[who]]
            venues = np.where((self.checkpoint[who] >= 0) & ~self.passed[who], checks, venues)
        return np.where(self.state[who] == LEAVING, exits, venues).astype(np.int32)

    # -- checkpoints ----------------------------------------------------------------------------------------------

    def _join_queues(self) -> None:
        """Who comes near the queues of the chosen checkpoint joins one; who walks into the lanes of another, there."""
        for k, checkpoint in enumerate(self.checkpoints):
            coming = np.flatnonzero((self.state == WALKING_IN) & ~self.passed)
            if not len(coming) or not checkpoint.open:
                continue
            ids = self.crowd_id[coming]
            at = self.crowd.at(ids)
            bound = self.checkpoint[coming] == k
            here = bound & (checkpoint.near(at) | np.isin(ids, self._arrived_ids))
            here |= checkpoint.place.lanes.lane_of(at, before=0.5) >= 0
            if here.any():
                order = np.argsort(np.hypot(*(at[here] - checkpoint.place.lanes.service.mean(0)).T), kind="stable")
                self._queue_up(coming[here][order], k)

    def _queue_up(self, who: np.ndarray, k: int) -> None:
        self.checkpoint[who] = k
        self.state[who] = QUEUEING
        self.times["joined"][who] = self.time
        self.together.forget(who)
        self.ways.forget(who)
        self.checkpoints[k].join(who)

    def _give_up(self) -> None:
        """Who gets nowhere makes do: with the queue at hand, if caught in that of another checkpoint; at the venue with
        the place where they are."""
        ids = self.crowd.stuck(GIVES_UP_AFTER)
        who = self.visitor_of[ids]
        there = ids[self.state[who] == AT_VENUE]
        if len(there):
            self.crowd.stand_at(there, self.crowd.at(there))
        who = who[(self.state[who] == WALKING_IN) & ~self.passed[who]]
        at = self.crowd.at(self.crowd_id[who])
        for k, checkpoint in enumerate(self.checkpoints):
            caught = who[checkpoint.near(at)] if len(who) else who
            if checkpoint.open and len(caught):
                self._queue_up(caught, k)

    def stuck(self) -> np.ndarray:
        """Ids of people who have been on their way without getting anywhere for a minute."""
        ids = self.crowd.stuck(60.0)
        return ids[np.isin(self.state[self.visitor_of[ids]], (WALKING_IN, LEAVING))]

    def begin_service(self, visitor: int) -> None:
        """A visitor is being searched."""
        self.state[visitor] = SERVED
        self.times["service"][visitor] = self.time
        self.crowd.hold(self.crowd_id[[visitor]], True)

    def end_service(self, visitor: int) -> None:
        """A visitor has been searched and goes on to the venue."""
        who = np.array([visitor])
        ids = self.crowd_id[who]
        self.passed[visitor] = True
        self.state[visitor] = LEAVING if self.time >= self.visitors.leave[visitor] else WALKING_IN
        if self.state[visitor] == LEAVING:
            self.times["turned"][visitor] = self.time
        self.crowd.hold(ids, False)
        self.crowd.release(ids)
        self.ways.forget(who)
        self.crowd.send(ids, self.goal_of(who))
        self.together.through(visitor, int(self.checkpoint[visitor]))

    # -- venue and way out ----------------------------------------------------------------------------------------

    def _spots(self) -> np.ndarray:
        """Where each visitor will stand at the venue (n, 2): the far side from the entries fills first."""
        out = np.zeros((len(self.visitors), 2))
        for k, venue in enumerate(self.site.venues):
            who = np.flatnonzero(self.visitors.venue == k)
            if not len(who):
                continue
            sources = np.unique(self.visitors.entry[who])
            away = np.min([self.site.ground.distance(self.site.entries[e].goal, venue.spots) for e in sources], axis=0)
            away = np.where(np.isfinite(away), away, -1.0)
            liking = away + 0.15 * np.ptp(away) * stream(self.seed, f"spots/{venue.name}").random(len(away))
            out[who] = venue.spots[np.argsort(-liking, kind="stable")][np.arange(len(who)) % len(venue.spots)]
        return out

    def _arrive(self) -> None:
        """People who have come to their goal: they take their place at the venue, or are out."""
        self._arrived_ids = self.crowd.arrived()
        if not len(self._arrived_ids):
            return
        who = self.visitor_of[self._arrived_ids]
        there = who[(self.state[who] == WALKING_IN) & self.passed[who]]
        if len(there):
            self.state[there] = AT_VENUE
            self.times["reached"][there] = self.time
            self.together.forget(there)
            self.crowd.stand_at(self.crowd_id[there], self._spot[there])
        out = who[self.state[who] == LEAVING]
        if len(out):
            self.state[out] = GONE
            self.together.forget(out)
            self.ways.exits.passed(self.visitors.leave_by[out])
            self.times["left"][out] = self.time
            self.crowd.remove(self.crowd_id[out])

    _arrived_ids: np.ndarray = np.empty(0, np.int64)

    def _turn_round(self) -> None:
        """Whoever wants to leave by now sets off for the way out; who is in a lane first gets through."""
        due = (self.visitors.leave <= self.time) & np.isin(self.state, (WALKING_IN, QUEUEING, AT_VENUE))
        who = np.flatnonzero(due)
        for checkpoint in self.checkpoints if len(who) else []:
            who = who[checkpoint.place.lanes.lane_of(self.crowd.at(self.crowd_id[who])) < 0]
        if len(who):
            for k, checkpoint in enumerate(self.checkpoints):
                checkpoint.quit(who[(self.state[who] == QUEUEING) & (self.checkpoint[who] == k)])
            self.state[who] = LEAVING
            self.times["turned"][who] = self.time
            self.ways.choose_exits(who, set_off=False)
            self.send(who)
            self.ways.check(who)

    def send(self, who: np.ndarray) -> None:
        """Send visitors straight to where they want to get now."""
        ids = self.crowd_id[who]
        self.together.forget(who)
        self.ways.forget(who)
        self.crowd.release(ids)
        self.crowd.send(ids, self.goal_of(who))

    # -- the ground changes ---------------------------------------------------------------------------------------

    def _change(self) -> None:
        while self._changes and self._changes[0].time_s <= self.time:
            change: Change = self._changes.popleft()
            self.alter(change.name, change.shut)

    def alter(self, name: str, shut: bool) -> None:
        """Shut or clear something of the layout by its full name, such as ``gate:north``; people find other ways."""
        (self.site.shut if shut else self.site.clear)(name)
        self.record.event("shut" if shut else "cleared", name, 0.0, "", self._centre(name))
        self._measure_ways()
        self.ways.changed()
        moving = np.flatnonzero(np.isin(self.state, (WALKING_IN, LEAVING)))
        if len(moving):
            self.ways.check(moving)

    def _centre(self, name: str) -> np.ndarray:
        point = self.site.closable[name][1].representative_point()
        return np.array([point.x, point.y])

    def _incident(self) -> None:
        while self._incidents and self._incidents[0].at_s <= self.time:
            self._begin(self._incidents.popleft())

    def happen(self, incident_id: str) -> None:
        """Let an incident that is on call begin now."""
        incident = next(i for i in self.plan.incidents if i.id == incident_id)
        self._begin(incident.model_copy(update={"at_s": self.time}))

    def _begin(self, incident: Incident) -> None:
        at = self.site.incidents.get(incident.id)
        if not self._applies(incident):
            self.record.event("not in this layout", incident.id, 0.0, incident.title, at)
        elif incident.kind == "help":
            assert at is not None
            self.record.event("incident", incident.id, 0.0, incident.title, at)
            call = Call(self, incident, at)
            self.calls.append(call)
            call.seek()
        elif incident.kind in ("close_gate", "open_gate"):
            self.record.event("incident", incident.id, 0.0, incident.title, at)
            self.alter(f"gate:{incident.object}", incident.kind == "close_gate")
        else:
            checkpoint = next(c for c in self.checkpoints if c.spec.id == incident.object)
            self.record.event("incident", incident.id, incident.count, incident.title,
                              checkpoint.place.lanes.service.mean(0))
            (checkpoint.lanes_down if incident.kind == "lanes_down" else checkpoint.lanes_up)(incident.count)

    def _applies(self, incident: Incident) -> bool:
        """Whether this layout has the gate or checkpoint that an incident changes."""
        if incident.kind.endswith("gate"):
            return f"gate:{incident.object}" in self.site.closable
        return incident.kind == "help" or incident.object in {c.spec.id for c in self.checkpoints}

    def _measure_ways(self) -> None:
        """Walking distances from every entry to every checkpoint and on to every venue, as the ground is now."""
        ground, k = self.site.ground, len(self.site.checkpoints)
        self._way_in = np.full((len(self.site.entries), k), np.inf)
        self._way_on = np.full((len(self.site.venues), k), np.inf)
        for c, place in enumerate(self.site.checkpoints):
            for e, entry in enumerate(self.site.entries):
                self._way_in[e, c] = ground.distance(place.goal, entry.spots).min()
            for v, venue in enumerate(self.site.venues):
                self._way_on[v, c] = ground.distance(venue.goal, place.lanes.service).min()

    # -- for staff ------------------------------------------------------------------------------------------------

    def density_around(self, at: np.ndarray, radius: float) -> float:
        """People per m2 within a radius of a point."""
        xy = self.record.positions
        return float((np.hypot(*(xy - at).T) < radius).sum() / (np.pi * radius**2)) if len(xy) else 0.0

    def post_goal(self, post: str, at: np.ndarray) -> int:
        """Goal of a post, registered when it is first needed."""
        if post not in self._goals:
            self._goals[post] = self.site.ground.goal(f"post:{post}", shapely.Point(at))
        return self._goals[post]

    def rehearse(self, on_progress: Callable[[float], None] | None = None) -> None:
        """Run to the end of the scenario; ``on_progress`` is told the time [s] every ten seconds of it."""
        end = self.plan.duration_s
        while self.time < end - 1e-9:
            self.run_until(min(round(self.time / 10 + 1) * 10.0, end))
            if on_progress is not None:
                on_progress(self.time)
