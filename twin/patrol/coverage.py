"""Coverage: how long ago each stretch of street and each courtyard gate was last seen by a unit on shift.

A place is seen from a position if it lies within the visibility radius and no wall stands between, as far as the
walkable ground shows: along a street, across a square, not through a house. Between two fixes a unit is taken to
have walked straight if they are at most a minute apart and it could have; a longer silence covers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import KDTree

from twin.errors import BadInput
from twin.patrol.ground import FootGround
from twin.places.access import complete_access
from twin.places.district import District

RADIUS_M = 30.0
PIECE_M = 25.0
LONGEST_SILENCE_S = 60.0
FASTEST = 7.0
"""m/s; fixes that would need more (a bicycle's speed) are not joined."""
STRIDE_M = 3.0
ONE_PASS_S = 300.0
"""Sightings of a place less than this apart are one pass."""
TICK_S = 10.0
"""Sightings are told apart to this."""
_MOST_PAIRS = 4_000_000


@dataclass(frozen=True)
class Watch:
    """What patrols should see: ``places`` has ``id, kind`` (street or gate), ``of`` (the street's or courtyard's id),
    ``x, y, length_m`` (0 for a gate); ``node`` (n,) is where on the ground each is looked at, -1 if nowhere."""

    places: pd.DataFrame
    node: NDArray[np.int64]


def watch_of(district: District, ground: FootGround, *, piece_m: float = PIECE_M) -> Watch:
    """All streets on foot, cut into pieces, and all gates of courtyards that open onto ground which patrols walk.

    A gate from one courtyard into the next is nothing that a patrol sees, and is left out.
    """
    streets = district.streets
    streets = streets[streets["on_foot"].astype("boolean").fillna(True) & (streets["layer"].fillna(0) >= 0)
                      & (streets["kind"] != "motorway") & streets.geometry.notna()]
    lines, owner = shapely.get_parts(streets.geometry.to_numpy(), return_index=True)
    ids = streets["id"].to_numpy(dtype=object)[owner]
    number = np.maximum(np.ceil(shapely.length(lines) / piece_m).astype(int), 1)
    line = np.repeat(np.arange(len(lines)), number)
    nth = np.arange(len(line)) - np.repeat(np.cumsum(number) - number, number)
    length = (shapely.length(lines) / number)[line]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], (nth + 0.5) * length))
    pieces = pd.DataFrame({"kind": "street", "of": ids[line], "x": middle[:, 0], "y": middle[:, 1], "length_m": length})
    pieces.insert(0, "id", pieces["of"] + "/" + (pieces.groupby("of").cumcount() + 1).astype(str))
    entrances = complete_access(district).entrances
    yards = district.courtyards["id"]
    gates = entrances[entrances["courtyard"].isin(yards) & ~entrances["leads_to"].isin(yards) & entrances.geometry.notna()]
    doors = pd.DataFrame({"id": gates["id"], "kind": "gate", "of": gates["courtyard"], "x": gates.geometry.x,
                          "y": gates.geometry.y, "length_m": 0.0})
    places = pd.concat([pieces, doors], ignore_index=True)
    return Watch(places, ground.snap(places[["x", "y"]].to_numpy(), within=6.0))


@dataclass(frozen=True)
class Coverage:
    """What was seen. ``places`` has the columns of :class:`Watch` and ``last_seen_s`` (NaN if never), ``age_s`` (inf if
    never), ``passes`` and ``longest_gap_s`` (from the start to the end of the time looked at).

    ``fixes`` is the number of positions given and ``off_ground`` how many lay too far from any ground to tell.
    """

    places: pd.DataFrame
    since_s: float
    until_s: float
    fixes: int
    off_ground: int

    def share(self, within_s: float, kind: str | None = None) -> float:
        """Share of the places of a kind (streets by length, gates by number) seen within the last seconds."""
        places = self.places if kind is None else self.places[self.places["kind"] == kind]
        weight = places["length_m"].where(places["kind"] == "street", 1.0)
        return float(weight[places["age_s"] <= within_s].sum() / weight.sum()) if weight.sum() > 0 else float("nan")


