"""Where cars may stand, and where they stand although they may not: rows of bays, lots, and stretches of street."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
import shapely.ops
from numpy.typing import NDArray
from shapely.affinity import translate

from sim import where
from sim.parking.network import DRIVABLE, JOIN_M, drivable_widths
from sim.parking.plan import Fire, Option, ParkingPlan, Rule
from twin.errors import BadInput
from twin.places import District

ACCESS = ("public", "residents", "permit", "private", "customers")
STRETCH_M = 60.0
"""Length of the stretches in which illegal places are counted [m]."""
CAR_M = 6.0
"""Length of a bay along a street; bays across it take ACROSS_M each [m]."""
ACROSS_M = 2.3
PASS_M = 1.0
"""Nobody parks where people could not pass the car [m]."""
CLEAR_OF_DOORS = 0.5
"""Share of a stretch that is not before a door, a gate or a corner."""


@dataclass
class Supply:
    """Places to park, one row each. ``kind`` is of the district's bays, or ``fire lane`` or ``footway`` (illegal).

    ``id, kind (p,) object``; ``access (p,) int8`` into :data:`ACCESS`; ``capacity (p,) int32``; ``price (p,)``;
    ``opens, closes, max_stay (p,)`` [s]; ``signed, legal, blocks (p,) bool`` (``blocks``: a car there stops a fire
    engine); ``grid (p,) int64`` row of the household grid that manages it, -1 for none; ``key (p,) uint64``, the same
    in every option; ``outline (p,)`` shapely, local metres; ``street (p,)`` street id or None. ``timed_access (p,) int8``
    holds in place of ``access`` from ``timed_from`` until ``timed_until (p,)`` [s]; left out, it never does.
    """

    id: NDArray[np.object_]
    kind: NDArray[np.object_]
    access: NDArray[np.int8]
    capacity: NDArray[np.int32]
    price: NDArray[np.float64]
    opens: NDArray[np.float64]
    closes: NDArray[np.float64]
    max_stay: NDArray[np.float64]
    signed: NDArray[np.bool_]
    legal: NDArray[np.bool_]
    blocks: NDArray[np.bool_]
    grid: NDArray[np.int64]
    outline: NDArray[np.object_]
    street: NDArray[np.object_]
    timed_access: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    timed_from: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    timed_until: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not len(self.timed_access):
            never = np.full(len(self.id), np.inf)
            self.timed_access, self.timed_from, self.timed_until = self.access, never, never

    @property
    def key(self) -> NDArray[np.uint64]:
        """A number for each id, for draws that are the same in every option."""
        return np.array([zlib.crc32(str(name).encode()) for name in self.id], np.uint64)

    @property
    def xy(self) -> NDArray[np.float64]:
        """A point within each place, (p, 2) [local metres]."""
        return shapely.get_coordinates(shapely.point_on_surface(self.outline)).reshape(-1, 2)

    @property
    def first_bay(self) -> NDArray[np.int64]:
        """Number of the first bay of each place, and one past the last of all, (p + 1,)."""
        return np.concatenate([[0], np.cumsum(self.capacity, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.id)


def supply_of(district: District, plan: ParkingPlan, option: Option) -> Supply:
    """The places of a district with an option: its bays, what the option adds, and the stretches for the lawless.

    Raises :class:`BadInput` for a rule or closure that names an unknown bay, for a new row outside every street, for
    a lot that no street reaches, and for capacities below zero.
    """
    rows = _of_district(district) + _added(district, option)
    frame = pd.DataFrame(rows, columns=["id", "kind", "access", "capacity", "price", "opens", "closes", "outline", "street"])
    if frame["id"].duplicated().any():
        twice = frame["id"][frame["id"].duplicated()].iloc[0]
        raise BadInput(f"two places to park are called {twice!r}", where=plan.name, mend="give the new one another id")
    frame["max_stay"], frame["signed"], frame["grid"] = np.inf, frame["kind"].isin(["lot", "garage"]), -1
    frame["timed_access"], frame["timed_from"], frame["timed_until"] = "public", np.inf, np.inf
    for rule in [*plan.rules, *option.rules]:
        _apply(rule, frame, district, plan)
    unknown = sorted(set(option.close) - set(frame["id"]))
    if unknown:
        raise BadInput(f"there are no bays {unknown[0]!r} to close", where=plan.name, mend="give an id of the table bays")
    frame.loc[frame["id"].isin(option.close), "capacity"] = 0
    frame["legal"], frame["blocks"] = True, False
    frame = pd.concat([frame, _stretches(district, plan.fire, frame)], ignore_index=True)
    return Supply(frame["id"].to_numpy(object), frame["kind"].to_numpy(object),
                  frame["access"].map(ACCESS.index).to_numpy(np.int8), frame["capacity"].to_numpy(np.int32),
                  frame["price"].to_numpy(float), frame["opens"].to_numpy(float), frame["closes"].to_numpy(float),
                  frame["max_stay"].to_numpy(float), frame["signed"].to_numpy(bool), frame["legal"].to_numpy(bool),
                  frame["blocks"].to_numpy(bool), frame["grid"].to_numpy(np.int64), frame["outline"].to_numpy(object),
                  frame["street"].to_numpy(object), frame["timed_access"].map(ACCESS.index).to_numpy(np.int8),
                  frame["timed_from"].to_numpy(float), frame["timed_until"].to_numpy(float))


def _of_district(district: District) -> list[tuple[object, ...]]:
    """Rows of the table of bays; a row without a capacity holds what its ground fits."""
    bays, (x0, y0) = district.bays, district.origin
    out: list[tuple[object, ...]] = []
    for row in bays[bays.geometry.notna()].itertuples():
        shape = translate(shapely.force_2d(row.geometry), -x0, -y0)
        capacity = _fits(shape, row.kind) if pd.isna(row.capacity) else int(row.capacity)
        if capacity < 0:
            raise BadInput(f"{row.id} has a capacity of {capacity}", where=district.name, mend="give 0 or more")
        out.append((row.id, row.kind or "kerb", row.access or "public", capacity, 0.0, -np.inf, np.inf, shape, row.street))
    return out


def _fits(shape: shapely.Geometry, kind: str | None) -> int:
    """Cars that fit where the map does not say: one a bay, one in 6 m of a line, one on 27 m2 of a lot."""
    if kind == "bay" or shape.geom_type == "Point":
        return 1
    return int(shape.length // CAR_M) if shape.area == 0 else max(int(shape.area // 27), 1)


def _added(district: District, option: Option) -> list[tuple[object, ...]]:
    """The lots and rows that an option adds."""
    out: list[tuple[object, ...]] = []
    streets = district.streets[district.streets["kind"].isin(DRIVABLE)]
    lines, names = streets.geometry.to_numpy(), streets["id"].to_numpy(object)
    x0, y0 = district.origin
    for lot in option.lots:
        ground = where.area(district, lot.area, f"lot {lot.id}")
        off = shapely.distance(lines, translate(ground, x0, y0))
        if not len(off) or off.min() > JOIN_M:
            raise BadInput(f"no street reaches the lot {lot.id}", where=district.name,
                           mend=f"put it within {JOIN_M:g} m of a street")
        closes = np.inf if lot.until_s is None else lot.until_s
        out.append((lot.id, lot.kind, lot.access, lot.capacity, lot.price, lot.from_s or -np.inf, closes, ground,
                    names[int(off.argmin())]))
    for row in option.rows:
        line = where.line(district, row.along, f"row {row.id}")
        placed = translate(line, x0, y0)
        nearest = int(shapely.distance(lines, placed).argmin())
        wide = float(drivable_widths(district)[streets.index[nearest]])
        if placed.distance(lines[nearest]) > wide / 2 + 1:
            raise BadInput(f"the bays {row.id} lie outside every street", where=district.name,
                           mend="draw them along a street or lane, or give its id")
        most = int(line.length // (CAR_M if row.kind == "lane" else ACROSS_M))
        if row.kind == "lane" and row.along == names[nearest]:
            most -= int(district.bays.loc[district.bays["street"] == row.along, "capacity"].fillna(0).sum())
        if row.capacity > most:
            raise BadInput(f"{row.capacity} bays do not fit along the {line.length:.0f} m of {row.id}", where=district.name,
                           mend=f"ask for at most {max(most, 0)}")
        out.append((row.id, row.kind, row.access, row.capacity, row.price, -np.inf, np.inf, line, names[nearest]))
    return out


def _apply(rule: Rule, frame: pd.DataFrame, district: District, plan: ParkingPlan) -> None:
    unknown = sorted(set(rule.bays) - set(frame["id"]))
    if unknown:
        raise BadInput(f"a rule names the bays {unknown[0]!r}, which are not there", where=plan.name,
                       mend="give an id of the table bays")
    held = frame["id"].isin(rule.bays) | (frame["kind"].isin(rule.kinds) if not rule.bays else False)
    if rule.by_hour:
        until = np.inf if rule.access_until_s is None else rule.access_until_s
        frame.loc[held, ["timed_access", "timed_from", "timed_until"]] = [rule.access, rule.access_from_s or 0.0, until]
    elif rule.access is not None:
        frame.loc[held, "access"] = rule.access
    if rule.price is not None:
        frame.loc[held, "price"] = rule.price
    if rule.max_stay_s is not None:
        frame.loc[held, "max_stay"] = rule.max_stay_s
    if rule.signed is not None:
        frame.loc[held, "signed"] = rule.signed
    if rule.from_s > 0:
        frame.loc[held, "opens"] = rule.from_s
    if rule.until_s is not None:
        frame.loc[held, "closes"] = rule.until_s
    if rule.grid is not None:
        cells = household_grids(district)["id"].tolist()
        if rule.grid not in cells:
            raise BadInput(f"a rule names the grid {rule.grid!r}, which is no household grid", where=plan.name,
                           mend="give an id of the table grids")
        frame.loc[held, "grid"] = cells.index(rule.grid)
    frame.loc[held, "capacity"] = (frame.loc[held, "capacity"] - rule.taken).clip(lower=0)


def household_grids(district: District) -> pd.DataFrame:
    """The finest cells of the household scheme, in which supply and demand are told."""
    cells = district.grids[(district.grids["scheme"] == "household") & (district.grids["level"] == "grid")]
    return cells.reset_index(drop=True)


def _stretches(district: District, fire: Fire, legal: pd.DataFrame) -> pd.DataFrame:
    """Where cars stand against the rules: along lanes (a fire lane where little width is left) and on footways.

    What legal rows of a street take is not counted again.
    """
    streets, widths, out = district.streets, drivable_widths(district), []
    rows = legal[legal["kind"].isin(["kerb", "lane", "bay"])].groupby("street")["capacity"].sum()
    for k in np.flatnonzero(streets["kind"].isin(["lane", "service", "street"]).to_numpy()):
        line, name = streets.geometry.iloc[k], streets["id"].iloc[k]
        if line is None or line.geom_type != "LineString" or line.length < CAR_M:
            continue
        line = translate(shapely.force_2d(line), -district.origin[0], -district.origin[1])
        lane = streets["kind"].iloc[k] != "street"
        if lane and widths[k] < fire.car_width_m + PASS_M:
            continue
        pieces = max(int(line.length // STRETCH_M), 1)
        free = max(line.length * CLEAR_OF_DOORS - CAR_M * float(rows.get(name, 0)), 0.0) / pieces
        side = max(widths[k] / 2 - (1.1 if lane else 0.8), 0.1)
        cuts = np.linspace(0, line.length, pieces + 1)
        for number, (a, b) in enumerate(pairwise(cuts)):
            piece = shapely.offset_curve(shapely.ops.substring(line, a, b), side)
            if piece.is_empty or piece.geom_type != "LineString":
                piece = shapely.ops.substring(line, a, b)
            out.append({"id": f"{'lane' if lane else 'footway'} {name} {number}",
                        "kind": "fire lane" if lane else "footway", "capacity": int(free // CAR_M), "outline": piece,
                        "street": name, "blocks": lane and widths[k] - fire.car_width_m < fire.clear_width_m})
    made = pd.DataFrame(out, columns=["id", "kind", "capacity", "outline", "street", "blocks"])
    return made.assign(access="public", price=0.0, opens=-np.inf, closes=np.inf, max_stay=np.inf, signed=False, legal=False,
                       grid=-1, timed_access="public", timed_from=np.inf, timed_until=np.inf)


def bay_points(supply: Supply) -> NDArray[np.float64]:
    """Where each single bay lies, (bays, 2) [local metres]: along a row's long side, or on a lattice in a lot."""
    out = [_spread(shape, int(n)) for shape, n in zip(supply.outline, supply.capacity, strict=True)]
    return np.concatenate([np.zeros((0, 2)), *out])


def _spread(shape: shapely.Geometry, n: int) -> NDArray[np.float64]:
    if n == 0:
        return np.zeros((0, 2))
    if shape.area == 0:
        if shape.geom_type == "Point":
            return np.repeat(shapely.get_coordinates(shape), n, axis=0)
        return shapely.get_coordinates(shapely.line_interpolate_point(shape, (np.arange(n) + 0.5) / n, normalized=True))
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))[:4]
    start, u, v = corners[0], corners[1] - corners[0], corners[3] - corners[0]
    if np.hypot(*u) < np.hypot(*v):
        u, v = v, u
    long, short = float(np.hypot(*u)), float(np.hypot(*v))
    across = max(round(np.sqrt(n * short / long)), 1) if short > 4 else 1
    along = -(-n // across)
    i, j = np.divmod(np.arange(n), across)
    return start + np.outer((i + 0.5) / along, u) + np.outer((j + 0.5) / across, v)


__all__ = ["ACCESS", "Supply", "bay_points", "household_grids", "supply_of"]
