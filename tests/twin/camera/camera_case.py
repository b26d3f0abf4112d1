"""A camera over a street corner, people who walk through its view, and boxes as a detector would draw them."""

from __future__ import annotations

import numpy as np

from twin.camera.calibration import Placed, placed
from twin.camera.lens import Lens

SIZE = (768, 576)


def corner(**changes: float) -> Lens:
    """A camera 6 m up that looks north and down."""
    given = {"x": 100.0, "y": 200.0, "height": 6.0, "heading_deg": 90.0, "tilt_deg": 25.0, "fov_deg": 60.0} | changes
    return placed(Placed(**given), SIZE)


def boxes(lens: Lens, places: np.ndarray, height: float = 1.7, score: float = 0.9) -> np.ndarray:
    """Boxes (n, 5) of upright people at places (n, 2)."""
    foot, head = lens.upright(places, height)
    half = (foot[:, 1] - head[:, 1]) * 0.18
    return np.c_[foot[:, 0] - half, head[:, 1], foot[:, 0] + half, foot[:, 1], np.full(len(foot), score)]
