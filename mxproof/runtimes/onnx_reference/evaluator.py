"""The shipped .onnx file in float64, through ONNX's own reference evaluator.

onnxruntime has no float64 convolution on CPU; the reference evaluator is NumPy.
"""

from __future__ import annotations

import json
import os
from typing import Any, List, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from ..base import Array, Inputs, Visitor
from ..onnx_nodes import names_read
from . import layers as onnx_layers
from . import operators as onnx_ops
from . import recurrent as onnx_recurrent
from . import vision as onnx_vision


class OnnxReference:
    """An .onnx file in float64, node by node.

    The same network with every float32 number widened, exactly. ONNX stores attributes in
    float32: an epsilon of 2e-05 is 1.9999999494757503e-05 in the file. The node's metadata has
    the number before rounding; the difference is added to the variance, where float64 can hold it.
    The attribute takes precedence: metadata that does not round to it is ignored.
    """

    name = "onnx-reference"
    precision = "float64"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        model = onnx.load(path)
        double, graph = double_nodes(model), model.graph
        self.input_names = [i.name for i in graph.input]
        self.output_names = [o.name for o in graph.output]
        self._layers = {i.name for i in (*graph.value_info, *graph.output)}
        self._stored = {t.name: t for t in (*graph.initializer, *double.graph.initializer)}
        self._reads = [names_read(node) for node in double.graph.node]
        self._last_use = {name: i for i, names in enumerate(self._reads) for name in names}
        self._evaluator = ReferenceEvaluator(double, new_ops=NEW_OPS)

    def run(self, inputs: Inputs) -> List[Array]:
        return self.trace(inputs, lambda layer, value: None)

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        values = {name: widened(inputs[name]) for name in self.input_names}
        for index, node in enumerate(self._evaluator.rt_nodes_):
            read = {
                n: values[n] if n in values else wide(self._stored[n]) for n in self._reads[index]
            }
            given: List[Any] = [read.get(name) for name in node.input]
            more = {"context": read} if node.need_context() else {}  # for what a body reads
            for name, result in zip(node.output, node.run(*given, **more)):
                replacement = visit(name, result) if name in self._layers else None
                values[name] = result if replacement is None else replacement
            for name in self._reads[index]:
                if self._last_use[name] == index and name not in self.output_names:
                    values.pop(name, None)
        return [values[name] for name in self.output_names]


def widened(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def wide(tensor: TensorProto) -> Array:
    """The numbers before rounding to float32, if the tensor's documentation notes them.

    The tensor takes precedence: numbers that do not round to it are ignored.
    """
    stored = numpy_helper.to_array(tensor)
    try:
        meant = np.array(json.loads(tensor.doc_string), np.float64).reshape(tuple(tensor.dims))
    except ValueError:
        return widened(stored)
    return meant if np.array_equal(meant.astype(stored.dtype), stored) else widened(stored)


#: In place of the evaluator's own: the classes of these modules that are named as an operator.
NEW_OPS = [
    op
    for module in (onnx_layers, onnx_ops, onnx_recurrent, onnx_vision)
    for op in vars(module).values()
    if isinstance(op, type) and op.__module__ == module.__name__ and onnx.defs.has(op.__name__)
]


def double_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in float64, without its stored tensors: what float32 took from an epsilon is added
    to the variance."""
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
    nodes = list(double.graph.node)
    del double.graph.node[:]
    for node in nodes:
        missing = missing_epsilon(node) if node.op_type == "BatchNormalization" else 0.0
        if missing:
            rest, variance = f"{node.output[0]}/rest of epsilon", f"{node.output[0]}/variance"
            double.graph.initializer.append(numpy_helper.from_array(np.float64(missing), rest))
            double.graph.node.append(
                onnx.helper.make_node("Add", [node.input[4], rest], [variance])
            )
            node.input[4] = variance
        double.graph.node.append(node)
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
        tensor.CopyFrom(numpy_helper.from_array(wide(tensor), tensor.name))


def missing_epsilon(node: onnx.NodeProto) -> float:
    """What rounding took from the epsilon that was meant."""
    attribute = next((a for a in node.attribute if a.name == "epsilon"), None)
    for entry in node.metadata_props:
        if attribute and entry.key == "epsilon":
            meant = float(entry.value)
            return meant - attribute.f if np.float32(meant) == np.float32(attribute.f) else 0.0
    return 0.0
