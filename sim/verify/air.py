"""Experiments in smoke: how fast people walk in it, and how soon its gases bring them down."""

from __future__ import annotations

from functools import cache

import numpy as np

from sim.lab.measures import crossing_times
from sim.verify.check import Figures
from sim.verify.drawing import box, group, lab, line, run

CO_PPM, CO2_PERCENT, O2_PERCENT = 5000.0, 2.0, 18.0
"""The air of the test of dose."""
SPEED, EXTINCTION = 1.25, 1.0
"""Free speed [m/s] and extinction [1/m] of the test of speed in smoke."""


@cache
def smoky_corridor(seeds: int = 3) -> Figures:
    """Seconds that one person takes for 100 m of a corridor of 2 m in smoke: longest and shortest of the runs, the time
    by hand, and the time in clear air."""
    times: dict[float, list[float]] = {}
    for extinction in (EXTINCTION, 0.0):
        scenario = lab(
            "smoke",
            box(0, 0, 112, 2),
            [group("end", at=[[4.0, 1.0]], speed={"constant": SPEED})],
            {"end": box(110, 0, 112, 2)},
            300,
            lines={"start": line(5, 0, 5, 2), "100 m": line(105, 0, 105, 2)},
            smoke={"smoke": {"area": box(0, 0, 112, 2).wkt, "extinction_per_m": extinction}},
        )
        found = [run(scenario, seed) for seed in range(1, seeds + 1)]
        times[extinction] = [float((crossing_times(f, "100 m") - crossing_times(f, "start"))[0]) for f in found]
    by_hand = 100 / (SPEED * max(0.3 / 1.25, 1 - 0.5 * EXTINCTION))
    return {
        "least_s": min(times[EXTINCTION]),
        "most_s": max(times[EXTINCTION]),
        "by_hand_s": by_hand,
        "in_clear_air_s": float(np.mean(times[0.0])),
    }


@cache
def still_in_gas(step_s: float = 0.1) -> Figures:
    """Seconds until somebody who stands in a room of 10 x 10 m with bad air has taken in a dose of 1, by hand too."""
    room = box(0, 0, 10, 10)
    gas = {"area": room.wkt, "co_ppm": CO_PPM, "co2_percent": CO2_PERCENT, "o2_percent": O2_PERCENT}
    waits = group("out", at=[[5.0, 5.0]], delay={"constant": 1000.0})
    scenario = lab("dose", room, [waits], {"out": box(9, 9, 10, 10)}, 400, smoke={"gas": gas}, step_s=step_s)
    found = run(scenario).people
    poison = 4.607e-7 * CO_PPM**1.036 * np.exp(0.193 * CO2_PERCENT + 2.0004) / 7.1
    want_of_oxygen = 1 / (60 * np.exp(8.13 - 0.54 * (20.9 - O2_PERCENT)))
    return {"down_s": float(found["down_s"].iloc[0]), "by_hand_s": float(1 / (poison + want_of_oxygen)), "step_s": step_s}
