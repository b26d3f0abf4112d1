"""How many people a dense crowd has: an estimator calibrated for each camera, with the empty view subtracted.

Nobody is found one by one. What the picture shows of a crowd, cell by cell (:mod:`twin.camera.dense_evidence`), goes with
the people on the ground. How it goes is fitted (ridge regression over windows of 4 m) to views of known crowds through
the same lens: rendered ones give the slope, the camera's own empty view the zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import shapely

from twin.camera.dense_evidence import Estimator, Evidence, estimator_named, evidence_of
from twin.camera.dense_grid import Grid, counted
from twin.camera.detector import Picture
from twin.camera.lens import Array, Lens
from twin.errors import BadInput

_RIDGE = 0.3


@dataclass(eq=False)
class Dense:
    """The estimator of one camera: its empty view, the fitted weights, and how far off it was on views kept back."""

    lens: Lens
    region: shapely.Polygon
    plate: Picture
    weights: Array
    middle: Array
    scale: Array
    density_sd: float = float("nan")
    """Standard deviation of the density of the region [1/m2] on views that were not fitted."""
    views: int = 0
    estimator: Estimator = "texture"
    grid: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.grid = Grid.of(self.lens, self.region)
        self._evidence: Evidence = evidence_of(self.estimator, self.grid, self.plate)
        self._shares: dict[bytes, Array] = {}

    @property
    def every_s(self) -> float:
        """How often a look is worth its cost [s]: a crowd's density changes slowly."""
        return self._evidence.every_s

    def with_plate(self, plate: Picture) -> Dense:
        """The same estimator against another empty view (h, w, 3) BGR of the same camera."""
        return replace(self, plate=plate)

    def density(self, picture: Picture) -> Array:
        """People per m2 (cells,) in a picture (h, w, 3) BGR, each a mean over the 4 m around its cell."""
        return self._estimate(self._evidence(picture))

    def mean(self, density: Array, area: shapely.Polygon) -> float:
        """Mean density [1/m2] over the part of an area that is in view; NaN where none is."""
        key = area.wkb
        if key not in self._shares:
            self._shares[key] = self.grid.shares(area) * np.where(self.grid.seen > 0.5, self.grid.seen, 0.0)
        share = self._shares[key]
        total = float(share.sum())
        return float(share @ density) / total if total > 0 else float("nan")

    def people(self, density: Array, area: shapely.Polygon) -> float:
        """People in an area, what is out of view taken to be as dense as what is in view."""
        return self.mean(density, area) * float(area.area)

    def _estimate(self, evidence: Array) -> Array:
        estimate = ((self._evidence.features(evidence) - self.middle) / self.scale) @ self.weights[1:] + self.weights[0]
        nothing = (evidence[:, 0] < 0.02) | (self.grid.seen <= 0.5)  # as good as the empty view
        return np.where(nothing, 0.0, np.clip(estimate, 0.0, 9.0))

    def save(self, path: str | Path) -> None:
        """Write the estimator. It holds the empty view: a picture of the place without people, and it must be one."""
        target = Path(path)
        draft = target.with_name(f".{target.name}.part")
        with draft.open("wb") as file:
            np.savez_compressed(file, plate=self.plate, weights=self.weights, middle=self.middle, scale=self.scale,
                                density_sd=self.density_sd, views=self.views, region=np.frombuffer(self.region.wkb, np.uint8),
                                estimator=self.estimator)
        draft.replace(target)

    @classmethod
    def load(cls, path: str | Path, lens: Lens) -> Dense:
        """Read the estimator of the camera with this lens.

        Raises :class:`BadInput` where it is not one of it, or where CSRNet was calibrated and is not here.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                about = {name: stored[name] for name in stored.files}
            region = shapely.from_wkb(about["region"].tobytes())
            plate = about["plate"]
            if plate.shape != (lens.size[1], lens.size[0], 3):
                raise BadInput("this dense calibration is of a camera with another picture size", where=str(path),
                               mend="make it anew for this camera")
            estimator = estimator_named(str(about.get("estimator", "texture")), str(path))
            return cls(lens, region, plate, about["weights"], about["middle"], about["scale"], float(about["density_sd"]),
                       int(about["views"]), estimator)
        except FileNotFoundError:
            raise BadInput("there is no such file", where=str(path), mend="make one with: hutong camera dense") from None
        except (OSError, ValueError, KeyError, EOFError, shapely.GEOSException):
            raise BadInput("this is not the dense calibration of a camera", where=str(path),
                           mend="make one with: hutong camera dense") from None


def fit_dense(lens: Lens, region: shapely.Polygon, plate: Picture, views: Iterable[tuple[Picture, Array]], *,
              own_plate: Picture | None = None, estimator: Estimator = "texture") -> Dense:
    """Fit an estimator to views of known crowds: pictures (h, w, 3) BGR and the places (n, 2) [m] of everybody in them.

    ``plate`` is the empty view that belongs to the pictures; ``own_plate`` that of the real camera, if the pictures were
    rendered. Every fifth view is kept back: it tells how far off the estimator is. Raises :class:`BadInput` for fewer than
    ten views.
    """
    grid = Grid.of(lens, region)
    look = evidence_of(estimator, grid, plate)
    evidence, truths = [], []
    for picture, people in views:
        evidence.append(look(picture))
        truths.append(grid.around(counted(people, grid)[:, None])[:, 0])
    if len(evidence) < 10:
        raise BadInput(f"{len(evidence)} views are too few to calibrate a camera for dense crowds", mend="give at least ten")
    row, column = np.divmod(np.arange(len(grid.seen)), grid.shape[1])
    use = (grid.seen > 0.5) & (row % 2 == 1) & (column % 2 == 1)
    if not use.any():
        use = grid.seen > 0.5
    fitted = [k for k in range(len(evidence)) if k % 5 != 4]
    x, y = np.concatenate([look.features(evidence[k][use]) for k in fitted]), np.concatenate([truths[k][use] for k in fitted])
    middle = np.zeros(x.shape[1]) if look.through_zero else x.mean(axis=0)
    scale = np.maximum(x.std(axis=0), 1e-6)
    design = np.c_[np.full(len(x), 0.0 if look.through_zero else 1.0), (x - middle) / scale]
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = _RIDGE if look.through_zero else 0.0
    weights = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ y)
    made = Dense(lens, region, own_plate if own_plate is not None else plate, weights, middle, scale, views=len(evidence),
                 estimator=estimator)
    off = [made.mean(made._estimate(evidence[k]), region) - made.mean(truths[k], region)
           for k in range(len(evidence)) if k % 5 == 4]
    made.density_sd = float(np.sqrt(np.mean(np.square(off)) + 0.1**2))
    return made
