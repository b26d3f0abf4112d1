"""Experiments with people who hardly meet: single walkers, corners, free speeds, delays."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sim.lab.experiment import Findings
from sim.lab.measures import crossing_times
from sim.verify.check import Figures
from sim.verify.drawing import FPS, FREE, box, group, joined, lab, line, run
from sim.verify.reference import AGE_SPEEDS, AGE_SPREAD

STARTED = 0.15
"""Somebody who is so far from where they stood has set off [m]."""


@cache
def corridor_time(low: float, high: float, delay: float, seeds: int = 5) -> Figures:
    """Seconds that one person takes for 40 m of a 2 m corridor, at a speed between two [m/s]: least and most."""
    scenario = lab(
        "corridor",
        box(-1, 0, 42, 2),
        [group("end", at=[[0.0, 1.0]], speed={"uniform": [low, high]}, delay={"constant": delay})],
        {"end": box(41, 0, 42, 2)},
        120,
        lines={"40 m": line(40, 0, 40, 2)},
    )
    times = [crossing_times(run(scenario, seed), "40 m")[0] for seed in range(1, seeds + 1)]
    return {"least_s": min(times), "most_s": max(times)}


@cache
def corridor_speed(speed: float) -> Figures:
    """Mean speed of one person over the middle 40 m of a 60 m corridor [m/s]."""
    scenario = lab(
        "corridor speed",
        box(0, 0, 61, 2),
        [group("end", at=[[0.5, 1.0]], speed={"constant": speed})],
        {"end": box(60, 0, 61, 2)},
        200,
        lines={"in": line(10, 0, 10, 2), "out": line(50, 0, 50, 2)},
    )
    findings = run(scenario)
    took = crossing_times(findings, "out")[0] - crossing_times(findings, "in")[0]
    return {"speed_m_per_s": float(40 / took), "time_s": float(took)}


@cache
def stairs_speed(walking: float, up: float, down: float, length: float) -> Figures:
    """Speeds [m/s] of one person up and down a flight of stairs 2 m wide, ``length`` [m] along the slope."""
    figures: dict[str, float] = {}
    for way, start, goal in (("up", 0.5, "top"), ("down", length + 13.5, "bottom")):
        scenario = lab(
            "stairs",
            box(0, 0, length + 14, 2),
            [group(goal, at=[[start, 1.0]], speed={"constant": walking})],
            {"top": box(length + 13, 0, length + 14, 2), "bottom": box(0, 0, 1, 2)},
            600,
            lines={"foot": line(7, 0, 7, 2), "head": line(7 + length, 0, 7 + length, 2)},
            paces={"stairs": {"area": box(7, 0, 7 + length, 2).wkt, "along": up / walking, "against": down / walking}},
        )
        findings = run(scenario)
        took = abs(crossing_times(findings, "head")[0] - crossing_times(findings, "foot")[0])
        figures[f"{way}_m_per_s"] = float(length / took)
    return figures


@cache
def corner() -> Figures:
    """Twenty people round a left turn of a 2 m corridor: how many get out, frame positions outside."""
    ground = joined(box(0, 0, 12, 2), box(10, 0, 12, 12))
    scenario = lab("corner", ground, [group("end", area=box(0, 0, 6, 2), count=20)], {"end": box(10, 11, 12, 12)}, 120)
    runs = [run(scenario, seed, tracks=True) for seed in range(1, 4)]
    return {
        "out": float(min(f.people["out_s"].notna().sum() for f in runs)),
        "points_outside": float(sum(f.outside for f in runs)),
        "points": float(sum(len(f.tracks) for f in runs)),
    }


@cache
def free_walk(people: int = 100, mean: float = 1.2, spread: float = 0.2) -> Figures:
    """Speeds over 100 m of people who have room, against the normal distribution that they were given."""
    scenario = lab(
        "free walk",
        box(0, 0, 132, 60),
        [group("end", area=box(0, 0, 25, 60), count=people, speed={"normal": [mean, spread]})],
        {"end": box(130, 0, 132, 60)},
        400,
        lines={"in": line(28, 0, 28, 60), "out": line(128, 0, 128, 60)},
    )
    measured, p = [], []
    for seed in (1, 2, 3):
        findings = run(scenario, seed, tracks=True)
        speeds = _between(findings.tracks, 28.0, 128.0)
        measured.append(speeds)
        p.append(float(stats.kstest(speeds, "norm", args=(mean, spread)).pvalue))
    pooled = np.concatenate(measured)
    return {
        "mean_m_per_s": float(pooled.mean()),
        "sd_m_per_s": float(pooled.std(ddof=1)),
        "median_p": float(np.median(p)),
    }


def _between(tracks: pd.DataFrame, start: float, end: float) -> np.ndarray:
    """Speed of each person from one x to another [m/s]."""
    x = tracks.pivot(index="frame", columns="id", values="x").to_numpy()
    frames = np.arange(len(x))

    def when(level: float) -> np.ndarray:
        after = np.argmax(np.nan_to_num(x, nan=-1e9) >= level, axis=0)
        column = np.arange(x.shape[1])
        before = np.maximum(after - 1, 0)
        share = (level - x[before, column]) / np.maximum(x[after, column] - x[before, column], 1e-9)
        return (frames[before] + share) / FPS

    return (end - start) / (when(end) - when(start))


@cache
def ages() -> Figures:
    """Mean speed of 50 people of each age who have room, less what Weidmann's table gives."""
    figures: dict[str, float] = {}
    for age, mean in AGE_SPEEDS.items():
        scenario = lab(
            "ages",
            box(0, 0, 65, 40),
            [group("end", area=box(0, 0, 25, 40), count=50, speed={"normal": [mean, AGE_SPREAD * mean]})],
            {"end": box(63, 0, 65, 40)},
            300,
        )
        findings = run(scenario, age, tracks=True)
        speeds = _between(findings.tracks, 28.0, 60.0)
        given = findings.people["speed"].to_numpy()
        figures[f"mean_{age}_m_per_s"] = float(speeds.mean())
        figures[f"off_{age}_m_per_s"] = float(np.abs(speeds - given).mean())
        figures[f"spread_{age}"] = float(speeds.std(ddof=1) / speeds.mean())
    return figures


