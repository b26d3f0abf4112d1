"""NIST TN 1822. Geometries and tolerances are those of public implementations of its tests."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from sim.verify import choosing, crowding, walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.reference import REGULATED_FLOW
from sim.verify.rimea import Assignment, Corner, StairsJam, StairsUp

NO_SMOKE = "smoke and toxic gas are not in the model: it rehearses streets and squares"
NO_FOLLOWING = "people choose their exit by themselves; following others is not in the model"


class Delays(Check):
    """Delays follow the distributions that they are given."""

    slow = True
    suite, test, title = "nist", "1.1", "delays by distribution"
    criterion = "times of setting off fit each distribution (Kolmogorov-Smirnov p > 0.05)"
    kinds: ClassVar[tuple[str, ...]] = ("uniform", "gamma", "lognormal", "weibull")
    counterexample: ClassVar[Figures] = {"uniform_p": 0.5, "gamma_p": 0.5, "lognormal_p": 0.01, "weibull_p": 0.5}

    def measure(self) -> Figures:
        """Ten people a run, runs pooled."""
        return {f"{kind}_p": walking.delay_fit(kind) for kind in self.kinds}

    def judge(self, figures: Figures) -> bool:
        """Every distribution."""
        return all(figures[f"{kind}_p"] > 0.05 for kind in self.kinds)


class CorridorSpeed(Check):
    """One person keeps 1 m/s."""

    suite, test, title = "nist", "2.1", "speed in a corridor"
    criterion = "1.0 ± 0.05 m/s over the middle 40 m"
    counterexample: ClassVar[Figures] = {"speed_m_per_s": 0.94, "time_s": 42.6}

    def measure(self) -> Figures:
        """Corridor of 60 x 2 m."""
        return walking.corridor_speed(1.0)

    def judge(self, figures: Figures) -> bool:
        """Within the band."""
        return abs(figures["speed_m_per_s"] - 1.0) <= 0.05


class NistCorner(Corner):
    """Nobody passes a wall."""

    suite, test = "nist", "2.3"


class Speeds(Check):
    """Free speeds keep their distribution."""

    suite, test, title = "nist", "2.4", "distribution of speeds"
    criterion = "100 people given N(1.2, 0.2) walk 100 m: mean and deviation within 0.05 m/s, median p > 0.05"
    counterexample: ClassVar[Figures] = {"mean_m_per_s": 1.12, "sd_m_per_s": 0.2, "median_p": 0.3}

    def measure(self) -> Figures:
        """Three seeds."""
        return walking.free_walk()

    def judge(self, figures: Figures) -> bool:
        """Mean, deviation and fit."""
        return (
            abs(figures["mean_m_per_s"] - 1.2) <= 0.05 and abs(figures["sd_m_per_s"] - 0.2) <= 0.05 and figures["median_p"] > 0.05
        )


class CounterFlow(Check):
    """Opposed people slow each other and still arrive."""

    suite, test, title = "nist", "2.8", "streams against each other"
    criterion = "100 people cross a corridor of 2 m against 0, 10, 50, 100: the time rises and everybody arrives"
    counterexample: ClassVar[Figures] = {
        "against_0_s": 50.0,
        "against_10_s": 60.0,
        "against_50_s": 70.0,
        "against_100_s": 80.0,
        "stranded_0": 0.0,
        "stranded_10": 0.0,
        "stranded_50": 0.0,
        "stranded_100": 1.0,
    }

    def measure(self) -> Figures:
        """Rooms of 10 x 10 m."""
        return crowding.counter_flow()

    def judge(self, figures: Figures) -> bool:
        """In this order, nobody stranded."""
        times = [figures[f"against_{n}_s"] for n in (0, 10, 50, 100)]
        return all(a < b for a, b in pairwise(times)) and not any(figures[f"stranded_{n}"] for n in (0, 10, 50, 100))


class Group(Check):
    """A group with one slow member stays together."""

    suite, test, title = "nist", "2.9", "a group stays together"
    criterion = "four at 1.25 m/s and one at 0.5 m/s who keep company arrive within 10 s of each other"
    counterexample: ClassVar[Figures] = {"spread_s": 12.0, "alone_spread_s": 30.0}

    def measure(self) -> Figures:
        """Ten slow people stand in the way."""
        speeds = (1.25, 1.25, 1.25, 1.25, 0.5)
        return {
            "spread_s": crowding.group_spread(speeds, 0.2),
            "alone_spread_s": crowding.group_spread(speeds, 0.2, together=False),
        }

    def judge(self, figures: Figures) -> bool:
        """Together at the end."""
        return figures["spread_s"] <= 10


class Impaired(Check):
    """A slow and stout person slows those behind."""

    suite, test, title = "nist", "2.10", "a slow person ahead"
    criterion = "24 people take longer behind one with 0.8 m/s and a radius of 0.4 m than behind one like themselves"
    counterexample: ClassVar[Figures] = {"with_slow_s": 31.0, "with_like_s": 32.0}

    def measure(self) -> Figures:
        """Corridor of 2 m, three seeds."""
        return crowding.slow_one()

    def judge(self, figures: Figures) -> bool:
        """In this order."""
        return figures["with_slow_s"] > figures["with_like_s"]


class NistAssignment(Assignment):
    """People use the exit that they were assigned."""

    suite, test = "nist", "3.1"


class Familiar(Check):
    """People take the exit that they know."""

    suite, test, title = "nist", "3.3", "familiar exits"
    criterion = "known by half each: shares differ by at most 10 %; exit 2 known by 80 %: it is preferred"
    counterexample: ClassVar[Figures] = {"share_of_2_at_50": 0.5, "share_of_2_at_80": 0.45}

    def measure(self) -> Figures:
        """Room with two equal exits, 100 people, four seeds."""
        return {"share_of_2_at_50": choosing.familiar(0.5), "share_of_2_at_80": choosing.familiar(0.8)}

    def judge(self, figures: Figures) -> bool:
        """Even, then not."""
        return abs(figures["share_of_2_at_50"] - 0.5) <= 0.05 and figures["share_of_2_at_80"] > 0.6


class ExitCloses(Check):
    """People turn round when their exit shuts."""

    suite, test, title = "nist", "4.1", "an exit shuts"
    criterion = "everybody leaves by the other exit when the nearest shuts after 1 s"
    counterexample: ClassVar[Figures] = {"by_the_shut_exit": 0.05, "by_the_other": 0.95}

    def measure(self) -> Figures:
        """Twenty people."""
        return choosing.exit_closes()

    def judge(self, figures: Figures) -> bool:
        """Every one."""
        return figures["by_the_other"] == 1 and figures["by_the_shut_exit"] == 0


class DoorFlow(Check):
    """Largest flow of a door in conservative design: a rule that a regulated door keeps and real doors exceed."""

    suite, test, title = "nist", "5.2", "largest flow of a door"
    criterion = (
        f"100 people leave by an exit of 1 m that is regulated (most_per_s: {REGULATED_FLOW}) at no more than "
        f"{REGULATED_FLOW} /(m s), and at no less than 90 % of it; the flow of the free door stands beside"
    )
    counterexample: ClassVar[Figures] = {"flow_per_m_s": 1.4, "not_out": 0.0, "free_flow_per_m_s": 2.0}

    def measure(self) -> Figures:
        """Room of 8 x 5 m, with and without regulation."""
        free = crowding.guideline_door()["flow_per_m_s"]
        return {**crowding.guideline_door(REGULATED_FLOW), "free_flow_per_m_s": free}

    def judge(self, figures: Figures) -> bool:
        """Not above the rule, and not shut."""
        return 0.9 * REGULATED_FLOW <= figures["flow_per_m_s"] <= REGULATED_FLOW and figures["not_out"] == 0


class NistStairs(StairsUp):
    """Stairs slow a person down as much as they are told to."""

    suite, test, title = "nist", "2.2", "speed on stairs"
    criterion = "1.0 ± 0.05 m/s up and down 100 m of stairs"
    counterexample: ClassVar[Figures] = {"up_m_per_s": 1.0, "down_m_per_s": 0.94}
    expected: ClassVar[dict[str, float]] = {"up_m_per_s": 1.0, "down_m_per_s": 1.0}

    def measure(self) -> Figures:
        """One person of 1.33 m/s."""
        return walking.stairs_speed(1.33, 1.0, 1.0, 100.0)


class Congestion(StairsJam):
    """A crowd jams at a neck and at the foot of stairs."""

    suite, test, title = "nist", "5.1", "congestion at stairs"
    criterion = "100 people: mean density at the neck and at the foot of the stairs above that in mid corridor, all get up"

    def measure(self) -> Figures:
        """Room of 8 x 5 m, neck of 2 m."""
        return crowding.stairs_jam(people=100)

    def judge(self, figures: Figures) -> bool:
        """Both above the middle."""
        return min(figures["neck_per_m2"], figures["foot_per_m2"]) > figures["corridor_per_m2"] and figures["not_out"] == 0


CHECKS: tuple[type[Check] | Absent, ...] = (
    Delays,
    CorridorSpeed,
    NistStairs,
    NistCorner,
    Speeds,
    Absent("nist", "2.5", "speed in smoke", "hand-calculated time ± 0.5 s", NO_SMOKE),
    Absent("nist", "2.6", "toxic dose", "dose 1 within one step of the hand value", NO_SMOKE),
    Absent("nist", "2.7", "lifts", "lift travel time = hand value", "lifts are not in the model: it has one floor"),
    CounterFlow,
    Group,
    Impaired,
    NistAssignment,
    Absent("nist", "3.2", "social influence", "share of the exit that others take rises", NO_FOLLOWING),
    Familiar,
    ExitCloses,
    Congestion,
    DoorFlow,
)
