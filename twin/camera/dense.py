"""How many people a dense crowd has: an estimator calibrated for each camera, with the empty view subtracted.

Nobody is found one by one. The picture is first bent so that a head has the same size everywhere (24 pixels to the
metre on the plane of heads); there the share that differs from the empty view, and the edges and spots of the size of
heads in it, go with the people on the ground. How they go is fitted (ridge regression over windows of 4 m) to views of
known crowds through the same lens: rendered ones give the slope, the camera's own empty view the zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.camera.detector import Picture
from twin.camera.lens import Array, Lens
from twin.errors import BadInput

HEAD_M = 1.55
"""The plane on which heads and shoulders are counted [m]."""
PX_PER_M = 24.0
CELL_M = 1.0
_SMALLEST_PX_PER_M = 7.0
_MARGIN_PX = 24
WINDOW_CELLS = 4
"""Densities are means over windows of so many cells a side: one square metre of crowd says too little about itself."""
_RIDGE = 0.3


@dataclass(frozen=True, eq=False)
class Grid:
    """The picture bent to one scale: ``u, v`` (r, c) the pixels that its pixels show, ``cell`` (r, c) the ground cell or -1.

    ``corner`` is the corner of cell (0, 0) [m], ``shape`` rows and columns of cells of ``CELL_M``, ``seen`` (cells,) the
    share of each cell in view.
    """

    u: NDArray[np.float32]
    v: NDArray[np.float32]
    cell: NDArray[np.int64]
    weight: Array
    corner: Array
    shape: tuple[int, int]
    seen: Array

    @classmethod
    def of(cls, lens: Lens, region: shapely.Polygon) -> Grid:
        """The grid of a region in a view; raises :class:`BadInput` where the region is too far off to be counted."""
        west, south, east, north = region.bounds
        corner = np.floor(np.array([west, south]) / CELL_M) * CELL_M
        columns, rows = (np.ceil((np.array([east, north]) - corner) / CELL_M)).astype(int)
        u, v, at, scale = _bent(lens)
        inside = shapely.contains_xy(region, at[..., 0], at[..., 1]) & (scale > _SMALLEST_PX_PER_M)
        index = np.floor(np.nan_to_num((at - corner) / CELL_M, nan=-1)).astype(int)
        cell = np.where(inside, index[..., 1] * columns + index[..., 0], -1)
        area = _area(at)
        if inside.any():  # what lies around the region is of no use
            high, wide = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            rows_kept = slice(max(high[0] - _MARGIN_PX, 0), high[-1] + _MARGIN_PX)
            part = (rows_kept, slice(max(wide[0] - _MARGIN_PX, 0), wide[-1] + _MARGIN_PX))
            u, v, inside, cell, area = u[part], v[part], inside[part], cell[part], area[part]
        weight = np.where(inside, np.nan_to_num(area), 0.0)
        n = int(rows * columns)
        seen = np.bincount(cell[inside], weight[inside], n) / CELL_M**2
        if not (seen > 0.3).any():
            raise BadInput("the region is too far off, or too small in the picture, for a crowd to be counted",
                           mend="choose a nearer region")
        return cls(u, v, cell, weight, corner, (int(rows), int(columns)), seen)

    def mean(self, values: Array) -> Array:
        """Means (cells,) of values (r, c) over the ground of each cell; 0 where nothing is seen."""
        inside = self.cell >= 0
        total = np.bincount(self.cell[inside], (values[inside] * self.weight[inside]), len(self.seen))
        return total / np.maximum(self.seen * CELL_M**2, 1e-9)


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
    grid: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.grid = Grid.of(self.lens, self.region)
        self._empty = _shown(self.plate, self.grid)
        self._shares: dict[bytes, Array] = {}

    def density(self, picture: Picture) -> Array:
        """People per m2 (cells,) in a picture (h, w, 3) BGR, each a mean over the 4 m around its cell."""
        return self._estimate(_evidence(picture, self._empty, self.grid))

    def mean(self, density: Array, area: shapely.Polygon) -> float:
        """Mean density [1/m2] over the part of an area that is in view; NaN where none is."""
        key = area.wkb
        if key not in self._shares:
            self._shares[key] = _shares(area, self.grid) * np.where(self.grid.seen > 0.5, self.grid.seen, 0.0)
        share = self._shares[key]
        total = float(share.sum())
        return float(share @ density) / total if total > 0 else float("nan")

    def people(self, density: Array, area: shapely.Polygon) -> float:
        """People in an area, what is out of view taken to be as dense as what is in view."""
        return self.mean(density, area) * float(area.area)

    def _estimate(self, evidence: Array) -> Array:
        estimate = ((_raised(evidence) - self.middle) / self.scale) @ self.weights[1:] + self.weights[0]
        nothing = (evidence[:, 0] < 0.02) | (self.grid.seen <= 0.5)  # as good as the empty view
        return np.where(nothing, 0.0, np.clip(estimate, 0.0, 9.0))

    def save(self, path: str | Path) -> None:
        """Write the estimator. It holds the empty view: a picture of the place without people, and it must be one."""
        target = Path(path)
        draft = target.with_name(f".{target.name}.part")
        with draft.open("wb") as file:
            np.savez_compressed(file, plate=self.plate, weights=self.weights, middle=self.middle, scale=self.scale,
                                density_sd=self.density_sd, views=self.views, region=np.frombuffer(self.region.wkb, np.uint8))
        draft.replace(target)

    @classmethod
    def load(cls, path: str | Path, lens: Lens) -> Dense:
        """Read the estimator of the camera with this lens; raises :class:`BadInput` where it is not one of it."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                about = {name: stored[name] for name in stored.files}
            region = shapely.from_wkb(about["region"].tobytes())
            plate = about["plate"]
            if plate.shape != (lens.size[1], lens.size[0], 3):
                raise BadInput("this dense calibration is of a camera with another picture size", where=str(path),
                               mend="make it anew for this camera")
            return cls(lens, region, plate, about["weights"], about["middle"], about["scale"], float(about["density_sd"]),
                       int(about["views"]))
        except FileNotFoundError:
            raise BadInput("there is no such file", where=str(path), mend="make one with: hutong camera dense") from None
        except (OSError, ValueError, KeyError, EOFError, shapely.GEOSException):
            raise BadInput("this is not the dense calibration of a camera", where=str(path),
                           mend="make one with: hutong camera dense") from None


