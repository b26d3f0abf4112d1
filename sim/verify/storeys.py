"""Experiments in houses of several storeys."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sim.lab import Lab
from sim.lab.experiment import Experiment, Findings
from sim.lab.measures import crossing_times, flow_of, measures
from sim.verify.check import Figures
from sim.verify.drawing import FREE, Shape, box, flight, group, joined, lab, line, on, run

CORBETTA = {
    "up": ((0.18, -0.55, 1.02), (0.35, -0.14), (0.01, 0.48), (0.10, -0.02)),
    "down": ((0.33, -1.02, 1.39), (0.29, -0.11), (-0.08, 0.67), (0.14, -0.06)),
}
"""Measured speeds on stairs [m/s] by density r in 0.6 to 1.5 /m2: those of fast people as a polynomial (r2, r, 1) with
its deviation (1, r), and those of slow people (r, 1) with theirs (1, r) (Corbetta et al., as RiMEA 4.1.1 gives them)."""
CORBETTA_DENSITIES = (0.6, 1.5)


def house(speed: dict[str, Any], *, radius: float = 0.2, delay: dict[str, Any] | None = None, door: float = 1.0,
          up: float = 0.455, down: float = 0.518) -> Lab:
    """RiMEA 8: three storeys with six rooms of 2 x 3 m and four people each, corridors and doors of 1 m, stairs one above
    the other and an exit below."""
    corridor, rooms = box(0, 0, 12, 1), [box(2 * k + 0.1, 1.2, 2 * k + 1.9, 4.2) for k in range(6)]
    doors = [box(2 * k + 1 - door / 2, 1, 2 * k + 1 + door / 2, 1.2) for k in range(6)]
    foot, head = box(12, -1.4, 13.2, 1), box(4.8, -1.4, 6, 0)
    plain = joined(corridor, *rooms, *doors)
    storeys = {"ground": joined(plain, foot, box(-3, 0, 0, 1)), "first": joined(plain, foot, head), "second": joined(plain, head)}
    stairs = [
        flight(f"to {above}", below, above, box(6, -1.4, 12, -0.4), line(12, -1.4, 12, -0.4), line(6, -1.4, 6, -0.4), up=up,
               down=down)
        for below, above in (("ground", "first"), ("first", "second"))
    ]
    people = [
        group("out", area=room, count=4, storey=storey, speed=speed, radius=radius, delay=delay or {"constant": 0.0})
        for storey in storeys for room in rooms
    ]
    return lab(
        "house",
        None,
        people,
        {"out": on("ground", box(-3, 0, -2, 1))},
        600,
        storeys={name: {"walkable": plan.wkt, "elevation_m": 3.2 * k} for k, (name, plan) in enumerate(storeys.items())},
        stairs=stairs,
    )


SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5)
"""Free speeds that all have in RiMEA 8 [m/s]."""


@cache
def house_times() -> Figures:
    """Seconds in which 72 people leave the house (mean of two seeds) by free speed, spread of speeds, reaction time, body,
    width of doors, and pace on stairs; each varied alone."""
    usual = {"constant": 1.0}
    variants: dict[str, dict[str, Any]] = {f"speed_{v}": {"speed": {"constant": v}} for v in SPEEDS}
    variants |= {f"speed_0.75_spread_{d}": {"speed": {"uniform": [0.75 - d, 0.75 + d]}} for d in (0.25, 0.5)}
    variants |= {f"reaction_{high}": {"speed": usual, "delay": {"uniform": [0, high]}} for high in (30, 60)}
    variants |= {f"radius_{r}": {"speed": usual, "radius": r} for r in (0.15, 0.25)}
    variants |= {f"door_{w}": {"speed": usual, "door": w} for w in (0.7, 0.8)}
    variants |= {f"stairs_{f}": {"speed": usual, "up": f, "down": f} for f in (0.3, 0.8)}
    times = {name: [run(house(**keys), seed).people["out_s"].max(skipna=False) for seed in (1, 2)]
             for name, keys in variants.items()}
    return {f"{name}_s": float(np.mean(found)) for name, found in times.items()}


@cache
def way_over_another_floor(same_floor_m: float, people: int = 40) -> Figures:
    """RiMEA 14: shares of people who take the way by two stairs over the first floor, and who take the one on the ground
    floor, a lane that is about ``same_floor_m`` [m] long."""
    deep = (same_floor_m - 12) / 2
    start, end = box(0, 0, 6, 4), box(18, 0, 24, 4)
    lane = joined(box(4, -deep, 6, 0), box(4, -deep - 2, 20, -deep), box(18, -deep, 20, 0))
    storeys = {"ground": joined(start, end, lane), "first": box(11, 1, 13, 3)}
    stairs = [
        flight("there", "ground", "first", box(6, 1, 11, 3), line(6, 1, 6, 3), line(11, 1, 11, 3)),
        flight("back", "ground", "first", box(13, 1, 18, 3), line(18, 1, 18, 3), line(13, 1, 13, 3)),
    ]
    scenario = lab(
        "two floors",
        None,
        [group("end", area=box(0.5, 0.5, 4, 3.5), count=people, storey="ground")],
        {"end": on("ground", box(22, 0, 24, 4))},
        300,
        lines={"over": on("first", line(12, 1, 12, 3)), "round": on("ground", line(12, -deep - 2, 12, -deep))},
        storeys={name: {"walkable": plan.wkt} for name, plan in storeys.items()},
        stairs=stairs,
    )
    findings = run(scenario)
    out = int(findings.people["out_s"].notna().sum())
    return {"over": len(crossing_times(findings, "over")) / people, "round": len(crossing_times(findings, "round")) / people,
            "out": out / people}


def two_halls(goals: list[tuple[str, int, Shape | None]], duration: float, *, width: float = 2.0, length: float = 8.0,
              lines: dict[str, Any] | None = None, areas: dict[str, Any] | None = None, **stairs: Any) -> Lab:
    """A hall of 10 x 10 m on the ground and one on the first floor, and a flight of stairs between their middles.

    ``goals`` are (below or above: where people go, how many, where they start). The first hall begins where the flight
    ends.
    """
    y, far = 5 - width / 2, 10 + length
    starts = {"above": ("ground", box(2.5, 0.5, 9, 9.5)), "below": ("first", box(far + 1, 0.5, far + 7.5, 9.5))}
    people = [
        group(goal, area=area or starts[goal][1], count=count, storey=starts[goal][0], speed=FREE) for goal, count, area in goals
    ]
    return lab(
        "two halls",
        None,
        people,
        {"below": on("ground", box(0, 0, 2, 10)), "above": on("first", box(far + 8, 0, far + 10, 10))},
        duration,
        lines=lines,
        areas=areas,
        storeys={"ground": {"walkable": box(0, 0, 10, 10).wkt}, "first": {"walkable": box(far, 0, far + 10, 10).wkt}},
        stairs=[flight("main", "ground", "first", box(10, y, far, y + width), line(10, y, 10, y + width),
                       line(far, y, far, y + width), **stairs)],
    )


@cache
def stair_speeds(way: str) -> Figures:
    """Mean speed [m/s] on stairs up or down, and the share of half-second looks at the two halves of the flight, with a
    density of 0.6 to 1.5 /m2, whose speed lies between the measured ones of slow and fast people."""
    goal = "above" if way == "up" else "below"
    areas = {"low": on("ground", box(11, 4, 13.5, 6)), "high": on("first", box(14.5, 4, 17, 6))}
    points = []
    for count, seed in ((40, 1), (90, 1), (40, 2), (90, 2), (40, 3), (90, 3)):
        table = run(two_halls([(goal, count, None)], 200, areas=areas), seed).areas
        table = table[table["people"] > 0]
        looks = table.groupby(["area", np.floor(table["time_s"] / 0.5)])[["density", "speed"]].mean().to_numpy()
        points.append(looks[(looks[:, 0] >= CORBETTA_DENSITIES[0]) & (looks[:, 0] <= CORBETTA_DENSITIES[1])])
    r, v = np.concatenate(points).T
    fast, fast_sd, slow, slow_sd = (np.array(c) for c in CORBETTA[way])
    top = np.polyval(fast, r) + np.polyval(fast_sd[::-1], r)
    low = np.polyval(slow, r) - np.polyval(slow_sd[::-1], r)
    return {"speed": float(v.mean()), "in_band": float(((v >= low) & (v <= top)).mean()), "looks": float(len(r))}


@cache
def one_way_stairs(most_per_s: float = 1.0) -> Figures:
    """How many get down one-way stairs, and the flow up them [1/s] when they are regulated, and when they are not."""
    lines = {"foot": on("ground", line(10, 4, 10, 6))}
    up = run(two_halls([("above", 60, None)], 200, lines=lines, oneway="up", most_per_s=most_per_s))
    free = run(two_halls([("above", 60, None)], 200, lines=lines, oneway="up"))
    return {"flow_per_s": flow_of(crossing_times(up, "foot")), "free_flow_per_s": flow_of(crossing_times(free, "foot")),
            "not_out": measures(up)["inside"]}


@cache
def continuity() -> Figures:
    """100 people up and 100 down the same stairs: how many are lost on the way, frame positions outside, the deepest
    overlap of two bodies on the flight [m], and the deepest in the halls."""
    scenario = two_halls([("above", 100, None), ("below", 100, None)], 400, width=3.0)
    experiment = Experiment(scenario, tracks=True)
    findings = experiment.run()
    on_stairs, in_halls = _overlaps(findings)
    return {
        "not_out": float(findings.people["out_s"].isna().sum()),
        "points_outside": float(findings.outside),
        "overlap_on_stairs_m": on_stairs,
        "overlap_in_halls_m": in_halls,
    }


def _overlaps(findings: Findings) -> tuple[float, float]:
    """Deepest overlap [m] of two bodies on the stairs, whatever storey they count to, and off them."""
    from scipy.spatial import cKDTree

    from sim.crowd.parameters import Parameters

    body = 2 * Parameters().hard * 0.2
    worst = {True: 0.0, False: 0.0}
    for (_, stairs), frame in findings.tracks.assign(stairs=findings.tracks["x"].between(10, 18)).groupby(["frame", "stairs"]):
        xy = frame[["x", "y"]].to_numpy()
        if len(xy) > 1:
            worst[bool(stairs)] = max(worst[bool(stairs)], body - float(cKDTree(xy).query(xy, k=2)[0][:, 1].min()))
    return worst[True], worst[False]
