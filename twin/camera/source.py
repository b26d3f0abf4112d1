"""Where frames come from: video files and folders of stills. Frames live in memory only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput

STILLS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_SIDE = (16, 16384)


class Frame(NamedTuple):
    """A picture: its number from 0, its time [s] since the first, the picture (h, w, 3) BGR, and whether time was lost before."""

    number: int
    time_s: float
    picture: NDArray[np.uint8]
    gap: bool = False


class Source(Protocol):
    """Something that gives frames in order."""

    rate: float
    size: tuple[int, int]
    live: bool

    def frames(self) -> Iterator[Frame]:
        """The frames, first to last."""
        ...


@dataclass
class VideoFile:
    """A video file; ``rate`` [1/s] replaces what the container says."""

    path: Path
    rate: float
    size: tuple[int, int]
    stated_frames: int
    stated_rate: float
    live: bool = False
    truncated: bool = False

    @classmethod
    def open(cls, path: str | Path, rate: float | None = None) -> VideoFile:
        """Open a video file; raises :class:`BadInput` for what is not one, or has no frames."""
        source = Path(path)
        if not source.is_file():
            raise BadInput("there is no such file", where=str(path), mend="check the path")
        capture = cv2.VideoCapture(str(source))
        good, first = capture.read() if capture.isOpened() else (False, None)
        stated = float(capture.get(cv2.CAP_PROP_FPS)) if good else 0.0
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if good else 0
        opened = capture.isOpened()
        capture.release()
        if not opened:
            raise BadInput("this is not a video that can be read", where=str(path),
                           mend="give an AVI, MP4 or MKV file, or a stream")
        if not good or first is None:
            raise BadInput("there are no frames in this video", where=str(path), mend="check that it was written to its end")
        if rate is None and not 0.5 <= stated <= 240:
            raise BadInput(f"the video says {stated:g} frames a second, which cannot be", where=str(path),
                           mend="give the true rate with --fps")
        return cls(source, rate or stated, (first.shape[1], first.shape[0]), frames, stated)

    def frames(self) -> Iterator[Frame]:
        """The frames of the file; ``truncated`` afterwards says whether fewer came than the container promises."""
        capture = cv2.VideoCapture(str(self.path))
        number = 0
        try:
            while True:
                good, picture = capture.read()
                if not good:
                    break
                yield Frame(number, number / self.rate, np.asarray(picture, np.uint8))
                number += 1
        finally:
            capture.release()
        self.truncated = self.stated_frames > 0 and number < 0.98 * self.stated_frames - 2


@dataclass
class StillFolder:
    """A folder of stills in the order of the numbers in their names, ``rate`` a second."""

    files: list[Path]
    rate: float
    size: tuple[int, int]
    live: bool = False
    truncated: bool = False

    @classmethod
    def open(cls, path: str | Path, rate: float | None = None) -> StillFolder:
        """Open a folder of stills; raises :class:`BadInput` where there are none or no rate is known."""
        folder = Path(path)
        files = sorted((f for f in folder.iterdir() if f.suffix.lower() in STILLS), key=_natural)
        if not files:
            raise BadInput("there are no pictures in this folder", where=str(path), mend="give a folder of JPEG or PNG files")
        if rate is None:
            raise BadInput("a folder of pictures does not say how many a second were taken", where=str(path), mend="give --fps")
        first = cv2.imread(str(files[0]))
        if first is None:
            raise BadInput("this picture cannot be read", where=str(files[0]), mend="remove it or write it again")
        return cls(files, rate, (first.shape[1], first.shape[0]))

    def frames(self) -> Iterator[Frame]:
        """The stills in order."""
        for number, file in enumerate(self.files):
            picture = cv2.imread(str(file))
            if picture is None:
                raise BadInput("this picture cannot be read", where=str(file), mend="remove it or write it again")
            if (picture.shape[1], picture.shape[0]) != self.size:
                raise BadInput(f"this picture is not {self.size[0]} x {self.size[1]} as the first one is", where=str(file),
                               mend="put pictures of one camera into one folder")
            yield Frame(number, number / self.rate, np.asarray(picture, np.uint8))


def open_source(source: str, rate: float | None = None) -> Source:
    """Open a video file, a folder of stills or an ``rtsp://`` stream."""
    if "://" in source:
        from twin.camera.stream import Stream
        return Stream.open(source, rate)
    if Path(source).is_dir():
        return StillFolder.open(source, rate)
    return VideoFile.open(source, rate)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]
