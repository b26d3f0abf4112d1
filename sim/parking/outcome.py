"""What a night comes to: measures, supply and demand by grid and hour, and an audit of who stood where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from sim.measures import MeasureKind
from sim.parking.fire import FireAccess
from sim.parking.night import Night
from sim.parking.search import GAVE_UP
from sim.parking.supply import household_grids
from twin.places import District

MEASURES: dict[str, MeasureKind] = {kind.key: kind for kind in (
    MeasureKind("search_mean", "s", "mean search time", "平均寻位时间"),
    MeasureKind("search_p95", "s", "search time, 95 of 100 below", "寻位时间95百分位"),
    MeasureKind("search_bay", "s", "mean search time of cars that found a bay", "找到合法泊位车辆的平均寻位时间"),
    MeasureKind("search_long", "cars", "cars that parked after over ten minutes", "寻位超过十分钟的车辆"),
    MeasureKind("search_distance", "m", "mean distance driven in search", "平均寻位绕行距离"),
    MeasureKind("walk_mean", "m", "mean walk home", "平均步行回家距离"),
    MeasureKind("walk_p95", "m", "walk home, 95 of 100 below", "步行回家距离95百分位"),
    MeasureKind("unserved", "cars", "cars without a legal bay (gave up, or against the rules)", "无合法泊位的车辆（放弃或违停）"),
    MeasureKind("gave_up", "cars", "cars that gave up", "放弃停车的车辆"),
    MeasureKind("illegal", "cars", "cars against the rules at two in the morning", "凌晨两点违停车辆"),
    MeasureKind("fire_lane", "cars", "of them in lanes for fire engines", "其中占用消防通道"),
    MeasureKind("footway", "cars", "of them on footways", "其中占用人行道"),
    MeasureKind("blocked", "courtyards", "courtyards that a fire engine does not reach", "消防车无法到达的院落"),
    MeasureKind("occupancy", "", "share of legal bays taken at two in the morning", "凌晨两点合法泊位利用率", None),
    MeasureKind("deficit", "cars", "cars of grids without a legal bay at two in the morning", "凌晨两点网格内无合法泊位车辆合计"),
)}
"""Measures of a night, with unit, which way is better, and names."""


LONG_S = 600.0
"""A longer search is a long one [s]."""


@dataclass(frozen=True)
class Outcome:
    """``measures`` by name, and ``grids``: one row a household grid and hour (see :func:`by_grid_and_hour`)."""

    measures: dict[str, float]
    grids: pd.DataFrame
    blocked: NDArray[np.bool_]


def outcome(night: Night, district: District, access: FireAccess | None = None) -> Outcome:
    """What a finished night comes to; without ``access`` the fire engine is left out (its measure is NaN)."""
    at = deep_night(night)
    scene, cars, columns = night.scene, night.cars, night.columns
    measured = ~cars.early
    parked = np.isfinite(columns["times"][:, 1])
    search = (columns["times"][:, 1] - columns["times"][:, 0])[measured & parked]
    walk = walk_home(night)[measured & parked]
    standing = np.bincount(columns["place"][night.standing(at)], minlength=len(scene.supply))
    gave_up = float((columns["state"] == GAVE_UP).sum())
    legal, kind = scene.supply.legal, scene.supply.kind
    blocked = np.zeros(len(scene.homes.id), bool)
    if access is not None:
        blocked = access.blocked(scene.network, scene.supply, standing, night.plan.fire.hose_m)
    grids = by_grid_and_hour(night, district)
    deepest = grids[grids["hour"] == round(at / 3600)]
    open_bays = int(scene.supply.capacity[legal & _usable(night, at)].sum())
    return Outcome({
        "search_mean": _mean(search), "search_p95": _high(search),
        "search_bay": _mean(search[legal[columns["place"][measured & parked]]]),
        "search_long": float((search > LONG_S).sum()),
        "search_distance": _mean(columns["driven"][measured & parked]),
        "walk_mean": _mean(walk), "walk_p95": _high(walk),
        "unserved": gave_up + float(standing[~legal].sum()),
        "gave_up": gave_up,
        "illegal": float(standing[~legal].sum()), "fire_lane": float(standing[kind == "fire lane"].sum()),
        "footway": float(standing[kind == "footway"].sum()),
        "blocked": float("nan") if access is None else float(blocked.sum()),
        "occupancy": float(standing[legal & _usable(night, at)].sum()) / open_bays if open_bays else float("nan"),
        "deficit": float(deepest["deficit"].sum()),
    }, grids, blocked)


def deep_night(night: Night) -> float:
    """Two in the morning, or the middle of a shorter night [s after the start]."""
    start = night.plan.start
    until_two = (26 * 3600 - (start.hour * 3600 + start.minute * 60)) % 86_400
    return float(until_two) if until_two < night.plan.duration_s else night.plan.duration_s / 2


def walk_home(night: Night) -> NDArray[np.float64]:
    """How far each car's driver walks home [m], (c,); NaN for who did not park."""
    start, place, walk = night.scene.near
    out = np.full(len(night.cars), np.nan)
    known = pd.Series(walk, index=pd.MultiIndex.from_arrays([np.repeat(np.arange(len(start) - 1), np.diff(start)), place]))
    parked = np.flatnonzero(night.columns["place"] >= 0)
    asked = pd.MultiIndex.from_arrays([night.cars.home[parked], night.columns["place"][parked]])
    out[parked] = known.reindex(asked).to_numpy()
    return out


