"""ONNX -> MXNet: a symbol and its arrays, without MXNet.

Layers keep their names: an ONNX value becomes the node that has its name. Each ONNX operator is
translated by itself (converters/from_onnx, a declaration each); what depends on constants and
sizes alone is computed here.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from .checkpoint import params_path, save_checkpoint, symbol_path
from .errors import CheckpointError, ShapeError, UnsupportedError
from .from_onnx.builder import SymbolBuilder, exact_attributes
from .from_onnx.folding import fold, fold_sizes
from .from_onnx.registry import TRANSLATIONS, call
from .from_onnx.values import Known, Tensor, Value
from .onnx_model import ONNX_TYPES, SUPPORTED_OPSETS
from .ops import Unsupported
from .shape import Dim, Shape, same, show
from .symbol import VARIABLE, Symbol, in_visiting_order

Array = npt.NDArray[Any]
Source = Union[str, "os.PathLike[str]", onnx.ModelProto, ir.Model]

MXNET_VERSION = 10901
DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class MxnetModel:
    """A network as MXNet 1.9.1 loads it.

    Attributes:
        arrays: "arg:NAME" or "aux:NAME" -> numbers.
        inputs: name -> shape, with named sizes where they are free.
    """

    symbol: Symbol
    arrays: Dict[str, Array]
    inputs: Dict[str, Shape]
    name: str


def from_onnx(source: Source, *, inputs: Optional[Mapping[str, Shape]] = None) -> MxnetModel:
    """An ONNX file or model as a network for MXNet 1.9.1.

    Args:
        inputs: shapes of inputs in place of the model's: fixed sizes make more of it known.

    Raises:
        CheckpointError: the file is missing or no ONNX model.
        ShapeError: `inputs` names no input, or the model says otherwise.
        UnsupportedError: operators or attributes that have no way to MXNet, all of them.
    """
    model = _read(source)
    opset = model.opset_imports.get("", model.opset_imports.get("ai.onnx"))
    if opset is None or opset not in SUPPORTED_OPSETS:
        first, last = SUPPORTED_OPSETS[0], SUPPORTED_OPSETS[-1]
        raise UnsupportedError(
            [
                f"opset {opset}; supported: {first} to {last}. Convert it first: "
                "onnx.version_converter.convert_version."
            ]
        )
    return _Translation(model, opset, dict(inputs or {})).result()


def save_mxnet(
    model: MxnetModel, prefix: Union[str, os.PathLike[str]], epoch: int = 0
) -> List[Path]:
    """Write PREFIX-symbol.json and PREFIX-0000.params; the files written."""
    save_checkpoint(prefix, model.symbol, model.arrays, epoch)
    return [symbol_path(prefix), params_path(prefix, epoch)]


def convert_onnx(
    path: Source,
    prefix: Union[str, os.PathLike[str]],
    *,
    inputs: Optional[Mapping[str, Shape]] = None,
) -> List[Path]:
    """An ONNX file as an MXNet checkpoint; the files written. See `from_onnx`."""
    return save_mxnet(from_onnx(path, inputs=inputs), prefix)


def _read(source: Source) -> ir.Model:
    if isinstance(source, ir.Model):
        return source
    if isinstance(source, onnx.ModelProto):
        return ir.from_proto(source)
    path = Path(source)
    model: ir.Model
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Give an ONNX model, e.g. net.onnx.")
    try:
        model = ir.load(path)
        names = [value.name for value in model.graph.inputs]
    except Exception as error:  # protobuf's and onnx_ir's, of many kinds
        raise CheckpointError(
            f"{path}: is no ONNX model, or damaged ({type(error).__name__}: {error}). Export it "
            "again, or compare its size with the original's."
        ) from error
    if not model.opset_imports or not (names or len(model.graph)):
        raise CheckpointError(f"{path}: is no ONNX model: it holds no network. Export it again.")
    return model


class _Failed:
    """The output of a node that could not be translated."""


class _Translation:
    def __init__(self, model: ir.Model, opset: int, inputs: Dict[str, Shape]) -> None:
        self.model, self.opset = model, opset
        self.builder = SymbolBuilder()
        self.values: Dict[str, Union[Value, _Failed]] = {}
        self.problems: List[str] = []
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
        fits = stated is None or (
            len(wanted) == len(stated) and all(same(a, b) for a, b in zip(wanted, stated))
        )
        if not fits:
            raise ShapeError(f"input {name!r}: got {show(wanted)}; the model has {show(stated)}.")
        return tuple(f"{name}:{axis}" if d is None else d for axis, d in enumerate(wanted))

    def result(self) -> MxnetModel:
        """
        Raises:
            UnsupportedError: naming all that cannot be translated.
        """
        graph = self.model.graph
        for value in self._given():
            name = str(value.name)
            self._attempt(
                f"Input {name!r}",
                [name],
                lambda v=value, n=name: [self.builder.input(n, self.inputs[n], _dtype(v))],
            )
        for name, value in graph.initializers.items():
            self._attempt(f"Initializer {name!r}", [name], lambda v=value: [_stored(v)])
        for node in graph:
            names = [str(v.name) for v in node.outputs]
            label = f"{node.op_type} {names[0] if names else node.name!r}"
            self._attempt(f"{node.op_type} {names[0]!r}" if names else label, names, node=node)
        heads = [self._head(str(v.name)) for v in graph.outputs]
        if self.problems:
            raise UnsupportedError(self.problems)
        symbol = Symbol(tuple(self.builder.nodes), tuple(h for h in heads if h), MXNET_VERSION)
        symbol = in_visiting_order(symbol)
        read = {n.name for n in symbol.nodes if n.op == VARIABLE}
        return MxnetModel(
            symbol,
            {key: array for key, array in self.builder.arrays.items() if key[4:] in read},
            {name: shape for name, shape in self.inputs.items() if name in read},
            graph.name or "network",
        )

    def _attempt(
        self, who: str, names: Sequence[str], make: Any = None, node: Optional[ir.Node] = None
    ) -> None:
        try:
            made = self._node(node) if node is not None else make()
        except Unsupported as problem:
            self.problems.append(f"{who}: {problem}.")
            made = None
        made = [_Failed()] * len(names) if made is None else made
        self.values.update(zip(names, made))

    def _node(self, node: ir.Node) -> Optional[List[Value]]:
        """Its outputs; None where an input could not be translated."""
        foreign = node.domain not in DOMAINS
        if foreign or (node.op_type != "Constant" and node.op_type not in TRANSLATIONS):
            domain = f"{node.domain}::" if foreign else ""
            raise Unsupported(f"{domain}{node.op_type} has no way to MXNet")
        inputs: List[Optional[Value]] = []
        for given in node.inputs:
            value = None if given is None or not given.name else self.values.get(given.name)
            if isinstance(value, _Failed) or (value is None and given is not None and given.name):
                return None
            inputs.append(value)
        while inputs and inputs[-1] is None:
            inputs.pop()
        attributes = _attributes(node)
        self.builder.layer = str(node.outputs[0].name)
        known = [v for v in inputs if isinstance(v, Known)]
        if node.op_type == "Constant" or (
            inputs and len(known) == sum(v is not None for v in inputs)
        ):
            folded = self._folded(node, inputs, attributes)
            if folded is not None:
                return folded
        first = len(self.builder.nodes)
        made = call(self.builder, node.op_type, inputs, attributes)
        results = list(made) if isinstance(made, (list, tuple)) else [made]
        wanted = [str(v.name or "") for v in node.outputs]
        while wanted and not wanted[-1]:
            wanted.pop()
        if len(results) < len(wanted):
            raise Unsupported(f"{len(wanted)} outputs are read; supported: {len(results)}")
        return self._named(results, wanted, first)

    def _folded(
        self, node: ir.Node, inputs: List[Optional[Value]], attributes: Dict[str, Any]
    ) -> Optional[List[Value]]:
        known: List[Any] = list(inputs)
        if any(v is not None and v.symbolic for v in known):
            if node.op_type == "Cast" and attributes.get("to") not in (
                onnx.TensorProto.INT64,
                onnx.TensorProto.INT32,
            ):
                return None
            found = fold_sizes(node.op_type, known, attributes, str(node.outputs[0].name))
            return None if found is None else list(found)
        return list(fold(ir.to_proto(node), self.opset, known))

    def _named(self, results: List[Any], wanted: Sequence[str], first: int) -> List[Value]:
        """The node that makes an output gets its name; what is handed on is copied."""
        nodes = self.builder.nodes
        made = [v.entry[0] for v in results if isinstance(v, Tensor)]
        if len(made) > 1 and len(set(made)) == 1:  # one node: its outputs are numbered
            first_name = next(name for name in wanted if name)
            self.builder.rename(made[0], re.sub(r"_output\d+$", "", first_name))
            return results
        for number, (value, name) in enumerate(zip(results, wanted)):
            if isinstance(value, Known) or not name:
                continue
            index = value.entry[0]
            if index < first or nodes[index].is_variable or not self.builder.rename(index, name):
                copied = self.builder.node("_copy", value, out=value.shape, truth=value.truth)
                self.builder.rename(copied.entry[0], name)
                results[number] = copied
        return results

    def _head(self, name: str) -> Optional[Tuple[int, int]]:
        value = self.values.get(name)
        if isinstance(value, Known) or value is None:
            self.problems.append(f"Output {name!r} is a constant; supported: a layer's result.")
            return None
        if isinstance(value, _Failed):
            return None
        if self.builder.nodes[value.entry[0]].op == VARIABLE:
            self.builder.layer = name
            return self.builder.node("_copy", value).entry
        return value.entry


def _dtype(value: ir.Value) -> str:
    names = {onnx_name: name for name, onnx_name in ONNX_TYPES.items()}
    dtype = value.dtype.name if value.dtype is not None else "?"
    if dtype not in names:
        raise Unsupported(f"has element type {dtype}; supported: {', '.join(sorted(names))}")
    return names[dtype]


def _stored(value: ir.Value) -> Known:
    tensor = value.const_value
    if tensor is None:
        raise Unsupported("has no numbers: is the file with its external data beside the model?")
    try:
        array = np.asarray(tensor.numpy())
    except (OSError, ValueError) as error:
        raise Unsupported(f"cannot be read: {error}") from None
    return Known(array, str(value.name), _exact(array, tensor.doc_string))


def _exact(array: Array, note: Optional[str]) -> Optional[Array]:
    """The numbers that our exporter noted in a tensor's documentation; None if it did not."""
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
        value = attribute.value
        found[key] = tuple(value) if isinstance(value, (list, tuple)) else value
    return exact_attributes(found, node.metadata_props)


__all__ = ["MxnetModel", "convert_onnx", "from_onnx", "save_mxnet"]
