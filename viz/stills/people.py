"""The people of a run at one moment, as a still shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from twin.errors import BadInput

if TYPE_CHECKING:
    from sim.run import Run

_CIVIDIS = np.array([(0, 34, 78), (53, 69, 108), (102, 105, 112), (148, 142, 119), (200, 184, 102), (254, 232, 56)])
_FRUIN = np.array([(58, 110, 186), (46, 152, 152), (82, 163, 84), (234, 200, 55), (232, 136, 44), (205, 52, 40)])
"""Levels of service A-F: blue, teal, green, yellow, orange, red."""
FRUIN_DENSITY = np.array([0.308, 0.431, 0.718, 1.076, 2.153])
"""Density at which the levels of service B-F of walkways begin [1/m2] (Fruin 1971)."""


@dataclass(frozen=True)
class People:
    """People to be drawn: ``xy`` (n, 2) [m], ``heading`` (n,) [rad], ``size`` (n,), ``rgb`` (n, 3) uint8."""

    xy: NDArray[np.float32]
    heading: NDArray[Any]
    size: NDArray[Any]
    rgb: NDArray[np.uint8]


def people(run: Run, time: float | None, seed: int | None, colour: str) -> list[People]:
    """Everybody on the ground at a time [s], facing where they walk, coloured by ``speed`` or ``density``."""
    if colour not in ("speed", "density"):
        raise BadInput(f"people cannot be coloured by {colour!r}", mend="take speed or density")
    seed = run.seeds[0] if seed is None else seed
    reader = run.frames(seed)
    if time is None:
        time = run.scenario.duration_s / 2
    now, before = reader.at(time), reader.at(max(time - 1.0, 0.0))
    heading = np.asarray(now.ids, np.int64) * 2.399963 % (2 * np.pi)
    _, here, there = np.intersect1d(now.ids, before.ids, return_indices=True)
    step = now.xy[here] - before.xy[there]
    moved = np.hypot(step[:, 0], step[:, 1]) > 0.1
    heading[here[moved]] = np.arctan2(step[moved, 1], step[moved, 0])
    size = 0.93 + 0.14 * (np.asarray(now.ids, np.int64) * 0.6180339887 % 1.0)
    rgb = speed_colours(now.speed) if colour == "speed" else density_colours(now.xy)
    return [People(now.xy, heading, size, rgb)]


def speed_colours(speed: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cividis from 0 to 1.6 m/s, (n,) -> (n, 3)."""
    at = np.clip(speed / 1.6, 0, 1) * (len(_CIVIDIS) - 1)
    return np.stack([np.interp(at, range(len(_CIVIDIS)), _CIVIDIS[:, i]) for i in range(3)], 1).astype(np.uint8)


def density_colours(xy: NDArray[np.float32], reach: float = 2.0) -> NDArray[np.uint8]:
    """Level-of-service colours by the number of people within ``reach`` metres, (n, 2) -> (n, 3)."""
    if not len(xy):
        return np.empty((0, 3), np.uint8)
    tree = cKDTree(xy)
    near = tree.query_ball_point(xy, reach, return_length=True)
    return _FRUIN[np.searchsorted(FRUIN_DENSITY, near / (np.pi * reach ** 2))].astype(np.uint8)
