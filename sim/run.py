"""A run: one scenario with one layout, rehearsed with one or more seeds, as a folder (see docs/run-folder.md)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.lab import Lab
from sim.measures import LAB_MEASURES, MeasureKind, measure
from sim.scenario import Layout, Scenario
from sim.scenario_file import load, load_any
from twin.errors import BadInput

FORMAT = 1
UNIT = 0.05  # metres in one step of a stored coordinate
SPEED_UNIT = 0.02  # m/s in one step of a stored speed
KEY_EVERY = 60  # seconds between rows with absolute positions

_FRAME_SCHEMA = pa.schema([("time_s", pa.int32()), ("key", pa.bool_()), ("ids", pa.binary()), ("xy", pa.binary()),
                           ("speed", pa.binary()), ("state", pa.binary())])


@dataclass(frozen=True)
class Frame:
    """Everybody on the ground at one moment.

    ``ids (n,) uint32`` ascending, ``xy (n, 2) float32`` metres from the district's origin, ``speed (n,) float32``
    m/s, ``state (n,) uint8`` (:data:`STATES`).
    """

    time_s: float
    ids: np.ndarray
    xy: np.ndarray
    speed: np.ndarray
    state: np.ndarray


STATES = ("walking in", "queueing", "being served", "at the venue", "leaving", "stuck")


class FrameWriter:
    """Writes one row a second to ``frames/<seed>.parquet``; positions as differences to the second before."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _FRAME_SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._ids = np.empty(0, np.uint32)
        self._xy = np.empty((0, 2), np.int16)

    def write(self, frame: Frame) -> None:
        """Append the next second; positions beyond 1,638 m from the origin raise OverflowError."""
        steps = np.round(frame.xy / UNIT)
        if steps.size and np.abs(steps).max() > 32767:
            raise OverflowError("somebody is more than 1,638 m from the district's origin")
        xy = steps.astype(np.int16)
        key = not self._rows
        stored = xy if key else xy - _before(frame.ids, self._ids, self._xy)
        self._rows.append({
            "time_s": int(frame.time_s), "key": key, "ids": frame.ids.astype("<u4").tobytes(),
            "xy": stored.astype("<i2").tobytes(),
            "speed": np.clip(np.round(frame.speed / SPEED_UNIT), 0, 255).astype(np.uint8).tobytes(),
            "state": frame.state.astype(np.uint8).tobytes()})
        self._ids, self._xy = frame.ids, xy
        if len(self._rows) == KEY_EVERY:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=_FRAME_SCHEMA))
        self._rows = []

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._rows:
            self._flush()
        self._writer.close()


