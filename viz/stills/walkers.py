"""Walking people for the synthetic camera: bodies of ellipsoids, eight moments of a stride, clothes of many colours.

They are drawn to test counting, not to be looked at: right in size, posture and overlap, with nobody's features.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from viz.stills.models import Coloured

PHASES = 8
HEIGHT_M = 1.72
_TOPS = np.array([[122, 42, 42], [47, 79, 127], [214, 212, 204], [36, 36, 38], [86, 106, 50], [138, 109, 59], [75, 46, 90],
                  [176, 78, 47], [110, 126, 142], [222, 190, 94], [60, 62, 70], [150, 150, 148]], np.uint8)
_LEGS = np.array([[29, 36, 56], [36, 36, 36], [107, 98, 80], [58, 74, 92], [141, 141, 134], [50, 44, 40]], np.uint8)
_SKIN = np.array([[201, 149, 107], [138, 90, 60], [224, 176, 144]], np.uint8)
_HAIR = np.array([[26, 18, 12], [58, 38, 22], [18, 18, 18], [106, 74, 42], [150, 148, 145]], np.uint8)
_SHOES = np.array([[26, 26, 26], [58, 42, 26], [200, 200, 200]], np.uint8)
_TOP, _LEG, _BARE, _HEAD, _SHOE = range(5)


class Walkers(NamedTuple):
    """People: places (n, 2) [m], headings (n,) [rad], phases of the stride (n,) [0, 1), and who each is (n,) for clothes."""

    places: NDArray[np.float64]
    headings: NDArray[np.float64]
    phases: NDArray[np.float64]
    ids: NDArray[np.int64]


def crowd(walkers: Walkers) -> Coloured:
    """The mesh of walking people, each with the height, build and clothes that go with its id."""
    n = len(walkers.ids)
    bodies = [_body(k) for k in range(PHASES)]
    phase = (walkers.phases * PHASES).astype(int) % PHASES
    points = np.stack([body.points for body in bodies])[phase]
    normals = np.stack([body.normals for body in bodies])[phase]
    mixed = _mixed(walkers.ids)
    tall = 0.93 + 0.14 * mixed[:, 0]
    broad = tall * (0.92 + 0.2 * mixed[:, 1])
    c, s = np.cos(walkers.headings)[:, None], np.sin(walkers.headings)[:, None]
    wide = points * np.stack([broad, broad, tall], axis=1)[:, None]
    placed = np.stack([c * wide[..., 0] - s * wide[..., 1] + walkers.places[:, :1],
                       s * wide[..., 0] + c * wide[..., 1] + walkers.places[:, 1:], wide[..., 2]], axis=2)
    turned = np.stack([c * normals[..., 0] - s * normals[..., 1], s * normals[..., 0] + c * normals[..., 1], normals[..., 2]],
                      axis=2)
    dress = np.empty((n, 5, 3), np.uint8)
    for part, palette, column in ((_TOP, _TOPS, 2), (_LEG, _LEGS, 3), (_BARE, _SKIN, 4), (_HEAD, _HAIR, 5), (_SHOE, _SHOES, 6)):
        dress[:, part] = palette[(mixed[:, column] * len(palette)).astype(int)]
    shade = (0.85 + 0.3 * mixed[:, 7])[:, None, None]
    colours = np.clip(dress * shade, 0, 255).astype(np.uint8)[:, bodies[0].parts]
    v = points.shape[1]
    faces = bodies[0].faces[None] + (np.arange(n, dtype=np.uint32) * v)[:, None, None]
    return Coloured(placed.reshape(-1, 3).astype(np.float32), faces.reshape(-1, 3).astype(np.uint32),
                    turned.reshape(-1, 3).astype(np.float32), colours.reshape(-1, 3), np.zeros(n * v, np.uint8))


class _Body(NamedTuple):
    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    faces: NDArray[np.uint32]
    parts: NDArray[np.int64]


@functools.cache
def _body(phase: int) -> _Body:
    """One moment of a stride of a person of 1.72 m who walks along +x."""
    swing = np.sin(2 * np.pi * phase / PHASES)
    hip, shoulder = 0.88, 1.40
    pieces: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], int]] = [
        _limb((0, 0, hip - 0.06), (0, 0, shoulder + 0.03), 0.125, 0.205, _TOP),
        _limb((0.01, 0, shoulder - 0.02), (0.015, 0, 1.53), 0.06, 0.06, _BARE),
        _ball((0.035, 0, 1.60), (0.085, 0.075, 0.115), _BARE),
        _ball((-0.005, 0, 1.635), (0.10, 0.085, 0.10), _HEAD),
    ]
    for side in (1.0, -1.0):
        y = 0.095 * side
        reach = 0.36 * swing * side
        bend = 0.10 * max(-swing * side, 0.0)
        knee, ankle = (0.5 * reach + 0.5 * bend, y, 0.47 + 0.3 * bend), (reach - bend, y, 0.08 + 0.8 * bend)
        pieces.append(_limb((0, y, hip), knee, 0.085, 0.085, _LEG))
        pieces.append(_limb(knee, ankle, 0.06, 0.06, _LEG))
        pieces.append(_ball((ankle[0] + 0.06, y, ankle[2] - 0.03), (0.13, 0.045, 0.045), _SHOE))
        arm = -0.30 * swing * side
        elbow, hand = (0.5 * arm, 0.255 * side, 1.12), (arm + 0.08, 0.25 * side, 0.88)
        pieces.append(_limb((0, 0.215 * side, shoulder), elbow, 0.052, 0.052, _TOP))
        pieces.append(_limb(elbow, hand, 0.042, 0.042, _TOP))
        pieces.append(_ball(hand, (0.045, 0.035, 0.055), _BARE))
    shift = np.cumsum([0, *(len(p[0]) for p in pieces[:-1])])
    points = np.concatenate([p[0] for p in pieces])
    points[:, 2] *= HEIGHT_M / points[:, 2].max()
    return _Body(points, np.concatenate([p[1] for p in pieces]),
                 np.concatenate([p[2] + np.uint32(s) for p, s in zip(pieces, shift, strict=True)]),
                 np.concatenate([np.full(len(p[0]), p[3]) for p in pieces]))


def _ball(middle: tuple[float, float, float], radii: tuple[float, float, float],
          part: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], int]:
    sphere, faces = _sphere()
    normals = sphere / np.array(radii)
    return (sphere * radii + middle, normals / np.linalg.norm(normals, axis=1, keepdims=True), faces, part)


def _limb(start: tuple[float, float, float], end: tuple[float, float, float], deep: float, wide: float,
          part: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], int]:
    """A rounded limb between two joints: an ellipsoid drawn out along its axis."""
    sphere, faces = _sphere()
    a, b = np.array(start), np.array(end)
    along = b - a
    length = float(np.linalg.norm(along))
    axis = along / length
    aside = np.cross(axis, [1.0, 0.0, 0.0]) if abs(axis[0]) < 0.9 else np.cross(axis, [0.0, 0.0, 1.0])
    aside /= np.linalg.norm(aside)
    front = np.cross(aside, axis)
    full = np.sign(sphere[:, 2]) * np.abs(sphere[:, 2]) ** 0.6
    points = (a + b) / 2 + sphere[:, :1] * deep * front + sphere[:, 1:2] * wide * aside + full[:,
                                                                                               None] * (length / 2 + 0.02) * axis
    normals = sphere[:, :1] / deep * front + sphere[:, 1:2] / wide * aside + sphere[:, 2:] / (length / 2) * axis
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True), faces, part


@functools.cache
def _sphere(around: int = 7, up: int = 4) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """A sphere of one metre radius: corners (v, 3) and faces (f, 3)."""
    polar = np.linspace(0, np.pi, up + 2)[1:-1]
    turn = np.arange(around) * 2 * np.pi / around
    ring = np.stack([np.outer(np.sin(polar), np.cos(turn)), np.outer(np.sin(polar), np.sin(turn)),
                     np.repeat(np.cos(polar)[:, None], around, axis=1)], axis=2).reshape(-1, 3)
    points = np.concatenate([[[0, 0, 1.0]], ring, [[0, 0, -1.0]]])
    faces = []
    last = len(points) - 1
    for k in range(around):
        after = (k + 1) % around
        faces.append((0, 1 + k, 1 + after))
        faces.append((last, 1 + (up - 1) * around + after, 1 + (up - 1) * around + k))
        for row in range(up - 1):
            a, b = 1 + row * around + k, 1 + row * around + after
            faces += [(a, a + around, b), (b, a + around, b + around)]
    return points, np.array(faces, np.uint32)


def _mixed(ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Eight numbers in [0, 1) that belong to each id (n, 8), always the same."""
    x = (ids.astype(np.uint64)[:, None] + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.arange(8,
                                                                                                    dtype=np.uint64) * np.uint64(
        0xD1B54A32D192ED03)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(float) / float(1 << 53)
