"""Stills: pictures of a district, with the people of a run in it, drawn off screen."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput, Unavailable
from twin.places.district import District
from viz.stills.camera import Camera, view
from viz.stills.scene import StillScene, still_scene

if TYPE_CHECKING:
    from sim.run import Run

GRAPHICS = ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
"""Libraries that VTK can draw with off screen; it ends the process where it finds none of them."""


def still(district: District, run: Run | None = None, time: float | None = None,
          camera: Camera | str | dict[str, Any] | None = None, *, size: tuple[int, int] = (1600, 900),
          path: str | os.PathLike[str] | None = None, seed: int | None = None, dark: bool = False,
          colour: Literal["speed", "density"] = "speed") -> NDArray[np.uint8]:
    """Draw a district, and the people of a run at a time, as a picture (h, w, 3) uint8; save it as PNG at
    ``path``.

    ``camera`` is a :class:`Camera`, a mapping of its fields, or one of the views ``bird`` (the default),
    ``street`` and ``top``. ``time`` [s] and ``seed`` choose the moment and the replication; the middle of
    the run and its first seed if missing. People are coloured by ``speed`` or by ``density``. Drawing
    happens in a process of its own.

    Raises :class:`Unavailable` where this machine cannot draw, :class:`BadInput` for a view that there is
    not.
    """
    if not (16 <= size[0] <= 8192 and 16 <= size[1] <= 8192):
        raise BadInput(f"a picture of {size[0]} x {size[1]} pixels cannot be drawn", mend="take 16 to 8192 a side")
    require_graphics()
    scene = still_scene(district, view(camera, district, size), run=run, time=time, seed=seed, dark=dark,
                        colour=colour)
    image = draw(scene, size)
    if path is not None:
        save(image, Path(path))
    return image


def require_graphics() -> None:
    """Raise :class:`Unavailable`, with the remedy, where no library for drawing off screen can be loaded."""
    for name in GRAPHICS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return
    raise Unavailable("pictures need a graphics library for drawing off screen, and this machine has none; on "
                      "Debian or Ubuntu: apt install libegl1 libegl-mesa0 libgl1-mesa-dri")


def draw(scene: StillScene, size: tuple[int, int], *, timeout_s: float = 300.0) -> NDArray[np.uint8]:
    """Draw a scene in a process of its own, so that a failing graphics driver cannot take this one down."""
    with tempfile.TemporaryDirectory(prefix="hutong-still-") as folder:
        scene_file, image_file = Path(folder) / "scene.npz", Path(folder) / "image.npy"
        scene.save(scene_file)
        environment = os.environ | {"VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow"}
        if "libEGL" not in _first_graphics():
            environment["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkOSOpenGLRenderWindow"
        command = [sys.executable, "-m", "viz.stills.worker", str(scene_file), str(image_file), *map(str, size)]
        root = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s,
                                  check=False)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"drawing took more than {timeout_s:.0f} s and was stopped; take a smaller "
                              "size") from error
        if done.returncode or not image_file.is_file():
            last = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
            raise Unavailable(f"this machine could not draw the picture ({last}); on Debian or Ubuntu: apt install "
                              "libegl1 libegl-mesa0 libgl1-mesa-dri")
        return np.load(image_file)


def save(image: NDArray[np.uint8], path: Path) -> None:
    """Save a picture (h, w, 3) as PNG, first under another name."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    Image.fromarray(image).save(draft, format="PNG", optimize=True)
    draft.replace(path)


def _first_graphics() -> str:
    for name in GRAPHICS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return ""
