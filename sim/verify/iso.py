"""ISO 20414:2020. Geometries and tolerances are those of public implementations of its tests."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from sim.verify import choosing, crowding, walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.nist import (
    Congestion,
    CorridorSpeed,
    CounterFlow,
    Delays,
    DoorFlow,
    Dose,
    ExitCloses,
    Familiar,
    Following,
    Impaired,
    Smoke,
    Speeds,
)
from sim.verify.rimea import Assignment, Corner, StairsUp


class IsoDelays(Delays):
    """Delays follow the distributions that they are given."""

    slow = False
    suite, test = "iso", "1"
    kinds = ("uniform", "normal", "lognormal")
    counterexample: ClassVar[Figures] = {"uniform_p": 0.01, "normal_p": 0.5, "lognormal_p": 0.5}


class IsoCorridor(CorridorSpeed):
    """One person keeps 1 m/s."""

    suite, test = "iso", "2"


class IsoCorner(Corner):
    """Nobody passes a wall."""

    suite, test = "iso", "4"


class IsoSpeeds(Speeds):
    """Free speeds keep their distribution."""

    suite, test = "iso", "5"


class IsoCounterFlow(CounterFlow):
    """Opposed people slow each other and still arrive."""

    suite, test = "iso", "6"


class IsoImpaired(Impaired):
    """A slow and stout person slows those behind."""

    suite, test = "iso", "7"


class IsoAssignment(Assignment):
    """People use the exit that they were assigned."""

    suite, test = "iso", "8"


class IsoExitCloses(ExitCloses):
    """People turn round when their exit shuts."""

    suite, test = "iso", "9"


class IsoDoorFlow(DoorFlow):
    """Largest flow of a door in conservative design."""

    suite, test = "iso", "11"


class CorridorCurve(Check):
    """Speed in a corridor against how many go through it."""

    suite, test, title = "iso", "13", "speed and density in a corridor"
    criterion = "with 60, 120 and 240 people at 1.0 m/s: speed in the zone ≤ 1.0 m/s (1 %) and never higher where it is denser"
    counterexample: ClassVar[Figures] = {
        "speed_60_m_per_s": 0.99,
        "speed_120_m_per_s": 0.9,
        "speed_240_m_per_s": 1.1,
        "density_60_per_m2": 1.0,
        "density_120_per_m2": 1.5,
        "density_240_per_m2": 2.0,
    }

    def measure(self) -> Figures:
        """Corridor of 2 x 30 m."""
        return crowding.corridor_crowds()

    def judge(self, figures: Figures) -> bool:
        """Speeds fall as densities rise."""
        pairs = sorted((figures[f"density_{n}_per_m2"], figures[f"speed_{n}_m_per_s"]) for n in (60, 120, 240))
        speeds = [speed for _, speed in pairs]
        return max(speeds) <= 1.01 and all(b <= a + 0.01 for a, b in pairwise(speeds))


class IsoGroup(Check):
    """A group of equals stays together."""

    suite, test, title = "iso", "14", "a group stays together"
    criterion = "five people at 1.25 m/s who keep company arrive within 10 s of each other, past ten slow people"
    counterexample: ClassVar[Figures] = {"spread_s": 12.0, "alone_spread_s": 12.0}

    def measure(self) -> Figures:
        """Ten slow people in the way."""
        return {
            "spread_s": crowding.group_spread((1.25,) * 5, 0.5),
            "alone_spread_s": crowding.group_spread((1.25,) * 5, 0.5, together=False),
        }

    def judge(self, figures: Figures) -> bool:
        """Together at the end."""
        return figures["spread_s"] <= 10


class IsoFamiliar(Familiar):
    """People take the exit that they know."""

    suite, test = "iso", "16"


class IsoFollowing(Following):
    """People follow others."""

    suite, test = "iso", "15"


class IsoSmoke(Smoke):
    """Smoke slows people down as the formula says."""

    suite, test = "iso", "18"


class IsoDose(Dose):
    """Bad air brings people down when the dose says so."""

    suite, test = "iso", "19"


class ShorterWay(Check):
    """The layout decides the way."""

    suite, test, title = "iso", "17", "the shorter of two ways"
    criterion = "most of 50 people take the shorter way round a block, and all get through"
    counterexample: ClassVar[Figures] = {"short_share": 0.4, "long_share": 0.6}

    def measure(self) -> Figures:
        """A block in a square."""
        return choosing.two_ways_round()

    def judge(self, figures: Figures) -> bool:
        """More than half, nobody missing."""
        return figures["short_share"] > 0.5 and figures["short_share"] + figures["long_share"] >= 0.999


class IsoStairs(StairsUp):
    """Stairs slow a person down as much as they are told to."""

    suite, test, title = "iso", "3", "speed on stairs"
    criterion = "half the walking speed on 10 m of stairs (1.0 m/s, factor 0.5), ± 5 %"
    counterexample: ClassVar[Figures] = {"up_m_per_s": 0.56, "down_m_per_s": 0.5}
    expected: ClassVar[dict[str, float]] = {"up_m_per_s": 0.5, "down_m_per_s": 0.5}

    def measure(self) -> Figures:
        """One person of 1.0 m/s."""
        return walking.stairs_speed(1.0, 0.5, 0.5, 10.0)


class IsoCongestion(Congestion):
    """A crowd jams at a neck and at the foot of stairs."""

    suite, test = "iso", "10"


class StairsWidth(Check):
    """Wider stairs take more people."""

    suite, test, title = "iso", "12", "width of stairs"
    criterion = "flow up stairs of 1.0, 1.2, 1.4, 1.6 and 1.8 m rises with width, 100 people each"
    widths: ClassVar[tuple[float, ...]] = (1.0, 1.2, 1.4, 1.6, 1.8)
    counterexample: ClassVar[Figures] = {f"at_{w}_per_s": 1.0 for w in (1.0, 1.2, 1.4, 1.6, 1.8)}

    def measure(self) -> Figures:
        """Corridor as wide as the stairs."""
        return {f"at_{w}_per_s": crowding.stairs_jam(w, 100)["stairs_flow_per_s"] for w in self.widths}

    def judge(self, figures: Figures) -> bool:
        """Each above the one before."""
        return all(a < b for a, b in pairwise(figures[f"at_{w}_per_s"] for w in self.widths))


CHECKS: tuple[type[Check] | Absent, ...] = (
    IsoDelays,
    IsoCorridor,
    IsoStairs,
    IsoCorner,
    IsoSpeeds,
    IsoCounterFlow,
    IsoImpaired,
    IsoAssignment,
    IsoExitCloses,
    IsoCongestion,
    IsoDoorFlow,
    StairsWidth,
    CorridorCurve,
    IsoGroup,
    IsoFollowing,
    IsoFamiliar,
    ShorterWay,
    IsoSmoke,
    IsoDose,
)
