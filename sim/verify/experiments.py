"""Measured facts that the free model has to reproduce: corridors, doors, streams against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np

from sim.verify import crowding, queueing, walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.reference import CORRIDOR_FLOW, CORRIDOR_ONE_WAY, CORRIDOR_TWO_WAY, DOOR_WIDTHS, JAM_DENSITY

SEEDS = (1, 2)


class OneWayCorridor(Check):
    """Speed by density in one direction."""

    suite, test, title = "experiments", "corridor-1.8m", "one-way corridor of 1.8 m"
    criterion = "RMSE of mean speeds at 0.5 to 3.5 /m² ≤ 0.20 m/s, and largest flow within 15 % of 1.62 /(m s)"
    counterexample: ClassVar[Figures] = {"rmse_m_per_s": 0.21, "largest_flow_per_m_s": 1.62}

    def measure(self) -> Figures:
        """Ring of 32 m."""
        speeds = {d: float(np.mean([crowding.ring_speed(1.8, d, seed=s) for s in SEEDS])) for d in CORRIDOR_ONE_WAY}
        return {
            "rmse_m_per_s": crowding.error(speeds, CORRIDOR_ONE_WAY),
            "largest_flow_per_m_s": max(d * v for d, v in speeds.items()),
        } | {f"speed_at_{d:g}_m_per_s": v for d, v in speeds.items()}

    def judge(self, figures: Figures) -> bool:
        """Error and capacity."""
        return figures["rmse_m_per_s"] <= 0.20 and abs(figures["largest_flow_per_m_s"] / CORRIDOR_FLOW - 1) <= 0.15


class TwoWayCorridor(Check):
    """Speed by density in both directions."""

    suite, test, title = "experiments", "corridor-two-way-3.6m", "two-way corridor of 3.6 m"
    criterion = "RMSE of mean speeds at 1 to 3 /m² ≤ 0.20 m/s"
    counterexample: ClassVar[Figures] = {"rmse_m_per_s": 0.25}

    def measure(self) -> Figures:
        """Ring of 32 m, half of the people each way."""
        speeds = {d: float(np.mean([crowding.ring_speed(3.6, d, True, s) for s in SEEDS])) for d in CORRIDOR_TWO_WAY}
        return {"rmse_m_per_s": crowding.error(speeds, CORRIDOR_TWO_WAY)} | {
            f"speed_at_{d:g}_m_per_s": v for d, v in speeds.items()
        }

    def judge(self, figures: Figures) -> bool:
        """Error of the curve."""
        return figures["rmse_m_per_s"] <= 0.20


class Capacities(Check):
    """One-way capacity is the larger one."""

    suite, test, title = "experiments", "one-way-and-two-way", "capacity one way and two ways"
    criterion = "largest flow one way > largest flow two ways (1 to 3 /m²), speeds at 1 /m² within 20 % of each other"
    counterexample: ClassVar[Figures] = {"one_way_per_m_s": 1.4, "two_way_per_m_s": 1.5, "ratio_at_1": 1.0}

    def measure(self) -> Figures:
        """From the two rings."""
        densities = (1.0, 1.5, 2.0, 2.5, 3.0)
        one = {d: float(np.mean([crowding.ring_speed(1.8, d, seed=s) for s in SEEDS])) for d in densities}
        two = {d: float(np.mean([crowding.ring_speed(3.6, d, True, s) for s in SEEDS])) for d in densities}
        return {
            "one_way_per_m_s": max(d * v for d, v in one.items()),
            "two_way_per_m_s": max(d * v for d, v in two.items()),
            "ratio_at_1": two[1.0] / one[1.0],
        }

    def judge(self, figures: Figures) -> bool:
        """As published (Zhang and Seyfried 2012)."""
        return figures["one_way_per_m_s"] > figures["two_way_per_m_s"] and abs(figures["ratio_at_1"] - 1) <= 0.2


class Doors(Check):
    """Door flow by width is a straight line."""

    slow = True
    suite, test, title = "experiments", "doors", "door flow by width"
    criterion = "0.8 to 2.5 m: 1.6-2.4 /(m s) more a metre, straight (R² > 0.98), 1.6-2.2 /(m s) at each width, all get out"
    counterexample: ClassVar[Figures] = {
        "slope_per_m_s": 1.9,
        "r2": 0.97,
        "least_per_m_s": 1.7,
        "most_per_m_s": 2.0,
        "not_out": 0.0,
    }

    def measure(self) -> Figures:
        """200 people out of a room of 10 x 10 m, three seeds a width."""
        runs = {w: [crowding.door_flow(w, seed=s) for s in (1, 2, 3)] for w in DOOR_WIDTHS}
        flows = np.array([np.mean([flow for flow, _ in runs[w]]) for w in DOOR_WIDTHS])
        widths = np.array(DOOR_WIDTHS)
        slope, offset = np.polyfit(widths, flows, 1)
        return {
            "slope_per_m_s": float(slope),
            "offset_per_s": float(offset),
            "r2": float(np.corrcoef(widths, flows)[0, 1] ** 2),
            "least_per_m_s": float((flows / widths).min()),
            "most_per_m_s": float((flows / widths).max()),
            "not_out": float(sum(n for r in runs.values() for _, n in r)),
        }

    def judge(self, figures: Figures) -> bool:
        """Line, band, nobody blocked."""
        return (
            1.6 <= figures["slope_per_m_s"] <= 2.4
            and figures["r2"] > 0.98
            and figures["least_per_m_s"] >= 1.6
            and figures["most_per_m_s"] <= 2.2
            and figures["not_out"] == 0
        )


class NarrowDoor(Check):
    """A door of half a metre lets people through."""

    suite, test, title = "experiments", "door-0.5m", "door of 0.5 m"
    criterion = "75 people get out by a door of 0.5 m in five of five seeds, at 1.6-2.8 /(m s) (measured: 2.32)"
    counterexample: ClassVar[Figures] = {"blocked_runs": 1.0, "flow_per_m_s": 2.2, "density_per_m2": 8.0}

    def measure(self) -> Figures:
        """Five seeds."""
        return crowding.narrow_door()

    def judge(self, figures: Figures) -> bool:
        """Nobody blocked, flow in the band."""
        return figures["blocked_runs"] == 0 and 1.6 <= figures["flow_per_m_s"] <= 2.8


class JamDensity(Check):
    """A jam before a door is as dense as a real one."""

    suite, test, title = "experiments", "jam-density", "density of a jam before a door"
    criterion = f"mean density on 1 m² before a door of 0.5 m within 25 % of {JAM_DENSITY} /m² (measured)"
    counterexample: ClassVar[Figures] = {"blocked_runs": 0.0, "flow_per_m_s": 2.2, "density_per_m2": 10.5}

    def measure(self) -> Figures:
        """Five seeds, seconds 10 to 30."""
        return crowding.narrow_door()

    def judge(self, figures: Figures) -> bool:
        """Neither denser nor thinner."""
        return abs(figures["density_per_m2"] / JAM_DENSITY - 1) <= 0.25


class Streams(Check):
    """100 against 100 in a corridor."""

    slow = True
    suite, test, title = "experiments", "counter-flow", "streams against each other"
    criterion = "against 0, 10, 50, 100 people: everybody arrives in five of five seeds, mean time rises"
    counterexample: ClassVar[Figures] = {
        "against_0_s": 50.0,
        "against_10_s": 60.0,
        "against_50_s": 70.0,
        "against_100_s": 65.0,
        "stranded": 0.0,
    }

    def measure(self) -> Figures:
        """Five seeds."""
        runs = [crowding.counter_flow(seed) for seed in range(1, 6)]
        times = {f"against_{n}_s": float(np.mean([r[f"against_{n}_s"] for r in runs])) for n in (0, 10, 50, 100)}
        return times | {"stranded": float(sum(r[f"stranded_{n}"] for r in runs for n in (0, 10, 50, 100)))}

    def judge(self, figures: Figures) -> bool:
        """In this order, nobody stranded."""
        times = [figures[f"against_{n}_s"] for n in (0, 10, 50, 100)]
        return all(a < b for a, b in pairwise(times)) and figures["stranded"] == 0


class Turning(Check):
    """A corner costs little and nobody cuts it."""

    suite, test, title = "experiments", "corner", "round a corner"
    criterion = "20 people get round a corner of a 2 m corridor and none of their positions lies outside"
    counterexample: ClassVar[Figures] = {"out": 19.0, "points_outside": 0.0, "points": 5000.0}

    def measure(self) -> Figures:
        """Three seeds."""
        return walking.corner()

    def judge(self, figures: Figures) -> bool:
        """Nobody lost, nobody outside."""
        return figures["out"] == 20 and figures["points_outside"] == 0 < figures["points"]


class Queues(Check):
    """The queue of a search lane waits as theory says."""

    suite, test, title = "experiments", "queue", "queue of a search lane"
    criterion = "mean wait within 12 % of M/D/1 at loads of 0.5 and 0.8 and of M/M/1 at 0.7 (8,000 people)"
    counterexample: ClassVar[Figures] = {"constant_at_0.5": 1.0, "constant_at_0.8": 1.2, "exponential_at_0.7": 1.0}

    def measure(self) -> Figures:
        """Measured wait as a share of the theoretical."""
        return queueing.waits()

    def judge(self, figures: Figures) -> bool:
        """Every case."""
        return all(abs(ratio - 1) <= 0.12 for ratio in figures.values())


CHECKS: tuple[type[Check] | Absent, ...] = (
    OneWayCorridor,
    TwoWayCorridor,
    Capacities,
    Doors,
    NarrowDoor,
    JamDensity,
    Streams,
    Turning,
    Queues,
)
