from __future__ import annotations

import numpy as np
import pytest
import yaml
from camera_case import SIZE, corner
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.camera.calibration import read_calibration, read_tsai
from twin.camera.pairs import lens_from_pairs
from twin.errors import BadInput

PIXELS = np.array([[80.0, 560], [700, 540], [620, 250], [150, 230], [400, 400], [300, 300]])


def _file(tmp_path, content):
    path = tmp_path / "camera.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def _pairs(pixels, ground):
    return [{"pixel": [float(v) for v in p], "ground": [float(v) for v in g]} for p, g in zip(pixels, ground, strict=True)]


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 359), st.floats(15, 60), st.floats(4, 20), st.integers(4, 6))
def test_point_pairs_give_the_camera_back(heading, tilt, height, number):
    lens = corner(heading_deg=heading, tilt_deg=tilt, height=height)
    at = lens.ground(PIXELS[:number])
    if np.isnan(at).any() or np.hypot(*(at - lens.position[:2]).T).max() > 200:
        return
    found, residuals = lens_from_pairs(PIXELS[:number], at, SIZE, k1=0.0)
    assert residuals.max() < 0.02
    elsewhere = np.array([[200.0, 500], [500, 350]])
    assert np.allclose(found.ground(elsewhere), lens.ground(elsewhere), atol=0.05)
    assert found.position[2] == pytest.approx(height, rel=0.02)


def test_residuals_are_metres_on_the_ground(tmp_path):
    lens = corner()
    ground = lens.ground(PIXELS)
    ground[0] += [0.3, 0.0]
    known = read_calibration(_file(tmp_path, {"size": list(SIZE), "points": _pairs(PIXELS, ground), "k1": 0.0}))
    assert 0.03 < known.residuals.max() < 0.3
    assert known.accuracy_m == pytest.approx(np.sqrt((known.residuals**2).mean()))


def test_four_points_on_a_line_are_refused(tmp_path):
    pixels = np.c_[np.linspace(100, 600, 4), np.full(4, 400.0)]
    with pytest.raises(BadInput, match="lie on a line"):
        read_calibration(_file(tmp_path, {"size": list(SIZE), "points": _pairs(pixels, corner().ground(pixels))}))


def test_three_of_four_on_a_line_are_refused(tmp_path):
    pixels = np.array([[100.0, 400], [350, 400], [600, 400], [300, 250]])
    with pytest.raises(BadInput, match="lie on a line"):
        read_calibration(_file(tmp_path, {"size": list(SIZE), "points": _pairs(pixels, corner().ground(pixels))}))


def test_ground_that_is_mirrored_folds_over(tmp_path):
    ground = corner().ground(PIXELS)[:, ::-1]
    with pytest.raises(BadInput, match=r"folds? the ground over"):
        read_calibration(_file(tmp_path, {"size": list(SIZE), "points": _pairs(PIXELS, ground)}))


def test_exchanged_points_fold_the_ground_over(tmp_path):
    ground = corner().ground(PIXELS[:4])[[1, 0, 2, 3]]
    with pytest.raises(BadInput, match=r"fold the ground over|contradict"):
        read_calibration(_file(tmp_path, {"size": list(SIZE), "points": _pairs(PIXELS[:4], ground)}))


def test_distortion_that_turns_back_is_refused(tmp_path):
    place = {"x": 0, "y": 0, "height": 5, "heading_deg": 0, "tilt_deg": 20, "fov_deg": 100}
    with pytest.raises(BadInput, match="folds the ground over"):
        read_calibration(_file(tmp_path, {"size": list(SIZE), "camera": place, "k1": -0.9}))


@pytest.mark.parametrize(("content", "words"), [
    ({"points": _pairs(PIXELS[:3], PIXELS[:3]), "size": [768, 576]}, "too few"),
    ({"points": _pairs(PIXELS, PIXELS)}, "size of the picture is missing"),
    ({"size": [768, 576]}, "one of points, tsai and camera"),
    ({"size": [768, 576], "lens": 3}, "lens"),
    ({"size": [100, 100], "points": _pairs(PIXELS, PIXELS)}, "outside the picture"),
])
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path, content, words):
    with pytest.raises(BadInput, match=words) as caught:
        read_calibration(_file(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text("<Camera></Camera>")
    with pytest.raises(BadInput, match="not a Tsai calibration"):
        read_calibration(tmp_path / "a.xml")
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00:")
    with pytest.raises(BadInput, match="neither YAML"):
        read_calibration(tmp_path / "a.yaml")
    with pytest.raises(BadInput, match="no such file"):
        read_calibration(tmp_path / "none.yaml")


def test_the_tsai_file_of_pets_puts_feet_within_a_hand_of_the_truth(data):
    lens = read_tsai(data / "camera" / "pets2009" / "View_001.xml")
    truth = np.loadtxt(data / "camera" / "pets2009" / "gt_frames_001_400.txt", delimiter=",")
    feet = np.c_[truth[:, 2] + truth[:, 4] / 2, truth[:, 3] + truth[:, 5]] - 1
    off = np.hypot(*(lens.ground(feet) - truth[:, 7:9]).T)
    assert np.median(off) < 0.05
    assert np.percentile(off, 95) < 0.15
