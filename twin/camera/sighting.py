"""From boxes in the picture to people on the ground: only what is as tall as a person where it stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.camera.lens import Array, Lens
from twin.camera.tracker import Seen

SHORTEST_M, TALLEST_M = 1.2, 2.4
"""Heights between which something upright is a person, children and raised arms included."""
_SIDEWAYS, _DOWN = 0.06, 0.05
"""How far the foot of a box is off, as shares of its height (standard deviations, measured on PETS frames 1-400)."""


def sighted(boxes: Array, lens: Lens) -> tuple[Seen, NDArray[np.int64]]:
    """People on the ground for boxes (n, 5); with them the rows of the boxes that are people.

    A box stands where its lower edge is; it is a person if a thing of its height there is between ``SHORTEST_M`` and
    ``TALLEST_M`` tall.
    """
    foot = np.c_[(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]]
    stature = lens.stature(foot, np.c_[foot[:, 0], boxes[:, 1]])
    with np.errstate(invalid="ignore"):
        upright = np.flatnonzero((stature > SHORTEST_M) & (stature < TALLEST_M))
    spread = foot_spread(lens, foot[upright], (boxes[:, 3] - boxes[:, 1])[upright])
    whole = np.isfinite(spread).all(axis=(1, 2))
    upright, spread = upright[whole], spread[whole]
    return Seen(lens.ground(foot[upright]), spread, boxes[upright, 4], stature[upright], standing_clear(boxes[upright])), upright


def standing_clear(boxes: Array, overlap: float = 0.3) -> NDArray[np.bool_]:
    """Which boxes (n, 5) are not overlapped by a better one by more than ``overlap`` (intersection over union)."""
    left, top, right, bottom, score = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    both = np.maximum(across, 0) * np.maximum(down, 0)
    area = (right - left) * (bottom - top)
    share = both / (area[:, None] + area - both)
    return ~((share > overlap) & (score > score[:, None])).any(axis=1)


def foot_spread(lens: Lens, foot: Array, height: Array) -> Array:
    """Covariances (n, 2, 2) [m2] of ground places whose feet are at pixels (n, 2), of boxes of heights (n,) [px]."""
    at = lens.ground(foot)
    slope = np.stack([lens.ground(foot + np.array([1.0, 0.0])) - at, lens.ground(foot + np.array([0.0, 1.0])) - at], axis=2)
    variance = np.c_[1 + (_SIDEWAYS * height) ** 2, 1 + (_DOWN * height) ** 2]
    return np.einsum("nik,nk,njk->nij", slope, variance, slope)
