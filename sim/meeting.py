"""How the groups of visitors keep together: on the way, and behind a checkpoint, where they wait for their last member."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.crowd import Crowd, Ground
from sim.crowd.behaviour.company import Companies
from sim.crowd.ground.sight import in_sight
from sim.site import CheckpointPlace
from sim.visitors import Visitors

if TYPE_CHECKING:
    from sim.event import Rehearsal

WALKING_IN, QUEUEING, SERVED = range(3)

PATIENCE = 120.0
"""Nobody waits behind a checkpoint for longer than this [s]."""
AHEAD, ASIDE, SPACING = (3.0, 9.0), 6.0, 0.8
"""Meeting places lie so far behind the places of service, up to so far beside the row of lanes, so far apart [m]."""


class Meeting:
    """The meeting places behind one checkpoint, and the visitors who wait there."""

    def __init__(self, ground: Ground, place: CheckpointPlace) -> None:
        self.spots = _spots(ground, place)
        self.since: dict[int, float] = {}
        """Who waits, and since when [s]."""

    def wait(self, crowd: Crowd, crowd_id: np.ndarray, visitor: int, mates: np.ndarray) -> bool:
        """Send a visitor to a free place beside the mates (k,) who wait already; whether there is one."""
        if not len(self.spots):
            return False
        there = np.flatnonzero(crowd.fits(self.spots, 0.25))
        if not len(there):
            return False
        waiting = [m for m in mates.tolist() if m in self.since]
        if waiting:
            at = crowd.at(crowd_id[waiting[:1]])[0]
            there = there[np.argsort(np.hypot(*(self.spots[there] - at).T), kind="stable")]
        crowd.stand_at(crowd_id[[visitor]], self.spots[there[:1]])
        self.since[visitor] = crowd.time
        return True

    def over(self, now: float, still_coming: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Visitors who go on now: those whose group is complete, and those whose patience is at an end.

        ``still_coming (n,) bool`` marks the visitors who are before the checkpoint yet; ``group (n,)`` their groups.
        """
        waiting = np.array(list(self.since), int)
        if not len(waiting):
            return waiting, waiting
        missing = np.isin(group[waiting], group[still_coming])
        late = np.array([now - self.since[v] for v in waiting.tolist()]) >= PATIENCE
        return waiting[~missing], waiting[missing & late]


class Together:
    """The groups of a rehearsal. Visitors are numbered as in the model."""

    def __init__(self, model: Rehearsal, visitors: Visitors) -> None:
        self.model, self.visitors = model, visitors
        self.group = _in_groups(visitors)
        self.companies = Companies(self.group, visitors.speed, visitors.brisk)
        self.waited, self.waited_in_vain = np.zeros(len(visitors), bool), np.zeros(len(visitors), bool)
        self.waited_s = np.zeros(len(visitors))
        self._meetings: list[Meeting] = []

    def second(self) -> None:
        """Groups look at each other; who waits behind a checkpoint goes on if it is time."""
        if not self.companies.count:
            return
        model = self.model
        on = np.zeros(len(self.group))
        if model.checkpoints:
            before = (model.state == WALKING_IN) & ~model.passed & (model.checkpoint >= 0)
            on[before] = model.way_on(np.flatnonzero(before))
        self.companies.onward = (np.where(np.isfinite(on), on, 0.0) + model.ways.onward).astype(np.float32)
        self.companies.keep_together(model.crowd, model.visitor_of)
        coming = (model.state <= SERVED) & ~model.passed
        for meeting in self._meetings:
            done, late = meeting.over(model.time, coming, self.group)
            self.waited_in_vain[late] = True
            on_again = np.sort(np.concatenate([done, late]))
            if len(on_again):
                self.forget(on_again)
                model.send(on_again)

    def through(self, visitor: int, checkpoint: int) -> None:
        """Somebody has passed a checkpoint, and waits behind it if some of the group are before it yet."""
        group, model = self.group[visitor], self.model
        if group < 0 or model.state[visitor] != WALKING_IN:
            return
        mates = np.flatnonzero(self.group == group)
        missing = (model.state[mates] <= SERVED) & ~model.passed[mates]
        if not missing.any():
            return
        while len(self._meetings) < len(model.checkpoints):
            self._meetings.append(Meeting(model.site.ground, model.checkpoints[len(self._meetings)].place))
        self.waited[visitor] |= self._meetings[checkpoint].wait(model.crowd, model.crowd_id, visitor, mates)

    def meets(self) -> np.ndarray:
        """Visitors who wait behind a checkpoint, in no order."""
        return np.array([visitor for meeting in self._meetings for visitor in meeting.since], int)

    def forget(self, who: np.ndarray) -> None:
        """These visitors do something else from now on, or go on."""
        self.companies.forget(who)
        for meeting in self._meetings:
            for visitor in meeting.since.keys() & set(who.tolist()):
                self.waited_s[visitor] += self.model.time - meeting.since.pop(visitor)

    def led(self, who: np.ndarray, chosen: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Checkpoints (n,) that visitors take: what the first of their group chose, now or ``before (all,)``."""
        out = chosen.copy()
        for row in np.flatnonzero((self.group[who] >= 0) & (chosen >= 0)):
            mates = np.flatnonzero(self.group == self.group[who[row]])
            decided = mates[(before[mates] >= 0) & ~np.isin(mates, who)]
            here = np.flatnonzero(who == mates[0])
            if len(decided):
                out[row] = before[decided[0]]
            elif len(here) and chosen[here[0]] >= 0:
                out[row] = chosen[here[0]]
        return out

    def measures(self) -> dict[str, float]:
        """How well groups keep together; empty where everybody comes alone."""
        if not self.companies.count:
            return {}
        waits = (self.companies.waits > 0) | self.waited
        time = self.companies.waited_s + self.waited_s
        return {
            "group_spread": self.companies.spread_mean,
            "group_waits": float(waits.sum()),
            "group_wait_mean": float(time[waits].mean()) if waits.any() else 0.0,
            "group_left_behind": float(((self.companies.left_behind > 0) | self.waited_in_vain).sum()),
        }


def _in_groups(visitors: Visitors) -> np.ndarray:
    """The group of each visitor who is not alone, -1 for the others: (n,) int64."""
    if not len(visitors):
        return np.empty(0, np.int64)
    sizes = np.bincount(visitors.group)
    return np.where(sizes[visitors.group] > 1, visitors.group, -1).astype(np.int64)


def _spots(ground: Ground, place: CheckpointPlace) -> np.ndarray:
    """Places (k, 2) behind the lanes, those out of the way of the lanes first."""
    along = place.lanes.along
    left = np.array([-along[1], along[0]])
    middle = place.lanes.service.mean(axis=0)
    half = place.lanes.spec.lanes * place.lanes.spec.lane_width / 2
    ahead = np.arange(*AHEAD, SPACING)
    across = np.arange(-half - ASIDE, half + ASIDE + 0.1, SPACING)
    a, c = (axis.ravel() for axis in np.meshgrid(ahead, across, indexing="ij"))
    spots = middle + a[:, None] * along + c[:, None] * left
    free = ground.inside(spots, 0.4)
    free[free] = in_sight(ground, np.tile(middle + 2.0 * along, (int(free.sum()), 1)), spots[free])
    in_flow = np.abs(c) < half + 0.8
    order = np.argsort(in_flow * 100.0 + np.abs(np.abs(c) - half - 1.5) + 0.3 * a, kind="stable")
    return np.asarray(spots[order[free[order] & ~in_flow[order]]])
