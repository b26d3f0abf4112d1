"""Light on a still: one sun with soft shadows, sky light that corners and courts get less of, textures,
haze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from viz.stills.scene import BRICK, FACADE, PAVING, TILED, WATER

Image = NDArray[Any]
"""Pictures of float32."""


@dataclass(frozen=True)
class Pixels:
    """What each pixel shows: ``rgb`` (h, w, 3) uint8, ``normal`` (h, w, 3), ``surface`` (h, w), world
    ``points`` (h, w, 3) [m], ``distance`` (h, w) [m], and whether it is ``solid`` or sky."""

    rgb: NDArray[np.uint8]
    normal: Image
    surface: NDArray[np.uint8]
    points: Image
    distance: Image
    solid: NDArray[np.bool_]


@dataclass(frozen=True)
class DepthMap:
    """What parallel rays from ``direction`` meet first, over a square of ``reach`` [m] to each side of
    ``middle``: ``height`` (p, p), how far towards the rays' source from ``middle`` [m]; ``right`` and ``up``
    span the picture."""

    height: Image
    middle: NDArray[Any]
    reach: float
    right: NDArray[Any]
    up: NDArray[Any]
    direction: NDArray[Any]


@dataclass(frozen=True)
class Mood:
    """Colours of light, linear: sun, sky from above, light thrown back by the ground, haze, zenith; haze
    length."""

    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    bounce: tuple[float, float, float]
    haze: tuple[float, float, float]
    zenith: tuple[float, float, float]
    haze_m: float


DAY = Mood((1.95, 1.72, 1.38), (0.50, 0.60, 0.76), (0.26, 0.23, 0.19), (0.74, 0.78, 0.80), (0.36, 0.52, 0.72), 4200.0)
NIGHT = Mood((0.16, 0.20, 0.30), (0.10, 0.125, 0.19), (0.06, 0.055, 0.05), (0.030, 0.038, 0.058),
             (0.012, 0.017, 0.032), 1800.0)


def shade(pixels: Pixels, *, sun: NDArray[Any], from_sun: list[DepthMap], from_above: DepthMap, footprint: Image,
          dark: bool, oversampling: int) -> NDArray[np.uint8]:
    """Light the pixels and shrink the picture by ``oversampling``; ``footprint`` (h, w) is the size of a
    pixel [m]. Of the depth maps ``from_sun`` each pixel takes the first that it lies in."""
    mood = NIGHT if dark else DAY
    clear = max(150.0, float(np.percentile(pixels.distance[pixels.solid], 2))) if pixels.solid.any() else 150.0
    out: Image = np.empty(pixels.rgb.shape, np.float32)
    blurred = _height_blurs(from_above)
    rows = 200
    for top in range(0, len(out), rows):         # bands keep the working set in the cache
        band = slice(top, top + rows)
        out[band] = _light(Pixels(*(getattr(pixels, f)[band] for f in Pixels.__dataclass_fields__)), mood, sun,
                           from_sun, from_above, blurred, footprint[band], clear)
    sky = ~pixels.solid
    if sky.any():
        height = np.linspace(0, 1, len(out), dtype=np.float32)[:, None, None]
        shown = _mix(_colour(mood.zenith), _colour(mood.haze), np.clip(height * 2, 0, 1))
        out[sky] = np.broadcast_to(shown, pixels.rgb.shape)[sky]
    h, w = out.shape[0] // oversampling, out.shape[1] // oversampling
    toned = _tone(out)
    small = toned[:h * oversampling, :w * oversampling].reshape(h, oversampling, w, oversampling, 3).mean(axis=(1, 3))
    return (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)


def _light(p: Pixels, mood: Mood, sun: NDArray[Any], from_sun: list[DepthMap], from_above: DepthMap,
           blurred: list[tuple[float, Image]], footprint: Image, clear: float) -> Image:
    albedo = _texture(np.power(p.rgb.astype(np.float32) / 255, np.float32(2.2)), p, footprint)
    facing = np.clip(p.normal @ sun.astype(np.float32), 0, 1)
    lit = facing * _in_sun(p, from_sun)
    up = (p.normal[..., 2] + 1) / 2
    open_sky = _open_sky(p, from_above, blurred)
    ambient = _mix(_colour(mood.bounce), _colour(mood.sky), up[..., None]) * open_sky[..., None]
    colour = albedo * (lit[..., None] * _colour(mood.sun) + ambient)
    haze = 1 - np.exp(-np.maximum(p.distance - clear, 0.0) / mood.haze_m)
    return _mix(colour, _colour(mood.haze), np.clip(haze, 0, 1)[..., None])


def _in_sun(p: Pixels, views: list[DepthMap]) -> Image:
    """Share of the sun that reaches each pixel; all of it beyond the last of the sun's depth maps."""
    raised = p.points + p.normal * np.float32(0.06)
    light = np.ones(p.distance.shape, np.float32)
    open_ = p.solid.copy()
    for view in views:
        offset = raised - view.middle.astype(np.float32)
        away = np.maximum(np.abs(offset @ view.right.astype(np.float32)), np.abs(offset @ view.up.astype(np.float32)))
        here = open_ & (away < np.float32(0.99 * view.reach))
        light[here] = _unhidden(offset[here], view)
        open_ &= ~here
    return light


