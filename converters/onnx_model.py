"""Graph -> ONNX model, one layer after the other.

MXNet's layer names become the names of the values, so that every layer can be found again.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from . import ops
from ._version import __version__
from .errors import ShapeError, UnsupportedError
from .graph import Graph, Node
from .shape import Dim, Shape

Array = npt.NDArray[Any]

DEFAULT_OPSET = 21
#: From axes as inputs to what onnxruntime 1.31 runs, or the installed onnx knows.
SUPPORTED_OPSETS = range(13, min(26, onnx.defs.onnx_opset_version()) + 1)
REDUCE_AXES_ARE_INPUTS = 18
EXTERNAL_DATA_BYTES = 1 << 30  # protobuf ends at 2 GiB


class OnnxBuilder:
    """What a declaration's `to_onnx` builds with. Values are `onnx_ir.Value`."""

    def __init__(self, graph: Graph, opset: int) -> None:
        self.opset = opset
        self._graph = graph
        self._nodes: List[ir.Node] = []
        self._values: Dict[str, ir.Value] = {}
        self._initializers: Dict[str, ir.Value] = {}
        self._names = set(graph.shapes)  # taken: the layers, the inputs, the parameters
        self._layer = ""

    def op(self, op_type: str, *inputs: Optional[ir.Value], **attributes: Any) -> ir.Value:
        """Append one ONNX node with one output; attributes that are None are left out.

        ONNX stores numbers in float32. One that this rounds is kept in full in the node's
        metadata, where a proof in float64 finds it.
        """
        given = {k: v for k, v in attributes.items() if v is not None}
        numbers = {k: v for k, v in given.items() if isinstance(v, float)}
        rounded = {k: v for k, v in numbers.items() if float(np.float32(v)) != v}
        node = ir.node(
            op_type,
            inputs,
            given,
            name=self._unique(f"{self._layer}/{op_type}"),
            metadata_props={k: repr(v) for k, v in rounded.items()},
        )
        node.outputs[0].name = node.name
        self._nodes.append(node)
        return node.outputs[0]

    def reduce(self, op_type: str, data: ir.Value, axes: Tuple[int, ...], keep: bool) -> ir.Value:
        """A reduction: its axes became an input with opset 18 (ReduceSum's with 13)."""
        if self.opset >= REDUCE_AXES_ARE_INPUTS or op_type == "ReduceSum":
            return self.op(op_type, data, self.ints(axes), keepdims=int(keep))
        return self.op(op_type, data, axes=axes, keepdims=int(keep))

    def constant(self, array: Array) -> ir.Value:
        """A value that no file holds, but the operator's definition."""
        return self._initializer(self._unique(f"{self._layer}/constant"), array)

    def ints(self, values: Tuple[int, ...]) -> ir.Value:
        """int64 (len(values),), as shapes and axes are given."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float) -> ir.Value:
        """A number of the network's own type."""
        return self.constant(np.array(value, np.float32))

    def shape(self, value: ir.Value) -> Tuple[Dim, ...]:
        """The shape of a layer's input, as far as it is known.

        Raises:
            ShapeError: not even the number of dimensions is known.
        """
        return known_shape(self._graph, str(value.name))

    def is_input(self, value: ir.Value) -> bool:
        """Is it one of the network's inputs?"""
        return any(value.name == given.name for given in self._graph.inputs)

    def array(self, value: ir.Value) -> Array:
        """The numbers of a parameter."""
        return self._graph.params[str(value.name)]

    def value(self, name: str) -> ir.Value:
        """The ONNX value of an input, a parameter or a layer."""
        if name not in self._values and name in self._graph.params:
            self._values[name] = self._initializer(name, stored(name, self._graph.params[name]))
        return self._values[name]

    def _initializer(self, name: str, array: Array) -> ir.Value:
        tensor = ir.Tensor(np.ascontiguousarray(array), name=name)
        value = ir.Value(
            name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self._initializers[name] = value
        return value

    def _unique(self, base: str) -> str:
        name, number = base, 0
        while name in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name

    def add_input(self, name: str, shape: Shape) -> ir.Value:
        value = ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT))
        value.shape = _ir_shape(shape)
        self._values[name] = value
        return value

    def add_layer(self, node: Node) -> None:
        """Convert one layer; its outputs get its names."""
        self._layer = node.name
        before = len(self._nodes)
        inputs = [None if n is None else self.value(n) for n in node.inputs]
        result = self._graph.operators[node.name].to_onnx(self, *inputs)
        results = result if isinstance(result, (list, tuple)) else [result]
        for name, value in zip(node.outputs, results):
            if value.producer() not in self._nodes[before:]:
                value = self.op("Identity", value)  # a layer that hands its input on is a layer
            value.name = name
            value.shape = _ir_shape(self._graph.shapes[name])
            value.type = ir.TensorType(ir.DataType.FLOAT)
            self._values[name] = value

    def model(self) -> ir.Model:
        graph = self._graph
        used = {v.name for node in self._nodes for v in node.inputs if v is not None}
        onnx_graph = ir.Graph(
            inputs=[self._values[v.name] for v in graph.inputs],
            outputs=[self._values[name] for name in dict.fromkeys(graph.outputs)],
            nodes=self._nodes,
            initializers=[v for name, v in self._initializers.items() if name in used],
            opset_imports={"": self.opset},
            name=graph.name,
        )
        return ir.Model(
            onnx_graph,
            ir_version=onnx.helper.find_min_ir_version_for(
                [onnx.helper.make_opsetid("", self.opset)]
            ),
            producer_name="mxproof",
            producer_version=__version__,
            metadata_props={f"mxproof.{k}": v for k, v in graph.source.items()},
        )