def coverage(ground: FootGround, watch: Watch, tracks: pd.DataFrame, *, since_s: float | None = None,
             until_s: float | None = None, radius_m: float = RADIUS_M) -> Coverage:
    """Coverage from positions: ``tracks`` has ``unit`` (call-sign), ``t_s`` (seconds, any epoch), ``x``, ``y`` [m], in any order.

    Raises :class:`BadInput` if a column is missing or the times do not leave a period.
    """
    missing = {"unit", "t_s", "x", "y"} - set(tracks.columns)
    if missing:
        raise BadInput(f"the tracks have no column {', '.join(sorted(missing))}", mend="give unit, t_s, x and y")
    if not radius_m > 0:
        raise BadInput(f"a visibility of {radius_m:g} m sees nothing", mend="give a radius above 0 m")
    t = tracks["t_s"].to_numpy(dtype=float)
    since = since_s if since_s is not None else float(t.min()) if len(t) else 0.0
    until = until_s if until_s is not None else float(t.max()) if len(t) else 0.0
    if until < since:
        raise BadInput("the period of the coverage ends before it starts", mend="swap the two times")
    walked = _walked(tracks)
    walked = walked[(walked["t_s"] >= since) & (walked["t_s"] <= until)]
    node = ground.snap(walked[["x", "y"]].to_numpy())
    off = int((node < 0).sum())
    tick = np.floor((walked["t_s"].to_numpy()[node >= 0] - since) / TICK_S).astype(np.int64)
    stood = pd.DataFrame({"node": node[node >= 0], "tick": tick}).drop_duplicates()
    places = watch.places.copy()
    places[["last_seen_s", "age_s", "passes", "longest_gap_s"]] = _seen(ground, watch, stood, since, until, radius_m)
    places["passes"] = places["passes"].astype(int)
    return Coverage(places, since, until, len(tracks), off)


def _walked(tracks: pd.DataFrame) -> pd.DataFrame:
    """The fixes and the places between them, a stride apart, where a unit can be taken to have walked straight."""
    fixes = tracks[["unit", "t_s", "x", "y"]].sort_values(["unit", "t_s"], kind="stable")
    t, x, y = (fixes[name].to_numpy(dtype=float) for name in ("t_s", "x", "y"))
    if len(t) < 2:
        return fixes[["t_s", "x", "y"]]
    unit = pd.factorize(fixes["unit"])[0]
    took, far = np.diff(t), np.hypot(np.diff(x), np.diff(y))
    joined = (np.diff(unit) == 0) & (took <= LONGEST_SILENCE_S) & (far <= FASTEST * np.maximum(took, 1.0)) & (far > STRIDE_M)
    number = np.where(joined, np.ceil(far / STRIDE_M).astype(int) - 1, 0)
    leg = np.repeat(np.arange(len(number)), number)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(number) - number, number) + 1) / (number[leg] + 1)
    between = {name: v[leg] + share * (v[leg + 1] - v[leg]) for name, v in (("t_s", t), ("x", x), ("y", y))}
    return pd.concat([fixes[["t_s", "x", "y"]], pd.DataFrame(between)], ignore_index=True)


def _seen(ground: FootGround, watch: Watch, stood: pd.DataFrame, since: float, until: float,
          radius: float) -> NDArray[np.float64]:
    """Last sighting, age, passes and longest gap of every place: (n, 4)."""
    n = len(watch.places)
    last = np.full(n, np.nan)
    passes = np.zeros(n)
    gap = np.full(n, until - since)
    nodes, at_node = np.unique(stood["node"].to_numpy(), return_inverse=True)
    viewer, place = _views(ground, watch, nodes, radius)
    if len(viewer):
        seen, tick = _sightings(viewer, place, at_node, stood["tick"].to_numpy(), len(nodes))
        t = since + TICK_S * tick
        first_of = np.r_[True, seen[1:] != seen[:-1]]
        last_of = np.r_[first_of[1:], True]
        wait = np.where(first_of, t - since, np.diff(t, prepend=t[0]))
        last[seen[last_of]] = t[last_of]
        np.add.at(passes, seen, first_of | (wait > ONE_PASS_S))
        gap[seen[last_of]] = until - t[last_of]
        np.maximum.at(gap, seen, wait)
    age = np.where(np.isnan(last), np.inf, until - last)
    return np.column_stack([last, age, passes, gap])


