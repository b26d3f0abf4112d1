"""A camera as geometry: what a pixel sees of the ground, and which pixel a place in the world falls on.

A pinhole with radial distortion (Tsai 1987): with normalised distorted coordinates ``d`` and ``r = |d|`` the
undistorted ones are ``u = d (1 + k1 r2 + k2 r4)``. Pixels count from 0 at the centre of the upper left one, ``u`` to
the right and ``v`` down. The world is in metres, z up; the ground is z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
_FARTHEST_M = 2000.0


@dataclass(frozen=True, eq=False)
class Lens:
    """Where a camera stands, where it looks and how it draws.

    ``rotation`` (3, 3) turns world directions into camera ones (x right, y down, z forward), ``position`` (3,) is
    the camera's place [m], ``focal`` (2,) the focal lengths [px], ``centre`` (2,) the principal point [px],
    ``distortion`` (2,) k1 and k2, ``size`` the picture's width and height [px].
    """

    rotation: Array
    position: Array
    focal: Array
    centre: Array
    size: tuple[int, int]
    distortion: tuple[float, float] = (0.0, 0.0)

    def ground(self, pixels: ArrayLike, height: ArrayLike = 0.0) -> Array:
        """World points (n, 2) [m] that pixels (n, 2) see on the plane at ``height`` [m] (one, or one a pixel).

        NaN where the pixel looks at or above the horizon.
        """
        rays = self.rays(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (np.asarray(height, float) - self.position[2]) / rays[:, 2]
        along = np.where((along > 0) & (along < _FARTHEST_M), along, np.nan)
        return self.position[:2] + rays[:, :2] * along[:, None]

    def rays(self, pixels: ArrayLike) -> Array:
        """Directions (n, 3) in the world in which pixels (n, 2) look, one unit deep."""
        d = (np.asarray(pixels, float).reshape(-1, 2) - self.centre) / self.focal
        r2 = (d * d).sum(axis=1)
        k1, k2 = self.distortion
        u = d * (1 + k1 * r2 + k2 * r2 * r2)[:, None]
        return np.c_[u, np.ones(len(u))] @ self.rotation

    def pixels(self, points: ArrayLike) -> Array:
        """Pixels (n, 2) that world points (n, 2) on the ground or (n, 3) fall on; NaN behind the camera."""
        p = np.asarray(points, float)
        if p.shape[-1] == 2:
            p = np.c_[p, np.zeros(len(p))]
        c = (p - self.position) @ self.rotation.T
        ahead = c[:, 2] > 1e-6
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.where(ahead[:, None], c[:, :2] / c[:, 2:], np.nan)
        return self._distorted(u) * self.focal + self.centre

    def stature(self, foot: ArrayLike, head: ArrayLike) -> Array:
        """Heights (n,) [m] of upright things whose lowest pixels are ``foot`` (n, 2) and uppermost ones ``head`` (n, 2)."""
        at, top = self.ground(foot), np.asarray(head, float)[:, 1]
        height = np.full(len(at), 1.7)
        for _ in range(4):  # the image of a vertical is close to linear in height over a person's length
            v = self.pixels(np.c_[at, height])[:, 1]
            higher = self.pixels(np.c_[at, height + 0.1])[:, 1]
            with np.errstate(divide="ignore", invalid="ignore"):
                height = height + np.clip(0.1 * (top - v) / (higher - v), -2, 2)
        return height

    def upright(self, ground: ArrayLike, height: float = 1.7) -> tuple[Array, Array]:
        """Pixels (n, 2) of the feet and of the heads of people of a height [m] who stand at world points (n, 2)."""
        at = np.asarray(ground, float).reshape(-1, 2)
        return self.pixels(at), self.pixels(np.c_[at, np.full(len(at), height)])

    def inside(self, pixels: ArrayLike, margin: float = 0.0) -> NDArray[np.bool_]:
        """Whether pixels (n, 2) lie in the picture, ``margin`` [px] away from its edge."""
        p = np.asarray(pixels, float)
        with np.errstate(invalid="ignore"):
            return np.asarray(((p >= margin) & (p <= np.array(self.size) - 1 - margin)).all(axis=1))

    def scaled(self, size: tuple[int, int]) -> Lens:
        """The same camera with its picture resized."""
        factor = np.array(size, float) / self.size
        return Lens(self.rotation, self.position, self.focal * factor, (self.centre + 0.5) * factor - 0.5, size, self.distortion)

    def folds(self) -> bool:
        """Whether the distortion turns back on itself inside the picture, so that two pixels see one place."""
        w, h = self.size
        corner = np.array([[0, 0], [w, 0], [0, h], [w, h]], float)
        r = np.linspace(0, np.hypot(*((corner - self.centre) / self.focal).T).max(), 64)
        k1, k2 = self.distortion
        return bool((1 + 3 * k1 * r**2 + 5 * k2 * r**4 <= 0).any())

    def _distorted(self, u: Array) -> Array:
        k1, k2 = self.distortion
        if k1 == 0 and k2 == 0:
            return u
        far = np.hypot(u[:, 0], u[:, 1])
        r = far.copy()
        for _ in range(12):  # Newton on r (1 + k1 r2 + k2 r4) = far
            slope = 1 + 3 * k1 * r**2 + 5 * k2 * r**4
            r = np.clip(r - (r * (1 + k1 * r**2 + k2 * r**4) - far) / np.where(np.abs(slope) < 1e-6, 1e-6, slope), 0, far * 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return u * np.where(far > 1e-12, r / far, 1.0)[:, None]


def facing(heading: float, tilt: float, roll: float = 0.0) -> Array:
    """Rotation (3, 3) of a camera that looks along ``heading`` [rad from east] and ``tilt`` [rad] below the horizon.

    ``roll`` [rad] turns the camera clockwise about its axis.
    """
    forward = np.array([np.cos(tilt) * np.cos(heading), np.cos(tilt) * np.sin(heading), -np.sin(tilt)])
    right = np.array([np.sin(heading), -np.cos(heading), 0.0])
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, forward])
