"""Smoke in a lab scenario: it comes and goes, slows people down, and whoever breathes it takes in a dose."""

from __future__ import annotations

import numpy as np
import shapely

from sim.crowd import Ground
from sim.crowd.behaviour.smoke import INCAPACITATED, dose_rate, pace_in_smoke
from sim.crowd.people import Snapshot
from sim.lab import Lab, Smoke, area_of


class Air:
    """The air of an experiment. ``dose (n,)`` is what each person has taken in, 1 being what nobody can walk with;
    ``down_s (n,)`` when that was, NaN for who walks."""

    def __init__(self, lab: Lab, ground: Ground, persons: int) -> None:
        self.ground = ground
        self.dose, self.down_s = np.zeros(persons), np.full(persons, np.nan)
        self._clouds = [(name, smoke, area_of(smoke.area)) for name, smoke in lab.smoke.items()]
        for _, _, area in self._clouds:
            shapely.prepare(area)
        self._hanging: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._clouds)

    def drift(self, now: float) -> None:
        """Let smoke come and go as it is time: people walk slower in it."""
        for name, smoke, area in self._clouds:
            there = _hangs(smoke, now)
            if there and name not in self._hanging:
                self._hanging.add(name)
                if smoke.extinction_per_m > 0:
                    self.ground.pace(f"smoke {name}", area, pace_in_smoke(smoke.extinction_per_m, smoke.slope_m))
            elif not there and name in self._hanging:
                self._hanging.discard(name)
                self.ground.unpace(f"smoke {name}")

    def breathe(self, people: Snapshot, person_of: np.ndarray, now: float, seconds: float) -> np.ndarray:
        """Add up what everybody took in over the last seconds; gives the persons who have just broken down."""
        rate = np.zeros(len(people.ids))
        for _, smoke, area in self._clouds:
            if smoke.harms and _hangs(smoke, now - seconds):
                inside = shapely.contains_xy(area, people.xy[:, 0], people.xy[:, 1])
                taken = float(dose_rate(smoke.co_ppm, smoke.co2_percent, smoke.o2_percent))
                rate[inside] = np.maximum(rate[inside], taken)
        persons = person_of[people.ids]
        before = self.dose[persons]
        self.dose[persons] = before + rate * seconds
        down = persons[(before < INCAPACITATED) & (self.dose[persons] >= INCAPACITATED)]
        self.down_s[down] = now
        return np.asarray(down)


def _hangs(smoke: Smoke, now: float) -> bool:
    return smoke.from_s <= now + 1e-9 and (smoke.until_s is None or now < smoke.until_s - 1e-9)