def _unhidden(offset: Image, view: DepthMap) -> Image:
    """Share of the sun at points (n, 3) from the map's middle, from six looks at the map around each."""
    size = len(view.height)
    scale = np.float32(size / 2 / view.reach)
    column = (offset @ view.right.astype(np.float32)) * scale + np.float32(size / 2)
    row = np.float32(size / 2) - (offset @ view.up.astype(np.float32)) * scale
    margin = 0.08 + (1.2 if scale > 3 else 2.0) / float(scale)     # coarse maps would shade sloping ground with itself
    depth = offset @ view.direction.astype(np.float32) + np.float32(margin)
    light = np.zeros(column.shape, np.float32)
    spread = max(0.14 * float(scale), 0.7)
    for turn in np.arange(6) * 2.399963:
        r = spread * np.sqrt((turn / 2.399963 + 0.5) / 6) * 1.6
        x, y = (column + r * np.cos(turn)).astype(np.int32), (row + r * np.sin(turn)).astype(np.int32)
        light += view.height[np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)] <= depth
    return light / np.float32(6)


def _height_blurs(view: DepthMap) -> list[tuple[float, Image]]:
    """The heights from above, averaged over discs of growing size: (radius [m], (p, p) heights) pairs."""
    heights = np.maximum(view.height, 0.0)
    metre = len(heights) / 2 / view.reach
    return [(radius, ndimage.uniform_filter(ndimage.uniform_filter(heights, max(3, int(radius * metre))),
                                            max(3, int(radius * metre * 0.7)))) for radius in (1.6, 5.0, 14.0)]


def _open_sky(p: Pixels, view: DepthMap, blurred: list[tuple[float, Image]]) -> Image:
    """Share of the sky over each pixel: less where the surroundings stand higher, and less close to the
    ground."""
    size = len(view.height)
    scale = np.float32(size / 2 / view.reach)
    offset = p.points + p.normal * np.float32(0.35) - view.middle.astype(np.float32)
    x = (offset[..., 0] * scale + np.float32(size / 2)).astype(np.int32)
    y = (np.float32(size / 2) - offset[..., 1] * scale).astype(np.int32)
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    x, y = np.clip(x, 0, size - 1), np.clip(y, 0, size - 1)
    open_sky = np.ones(x.shape, np.float32)
    for radius, heights in blurred:
        above = np.clip((heights[y, x] - p.points[..., 2]) / np.float32(radius), 0, 2.5)
        open_sky *= 1 / (1 + np.float32(0.6) * above)
    return np.where(inside, open_sky, np.float32(1.0))


