"""The process that draws a still: ``python -m viz.stills.worker SCENE.npz IMAGE.npy WIDTH HEIGHT``.

VTK only rasterises: colours, normals, surfaces and depth as the camera sees them, depth as the sun sees it,
and heights from above. Light, shadow and texture are computed on those pictures, which looks alike on every
graphics driver.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from viz.stills.camera import Camera
from viz.stills.light import DepthMap, Pixels, shade

SUN = np.array([0.66, -0.40, 0.62])
"""Direction to the sun: a morning, so that shadows fall across a view from the south-west."""
OVERSAMPLING = 2


def draw(scene: SimpleNamespace, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a scene as a picture (h, w, 3)."""
    window = (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING)
    camera = Camera(**scene.camera)
    stage = Stage(scene)
    near, far = _range(scene.positions, camera)
    stage.look(camera, window, near, far)
    rgb, depth = stage.shoot(scene.rgb), stage.depth()
    normal, surface = decoded(stage.shoot(encoded(scene.normals, scene.surface)))
    points, distance = unproject(depth, camera)
    pixels = Pixels(rgb, normal, surface, points, distance, np.isfinite(depth))
    middle, reach = _seen(points, pixels.solid)
    sun = SUN / np.linalg.norm(SUN)
    detail = min(3072, 3 * max(window) // 2)
    from_sun = [stage.look_along(sun, middle, reach, detail)]
    close, close_reach = _seen(points, pixels.solid & (distance < np.quantile(distance[::8, ::8], 0.4)))
    if close_reach < 0.5 * reach:
        from_sun.insert(0, stage.look_along(sun, close, close_reach, detail))
    from_above = stage.look_along(np.array([0.0, 0.0, 1.0]), middle, reach, detail // 2)
    stage.close()
    footprint = distance * np.float32(2 * np.tan(np.radians(camera.fov_deg / 2)) / window[1])
    return shade(pixels, sun=sun, from_sun=from_sun, from_above=from_above, footprint=footprint, dark=scene.dark,
                 oversampling=OVERSAMPLING)


class Stage:
    """The scene on the graphics driver: takes pictures of its colours and of its depth."""

    def __init__(self, scene: SimpleNamespace) -> None:
        faces = np.column_stack([np.full(len(scene.faces), 3), scene.faces.astype(np.int64)]).ravel()
        self._mesh = pv.PolyData(scene.positions, faces)
        self._mesh.point_data["colour"] = scene.rgb
        self._plotter = pv.Plotter(off_screen=True, window_size=[64, 64], lighting="none")
        window: Any = self._plotter.render_window
        window.SetMultiSamples(1)
        self._plotter.renderer.set_background("black")
        self._plotter.add_mesh(self._mesh, scalars="colour", rgb=True, lighting=False, copy_mesh=False,
                               reset_camera=False)
        self._plotter.show(auto_close=False)  # without it PyVista renders nothing
        self._range = (1.0, 2.0)

    def look(self, camera: Camera, window: tuple[int, int], near: float, far: float) -> None:
        """Look through a camera."""
        to = self._plotter.camera
        self._plotter.window_size = list(window)
        to.parallel_projection = False
        to.position, to.focal_point, to.up = camera.position, camera.target, tuple(_up(camera))
        to.view_angle = camera.fov_deg
        to.clipping_range = self._range = (near, far)

    def look_along(self, direction: NDArray[Any], middle: NDArray[Any], reach: float, pixels: int) -> DepthMap:
        """Look along parallel rays from a direction onto a square around ``middle``, ``reach`` [m] to each
        side."""
        high = 400.0 + reach
        up = np.array([0.0, 1.0, 0.0])
        to = self._plotter.camera
        self._plotter.window_size = [pixels, pixels]
        to.parallel_projection, to.parallel_scale = True, reach
        to.position, to.focal_point, to.up = tuple(middle + direction * high), tuple(middle), tuple(up)
        to.clipping_range = self._range = (1.0, 2 * high)
        self._plotter.render()
        depth = self.depth()
        right = np.cross(-direction, up)
        right /= np.linalg.norm(right)
        return DepthMap(np.where(np.isfinite(depth), high - depth, -high).astype(np.float32), middle, reach,
                        right, np.cross(right, -direction), direction)

    def shoot(self, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Take a picture (h, w, 3) with these colours (v, 3) on the corners."""
        shown = self._plotter.renderer.actors
        mapper = next(iter(shown.values())).mapper
        mapper.dataset.point_data["colour"][:] = colours
        mapper.dataset.GetPointData().GetArray("colour").Modified()
        mapper.dataset.Modified()
        self._plotter.render()
        return self._read("RGB")

    def depth(self) -> NDArray[np.float32]:
        """Distances (h, w) along the axis of the camera of the last picture; infinite where there is
        nothing."""
        raw = self._read("ZBuffer")[..., 0]
        near, far = self._range
        if self._plotter.camera.parallel_projection:
            depth = near + raw * (far - near)
        else:
            depth = near * far / (far - raw.astype(np.float64) * (far - near))
        return np.where(raw >= 1.0, np.inf, depth).astype(np.float32)

    def _read(self, what: str) -> NDArray[Any]:
        """The picture that was rendered last, ``RGB`` (h, w, 3) uint8 or ``ZBuffer`` (h, w, 1) float32."""
        reader = vtkWindowToImageFilter()
        reader.SetInput(self._plotter.render_window)
        reader.ShouldRerenderOff()
        reader.ReadFrontBufferOff()
        getattr(reader, f"SetInputBufferTypeTo{what}")()
        reader.Update()
        image = reader.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1].copy()

    def close(self) -> None:
        """Let the window go."""
        self._plotter.close()


def encoded(normals: NDArray[np.float32], surface: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Normals (v, 3), folded onto an octahedron, and surfaces (v,) as colours (v, 3)."""
    n = normals / np.maximum(np.abs(normals).sum(axis=1), 1e-9)[:, None]
    sign = np.where(n[:, :2] >= 0, 1.0, -1.0)
    flat = np.where(n[:, 2:] < 0, (1 - np.abs(n[:, 1::-1])) * sign, n[:, :2])
    return np.column_stack([np.round((flat + 1) * 127), surface * 20 + 10]).astype(np.uint8)


def decoded(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Normals (h, w, 3) and surfaces (h, w) of a picture of :func:`encoded` colours."""
    flat = image[..., :2].astype(np.float32) / 127 - 1
    z = 1 - np.abs(flat).sum(axis=-1)
    sign = np.where(flat >= 0, np.float32(1.0), np.float32(-1.0))
    xy = np.where(z[..., None] < 0, (1 - np.abs(flat[..., ::-1])) * sign, flat)
    normal = np.concatenate([xy, z[..., None]], axis=-1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True), image[..., 2] // 20


def _up(camera: Camera) -> NDArray[Any]:
    look = np.subtract(camera.target, camera.position)
    return np.array([0, 0, 1.0] if np.hypot(*look[:2]) > 0.01 * abs(look[2]) else [0, 1.0, 0])


def unproject(depth: NDArray[np.float32], camera: Camera) -> tuple[NDArray[np.float32],
                                                                               NDArray[np.float32]]:
    """World points (h, w, 3) of depths (h, w) along the camera's axis, and distances; sky lies far away."""
    h, w = depth.shape
    forward = np.subtract(camera.target, camera.position)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, _up(camera))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    half = np.tan(np.radians(camera.fov_deg / 2))
    x = ((np.arange(w) + 0.5) / w * 2 - 1) * half * w / h
    y = (1 - (np.arange(h) + 0.5) / h * 2) * half
    rays = (forward + x[None, :, None] * right + y[:, None, None] * up).astype(np.float32)
    deep = np.where(np.isfinite(depth), depth, np.float32(1e5))[..., None]
    return rays * deep + np.array(camera.position, np.float32), deep[..., 0] * np.linalg.norm(rays, axis=2)


def _range(positions: NDArray[np.float32], camera: Camera) -> tuple[float, float]:
    height = max(float(camera.position[2]), 1.0)
    look = float(np.linalg.norm(np.subtract(camera.target, camera.position)))
    farthest = float(np.linalg.norm(positions - np.array(camera.position, np.float32), axis=1).max())
    return float(max(0.15 * min(height, look), 0.3)), farthest * 1.05


def _seen(points: NDArray[np.float32], solid: NDArray[np.bool_]) -> tuple[NDArray[Any], float]:
    """Middle and reach of what is seen, leaving out a little at the edges, which may be endless plain."""
    some = points[::8, ::8][solid[::8, ::8]]
    if not len(some):
        return np.zeros(3), 100.0
    low, high = np.percentile(some[:, :2], [2, 95], axis=0)
    middle = np.array([*(low + high) / 2, 0.0])
    return middle, float(min(max(np.hypot(*(high - low)) / 2 * 1.05, 30.0), 1100.0))


def main() -> None:
    """Draw what the command line names."""
    scene_file, image_file, width, height = sys.argv[1:5]
    with np.load(scene_file) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "about"}
        about = json.loads(str(stored["about"]))
    image = draw(SimpleNamespace(**arrays, **about), (int(width), int(height)))
    np.save(Path(image_file), image)


if __name__ == "__main__":
    main()
