"""The estimator with CSRNet's real weights on rendered crowds; only where they were fetched."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from twin.camera.calibration import Placed, placed
from twin.camera.csrnet import NETWORK
from twin.camera.models import models_folder
from twin.errors import Unavailable
from viz.stills import require_graphics
from viz.stills.dense_views import calibrated, standing
from viz.stills.synthetic_camera import Look, SyntheticCamera, plain_stage

REGION = shapely.box(-4, -4, 4, 4)


@pytest.fixture(scope="module", autouse=True)
def _ready():
    if not (models_folder() / NETWORK).is_file():
        pytest.skip("CSRNet is not here: hutong camera models --dense")
    try:
        require_graphics()
    except Unavailable as error:
        pytest.skip(str(error))


def test_crowds_light_and_ground_that_were_not_fitted_are_read_within_the_bar():
    lens = placed(Placed(x=0.0, y=-15.0, height=6.5, heading_deg=90.0, tilt_deg=23.0, fov_deg=55.0), (480, 360))
    fitted = calibrated(lens, REGION, views=13, seed=3, estimator="csrnet")
    assert fitted.weights[0] == 0
    rng, off = np.random.default_rng(404), []
    with SyntheticCamera(lens, plain_stage((0.0, 0.0), seed=77), look=Look(seed=5, bright=0.68, noise=4.0)) as camera:
        other = fitted.with_plate(camera.picture())
        assert other.mean(other.density(camera.picture()), REGION) < 0.1
        for density in (0.5, 2.0, 3.5, 5.0):
            walkers = standing(REGION, density, rng)
            true = shapely.contains_xy(REGION, walkers.places[:, 0], walkers.places[:, 1]).sum() / REGION.area
            off.append(other.mean(other.density(camera.picture(walkers)), REGION) - true)
    assert np.abs(off).mean() <= 0.4
