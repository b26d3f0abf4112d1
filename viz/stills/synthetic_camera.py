"""The synthetic camera: a rehearsed or invented crowd seen through a camera of the district, with exact truth.

It proves the chain: that places, units, counts, speeds, regimes and alarms come out as they went in. It does not prove
how well real people are found at 4 /m2: the people are simple bodies under simple light.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.camera.lens import Lens
from twin.camera.source import Frame
from twin.errors import Unavailable
from twin.places.district import District
from viz.stills import GRAPHICS, _first_graphics, require_graphics
from viz.stills.camera import Camera
from viz.stills.camera_worker import receive, send
from viz.stills.models import Coloured, merged
from viz.stills.scene import built, furniture, ground, windowless
from viz.stills.walkers import Walkers, crowd

if TYPE_CHECKING:
    from sim.run import Run

Picture = NDArray[np.uint8]
_SUN = np.array([-0.35, -0.45, 0.82])
_SHADOW = np.array([66, 64, 62], np.uint8)


@dataclass(frozen=True)
class Look:
    """Light and sensor: how bright the sun is, how many grey levels the noise has (standard deviation), blur [px]."""

    bright: float = 0.75
    noise: float = 3.0
    blur: float = 0.6
    sky: tuple[int, int, int] = (185, 199, 214)
    seed: int = 0


class SyntheticCamera:
    """Renders people through a lens; use it in a ``with`` block, it holds a process that draws.

    ``stage`` is what stands around (see :func:`district_stage`, :func:`plain_stage`), in metres of the lens' world
    less ``origin``. Raises :class:`Unavailable` where this machine cannot draw.
    """

    def __init__(self, lens: Lens, stage: Coloured, *, origin: tuple[float, float] = (0.0, 0.0),
                 look: Look | None = None) -> None:
        require_graphics()
        self.lens, self.origin, self.look = lens, np.asarray(origin, float), look or Look()
        self._noise = np.random.default_rng(self.look.seed)
        self._stage = stage
        self._worker: subprocess.Popen[bytes] | None = None
        self._remap = _remap(lens)

    def __enter__(self) -> SyntheticCamera:
        environment = os.environ | {"VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow" if "libEGL" in _first_graphics()
                                    else "vtkOSOpenGLRenderWindow"}
        root = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        self._worker = subprocess.Popen([sys.executable, "-m", "viz.stills.camera_worker"], env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        w, h = self.lens.size
        focal = float(self.lens.focal[1])
        _right, down, forward = self.lens.rotation
        position = self.lens.position - np.r_[self.origin, 0.0]
        centre = np.array([w - 1, h - 1]) / 2
        off = np.array([0.0, 0.0]) if self._remap is not None else self.lens.centre - centre
        send(self._inlet, size=np.array([w, h]), sky=np.array(self.look.sky, float), sun=_SUN / np.linalg.norm(_SUN),
             bright=np.array(self.look.bright), position=position, target=position + forward, up=-down,
             angle=np.array(np.degrees(2 * np.arctan(h / 2 / focal))), window_centre=np.array([-2 * off[0] / w, 2 * off[1] / h]),
             clip=np.array([0.3, 900.0]), **_arrays(self._stage))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._worker is not None:
            assert self._worker.stdin is not None and self._worker.stdout is not None
            self._worker.stdin.close()
            self._worker.stdout.close()
            try:
                self._worker.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait()
            self._worker = None

    def picture(self, walkers: Walkers | None = None) -> Picture:
        """The picture (h, w, 3) BGR of people at places in the lens' world; the empty view without any."""
        block = _nothing()
        if walkers is not None and len(walkers.ids):
            here = walkers._replace(places=walkers.places - self.origin)
            block = _arrays(merged([crowd(here), _shadows(here.places)]))
        try:
            send(self._inlet, **block)
            assert self._worker is not None and self._worker.stdout is not None
            drawn = receive(cast(BinaryIO, self._worker.stdout))
        except (BrokenPipeError, ValueError, OSError):
            drawn = None
        if drawn is None:
            raise Unavailable("this machine could not draw the synthetic camera's picture; on Debian or Ubuntu: apt install "
                              "libegl1 libegl-mesa0 libgl1-mesa-dri")
        picture = np.asarray(drawn["picture"][..., ::-1])
        if self._remap is not None:
            picture = cv2.remap(picture, self._remap[0], self._remap[1], cv2.INTER_LINEAR)
        return self._sensed(picture)

    @property
    def _inlet(self) -> BinaryIO:
        assert self._worker is not None and self._worker.stdin is not None, "use the camera in a with block"
        return cast(BinaryIO, self._worker.stdin)

    def _sensed(self, picture: Picture) -> Picture:
        look = self.look
        soft = cv2.GaussianBlur(picture, (0, 0), look.blur) if look.blur else picture
        noisy = soft.astype(np.float32) + self._noise.normal(0, look.noise, picture.shape).astype(np.float32)
        return np.clip(noisy, 0, 255).astype(np.uint8)


