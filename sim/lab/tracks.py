"""Trajectories of a lab run: positions at a frame rate, and the two text forms that they are written in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sim.crowd import Ground
from sim.crowd.people import Snapshot

EPSILON = 1e-9


class Tracks:
    """Positions of everybody at frames ``k / fps`` [s], straight between the time steps on both sides of each frame."""

    def __init__(self, ground: Ground, fps: float, period: tuple[float, float] | None) -> None:
        self._ground, self._fps, self._period = ground, fps, period
        self._frame = 0
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.outside = 0

    def between(self, start: float, end: float, before: Snapshot, after: Snapshot) -> None:
        """Take in a time step: the same people (n,) before, at ``start`` [s], and after, at ``end``."""
        while self._frame / self._fps < end - EPSILON:
            share = max((self._frame / self._fps - start) / (end - start), 0.0)
            xy = before.xy + share * (after.xy - before.xy)
            astray = ~self._ground.inside(xy) if share > EPSILON else np.zeros(len(xy), bool)
            if self._period:
                astray |= np.abs(after.xy[:, 0] - before.xy[:, 0]) > (self._period[1] - self._period[0]) / 2
            xy[astray] = before.xy[astray]
            self._keep(before.ids, xy)

    def last(self, time: float, people: Snapshot) -> None:
        """Take in the end of the run."""
        if abs(self._frame / self._fps - time) < EPSILON:
            self._keep(people.ids, people.xy)

    def _keep(self, ids: np.ndarray, xy: np.ndarray) -> None:
        self.outside += int((~self._ground.inside(xy)).sum())
        self._parts.append((ids, np.full(len(ids), self._frame), xy))
        self._frame += 1

    def table(self) -> pd.DataFrame:
        """One row a person and frame: ``id, frame`` (whole numbers), ``x, y`` [m], by frame and id."""
        if not self._parts:
            return pd.DataFrame({"id": np.empty(0, int), "frame": np.empty(0, int), "x": [], "y": []})
        ids, frames, xy = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return pd.DataFrame({"id": ids, "frame": frames, "x": xy[:, 0], "y": xy[:, 1]})


def write_tracks(tracks: pd.DataFrame, fps: float, folder: Path, name: str = "trajectories") -> None:
    """Write ``trajectories.csv`` (header ``id,frame,x,y`` below a comment with the frame rate) and the same as
    ``trajectories.txt``, the text form of the Jülich archive that PedPy and other analysis programs read."""
    rate = f"{fps:g}"
    rounded = tracks.round({"x": 4, "y": 4})
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# framerate: {rate}\n")
        rounded.to_csv(file, index=False, float_format="%.4f", lineterminator="\n")
    with (folder / f"{name}.txt").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# framerate: {rate}\n# id frame x/m y/m\n")
        rounded.to_csv(file, index=False, header=False, sep=" ", float_format="%.4f", lineterminator="\n")
