"""How good a camera run is against the truth: count, crossings, walking speed, tracks.

The truth is a MOTChallenge file with places in the world (``frame, id, left, top, width, height, confidence, x, y, z``,
frames from 1) or a table with ``frame`` (from 0), ``id``, ``x`` and ``y`` in metres.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from twin.camera.crossing import Counter, Line
from twin.camera.identity import agreement
from twin.camera.lens import Array
from twin.camera.record import about_file, beside, read_table
from twin.camera.walking import walking_speeds
from twin.camera.zones import Zones
from twin.errors import BadInput


@dataclass(frozen=True)
class Evaluation:
    """Errors of a run; figures that cannot be known are none. Counts in people, speeds in m/s, the others shares."""

    frames: int
    truth_mean: float
    count_mae: float
    count_bias: float
    count_correlation: float | None
    trivial_mae: float
    crossings_true: int
    crossings_found: int
    crossing_error: float | None
    speed_mae: float | None
    speed_bias: float | None
    mota: float | None
    idf1: float | None
    misses: int | None
    false: int | None
    switches: int | None

    def as_dict(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def read_truth(path: str | Path) -> pd.DataFrame:
    """The truth as a table ``frame`` (from 0), ``id``, ``x``, ``y`` [m]; raises :class:`BadInput` for anything else."""
    source = Path(path)
    table = read_table(source)
    if {"frame", "id", "x", "y"} <= set(table.columns):
        return table[["frame", "id", "x", "y"]].astype({"frame": int, "id": int, "x": float, "y": float})
    try:
        rows = np.loadtxt(source, delimiter=",", ndmin=2)
    except (ValueError, UnicodeDecodeError):
        rows = np.empty((0, 0))
    if rows.ndim != 2 or rows.shape[1] < 9 or not len(rows):
        raise BadInput("this truth has neither columns frame, id, x, y nor the ten of MOTChallenge", where=str(path),
                       mend="give one of these, places in metres on the ground")
    if np.allclose(rows[:, 7:9], -1):
        raise BadInput("this truth has boxes but no places on the ground", where=str(path), mend="give places in metres as well")
    return pd.DataFrame({"frame": rows[:, 0].astype(int) - 1, "id": rows[:, 1].astype(int), "x": rows[:, 7], "y": rows[:, 8]})


def evaluate_run(out: str | Path, truth: str | Path, zones: Zones | None = None) -> Evaluation:
    """Compare the run whose table is ``out`` with the truth, within its region (or that of ``zones``) and the truth's frames."""
    table_file = Path(out)
    rows, true = read_table(table_file), read_truth(truth)
    missing = {"frame", "count", "mean_speed"} - set(rows.columns)
    if missing:
        raise BadInput(f"the column {sorted(missing)[0]} is missing", where=str(out),
                       mend="give the table that hutong camera run wrote")
    about = _about(table_file)
    tracks_file = beside(table_file, "tracks")
    tracks = read_table(tracks_file) if tracks_file.is_file() else None
    region = shapely.Polygon(zones.region) if zones and zones.region else shapely.Polygon(about["region"])
    lines = list(zones.lines) if zones and zones.lines else [Line.model_validate(line) for line in about["lines"]]
    frames = int(min(rows["frame"].max(), true["frame"].max())) + 1
    counts = rows.set_index("frame")["count"].reindex(range(frames)).to_numpy(float)
    if tracks is not None and zones is not None and zones.region is not None:
        counts = _counts(tracks, region, frames)
    return compare(true[true["frame"] < frames], counts, tracks[tracks["frame"] < frames] if tracks is not None else None,
                   region, lines, float(about["rate"]), frames,
                   speeds=rows.set_index("frame")["mean_speed"].reindex(range(frames)).to_numpy(float))


def compare(truth: pd.DataFrame, counts: Array, tracks: pd.DataFrame | None, region: shapely.Polygon, lines: list[Line],
            rate: float, frames: int, *, speeds: Array | None = None) -> Evaluation:
    """Errors of counts (frames,), walking speeds (frames,) over 5 s and tracks against the truth within a region."""
    inside = truth[shapely.contains_xy(region, truth["x"], truth["y"])]
    true = _counts(truth, region, frames)
    known = np.isfinite(counts)
    error = counts[known] - true[known]
    correlation = None
    if known.sum() > 1 and counts[known].std() > 0 and true[known].std() > 0:
        correlation = float(np.corrcoef(counts[known], true[known])[0, 1])
    walked = walking_speeds(truth, region, rate, frames)
    if speeds is None and tracks is not None:
        speeds = walking_speeds(tracks, region, rate, frames)
    # every five seconds, so that no figure is counted twice
    every = np.arange(round(5 * rate) - 1, frames, round(5 * rate))
    off = (speeds[every] - walked[every]) if speeds is not None else np.empty(0)
    off = off[np.isfinite(off)]
    expected = _crossings(truth, lines)
    found = _crossings(tracks, lines) if tracks is not None else np.zeros_like(expected)
    marks = None
    if tracks is not None:
        marks = agreement(inside, tracks[shapely.contains_xy(region, tracks["x"], tracks["y"])])
    total = int(expected.sum())
    return Evaluation(
        frames, float(true.mean()), float(np.abs(error).mean()), float(error.mean()), correlation,
        float(np.abs(true - np.median(true)).mean()), total, int(found.sum()),
        float(np.abs(found - expected).sum() / total) if total and tracks is not None else None,
        float(np.abs(off).mean()) if len(off) else None, float(off.mean()) if len(off) else None,
        marks.mota if marks else None, marks.idf1 if marks else None, marks.misses if marks else None,
        marks.false if marks else None, marks.switches if marks else None)


def _counts(people: pd.DataFrame, region: shapely.Polygon, frames: int) -> Array:
    inside = people[shapely.contains_xy(region, people["x"], people["y"])]
    return np.bincount(inside["frame"].to_numpy(int), minlength=frames)[:frames].astype(float)


def _crossings(people: pd.DataFrame, lines: list[Line]) -> np.ndarray:
    """Crossings (lines, 2) in and out."""
    counted = np.zeros((len(lines), 2), int)
    counters = [Counter(line) for line in lines]
    for frame, group in people.groupby("frame"):
        numbers, places = group["id"].to_numpy(int), group[["x", "y"]].to_numpy(float)
        for k, counter in enumerate(counters):
            for crossing in counter.step(int(frame), numbers, places):
                counted[k, int(crossing.direction == "out")] += 1
    return counted


def _about(out: Path) -> dict[str, Any]:
    file = about_file(out)
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        return {"region": about["region"], "lines": about["lines"], "rate": about["rate"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput("what was counted where is not known: the file that belongs to this table is missing or broken",
                       where=str(file), mend="keep it beside the table that hutong camera run wrote") from None
