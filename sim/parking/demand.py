"""Who parks: the cars of residents and visitors as columns, drawn once for all options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.draw import moments, quantile, stream
from sim.parking.plan import ParkingPlan
from sim.parking.supply import household_grids
from twin.errors import BadInput
from twin.places import District

SETTLING_S = 900.0
"""Cars that are at home when the night begins find their bays within this time, and are not measured [s]."""


@dataclass(frozen=True)
class Homes:
    """Where cars belong: ``id (h,)`` courtyards, ``xy (h, 2)`` [local metres], ``floor (h,)`` dwelling area [m2],
    ``grid (h,) int64`` row of the household grid, -1 for none."""

    id: NDArray[np.object_]
    xy: NDArray[np.float64]
    floor: NDArray[np.float64]
    grid: NDArray[np.int64]


@dataclass(frozen=True)
class Cars:
    """The cars of a night, one row each, in the order of their numbers.

    ``home (c,) int64`` row of the homes; ``resident, early (c,) bool`` (``early``: stood at home before the night);
    ``enters, leaves, patience, scruple (c,)`` [s]; ``permit_draw, gate_draw (c,)`` quantiles; ``key (c,) uint64``.
    """

    home: NDArray[np.int64]
    resident: NDArray[np.bool_]
    early: NDArray[np.bool_]
    enters: NDArray[np.float64]
    leaves: NDArray[np.float64]
    patience: NDArray[np.float64]
    scruple: NDArray[np.float64]
    permit_draw: NDArray[np.float64]
    gate_draw: NDArray[np.float64]
    key: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.home)


def homes_of(district: District) -> Homes:
    """Courtyards with the floor area of their dwellings."""
    yards = district.courtyards
    if not len(yards):
        raise BadInput("there are no courtyards for cars to belong to", where=district.name, mend="import courtyards")
    dwellings = district.buildings[district.buildings["use"] == "residential"]
    area = dwellings.geometry.area * dwellings["levels"].fillna(1).astype(float).clip(lower=1)
    floor = area.groupby(dwellings["courtyard"].to_numpy()).sum()
    points = yards.geometry.representative_point()
    cells = {name: k for k, name in enumerate(household_grids(district)["id"])}
    return Homes(yards["id"].to_numpy(object), np.stack([points.x, points.y], axis=1) - np.array(district.origin),
                 yards["id"].map(floor).fillna(0.0).to_numpy(float),
                 yards["grid"].map(cells).fillna(-1).to_numpy(np.int64))


def cars_by_courtyard(homes: Homes, plan: ParkingPlan) -> NDArray[np.int64]:
    """Residents' cars of each courtyard, (h,), by dwelling floor area and largest remainders.

    Raises :class:`BadInput` where cars are wanted and nobody dwells.
    """
    total = plan.residents.cars
    if total is None:
        total = round(homes.floor.sum() / 100 * plan.residents.cars_per_100_m2)
    if homes.floor.sum() <= 0:
        if total or plan.visitors.cars:
            raise BadInput("no building of the district is a dwelling, so no car belongs anywhere", where=plan.name,
                           mend="give buildings the use `residential`")
        return np.zeros(len(homes.id), np.int64)
    exact = total * homes.floor / homes.floor.sum()
    whole = np.floor(exact).astype(np.int64)
    most_left = np.argsort(whole - exact, kind="stable")[:total - int(whole.sum())]
    whole[most_left] += 1
    return whole


def cars_at(homes: Homes, places: Sequence[str | None] | NDArray[np.object_]) -> NDArray[np.int64]:
    """Residents' cars of each courtyard, (h,), from one courtyard id a car, as a synthetic population gives them.

    Cars of places that are no courtyard of the district are left out.
    """
    row = {name: k for k, name in enumerate(homes.id)}
    known = [row[place] for place in places if place in row]
    return np.bincount(np.array(known, np.int64), minlength=len(homes.id)).astype(np.int64)


def draw_cars(plan: ParkingPlan, homes: Homes, residents: NDArray[np.int64], seed: int) -> Cars:
    """The cars of one night: the same for every option, since only the plan and the seed decide.

    ``residents (h,)`` is the number of residents' cars of each courtyard.
    """
    own, guests = int(residents.sum()), plan.visitors.cars
    n = own + guests
    u = {name: stream(seed, f"parking {name}").random(n) for name in (
        "home", "early", "enters", "leaves", "patience", "scruple", "permit", "gate")}
    resident = np.arange(n) < own
    home = np.repeat(np.arange(len(residents)), residents)
    if guests:
        share = np.cumsum(homes.floor) / homes.floor.sum()
        home = np.concatenate([home, np.minimum(np.searchsorted(share, u["home"][own:], side="right"), len(share) - 1)])
    early = resident & (u["early"] < plan.residents.home_at_start)
    end = plan.duration_s
    enters = np.where(resident, moments(plan.residents.arrive, u["enters"], end),
                      moments(plan.visitors.arrive, u["enters"], end))
    enters = np.where(early, u["enters"] * SETTLING_S, enters)
    stay = np.maximum(quantile(plan.visitors.stay, u["leaves"]), 300.0)
    leaves = np.where(resident, moments(plan.residents.leave, u["leaves"], np.inf), enters + stay)
    leaves = np.maximum(leaves, enters + 300.0)
    return Cars(home.astype(np.int64), resident, early, enters, leaves,
                np.maximum(quantile(plan.drivers.patience, u["patience"]), 30.0),
                np.maximum(quantile(plan.drivers.scruple, u["scruple"]), 0.0), u["permit"], u["gate"],
                stream(seed, "parking tastes").integers(0, 2**63, n).astype(np.uint64))


__all__ = ["Cars", "Homes", "cars_at", "cars_by_courtyard", "draw_cars", "homes_of"]
