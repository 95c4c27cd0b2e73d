"""The shipped .onnx file in float64, through ONNX's own reference evaluator.

onnxruntime has no float64 convolution on CPU; the reference evaluator is NumPy.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from .base import Array, Inputs, Visitor


def to_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with every float32 number widened, exactly, to float64.

    ONNX stores attributes in float32: an epsilon of 2e-05 is 1.9999999494757503e-05 in the file.
    The node's metadata says what was rounded; the difference is added to the variance, where
    float64 can hold it. The attribute rules: metadata that does not round to it is not believed.
    """
    double = onnx.ModelProto()
    double.CopyFrom(model)
    graph = double.graph
    for tensor in graph.initializer:
        _widen(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    initializers = {t.name: t for t in graph.initializer}
    for index, node in enumerate(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen(attribute.t)
            if (
                node.op_type == "Cast"
                and attribute.name == "to"
                and attribute.i == TensorProto.FLOAT
            ):
                attribute.i = TensorProto.DOUBLE
            if node.op_type == "BatchNormalization" and attribute.name == "epsilon":
                variance = numpy_helper.to_array(initializers[node.input[4]])
                corrected = variance + (_in_full(node, attribute) - attribute.f)
                name = f"{node.input[4]}/{index}"
                graph.initializer.append(numpy_helper.from_array(corrected, name))
                node.input[4] = name
    return double


def _in_full(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> float:
    """A float attribute as it was before it was rounded to float32."""
    for entry in node.metadata_props:
        if entry.key == attribute.name and np.float32(entry.value) == np.float32(attribute.f):
            return float(entry.value)
    return float(attribute.f)


def _widen(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        wide = numpy_helper.from_array(
            numpy_helper.to_array(tensor).astype(np.float64), tensor.name
        )
        tensor.CopyFrom(wide)


class OnnxReference:
    """An .onnx file in float64, node by node."""

    name = "onnx-reference"
    precision = "float64"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        model = onnx.load(path)
        self._inputs = [i.name for i in model.graph.input]
        self._outputs = [o.name for o in model.graph.output]
        infos = (*model.graph.value_info, *model.graph.output)
        self._layers = {i.name for i in infos}
        self._evaluator = ReferenceEvaluator(to_double(model))

    def run(self, inputs: Inputs) -> List[Array]:
        feeds = {name: inputs[name].astype(np.float64) for name in self._inputs}
        outputs: List[Array] = self._evaluator.run(None, feeds)
        return outputs

    def trace(self, inputs: Inputs, visit: Visitor) -> List[Array]:
        values: Dict[str, Any] = {"": None, **self._evaluator.rt_inits_}
        values.update({name: inputs[name].astype(np.float64) for name in self._inputs})
        for node in self._evaluator.rt_nodes_:
            results = node.run(*[values[name] for name in node.input])
            for name, result in zip(node.output, results):
                replacement = visit(name, result) if name in self._layers else None
                values[name] = result if replacement is None else replacement
        return [values[name] for name in self._outputs]
