"""The loop ONNX model -> symbol, one node after the other."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import onnx_ir as ir

from ...errors import LayerProblem, ShapeError, UnsupportedError, sentences
from ...ir.examples import OPTION, SIDES, sized
from ...ir.shapes import Dim, Shape, may_equal, show
from ...mxnet_format.symbol import Entry, Symbol, in_visiting_order
from ...operators import Unsupported
from ..builder import ONNX_TYPES
from .builder import SymbolBuilder
from .folding import fold
from .registry import TRANSLATIONS, call
from .values import Array, Constant, Tensor, Value

MXNET_VERSION = 10901
DOMAINS = ("", "ai.onnx")
#: What a declaration stumbles over in a node that ONNX does not allow.
MISFITS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Translation:
    def __init__(self, model: ir.Model, opset: int, inputs: Dict[str, Shape]) -> None:
        self.model, self.opset = model, opset
        self.builder = SymbolBuilder()
        self.values: Dict[str, Optional[Value]] = {}  # None: its node could not be translated
        self.problems: List[LayerProblem] = []
        self.inputs = {str(v.name): self._shape(v, inputs) for v in self._given()}
        unknown = sorted(set(inputs) - set(self.inputs))
        if unknown:
            raise ShapeError(
                f"{', '.join(unknown)}: no such input; there are: {', '.join(self.inputs)}."
            )

    def _given(self) -> List[ir.Value]:
        """Old files list the stored arrays among the inputs."""
        stored = self.model.graph.initializers
        return [v for v in self.model.graph.inputs if v.name not in stored]

    def _shape(self, value: ir.Value, inputs: Mapping[str, Shape]) -> Tuple[Dim, ...]:
        name = str(value.name)
        stated: Shape = None
        if value.shape is not None:
            stated = tuple(d if isinstance(d, int) else d.value for d in value.shape)
        wanted = inputs.get(name) or stated
        if wanted is None:
            raise ShapeError(f"input {name!r} has no shape: --input {name}=1x3x224x224.")
        if not may_equal(wanted, stated):
            raise ShapeError(f"input {name!r}: got {show(wanted)}; the model has {show(stated)}.")
        return tuple(f"{name}:{axis}" if d is None else d for axis, d in enumerate(wanted))

    def symbol(self) -> Symbol:
        """The symbol; its arrays are then in `builder.arrays`.

        Raises:
            UnsupportedError: naming all that cannot be translated.
        """
        graph = self.model.graph
        for value in self._given():
            self._attempt("Input", [str(value.name)], self._input, value)
        for name, value in graph.initializers.items():
            self._attempt("Initializer", [name], _stored, value)
        for node in graph:
            names = [str(v.name or "") for v in node.outputs]
            self._attempt(node.op_type, names, self._node, node, [*names, str(node.name)][0])
        heads = [self._head(value) for value in graph.outputs]
        if self.problems:
            fixed = {name: show(sized(shape, SIDES[0])) for name, shape in self.inputs.items()}
            options = " ".join(f"--input {name}={sizes}" for name, sizes in fixed.items())
            said = sentences(self.problems)
            raise UnsupportedError(OPTION.sub(lambda _: options, problem) for problem in said)
        found = tuple(head for head in heads if head is not None)
        return in_visiting_order(Symbol(tuple(self.builder.nodes), found, MXNET_VERSION))

    def _attempt(
        self, op: str, names: Sequence[str], make: Any, what: Any, layer: Optional[str] = None
    ) -> None:
        try:
            self.values.update(zip(names, make(what) or [None] * len(names)))
            return
        except Unsupported as error:
            problem = str(error)
        except MISFITS as error:
            problem = f"its inputs and attributes do not fit ({type(error).__name__}: {error})"
        self.problems.append(LayerProblem(op, names[0] if layer is None else layer, problem))
        self.values.update(dict.fromkeys(names))

    def _input(self, value: ir.Value) -> List[Value]:
        name = str(value.name)
        return [self.builder.input(name, self.inputs[name], _dtype(value))]

    def _node(self, node: ir.Node) -> Optional[List[Value]]:
        """Its outputs; None where an input could not be translated."""
        foreign = node.domain not in DOMAINS
        if foreign or (node.op_type != "Constant" and node.op_type not in TRANSLATIONS):
            domain = f"{node.domain}::" if foreign else ""
            raise Unsupported(f"{domain}{node.op_type} has no way to MXNet")
        inputs = self._inputs(node)
        if inputs is None:
            return None
        attributes = _attributes(node)
        wanted = [str(v.name or "") for v in node.outputs]
        self.builder.layer = wanted[0]
        known = [v for v in inputs if v is None or isinstance(v, Constant)]
        if known == inputs and (any(known) or node.op_type == "Constant"):
            folded = fold(ir.to_proto(node), self.opset, known)
            if folded is not None:
                return [*folded]
        first = len(self.builder.nodes)
        made = call(self.builder, node.op_type, self.opset, inputs, attributes)
        results = list(made) if isinstance(made, (list, tuple)) else [made]
        while wanted and not wanted[-1]:
            wanted.pop()
        if len(results) < len(wanted):
            raise Unsupported(f"{len(wanted)} outputs are read; supported: {len(results)}")
        return self._named(results, wanted, first)

    def _inputs(self, node: ir.Node) -> Optional[List[Optional[Value]]]:
        inputs: List[Optional[Value]] = []
        for given in node.inputs:
            if given is None or not given.name:
                inputs.append(None)
                continue
            if given.name not in self.values:
                raise Unsupported(f"reads {given.name!r}, which nothing before it makes")
            if self.values[given.name] is None:
                return None
            inputs.append(self.values[given.name])
        while inputs and inputs[-1] is None:
            inputs.pop()
        return inputs

    def _named(self, results: List[Any], wanted: Sequence[str], first: int) -> List[Value]:
        """The node that makes an output gets its name; what is handed on is copied."""
        nodes = self.builder.nodes
        made = [v.entry[0] for v in results if isinstance(v, Tensor)]
        if len(made) > 1 and len(set(made)) == 1:  # one node: its outputs are numbered
            first_name = next(name for name in wanted if name)
            self.builder.give_name(made[0], re.sub(r"_output\d+$", "", first_name))
            return results
        named = set()
        for number, (value, name) in enumerate(zip(results, wanted)):
            if isinstance(value, Constant) or not name:
                continue
            index, output = value.entry
            own = index >= first and not (output or index in named or nodes[index].is_variable)
            named.add(index)
            if not own:
                results[number] = self.builder.copy(value)
            self.builder.give_name(results[number].entry[0], name)
        return results

    def _head(self, output: ir.Value) -> Optional[Entry]:
        """What MXNet returns there: a layer of its own, and bool where that is ONNX's."""
        name = str(output.name)
        if name not in self.values:
            self.problems.append(LayerProblem("Output", name, "nothing makes it"))
        value = self.values.get(name)
        if value is None:
            return None
        builder = self.builder
        builder.layer = name
        tensor = builder.tensor(value)
        returns_bool = tensor.truth and output.dtype == ir.DataType.BOOL
        if not builder.nodes[tensor.entry[0]].is_variable and not returns_bool:
            return tensor.entry
        made = builder.node("Cast", tensor, dtype="bool") if returns_bool else builder.copy(tensor)
        builder.give_name(made.entry[0], name)
        return made.entry


