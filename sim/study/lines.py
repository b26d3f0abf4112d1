"""The lines before checkpoints, without the crowd around them: who waits where, from when, until when.

The choice of a checkpoint, the time that a search takes and the power cuts are those of a rehearsal (:mod:`sim.event`,
:mod:`sim.checkpoint`); ways are walked at everybody's own pace, as if nobody else were there.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from sim.checkpoint import JOIN_WITHIN
from sim.draw import mean, quantile
from sim.event import TASTE
from sim.scenario import Checkpoint, Incident
from sim.site import SPACING
from sim.visitors import Visitors

STEPS_UP_S = 0.7
"""From the end of one search to the beginning of the next in the same lane, while somebody steps up [s]."""
EVERY_S = 60.0
"""Time between two counts of who waits [s]."""
_COMES, _LINES_UP, _IS_THROUGH, _POWER = range(4)


@dataclass(frozen=True)
class Waited:
    """What came of the lines; times [s], NaN for what did not happen.

    ``at (n,) int`` the checkpoint of each visitor (-1: none), ``joined``, ``begun`` and ``reached (n,)`` when they lined up,
    were searched and were at their venue; ``longest (k,)`` most people of each checkpoint at once, ``counts (t, k)`` how many
    waited there every :data:`EVERY_S` seconds.
    """

    at: np.ndarray
    joined: np.ndarray
    begun: np.ndarray
    reached: np.ndarray
    longest: np.ndarray
    counts: np.ndarray


@dataclass
class _Line:
    """One checkpoint: who waits, first come first served, and when those being searched are through."""

    spec: Checkpoint
    working: int
    search_s: float
    waiting: deque[int] = field(default_factory=deque)
    searched: list[float] = field(default_factory=list)
    longest: int = 0

    def __len__(self) -> int:
        return len(self.waiting) + len(self.searched)

    def expected_wait(self, now: float) -> float:
        """Time that somebody who comes now would wait [s], as in a rehearsal."""
        opened = self.spec.from_s <= now and (self.spec.until_s is None or now < self.spec.until_s)
        return len(self) / self.working * self.search_s if self.working and opened else np.inf


def line_up(people: Visitors, specs: Sequence[Checkpoint], way_in: np.ndarray, way_on: np.ndarray,
            incidents: Sequence[Incident], until_s: float) -> Waited:
    """Let visitors line up at checkpoints until a time.

    ``way_in (entries, k)`` and ``way_on (venues, k)`` are walking distances to the checkpoints and on [m], ``incidents`` those
    that take lanes away or bring them back.
    """
    n, k_all = len(people), range(len(specs))
    lines = [_Line(spec, spec.lanes, mean(spec.service)) for spec in specs]
    names = [spec.id for spec in specs]
    judged = (people.taste[:, None] + 0.618 * np.arange(len(specs))) % 1.0  # as in a rehearsal: nobody judges all alike
    taste = np.exp(TASTE * norm.ppf(np.clip(judged, 1e-6, 1 - 1e-6)))
    # one list a checkpoint, from here on: plain numbers are what the loop below is quickest with
    to_line = (way_in[people.entry] / people.speed[:, None]).T.tolist()
    onward = (way_on[people.venue] / people.speed[:, None]).T.tolist()
    liked = taste.T.tolist()
    search = [np.maximum(quantile(spec.service, people.service), 0.5).tolist() for spec in specs]
    speed, leave, group = people.speed.tolist(), people.leave.tolist(), people.group.tolist()
    at, led = [-1] * n, dict[int, int]()
    joined, begun, reached = ([np.nan] * n for _ in range(3))
    counts: list[list[int]] = []
    events = [(float(people.arrive[who]), _COMES, int(who), 0) for who in np.flatnonzero(people.checked)]
    events += [(i.at_s, _POWER, names.index(str(i.object)), i.count if i.kind == "lanes_up" else -i.count)
               for i in incidents if i.kind in ("lanes_up", "lanes_down") and i.object in names]
    heapq.heapify(events)

    def choose(who: int, now: float) -> int:
        costs = [(to_line[k][who] + onward[k][who] + lines[k].expected_wait(now)) * liked[k][who] for k in k_all]
        return costs.index(min(costs))

    def serve(k: int, now: float) -> None:
        line = lines[k]
        while line.searched and line.searched[0] <= now:
            heapq.heappop(line.searched)
        while len(line.searched) < line.working and line.waiting:
            who = line.waiting.popleft()
            if leave[who] > now:
                over = now + search[k][who]
                begun[who], reached[who] = now, over + onward[k][who]
                heapq.heappush(line.searched, over + STEPS_UP_S)
                heapq.heappush(events, (over + STEPS_UP_S, _IS_THROUGH, k, 0))

    while events:
        now, what, who, lanes = heapq.heappop(events)
        while len(counts) * EVERY_S < min(now, until_s):
            counts.append([len(line.waiting) for line in lines])
        if now >= until_s:
            break
        if what == _COMES:
            if group[who] not in led:
                led[group[who]] = choose(who, now)
            k = at[who] = led[group[who]]
            tail = JOIN_WITHIN + SPACING * len(lines[k].waiting) / specs[k].lanes
            heapq.heappush(events, (now + max(to_line[k][who] - tail / speed[who], 0.0), _LINES_UP, who, 0))
        elif what == _LINES_UP and leave[who] > now:
            k = at[who]
            joined[who] = now
            lines[k].waiting.append(who)
            serve(k, now)
            lines[k].longest = max(lines[k].longest, len(lines[k]))
        elif what == _IS_THROUGH:
            serve(who, now)
        elif what == _POWER:
            lines[who].working = min(max(lines[who].working + lanes, 0), specs[who].lanes)
            serve(who, now)
    return Waited(np.array(at, int), np.array(joined, float), np.array(begun, float), np.array(reached, float),
                  np.array([line.longest for line in lines]), np.array(counts, int).reshape(-1, len(specs)))
