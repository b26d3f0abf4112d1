"""Tests of stairs between storeys that no guideline names."""

from __future__ import annotations

from typing import ClassVar

from sim.verify import storeys
from sim.verify.check import Absent, Check, Figures


class OneWayStairs(Check):
    """Regulated stairs keep their rate."""

    suite, test, title = "experiments", "stairs-regulated", "flow onto one-way stairs"
    criterion = "60 people: one-way stairs regulated at 1 /s let through 0.9 to 1 /s, free ones more than twice that; all get up"
    counterexample: ClassVar[Figures] = {"flow_per_s": 1.2, "free_flow_per_s": 3.0, "not_out": 0.0}

    def measure(self) -> Figures:
        """A flight of 8 x 2 m between two halls."""
        return storeys.one_way_stairs()

    def judge(self, figures: Figures) -> bool:
        """In the band, and only for the regulation."""
        return 0.9 <= figures["flow_per_s"] <= 1.0 < figures["free_flow_per_s"] / 2 and figures["not_out"] == 0


class Continuity(Check):
    """Nobody is lost, and bodies overlap no deeper, where storeys meet."""

    suite, test, title = "experiments", "storeys", "from storey to storey"
    criterion = "100 up and 100 down the same stairs: all arrive, none outside, bodies overlap by 0.11 m at most on the flight"
    counterexample: ClassVar[Figures] = {
        "not_out": 0.0, "points_outside": 0.0, "overlap_on_stairs_m": 0.2, "overlap_in_halls_m": 0.05,
    }

    def measure(self) -> Figures:
        """A flight of 8 x 3 m between two halls; the tolerance is that of the crowd on the level."""
        return storeys.continuity()

    def judge(self, figures: Figures) -> bool:
        """None lost, none outside, none through another."""
        return figures["not_out"] == figures["points_outside"] == 0 and figures["overlap_on_stairs_m"] <= 0.11


CHECKS: tuple[type[Check] | Absent, ...] = (OneWayStairs, Continuity)