def _views(ground: FootGround, watch: Watch, nodes: NDArray[np.int64],
           radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which places are seen from which nodes: (pairs,) indices into ``nodes`` and places."""
    shown = np.flatnonzero(watch.node >= 0)
    if not len(nodes) or not len(shown):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    near = KDTree(ground.nodes[watch.node[shown]]).query_ball_point(ground.nodes[nodes], radius)
    viewer = np.repeat(np.arange(len(nodes)), [len(found) for found in near])
    place = shown[np.concatenate([np.asarray(found, dtype=np.int64) for found in near])]
    corner = np.asarray(ground.corner)
    clear = ground.walls.clear(ground.nodes[nodes[viewer]] - corner, ground.nodes[watch.node[place]] - corner)
    return viewer[clear], place[clear]


def _sightings(viewer: NDArray[np.int64], place: NDArray[np.int64], at_node: NDArray[np.int64], tick: NDArray[np.int64],
               nodes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place and tick of every sighting, each once, in the order of places and ticks: (m,) and (m,)."""
    order = np.argsort(viewer, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(viewer, minlength=nodes))])
    number = np.diff(start)[at_node]
    ticks = int(tick.max()) + 1
    chunk = np.cumsum(number) // _MOST_PAIRS
    found = []
    for k in range(int(chunk[-1]) + 1):
        stood = np.flatnonzero(chunk == k)
        count = number[stood]
        row = np.repeat(stood, count)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        found.append(np.unique(place[order[start[at_node[row]] + nth]] * ticks + tick[row]))
    key = np.unique(np.concatenate(found)) if len(found) > 1 else found[0]
    return key // ticks, key % ticks


class RiskPlace(BaseModel):
    """A place that must be seen often: a school gate, a lane without a hydrant. ``every_min`` is the promise."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: Annotated[str, Field(min_length=1, max_length=64)]
    x: float
    y: float
    weight: Annotated[float, Field(gt=0)] = 1.0
    every_min: Annotated[float, Field(gt=0)] = 60.0


def gaps(found: Coverage, risks: Sequence[RiskPlace], *, within_m: float = 50.0) -> pd.DataFrame:
    """Where the promise to risk places is not kept, the worst first.

    A risk place is seen when the watched place nearest to it is. Columns ``id, nearest, age_min`` (inf if never),
    ``every_min, overdue_min, weight, urgency`` (weight times age over promise); a place with nothing watched within
    reach [m] has no ``nearest`` and counts as never seen.
    """
    names = ["id", "nearest", "age_min", "every_min", "overdue_min", "weight", "urgency"]
    if not len(found.places):
        rows: list[dict[str, Any]] = [_gap(risk, None, float("inf")) for risk in risks]
    else:
        tree = KDTree(found.places[["x", "y"]].to_numpy())
        ids, ages = found.places["id"].to_numpy(), found.places["age_s"].to_numpy()
        rows = []
        for risk in risks:
            distance, k = tree.query([risk.x, risk.y], distance_upper_bound=within_m)
            seen = np.isfinite(distance)
            rows.append(_gap(risk, str(ids[k]) if seen else None, float(ages[k]) / 60 if seen else float("inf")))
    rows = [row for row in rows if row["overdue_min"] > 0]
    open_gaps = pd.DataFrame(rows, columns=names)
    open_gaps["nearest"] = pd.Series([row["nearest"] for row in rows], dtype=object)
    return open_gaps.sort_values(["urgency", "weight", "id"], ascending=[False, False, True], ignore_index=True)


def _gap(risk: RiskPlace, nearest: str | None, age_min: float) -> dict[str, Any]:
    return {"id": risk.id, "nearest": nearest, "age_min": age_min, "every_min": risk.every_min,
            "overdue_min": age_min - risk.every_min, "weight": risk.weight, "urgency": risk.weight * age_min / risk.every_min}
