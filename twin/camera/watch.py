"""The whole chain of one camera: a picture goes in, figures come out a little later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import shapely

from twin.camera.crossing import Counter, Crossing
from twin.camera.dense import Dense
from twin.camera.detector import Detector, Picture
from twin.camera.flow import CrowdFlow
from twin.camera.lens import Lens
from twin.camera.pressure import CrowdMotion
from twin.camera.regime import RegimeSwitch
from twin.camera.sighting import sighted
from twin.camera.tracker import Following, Present, Tracker
from twin.camera.walking import WalkingSpeed
from twin.camera.zones import Zones, region_of

Regime = Literal["sparse", "dense"]
COUNT_SPREAD = 0.12
"""Share of the people in view by which a sparse count is off (standard deviation; PETS frames 1-400, with margin)."""


class Row(NamedTuple):
    """The figures of one frame. ``_sd`` are standard deviations; NaN where a figure cannot be known."""

    frame: int
    time_s: float
    count: float  # type: ignore[assignment]  # the word for it, before the method of tuples
    density: float
    mean_speed: float
    regime: Regime
    count_sd: float
    density_sd: float
    mean_speed_sd: float
    pressure: float
    stop_and_go: bool
    gap: bool


@dataclass
class Figures:
    """What a run of frames came to: ``rows`` (:class:`Row`), ``crossings``, ``tracks`` (frame, id, x, y), people now in zones."""

    rows: list[Row] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    tracks: list[tuple[int, int, float, float]] = field(default_factory=list)
    zones: list[tuple[int, str, float, float]] = field(default_factory=list)
    """Frame, zone, count and density [1/m2]."""

    def extend(self, more: Figures) -> None:
        """Add what came later."""
        self.rows += more.rows
        self.crossings += more.crossings
        self.tracks += more.tracks
        self.zones += more.zones

    def table(self) -> pd.DataFrame:
        """Rows as a table."""
        return pd.DataFrame(self.rows, columns=list(Row._fields))


class _Waiting(NamedTuple):
    frame: int
    time_s: float
    gap: bool
    regime: Regime
    dense_count: float
    dense_density: float
    dense_speed: float
    dense_speed_sd: float
    zone_densities: tuple[float, ...]


class Watch:
    """Figures of one camera. Pictures are looked at and let go; what is kept is places on the ground, for some seconds."""

    def __init__(self, lens: Lens, rate: float, detector: Detector, zones: Zones | None = None, *, dense: Dense | None = None,
                 following: Following | None = None) -> None:
        self.lens, self.rate, self.zones = lens, rate, zones or Zones()
        self.region = region_of(self.zones, lens)
        shapely.prepare(self.region)
        self.detector, self.dense = detector, dense
        self.tracker = Tracker(lens, rate, following)
        self._counters = [Counter(line) for line in self.zones.lines]
        self._walking = WalkingSpeed(self.region, rate)
        self._motion = CrowdMotion(rate)
        self._switch = RegimeSwitch(rate)
        self._flow = CrowdFlow(lens, rate, self.region) if dense is not None else None
        self._waiting: deque[_Waiting] = deque()
        self._estimated: tuple[int, np.ndarray] | None = None
        self.present: Present | None = None
        """Who was in view at the frame of the last row (for the preview)."""

    def step(self, frame: int, time_s: float, picture: Picture, *, gap: bool = False) -> Figures:
        """Look at a picture (h, w, 3) BGR; the figures that became due, of an earlier frame."""
        found, _ = sighted(self.detector(picture), self.lens)
        self.tracker.step(frame, found)
        nan = float("nan")
        count = density = speed = spread = nan
        by_zone: tuple[float, ...] = ()
        if self.dense is not None and self._flow is not None:
            if self._estimated is None or frame - self._estimated[0] >= self.dense.every_s * self.rate:
                self._estimated = (frame, self.dense.density(picture))
            cells = self._estimated[1]
            count, density = self.dense.people(cells, self.region), self.dense.mean(cells, self.region)
            by_zone = tuple(self.dense.mean(cells, zone.shape) for zone in self.zones.zones)
            speed, spread = self._flow.step(frame, picture)
        regime = self._switch.step(max((density, *by_zone), default=nan))
        self._waiting.append(_Waiting(frame, time_s, gap, regime, count, density, speed, spread, by_zone))
        figures = Figures()
        while self._waiting and frame - self._waiting[0].frame >= self.tracker.delay:
            figures.extend(self._settle(self._waiting.popleft()))
        return figures

    def finish(self) -> Figures:
        """The figures that were still to come, at the end of the frames."""
        figures = Figures()
        while self._waiting:
            figures.extend(self._settle(self._waiting.popleft()))
        return figures

    def _settle(self, w: _Waiting) -> Figures:
        present = self.present = self.tracker.present(w.frame)
        self.tracker.forget(w.frame - round(10 * self.rate))
        inside = shapely.contains_xy(self.region, present.places[:, 0], present.places[:, 1])
        people, area = int(inside.sum()), self.region.area
        speed, speed_sd = self._walking.step(w.frame, present)
        count, density = float(people), people / area
        count_sd = max(COUNT_SPREAD * people, 0.3)
        density_sd = count_sd / area
        if w.regime == "dense" and self.dense is not None:
            count, density, density_sd = w.dense_count, w.dense_density, self.dense.density_sd
            count_sd = density_sd * area
            speed, speed_sd = w.dense_speed, w.dense_speed_sd
        velocities = present.velocities[inside]
        motion = self._motion.step(w.frame, density, velocities, speed)
        figures = Figures([Row(w.frame, w.time_s, count, density, speed, w.regime, count_sd, density_sd, speed_sd,
                               motion.pressure, motion.stop_and_go, w.gap)])
        for counter in self._counters:
            figures.crossings += counter.step(w.frame, present.numbers, present.places)
        figures.tracks = [(w.frame, int(n), float(x), float(y)) for n,
                          (x, y) in zip(present.numbers, present.places, strict=True)]
        for k, zone in enumerate(self.zones.zones):
            shape = zone.shape
            here = float(shapely.contains_xy(shape, present.places[:, 0], present.places[:, 1]).sum())
            if w.regime == "dense" and k < len(w.zone_densities):
                here = w.zone_densities[k] * shape.area
            figures.zones.append((w.frame, zone.id, here, here / shape.area))
        return figures


def watch(frames: Iterator[tuple[int, float, Picture, bool]], chain: Watch) -> Iterator[Figures]:
    """Figures of frames (number, time, picture, gap), as they become due."""
    for number, time_s, picture, gap in frames:
        yield chain.step(number, time_s, picture, gap=gap)
    yield chain.finish()