def _texture(albedo: Image, p: Pixels, footprint: Image) -> Image:
    """Tiles on pitched roofs, storeys with windows on tall walls, slabs on squares; fading where too fine to
    see."""
    out = albedo
    nx, ny, nz = p.normal[..., 0], p.normal[..., 1], p.normal[..., 2]
    x, y, z = p.points[..., 0], p.points[..., 1], p.points[..., 2]
    level = np.maximum(np.hypot(nx, ny), 1e-4)
    across = (-ny * x + nx * y) / level          # along the eaves of a slope, along a wall
    which = (p.surface == TILED) & (nz > 0.3) & (nz < 0.99)
    if which.any():
        rib = 0.5 + 0.5 * np.cos(across[which] * np.float32(2 * np.pi / 0.32))
        course = (z[which] * np.float32(5.0)) % 1.0 < 0.14
        gain = 1 + _fade(footprint[which], 0.16) * (0.62 * rib - 0.36 - 0.2 * course)
        broad = 1 + 0.035 * np.sin(across[which] * 2.1 + z[which] * 3.0)
        out[which] *= (gain * broad)[:, None]
    which = p.surface == FACADE
    if which.any():
        storey, bay = (z[which] - 0.4) / np.float32(3.2), across[which] / np.float32(2.7)
        in_storey, in_bay = storey % 1.0, bay % 1.0
        pane = (in_storey > 0.30) & (in_storey < 0.78) & (in_bay > 0.17) & (in_bay < 0.83) & (storey > 0.1)
        ledge = in_storey < 0.07
        mix = np.sin(np.floor(bay) * 12.9898 + np.floor(storey) * 78.233) * 0.5 + 0.5
        glass = np.array([0.13, 0.17, 0.20], np.float32) * (0.75 + 0.7 * mix[:, None])
        fade = _fade(footprint[which], 1.3)[:, None]
        wall = out[which] * np.where(ledge, 0.86, 1.0)[:, None]
        sharp = np.where(pane[:, None], glass, wall)
        even = out[which] * 0.7 + np.array([0.15, 0.18, 0.2], np.float32) * 0.3
        out[which] = _mix(even, sharp, fade)
    which = (p.surface == BRICK) & (np.abs(nz) < 0.3)
    if which.any():
        course = z[which] / np.float32(0.09)
        brick = across[which] / np.float32(0.3) + 0.5 * (np.floor(course) % 2)
        joint = (course % 1.0 < 0.16) | (brick % 1.0 < 0.05)
        tone = np.sin(np.floor(brick) * 12.9898 + np.floor(course) * 78.233)
        gain = 1 + _fade(footprint[which], 0.10) * (0.05 * tone - 0.10 * joint)
        out[which] *= np.where(z[which] < 0.55, gain * 0.86, gain)[:, None]
    which = p.surface == PAVING
    if which.any():
        joint = ((x[which] % 3.0) < 0.08) | ((y[which] % 3.0) < 0.08)
        check = ((np.floor(x[which] / 3.0) + np.floor(y[which] / 3.0)) % 2) * 0.03
        out[which] *= (1 - _fade(footprint[which], 0.5) * (0.12 * joint + check))[:, None]
    which = p.surface == WATER
    if which.any():
        ripple = np.sin(x[which] * 1.1 + np.sin(y[which] * 0.7) * 1.4) * np.sin(y[which] * 1.6)
        out[which] *= (1 + 0.05 * ripple * _fade(footprint[which], 1.0))[:, None]
    return out


def _fade(footprint: Image, detail: float) -> Image:
    """1 where a pixel is much smaller than the detail [m], 0 where it is as large as half of it."""
    return np.clip(2.0 - footprint * np.float32(4.0 / detail), 0, 1)


def _colour(rgb: tuple[float, float, float]) -> Image:
    return np.array(rgb, np.float32)


def _mix(a: Any, b: Any, share: Any) -> Image:
    return a + (b - a) * share


def _tone(colour: Image) -> Image:
    """Linear light to sRGB with a soft shoulder, so that bright ground keeps its tone."""
    exposed = colour * np.float32(0.8)
    soft = exposed * (1 + exposed * np.float32(0.16)) / (1 + exposed * np.float32(0.42))
    return np.power(np.clip(soft, 0, 1), np.float32(1 / 2.2))
