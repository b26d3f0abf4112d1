"""The synthetic camera: exact truth through the whole chain, sparse and dense, up to the alarm."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from twin.camera.calibration import Placed, placed
from twin.camera.dense import Dense
from twin.camera.flow import CrowdFlow
from twin.camera.foreground import Foreground
from twin.camera.lens import Lens
from twin.camera.observe import Reporter
from twin.camera.run import run_camera
from twin.camera.watch import Watch
from twin.camera.zones import Zones
from twin.errors import BadInput, Unavailable
from viz.stills import require_graphics
from viz.stills.dense_views import calibrated, spaced, standing
from viz.stills.synthetic_camera import Look, SyntheticCamera, SyntheticSource, plain_stage
from viz.stills.walkers import Walkers, crowd

RATE = 5.0
REGION = shapely.box(-4, -4, 4, 4)


@pytest.fixture(scope="module", autouse=True)
def _graphics():
    try:
        require_graphics()
    except Unavailable as error:
        pytest.skip(str(error))


def _lens(**changes: float) -> Lens:
    given = {"x": 0.0, "y": -15.0, "height": 6.5, "heading_deg": 90.0, "tilt_deg": 23.0, "fov_deg": 55.0} | changes
    return placed(Placed(**given), (480, 360))


@pytest.fixture(scope="module")
def estimator() -> Dense:
    return calibrated(_lens(), REGION, views=26, seed=3)


def test_people_appear_where_the_lens_says():
    lens = _lens()
    place = np.array([[1.5, 2.0]])
    with SyntheticCamera(lens, plain_stage((0.0, 0.0)), look=Look(noise=0.5)) as camera:
        empty = camera.picture().astype(int)
        one = camera.picture(Walkers(place, np.zeros(1), np.zeros(1), np.array([5]))).astype(int)
    v, u = np.nonzero(np.abs(one - empty).max(axis=2) > 40)
    foot, head = lens.upright(place, 1.72)
    assert u.mean() == pytest.approx(foot[0, 0], abs=5)
    assert v.min() == pytest.approx(head[0, 1], abs=5)
    assert v.max() == pytest.approx(foot[0, 1], abs=8)


def test_a_distorted_lens_draws_distorted():
    plain = _lens()
    bent = Lens(plain.rotation, plain.position, plain.focal, plain.centre, plain.size, (0.25, 0.0))
    place = np.array([[6.5, 4.0]])
    with SyntheticCamera(bent, plain_stage((0.0, 0.0)), look=Look(noise=0.5)) as camera:
        empty = camera.picture().astype(int)
        one = camera.picture(Walkers(place, np.zeros(1), np.zeros(1), np.array([5]))).astype(int)
    _, u = np.nonzero(np.abs(one - empty).max(axis=2) > 40)
    assert u.mean() == pytest.approx(bent.pixels(place)[0, 0], abs=6)
    assert abs(bent.pixels(place)[0, 0] - plain.pixels(place)[0, 0]) > 3


def test_a_crowd_has_the_density_and_the_room_that_was_asked_for():
    walkers = standing(REGION, 4.0, np.random.default_rng(1))
    inside = shapely.contains_xy(REGION, walkers.places[:, 0], walkers.places[:, 1]).sum()
    assert inside / 64 == pytest.approx(4.0, rel=0.15)
    off = walkers.places[:, None] - walkers.places[None]
    apart = np.hypot(*off.transpose(2, 0, 1)) + 9 * np.eye(len(off))
    assert apart.min() >= 0.28 - 1e-9
    assert len(spaced(10_000, (0, 0, 2, 2), 0.5, np.random.default_rng(1))) < 40


def test_bodies_are_as_tall_as_people():
    one = crowd(Walkers(np.zeros((1, 2)), np.zeros(1), np.zeros(1), np.array([3])))
    assert 1.55 < one.positions[:, 2].max() < 1.9
    assert one.positions[:, 2].min() > -0.02
    assert np.abs(one.positions[:, :2]).max() < 0.75


def test_sparse_people_are_counted_and_timed_through_the_whole_chain():
    lens, frames = _lens(), 74
    start, walk = np.array([[-3.5, -2.0], [3.5, 0.5], [-3.0, 2.5]]), np.array([[0.8, 0.0], [-0.8, 0.0], [0.8, 0.0]])
    moments = []
    for k in range(frames):
        seen = 3 if k >= 32 else 0  # the empty view is learnt first
        at = start + walk * max(k - 32, 0) / RATE
        heading = np.arctan2(walk[:seen, 1], walk[:seen, 0])
        moments.append(Walkers(at[:seen], heading, np.full(seen, (k * 0.19) % 1), np.arange(seen)))
    zones = Zones.model_validate({"region": [[-6, -5], [6, -5], [6, 5], [-6, 5]],
                                  "lines": [{"id": "middle", "from": [0, -5], "to": [0, 5]}]})
    with SyntheticCamera(lens, plain_stage((0.0, 0.0))) as camera:
        chain = Watch(lens, RATE, Foreground(lens), zones)
        result = run_camera(SyntheticSource(camera, moments, RATE), chain)
    rows = result.figures.table()
    assert rows["count"].iloc[:28].max() == 0
    assert rows["count"].iloc[42:70].median() == 3
    assert rows["mean_speed"].iloc[68] == pytest.approx(0.8, abs=0.15)
    assert set(rows["regime"]) == {"sparse"}
    assert {c.direction for c in result.figures.crossings} == {"in", "out"}


def test_density_on_crowds_light_and_ground_that_were_not_fitted(estimator):
    lens, rng, off = _lens(), np.random.default_rng(404), []
    with SyntheticCamera(lens, plain_stage((0.0, 0.0), seed=77), look=Look(seed=5, bright=0.68, noise=4.0)) as camera:
        other = Dense(lens, REGION, camera.picture(), estimator.weights, estimator.middle, estimator.scale)
        assert other.mean(other.density(camera.picture()), REGION) < 0.1
        for density in np.linspace(0.5, 6.0, 12):
            walkers = standing(REGION, float(density), rng)
            true = shapely.contains_xy(REGION, walkers.places[:, 0], walkers.places[:, 1]).sum() / 64
            off.append(other.mean(other.density(camera.picture(walkers)), REGION) - true)
    assert np.abs(off).mean() <= 0.4


def test_the_estimator_survives_its_file_and_another_camera_is_refused(estimator, tmp_path):
    path = tmp_path / "cam.npz"
    estimator.save(path)
    again = Dense.load(path, _lens())
    picture = np.random.default_rng(0).integers(0, 255, (360, 480, 3)).astype(np.uint8)
    assert np.allclose(again.density(picture), estimator.density(picture))
    with pytest.raises(BadInput, match="another picture size"):
        Dense.load(path, _lens().scaled((240, 180)))
    path.write_bytes(b"none")
    with pytest.raises(BadInput, match="not the dense calibration"):
        Dense.load(path, _lens())


def _moving(density: float, speed: float, frames: int, seed: int = 8) -> list[Walkers]:
    """A crowd that walks along x through the region, and over a strip beyond it from which it comes."""
    rng = np.random.default_rng(seed)
    places = spaced(int(density * 14 * 9), (-7, -4.5, 7, 4.5), 0.3, rng)
    phase, ids = rng.random(len(places)), np.arange(len(places))
    moments = []
    for k in range(frames):
        along = (places[:, 0] + speed * k / RATE + 7) % 14 - 7
        moments.append(Walkers(np.c_[along, places[:, 1]], np.zeros(len(places)), (phase + 0.7 * speed * k / RATE) % 1, ids))
    return moments


def test_optical_flow_reads_the_speed_of_a_dense_crowd():
    lens = _lens()
    with SyntheticCamera(lens, plain_stage((0.0, 0.0))) as camera:
        flow = CrowdFlow(lens, RATE, REGION)
        for k, walkers in enumerate(_moving(2.0, 0.7, 20)):
            speed, error = flow.step(k, camera.picture(walkers))
    assert speed == pytest.approx(0.7, abs=0.15)
    assert 0 < error < 0.2


def test_a_crowd_that_grows_switches_the_regime_and_raises_one_alarm(estimator):
    lens = _lens()
    moments = [w for density, frames in ((0.4, 25), (2.6, 45)) for w in _moving(density, 0.5, frames, seed=int(10 * density))]
    zones = Zones.model_validate({"region": [[-4, -4], [4, -4], [4, 4], [-4, 4]], "profile": "street"})
    with SyntheticCamera(lens, plain_stage((0.0, 0.0), seed=3)) as camera:
        dense = Dense(lens, REGION, camera.picture(), estimator.weights, estimator.middle, estimator.scale, estimator.density_sd)
        chain = Watch(lens, RATE, Foreground(lens), zones, dense=dense)
        reporter = Reporter("CAM-1", datetime(2026, 5, 1, tzinfo=UTC), RATE, 64.0, zones)
        result = run_camera(SyntheticSource(camera, moments, RATE), chain)
    rows = result.figures.table()
    assert set(rows["regime"].iloc[:25]) == {"sparse"}
    assert set(rows["regime"].iloc[45:]) == {"dense"}
    late = rows.iloc[45:]
    assert late["density"].mean() == pytest.approx(2.6, abs=0.5)
    assert (late["density_sd"] > 0).all()
    alarms = [o for o in reporter.step(result.figures) if o.kind == "alarm"]
    assert [o.value.state for o in alarms][:1] == ["raised"]
    assert sum(o.value.state == "raised" for o in alarms) == 1