def stored(name: str, array: Array) -> Array:
    """A parameter as it is exported: float16 widened, everything else as it is.

    Raises:
        UnsupportedError: float64, which float32 could not hold.
    """
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype == np.float64:
        raise UnsupportedError(
            [f"parameter {name!r} is float64; supported: float16, float32. Cast the checkpoint."]
        )
    return array


def known_shape(graph: Graph, name: str) -> Tuple[Dim, ...]:
    """A value's shape, its number of dimensions at least.

    Raises:
        ShapeError: that is not known.
    """
    shape = graph.shapes[name]
    if shape is None:
        raise ShapeError(
            f"the shape of {name!r} follows from no layer of {graph.name}: state the inputs, "
            f"e.g. --input {graph.inputs[0].name if graph.inputs else 'data'}=Nx3xHxW."
        )
    return shape


def _ir_shape(shape: Shape) -> Optional[ir.Shape]:
    return None if shape is None else ir.Shape(shape)


def to_onnx(graph: Graph, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """The network as an ONNX model, float32, with symbolic dimensions as in its inputs.

    Raises:
        UnsupportedError: operators, attributes or an opset that cannot be converted.
        ShapeError: an input's shape is neither given nor implied.
    """
    if opset not in SUPPORTED_OPSETS:
        first, last = SUPPORTED_OPSETS[0], SUPPORTED_OPSETS[-1]
        raise UnsupportedError([f"opset {opset}; supported: {first} to {last}."])
    _ = graph.operators  # first, so that all that is unsupported is listed
    builder = OnnxBuilder(graph, opset)
    for value in graph.inputs:
        builder.add_input(value.name, known_shape(graph, value.name))
    for node in graph.nodes:
        try:
            builder.add_layer(node)
        except ops.Unsupported as problem:
            raise ops.unsupported(node, problem) from None
    return builder.model()


def save_onnx(model: ir.Model, path: Union[str, os.PathLike[str]]) -> List[Path]:
    """Write the model, whole or not at all; weights beyond 1 GiB go into `<path>.data`.

    Returns:
        The files written.
    """
    path = Path(path)
    weights = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    data = path.name + ".data" if weights > EXTERNAL_DATA_BYTES else None
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        ir.save(model, Path(folder) / path.name, external_data=data)
        names = [data] if data else []
        for name in [*names, path.name]:
            os.replace(Path(folder) / name, path.parent / name)
    return [path.parent / name for name in [path.name, *names]]
