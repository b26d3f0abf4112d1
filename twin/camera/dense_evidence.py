"""What a picture shows of a dense crowd, cell by cell, against the empty view: two kinds of evidence to calibrate.

``texture`` takes the share of the picture that differs from the empty view, and the edges and spots of the size of heads
in it. ``csrnet`` takes what the network CSRNet draws, less what it draws of the empty view. Both look at the picture bent
to one scale, so that near and far need no calibration of their own.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.camera.csrnet import STEP_PX, CSRNet, csrnet_file
from twin.camera.dense_grid import PX_PER_M, Grid
from twin.camera.detector import Picture
from twin.camera.lens import Array
from twin.errors import BadInput

Estimator = Literal["texture", "csrnet"]
ESTIMATORS: tuple[Estimator, ...] = ("texture", "csrnet")
NETWORK_PX_PER_M = 36.0
"""The scale at which the network looks."""
NETWORK_MOST_PX = 100_000
"""A larger region is looked at more coarsely: a look costs about 10 us of CPU time a pixel."""


def estimator_named(name: str, where: str = "--estimator") -> Estimator:
    """The estimator of this name; raises :class:`BadInput` where there is none."""
    for known in ESTIMATORS:
        if name == known:
            return known
    raise BadInput(f"there is no estimator {name}", where=where, mend="give texture or csrnet")


class Evidence(Protocol):
    """What a picture shows of a crowd."""

    through_zero: bool
    """Whether no evidence means nobody, whatever was fitted."""
    every_s: float
    """How often a look is worth its cost [s]."""

    def __call__(self, picture: Picture) -> Array:
        """Evidence (cells, kinds) of a picture (h, w, 3) BGR; the first kind is 0 where it shows the empty view."""
        ...

    def features(self, evidence: Array) -> Array:
        """What goes into the fit (n, features) of evidence (n, kinds)."""
        ...


def evidence_of(estimator: Estimator, grid: Grid, plate: Picture) -> Evidence:
    """The evidence of an estimator, against an empty view (h, w, 3); :class:`BadInput` where CSRNet is needed and not here."""
    return CrowdNetwork(grid, plate) if estimator == "csrnet" else Texture(grid, plate)


class Texture:
    """How much of the ground is covered, and how it looks: spots and edges of the size of heads, how colours vary."""

    through_zero = False
    every_s = 0.5

    def __init__(self, grid: Grid, plate: Picture) -> None:
        self._grid, self._empty = grid, _shown(plate, grid)

    def __call__(self, picture: Picture) -> Array:
        """What the window around each cell shows (cells, kinds).

        First the share that differs from the empty view; then, within it, how strong spots and edges of five sizes are
        against their surroundings, how many there are, and how much colours vary.
        """
        shown, p = _shown(picture, self._grid), PX_PER_M / 40.0
        apart = np.abs(_soft(shown, max(p, 0.5)) - _soft(self._empty, max(p, 0.5))).max(axis=2)
        changed = _soft(np.clip((apart - 10.0) / 20.0, 0, 1), 1.5 * p)
        grey = shown.mean(axis=2)
        wide = _soft(grey, 14 * p)
        contrast = np.sqrt(np.maximum(_soft(grey**2, 14 * p) - wide**2, 0) + 100.0)
        softer = [_soft(grey, size * p) for size in _SIZES]
        layers = [changed]
        for k, size in enumerate(_SIZES[:-1]):
            spot = (softer[k] - softer[k + 1]) / contrast
            layers.append(np.abs(spot) * changed)
            if k in (1, 2, 3):
                even = softer[k] / contrast
                layers += [np.abs(cv2.Sobel(even, cv2.CV_32F, *along)) * changed for along in ((1, 0), (0, 1))]
                reach = int(2 * round(1.5 * size * p) + 1)
                for sign in (1.0, -1.0):
                    top = cv2.dilate(sign * spot, np.ones((reach, reach))) == sign * spot
                    layers.append((top & (sign * spot > 0.1)) * changed * 10.0)
        colours = np.asarray(cv2.cvtColor(shown.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2LAB), np.float32)
        for channel in (1, 2):
            layers.append(np.abs(_soft(colours[..., channel], 1.9 * p) - _soft(colours[..., channel], 4.8 * p)) * changed / 10.0)
        return self._grid.around(np.stack([self._grid.mean(np.asarray(layer, float)) for layer in layers], axis=1))

    def features(self, evidence: Array) -> Array:
        """Evidence (n, k), its squares, and the density that would cover such a share if people stood at random."""
        covered = -np.log(1.02 - np.clip(evidence[:, :1], 0, 1))
        return np.c_[evidence, covered, covered**2, evidence[:, 1:] ** 2]


class CrowdNetwork:
    """People per m2 as CSRNet draws them, less what it takes the empty view for."""

    through_zero = True
    every_s = 1.0

    def __init__(self, grid: Grid, plate: Picture) -> None:
        self._grid, self._network = grid, CSRNet(csrnet_file())
        rows, columns = grid.u.shape
        finer = min(NETWORK_PX_PER_M / PX_PER_M, float(np.sqrt(NETWORK_MOST_PX / (rows * columns))))
        size = [max(round(side * finer / STEP_PX), 1) * STEP_PX for side in (columns, rows)]
        self._u, self._v = (cv2.resize(along, size, interpolation=cv2.INTER_LINEAR) for along in (grid.u, grid.v))
        self._empty = self._drawn(plate)

    def __call__(self, picture: Picture) -> Array:
        """People per m2 (cells, 1), each a mean over the window around its cell."""
        return self._grid.around((self._drawn(picture) - self._empty)[:, None])

    def features(self, evidence: Array) -> Array:
        """The evidence as it is: a slope is all that is fitted to it."""
        return evidence

    def _drawn(self, picture: Picture) -> Array:
        """People per m2 (cells,) that the network draws of a picture, the empty view's own included."""
        bent = np.asarray(cv2.remap(picture, self._u, self._v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        drawn = self._network(bent)
        rows, columns = self._grid.u.shape
        fine = cv2.resize(drawn, (columns, rows), interpolation=cv2.INTER_LINEAR) * (drawn.size / (rows * columns))
        return self._grid.total(np.asarray(fine, float))


def _shown(picture: Picture, grid: Grid) -> NDArray[np.float32]:
    """The picture bent to one scale, (r, c, 3) float32."""
    return np.asarray(cv2.remap(picture, grid.u, grid.v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


_SIZES = (1.2, 1.9, 3.0, 4.8, 7.6, 12.0)
"""Sizes of spots, in fortieths of a metre."""


def _soft(picture: Any, size: float) -> Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), size))
