"""How a camera's picture lies on the ground: read from point pairs, a Tsai file or the camera's place in the district.

A calibration file is YAML (or the XML of a Tsai calibration). It holds exactly one of ``points``, ``tsai`` and
``camera``::

    size: [768, 576]
    fps: 7
    points:
      - {pixel: [120, 340], ground: [446150.2, 4417400.8]}
      - ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twin.camera.lens import Lens, facing
from twin.camera.pairs import lens_from_pairs
from twin.errors import BadInput

Pair = tuple[float, float]
Size = tuple[Annotated[int, Field(ge=16, le=16384)], Annotated[int, Field(ge=16, le=16384)]]
Method = Literal["points", "tsai", "camera"]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PointPair(_Given):
    """A pixel of the still and the place on the ground that it shows [m]."""

    pixel: Pair
    ground: Pair


class Placed(_Given):
    """A camera by its place: metres of the district, angles in degrees, ``tilt_deg`` below the horizon, lens by its width."""

    x: float
    y: float
    height: Annotated[float, Field(gt=0.3, le=300)]
    heading_deg: Annotated[float, Field(ge=-360, le=360)]
    tilt_deg: Annotated[float, Field(gt=-30, le=90)] = 20.0
    roll_deg: Annotated[float, Field(ge=-45, le=45)] = 0.0
    fov_deg: Annotated[float, Field(gt=2, lt=150)] = 60.0


class CalibrationFile(_Given):
    """What a calibration file may say."""

    size: Size | None = None
    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    points: list[PointPair] | None = None
    tsai: str | None = None
    camera: Placed | None = None
    focal_px: Annotated[float, Field(gt=1)] | None = None
    k1: float | None = None
    k2: float = 0.0
    id: str | None = None


@dataclass(frozen=True, eq=False)
class Calibration:
    """A lens and how it was found: ``residuals`` (n,) [m] of the points that it was fitted to, ``fps`` if the file says."""

    lens: Lens
    method: Method
    residuals: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    fps: float | None = None
    camera: str | None = None

    @property
    def accuracy_m(self) -> float | None:
        """Root mean square of the residuals [m]; none where nothing was fitted."""
        return float(np.sqrt((self.residuals**2).mean())) if len(self.residuals) else None


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration file (YAML, or Tsai XML as the PETS recordings have it).

    Raises :class:`BadInput` for a file that cannot be read, points on a line, or ground that folds over.
    """
    source = Path(path)
    if not source.is_file():
        raise BadInput("there is no such file", where=str(path), mend="check the path")
    if source.suffix.lower() == ".xml":
        return Calibration(_checked(read_tsai(source), str(path)), "tsai")
    try:
        given = CalibrationFile.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadInput("this is neither YAML nor a Tsai XML file", where=str(path), mend="see docs/camera.md") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}", where=str(path),
                       mend="see docs/camera.md") from None
    return calibration(given, where=str(path), folder=source.parent)


def calibration(given: CalibrationFile, *, where: str = "calibration", folder: Path = Path()) -> Calibration:
    """The calibration that a file's content stands for; other files that it names lie in ``folder``."""
    said = [name for name in ("points", "tsai", "camera") if getattr(given, name) is not None]
    if len(said) != 1:
        raise BadInput("a calibration says one of points, tsai and camera" + (f", not {' and '.join(said)}" if said else ""),
                       where=where, mend="keep one of them")
    if given.tsai is not None:
        lens = read_tsai(folder / given.tsai)
        return Calibration(_checked(lens, where), "tsai", fps=given.fps, camera=given.id)
    if given.size is None:
        raise BadInput("the size of the picture is missing", where=where, mend="add size: [width, height] in pixels")
    if given.camera is not None:
        return Calibration(_checked(placed(given.camera, given.size, (given.k1 or 0.0, given.k2)), where), "camera",
                           fps=given.fps, camera=given.id)
    assert given.points is not None
    pixel = np.array([p.pixel for p in given.points], float).reshape(-1, 2)
    ground = np.array([p.ground for p in given.points], float).reshape(-1, 2)
    lens, residuals = lens_from_pairs(pixel, ground, given.size, focal_px=given.focal_px, k1=given.k1, where=where)
    return Calibration(_checked(lens, where), "points", residuals, given.fps, given.id)