def by_grid_and_hour(night: Night, district: District) -> pd.DataFrame:
    """Supply and demand of every household grid at every full hour.

    Columns: ``grid`` (its row), ``hour`` (after the start), ``supply`` (legal bays that are open and that cars of the
    quarter may use), ``demand`` (cars that belong here and are in the district, or gave up), ``standing`` (cars
    in legal bays here), ``illegal`` (cars against the rules here), ``deficit`` (cars that belong here and stand in no legal bay).
    ``demand`` and ``deficit`` tell of residents: :func:`sim.parking.study.compare_options` sends them through the gate.
    """
    scene, cars = night.scene, night.cars
    cells = household_grids(district)
    count = len(cells)
    shapes = shapely.transform(cells.geometry.to_numpy(), lambda xy: xy - np.array(district.origin))
    cell_of = np.full(len(scene.supply), -1, np.int64)
    which, cell = shapely.STRtree(shapes).query_nearest(shapely.points(scene.supply.xy), all_matches=False, max_distance=60)
    cell_of[which] = cell
    home_cell = scene.homes.grid[cars.home]
    place, parked = night.columns["place"], night.columns["times"][:, 1]
    lawful = (place >= 0) & scene.supply.legal[place]
    rows = []
    for hour, standing in enumerate(night.hourly):
        t = hour * 3600.0
        usable = scene.supply.legal & _usable(night, t)
        here = (cars.enters <= t) & (t < cars.leaves)
        supply = _by(cell_of[usable], count, scene.supply.capacity[usable])
        demand = _by(home_cell[here], count)
        rows.append(pd.DataFrame({
            "grid": np.arange(count), "hour": hour, "supply": supply, "demand": demand,
            "standing": _by(cell_of[scene.supply.legal], count, standing[scene.supply.legal]),
            "illegal": _by(cell_of[~scene.supply.legal], count, standing[~scene.supply.legal]),
            "deficit": demand - _by(home_cell[here & lawful & (parked <= t)], count)}))
    return pd.concat(rows, ignore_index=True)


def audit(night: Night) -> list[str]:
    """Everything that must never be, in the columns of a finished night: an empty list, or what was found.

    Two cars in one bay at one time, a car in a place while it was closed, more cars in a place than it has bays, and
    a car in a place that the rules keep from it.
    """
    wrong: list[str] = []
    supply, columns = night.scene.supply, night.columns
    parked = np.flatnonzero(np.isfinite(columns["times"][:, 1]))
    come = columns["times"][parked, 1]
    gone = np.minimum(np.maximum(night.cars.leaves[parked], come + 1.0), night.plan.duration_s)
    place, bay = columns["place"][parked], columns["bay"][parked]
    order = np.lexsort((come, bay))
    same = np.flatnonzero(np.diff(bay[order]) == 0)
    if (come[order][same + 1] < gone[order][same]).any():
        wrong.append("two cars in one bay")
    first = supply.first_bay
    if ((bay < first[place]) | (bay >= first[place + 1])).any():
        wrong.append("a car beyond the bays of its place")
    if ((come < supply.opens[place]) | (gone > supply.closes[place])).any():
        wrong.append("a car in a closed place")
    if (supply.capacity[place] == 0).any():
        wrong.append("a car in a place without bays")
    if not _admitted(night, parked, place, come, gone).all():
        wrong.append("a car that the rules keep from its place")
    events = pd.DataFrame({"t": np.concatenate([come, gone]), "p": np.tile(place, 2),
                           "d": np.repeat([1, -1], len(parked))}).sort_values(["p", "t", "d"])
    height = events.groupby("p")["d"].cumsum().to_numpy()
    if (height > supply.capacity[events["p"].to_numpy()]).any():
        wrong.append("more cars than bays")
    if night.shared_twice:
        wrong.append(f"{night.shared_twice} bays were given to two cars")
    return wrong


def _admitted(night: Night, cars: NDArray[np.int64], place: NDArray[np.int64], come: NDArray[np.float64],
              gone: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the rules of access let each of these cars stand in its place from when it came until it went."""
    supply, resident, permit = night.scene.supply, night.cars.resident[cars], night.permit[cars]
    let_in = np.stack([np.ones(len(cars), bool), resident, permit, np.zeros(len(cars), bool), ~resident])
    row = np.arange(len(cars))
    since, until = supply.timed_from[place], supply.timed_until[place]
    within, beyond = (come < until) & (gone > since), (come < since) | (gone > until)
    return (~within | let_in[supply.timed_access[place], row]) & (~beyond | let_in[supply.access[place], row])


def _usable(night: Night, t: float) -> NDArray[np.bool_]:
    """Places that are open at a time and that somebody but their owners may use, (p,)."""
    supply = night.scene.supply
    return (supply.opens <= t) & (t < supply.closes) & (supply.access != 3)


def _by(cell: NDArray[np.int64], count: int, weights: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
    known = cell >= 0
    return np.bincount(cell[known], None if weights is None else weights[known], minlength=count).astype(np.int64)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _high(values: NDArray[np.float64]) -> float:
    return float(np.quantile(values, 0.95)) if len(values) else float("nan")
