"""Experiments in which people take one way or another."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sim.verify.check import Figures
from sim.verify.drawing import box, group, joined, lab, line, run


@cache
def assigned() -> Figures:
    """Share of 23 people in 12 rooms along a corridor who leave by the exit that they were assigned."""
    corridor = box(0, 5.2, 18, 6.2)
    rooms, doors, people = [], [], []
    for number in range(12):
        x, low = 3 * (number % 6), number < 6
        y = 0.0 if low else 6.4
        rooms.append(box(x + 0.1, y, x + 2.9, y + 5))
        door = 5.0 if low else 6.2
        doors.append(box(x + 1.05, door, x + 1.95, door + 0.2))
        exit_ = "main" if number % 6 < 4 else "secondary"
        people.append(group(exit_, area=box(x + 0.5, y + 0.5, x + 2.5, y + 4.5), count=1 if number == 2 else 2))
    ground = joined(corridor, *rooms, *doors, box(-3, 5.1, 0, 6.3), box(18, 5.2, 21, 6.2))
    goals = {"main": box(-3, 5.1, -2, 6.3), "secondary": box(20, 5.2, 21, 6.2)}
    table = run(lab("assignment", ground, people, goals, 200)).people
    by = np.where(table["out_x"] < 9, "main", "secondary")
    right = (by == table["goal"]) & table["out_s"].notna()
    return {"people": float(len(table)), "by_their_exit": float(right.mean())}


@cache
def near_and_far() -> Figures:
    """Shares of 1,000 people, packed at the left of a hall of 30 x 20 m, who leave by the near and by the far of two
    exits of 1 m on one long wall."""
    ground = joined(box(0, 0, 30, 20), box(21, -0.2, 22, 0), box(27, -0.2, 28, 0), box(20, -3, 29, -0.2))
    scenario = lab(
        "two exits",
        ground,
        [group("out", area=box(2, 2, 19, 18), count=1000)],
        {"out": box(20, -3, 29, -2)},
        900,
        lines={"near": line(21, -0.1, 22, -0.1), "far": line(27, -0.1, 28, -0.1)},
    )
    crossed = run(scenario).crossings.groupby("line")[["forward", "backward"]].sum().sum(axis=1)
    return {"near_share": float(crossed.get("near", 0)) / 1000, "far_share": float(crossed.get("far", 0)) / 1000}


ROOM = joined(box(0, 0, 10, 12), box(-2, 5.5, 0, 6.5), box(10, 5.5, 12, 6.5))
"""A room of 10 x 12 m with two equal exits."""
EXITS = {"1": box(-2, 5.5, -1, 6.5), "2": box(11, 5.5, 12, 6.5)}


@cache
def familiar(known_1: float, known_2: float, people: int = 30, runs: int = 20) -> float:
    """Share of people in a room with two equal exits who leave by exit 2, when these shares of them know the exits."""
    goal: Any = {"choose": ["1", "2"], "familiar": {"1": known_1, "2": known_2}}
    out = [
        run(lab("familiarity", ROOM, [group(goal, area=box(1, 1, 9, 11), count=people)], EXITS, 200), seed).people
        for seed in range(1, runs + 1)
    ]
    return float(np.mean([(p["out_x"] > 5).mean() for p in out]))


@cache
def followed(third: bool, runs: int = 40) -> float:
    """Share of two people, free to choose between two equal exits, who take exit 2, alone or when a third walks there."""
    either: Any = {"choose": ["1", "2"]}
    free = group(either, at=[[5.0, 5.0], [5.0, 7.0]], speed={"constant": 1.0})
    people = [free, group("2", at=[[6.0, 6.0]], speed={"constant": 1.0})] if third else [free]
    out = [run(lab("following", ROOM, people, EXITS, 60), seed).people for seed in range(1, runs + 1)]
    return float(np.mean([(p.loc[p["group"] == 0, "out_x"] > 5).mean() for p in out]))


@cache
def signed(runs: int = 4) -> Figures:
    """Shares of 40 people who leave by an exit round a corner that they do not know, with and without a sign at it.

    The exit that they know is far; the sign can be seen from half of the hall.
    """
    ground = joined(box(0, 0, 40, 8), box(17, 8, 19, 12))
    exits = {"known": box(39, 0, 40, 8), "unknown": box(17, 11, 19, 12)}
    goal: Any = {"choose": ["known", "unknown"], "familiar": {"unknown": 0.0}, "social": 0.0}
    figures = {}
    for name, signs in (("unsigned", []), ("signed", [{"to": "unknown", "at": [18.0, 7.5], "within_m": 15.0}])):
        shares = [
            (run(lab("signs", ground, [group(goal, area=box(1, 1, 12, 7), count=40)], exits, 120, signs=signs), seed)
             .people["goal"] == "unknown").mean()
            for seed in range(1, runs + 1)
        ]
        figures[f"{name}_share"] = float(np.mean(shares))
    return figures


@cache
def exit_closes() -> Figures:
    """Shares of 20 people who leave by the nearest exit, and by the other, when the nearest shuts after 1 s."""
    ground = joined(box(0, 0, 12, 6), box(-2, 2.5, 0, 3.5), box(12, 2.5, 14, 3.5))
    scenario = lab(
        "exit closes",
        ground,
        [group("out", area=box(2, 1, 4, 5), count=20)],
        {"out": joined(box(-2, 2.5, -1, 3.5), box(13, 2.5, 14, 3.5))},
        120,
        closes=[{"at_s": 1.0, "line": line(0, 2, 0, 4).wkt}],
    )
    table = run(scenario).people
    return {"by_the_shut_exit": float((table["out_x"] < 6).mean()), "by_the_other": float((table["out_x"] > 6).mean())}


@cache
def two_ways_round() -> Figures:
    """Share of 50 people who take the shorter of two ways round a block."""
    ground = box(0, 0, 30, 20).difference(box(5, 4, 25, 18))
    scenario = lab(
        "two ways",
        ground,
        [group("end", area=box(0, 6, 4, 10), count=50)],
        {"end": box(26, 6, 30, 10)},
        200,
        lines={"short": line(15, 0, 15, 4), "long": line(15, 18, 15, 20)},
    )
    crossed = run(scenario).crossings.groupby("line")[["forward", "backward"]].sum().sum(axis=1)
    return {"short_share": float(crossed.get("short", 0)) / 50, "long_share": float(crossed.get("long", 0)) / 50}