@dataclass
class SyntheticSource:
    """Frames of a crowd that moves: ``moments`` is one :class:`Walkers` a frame; the truth is what was asked for."""

    camera: SyntheticCamera
    moments: list[Walkers]
    rate: float
    live: bool = False
    truncated: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.camera.lens.size

    def frames(self) -> Iterator[Frame]:
        """The pictures in order."""
        for number, walkers in enumerate(self.moments):
            yield Frame(number, number / self.rate, self.camera.picture(walkers))


def district_stage(district: District, lens: Lens) -> Coloured:
    """The buildings, ground and furniture of a district as a camera in it sees them; use with ``origin=district.origin``."""
    from twin.places.solids import solids
    local = lens.position - np.r_[district.origin, 0.0]
    (x, y, z), (a, b, c) = local.tolist(), (local + lens.rotation[2]).tolist()
    camera = Camera((x, y, z), (a, b, c), 60.0)
    return merged([ground(district), built(solids(district, overhang=0.4), windowless(district)),
                   *(p for p in furniture(district, camera) if len(p.faces))])


def plain_stage(middle: tuple[float, float], reach: float = 60.0, seed: int = 0) -> Coloured:
    """Paved ground of slabs in many greys and some plain houses around ``middle``: a stage for tests and calibration."""
    rng = np.random.default_rng(seed)
    step = 1.0
    side = np.arange(-reach, reach, step)
    x, y = (g.ravel() for g in np.meshgrid(side, side))
    n = len(x)
    corners = np.stack([np.c_[x, y], np.c_[x + step, y], np.c_[x + step, y + step], np.c_[x, y + step]], axis=1) + middle
    positions = np.concatenate([corners.reshape(-1, 2), np.zeros((4 * n, 1))], axis=1)
    first = (4 * np.arange(n))[:, None]
    faces = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    grey = np.repeat(150 + rng.normal(0, 9, n), 4)[:, None] * [1.0, 0.98, 0.94]
    slabs = Coloured(positions.astype(np.float32), faces.astype(np.uint32), np.tile(np.array([0, 0, 1], np.float32), (4 * n, 1)),
                     np.clip(grey, 0, 255).astype(np.uint8), np.zeros(4 * n, np.uint8))
    return slabs


def rehearsed(run: Run, seconds: NDArray[np.float64], seed: int | None = None) -> list[Walkers]:
    """The people of a run at moments [s]: in metres from the district's origin."""
    from viz.stills.people import people
    moments = []
    for time in seconds:
        found = [p for p in people(run, float(time), seed, "speed") if len(p.xy)]
        places = np.concatenate([p.xy for p in found]) if found else np.empty((0, 2))
        headings = np.concatenate([p.heading for p in found]) if found else np.empty(0)
        ids = np.arange(len(places))
        moments.append(Walkers(places.astype(float), headings.astype(float),
                               np.asarray((ids * 0.37 + float(time)) % 1.0, float), ids))
    return moments


def _shadows(places: NDArray[np.float64]) -> Coloured:
    """Soft-edged contact shadows as flat ellipses away from the sun."""
    turn = np.arange(10) * 2 * np.pi / 10
    ring = np.c_[0.2 + 0.42 * np.cos(turn), 0.12 + 0.2 * np.sin(turn)]
    n = len(places)
    points = np.c_[(places[:, None] + ring).reshape(-1, 2), np.full(10 * n, 0.16)]
    fan = np.array([[0, k, k + 1] for k in range(1, 9)])
    faces = (np.arange(n) * 10)[:, None, None] + fan
    return Coloured(points.astype(np.float32), faces.reshape(-1, 3).astype(np.uint32),
                    np.tile(np.array([0, 0, 1], np.float32), (10 * n, 1)), np.tile(_SHADOW, (10 * n, 1)), np.zeros(10 * n,
                                                                                                                   np.uint8))


def _arrays(mesh: Coloured) -> dict[str, NDArray[np.generic]]:
    return {"positions": mesh.positions, "faces": mesh.faces, "normals": mesh.normals, "rgb": mesh.rgb}


def _nothing() -> dict[str, NDArray[np.generic]]:
    return {"positions": np.empty((0, 3), np.float32), "faces": np.empty((0, 3), np.uint32),
            "normals": np.empty((0, 3), np.float32),
            "rgb": np.empty((0, 3), np.uint8)}


def _remap(lens: Lens) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Where each pixel of a distorted lens is found in the picture of an undistorted one with equal focal lengths."""
    if lens.distortion == (0.0, 0.0) and abs(lens.focal[0] - lens.focal[1]) < 1e-6 * lens.focal[1]:
        return None
    w, h = lens.size
    u, v = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
    rays = lens.rays(np.c_[u.ravel(), v.ravel()]) @ lens.rotation.T
    at = rays[:, :2] / rays[:, 2:] * lens.focal[1] + (np.array([w, h]) - 1) / 2
    return at[:, 0].reshape(h, w).astype(np.float32), at[:, 1].reshape(h, w).astype(np.float32)


__all__ = ["GRAPHICS", "Look", "SyntheticCamera", "SyntheticSource", "district_stage", "plain_stage", "rehearsed"]
