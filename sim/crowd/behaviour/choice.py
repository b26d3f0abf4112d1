"""Choice between exits, gates and other ways that lead out: who expects to be out soonest by which of them.

What counts, for each of the ways that somebody knows:

* the expected time t: walking there and on, or waiting until those who are bound for it and nearer have passed,
  whichever is longer; a door passes as many as it has lately passed while people queued before it;
* how each judges it: t exp(``TASTE`` z), z a standard normal number of each person and way;
* what others do: t exp(-``SOCIAL`` s), s the share of the others in sight who are bound for it. Lovreglio, Fonzone and
  dell'Olio (2016) find that people follow others to an exit and shun the crowd before it; the crowd is in t. The size,
  0.3, is chosen here, not measured: if everybody in sight goes one way, it seems a quarter shorter.

People stay with what they chose unless another way seems shorter by a good part, as in Gwynne et al. (2000).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import norm

from sim.crowd.ground import Ground
from sim.crowd.ground.sight import in_sight

PERIOD = 5.0
"""Time between two looks at the choice [s]."""
TASTE = 0.15
"""Spread of how people judge times (log scale)."""
SOCIAL = 0.3
"""Weight of what others in sight do, when nothing else is said."""
INERTIA = 0.8
"""Another way is taken if it seems to take less than this share of the time of the one chosen before."""
SIGHT = 15.0
"""People look at others within this distance [m] ..."""
LOOKED_AT = 10
"""... and at so many of them, the nearest."""
FLOW = 1.3
"""What a door passes before anything is known of it [1/s]: a door of 1 m in careful design."""
LEAST_FLOW = 0.05
"""No door is thought to pass less [1/s]."""
MEMORY = 20.0
"""Time over which the flow of a door is learned [s]."""
QUEUE = 4
"""So many slow people close before a door make a queue; only then does it pass what it can."""
BEFORE = 6.0
"""Who is nearer than this to a door may stand in its queue [m]."""


class Doors:
    """The ways out that people choose among: what each passes, and who is bound for it.

    ``flow (m,)`` is what each passes when people queue before it [1/s], as learned so far.
    """

    def __init__(self, count: int, flow: float = FLOW) -> None:
        self.flow = np.full(count, float(flow))
        self._passed = np.zeros(count)

    def __len__(self) -> int:
        return len(self.flow)

    def passed(self, door: np.ndarray) -> None:
        """Take down who has come through, by the numbers of the doors (k,)."""
        self._passed += np.bincount(door, minlength=len(self))[: len(self)]

    def learn(self, seconds: float, bound: np.ndarray, away: np.ndarray, slow: np.ndarray) -> None:
        """Learn flows from what has passed since the last time, ``seconds`` ago.

        ``bound (n,)`` the door that each is bound for, negative for none; ``away (n, m)`` distances to the doors [m];
        ``slow (n,) bool`` who walks below half of the free speed.
        """
        known = np.flatnonzero(bound >= 0)
        close = known[slow[known] & (away[known, bound[known]] < BEFORE)]
        queues = np.bincount(bound[close], minlength=len(self)) >= QUEUE
        learned = 1 - np.exp(-seconds / MEMORY)
        self.flow[queues] += learned * (self._passed[queues] / seconds - self.flow[queues])
        self.flow = np.maximum(self.flow, LEAST_FLOW)
        self._passed[:] = 0

    def times(self, away: np.ndarray, speed: np.ndarray, queue: list[np.ndarray], onward: np.ndarray | float = 0.0) -> np.ndarray:
        """Expected times (n, m) [s] of people to get out by each door, inf where there is no way.

        ``away (n, m)`` and ``onward (n, m)`` distances to the doors and on from there [m], ``speed (n,)`` [m/s],
        ``queue`` the distances of those who are bound for each door, see :func:`queues`.
        """
        ahead = np.column_stack([np.searchsorted(queue[door], away[:, door], side="left") for door in range(len(self))])
        return np.asarray(np.maximum(away / speed[:, None], ahead / self.flow) + onward / speed[:, None])


def queues(bound: np.ndarray, away: np.ndarray) -> list[np.ndarray]:
    """How far off those are who are bound for each door, ascending [m].

    ``bound (n,)`` the door that each is bound for, negative for none; ``away (n, m)`` distances to the doors [m].
    """
    return [np.sort(away[bound == door, door]) for door in range(away.shape[1])]


def following(ground: Ground, xy: np.ndarray, others: np.ndarray, bound: np.ndarray, doors: int) -> np.ndarray:
    """Shares (n, m) of the others in sight who are bound for each of the doors, zero for who sees nobody.

    ``xy (n, 2)`` who looks; ``others (k, 2)`` where others are and ``bound (k,)`` the door that each is bound for,
    negative for none. The ten nearest within 15 m are looked at; who stands where somebody looks from is that person.
    """
    share = np.zeros((len(xy), doors))
    if not len(xy) or not len(others):
        return share
    most = min(LOOKED_AT + 1, len(others))
    gap, which = cKDTree(others).query(xy, k=most, distance_upper_bound=SIGHT)
    gap, which = gap.reshape(len(xy), -1), which.reshape(len(xy), -1)
    one, other = np.nonzero(np.isfinite(gap) & (gap > 1e-6))
    them = which[one, other]
    heading = bound[them] >= 0
    one, them = one[heading], them[heading]
    seen = in_sight(ground, xy[one], others[them])
    np.add.at(share, (one[seen], bound[them[seen]]), 1.0)
    return np.asarray(share / np.maximum(share.sum(axis=1, keepdims=True), 1.0))


def tastes(u: np.ndarray, doors: int) -> np.ndarray:
    """Factors (n, m) by which people misjudge times, from a quantile of each person ``u (n,)``.

    The numbers of a person are independent of each other: the bits of the quantile and of the door's number, mixed
    (splitmix64, Steele and others 2014).
    """
    bits = np.ascontiguousarray(u, np.float64).view(np.uint64)[:, None]
    z = bits + (np.arange(doors, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / 2.0**53
    return np.asarray(np.exp(TASTE * norm.ppf(np.clip(uniform, 1e-6, 1 - 1e-6))))


def choose(times: np.ndarray, known: np.ndarray, taste: np.ndarray, share: np.ndarray, social: np.ndarray | float,
           bound: np.ndarray) -> np.ndarray:
    """The door that each takes: (n,) int64, -1 for who has no way by any.

    ``times (n, m)`` expected [s], ``known (n, m) bool``, ``taste (n, m)``, ``share (n, m)`` of others in sight,
    ``bound (n,)`` what was chosen before, negative for nothing. Who knows no way that is open takes an unknown one.
    """
    seems = times * taste * np.exp(-np.reshape(social, (-1, 1)) * share)
    open_ = np.isfinite(seems)
    lost = ~(known & open_).any(axis=1)
    seems = np.where(known | lost[:, None], seems, np.inf)
    rows = np.arange(len(seems))
    best = np.argmin(seems, axis=1)
    before = np.maximum(bound, 0)
    stays = (bound >= 0) & np.isfinite(seems[rows, before]) & (seems[rows, best] > INERTIA * seems[rows, before])
    chosen = np.where(stays, before, best)
    return np.where(np.isfinite(seems[rows, chosen]), chosen, -1).astype(np.int64)
