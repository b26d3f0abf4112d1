"""NIST TN 1822. Geometries and tolerances are those of public implementations of its tests."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from sim.verify import air, choosing, crowding, walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.reference import REGULATED_FLOW
from sim.verify.rimea import Assignment, Corner, StairsJam, StairsUp


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


class Smoke(Check):
    """Smoke slows people down as the formula says."""

    suite, test, title = "nist", "2.5", "speed in smoke"
    criterion = "100 m at 1.25 m/s in smoke of 1 /m take as long as by hand, v max(0.3 / 1.25, 1 - 0.5 K), ± 0.5 s"
    counterexample: ClassVar[Figures] = {"least_s": 159.8, "most_s": 160.7, "by_hand_s": 160.0, "in_clear_air_s": 80.0}

    def measure(self) -> Figures:
        """Corridor of 2 m, three seeds."""
        return air.smoky_corridor()

    def judge(self, figures: Figures) -> bool:
        """The slowest and the quickest."""
        by_hand = figures["by_hand_s"]
        return by_hand - 0.5 <= figures["least_s"] <= figures["most_s"] <= by_hand + 0.5


class Dose(Check):
    """Bad air brings people down when the dose says so."""

    suite, test, title = "nist", "2.6", "toxic dose"
    criterion = "in CO 5000 ppm, CO2 2 %, O2 18 % somebody breaks down at dose 1, within one time step of the time by hand"
    counterexample: ClassVar[Figures] = {"down_s": 207.8, "by_hand_s": 207.58, "step_s": 0.1}

    def measure(self) -> Figures:
        """Room of 10 x 10 m, one person who stands still."""
        return air.still_in_gas()

    def judge(self, figures: Figures) -> bool:
        """Within a time step."""
        return abs(figures["down_s"] - figures["by_hand_s"]) <= figures["step_s"]


class Group(Check):
    """A group with one slow member stays together, and so do groups in a crowd."""

    suite, test, title = "nist", "2.9", "groups stay together"
    criterion = (
        "four at 1.25 m/s and one at 0.5 m/s who keep company arrive within 10 s of each other past ten slow people; so do "
        "20 groups of four with their own speeds among 60 others behind a door of 2 m, on average, and everybody arrives"
    )
    counterexample: ClassVar[Figures] = {
        "spread_s": 12.0,
        "alone_spread_s": 30.0,
        "in_crowd_mean_s": 5.0,
        "in_crowd_most_s": 20.0,
        "in_crowd_alone_mean_s": 20.0,
        "not_out": 0.0,
    }

    def measure(self) -> Figures:
        """Ten slow people stand in the way; then a crowd."""
        speeds = (1.25, 1.25, 1.25, 1.25, 0.5)
        crowd = crowding.groups_in_a_crowd()
        return {
            "spread_s": crowding.group_spread(speeds, 0.2),
            "alone_spread_s": crowding.group_spread(speeds, 0.2, together=False),
            "in_crowd_mean_s": crowd["mean_s"],
            "in_crowd_most_s": crowd["most_s"],
            "in_crowd_alone_mean_s": crowding.groups_in_a_crowd(together=False)["mean_s"],
            "not_out": crowd["missing"],
        }

    def judge(self, figures: Figures) -> bool:
        """Together at the end."""
        return figures["spread_s"] <= 10 and figures["in_crowd_mean_s"] <= 10 and figures["not_out"] == 0


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


class Following(Check):
    """People follow others."""

    suite, test, title = "nist", "3.2", "social influence"
    criterion = "two people choose between equal exits, 40 runs: the share of exit 2 rises by 0.1 when a third walks there"
    counterexample: ClassVar[Figures] = {"share_of_2_alone": 0.5, "share_of_2_with_third": 0.5}

    def measure(self) -> Figures:
        """Room of 10 x 12 m."""
        return {"share_of_2_alone": choosing.followed(False), "share_of_2_with_third": choosing.followed(True)}

    def judge(self, figures: Figures) -> bool:
        """By more than chance gives."""
        return figures["share_of_2_with_third"] >= figures["share_of_2_alone"] + 0.1


class Familiar(Check):
    """People take the exit that they know, or that a sign shows them."""

    suite, test, title = "nist", "3.3", "familiar exits"
    criterion = (
        "each of two equal exits known to half: shares differ by at most 10 %; exit 1 known to 20 %, exit 2 to 80 %: exit 2 is "
        "preferred; an exit that nobody knows is taken by nobody without a sign and by most with one"
    )
    counterexample: ClassVar[Figures] = {
        "share_of_2_at_50": 0.5,
        "share_of_2_at_80": 0.45,
        "unsigned_share": 0.0,
        "signed_share": 0.9,
    }

    def measure(self) -> Figures:
        """Room with two equal exits, 30 people, 20 seeds; hall with an exit at the side, 40 people, four seeds."""
        return {
            "share_of_2_at_50": choosing.familiar(0.5, 0.5),
            "share_of_2_at_80": choosing.familiar(0.2, 0.8),
            **choosing.signed(),
        }

    def judge(self, figures: Figures) -> bool:
        """Even, then not."""
        even = abs(figures["share_of_2_at_50"] - (1 - figures["share_of_2_at_50"])) <= 0.1
        signs = figures["unsigned_share"] == 0 and figures["signed_share"] > 0.5
        return even and figures["share_of_2_at_80"] > 0.6 and signs


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
    Smoke,
    Dose,
    Absent("nist", "2.7", "lifts", "lift travel time = hand value", "lifts are not in the model: storeys are joined by stairs"),
    CounterFlow,
    Group,
    Impaired,
    NistAssignment,
    Following,
    Familiar,
    ExitCloses,
    Congestion,
    DoorFlow,
)
