"""People who are there when the rehearsal begins, instead of coming by an entry."""

from __future__ import annotations

import numpy as np
import shapely

from sim import where
from sim.draw import stream
from sim.scenario import Scenario
from twin.errors import BadInput
from twin.places import District

CLOSEST = 0.45
"""Distance between neighbours below which nobody can be placed [m]."""
WIDEST = 3.0


def stands(district: District, scenario: Scenario, walkable: shapely.Geometry, demand: np.ndarray, seed: int) -> np.ndarray:
    """Where everybody is at the start (n, 2) [local metres], NaN for who comes by an entry.

    ``demand (n,)`` is the number of each person's demand in the order of the file. Raises :class:`BadInput` where more
    are said to be present than can stand there.
    """
    out = np.full((len(demand), 2), np.nan)
    for number, (name, spec) in enumerate(scenario.demand.items()):
        who = np.flatnonzero(demand == number)
        if spec.present is None or not len(who):
            continue
        area = where.area(district, spec.present, f"the area in which {name} is present").intersection(walkable)
        step = float(np.clip(np.sqrt(area.area / len(who)) * 0.95, CLOSEST, WIDEST))
        spots = _lattice(area, step)
        while len(spots) < len(who) and step > CLOSEST:
            step = max(step * 0.9, CLOSEST)
            spots = _lattice(area, step)
        if len(spots) < len(who):
            raise BadInput(f"demand {name} has {len(who)} people present on ground for {len(spots)}", where=scenario.name,
                           mend="give fewer people or a larger area")
        out[who] = stream(seed, f"present/{name}").permutation(spots)[:len(who)]
    return out


def _lattice(area: shapely.Geometry, step: float) -> np.ndarray:
    inner = area.buffer(-0.3)
    if inner.is_empty:
        return np.empty((0, 2))
    west, south, east, north = inner.bounds
    rows = np.arange(south + step / 2, north, step * np.sqrt(3) / 2)
    x, y = np.meshgrid(np.arange(west + step / 2, east, step), rows)
    x = x + (np.arange(len(rows)) % 2)[:, None] * step / 2
    spots = np.column_stack([x.ravel(), y.ravel()])
    return spots[shapely.contains_xy(inner, spots[:, 0], spots[:, 1])]