def placed(camera: Placed, size: tuple[int, int], distortion: tuple[float, float] = (0.0, 0.0)) -> Lens:
    """The lens of a camera that is known by its place."""
    focal = size[0] / 2 / math.tan(math.radians(camera.fov_deg) / 2)
    rotation = facing(*(math.radians(a) for a in (camera.heading_deg, camera.tilt_deg, camera.roll_deg)))
    return Lens(rotation, np.array([camera.x, camera.y, camera.height]), np.full(2, focal),
                (np.array(size, float) - 1) / 2, size, distortion)


def district_camera(row: Any, size: tuple[int, int], *, tilt_deg: float = 20.0, fov_deg: float = 60.0) -> Calibration:
    """Calibration of a ``camera`` part of a district from its place, mounting height and heading.

    ``row`` is a row of the district's ``parts``. The tables know neither tilt nor lens: they are given.
    """
    heading, height = float(row["heading"]), row["height"]
    if math.isnan(heading):
        raise BadInput("the district does not say where this camera looks", where=str(row["id"]), mend="give its heading")
    known = 4.5 if height is None or math.isnan(float(height)) else float(height)
    point = row["geometry"]
    place = Placed(x=point.x, y=point.y, height=known, heading_deg=math.degrees(heading) % 360, tilt_deg=tilt_deg,
                   fov_deg=fov_deg)
    return Calibration(placed(place, size), "camera", camera=str(row["id"]))


def read_tsai(path: str | Path) -> Lens:
    """Read a Tsai calibration as the PETS recordings have it: in millimetres. (Their truth counts pixels from 1, this from 0.)"""
    from defusedxml import ElementTree  # type: ignore[import-untyped]
    try:
        root = ElementTree.parse(str(path)).getroot()
        g, i, e = ({k: float(v) for k, v in root.find(tag).attrib.items()} for tag in ("Geometry", "Intrinsic", "Extrinsic"))
        x, y, z = ([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]] for a in (e["rx"], e["ry"], e["rz"]))
        about_y = np.roll(np.roll(np.array(y), 1, axis=0), 1, axis=1)
        about_z = np.roll(np.roll(np.array(z), 2, axis=0), 2, axis=1)
        rotation = about_z @ about_y @ np.array(x)
        shift = np.array([e["tx"], e["ty"], e["tz"]]) / 1000.0
        focal = np.array([i["focal"] * i["sx"] / g["dpx"], i["focal"] / g["dpy"]])
        return Lens(rotation, -rotation.T @ shift, focal, np.array([i["cx"], i["cy"]]),
                    (int(g["width"]), int(g["height"])), (i["kappa1"] * i["focal"]**2, 0.0))
    except FileNotFoundError:
        raise BadInput("there is no such file", where=str(path), mend="check the path") from None
    except Exception as error:  # the parser and its guards have many errors of their own
        raise BadInput(f"this is not a Tsai calibration ({type(error).__name__})", where=str(path),
                       mend="give the XML file with Geometry, Intrinsic and Extrinsic") from None


def _checked(lens: Lens, where: str) -> Lens:
    """The lens, if its picture shows the ground once and from above."""
    if lens.position[2] <= 0:
        raise BadInput("this calibration folds the ground over: the camera would stand below it", where=where,
                       mend="check that each pixel belongs to its ground point and that x and y are not exchanged")
    if lens.folds():
        raise BadInput("this calibration folds the ground over: its distortion turns back inside the picture", where=where,
                       mend="check k1 and k2, or leave them out")
    w, h = lens.size
    grid = np.stack(np.meshgrid(np.linspace(0, w - 1, 9), np.linspace(0, h - 1, 9)), -1).reshape(-1, 2)
    if np.isnan(lens.ground(grid)).all():
        raise BadInput("this camera sees no ground", where=where, mend="check its tilt and heading")
    return lens
