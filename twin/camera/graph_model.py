"""A network that was saved as a TensorFlow graph model (JSON and weights), written again as ONNX.

Only what small convolutional detectors consist of is known. Such files keep pictures as (batch, height, width,
channel) and are full of transpositions; ONNX keeps (batch, channel, height, width). A value therefore carries the
order of its axes and the border that it still has to be given, and both are written down only where a step needs
them: what comes out has no transposition between convolutions.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadInput, Unavailable

_TYPES = {"float16": np.float16, "float32": np.float32, "int32": np.int32, "uint8": np.uint8, "uint16": np.uint16}
_PICTURE = (0, 2, 3, 1)
"""How the axes of a value in (batch, channel, height, width) are read as (batch, height, width, channel)."""
OPSET = 13


@dataclass(frozen=True)
class _Value:
    """A value of the graph: the ONNX value ``name``, its axes read in the order ``axes``, ``border`` (rank, 2) to be added."""

    name: str
    axes: tuple[int, ...]
    border: tuple[tuple[int, int], ...] | None = None
    fill: float = 0.0


def to_onnx(model: str | Path, out: str | Path) -> Path:
    """Write the graph model whose JSON file is ``model`` (its weights lie beside it) as the ONNX file ``out``.

    Raises :class:`BadInput` for a file that is no graph model or has a step that is not known here, and
    :class:`Unavailable` where the package ``onnx`` is missing.
    """
    try:
        import onnx
    except ImportError:
        raise Unavailable("writing a detector needs the package onnx; pip install onnx") from None
    source = Path(model)
    try:
        graph = json.loads(source.read_text(encoding="utf-8"))
        nodes, signature = graph["modelTopology"]["node"], graph["signature"]
        weights = _weights(graph["weightsManifest"], source.parent)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"this is not a graph model ({type(error).__name__})", where=str(model),
                       mend="give the .json file of a TensorFlow graph model with its weights beside it") from None
    writer = _Writer(weights, str(source))
    for node in nodes:
        writer.take(node)
    finished = writer.model(signature)
    onnx.checker.check_model(finished)
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    onnx.save(finished, str(draft))
    draft.replace(target)
    return target


def _weights(manifest: list[dict[str, Any]], folder: Path) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for group in manifest:
        raw = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for weight in group["weights"]:
            stored = weight.get("quantization", {})
            kind = np.dtype(_TYPES[stored.get("dtype", weight["dtype"])])
            count = int(np.prod(weight["shape"], dtype=np.int64))
            values = np.frombuffer(raw, kind, count, at).reshape(weight["shape"])
            at += count * kind.itemsize
            if "scale" in stored:
                values = values * stored["scale"] + stored["min"]
            found[weight["name"]] = values.astype(_TYPES[weight["dtype"]])
        if at != len(raw):
            raise ValueError("the weights are longer or shorter than the manifest says")
    return found


class _Writer:
    """Takes the graph's nodes in order and writes ONNX nodes."""

    def __init__(self, weights: dict[str, NDArray[Any]], where: str) -> None:
        self._weights, self._where = weights, where
        self._known: dict[str, NDArray[Any]] = {}
        self._values: dict[str, _Value] = {}
        self._inputs: dict[str, list[int]] = {}
        self._nodes: list[Any] = []
        self._stored: dict[str, NDArray[Any]] = {}

    def take(self, node: dict[str, Any]) -> None:
        """Translate one node."""
        op, name = node["op"], node["name"]
        names = [text.split("^")[-1].removesuffix(":0") for text in node.get("input", [])]
        if op == "Const":
            self._known[name] = self._weights[name]
        elif names and all(n in self._known for n in names):
            self._known[name] = self._computed(op, [self._known[n] for n in names])
        else:
            step = getattr(self, f"_{op.lower()}", None)
            if step is None:
                raise BadInput(f"the step {op} ({name}) is not known", where=self._where,
                               mend="give an ONNX file of this detector")
            step(name, names, node.get("attr", {}))

    def _computed(self, op: str, parts: list[NDArray[Any]]) -> NDArray[Any]:
        """What a step makes of values that are known beforehand."""
        if op in ("Add", "AddV2"):
            return np.asarray(parts[0] + parts[1])
        if op == "SparseToDense":
            made = np.full(parts[1].astype(int), parts[3], dtype=np.int64)
            for index, value in zip(parts[0].reshape(-1, made.ndim), np.broadcast_to(parts[2], len(parts[0])), strict=True):
                made[tuple(index)] = value
            return made
        if op == "Identity":
            return parts[0]
        raise BadInput(f"the step {op} on constants is not known", where=self._where, mend="give an ONNX file of this detector")

    def _placeholder(self, name: str, _names: list[str], attr: dict[str, Any]) -> None:
        shape = [int(d["size"]) for d in attr["shape"]["shape"]["dim"]]
        self._inputs[name] = shape
        self._values[name] = _Value(name, tuple(range(len(shape))))

    def _identity(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        self._values[name] = self._values[names[0]]

    def _transpose(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        value, order = self._values[names[0]], [int(k) for k in self._known[names[1]]]
        border = tuple(value.border[k] for k in order) if value.border else None
        self._values[name] = _Value(value.name, tuple(value.axes[k] for k in order), border, value.fill)

    def _pad(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        value = self._bare(names[0])
        border = tuple((int(a), int(b)) for a, b in self._known[names[1]])
        fill = float(self._known[names[2]]) if len(names) > 2 else 0.0
        self._values[name] = _Value(value.name, value.axes, border, fill)

    _padv2 = _pad

    def _conv2d(self, name: str, names: list[str], attr: dict[str, Any]) -> None:
        value, pads = self._picture(names[0], attr, largest=False)
        weights = self._known[names[1]].transpose(3, 2, 0, 1)
        strides, dilations = (self._integers(attr, key)[1:3] for key in ("strides", "dilations"))
        self._emit("Conv", [value, self._keep(f"{name}/weights", weights)], name, strides=strides, dilations=dilations,
                   pads=pads, kernel_shape=list(weights.shape[2:]))
        self._values[name] = _Value(name, _PICTURE)

    def _maxpool(self, name: str, names: list[str], attr: dict[str, Any]) -> None:
        value, pads = self._picture(names[0], attr, largest=True)
        self._emit("MaxPool", [value], name, kernel_shape=self._integers(attr, "ksize")[1:3],
                   strides=self._integers(attr, "strides")[1:3], pads=pads)
        self._values[name] = _Value(name, _PICTURE)

    def _resizebilinear(self, name: str, names: list[str], attr: dict[str, Any]) -> None:
        value = self._in_order(self._bare(names[0]), _PICTURE)
        half = attr.get("half_pixel_centers", {}).get("b", False)
        if attr.get("align_corners", {}).get("b", False):
            raise BadInput(f"the step {name} aligns corners, which is not known", where=self._where,
                           mend="give an ONNX file of this detector")
        high, wide = (int(v) for v in self._known[names[1]])
        # ONNX wants all four sizes: the batch is one, and the number of channels follows from the shapes further down
        shape = self._shape(value)
        sizes = self._keep(f"{name}/sizes", np.array([*shape[:2], high, wide], np.int64))
        self._emit("Resize", [value, "", "", sizes], name, mode="linear",
                   coordinate_transformation_mode="half_pixel" if half else "asymmetric")
        self._values[name] = _Value(name, _PICTURE)

    def _add(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        first, second = (names if names[0] not in self._known else names[::-1])
        value = self._bare(first)
        if second in self._known:
            constant = self._known[second]
            constant = constant.reshape((1,) * (len(value.axes) - constant.ndim) + constant.shape)
            other = self._keep(f"{name}/term", constant.transpose(np.argsort(value.axes)))
        else:
            other = self._in_order(self._bare(second), value.axes)
        self._emit("Add", [value.name, other], name)
        self._values[name] = _Value(name, value.axes)

    _addv2 = _add

    def _leakyrelu(self, name: str, names: list[str], attr: dict[str, Any]) -> None:
        self._pointwise("LeakyRelu", name, names[0], alpha=float(attr["alpha"]["f"]))

    def _relu(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        self._pointwise("Relu", name, names[0])

    def _sigmoid(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        self._pointwise("Sigmoid", name, names[0])

    def _concatv2(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        axis = int(self._known[names[-1]])
        parts = [self._bare(n) for n in names[:-1]]
        axes = parts[0].axes
        self._emit("Concat", [self._in_order(part, axes) for part in parts], name, axis=axes[axis])
        self._values[name] = _Value(name, axes)

    def _splitv(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        value, sizes, axis = self._bare(names[0]), self._known[names[1]], int(self._known[names[2]])
        outs = [name, *(f"{name}:{k}" for k in range(1, len(sizes)))]
        whole = self._shape(value.name)[value.axes[axis]]
        sizes = np.where(sizes < 0, whole - sizes[sizes >= 0].sum(), sizes)
        self._emit_many("Split", [value.name, self._keep(f"{name}/sizes", sizes.astype(np.int64))], outs, axis=value.axes[axis])
        for out in outs:
            self._values[out] = _Value(out, value.axes)

    def _reshape(self, name: str, names: list[str], _attr: dict[str, Any]) -> None:
        value = self._bare(names[0])
        plain = self._in_order(value, tuple(range(len(value.axes))))
        shape = self._known[names[1]].astype(np.int64)
        self._emit("Reshape", [plain, self._keep(f"{name}/shape", shape)], name)
        self._values[name] = _Value(name, tuple(range(len(shape))))

    def _pointwise(self, op: str, name: str, source: str, **attributes: Any) -> None:
        value = self._bare(source)
        self._emit(op, [value.name], name, **attributes)
        self._values[name] = _Value(name, value.axes)

    def _picture(self, source: str, attr: dict[str, Any], *, largest: bool) -> tuple[str, list[int]]:
        """The value in (batch, channel, height, width), and its border as ONNX wants it: top, left, bottom, right."""
        padding = base64.b64decode(attr["padding"]["s"]).decode()
        value = self._values[source]
        rows, columns = (value.border[1:3] if value.border else ((0, 0), (0, 0)))
        fits = not value.border or (value.border[0] == value.border[3] == (0, 0)
                                    and (value.fill < -1e30 if largest else value.fill == 0.0))
        if padding != "VALID" or not fits:
            raise BadInput(f"the border {padding} of {source} is not known", where=self._where,
                           mend="give an ONNX file of this detector")
        return self._in_order(_Value(value.name, value.axes), _PICTURE), [rows[0], columns[0], rows[1], columns[1]]

    def _bare(self, name: str) -> _Value:
        """A value whose border, if it still waits for one, has been written down."""
        value = self._values[name]
        if not value.border:
            return value
        back = np.argsort(value.axes)
        pads = np.array([value.border[k] for k in back], np.int64)
        made = f"{name}/bordered"
        self._emit("Pad", [value.name, self._keep(f"{made}/pads", pads.T.ravel()),
                           self._keep(f"{made}/fill", np.array(value.fill, np.float32))], made)
        return _Value(made, value.axes)

    def _in_order(self, value: _Value, axes: tuple[int, ...]) -> str:
        """Name of the ONNX value which, read in the order ``axes``, is this value."""
        if value.axes == axes:
            return value.name
        order = [value.axes[k] for k in np.argsort(axes)]
        made = f"{value.name}/as{''.join(map(str, order))}"
        if not any(made in node.output for node in self._nodes):
            self._emit("Transpose", [value.name], made, perm=order)
        return made

    def _shape(self, name: str) -> list[int]:
        """Shape of an ONNX value, found by ONNX's own inference on what is written so far."""
        import onnx
        inferred = onnx.shape_inference.infer_shapes(self._assembled([]))
        for info in inferred.graph.value_info:
            if info.name == name:
                return [d.dim_value for d in info.type.tensor_type.shape.dim]
        raise BadInput(f"the size of {name} is not known", where=self._where, mend="give an ONNX file of this detector")

    def _keep(self, name: str, values: NDArray[Any]) -> str:
        self._stored[name] = np.ascontiguousarray(values)
        return name

    def _emit(self, op: str, inputs: list[str], out: str, **attributes: Any) -> None:
        self._emit_many(op, inputs, [out], **attributes)

    def _emit_many(self, op: str, inputs: list[str], outs: list[str], **attributes: Any) -> None:
        import onnx
        self._nodes.append(onnx.helper.make_node(op, inputs, outs, name=outs[0], **attributes))

    @staticmethod
    def _integers(attr: dict[str, Any], key: str) -> list[int]:
        return [int(v) for v in attr[key]["list"]["i"]] if key in attr else [1, 1, 1, 1]

    def _assembled(self, outputs: list[Any]) -> Any:
        import onnx
        inputs = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n, shape in self._inputs.items()]
        stored = [onnx.numpy_helper.from_array(values, name) for name, values in self._stored.items()]
        graph = onnx.helper.make_graph(self._nodes, "detector", inputs, outputs, stored)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)

    def model(self, signature: dict[str, Any]) -> Any:
        """The whole as an ONNX model whose outputs carry the names of the signature."""
        import onnx
        outputs = []
        for key, about in signature["outputs"].items():
            name = about.get("name", key).removesuffix(":0")
            shape = [int(d["size"]) for d in about["tensorShape"]["dim"]]
            value = self._bare(name)
            plain = self._in_order(value, tuple(range(len(value.axes))))
            self._emit("Identity", [plain], f"out/{name}")
            outputs.append(onnx.helper.make_tensor_value_info(f"out/{name}", onnx.TensorProto.FLOAT, shape))
        return self._assembled(outputs)
