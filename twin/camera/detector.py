"""People in a picture, as boxes: the default detector NanoDet-g, or any ONNX person detector that is configured.

Boxes are arrays (n, 5) float64: left, top, right, bottom [px], score. A picture that is much larger than what the
detector sees is cut into overlapping tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput

Boxes = NDArray[np.float64]
Picture = NDArray[np.uint8]
NONE: Boxes = np.zeros((0, 5))


class Detector(Protocol):
    """Something that finds people in a picture."""

    name: str

    def __call__(self, picture: Picture) -> Boxes:
        """Boxes (n, 5) of the people in a picture (h, w, 3) BGR uint8."""
        ...


@dataclass
class NanoDet:
    """NanoDet-g in OpenCV's own network engine: one class of 80, boxes as distributions over distances.

    Scores are means over the person class of three grids with steps of 8, 16 and 32 pixels (generalised focal loss,
    Li et al. 2020): each side of a box is the mean of a distribution over 0..10 steps.
    """

    path: Path
    least: float = 0.25
    """Boxes with a lower score are left out."""
    side: int = 416
    overlap: float = 0.6
    """Of two boxes that overlap more (intersection over union) the worse one is dropped."""
    tiles: tuple[int, int] = (1, 1)
    """How many tiles across and down."""
    name: str = "nanodet-g"

    def __post_init__(self) -> None:
        self._net = read_network(self.path)
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def __call__(self, picture: Picture) -> Boxes:
        """Boxes (n, 5) of the people in a picture (h, w, 3) BGR uint8."""
        found = []
        for left, top, right, bottom in tiles(picture.shape[1], picture.shape[0], self.tiles):
            boxes = self._boxes(picture[top:bottom, left:right])
            boxes[:, :4] += [left, top, left, top]
            found.append(boxes[~_cut(boxes, (left, top, right, bottom), picture.shape)])
        return distinct(np.concatenate(found), self.overlap)

    def _boxes(self, picture: Picture) -> Boxes:
        high, wide = picture.shape[:2]
        scale = self.side / max(high, wide)
        shown = cv2.resize(picture, (round(wide * scale), round(high * scale)), interpolation=cv2.INTER_LINEAR)
        blob = np.zeros((1, 3, self.side, self.side), np.float32)
        normal = (shown.astype(np.float32) - _MEAN) / _SPREAD
        blob[0, :, :shown.shape[0], :shown.shape[1]] = normal.transpose(2, 0, 1)
        self._net.setInput(blob)
        outputs = {(o.shape[1], o.shape[2]): o[0] for o in self._net.forward(self._outputs)}
        found = []
        for step in (8, 16, 32):
            cells = self.side // step
            score = outputs[cells * cells, 80][:, 0]
            kept = np.flatnonzero(score > self.least)
            spread = outputs[cells * cells, 44][kept].reshape(-1, 4, 11).astype(float)
            weight = np.exp(spread - spread.max(axis=2, keepdims=True))
            away = step * (weight @ np.arange(11)) / weight.sum(axis=2)
            x, y = (kept % cells + 0.5) * step, (kept // cells + 0.5) * step
            found.append(np.c_[x - away[:, 0], y - away[:, 1], x + away[:, 2], y + away[:, 3], score[kept]])
        boxes = np.concatenate(found)
        boxes[:, :4] = boxes[:, :4] / scale - 0.5
        return boxes


_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD = np.array([57.375, 57.12, 58.395], np.float32)


def read_network(path: Path) -> Any:
    """Open an ONNX file in OpenCV; raises :class:`BadInput` for anything else."""
    if not path.is_file():
        raise BadInput("there is no such detector", where=str(path), mend="fetch it with: hutong camera models")
    try:
        return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error:
        raise BadInput("this is not a network that OpenCV can read", where=str(path), mend="give an ONNX file") from None


def tiles(width: int, height: int, number: tuple[int, int], overlap: float = 0.15) -> list[tuple[int, int, int, int]]:
    """Tiles (left, top, right, bottom) that cover a picture, ``number`` across and down, overlapping by a share."""
    across, down = number
    w = width if across == 1 else int(width / across * (1 + overlap))
    h = height if down == 1 else int(height / down * (1 + overlap))
    lefts, tops = np.linspace(0, width - w, across).astype(int), np.linspace(0, height - h, down).astype(int)
    return [(int(x), int(y), int(x) + w, int(y) + h) for y in tops for x in lefts]


def _cut(boxes: Boxes, tile: tuple[int, int, int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which boxes end at an inner border of their tile, where another tile sees the whole person."""
    left, top, right, bottom = tile
    cut = np.zeros(len(boxes), bool)
    for column, edge, outer, sign in ((0, left, 0, 1), (1, top, 0, 1), (2, right, shape[1], -1), (3, bottom, shape[0], -1)):
        if edge != outer:
            cut |= sign * (boxes[:, column] - edge) < 3
    return cut


def distinct(boxes: Boxes, overlap: float) -> Boxes:
    """Boxes without those that overlap a better one by more than ``overlap`` (intersection over union)."""
    if not len(boxes):
        return NONE
    corner = [(float(b[0]), float(b[1]), float(b[2] - b[0]), float(b[3] - b[1])) for b in boxes]
    kept = cv2.dnn.NMSBoxes(corner, boxes[:, 4].tolist(), 0.0, overlap)
    return boxes[np.asarray(kept, dtype=int).ravel()]
