"""One camera from its source to its tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from twin.camera.calibration import Calibration
from twin.camera.detector import Detector, NanoDet
from twin.camera.foreground import Foreground
from twin.camera.health import Health, HealthChange
from twin.camera.models import detector_file
from twin.camera.source import Source
from twin.camera.watch import Figures, Watch
from twin.errors import BadInput


@dataclass
class RunResult:
    """What a run came to: figures, health changes, and how fast it went."""

    figures: Figures
    health: list[HealthChange]
    frames: int
    wall_s: float
    cpu_s: float
    notes: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Frames a second of wall time, end to end."""
        return self.frames / self.wall_s if self.wall_s > 0 else float("nan")


def best_detector(lens_of: Calibration, model: str | None = None) -> tuple[Detector, list[str]]:
    """The configured detector, else the default one if it was fetched, else background subtraction; and what to say of it."""
    if model == "background":
        return Foreground(lens_of.lens), []
    path = Path(model) if model is not None else detector_file()
    if path is None:
        return Foreground(lens_of.lens), [
            "no detector is installed: people are told from the background, which is a fallback; fetch one with: "
            "hutong camera models"]
    return NanoDet(path, name=path.stem), []


def same_size(calibration: Calibration, source: Source) -> Calibration:
    """The calibration for the pictures of a source: scaled if they have its proportions.

    Raises :class:`BadInput` if they have not.
    """
    size = calibration.lens.size
    if source.size == size:
        return calibration
    if abs(source.size[0] / source.size[1] - size[0] / size[1]) > 0.01 * size[0] / size[1]:
        raise BadInput(f"the pictures are {source.size[0]} x {source.size[1]}, the calibration is of {size[0]} x {size[1]}",
                       mend="calibrate this camera anew")
    return Calibration(calibration.lens.scaled(source.size), calibration.method, calibration.residuals, calibration.fps,
                       calibration.camera)


def run_camera(source: Source, chain: Watch, *, most_frames: int | None = None, stop_after_s: float | None = None,
               on_frame: Callable[[int, np.ndarray, Watch], None] | None = None,
               on_due: Callable[[Figures, list[HealthChange]], None] | None = None) -> RunResult:
    """Run a chain over a source. Frames are looked at and let go.

    ``on_frame`` sees each with the chain (for the preview), ``on_due`` the figures that became due with changes of health.
    """
    figures, health, changes = Figures(), Health(source.rate), []
    began, cpu, count = time.perf_counter(), time.process_time(), 0

    def settle(due: Figures, found: list[HealthChange]) -> None:
        if source.live:
            due.tracks.clear()  # nobody's places are kept from a stream
        figures.extend(due)
        changes.extend(found)
        if on_due and (due.rows or found):
            on_due(due, found)

    for frame in source.frames():
        late = stop_after_s is not None and time.perf_counter() - began > stop_after_s
        if late or (most_frames is not None and count >= most_frames):
            break
        due = chain.step(frame.number, frame.time_s, frame.picture, gap=frame.gap)
        settle(due, health.step(frame.time_s, frame.picture))
        if on_frame:
            on_frame(frame.number, frame.picture, chain)
        count += 1
    settle(chain.finish(), [])
    if not count:
        raise BadInput("there are no frames in this source", mend="check that it was written to its end")
    notes = ["the file ends before its container says: it is truncated"] if getattr(source, "truncated", False) else []
    return RunResult(figures, changes, count, time.perf_counter() - began, time.process_time() - cpu, notes)


def about_run(source_name: str, source: Source, calibration: Calibration, chain: Watch, result: RunResult) -> dict[str, Any]:
    """What was counted where and with what, for the file beside the tables."""
    lens = calibration.lens
    ring = [[float(x), float(y)] for x, y in chain.region.exterior.coords]
    return {
        "hutong": version("hutong"), "source": source_name, "rate": source.rate,
        "frames": result.frames, "size": list(lens.size), "region": ring, "region_m2": chain.region.area,
        "lines": [line.model_dump(by_alias=True) for line in chain.zones.lines],
        "zones": [zone.model_dump() for zone in chain.zones.zones],
        "calibration": {"method": calibration.method, "accuracy_m": calibration.accuracy_m,
                        "camera_height_m": float(lens.position[2])},
        "detector": chain.detector.name,
        "dense": None if chain.dense is None else {"estimator": chain.dense.estimator, "density_sd": chain.dense.density_sd},
        "delay_s": chain.tracker.following.delay_s,
        "health": [change.as_dict() for change in result.health], "notes": result.notes,
        "seconds": {"wall": result.wall_s, "cpu": result.cpu_s}}


def summary(result: RunResult, chain: Watch) -> dict[str, Any]:
    """The figures of a run in short."""
    rows = result.figures.table()
    by_line: dict[str, dict[str, int]] = {line.id: {"in": 0, "out": 0} for line in chain.zones.lines}
    for crossing in result.figures.crossings:
        by_line[crossing.line][crossing.direction] += 1
    return {"frames": result.frames, "count_mean": float(rows["count"].mean()), "count_max": float(rows["count"].max()),
            "density_mean": float(rows["density"].mean()), "density_max": float(rows["density"].max()),
            "mean_speed": float(rows["mean_speed"].mean()), "count_sd": float(rows["count_sd"].mean()),
            "density_sd": float(rows["density_sd"].mean()), "mean_speed_sd": float(rows["mean_speed_sd"].mean()),
            "dense_share": float((rows["regime"] == "dense").mean()), "region_m2": float(chain.region.area),
            "crossings": by_line, "detector": chain.detector.name, "frames_per_s": result.rate,
            "cpu_ms_per_frame": 1000 * result.cpu_s / result.frames, "notes": result.notes,
            "health": [change.as_dict() for change in result.health]}
