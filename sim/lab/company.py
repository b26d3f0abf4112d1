"""The companies of a lab scenario, and how far their members have to go in all."""

from __future__ import annotations

import numpy as np
import shapely

from sim.crowd import Ground
from sim.crowd.behaviour.company import Companies
from sim.lab.bench import Cast


def companies_of(cast: Cast) -> Companies:
    """Everybody's company; persons are rows of the cast."""
    return Companies(cast.company, cast.speed, cast.brisk)


def onward(cast: Cast, ground: Ground, companies: Companies) -> np.ndarray:
    """What remains to go after each goal of each person's route (n, k) [m]: from goal to goal as the crow walks.

    Zero for who is in no company: nobody waits for them.
    """
    rest = np.zeros(cast.route.shape)
    if not companies.count or cast.route.shape[1] == 1:
        return rest
    together = companies.company >= 0
    for leg in range(cast.route.shape[1] - 2, -1, -1):
        for here, there in {(int(a), int(b)) for a, b in cast.route[together, leg : leg + 2] if a >= 0 and b >= 0}:
            point = shapely.get_coordinates(ground.area_of(here).representative_point())
            rows = together & (cast.route[:, leg] == here) & (cast.route[:, leg + 1] == there)
            rest[rows, leg] = rest[rows, leg + 1] + ground.distance(there, point)[0]
    return np.where(np.isfinite(rest), rest, 0.0)
