"""How well tracks agree with the truth: MOTA (Bernardin & Stiefelhagen 2008) and IDF1 (Ristani et al. 2016), on the ground.

Tables have one row a person and frame: columns ``frame``, ``id``, ``x``, ``y`` [m].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

NEAR_M = 1.0
"""A track and a true person are the same place within this distance."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of tracks with the truth: shares, and the counts that they are made of."""

    mota: float
    idf1: float
    misses: int
    false: int
    switches: int
    people: int


def agreement(truth: pd.DataFrame, tracks: pd.DataFrame, near_m: float = NEAR_M) -> Agreement:
    """Compare tracks with the truth.

    ``MOTA = 1 - (misses + false + switches) / people``; a person who was matched before keeps that track while both are
    near. ``IDF1 = 2 IDTP / (people + tracked)`` with the assignment of whole tracks that makes most frames agree.
    """
    frames = np.union1d(truth["frame"].unique(), tracks["frame"].unique())
    by_truth = {k: (g["id"].to_numpy(), g[["x", "y"]].to_numpy()) for k, g in truth.groupby("frame")}
    by_track = {k: (g["id"].to_numpy(), g[["x", "y"]].to_numpy()) for k, g in tracks.groupby("frame")}
    nobody = (np.empty(0, int), np.empty((0, 2)))
    misses = false = switches = 0
    held: dict[int, int] = {}
    together: dict[tuple[int, int], int] = {}
    for frame in frames:
        (people, at), (found, there) = by_truth.get(frame, nobody), by_track.get(frame, nobody)
        distance = np.hypot(*(at[:, None] - there[None]).transpose(2, 0, 1)) if len(at) and len(there) else np.empty((len(at),
                                                                                                                      len(there)))
        for i, j in zip(*np.nonzero(distance < near_m), strict=True):
            pair = (int(people[i]), int(found[j]))
            together[pair] = together.get(pair, 0) + 1
        cost = np.where(distance < near_m, distance, 1e3)
        for i, person in enumerate(people):  # who was matched before comes first
            again = np.flatnonzero(found == held.get(int(person), -1))
            if len(again) and cost[i, again[0]] < 1e3:
                cost[i, again[0]] -= 1e2
        rows, columns = linear_sum_assignment(cost)
        good = cost[rows, columns] < 1e3
        misses += len(people) - int(good.sum())
        false += len(found) - int(good.sum())
        for i, j in zip(rows[good], columns[good], strict=True):
            person, number = int(people[i]), int(found[j])
            switches += held.get(person, number) != number
            held[person] = number
    people_seen = len(truth)
    same = _same(together)
    return Agreement(1 - (misses + false + switches) / max(people_seen, 1), 2 * same / max(people_seen + len(tracks), 1),
                     misses, false, switches, people_seen)


def _same(together: dict[tuple[int, int], int]) -> int:
    """Most frames that one assignment of tracks to people can make agree."""
    if not together:
        return 0
    people = {p: k for k, p in enumerate(sorted({p for p, _ in together}))}
    numbers = {n: k for k, n in enumerate(sorted({n for _, n in together}))}
    gain = np.zeros((len(people), len(numbers)))
    for (person, number), frames in together.items():
        gain[people[person], numbers[number]] = frames
    rows, columns = linear_sum_assignment(-gain)
    return int(gain[rows, columns].sum())
