"""The preview film: everybody as an ellipse on the ground, over a picture blurred until nobody can be recognised."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from twin.camera.detector import Picture
from twin.camera.lens import Lens
from twin.camera.tracker import Present
from twin.camera.watch import Row, Watch
from twin.errors import BadInput

_RADIUS_M = 0.35
_BLUR_M = 0.12
"""A face is blurred over this length: half its width."""
_LEAST_BLUR_PX = 6.0
_COLOUR = (60, 200, 250)


def blurred(picture: Picture, lens: Lens) -> Picture:
    """The picture without faces: blurred as widely as the nearest person's face would need everywhere."""
    foot, head = lens.upright(lens.ground([[lens.size[0] / 2, lens.size[1] - 1.0]]))
    tall = float((foot - head)[0, 1])
    size = max(_BLUR_M * tall / 1.7, _LEAST_BLUR_PX) if np.isfinite(tall) else _LEAST_BLUR_PX
    small = max(int(size), 1)
    tiny = cv2.resize(picture, (max(lens.size[0] // small, 8), max(lens.size[1] // small, 8)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(cv2.resize(tiny, lens.size, interpolation=cv2.INTER_LINEAR), (0, 0), size / 2), np.uint8)


def marked(picture: Picture, lens: Lens, present: Present, row: Row | None = None) -> Picture:
    """A copy of a picture with an ellipse on the ground under everybody, and the figures of a row."""
    drawn = picture.copy()
    turn = np.linspace(0, 2 * np.pi, 25)
    ring = _RADIUS_M * np.c_[np.cos(turn), np.sin(turn)]
    for place, velocity in zip(present.places, present.velocities, strict=True):
        points = lens.pixels(place + ring)
        if np.isfinite(points).all():
            cv2.polylines(drawn, [points.round().astype(np.int32)], True, _COLOUR, 2, cv2.LINE_AA)
            ahead = lens.pixels(np.stack([place, place + velocity]))
            if np.isfinite(ahead).all():
                a, b = ((round(u), round(v)) for u, v in ahead)
                cv2.line(drawn, a, b, _COLOUR, 2, cv2.LINE_AA)
    if row is not None:
        speed = f"{row.mean_speed:.2f} m/s" if np.isfinite(row.mean_speed) else "-"
        text = f"{row.count:.0f} +- {row.count_sd:.1f}   {row.density:.2f}/m2   {speed}   {row.regime}"
        cv2.rectangle(drawn, (0, 0), (drawn.shape[1], 26), (30, 30, 30), -1)
        cv2.putText(drawn, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


class Preview:
    """Writes a preview film frame by frame; use it in a ``with`` block. The film appears whole or not at all.

    Frames wait in memory, already blurred, until their figures are due.
    """

    def __init__(self, path: Path, lens: Lens, rate: float) -> None:
        if path.suffix.lower() != ".mp4":
            raise BadInput("a preview is written as .mp4", where=str(path), mend="give the file this ending")
        self._path, self._lens, self._rate = path, lens, rate
        self._draft = path.with_name(f".{path.stem}.part.mp4")
        self._waiting: deque[tuple[int, Picture]] = deque()

    def __enter__(self) -> Preview:
        self._film = cv2.VideoWriter(str(self._draft), cv2.VideoWriter.fourcc(*"mp4v"), self._rate, self._lens.size)
        if not self._film.isOpened():
            raise BadInput("the preview cannot be written there", where=str(self._path), mend="choose another folder")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._film.release()
        if kind is None:
            self._draft.replace(self._path)
        else:
            self._draft.unlink(missing_ok=True)

    def frame(self, number: int, picture: Picture, chain: Watch) -> None:
        """Take a frame; it is written once the chain says who was in it."""
        self._waiting.append((number, blurred(picture, self._lens)))
        self._write(chain, number - chain.tracker.delay)

    def finish(self, chain: Watch) -> None:
        """Write the frames that still wait."""
        self._write(chain, self._waiting[-1][0] if self._waiting else -1)

    def _write(self, chain: Watch, until: int) -> None:
        while self._waiting and self._waiting[0][0] <= until:
            number, soft = self._waiting.popleft()
            self._film.write(marked(soft, self._lens, chain.tracker.present(number)))