class FrameReader:
    """Random access to the recorded seconds of one replication."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise BadInput("this replication kept no positions", where=str(path),
                           mend="rehearse it with `--frames all`")
        self._file = pq.ParquetFile(path)
        times = [self._file.read_row_group(g, columns=["time_s"]).column("time_s").to_numpy()
                 for g in range(self._file.num_row_groups)]
        self.times = np.concatenate(times) if times else np.empty(0, np.int32)
        self._group_of = np.repeat(np.arange(len(times)), [len(t) for t in times])
        self._first_of = np.cumsum([0, *[len(t) for t in times]])
        self._decoded: dict[int, list[Frame]] = {}

    def at(self, time_s: float) -> Frame:
        """The last recorded second at or before a time; the first one before the start."""
        row = max(int(np.searchsorted(self.times, time_s, side="right")) - 1, 0)
        if not len(self.times):
            return Frame(0.0, np.empty(0, np.uint32), np.empty((0, 2), np.float32), np.empty(0, np.float32),
                         np.empty(0, np.uint8))
        group = int(self._group_of[row])
        if group not in self._decoded:
            while len(self._decoded) >= 4:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[group] = self._decode(group)
        return self._decoded[group][row - self._first_of[group]]

    def __len__(self) -> int:
        return len(self.times)

    def _decode(self, group: int) -> list[Frame]:
        frames: list[Frame] = []
        ids, xy = np.empty(0, np.uint32), np.empty((0, 2), np.int16)
        for row in self._file.read_row_group(group).to_pylist():
            now = np.frombuffer(row["ids"], "<u4")
            stored = np.frombuffer(row["xy"], "<i2").reshape(-1, 2)
            xy = stored if row["key"] else stored + _before(now, ids, xy)
            ids = now
            frames.append(Frame(float(row["time_s"]), ids, (xy * np.float32(UNIT)).astype(np.float32),
                                np.frombuffer(row["speed"], np.uint8) * np.float32(SPEED_UNIT),
                                np.frombuffer(row["state"], np.uint8)))
        return frames


def _before(ids: np.ndarray, earlier_ids: np.ndarray, earlier_xy: np.ndarray) -> np.ndarray:
    """Where each of ``ids`` was in the row before, zero for newcomers; both id columns ascend."""
    out = np.zeros((len(ids), 2), np.int16)
    if len(earlier_ids):
        at = np.minimum(np.searchsorted(earlier_ids, ids), len(earlier_ids) - 1)
        known = earlier_ids[at] == ids
        out[known] = earlier_xy[at[known]]
    return out


class Run:
    """A finished run folder, of an event or of an experiment.

    An experiment (``kind`` is ``lab``) has no scenario of an event, an empty layout, and no queues and events.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        file = self.path / "run.json"
        if not file.is_file():
            unfinished = self.path.with_name(self.path.name + ".part").is_dir()
            raise BadInput("this run was interrupted" if unfinished else "this is not a run", where=str(self.path),
                           mend="give the same `hutong rehearse` again to finish it" if unfinished
                           else "make one with `hutong rehearse SCENARIO --layout NAME -o FOLDER`")
        self.info: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if self.info["format"] > FORMAT:
            raise BadInput(f"this run has format {self.info['format']}, this Hutong reads up to {FORMAT}",
                           where=str(self.path), mend="update Hutong")

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def kind(self) -> Literal["event", "lab"]:
        """What was rehearsed: an event with a layout, or an experiment."""
        return "lab" if self.info.get("kind") == "lab" else "event"

    @property
    def layout_name(self) -> str:
        """Which layout of the scenario was rehearsed."""
        return str(self.info["layout"])

    @property
    def seeds(self) -> list[int]:
        """Seeds of the replications."""
        return [int(seed) for seed in self.info["seeds"]]

    @property
    def origin(self) -> tuple[float, float]:
        """What frame positions count from, in the district's CRS [m]."""
        x, y = self.info["district"]["origin"]
        return float(x), float(y)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario of an event as it was run; :class:`BadInput` for an experiment."""
        return load(self.path / "scenario.yaml")

    @cached_property
    def lab(self) -> Lab:
        """The experiment as it was run; :class:`BadInput` for an event."""
        plan = load_any(self.path / "scenario.yaml")
        if not isinstance(plan, Lab):
            raise BadInput("this is the run of an event, not of an experiment", where=str(self.path), mend="give a lab run")
        return plan

    @property
    def title(self) -> str:
        """What the scenario is called."""
        plan = self.lab if self.kind == "lab" else self.scenario
        return plan.title or plan.name

    @property
    def duration_s(self) -> float:
        """Length of the scenario [s]."""
        return float((self.lab if self.kind == "lab" else self.scenario).duration_s)

    @property
    def start_of_day_s(self) -> int:
        """Time of day at the start of an event [s]; 0 for an experiment, whose clock shows the time since its start."""
        if self.kind == "lab":
            return 0
        start = self.scenario.start
        return start.hour * 3600 + start.minute * 60 + start.second

    @property
    def layout(self) -> Layout:
        """The layout as it was run; an empty one for an experiment."""
        return Layout() if self.kind == "lab" else self.scenario.layouts[self.layout_name]

    def measure(self, column: str) -> MeasureKind:
        """What a column of :attr:`metrics` holds: its unit, its names, and which way is better."""
        return measure(column, LAB_MEASURES) if self.kind == "lab" else measure(column)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a replication, one column a measure."""
        return pd.read_parquet(self.path / "metrics.parquet")

    @cached_property
    def series(self) -> pd.DataFrame:
        """One row a replication and second."""
        return pd.read_parquet(self.path / "series.parquet")

    @cached_property
    def queues(self) -> pd.DataFrame:
        """One row a replication, checkpoint, lane and 10 s; none in an experiment."""
        if self.kind == "lab":
            return pd.DataFrame(columns=["seed", "time_s", "checkpoint", "lane", "queue", "served"])
        return pd.read_parquet(self.path / "queues.parquet")

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row an event; none in an experiment."""
        if self.kind == "lab":
            return pd.DataFrame(columns=["seed", "time_s", "kind", "object", "value", "note", "x", "y"])
        return pd.read_parquet(self.path / "events.parquet")

    def maps(self, seed: int | None = None) -> dict[str, np.ndarray]:
        """The maps of one replication, or, without a seed, their mean over all (maxima stay maxima)."""
        seeds = self.seeds if seed is None else [seed]
        loaded = []
        for s in seeds:
            with np.load(self.path / "maps" / f"{s}.npz") as file:
                loaded.append(dict(file))
        if len(loaded) == 1:
            return loaded[0]
        out = {key: loaded[0][key] for key in ("origin", "cell")}
        for key in loaded[0].keys() - out.keys():
            stack = np.stack([m[key] for m in loaded])
            out[key] = stack.max(0) if key.endswith("_max") else _mean_known(stack)
        return out

    def frames(self, seed: int | None = None) -> FrameReader:
        """Recorded positions of one replication; of the first that has any without a seed."""
        if seed is None:
            kept = [s for s in self.seeds if (self.path / "frames" / f"{s}.parquet").is_file()]
            seed = kept[0] if kept else self.seeds[0]
        return FrameReader(self.path / "frames" / f"{seed}.parquet")


def _mean_known(stack: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is not NaN; NaN where nothing is known."""
    known = np.isfinite(stack)
    count = known.sum(0)
    total = np.where(known, stack, 0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
