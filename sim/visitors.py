"""The visitors of a rehearsal: who comes when, from where, to where, and how they walk.

They depend on the scenario's demand and the seed alone, never on the layout, so that replications of two layouts
with one seed are pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.draw import moments, quantile, stream
from sim.scenario import Demand, Scenario

SLOWEST, FASTEST = 0.3, 2.2  # m/s, limits of free walking speeds (Weidmann 1993 gives 0.5-2.2 for the able-bodied)


@dataclass(frozen=True)
class Visitors:
    """Everybody who wants to come, ordered by arrival; every array has one entry a person.

    ``entry``, ``venue`` and ``leave_by`` index the scenario's entries and venues in the order of the file.
    ``arrive`` and ``leave`` [s]; ``leave`` is inf for who stays. ``service``, ``taste`` are personal quantiles. A
    group walks at ``speed``, that of its slowest member; ``brisk`` is what each walks alone [m/s]. ``knows (n, entries)
    bool`` are the entries that each may leave by and knows.
    """

    demand: np.ndarray
    entry: np.ndarray
    venue: np.ndarray
    leave_by: np.ndarray
    arrive: np.ndarray
    leave: np.ndarray
    speed: np.ndarray
    brisk: np.ndarray
    radius: np.ndarray
    group: np.ndarray
    checked: np.ndarray
    step_free: np.ndarray
    service: np.ndarray
    taste: np.ndarray
    knows: np.ndarray

    def __len__(self) -> int:
        return len(self.arrive)


def visitors(scenario: Scenario, seed: int) -> Visitors:
    """Draw the visitors of one replication."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in Visitors.__dataclass_fields__}
    groups = 0
    for number, (name, demand) in enumerate(scenario.demand.items()):
        one = _stream_of(scenario, name, demand, seed, number)
        one["group"] = one["group"] + groups
        groups = int(one["group"].max(initial=groups - 1)) + 1
        for key, values in one.items():
            columns[key].append(values)
    joined = {key: np.concatenate(parts) if parts else np.empty(0) for key, parts in columns.items()}
    order = np.lexsort((joined["group"], joined["arrive"]))
    return Visitors(**{key: values[order] for key, values in joined.items()})


def _stream_of(scenario: Scenario, name: str, demand: Demand, seed: int, number: int) -> dict[str, np.ndarray]:
    n = demand.people
    draw = {purpose: stream(seed, f"visitors/{name}/{purpose}").random(n)
            for purpose in ("arrive", "leave", "kind", "speed", "service", "taste")}
    group = _groups(demand, n, stream(seed, f"visitors/{name}/groups"))
    first = np.unique(group, return_index=True)[1]
    leader = first[group] if n else np.empty(0, int)
    walkers = list(demand.walkers.values())
    shares = np.cumsum([w.share for w in walkers])
    kind = np.searchsorted(shares / shares[-1], draw["kind"])
    own = np.select([kind == k for k in range(len(walkers))],
                    [quantile(w.speed, draw["speed"]) for w in walkers]) if n else np.empty(0)
    slowest = np.full(int(group.max(initial=-1)) + 1, np.inf)
    np.minimum.at(slowest, group, np.clip(own, SLOWEST, FASTEST))
    arrive = moments(demand.arrive, draw["arrive"], scenario.duration_s)[leader]
    leave = (moments(demand.leave, draw["leave"], scenario.duration_s)[leader] if demand.leave
             else np.full(n, np.inf))
    entries, venues = list(scenario.entries), list(scenario.venues)
    return {
        "demand": np.full(n, number), "entry": np.full(n, entries.index(demand.entry)),
        "venue": np.full(n, venues.index(demand.venue)),
        "leave_by": np.full(n, entries.index(demand.entry if demand.entry in demand.exits else demand.exits[0])),
        "arrive": arrive, "leave": np.maximum(leave, arrive), "speed": slowest[group],
        "brisk": np.clip(own, SLOWEST, FASTEST),
        "radius": np.array([w.radius for w in walkers])[kind] if n else np.empty(0), "group": group,
        "checked": np.full(n, demand.checked),
        "step_free": np.array([w.step_free for w in walkers])[kind] if n else np.empty(0, bool),
        "service": draw["service"], "taste": draw["taste"], "knows": _known(scenario, name, demand, seed)[leader]}


def _known(scenario: Scenario, name: str, demand: Demand, seed: int) -> np.ndarray:
    """Which entries each of the people of a demand may leave by and knows (n, entries) bool: one at least."""
    knows = np.zeros((demand.people, len(scenario.entries)), bool)
    for number, entry in enumerate(scenario.entries):
        if entry in demand.exits:
            u = stream(seed, f"visitors/{name}/knows/{entry}").random(demand.people)
            knows[:, number] = (u < demand.familiar) | (entry == demand.entry)
    default = demand.entry if demand.entry in demand.exits else demand.exits[0]
    knows[~knows.any(axis=1), list(scenario.entries).index(default)] = True
    return knows


def _groups(demand: Demand, n: int, random: np.random.Generator) -> np.ndarray:
    """Number of the group of each of n people, groups sized by the demand's shares."""
    sizes = np.array(list(demand.groups))
    share = np.array(list(demand.groups.values()), float)
    drawn = random.choice(sizes, size=n, p=share / share.sum())
    ends = np.cumsum(drawn)
    return np.searchsorted(ends, np.arange(n), side="right")
