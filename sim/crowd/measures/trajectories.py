"""Measures of trajectories: speed, passages of a line and their flow, density in areas and on grids, travel times.

Trajectories are tables with one row a person and frame: ``id, frame`` (whole numbers) and ``x, y`` [m], as a lab run
writes them and as experiments publish them; ``fps`` is the frame rate [1/s].
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import shapely


def compute_individual_speed(*, tracks: pd.DataFrame, fps: float, frame_step: int,
                             direction: tuple[float, float] | None = None) -> pd.DataFrame:
    """Velocity and speed by person and frame: ``id, frame, v_x, v_y, speed`` [m/s].

    v(t) = (x(t + Δ) - x(t - Δ)) / 2Δ with Δ of ``frame_step`` frames; frames for which one of the two is missing are
    left out. With a ``direction`` the speed is the part of v along it and may be negative.
    """
    rows = tracks.sort_values(["id", "frame"], kind="stable")
    ids, frames = rows["id"].to_numpy(), rows["frame"].to_numpy()
    xy = rows[["x", "y"]].to_numpy(float)
    n = len(rows) - 2 * frame_step
    if n <= 0:
        return pd.DataFrame({"id": ids[:0], "frame": frames[:0], "v_x": [], "v_y": [], "speed": []})
    before, now, after = slice(0, n), slice(frame_step, frame_step + n), slice(2 * frame_step, 2 * frame_step + n)
    whole = (ids[before] == ids[after]) & (frames[after] - frames[before] == 2 * frame_step)
    velocity = (xy[after] - xy[before])[whole] * (fps / (2 * frame_step))
    if direction is None:
        speed = np.hypot(*velocity.T)
    else:
        speed = velocity @ (np.asarray(direction, float) / np.hypot(*direction))
    return pd.DataFrame({"id": ids[now][whole], "frame": frames[now][whole], "v_x": velocity[:, 0], "v_y": velocity[:, 1],
                         "speed": speed})


def compute_crossings(*, tracks: pd.DataFrame, line: shapely.LineString) -> pd.DataFrame:
    """When people first cross a line, either way: ``id, frame``, the first frame beyond it, by frame and id."""
    rows = tracks.sort_values(["id", "frame"], kind="stable")
    ids, frames = rows["id"].to_numpy(), rows["frame"].to_numpy()
    xy = rows[["x", "y"]].to_numpy(float)
    start, end = xy[:-1], xy[1:]
    over = np.zeros(max(len(rows) - 1, 0), bool)
    for a, b in pairwise(shapely.get_coordinates(line)):
        before, after = _side(a, b, start), _side(a, b, end)
        between = (_side(start, end, a) > 0) != (_side(start, end, b) > 0)
        over |= between & (((before <= 0) & (after > 0)) | ((before >= 0) & (after < 0)))
    over &= (ids[:-1] == ids[1:]) & (frames[1:] - frames[:-1] == 1)
    first = pd.DataFrame({"id": ids[:-1][over], "frame": frames[1:][over]}).groupby("id", as_index=False)["frame"].min()
    return first.sort_values(["frame", "id"], ignore_index=True)


def _side(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Twice the area of the triangle a, b, p: positive where p lies left of the line from a to b."""
    a, b, p = (np.asarray(q, float) for q in (a, b, p))
    return (b[..., 0] - a[..., 0]) * (p[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (p[..., 0] - a[..., 0])


def compute_n_t(*, tracks: pd.DataFrame, line: shapely.LineString, fps: float) -> pd.DataFrame:
    """How many people have crossed a line by each frame: ``frame, time_s, n``, one row a frame from first to last."""
    crossed = np.bincount(compute_crossings(tracks=tracks, line=line)["frame"] - tracks["frame"].min(),
                          minlength=int(tracks["frame"].max() - tracks["frame"].min()) + 1)
    frame = np.arange(len(crossed)) + int(tracks["frame"].min())
    return pd.DataFrame({"frame": frame, "time_s": frame / fps, "n": np.cumsum(crossed)})


def compute_flow(*, crossings: pd.DataFrame, fps: float, width: float | None = None) -> float:
    """Flow of the people in ``crossings`` (``id, frame``): J = (N - 1) / (t_N - t_1) [1/s].

    With the ``width`` of the opening [m] the specific flow J / w [1/(m s)]. NaN for fewer than two times.
    """
    frames = crossings["frame"].to_numpy()
    if len(frames) < 2 or frames.max() == frames.min():
        return float("nan")
    flow = (len(frames) - 1) * fps / float(frames.max() - frames.min())
    return flow if width is None else flow / width


def compute_classic_density(*, tracks: pd.DataFrame, area: shapely.Geometry) -> pd.DataFrame:
    """Density in an area by frame: ``frame, density`` [1/m2], N / |M|, one row a frame from first to last."""
    first, last = int(tracks["frame"].min()), int(tracks["frame"].max())
    inside = shapely.contains_xy(area, tracks["x"].to_numpy(float), tracks["y"].to_numpy(float))
    count = np.bincount(tracks["frame"].to_numpy()[inside] - first, minlength=last - first + 1)
    return pd.DataFrame({"frame": np.arange(first, last + 1), "density": count / area.area})


def compute_mean_speed(*, tracks: pd.DataFrame, speeds: pd.DataFrame, area: shapely.Geometry) -> pd.DataFrame:
    """Mean speed of the people in an area by frame: ``frame, speed`` [m/s]; frames without anybody are left out."""
    known = tracks.merge(speeds[["id", "frame", "speed"]], on=["id", "frame"])
    inside = known[shapely.contains_xy(area, known["x"].to_numpy(float), known["y"].to_numpy(float))]
    return inside.groupby("frame", as_index=False)["speed"].mean()


def compute_grid_density(*, tracks: pd.DataFrame, corner: tuple[float, float], cell: float,
                         shape: tuple[int, int]) -> np.ndarray:
    """People on each cell of a grid over the cell's area, by frame: (frames, rows, columns) float64 [1/m2].

    ``corner`` is the lower left one [m], ``cell`` the edge of a cell [m], ``shape`` (rows, columns), the first row south.
    """
    first = int(tracks["frame"].min())
    frames = int(tracks["frame"].max()) - first + 1
    column, row = np.floor((tracks[["x", "y"]].to_numpy(float) - corner) / cell).astype(int).T
    there = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    at = ((tracks["frame"].to_numpy() - first) * shape[0] + row) * shape[1] + column
    count = np.bincount(at[there], minlength=frames * shape[0] * shape[1])
    return count.reshape(frames, *shape) / cell ** 2


def compute_fundamental_diagram(*, density: pd.DataFrame, speed: pd.DataFrame, bin_width: float = 0.25) -> pd.DataFrame:
    """Speed and specific flow by density: ``density, speed, spread, flow, frames``, one row a bin that has any frames.

    Pairs the tables (``frame, density`` and ``frame, speed``) by frame and takes means over bins of density
    [1/m2]; ``spread`` is the standard deviation of speed [m/s], ``flow`` the mean of density times speed [1/(m s)].
    """
    pairs = density.merge(speed[["frame", "speed"]], on="frame")
    pairs = pairs[pairs["density"] > 0].assign(flow=pairs["density"] * pairs["speed"])
    bins = np.floor(pairs["density"] / bin_width).astype(int)
    by = pairs.groupby(bins)
    table = pd.DataFrame({"density": by["density"].mean(), "speed": by["speed"].mean(), "spread": by["speed"].std(ddof=0),
                          "flow": by["flow"].mean(), "frames": by.size()})
    return table.reset_index(drop=True)


def compute_travel_times(*, tracks: pd.DataFrame, start: shapely.LineString, end: shapely.LineString, fps: float) -> pd.DataFrame:
    """Time from one line to another of those who cross both, in this order: ``id, time_s``, by id."""
    both = compute_crossings(tracks=tracks, line=start).merge(
        compute_crossings(tracks=tracks, line=end), on="id", suffixes=("_start", "_end"))
    both = both[both["frame_end"] > both["frame_start"]].sort_values("id", ignore_index=True)
    return pd.DataFrame({"id": both["id"], "time_s": (both["frame_end"] - both["frame_start"]) / fps})