def fit_dense(lens: Lens, region: shapely.Polygon, plate: Picture, views: Iterable[tuple[Picture, Array]], *,
              own_plate: Picture | None = None) -> Dense:
    """Fit an estimator to views of known crowds: pictures (h, w, 3) BGR and the places (n, 2) [m] of everybody in them.

    ``plate`` is the empty view that belongs to the pictures; ``own_plate`` that of the real camera, if the pictures were
    rendered. Every fifth view is kept back: it tells how far off the estimator is. Raises :class:`BadInput` for fewer than
    ten views.
    """
    grid = Grid.of(lens, region)
    empty = _shown(plate, grid)
    evidence, truths = [], []
    for picture, people in views:
        evidence.append(_evidence(picture, empty, grid))
        truths.append(_around(counted(people, grid)[:, None], grid)[:, 0])
    if len(evidence) < 10:
        raise BadInput(f"{len(evidence)} views are too few to calibrate a camera for dense crowds", mend="give at least ten")
    row, column = np.divmod(np.arange(len(grid.seen)), grid.shape[1])
    use = (grid.seen > 0.5) & (row % 2 == 1) & (column % 2 == 1)
    if not use.any():
        use = grid.seen > 0.5
    fitted = [k for k in range(len(evidence)) if k % 5 != 4]
    x, y = np.concatenate([_raised(evidence[k][use]) for k in fitted]), np.concatenate([truths[k][use] for k in fitted])
    middle, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    design = np.c_[np.ones(len(x)), (x - middle) / scale]
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 0.0
    weights = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ y)
    made = Dense(lens, region, own_plate if own_plate is not None else plate, weights, middle, scale, views=len(evidence))
    off = [made.mean(made._estimate(evidence[k]), region) - made.mean(truths[k], region)
           for k in range(len(evidence)) if k % 5 == 4]
    made.density_sd = float(np.sqrt(np.mean(np.square(off)) + 0.1**2))
    return made


def counted(people: Array, grid: Grid) -> Array:
    """People per m2 (cells,) of people at places (n, 2)."""
    rows, columns = grid.shape
    at = (np.asarray(people, float).reshape(-1, 2) - grid.corner) / CELL_M
    counts, _, _ = np.histogram2d(at[:, 1], at[:, 0], bins=(rows, columns), range=((0, rows), (0, columns)))
    return np.asarray(counts, float).ravel() / CELL_M**2


