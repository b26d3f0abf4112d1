from __future__ import annotations

import numpy as np
import pytest
from camera_case import SIZE, corner
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.camera.lens import Lens

angle = st.floats(-180, 180)


@settings(max_examples=60, deadline=None)
@given(angle, st.floats(10, 80), st.floats(3, 40), st.floats(30, 90), st.floats(-0.15, 0.15), st.integers(0, 10_000))
def test_what_a_pixel_sees_of_the_ground_falls_on_that_pixel(heading, tilt, height, fov, k1, seed):
    there = corner(heading_deg=heading, tilt_deg=tilt, height=height, fov_deg=fov)
    lens = Lens(there.rotation, there.position, there.focal, there.centre, SIZE, (k1, 0.0))
    if lens.folds():
        return
    pixels = np.random.default_rng(seed).uniform((0, 0), SIZE, (20, 2))
    at = lens.ground(pixels)
    seen = np.isfinite(at).all(axis=1)
    assert np.abs(lens.pixels(at[seen]) - pixels[seen]).max(initial=0) < 1e-3


def test_a_camera_that_looks_north_sees_north_in_the_middle_and_east_on_the_right():
    lens = corner()
    middle, right = lens.ground([[383.5, 287.5], [700, 287.5]])
    assert middle[0] == pytest.approx(100.0)
    assert middle[1] == pytest.approx(200 + 6 / np.tan(np.radians(25)))
    assert right[0] > middle[0] + 2


def test_nothing_of_the_ground_is_seen_above_the_horizon():
    lens = corner(tilt_deg=5)
    assert np.isnan(lens.ground([[383, 0]])).all()
    assert np.isfinite(lens.ground([[383, 570]])).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.8, 2.3), st.floats(-3, 3), st.floats(9, 25))
def test_height_is_read_from_foot_and_head(height, aside, away):
    lens = corner()
    foot, head = lens.upright(np.array([[100 + aside, 200 + away]]), height)
    assert lens.stature(foot, head)[0] == pytest.approx(height, abs=0.02)


def test_a_resized_picture_sees_the_same_places():
    lens = corner()
    half = lens.scaled((384, 288))
    assert np.allclose(half.ground([[100.0, 200.0]]), lens.ground([[200.5, 400.5]]))