def _dtype(value: ir.Value) -> str:
    names = {onnx_name: name for name, onnx_name in ONNX_TYPES.items()}
    dtype = value.dtype.name if value.dtype is not None else "?"
    if dtype not in names:
        raise Unsupported(f"has element type {dtype}; supported: {', '.join(sorted(names))}")
    return names[dtype]


def _stored(value: ir.Value) -> List[Constant]:
    tensor = value.const_value
    if tensor is None:
        raise Unsupported("has no numbers: is the file with its external data beside the model?")
    try:
        array = np.asarray(tensor.numpy())
    except (OSError, ValueError) as error:
        raise Unsupported(f"cannot be read: {error}") from None
    if array.dtype.kind not in "biuf":
        raise Unsupported(f"has element type {tensor.dtype.name}; supported: numbers")
    return [Constant(array, str(value.name), _exact(array, tensor.doc_string))]


def _exact(array: Array, note: Optional[str]) -> Optional[Array]:
    """The float64 numbers that our exporter noted where ONNX rounds them; None if it did not."""
    if not note or array.dtype.kind != "f":
        return None
    try:
        exact = np.array(json.loads(note), np.float64).reshape(array.shape)
    except (ValueError, TypeError, RecursionError):
        return None
    return exact if np.array_equal(exact.astype(array.dtype), array) else None


def _attributes(node: ir.Node) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for key, attribute in node.attributes.items():
        if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS):
            raise Unsupported(f"{key} is a network of its own; supported: no control flow")
        found[key] = attribute.value
        if attribute.type is ir.AttributeType.FLOAT:
            exact = _exact(np.asarray(attribute.value, np.float32), node.metadata_props.get(key))
            found[key] = attribute.value if exact is None else float(exact)
    return found
