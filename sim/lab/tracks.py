"""Trajectories of a lab run: positions at a frame rate, and the two text forms that they are written in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sim.crowd import Ground
from sim.crowd.ground.storeys import Storeys
from sim.crowd.people import Snapshot

EPSILON = 1e-9


class Tracks:
    """Positions of everybody at frames ``k / fps`` [s], straight between the time steps on both sides of each frame.

    With storeys they are kept in the plans, and the storey beside them.
    """

    def __init__(
        self, ground: Ground, fps: float, period: tuple[float, float] | None, storeys: Storeys | None = None
    ) -> None:
        self._ground, self._fps, self._period, self._storeys = ground, fps, period, storeys
        self._frame = 0
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.outside = 0

    def between(self, start: float, end: float, before: Snapshot, after: Snapshot) -> None:
        """Take in a time step: the same people (n,) before, at ``start`` [s], and after, at ``end``."""
        while self._frame / self._fps < end - EPSILON:
            share = max((self._frame / self._fps - start) / (end - start), 0.0)
            xy = before.xy + share * (self._beside(before.xy, after.xy) - before.xy)
            astray = ~self._ground.inside(xy) if share > EPSILON else np.zeros(len(xy), bool)
            if self._period:
                astray |= np.abs(after.xy[:, 0] - before.xy[:, 0]) > (self._period[1] - self._period[0]) / 2
            xy[astray] = before.xy[astray]
            self._keep(before.ids, xy)

    def last(self, time: float, people: Snapshot) -> None:
        """Take in the end of the run."""
        if abs(self._frame / self._fps - time) < EPSILON:
            self._keep(people.ids, people.xy)

    def _beside(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Where people (n, 2) are after a step, in the part of the plane where they were before it."""
        if self._storeys is None:
            return after
        (was, _), (is_, _) = self._storeys.plan(before), self._storeys.plan(after)
        return before + (is_ - was)

    def _keep(self, ids: np.ndarray, xy: np.ndarray) -> None:
        self.outside += int((~self._ground.inside(xy)).sum())
        self._parts.append((ids, np.full(len(ids), self._frame), xy))
        self._frame += 1

    def table(self) -> pd.DataFrame:
        """One row a person and frame: ``id, frame`` (whole numbers), ``x, y`` [m], by frame and id; ``storey`` if there are
        any."""
        empty = np.empty(0, int), np.empty(0, int), np.empty((0, 2))
        ids, frames, xy = (np.concatenate(column) for column in zip(empty, *self._parts, strict=True))
        if self._storeys is None:
            return pd.DataFrame({"id": ids, "frame": frames, "x": xy[:, 0], "y": xy[:, 1]})
        plan, storey = self._storeys.plan(xy)
        names = np.array(self._storeys.names)[storey]
        return pd.DataFrame({"id": ids, "frame": frames, "x": plan[:, 0], "y": plan[:, 1], "storey": names})


def write_tracks(tracks: pd.DataFrame, fps: float, folder: Path, name: str = "trajectories") -> None:
    """Write ``trajectories.csv`` (header ``id,frame,x,y``, and ``storey`` if there are any, below a comment with the frame
    rate) and the same without storeys as ``trajectories.txt``, the text form of the Jülich archive that PedPy and other
    analysis programs read."""
    rate = f"{fps:g}"
    rounded = tracks.round({"x": 4, "y": 4})
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# framerate: {rate}\n")
        rounded.to_csv(file, index=False, float_format="%.4f", lineterminator="\n")
    with (folder / f"{name}.txt").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# framerate: {rate}\n# id frame x/m y/m\n")
        columns = ["id", "frame", "x", "y"]
        rounded.to_csv(file, columns=columns, index=False, header=False, sep=" ", float_format="%.4f", lineterminator="\n")
