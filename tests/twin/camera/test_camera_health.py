from __future__ import annotations

import cv2
import numpy as np

from twin.camera.health import Health

RATE = 5.0


def _street(k: int, shift: int = 0, noise: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(4)
    street = cv2.resize(rng.integers(60, 200, (18, 24, 3)).astype(np.uint8), (480, 360), interpolation=cv2.INTER_NEAREST)
    street = np.roll(street, shift, axis=1)
    x = (k * 7) % 440
    street[200:280, x:x + 30] = (30, 40, 160)
    return np.clip(street + np.random.default_rng(k).normal(0, noise, street.shape), 0, 255).astype(np.uint8)


def _troubles(pictures, times=None):
    health, found = Health(RATE), []
    for k, picture in enumerate(pictures):
        found += [(c.trouble, c.on) for c in health.step(times[k] if times else k / RATE, picture)]
    return found


def test_a_street_with_people_is_well():
    assert _troubles([_street(k) for k in range(100)]) == []


def test_a_frozen_picture_is_noticed_and_its_end_too():
    frozen = [_street(k) for k in range(20)] + [_street(20)] * 40 + [_street(k) for k in range(21, 60)]
    assert _troubles(frozen) == [("frozen", True), ("frozen", False)]


def test_darkness_and_a_cover_are_told_apart():
    dark = [_street(k) for k in range(20)] + [(_street(k) * 0.04).astype(np.uint8) for k in range(30)]
    assert ("dark", True) in _troubles(dark)
    rng = np.random.default_rng(1)
    cloth = [np.clip(90 + rng.normal(0, 3, (360, 480, 3)), 0, 255).astype(np.uint8) for _ in range(40)]
    covered = [_street(k) for k in range(20)] + cloth
    assert ("covered", True) in _troubles(covered)
    assert ("dark", True) not in _troubles(covered)


def test_a_camera_that_was_turned_is_noticed():
    assert ("moved", True) in _troubles([_street(k) for k in range(20)] + [_street(k, shift=25) for k in range(60)])


def test_fewer_frames_than_there_should_be_are_noticed():
    times = [k / RATE for k in range(50)] + [10 + k * 0.9 for k in range(30)]
    assert ("slow", True) in _troubles([_street(k) for k in range(80)], times)
