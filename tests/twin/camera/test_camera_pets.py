"""The bars on a real recording: 120 frames here, all 400 of the truth in ``tests/twin/long_camera.py``."""

from __future__ import annotations

from camera_case import meets_the_bars, pets_run


def test_the_bars_hold_on_the_first_120_frames(data, tmp_path):
    found, result = pets_run(data, tmp_path, 120)
    assert found.frames == 120
    meets_the_bars(found)
    assert result.health == []


def test_without_a_detector_the_count_still_follows_the_truth(data, tmp_path):
    found, _ = pets_run(data, tmp_path, 120, "background")
    assert found.count_correlation is not None
    assert found.count_correlation > 0.5
    assert abs(found.count_bias) < 0.6 * found.truth_mean
