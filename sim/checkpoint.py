"""Checkpoints: rows of search lanes with queues that stand on real ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mesa import Agent

from sim.draw import mean, quantile
from sim.site import CheckpointPlace

if TYPE_CHECKING:
    from sim.event import Rehearsal

AT_SERVICE = 0.7  # m from the place of service that counts as being there
MOUTH = 0.5  # m in front of a lane within which somebody counts as next in it
JOIN_WITHIN = 8.0  # m from the tail of a queue at which somebody joins it


class Lane:
    """One search lane: its queue of visitor numbers in order, and who is being served."""

    def __init__(self, checkpoint: Checkpoint, slots: np.ndarray) -> None:
        self.checkpoint, self.slots = checkpoint, slots
        self.priority = False
        self.queue: list[int] = []
        self.serving: int | None = None
        self.up = True
        self.served = 0
        self.busy_s = 0.0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self.queue) + (self.serving is not None)

    @property
    def tail(self) -> np.ndarray:
        """Where the next in the queue would stand (2,)."""
        return self.slots[min(len(self), len(self.slots) - 1)]

    def move_up(self) -> None:
        """Give everybody in the queue a place on the ground."""
        if not self.queue:
            return
        model = self.checkpoint.model
        first = 1 if self.serving is not None or not self.up else 0
        places = np.minimum(np.arange(len(self.queue)) + first, len(self.slots) - 1)
        model.crowd.stand_at(model.crowd_id[self.queue], self.slots[places])

    def call_next(self) -> None:
        """Begin to serve the first of the queue, once there."""
        if self.serving is not None or not self.queue or not self.up:
            return
        model = self.checkpoint.model
        first = self.queue[0]
        if float(np.hypot(*(model.crowd.at(model.crowd_id[[first]])[0] - self.slots[0]))) > AT_SERVICE:
            return
        self.serving, self._since = self.queue.pop(0), model.time
        model.begin_service(first)
        duration = float(quantile(self.checkpoint.spec.service, model.visitors.service[[first]])[0])
        model.schedule_event(self.finish, after=max(duration, 0.5))
        self.move_up()

    def finish(self) -> None:
        """Let the one being served go on."""
        visitor, self.serving = self.serving, None
        self.served += 1
        model = self.checkpoint.model
        self.busy_s += model.time - self._since
        if visitor is not None:
            model.end_service(visitor)
        self.move_up()


class Checkpoint(Agent):
    """A row of lanes that visitors pass one at a time a lane."""

    model: Rehearsal

    def __init__(self, model: Rehearsal, place: CheckpointPlace) -> None:
        super().__init__(model)
        self.place, self.spec = place, place.lanes.spec
        self.lanes = [Lane(self, slots) for slots in place.queues]
        for lane in self.lanes[: self.spec.priority_lanes]:
            lane.priority = True
        self.mean_service = mean(self.spec.service)
        self.stopped = False

    @property
    def open(self) -> bool:
        """Whether people are let through now."""
        until = self.spec.until_s
        return not self.stopped and self.spec.from_s <= self.model.time and (until is None or self.model.time < until)

    @property
    def waiting(self) -> int:
        """People in its queues, those being served included."""
        return sum(len(lane) for lane in self.lanes)

    @property
    def expected_wait(self) -> float:
        """Time that somebody who comes now would wait [s]."""
        working = sum(lane.up for lane in self.lanes)
        return self.waiting / working * self.mean_service if working else np.inf

    def lane_for(self, visitor: int) -> Lane:
        """The lane that somebody lines up for: the working one with the shortest queue, or the nearest; who cannot take
        steps may use the priority lanes too."""
        allowed = [lane for lane in self.lanes if not lane.priority or self.model.visitors.step_free[visitor]]
        working = [lane for lane in allowed if lane.up] or allowed
        if self.spec.choice == "nearest":
            at = self.model.crowd.at(self.model.crowd_id[[visitor]])[0]
            return min(working, key=lambda lane: float(np.hypot(*(lane.tail - at))))
        return min(working, key=len)

    def near(self, xy: np.ndarray) -> np.ndarray:
        """Which of the points (n, 2) are close enough to a queue's tail, or to the lanes, to join: (n,) bool."""
        anchors = [lane.tail for lane in self.lanes] + [lane.slots[1] for lane in self.lanes]
        away = np.min([np.hypot(*(xy - anchor).T) for anchor in anchors], axis=0)
        return away < JOIN_WITHIN

    def join(self, visitors: np.ndarray) -> None:
        """Put people at the end of the shortest queue, one after the other."""
        changed = set()
        for visitor in visitors:
            lane = self.lane_for(int(visitor))
            lane.queue.append(int(visitor))
            changed.add(lane)
        for lane in self.lanes:
            if lane in changed:
                lane.move_up()

    def quit(self, visitors: np.ndarray) -> None:
        """Take people out of the queues, who have given up."""
        gone = set(visitors.tolist())
        for lane in self.lanes:
            if gone.intersection(lane.queue):
                lane.queue = [v for v in lane.queue if v not in gone]
                lane.move_up()

    def serve(self) -> None:
        """Call the next wherever a lane is free."""
        if self.open and self.waiting:
            self._claim()
            if self.spec.jockeying:
                self._jockey()
            for lane in self.lanes:
                lane.call_next()

    def _claim(self) -> None:
        """Whoever of the queues stands inside a lane or right at its mouth is next there, whichever queue it was: people
        cannot change lanes once they are between the separators, nor back out through the queue."""
        everyone = np.array([v for lane in self.lanes for v in lane.queue], int)
        if not len(everyone):
            return
        at = self.model.crowd.at(self.model.crowd_id[everyone])
        inside = self.place.lanes.lane_of(at, before=MOUTH)
        depth = at @ self.place.lanes.along
        for k, lane in enumerate(self.lanes):
            here = np.flatnonzero(inside == k)
            front = everyone[here[np.argsort(-depth[here], kind="stable")]].tolist()
            if front == lane.queue[: len(front)]:
                continue
            for other in self.lanes:
                if other is not lane and not set(front).isdisjoint(other.queue):
                    other.queue = [v for v in other.queue if v not in front]
                    other.move_up()
            lane.queue = front + [v for v in lane.queue if v not in front]
            lane.move_up()

    def _jockey(self) -> None:
        """The last in the longest queue goes over to the shortest, if that is shorter by two or more."""
        working = [lane for lane in self.lanes if lane.up and not lane.priority]
        if len(working) < 2:
            return
        longest, shortest = max(working, key=len), min(working, key=len)
        if len(longest) - len(shortest) >= 2 and longest.queue:
            shortest.queue.append(longest.queue.pop())
            shortest.move_up()

    def lanes_down(self, count: int) -> None:
        """Take lanes out of service, the last first; their queues go to the others."""
        down = [lane for lane in reversed(self.lanes) if lane.up][:count]
        for lane in down:
            lane.up = False
        for lane in down:
            moved, lane.queue = lane.queue, []
            self.join(np.array(moved, int))

    def lanes_up(self, count: int) -> None:
        """Bring lanes back into service, and even the queues out."""
        for lane in [lane for lane in self.lanes if not lane.up][:count]:
            lane.up = True
        everyone = [v for step in zip(*self._padded(), strict=True) for v in step if v >= 0]
        for lane in self.lanes:
            lane.queue = []
        self.join(np.array(everyone, int))

    def _padded(self) -> list[list[int]]:
        longest = max(len(lane.queue) for lane in self.lanes)
        return [lane.queue + [-1] * (longest - len(lane.queue)) for lane in self.lanes]
