"""Known behaviour of parking, measured on the grid: search against occupancy, and what new bays do to means and extremes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.parking.grid import coming_home, cruising, grid_plan, grid_scene
from sim.parking.night import Night
from sim.parking.plan import Drivers
from sim.scenario import Distribution
from sim.verify.plot import Plot, Series

OCCUPANCIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98)
PATIENCE_S = 600.0
"""Drivers of :func:`more_bays` give up after this, as in PARKAGENT, where they then pay for a garage [s]."""
LONG_S = 300.0


@dataclass(frozen=True)
class Supplied:
    """A night with some number of bays: how long cars searched [s], and how many did so without success or for long.

    ``mean_all_s`` counts a car that gave up with its patience of 600 s, ``mean_found_s`` is over cars that found a bay;
    ``gave_up`` and ``long`` (over 300 s, those that gave up among them) are cars.
    """

    bays: int
    mean_all_s: float
    mean_found_s: float
    gave_up: int
    long: int


def more_bays(cars: int = 2872, least: float = 0.85, steps: int = 7, *, seed: int = 1) -> list[Supplied]:
    """The same cars on the grid with more and more bays, from the share ``least`` of the cars up to a bay each."""
    plan = grid_plan(Drivers(scruple=Distribution(constant=1e9)))
    drawn = replace(coming_home(cars, 168, seed), patience=np.full(cars, PATIENCE_S))
    out = []
    for bays in np.linspace(least * cars, cars, steps).round().astype(int).tolist():
        night = Night(grid_scene(plan, spaces=bays), plan, seed, cars=drawn).run()
        reached, stood, _ = night.columns["times"].T
        gave_up = night.columns["place"] < 0
        search = np.where(gave_up, PATIENCE_S, stood - reached)
        out.append(Supplied(bays, float(search.mean()), float(search[~gave_up].mean()), int(gave_up.sum()),
                            int((search > LONG_S).sum())))
    return out


@dataclass(frozen=True)
class Known:
    """Mean search [s] by occupancy, and nights with more and more bays."""

    search: dict[float, float]
    supply: list[Supplied]

    @property
    def straight(self) -> float:
        """How nearly cars that give up fall in a straight line with the bays: the correlation, -1 for a line."""
        return float(np.corrcoef([s.bays for s in self.supply], [s.gave_up for s in self.supply])[0, 1])

    def change(self, name: str) -> float:
        """Relative change of a figure of :class:`Supplied` from the least bays to the most."""
        first, last = (float(getattr(s, name)) for s in (self.supply[0], self.supply[-1]))
        return last / first - 1.0

    def plot(self) -> Plot:
        """Search against occupancy, with the occupancies of Levy, Martens and Benenson (2013)."""
        highest = max(self.search.values())
        title = "Search time against occupancy (grid of 168 kerbs, one hour's stay)"
        return Plot(title, "share of bays taken", "mean search [s]",
                    [Series("model", sorted(self.search.items())),
                     Series("cruising begins (Levy et al. 2013)", [(0.85, 0.0), (0.85, highest)], "line", "#b3541e"),
                     Series("steep from here (92-93 %)", [(0.925, 0.0), (0.925, highest)], "line", "#7a4b6e")], zero=False)


def known_behaviour(*, seed: int = 1) -> Known:
    """Measure both; a few seconds."""
    return Known(cruising(list(OCCUPANCIES), seed=seed), more_bays(seed=seed))


__all__ = ["Known", "Supplied", "known_behaviour", "more_bays"]
