"""Experiments with crowds: rings, doors, streams against each other, bottlenecks, halls."""

from __future__ import annotations

from functools import cache

import numpy as np

from sim.lab import Lab
from sim.lab.experiment import Findings
from sim.lab.measures import crossing_times, flow_of, measures
from sim.verify.check import Figures
from sim.verify.drawing import FPS, FREE, box, group, joined, lab, line, run

RING = 32.0
"""Length of a corridor that is closed to a ring [m]."""


def ring(
    width: float,
    people: int,
    *,
    length: float = RING,
    two_way: bool = False,
    speed: dict[str, object] | None = None,
    duration: float = 70,
) -> Lab:
    """A corridor closed to a ring, everybody one way or half of them each way."""
    start, free = box(0, 0, length, width), speed or FREE
    right = group("right", area=start, count=people - people // 2 if two_way else people, speed=free)
    left = [group("left", area=start, count=people // 2, speed=free)] if two_way else []
    return lab(
        "ring",
        box(-4, 0, length + 4, width),
        [right, *left],
        {"right": box(length + 3, 0, length + 4, width), "left": box(-4, 0, -3, width)},
        duration,
        period=[0, length],
        stop_when_empty=False,
    )


def paces(findings: Findings, warm: float) -> np.ndarray:
    """Progress of everybody on a ring in their own direction, second by second after a warm-up: (seconds, n) [m/s]."""
    assert findings.lab.period is not None
    low, high = findings.lab.period
    x = findings.tracks.pivot(index="frame", columns="id", values="x").to_numpy()[:: round(FPS)][round(warm) :]
    length = high - low
    moved = (np.diff(x, axis=0) + length / 2) % length - length / 2
    return moved * np.where(findings.people.sort_values("id")["goal"] == "left", -1, 1)


@cache
def ring_speed(width: float, density: float, two_way: bool = False, seed: int = 1) -> float:
    """Mean speed [m/s] on a ring at a density [1/m2], over 30 s after 40 s."""
    scenario = ring(width, round(density * RING * width), two_way=two_way)
    return float(paces(run(scenario, seed, tracks=True), 40).mean())


@cache
def settled_ring(density: float, width: float = 2.0, length: float = 26.0) -> float:
    """Mean speed [m/s] on the ring of RiMEA 4: free speeds of 1.2 to 1.4 m/s, 60 s after 10 s."""
    scenario = ring(width, round(density * width * length), length=length, speed={"uniform": [1.2, 1.4]})
    return float(paces(run(scenario, tracks=True), 10).mean())


@cache
def single_file(density: float, length: float = 26.0, width: float = 0.5) -> float:
    """Mean speed [m/s] of people who cannot overtake, at a line density [1/m]."""
    scenario = ring(width, max(round(density * length), 1), length=length)
    return float(paces(run(scenario, tracks=True), 30).mean())


def error(speeds: dict[float, float], measured: dict[float, float]) -> float:
    """Root mean square difference of speeds [m/s] at the densities of a measured table."""
    return float(np.sqrt(np.mean([(speeds[density] - measured[density]) ** 2 for density in measured])))


@cache
def door_flow(width: float, people: int = 200, seed: int = 1) -> tuple[float, int]:
    """Flow [1/s] out of a 10 x 10 m room through a door 0.4 m deep, over the middle 70 % of people, and how many
    did not get out."""
    y = 5 - width / 2
    ground = joined(box(0, 0, 10, 10), box(10, y, 10.4, y + width), box(10.4, 0, 15, 10))
    scenario = lab(
        "door",
        ground,
        [group("out", area=box(0, 0, 10, 10), count=people)],
        {"out": box(13.5, 0, 15, 10)},
        400,
        lines={"door": line(10.2, y, 10.2, y + width)},
    )
    findings = run(scenario, seed)
    return _middle(findings, "door"), int(findings.people["out_s"].isna().sum())


def _middle(findings: Findings, name: str) -> float:
    """Flow [1/s] over a line of the middle 70 % who crossed it."""
    return measures(findings)[f"flow_middle:{name}"]


@cache
def guideline_door(most_per_s: float | None = None) -> Figures:
    """Flow of 100 people out of a room of 8 x 5 m by an exit of 1 m [1/(m s)], which may be regulated."""
    ground = joined(box(0, 0, 8, 5), box(8, 2, 8.2, 3), box(8.2, 0, 12, 5))
    scenario = lab(
        "door of 1 m",
        ground,
        [group("out", area=box(0, 0, 8, 5), count=100)],
        {"out": box(10.5, 0, 12, 5)},
        300,
        lines={"door": line(8.1, 2, 8.1, 3)},
        doors={"door": {"line": line(8.0, 2, 8.0, 3).wkt, "most_per_s": most_per_s}},
    )
    findings = run(scenario)
    return {
        "flow_per_m_s": flow_of(crossing_times(findings, "door")),
        "not_out": float(findings.people["out_s"].isna().sum()),
    }


@cache
def stairs_jam(width: float = 2.0, people: int = 150, pace: float = 0.45) -> Figures:
    """RiMEA 13: people from a room of 8 x 5 m through a corridor of 12 m and up stairs of 3 m: mean densities [1/m2] at
    the neck, in the middle of the corridor and at the foot of the stairs, flows [1/s] into the corridor and up."""
    y = 2.5 - width / 2
    ground = joined(box(0, 0, 8, 5), box(8, y, 25, y + width))
    scenario = lab(
        "stairs jam",
        ground,
        [group("top", area=box(0, 0, 8, 5), count=people)],
        {"top": box(24, y, 25, y + width)},
        400,
        lines={"corridor": line(8.5, y, 8.5, y + width), "stairs": line(22.5, y, 22.5, y + width)},
        areas={
            "neck": box(6.5, 1.5, 8, 3.5),
            "corridor": box(13, y, 15, y + width),
            "foot": box(18, y, 20, y + width),
        },
        paces={"stairs": {"area": box(20, y, 23, y + width).wkt, "along": pace}},
    )
    table = measures(run(scenario))
    return {
        "neck_per_m2": table["density:neck"],
        "corridor_per_m2": table["density:corridor"],
        "foot_per_m2": table["density:foot"],
        "corridor_flow_per_s": table["flow:corridor"],
        "stairs_flow_per_s": table["flow:stairs"],
        "not_out": table["inside"],
    }


@cache
def narrow_door(width: float = 0.5, runs: int = 5) -> Figures:
    """75 people before a narrow door: runs in which it blocks for good, mean flow of the others [1/(m s)], and mean
    density [1/m2] on a square metre half a metre before the door from 10 to 30 s.

    The room is that of the bottleneck experiments of 2018 in the Jülich archive (5.6 m wide).
    """
    half = width / 2
    ground = joined(box(-2.8, 0, 2.8, 8), box(-half, -0.2, half, 0), box(-2.8, -4, 2.8, -0.2))
    scenario = lab(
        "narrow door",
        ground,
        [group("out", area=box(-2.8, 1, 2.8, 6), count=75)],
        {"out": box(-2.8, -4, 2.8, -3)},
        150,
        lines={"door": line(-half, -0.1, half, -0.1)},
        areas={"before": box(-0.5, 0.5, 0.5, 1.5)},
    )
    found = [run(scenario, seed) for seed in range(1, runs + 1)]
    flowing = [f for f in found if f.people["out_s"].notna().all()]
    density = [f.areas.loc[f.areas["time_s"].between(10, 30), "density"].mean() for f in found]
    flows = [measures(f)["flow_per_m:door"] for f in flowing]
    return {
        "blocked_runs": float(runs - len(flowing)),
        "flow_per_m_s": float(np.mean(flows)) if flows else 0.0,
        "density_per_m2": float(np.mean(density)),
    }


@cache
def counter_flow(seed: int = 1) -> Figures:
    """Seconds until 100 people have crossed a corridor of 10 x 2 m against 0, 10, 50 and 100; NaN if they never do."""
    ground = joined(box(0, 0, 10, 10), box(10, 4, 20, 6), box(20, 0, 30, 10))
    figures: dict[str, float] = {}
    for opposed in (0, 10, 50, 100):
        people = [group("right", area=box(1.2, 0, 10, 10), count=100)]
        people += [group("left", area=box(20, 0, 28.8, 10), count=opposed)] if opposed else []
        findings = run(lab("counter flow", ground, people, {"right": box(29, 0, 30, 10), "left": box(0, 0, 1, 10)}, 400), seed)
        ours = findings.people[findings.people["group"] == 0]["out_s"]
        figures[f"against_{opposed}_s"] = float(ours.max()) if ours.notna().all() else np.nan
        figures[f"stranded_{opposed}"] = float(findings.people["out_s"].isna().sum())
    return figures


@cache
def hall(seed: int = 1) -> Figures:
    """Seconds in which 1,000 people leave a hall of 30 x 20 m by four doors of 1 m, and by two."""
    figures: dict[str, float] = {}
    for doors in (4, 2):
        spots = [(4.0, -0.2), (25.0, -0.2), (4.0, 20.0), (25.0, 20.0)][:doors]
        ground = joined(
            box(0, 0, 30, 20),
            box(0, -3, 30, -0.2),
            box(0, 20.2, 30, 23),
            *[box(x, y, x + 1, y + 0.2) for x, y in spots],
        )
        out = joined(box(0, -3, 30, -2), box(0, 22, 30, 23))
        findings = run(lab("hall", ground, [group("out", area=box(2, 2, 28, 18), count=1000)], {"out": out}, 600), seed)
        figures[f"{'four' if doors == 4 else 'two'}_doors_s"] = float(findings.people["out_s"].max(skipna=False))
    figures["ratio"] = figures["two_doors_s"] / figures["four_doors_s"]
    return figures


@cache
def two_rooms() -> Figures:
    """RiMEA 12: 150 people through a corridor of 1 x 5 m between two rooms, then out by an exit of 1 m: flows [1/s] and
    mean densities [1/m2] before each."""
    ground = joined(box(0, 0, 10, 10), box(10, 4.5, 15, 5.5), box(15, 0, 25, 10), box(25, 4.5, 25.2, 5.5), box(25.2, 0, 28, 10))
    scenario = lab(
        "two rooms",
        ground,
        [group("out", area=box(0, 0, 5, 10), count=150)],
        {"out": box(26.5, 0, 28, 10)},
        300,
        lines={"corridor": line(10.5, 4.5, 10.5, 5.5), "exit": line(25.1, 4.5, 25.1, 5.5)},
        areas={"corridor": box(7, 3.5, 10, 6.5), "exit": box(22, 3.5, 25, 6.5)},
    )
    table = measures(run(scenario))
    return {
        "corridor_flow_per_s": table["flow:corridor"],
        "exit_flow_per_s": table["flow:exit"],
        "before_corridor_per_m2": table["density:corridor"],
        "before_exit_per_m2": table["density:exit"],
    }


def bottleneck(width: float = 1.0, depth: float = 0.2, goal_at: float = 1.0, people: int = 150, seed: int = 1) -> Findings:
    """People who leave a room of 10 x 10 m by a gap; the goal begins ``goal_at`` metres behind it."""
    y, end = 5 - width / 2, 10 + depth
    ground = joined(box(0, 0, 10, 10), box(10, y, end, y + width), box(end, 0, end + 12, 10))
    return run(
        lab(
            "bottleneck",
            ground,
            [group("out", area=box(0, 0, 5, 10), count=people)],
            {"out": box(end + goal_at, 0, end + 12, 10)},
            400,
            lines={"gap": line(end - 0.1, y, end - 0.1, y + width)},
        ),
        seed,
    )


@cache
def gap_with_goal(at: float) -> float:
    """Flow [1/s] through a gap of 1 m by how far behind it the goal begins; mean of two seeds."""
    return float(np.mean([_middle(bottleneck(goal_at=at, seed=seed), "gap") for seed in (1, 2)]))


@cache
def gap_with_depth(depth: float) -> float:
    """Seconds until everybody is through a gap of 1 m and a given depth; mean of two seeds."""
    return float(np.mean([bottleneck(depth=depth, seed=seed).people["out_s"].max(skipna=False) for seed in (1, 2)]))


@cache
def gap_with_width(width: float) -> float:
    """Flow [1/s] through a gap of a given width; mean of two seeds."""
    return float(np.mean([_middle(bottleneck(width=width, seed=seed), "gap") for seed in (1, 2)]))


@cache
def two_gaps() -> Figures:
    """Most people before each of two gaps of 1 m in a row."""
    ground = joined(
        box(0, 0, 10, 10), box(10, 4.5, 10.2, 5.5), box(10.2, 0, 20, 10), box(20, 4.5, 20.2, 5.5), box(20.2, 0, 24, 10)
    )
    scenario = lab(
        "two gaps",
        ground,
        [group("out", area=box(0, 0, 5, 10), count=150)],
        {"out": box(22, 0, 24, 10)},
        400,
        areas={"first": box(6, 2, 10, 8), "second": box(16, 2, 20, 8)},
    )
    areas = run(scenario).areas.groupby("area")["people"].max()
    return {"queue_1": float(areas["first"]), "queue_2": float(areas["second"])}


@cache
def crowd_corner() -> Figures:
    """RiMEA 15: seconds (mean of three seeds) in which 500 people pass three halls 20 m wide: one of 44 m,
    one with a corner that is 44 m long inside and 75.4 m outside (14 m, a quarter turn, 30 m), and one of 75.4 m."""
    corner = joined(box(0, 0, 34, 20), box(14, 20, 34, 51))
    halls = {
        "short": (box(0, 0, 45, 20), box(44, 0, 45, 20)),
        "corner": (corner, box(14, 50, 34, 51)),
        "long": (box(0, 0, 76.4, 20), box(75.4, 0, 76.4, 20)),
    }
    figures = {}
    for name, (ground, goal) in halls.items():
        scenario = lab(name, ground, [group("end", area=box(0, 0, 6, 20), count=500)], {"end": goal}, 300)
        figures[f"{name}_s"] = float(np.mean([run(scenario, seed).people["out_s"].max(skipna=False) for seed in (1, 2, 3)]))
    return figures


@cache
def slow_one() -> Figures:
    """Mean seconds of 24 people at 1.25 m/s along a corridor of 2 x 40 m with one slow and stout person ahead of them,
    and with one like them."""
    times = {}
    for name, speed, radius in (("slow", 0.8, 0.4), ("like", 1.25, 0.2)):
        people = [
            group("end", area=box(0, 0, 5, 2), count=24, speed={"constant": 1.25}),
            group("end", at=[[6.0, 1.0]], speed={"constant": speed}, radius=radius),
        ]
        runs = [run(lab("slow one", box(0, 0, 42, 2), people, {"end": box(40, 0, 42, 2)}, 200), seed) for seed in (1, 2, 3)]
        times[f"with_{name}_s"] = float(np.mean([f.people[f.people["group"] == 0]["out_s"].mean(skipna=False) for f in runs]))
    return times


@cache
def group_spread(speeds: tuple[float, ...], slow: float, together: bool = True) -> float:
    """Seconds between the first and the last of a group that crosses a square with ten slow people in the way.

    ``together``: they keep company; else they walk by themselves.
    """
    company = "five" if together else None
    people = [
        group("end", at=[[1.0 + 0.6 * (k % 2), 4.0 + 0.6 * k]], speed={"constant": speed}, company=company)
        for k, speed in enumerate(speeds)
    ]
    people.append(group("end", area=box(6, 2, 9, 8), count=10, speed={"constant": slow}))
    findings = run(lab("group", box(0, 0, 31, 10), people, {"end": box(30, 0, 31, 10)}, 300))
    out = findings.people[findings.people["group"] < len(speeds)]["out_s"]
    return float(out.max(skipna=False) - out.min())


@cache
def groups_in_a_crowd(together: bool = True, runs: int = 2) -> Figures:
    """20 groups of four with different speeds go with 60 others through a door of 2 m and on: the mean time between the
    first and the last of a group to arrive [s], the longest, and how many people did not arrive."""
    ground = joined(box(0, 0, 16, 12), box(16, 5, 16.4, 7), box(16.4, 0, 60, 12))
    fours = group("end", area=box(0.5, 0.5, 8, 11.5), count=80)
    people = [fours | {"company_size": 4} if together else fours, group("end", area=box(8, 0.5, 14, 11.5), count=60)]
    means, most, missing = [], 0.0, 0
    for seed in range(1, runs + 1):
        found = run(lab("groups", ground, people, {"end": box(59, 0, 60, 12)}, 400), seed).people
        missing += int(found["out_s"].isna().sum())
        out = found.loc[found["group"] == 0, "out_s"].to_numpy().reshape(20, 4)
        spread = np.ptp(out, axis=1)
        means.append(float(spread.mean()))
        most = max(most, float(spread.max()))
    return {"mean_s": float(np.mean(means)), "most_s": most, "missing": float(missing)}


@cache
def corridor_crowds() -> Figures:
    """ISO 13: mean speed [m/s] and density [1/m2] in the middle of a corridor of 2 m that 60, 120 and 240 people at
    1.0 m/s go through."""
    figures: dict[str, float] = {}
    ground = joined(box(0, 0, 12, 10), box(12, 4, 42, 6))
    for people in (60, 120, 240):
        table = measures(
            run(
                lab(
                    "corridor crowd",
                    ground,
                    [group("end", area=box(0, 0, 12, 10), count=people, speed={"constant": 1.0})],
                    {"end": box(40, 4, 42, 6)},
                    400,
                    areas={"zone": box(26, 4, 28, 6)},
                )
            )
        )
        figures[f"speed_{people}_m_per_s"] = table["speed:zone"]
        figures[f"density_{people}_per_m2"] = table["density:zone"]
    return figures
