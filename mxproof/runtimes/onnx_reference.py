"""The shipped .onnx file in float64, through ONNX's own reference evaluator.

onnxruntime has no float64 convolution on CPU; the reference evaluator is NumPy.
"""

from __future__ import annotations

import json
import os
from itertools import product
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_conv import Conv as WholeConv

from . import onnx_ops
from .base import Array, Inputs, Visitor
from .onnx_nodes import names_read
from .slabs import LARGEST, slabs


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
            node.output[0]: missing_epsilon(node)
            for node in graph.node
            if node.op_type == "BatchNormalization"
        }
        self._reads = [names_read(node) for node in graph.node]
        self._last_use = {name: i for i, names in enumerate(self._reads) for name in names}
        self._evaluator = ReferenceEvaluator(double_nodes(model), new_ops=NEW_OPS)

    def run(self, inputs: Inputs) -> List[Array]:
        return self.trace(inputs, lambda layer, value: None)

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        values: Dict[str, Any] = {"": None}
        values.update({name: widened(inputs[name]) for name in self._inputs})
        for index, node in enumerate(self._evaluator.rt_nodes_):
            given = [values[n] if n in values else self._widened(n) for n in node.input]
            more = {}
            if node.need_context():  # a body reads what is around it
                more["context"] = {
                    n: values[n] if n in values else self._widened(n) for n in self._reads[index]
                }
            if node.op_type == "BatchNormalization":
                given[4] = given[4] + self._missing_epsilon[node.output[0]]
            for name, result in zip(node.output, node.run(*given, **more)):
                replacement = visit(name, result) if name in self._layers else None
                values[name] = result if replacement is None else replacement
            for name in self._reads[index]:
                if self._last_use[name] == index and name not in self._outputs:
                    values.pop(name, None)
        return [values[name] for name in self._outputs]

    def _widened(self, name: str) -> Array:
        """A stored tensor, made anew where it is used: all of them in float64 are a lot."""
        tensor = self._stored[name]
        array = widened(numpy_helper.to_array(tensor))
        exact = full_precision(tensor)
        return array if exact is None else exact


def widened(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def full_precision(tensor: TensorProto) -> Optional[Array]:
    """The numbers that were meant, where float32 could not hold them and they are noted.

    The tensor rules: numbers that do not round to it are not believed.
    """
    try:
        meant = np.array(json.loads(tensor.doc_string), np.float64).reshape(tuple(tensor.dims))
    except ValueError:
        return None
    stored = numpy_helper.to_array(tensor)
    return meant if np.array_equal(meant.astype(stored.dtype), stored) else None


class Conv(WholeConv):  # type: ignore[misc]
    """The evaluator's convolution, in slabs where its matrix would not fit in memory.

    Not where it is dilated: the evaluator fills the kernel up with zeros, and 2048 channels of
    3 x 3, dilated by 36, are then 22 GB.
    """

    op_domain = ""
    largest = LARGEST // 8  # beside the matrix, the evaluator makes one of indices for each axis

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:  # noqa: N803
        axes = W.ndim - 2
        ones = (1,) * axes
        stride, dilate = (options.get(k) or ones for k in ("strides", "dilations"))
        pads = list(options.get("pads") or (0,) * 2 * axes)
        if tuple(dilate) != ones and options.get("auto_pad") in (None, "NOTSET"):
            return (_by_taps(X, W, B, stride, dilate, pads, options.get("group") or 1),)
        sums = [a + b for a, b in zip(pads, pads[axes:])]
        parts = slabs(X.shape, sums, W.shape[2:], stride, dilate, self.largest // len(X))
        if not parts or options.get("auto_pad") not in (None, "NOTSET"):
            return super()._run(X, W, B, **options)
        padded = np.pad(X, [(0, 0), (0, 0), (pads[0], pads[axes]), *[(0, 0)] * (axes - 1)])
        pads[0] = pads[axes] = 0
        options = {**options, "pads": pads}
        run = super()._run
        results = [run(padded[:, :, begin:end], W, B, **options)[0] for begin, end in parts]
        return (np.concatenate(results, axis=2),)


def _by_taps(
    x: Array,
    w: Array,
    bias: Optional[Array],
    stride: Sequence[int],
    dilate: Sequence[int],
    pads: Sequence[int],
    groups: int,
) -> Array:
    """A convolution as a sum over the places of its kernel: each is a matrix, times what is there.

    No other form of the data is made than what one of them reads.
    """
    kernel, widths = w.shape[2:], list(zip(pads, pads[len(pads) // 2 :]))
    padded = np.pad(x, [(0, 0), (0, 0), *widths])
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
    sizes = [(n - r) // s + 1 for n, r, s in zip(padded.shape[2:], reach, stride)]
    weights = w.reshape(groups, -1, *w.shape[1:])
    total: Array = np.zeros((len(x), groups, weights.shape[1], int(np.prod(sizes))), x.dtype)
    for at in product(*map(range, kernel)):
        steps = zip(at, dilate, stride, sizes)
        read: Any = (..., *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, s, n in steps))
        here: Any = (..., *at)
        total += weights[here] @ padded[read].reshape(len(x), groups, weights.shape[2], -1)
    found: Array = total.reshape(len(x), len(w), *sizes)
    return found if bias is None else found + bias.reshape(-1, *(1,) * len(kernel))


#: In place of the evaluator's own.
NEW_OPS = [Conv, *onnx_ops.NEW_OPS]


def double_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
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
    _widen_nodes(double.graph)
    return double


def _widen_nodes(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                widen(attribute.t)
            if attribute.type == onnx.AttributeProto.GRAPH:
                for tensor in attribute.g.initializer:
                    widen(tensor)
                _widen_nodes(attribute.g)
            typed = (node.op_type, attribute.name) in TYPE_ATTRIBUTES
            if typed and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE


#: (operator, attribute) that name an element type.
TYPE_ATTRIBUTES = {
    ("Cast", "to"),
    ("EyeLike", "dtype"),
    ("RandomNormal", "dtype"),
    ("RandomUniform", "dtype"),
}


def widen(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        wide = full_precision(tensor)
        wide = numpy_helper.to_array(tensor).astype(np.float64) if wide is None else wide
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


def missing_epsilon(node: onnx.NodeProto) -> float:
    """What rounding took from the epsilon that was meant."""
    attribute = next((a for a in node.attribute if a.name == "epsilon"), None)
    for entry in node.metadata_props:
        if attribute and entry.key == "epsilon":
            meant = float(entry.value)
            return meant - attribute.f if np.float32(meant) == np.float32(attribute.f) else 0.0
    return 0.0
