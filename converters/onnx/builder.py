"""The builder that `to_onnx` declarations use: each layer becomes ONNX nodes, one after the
other."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import onnx
import onnx_ir as ir

from .. import operators as ops
from .._version import __version__
from ..header import description
from ..ir.arrays import Array
from ..ir.builder import Builder
from ..ir.graph import Graph, Node
from ..ir.names import unused
from ..ir.shapes import Dim, Shape

REDUCE_AXES_ARE_INPUTS = 18
#: NumPy's names of element types -> ONNX's.
ONNX_TYPES = {
    **{name: name.upper() for name in ("float16", "uint8", "int8", "int32", "int64", "bool")},
    "float32": "FLOAT",
    "float64": "DOUBLE",
}


class OnnxBuilder(Builder):
    """What a declaration's `to_onnx` builds with. Values are `onnx_ir.Value`."""

    def __init__(self, graph: Graph, opset: int) -> None:
        super().__init__(graph)
        self.opset = opset
        self._nodes: List[ir.Node] = []
        self._values: Dict[str, ir.Value] = {}
        self._initializers: Dict[str, ir.Value] = {}
        self._names = set(graph.shapes)  # taken: the layers, the inputs, the parameters
        self._layer = ""

    def op(self, op_type: str, *inputs: Optional[ir.Value], **attributes: Any) -> ir.Value:
        """Append one ONNX node with one output; attributes that are None are left out."""
        return self.ops(op_type, *inputs, outputs=1, **attributes)[0]

    def ops(
        self, op_type: str, *inputs: Optional[ir.Value], outputs: int, **attributes: Any
    ) -> List[ir.Value]:
        """Append one ONNX node with this many outputs.

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
            num_outputs=outputs,
            metadata_props={k: repr(v) for k, v in rounded.items()},
        )
        for i, output in enumerate(node.outputs):
            output.name = self._unique(f"{node.name}:{i}") if i else node.name
        self._nodes.append(node)
        return list(node.outputs)

    def loop(
        self,
        body: Callable[..., Sequence[ir.Value]],
        *states: ir.Value,
        trips: Optional[ir.Value] = None,
        condition: Optional[ir.Value] = None,
    ) -> List[ir.Value]:
        """A Loop; returns the last states.

        Args:
            body: (iteration, *states) -> the next states, and behind them, if there is a
                condition, whether to go on. It may read all that was made before the loop.
            trips: int64 (), how many times at most.
            condition: bool (), whether to begin.
        """
        outer, self._nodes = self._nodes, []
        names = ["i", "going", *(f"state{k}" for k in range(len(states)))]
        given = [ir.Value(name=self._unique(f"{self._layer}/Loop/{name}")) for name in names]
        for value, dtype in zip(given, ("int64", "bool")):
            value.shape, value.type = ir.Shape(()), _ir_type(dtype)
        results = list(body(given[0], *given[2:]))
        going = results.pop() if condition is not None else given[1]
        outputs = [self.op("Identity", value) for value in (going, *results)]
        graph = ir.Graph(given, outputs, nodes=self._nodes, name=f"{self._layer}/Loop")
        self._nodes = outer
        begin = self.constant(np.array(True)) if condition is None else condition
        return self.ops("Loop", trips, begin, *states, outputs=len(states), body=graph)

    def reduce(self, op_type: str, data: ir.Value, axes: Tuple[int, ...], keep: bool) -> ir.Value:
        """A reduction: its axes became an input with opset 18 (ReduceSum's with 13)."""
        if self.opset >= REDUCE_AXES_ARE_INPUTS or op_type == "ReduceSum":
            return self.op(op_type, data, self.ints(axes), keepdims=int(keep))
        return self.op(op_type, data, axes=axes, keepdims=int(keep))

    def constant(
        self, array: Array, like: Optional[ir.Value] = None, dtype: Optional[str] = None
    ) -> ir.Value:
        """A value that no file holds, but the operator's definition.

        Args:
            array: float64 stands for numbers of the network's own type, which are rounded to it.
                What is lost is kept in the tensor's documentation, where a proof in float64
                finds it.
            like: a layer's input whose element type the numbers get; by default float32 in
                place of float64, and otherwise the array's own.
            dtype: the numbers' element type, in place of that of `like`.
        """
        if array.dtype != np.float64 and like is None and dtype is None:
            return self._initializer(self._unique(f"{self._layer}/constant"), array)
        dtype = dtype or (self.type(like) if like is not None else "float32")
        kept = array.astype(dtype)
        lost = array.dtype == np.float64 and not np.array_equal(kept.astype(np.float64), array)
        exact = json.dumps(array.ravel().tolist()) if lost else None
        return self._initializer(self._unique(f"{self._layer}/constant"), kept, exact)

    def ints(self, values: Tuple[int, ...]) -> ir.Value:
        """int64 (len(values),), as shapes and axes are given."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float, like: ir.Value) -> ir.Value:
        """A number, shape (), of the element type of the layer's input `like`."""
        return self.constant(np.array(value, np.float64), like)

    def cast(self, value: ir.Value, dtype: str) -> ir.Value:
        """The numbers in another element type ("int64"); float16 if the network keeps that."""
        return self.op("Cast", value, to=self.type_number(self._graph.kept(dtype)))

    def type_number(self, dtype: str) -> int:
        """ONNX's number for an element type, for attributes: "float32" -> 1."""
        return int(_ir_type(dtype).dtype)

    def _name(self, value: ir.Value) -> str:
        return str(value.name)

    def size(self, dim: Dim) -> ir.Value:
        """A size as int64 (1,): a number, or that of the network's input that has its name.

        Raises:
            Unsupported: it is not known, or no input's.
        """
        if isinstance(dim, int):
            return self.ints((dim,))
        name, axis = self._axis(dim)
        return self.op("Gather", self.op("Shape", self.value(name)), self.ints((axis,)), axis=0)

    def is_input(self, value: ir.Value) -> bool:
        """Is it one of the network's inputs?"""
        return any(value.name == given.name for given in self._graph.inputs)

    def value(self, name: str) -> ir.Value:
        """The ONNX value of an input, a parameter or a layer."""
        if name not in self._values and name in self._graph.params:
            self._values[name] = self._initializer(name, self._graph.stored(name))
        return self._values[name]

    def _initializer(self, name: str, array: Array, exact: Optional[str] = None) -> ir.Value:
        tensor = ir.Tensor(np.asarray(array, order="C"), name=name, doc_string=exact)
        value = ir.Value(
            name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self._initializers[name] = value
        return value

    def _unique(self, base: str) -> str:
        name = unused(base, self._names)
        self._names.add(name)
        return name

    def add_input(self, name: str) -> None:
        kind, shape = _ir_type(self._graph.types[name]), _ir_shape(self._shape(name))
        self._values[name] = ir.Value(name=name, type=kind, shape=shape)

    def add_layer(self, node: Node) -> None:
        """Convert one layer; its outputs get its names."""
        self._layer, self._node = node.name, node
        before = len(self._nodes)
        inputs = [None if n is None else self.value(n) for n in node.inputs]
        operator = self._graph.operators[node.name]
        if self.opset < operator.onnx_since:
            raise ops.Unsupported(
                f"needs opset {operator.onnx_since} or newer, got {self.opset}: "
                f"--opset {operator.onnx_since}"
            )
        if operator.onnx_until and self.opset > operator.onnx_until:
            raise ops.Unsupported(
                f"onnxruntime does not implement this operator at opset {self.opset}; use opset "
                f"{operator.onnx_until} or older: --opset {operator.onnx_until}"
            )
        result = operator.to_onnx(self, *inputs)
        results = result if isinstance(result, (list, tuple)) else [result]
        last = (-1, 0)
        for name, value in zip(node.outputs, results):
            # A layer that hands its input on is a layer; outputs come in the order of MXNet's.
            if self._place(value, before) <= last:
                value = self.op("Identity", value)
            last = self._place(value, before)
            value.name = name
            value.shape = _ir_shape(self._graph.shapes[name])
            value.type = _ir_type(self._graph.types[name])
            self._values[name] = value

    def _place(self, value: ir.Value, first: int) -> Tuple[int, int]:
        """Where it is made among the nodes from number `first` on: the node, and which output."""
        node, nodes = value.producer(), self._nodes[first:]
        return (nodes.index(node), value.index() or 0) if node in nodes else (-1, 0)

    def model(self) -> ir.Model:
        graph = self._graph
        onnx_graph = ir.Graph(
            inputs=[self._values[v.name] for v in graph.inputs],
            outputs=[self._values[name] for name in dict.fromkeys(graph.outputs)],
            nodes=self._nodes,
            initializers=[v for v in self._initializers.values() if v.uses()],
            opset_imports={"": self.opset},
            name=graph.name,
        )
        return ir.Model(
            onnx_graph,
            ir_version=onnx.helper.OP_SET_ID_VERSION_MAP["ai.onnx", self.opset],
            producer_name="mxproof",
            producer_version=__version__,
            doc_string="\n".join(description(graph)),
            metadata_props={f"mxproof.{k}": v for k, v in graph.source.items()},
        )


def _ir_type(dtype: str) -> ir.TensorType:
    return ir.TensorType(ir.DataType[ONNX_TYPES[dtype]])


def _ir_shape(shape: Shape) -> Optional[ir.Shape]:
    return None if shape is None else ir.Shape(shape)
