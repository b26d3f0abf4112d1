"""What the dense estimators read of a real street that is nearly empty: ``pytest -s tests/viz/long_camera_dense.py``.

A minute and a half of one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from twin.camera.calibration import read_calibration
from twin.camera.csrnet import NETWORK
from twin.camera.evaluate import read_truth
from twin.camera.models import models_folder
from twin.camera.source import VideoFile
from twin.camera.zones import read_zones, region_of
from viz.stills.dense_views import calibrated

ZONES = Path(__file__).parents[1] / "twin" / "camera" / "pets_zones.yaml"
FRAMES = range(5, 400, 25)


@pytest.fixture(scope="module")
def street(data):
    """The camera, its region, the film's median as its empty view, pictures of 0.02 people per m2 and their true density."""
    pets = data / "camera" / "pets2009"
    lens = read_calibration(pets / "View_001.xml").lens
    region = region_of(read_zones(ZONES), lens)
    film = [frame.picture for frame, _ in zip(VideoFile.open(pets / "vtest.avi", 7.0).frames(), range(400), strict=False)]
    truth = read_truth(pets / "gt_frames_001_400.txt")
    inside = truth[shapely.contains_xy(region, truth["x"], truth["y"])]
    true = [(inside["frame"] == k).sum() / region.area for k in FRAMES]
    return lens, region, np.median(np.array(film[::10]), axis=0).astype(np.uint8), [film[k] for k in FRAMES], np.array(true)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("estimator", ["texture", "csrnet"])
def test_a_street_that_is_nearly_empty(street, estimator):
    if estimator == "csrnet" and not (models_folder() / NETWORK).is_file():
        pytest.skip("CSRNet is not here: hutong camera models --dense")
    lens, region, plate, pictures, true = street
    made = calibrated(lens, region, plate=plate, views=20, seed=1, estimator=estimator)
    read = np.array([made.mean(made.density(picture), region) for picture in pictures])
    figures = {"true": true.mean(), "read": read.mean(), "most": read.max()}
    print(estimator, {name: round(float(value), 3) for name, value in figures.items()})
    assert true.mean() < 0.05
    assert read.mean() < 1.1, "a street with hardly anybody in it would be counted as a dense crowd"
    if estimator == "csrnet":
        assert read.max() < 0.1
