"""Blind spots: stretches of street and courtyard gates in the zones that no post and no round has in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from sim.protection.plan import Plan, Station, holds
from twin.patrol import FootGround, Watch, watch_of


@dataclass(frozen=True)
class Sight:
    """What is seen at a time. ``places`` has the columns of :class:`twin.patrol.Watch` and ``grid``, ``zone`` (the
    innermost that holds), ``by_post``, ``by_round`` (bool) and ``blind``."""

    places: pd.DataFrame

    @property
    def blind(self) -> pd.DataFrame:
        """The blind spots."""
        return self.places[self.places["blind"]]

    def share(self, kind: str) -> float:
        """Share in sight of the places of a kind within the zones (streets by length, gates by number)."""
        mine = self.places[self.places["kind"] == kind]
        weight = mine["length_m"].to_numpy() if kind == "street" else np.ones(len(mine))
        return float(weight[~mine["blind"].to_numpy()].sum() / weight.sum()) if weight.sum() > 0 else float("nan")


def sight(plan: Plan, time_s: float, *, watch: Watch | None = None) -> Sight:
    """What posts and rounds on duty at a time have in sight, of everything that lies in a zone that holds then.

    A plan without zones is looked at as a whole. Reserves watch nothing.
    """
    watch = watch or watch_of(plan.district, plan.ground)
    places = watch.places.copy()
    places["zone"] = innermost(plan, places[["x", "y"]].to_numpy(), time_s)
    places["grid"] = plan.grid_of(places[["x", "y"]].to_numpy())
    for role, name in (("post", "by_post"), ("round", "by_round")):
        standing = [s for s in plan.stations if s.role == role and s.on_duty(time_s)]
        places[name] = _seen(plan.ground, watch, _standing(standing), plan.protection.sees_m)
    inside = places["zone"].notna().to_numpy() if plan.zones else np.ones(len(places), bool)
    places = places[inside & (watch.node >= 0)].reset_index(drop=True)
    places["blind"] = ~(places["by_post"] | places["by_round"])
    return Sight(places)


def innermost(plan: Plan, xy: NDArray[np.float64], time_s: float) -> list[str | None]:
    """The smallest zone that holds at a time around each place (n, 2), None outside all."""
    found: list[str | None] = [None] * len(xy)
    for zone in sorted((z for z in plan.zones if holds(z.spec, time_s)), key=lambda z: -z.area.area):
        for k in np.flatnonzero(shapely.contains_xy(zone.area, xy[:, 0], xy[:, 1])).tolist():
            found[k] = zone.spec.id
    return found


def _standing(stations: Sequence[Station]) -> NDArray[np.float64]:
    return np.concatenate([station.track for station in stations]) if stations else np.empty((0, 2))


def _seen(ground: FootGround, watch: Watch, viewers: NDArray[np.float64], sees_m: float) -> NDArray[np.bool_]:
    """Which watched places lie within sight of a viewer (m, 2), no wall between: (n,)."""
    seen = np.zeros(len(watch.places), bool)
    shown = np.flatnonzero(watch.node >= 0)
    if not len(viewers) or not len(shown):
        return seen
    node = np.unique(ground.snap(viewers))
    at = ground.nodes[node[node >= 0]]
    near = KDTree(ground.nodes[watch.node[shown]]).query_ball_point(at, sees_m)
    viewer = np.repeat(np.arange(len(at)), [len(found) for found in near])
    place = shown[np.concatenate([np.asarray(found, dtype=np.int64) for found in near])]
    corner = np.asarray(ground.corner)
    clear = ground.walls.clear(at[viewer] - corner, ground.nodes[watch.node[place]] - corner)
    seen[place[clear]] = True
    return seen