def _room_with_delays(delay: dict[str, Any], duration: float) -> Any:
    """Ten people in a room of 8 x 5 m with a door of 1 m, who set off late."""
    ground = joined(box(0, 0, 8, 5), box(8, 2, 8.2, 3), box(8.2, 0, 11, 5))
    return lab(
        "delays",
        ground,
        [group("out", area=box(0, 0, 5, 5), count=10, delay=delay, speed=FREE)],
        {"out": box(10, 0, 11, 5)},
        duration,
    )


def starts(findings: Findings) -> tuple[np.ndarray, np.ndarray]:
    """When people set off (n,) [s], as seen in their tracks, and when they were to (n,) [s]."""
    moved = findings.tracks.merge(findings.tracks.groupby("id")[["x", "y"]].first(), on="id", suffixes=("", "_0"))
    moved = moved[np.hypot(moved["x"] - moved["x_0"], moved["y"] - moved["y_0"]) > STARTED]
    first = moved.groupby("id")["frame"].min() / FPS
    told = findings.people.set_index("id")["delay_s"].reindex(first.index)
    return first.to_numpy(float), told.to_numpy(float)


@cache
def delay_error() -> Figures:
    """How late people set off, with delays of 10 to 100 s [s]."""
    seen, told = starts(run(_room_with_delays({"uniform": [10.0, 100.0]}, 160), tracks=True))
    return {"people": float(len(seen)), "largest_error_s": float(np.abs(seen - told).max())}


DELAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "uniform": ({"uniform": [10.0, 100.0]}, stats.uniform(10, 90)),
    "normal": ({"normal": [60.0, 15.0]}, stats.norm(60, 15)),
    "gamma": ({"gamma": [1.291 * 103.901, 1.291**0.5 * 103.901]}, stats.gamma(1.291, scale=103.901)),
    "lognormal": (
        {
            "lognormal": [
                float(np.exp(4.586 + 0.967**2 / 2)),
                float(np.exp(4.586 + 0.967**2 / 2) * np.sqrt(np.expm1(0.967**2))),
            ]
        },
        stats.lognorm(0.967, scale=np.exp(4.586)),
    ),
    "weibull": (
        {"empirical": stats.weibull_min(1.195, scale=139.285).ppf(np.arange(0.0005, 1, 0.001)).tolist()},
        stats.weibull_min(1.195, scale=139.285),
    ),
}
"""Delays as a scenario gives them, and the distribution that they are to follow (numbers: NIST TN 1822, 1.1)."""


@cache
def delay_fit(kind: str, runs: int = 4) -> float:
    """Probability (Kolmogorov-Smirnov) of the times at which people set off, under the distribution asked for."""
    given, expected = DELAYS[kind]
    seen = np.concatenate([starts(run(_room_with_delays(given, 1500), seed, tracks=True))[0] for seed in range(1, runs + 1)])
    return float(stats.kstest(seen, expected.cdf).pvalue)
