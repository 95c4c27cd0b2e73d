"""The shipped .onnx file in float64, through ONNX's own reference evaluator.

onnxruntime has no float64 convolution on CPU; the reference evaluator is NumPy.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_conv import Conv as WholeConv

from .base import Array, Inputs, Visitor


class OnnxReference:
    """An .onnx file in float64, node by node.

    The same network with every float32 number widened, exactly. ONNX stores attributes in
    float32: an epsilon of 2e-05 is 1.9999999494757503e-05 in the file. The node's metadata says
    what was rounded; the difference is added to the variance, where float64 can hold it.
    The attribute rules: metadata that does not round to it is not believed.
    """

    name = "onnx-reference"
    precision = "float64"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        model = onnx.load(path)
        graph = model.graph
        self._inputs = [i.name for i in graph.input]
        self._outputs = [o.name for o in graph.output]
        self._layers = {i.name for i in (*graph.value_info, *graph.output)}
        self._stored = {t.name: t for t in graph.initializer}
        self._missing_epsilon = {
            node.output[0]: _missing_epsilon(node)
            for node in graph.node
            if node.op_type == "BatchNormalization"
        }
        self._last_use = {name: i for i, node in enumerate(graph.node) for name in node.input}
        self._evaluator = ReferenceEvaluator(_double_nodes(model), new_ops=[Conv])

    def run(self, inputs: Inputs) -> List[Array]:
        return self.trace(inputs, lambda layer, value: None)

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        values: Dict[str, Any] = {"": None}
        values.update({name: inputs[name].astype(np.float64) for name in self._inputs})
        for index, node in enumerate(self._evaluator.rt_nodes_):
            given = [values[n] if n in values else self._widened(n) for n in node.input]
            if node.op_type == "BatchNormalization":
                given[4] = given[4] + self._missing_epsilon[node.output[0]]
            for name, result in zip(node.output, node.run(*given)):
                replacement = visit(name, result) if name in self._layers else None
                values[name] = result if replacement is None else replacement
            for name in set(node.input):
                if name and self._last_use[name] == index and name not in self._outputs:
                    values.pop(name, None)
        return [values[name] for name in self._outputs]

    def _widened(self, name: str) -> Array:
        """A stored tensor, made anew where it is used: all of them in float64 are a lot."""
        array: Array = numpy_helper.to_array(self._stored[name])
        return array.astype(np.float64) if array.dtype == np.float32 else array


class Conv(WholeConv):  # type: ignore[misc]
    """The evaluator's convolution, on slabs of its input where the matrix that it makes of the
    input (each number once for every window that reads it) would not fit in memory."""

    op_domain = ""
    #: Numbers in that matrix; it and its indices take some 40 bytes for each.
    largest = 4 << 20

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:  # noqa: N803
        spatial = W.ndim - 2
        pads = list(options.get("pads") or (0,) * 2 * spatial)
        stride = (options.get("strides") or (1,))[0]
        reach = (W.shape[2] - 1) * (options.get("dilations") or (1,))[0] + 1
        auto = options.get("auto_pad") not in (None, "NOTSET")
        rows = (X.shape[2] + pads[0] + pads[spatial] - reach) // stride + 1
        columns = X.size // X.shape[2] * int(np.prod(W.shape[2:]))  # for each row, at stride 1
        step = max(1, self.largest // columns)
        if auto or rows <= step:
            return super()._run(X, W, B, **options)
        widths = [(0, 0)] * X.ndim
        widths[2] = (pads[0], pads[spatial])
        padded = np.pad(X, widths)
        pads[0] = pads[spatial] = 0
        slabs = []
        for first in range(0, rows, step):
            last = min(first + step, rows) - 1
            slab = padded[:, :, first * stride : last * stride + reach]
            slabs.append(super()._run(slab, W, B, **{**options, "pads": pads})[0])
        return (np.concatenate(slabs, axis=2),)


def _double_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in float64, without its stored tensors."""
    double = onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions
    )
    double.graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(double.graph, field).extend(getattr(model.graph, field))
    for value in (*double.graph.input, *double.graph.output, *double.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in double.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen(attribute.t)
            casts = node.op_type == "Cast" and attribute.name == "to"
            if casts and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    return double


def _widen(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        wide = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


def _missing_epsilon(node: onnx.NodeProto) -> float:
    """What rounding took from the epsilon that was meant."""
    attribute = next((a for a in node.attribute if a.name == "epsilon"), None)
    for entry in node.metadata_props:
        if attribute and entry.key == "epsilon":
            meant = float(entry.value)
            return meant - attribute.f if np.float32(meant) == np.float32(attribute.f) else 0.0
    return 0.0