def _bent(lens: Lens) -> tuple[NDArray[np.float32], NDArray[np.float32], Array, Array]:
    """Pixels u, v of a picture in which a metre at head height is ``PX_PER_M`` everywhere, places (r, c, 2), scales (r, c)."""
    w, h = lens.size
    v = np.arange(h, dtype=float)
    left, right = (lens.ground(np.c_[np.full(h, u), v], HEAD_M) for u in ((w - 1) * 0.5 - 5, (w - 1) * 0.5 + 5))
    scale = 10.0 / np.hypot(*(right - left).T)
    good = np.isfinite(scale) & (scale > _SMALLEST_PX_PER_M)
    if good.sum() < 8:
        raise BadInput("people would be too small everywhere in this picture for a crowd to be counted",
                       mend="choose another view")
    v, scale = v[good], scale[good]
    down = np.r_[0.0, np.cumsum(PX_PER_M / scale[:-1])]
    rows = np.arange(0, down[-1], 1.0)
    source_v, source_scale = np.interp(rows, down, v), np.interp(rows, down, scale)
    wide = int(np.ceil(w * PX_PER_M / source_scale.min()))
    wide = min(wide, 6000)
    across = np.arange(wide) - (wide - 1) / 2
    u = (w - 1) / 2 + across[None] * source_scale[:, None] / PX_PER_M
    vv = np.repeat(source_v[:, None], wide, axis=1)
    at = lens.ground(np.c_[u.ravel(), vv.ravel()], HEAD_M).reshape(*u.shape, 2)
    outside = (u < 0) | (u > w - 1)
    at[outside] = np.nan
    return u.astype(np.float32), vv.astype(np.float32), at, np.repeat(source_scale[:, None], wide, axis=1)


def _area(at: Array) -> Array:
    """Ground (r, c) [m2] of each bent pixel."""
    down, across = np.gradient(at, axis=0), np.gradient(at, axis=1)
    return np.abs(down[..., 0] * across[..., 1] - down[..., 1] * across[..., 0])


def _shown(picture: Picture, grid: Grid) -> Array:
    """The picture bent to one scale, (r, c, 3) float32."""
    return np.asarray(cv2.remap(picture, grid.u, grid.v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _evidence(picture: Picture, empty: Array, grid: Grid) -> Array:
    """What the window around each cell shows (cells, kinds).

    First the share that differs from the empty view; then, within it, how strong spots and edges of five sizes are
    against their surroundings, how many there are, and how much colours vary.
    """
    shown, p = _shown(picture, grid), PX_PER_M / 40.0
    apart = np.abs(_soft(shown, max(p, 0.5)) - _soft(empty, max(p, 0.5))).max(axis=2)
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
            layers += [np.abs(cv2.Sobel(even, cv2.CV_32F, 1, 0)) * changed, np.abs(cv2.Sobel(even, cv2.CV_32F, 0, 1)) * changed]
            reach = int(2 * round(1.5 * size * p) + 1)
            for sign in (1.0, -1.0):
                top = cv2.dilate(sign * spot, np.ones((reach, reach))) == sign * spot
                layers.append((top & (sign * spot > 0.1)) * changed * 10.0)
    colours = np.asarray(cv2.cvtColor(shown.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2LAB), np.float32)
    for channel in (1, 2):
        layers.append(np.abs(_soft(colours[..., channel], 1.9 * p) - _soft(colours[..., channel], 4.8 * p)) * changed / 10.0)
    return _around(np.stack([grid.mean(np.asarray(layer, float)) for layer in layers], axis=1), grid)


_SIZES = (1.2, 1.9, 3.0, 4.8, 7.6, 12.0)
"""Sizes of spots, in fortieths of a metre."""


def _soft(picture: Any, size: float) -> Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), size))


def _raised(evidence: Array) -> Array:
    """Evidence (n, k), its squares, and the density that would cover such a share if people stood at random."""
    covered = -np.log(1.02 - np.clip(evidence[:, :1], 0, 1))
    return np.c_[evidence, covered, covered**2, evidence[:, 1:] ** 2]


def _around(values: Array, grid: Grid) -> Array:
    """Means (cells, k) over the window around each cell, by how much of each cell is seen."""
    rows, columns = grid.shape
    seen = np.where(grid.seen > 0.5, grid.seen, 0.0).reshape(rows, columns)
    side = (WINDOW_CELLS, WINDOW_CELLS)
    total = cv2.boxFilter(seen, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
    out = np.empty_like(values)
    for k in range(values.shape[1]):
        layer = values[:, k].reshape(rows, columns) * seen
        summed = cv2.boxFilter(layer, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        out[:, k] = (summed / np.maximum(total, 1e-9)).ravel()
    return out


def _shares(area: shapely.Polygon, grid: Grid) -> Array:
    """How much of each cell (cells,) an area covers."""
    rows, columns = grid.shape
    x, y = (g.ravel() * CELL_M for g in np.meshgrid(np.arange(columns), np.arange(rows)))
    boxes = shapely.box(x + grid.corner[0], y + grid.corner[1], x + grid.corner[0] + CELL_M, y + grid.corner[1] + CELL_M)
    return np.asarray(shapely.area(shapely.intersection(boxes, area)) / CELL_M**2)
