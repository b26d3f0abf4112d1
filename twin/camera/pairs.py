"""A lens fitted to point pairs: pixels of a still and the places on the ground that they show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from twin.camera.lens import Array, Lens
from twin.errors import BadInput

_MOST_OFF = 0.15
"""Points that lie farther off than this share of their spread contradict each other."""


def lens_from_pairs(pixels: Array, ground: Array, size: tuple[int, int], *, focal_px: float | None = None,
                    k1: float | None = None, where: str = "calibration") -> tuple[Lens, NDArray[np.float64]]:
    """Fit place, direction and focal length to pixels (n, 2) and ground points (n, 2) [m]; residuals (n,) [m] beside them.

    The start is the homography (direct linear transform) and its focal length (Zhang 2000, one view, square pixels,
    centre in the middle); then the reprojection error is least in squares. From six points on the distortion k1 is
    fitted too, unless it is given. Raises :class:`BadInput` for fewer than four points, points on a line, points
    that fold the ground over, and points that contradict each other.
    """
    if len(pixels) < 4:
        raise BadInput(f"{len(pixels)} point pair{'s are' if len(pixels) != 1 else ' is'} too few", where=where,
                       mend="give at least four that do not lie on a line")
    outside = (pixels < -0.5) | (pixels > np.array(size) - 0.5)
    if outside.any():
        u, v = pixels[outside.any(axis=1)][0]
        raise BadInput(f"pixel {u:g}, {v:g} lies outside the picture of {size[0]} x {size[1]}", where=where,
                       mend="correct the pixel or the size")
    for what, points in (("pixels", pixels), ("ground points", ground)):
        if _on_a_line(points):
            raise BadInput(f"the {what} lie on a line, or too nearly so", where=where,
                           mend="give at least four points of which no three lie on a line")
    origin = ground.mean(axis=0)
    local = ground - origin
    to_image = _homography(local, pixels)
    depth = np.c_[local, np.ones(len(local))] @ to_image[2]
    if not ((depth > 0).all() or (depth < 0).all()):
        raise BadInput("these points fold the ground over: the horizon would pass between them", where=where,
                       mend="check that each pixel belongs to its ground point")
    to_image = to_image * np.sign(depth[0])
    middle = (np.array(size, float) - 1) / 2
    focal = focal_px or _focal(to_image, middle, max(size))
    rotation, position = _pose(to_image, focal, middle)
    if position[2] <= 0:
        raise BadInput("these points fold the ground over: the camera would look at it from below", where=where,
                       mend="check the order of the points, and that x and y are not exchanged")
    free_k1, free_focal = k1 is None and len(pixels) >= 6, focal_px is None

    def lens(q: Array) -> Lens:
        bend = float(q[7]) if free_k1 else (k1 or 0.0)
        return Lens(Rotation.from_rotvec(q[:3]).as_matrix(), q[3:6], np.full(2, np.exp(q[6]) if free_focal else focal),
                    middle, size, (bend, 0.0))

    def misses(q: Array) -> Array:
        off = lens(q).pixels(local) - pixels
        return np.nan_to_num(off, nan=1e4).ravel()

    start = np.r_[Rotation.from_matrix(rotation).as_rotvec(), position, np.log(focal), 0.0]
    bounds = (np.r_[np.full(6, -np.inf), np.log(0.2 * max(size)), -1.0], np.r_[np.full(6, np.inf), np.log(50.0 * max(size)), 1.0])
    bounds[0][5] = 0.1
    found = least_squares(misses, np.clip(start, bounds[0] + 1e-9, bounds[1] - 1e-9), bounds=bounds, x_scale="jac", max_nfev=400)
    best = lens(found.x)
    off = np.hypot(*(best.ground(pixels) - local).T)
    spread = float(np.hypot(*local.T).max())
    if np.isnan(off).any() or off.max() > _MOST_OFF * spread:
        worst = int(np.nanargmax(np.where(np.isnan(off), np.inf, off)))
        raise BadInput(f"the points contradict each other: pair {worst + 1} lies {off[worst]:.1f} m off", where=where,
                       mend="check that pair, or give more points")
    placed = Lens(best.rotation, best.position + np.r_[origin, 0.0], best.focal, best.centre, size, best.distortion)
    return placed, off


def _on_a_line(points: Array) -> bool:
    """Whether fewer than four of the points are in general position: all, or all but one, on one line."""
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[0] == 0 or spread[1] < 0.01 * spread[0]:
        return True
    return any(_thin(np.delete(points, k, axis=0)) for k in range(len(points)))


def _thin(points: Array) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 0.005 * max(spread[0], 1e-12))


def _homography(source: Array, target: Array) -> Array:
    """The homography (3, 3) from points (n, 2) to points (n, 2), by the direct linear transform."""
    a, s = _normalised(source)
    b, t = _normalised(target)
    n = len(a)
    rows = np.zeros((2 * n, 9))
    rows[0::2, 0:2], rows[0::2, 2] = a, 1
    rows[1::2, 3:5], rows[1::2, 5] = a, 1
    rows[0::2, 6:8], rows[0::2, 8] = -b[:, :1] * a, -b[:, 0]
    rows[1::2, 6:8], rows[1::2, 8] = -b[:, 1:] * a, -b[:, 1]
    h = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    return np.linalg.inv(t) @ h @ s


def _normalised(points: Array) -> tuple[Array, Array]:
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / np.hypot(*(points - middle).T).mean()
    transform = np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1.0]])
    return (points - middle) * scale, transform


def _focal(h: Array, middle: Array, side: float) -> float:
    """Focal length [px] of a homography from the ground, both of Zhang's conditions in least squares."""
    g = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1.0]]) @ h
    a, b = g[:, 0], g[:, 1]
    flat = np.array([a[0] * b[0] + a[1] * b[1], a @ a - a[2]**2 - (b @ b - b[2]**2)])
    deep = np.array([a[2] * b[2], a[2]**2 - b[2]**2])
    with np.errstate(divide="ignore", invalid="ignore"):
        square = -(flat @ deep) / (deep @ deep)
    return float(np.clip(np.sqrt(square), 0.3 * side, 10 * side)) if np.isfinite(square) and square > 0 else 1.1 * side


def _pose(h: Array, focal: float, middle: Array) -> tuple[Array, Array]:
    """Rotation (3, 3) and position (3,) of a camera from the homography of the ground, positive in front."""
    g = np.diag([1 / focal, 1 / focal, 1]) @ np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1.0]]) @ h
    g = g / np.sqrt(np.linalg.norm(g[:, 0]) * np.linalg.norm(g[:, 1]))
    u, _, v = np.linalg.svd(np.c_[g[:, 0], g[:, 1], np.cross(g[:, 0], g[:, 1])])
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    return rotation, -rotation.T @ g[:, 2]
