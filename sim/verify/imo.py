"""IMO MSC.1/Circ.1238, Annex 3. Geometries and tolerances are those of public implementations of its tests."""

from __future__ import annotations

from typing import ClassVar

from sim.verify import walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.nist import CounterFlow, DoorFlow
from sim.verify.rimea import Ages, Assignment, Corner, PublicSpace, Reaction, StairsDown, StairsJam, StairsUp


class ImoCorridor(Check):
    """40 m in 40 s."""

    suite, test, title = "imo", "1", "one person in a corridor"
    criterion = "40 m at 1 m/s in 40 ± 1 s"
    counterexample: ClassVar[Figures] = {"least_s": 38.0, "most_s": 40.0}

    def measure(self) -> Figures:
        """Corridor of 2 m."""
        return walking.corridor_time(1.0, 1.0, 0.0, 3)

    def judge(self, figures: Figures) -> bool:
        """Within a second."""
        return 39 <= figures["least_s"] <= figures["most_s"] <= 41


class ImoDoorFlow(DoorFlow):
    """Largest flow of a door in conservative design."""

    suite, test = "imo", "4"


class ImoReaction(Reaction):
    """People start when they are told to."""

    suite, test = "imo", "5"


class ImoCorner(Corner):
    """Nobody passes a wall."""

    suite, test = "imo", "6"


class ImoAges(Ages):
    """Speeds follow the table of ages."""

    suite, test = "imo", "7"


class ImoCounterFlow(CounterFlow):
    """Opposed people slow each other and still arrive."""

    suite, test = "imo", "8"


class ImoHall(PublicSpace):
    """Half the doors, twice the time."""

    suite, test = "imo", "9"


class ImoCabins(Assignment):
    """People use the exit that they were assigned."""

    suite, test = "imo", "10"


class ImoStairsUp(StairsUp):
    """Stairs slow a person down as much as they are told to."""

    suite, test = "imo", "2"


class ImoStairsDown(StairsDown):
    """Stairs slow a person down as much as they are told to."""

    suite, test = "imo", "3"


class ImoStairsJam(StairsJam):
    """A crowd jams at the foot of stairs."""

    suite, test = "imo", "11"


CHECKS: tuple[type[Check] | Absent, ...] = (
    ImoCorridor,
    ImoStairsUp,
    ImoStairsDown,
    ImoDoorFlow,
    ImoReaction,
    ImoCorner,
    ImoAges,
    ImoCounterFlow,
    ImoHall,
    ImoCabins,
    ImoStairsJam,
)
