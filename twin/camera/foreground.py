"""People as what is not background: the fallback where there is no detector.

A model of the empty view is learnt from the frames (Zivkovic 2004, mixture of Gaussians); what differs from it is
filled with upright people of 1.7 m, the best-filled place first. It finds moving things of a person's size, not
people, and says so by its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.camera.detector import NONE, Boxes, Picture
from twin.camera.lens import Array, Lens

_SHORTEST_PX, _STEP_PX = 16.0, 4
_WIDTH_M, _HEIGHT_M = 0.5, 1.7
_SHADOW = 0.75
"""What is darker than this share of the background is no shadow but dark clothes."""
_LEARN, _FORGET = 30, 2000
"""Frames in which the empty view is learnt, and over which it is forgotten."""


@dataclass
class Foreground:
    """Background subtraction over a calibrated view."""

    lens: Lens
    filled: float = 0.4
    """A place holds a person if this share of a person's outline there is foreground."""
    most: int = 80
    name: str = "background subtraction (fallback)"
    _model: Any = field(init=False)
    _places: Array = field(init=False)

    def __post_init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(history=_FORGET, varThreshold=16, detectShadows=True)
        self._model.setShadowThreshold(_SHADOW)
        self._places = outlines(self.lens)
        self._frames = 0

    def __call__(self, picture: Picture) -> Boxes:
        """Boxes (n, 5) of what moves and is as large as a person; the score is how well it is filled."""
        self._frames += 1
        pace = 1.0 / self._frames if self._frames < _LEARN else 1.0 / _FORGET  # whoever stands still must not become background
        mask = (self._model.apply(picture, learningRate=pace) == 255).astype(np.uint8)
        if self._frames < 8:  # nothing is known of the background yet
            return NONE
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        return fitted(np.asarray(mask, np.uint8), self._places, self.filled, self.most)


def outlines(lens: Lens) -> Array:
    """Boxes (n, 4) [px] of people who could stand somewhere in the picture, every few pixels."""
    w, h = lens.size
    u, v = np.meshgrid(np.arange(0, w, _STEP_PX), np.arange(0, h, _STEP_PX))
    foot = np.c_[u.ravel(), v.ravel()].astype(float)
    at = lens.ground(foot)
    known = np.isfinite(at).all(axis=1)
    foot, at = foot[known], at[known]
    head = lens.pixels(np.c_[at, np.full(len(at), _HEIGHT_M)])
    tall = foot[:, 1] - head[:, 1]
    half = tall * _WIDTH_M / _HEIGHT_M / 2
    boxes = np.c_[foot[:, 0] - half, head[:, 1], foot[:, 0] + half, foot[:, 1]]
    with np.errstate(invalid="ignore"):
        return boxes[(tall > _SHORTEST_PX) & (boxes[:, 0] > -half) & (boxes[:, 2] < w + half) & (boxes[:, 1] > -0.3 * tall)]


def fitted(mask: NDArray[np.uint8], places: Array, filled: float, most: int) -> Boxes:
    """People that explain a mask (h, w) of 0 and 1: the best-filled of the places (n, 4) again and again."""
    high, wide = mask.shape
    left, top, right, bottom = (places.round().astype(int)[:, k].clip(0, (wide, high)[k % 2]) for k in range(4))
    area = np.maximum((right - left) * (bottom - top), 1)
    rest, found = mask.copy(), []
    full = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    for _ in range(most):
        total = cv2.integral(rest)
        inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
        share = inside / area * np.minimum(area / full + 0.3, 1.0)
        worth = share * np.sqrt(area)  # of two that are filled alike the larger one explains more
        worth[share < filled] = 0.0
        best = int(worth.argmax()) if len(worth) else 0
        if not len(worth) or worth[best] <= 0:
            break
        found.append([*places[best], min(float(share[best]) + 0.3, 1.0)])  # a well-filled place may begin a track
        across = int(0.25 * (right[best] - left[best]))
        rest[top[best]:bottom[best], max(left[best] - across, 0):right[best] + across] = 0
    return np.array(found, float).reshape(-1, 5)
