"""What a rehearsal leaves behind: series, events, maps, frames, and at the end its measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sim.crowd.measures import FRUIN_WALKWAY, DensityMaps, FlowLine, walkable_share
from sim.run import Frame

if TYPE_CHECKING:
    from sim.event import Rehearsal

THRESHOLDS = {"person_min_above_2": 2.0, "person_min_above_3_5": 3.5, "person_min_above_5": 5.0}
WAITED = 1.0  # s after being due that somebody who comes in has waited outside
QUEUE_EVERY = 10  # seconds between two rows of queues.parquet
WALKING_IN, QUEUEING, SERVED, AT_VENUE, LEAVING, STUCK = range(6)
OUTSIDE = 11


@dataclass
class Result:
    """Everything that one replication leaves, ready to be written into a run folder."""

    seed: int
    metrics: dict[str, float]
    series: pd.DataFrame
    queues: pd.DataFrame
    events: pd.DataFrame
    staff: pd.DataFrame
    maps: dict[str, np.ndarray]


class Recorder:
    """Takes down one replication, second by second."""

    def __init__(self, model: Rehearsal, on_frame: Callable[[Frame], None] | None) -> None:
        self.model, self._on_frame = model, on_frame
        self.positions = np.empty((0, 2))
        west, south, east, north = model.site.walkable.bounds
        cell = model.plan.measure.cell
        self._shape = (int(np.ceil((north - south) / cell)), int(np.ceil((east - west) / cell)))
        self._corner, self._cell = np.array([west, south]), cell
        self.maps = DensityMaps(self._corner, cell, self._shape,
                                walkable=walkable_share(model.site.walkable, self._corner, cell, self._shape))
        self._since_entry = np.zeros(self._shape)
        self._seen = np.zeros(self._shape)
        self._series: list[tuple[float, ...]] = []
        self._queues: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._staff: list[tuple[Any, ...]] = []
        self._last_staff: dict[str, tuple[float, float, str]] = {}
        self._above = dict.fromkeys(THRESHOLDS, 0.0)
        self._queue_max = 0
        self._stuck_max = 0
        self._area_density = dict.fromkeys(model.site.areas, 0.0)
        self._flow = {name: [FlowLine(part) for part in shapely.get_parts(line)]
                      for name, line in model.site.lines.items()}

    def event(self, kind: str, item: str, value: float, note: str, at: np.ndarray | None) -> None:
        """Take down something that happened, at a place in local metres."""
        x, y = (np.nan, np.nan) if at is None else at
        self._events.append((self.model.time, kind, item, value, note, float(x), float(y)))

    def second(self) -> None:
        """Take down the state of this second."""
        model = self.model
        people = model.crowd.table()
        self.positions = people.xy
        who = model.visitor_of[people.ids]
        density = self.maps.add(people.xy, people.heading * people.speed[:, None], seconds=1.0)
        here = self._at_cell(density, people.xy)
        for key, limit in THRESHOLDS.items():
            self._above[key] += float((here > limit).sum()) / 60
        self._count_travel(people.xy, who)
        stuck = model.stuck()
        self._stuck_max = max(self._stuck_max, len(stuck))
        for name, area in model.site.areas.items():
            inside = int(shapely.contains_xy(area, people.xy[:, 0], people.xy[:, 1]).sum()) if len(people.xy) else 0
            self._area_density[name] = max(self._area_density[name], inside / area.area)
        for lines in self._flow.values():
            for line in lines:
                line.look(people.ids, people.xy)
        waiting = [c.waiting for c in model.checkpoints]
        self._queue_max = max([self._queue_max, *waiting])
        entered = int(np.isfinite(model.times["entered"]).sum())
        left = int(np.isfinite(model.times["left"]).sum())
        self._series.append((round(model.time), entered, left, model.crowd.n, int((model.state == OUTSIDE).sum()),
                             sum(waiting), len(stuck), float(density.max(initial=0.0))))
        if round(model.time) % QUEUE_EVERY == 0:
            self._queues += [(round(model.time), c.spec.id, k, len(lane), lane.served)
                             for c in model.checkpoints for k, lane in enumerate(c.lanes)]
        self._follow_staff()
        if self._on_frame is not None:
            state = model.state[who].copy()
            state[np.isin(people.ids, stuck)] = STUCK
            self._on_frame(Frame(round(model.time), people.ids.astype(np.uint32), people.xy.astype(np.float32),
                                 people.speed.astype(np.float32), state))

    def _at_cell(self, raster: np.ndarray, xy: np.ndarray) -> np.ndarray:
        column, row = ((xy - self._corner) / self._cell).astype(int).T if len(xy) else np.empty((2, 0), int)
        return raster[np.clip(row, 0, raster.shape[0] - 1), np.clip(column, 0, raster.shape[1] - 1)]

    def _count_travel(self, xy: np.ndarray, who: np.ndarray) -> None:
        coming = self.model.state[who] <= SERVED
        if coming.any():
            column, row = ((xy[coming] - self._corner) / self._cell).astype(int).T
            row, column = np.clip(row, 0, self._shape[0] - 1), np.clip(column, 0, self._shape[1] - 1)
            since = self.model.time - self.model.times["entered"][who[coming]]
            np.add.at(self._since_entry, (row, column), since)
            np.add.at(self._seen, (row, column), 1)

    def _follow_staff(self) -> None:
        for unit in self.model.units:
            now = (round(float(unit.at[0]), 1), round(float(unit.at[1]), 1), unit.state)
            if self._last_staff.get(unit.call_sign) != now:
                self._last_staff[unit.call_sign] = now
                self._staff.append((round(self.model.time), unit.call_sign, unit.kind, *now))

    def result(self) -> Result:
        """Everything taken down, with the measures."""
        seed = self.model.seed
        frames = [
            pd.DataFrame(self._series, columns=["time_s", "entered", "left", "inside", "waiting_outside", "queueing",
                                                "stuck", "density_max"]),
            pd.DataFrame(self._queues, columns=["time_s", "checkpoint", "lane", "queue", "served"]),
            pd.DataFrame(self._events, columns=["time_s", "kind", "object", "value", "note", "x", "y"]),
            pd.DataFrame(self._staff, columns=["time_s", "unit", "kind", "x", "y", "state"])]
        x0, y0 = self.model.site_origin
        for frame in frames[2:]:
            frame["x"] += x0
            frame["y"] += y0
        for frame in frames:
            frame.insert(0, "seed", seed)
        maps: dict[str, np.ndarray] = {key: raster.astype(np.float32) for key, raster in self.maps.maps().items()}
        since = np.where(self._seen > 0, self._since_entry / np.maximum(self._seen, 1), np.nan)
        maps["travel_time"] = since.astype(np.float32)
        maps["level_max"] = np.searchsorted(FRUIN_WALKWAY, maps["density_max"]).astype(np.float32)
        maps["origin"] = self._corner + np.array([x0, y0])
        maps["cell"] = np.array(self._cell)
        series, queues, events, staff = frames
        return Result(seed, self._metrics(), series, queues, events, staff, maps)

    def _waited_outside(self) -> int:
        """How many people came and found no room at once: they wait still, or went in late."""
        model = self.model
        late = model.times["entered"] - model.visitors.arrive > WAITED
        return int((late | (model.state == OUTSIDE)).sum())

    def _metrics(self) -> dict[str, float]:
        model, t = self.model, self.model.times
        wait = t["service"] - t["joined"]
        access = t["reached"] - t["entered"]
        egress = t["left"] - t["turned"]
        clearance = t["left"] - np.nanmin(t["turned"]) if np.isfinite(t["turned"]).any() else np.array([np.nan])
        leaving = int((model.state == LEAVING).sum())
        responses = [c.response_s for c in model.calls if c.response_s is not None]
        lanes = [lane for c in model.checkpoints for lane in c.lanes]
        busy = sum(lane.busy_s for lane in lanes)
        served = sum(lane.served for lane in lanes)
        out = {
            "people_entered": float(np.isfinite(t["entered"]).sum()), "people_left": float(np.isfinite(t["left"]).sum()),
            "people_not_let_in": float((model.state == OUTSIDE).sum()),
            "people_waited_outside": float(self._waited_outside()),
            "reached_venue": float(np.isfinite(t["reached"]).sum()), **self._above,
            "density_peak": float(max((row[7] for row in self._series), default=0.0)),
            "pressure_peak": float(np.nanmax(self.maps.maps()["pressure_max"], initial=0.0)),
            "wait_mean": _mean(wait), "wait_p95": _quantile(wait, 95), "queue_max": float(self._queue_max),
            "lane_throughput": served / busy * 60 if busy else np.nan,
            "access_p50": _quantile(access, 50), "access_p95": _quantile(access, 95),
            "egress_p50": _quantile(egress, 50), "egress_p95": _quantile(egress, 95), "egress_p100": _quantile(egress, 100),
            **{f"clearance_p{q}": _share_out(clearance, leaving, q) for q in (50, 95, 100)},
            "response_mean": _mean(np.array(responses)), "response_max": max(responses, default=np.nan),
            "unanswered": float(sum(c.response_s is None for c in model.calls)),
            "stuck_max": float(self._stuck_max), "cut_off": float(model.cut_off_ever.sum()),
            **model.ways.measures(), **model.together.measures()}
        for checkpoint in model.checkpoints if len(model.checkpoints) > 1 else []:
            mine = wait[model.checkpoint == model.checkpoints.index(checkpoint)]
            out[f"wait_mean:{checkpoint.spec.id}"] = _mean(mine)
            out[f"served:{checkpoint.spec.id}"] = float(sum(lane.served for lane in checkpoint.lanes))
        out.update({f"density_max:{name}": value for name, value in self._area_density.items()})
        out.update({f"flow:{name}": float(sum(line.forward + line.backward for line in lines))
                    for name, lines in self._flow.items()})
        return out


def _known(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _mean(values: np.ndarray) -> float:
    known = _known(values)
    return float(known.mean()) if len(known) else float("nan")


def _quantile(values: np.ndarray, percent: float) -> float:
    known = _known(values)
    return float(np.percentile(known, percent)) if len(known) else float("nan")


def _share_out(clearance: np.ndarray, still_leaving: int, percent: float) -> float:
    """Time by which a share of all who want out is out; NaN if the rehearsal ended before that."""
    known = np.sort(_known(clearance))
    needed = int(np.ceil((len(known) + still_leaving) * percent / 100))
    return float(known[needed - 1]) if 0 < needed <= len(known) else float("nan")
