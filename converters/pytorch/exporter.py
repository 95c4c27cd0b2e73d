"""Graph -> PyTorch: source a person would have written, and its weights as safetensors.

No torch is imported: an operator's PyTorch side is text. The source is built of statements,
one a layer, and the file of weights records which statement is which layer, so that every
layer of the very file a user loads can be traced by its MXNet name.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import numpy as np
import safetensors.numpy

from .. import operators as ops
from ..errors import UnsupportedError
from ..files import atomic_write
from ..ir.arrays import Array
from ..ir.builder import Builder
from ..ir.examples import completed
from ..ir.graph import Graph, Node
from ..ir.shapes import Dim, Shape
from ..progress import counted
from ..python_text import class_name
from .blocks import partition
from .parts import ModuleCall, Statement, token
from .source import render

#: Fields of `PytorchModule` that the file of weights holds, as JSON.
RECORDED = ("inputs", "layers", "types", "shapes", "outputs")


class TorchBuilder(Builder):
    """What a declaration's `to_pytorch` builds with. Inputs are tokens that stand for variables."""

    def __init__(self, graph: Graph, node: Node, stored: Dict[str, Array]) -> None:
        super().__init__(graph)
        self._node, self._stored = node, stored
        self._names = {token("in", i): name for i, name in enumerate(node.inputs) if name}
        self.modules: List[ModuleCall] = []
        self.more: List[str] = []  # inputs of the network that the expression reads
        self.functions: List[str] = []

    def _name(self, value: str) -> str:
        return self._names[value]

    def array(self, value: str) -> Array:
        """As Builder has it; one array for all layers that read it, also where it is cast."""
        name = self._name(value)
        if name not in self._stored:
            self._stored[name] = super().array(value)
        return self._stored[name]

    def size(self, dim: Dim) -> str:
        """A size: a number, or that of the network's input that has its name.

        Raises:
            Unsupported: it is not known, or no input's.
        """
        if isinstance(dim, int):
            return str(dim)
        name, axis = self._axis(dim)
        return f"{self.network_input(name)}.shape[{axis}]"

    def network_input(self, name: Optional[str] = None) -> str:
        """One of the network's inputs (the first), for a layer that is made of nothing."""
        name = name or self._graph.inputs[0].name
        read = token("in", len(self._node.inputs) + len(self.more))
        self._names[read] = name
        self.more.append(name)
        return read

    def dtype(self, name: str) -> str:
        """ "float32" -> `torch.float32`; float16 only if the network keeps that."""
        return f"torch.{self._graph.kept(name)}"

    def parameter(self, array: Array, *, trained: bool = True) -> str:
        """Numbers that the module holds, as a tensor; the expression that names it."""
        kind = "nn.Parameter" if trained else "nn.Buffer"
        return self.module(kind, *array.shape, state={"": array}, dtype=str(array.dtype))

    def module(
        self,
        kind: str,
        *args: int,
        state: Optional[Mapping[str, Optional[Array]]] = None,
        wrapper: str = "",
        **options: Any,
    ) -> str:
        """A submodule `kind(*args, **options)` holding `state`; the expression that names it.

        Args:
            wrapper: a function that alters the module once it is made, and returns it.
        """
        held = {k: v for k, v in (state or {}).items() if v is not None}
        self.modules.append(ModuleCall(kind, {**dict(enumerate(args)), **options}, held, wrapper))
        return token("module", len(self.modules) - 1)

    def function(self, name: str) -> str:
        """A function of converters/pytorch/library, which the file will hold; its name in there."""
        self.functions.append(name)
        return name


@dataclass(frozen=True)
class PytorchModule:
    """A network as PyTorch source and weights.

    Attributes:
        class_name: of the `nn.Module` in `source`.
        inputs: MXNet's names of the inputs, in the order of forward's parameters.
        outputs: MXNet's names of the outputs, in the order in which forward returns them.
        state: state-dict key -> array.
        layers: path of a submodule ("" for the network itself) -> the layer that each
            statement of its forward computes, None for a statement that computes none.
    """

    name: str
    class_name: str
    inputs: Tuple[str, ...]
    source: str
    state: Dict[str, Array]
    layers: Dict[str, List[Optional[List[str]]]]
    metadata: Mapping[str, str]
    types: Mapping[str, str]
    shapes: Mapping[str, Shape]
    outputs: Tuple[str, ...]

    def __repr__(self) -> str:
        lines = self.source.count("\n")
        return f"<PytorchModule {self.name}: {lines} lines, {len(self.state)} arrays>"


def to_pytorch(graph: Graph) -> PytorchModule:
    """The network as an `nn.Module`.

    Raises:
        UnsupportedError: operators or attributes that cannot be converted.
        ShapeError: an input's shape is neither given nor implied, where it is needed.
    """
    _ = graph.operators  # first, so that all that is unsupported is listed
    statements = []
    stored: Dict[str, Array] = {}
    for node in counted(graph.nodes, f"{graph.name}: converting to PyTorch, layers"):
        try:
            statements.append(_statement(graph, node, stored))
        except ops.Unsupported as problem:
            raise completed(ops.unsupported(node, problem), graph) from None
    inputs = [v.name for v in graph.inputs]
    if not inputs:
        raise UnsupportedError([f"{graph.name} has no input."])
    name = class_name(re.findall(r"[A-Za-z0-9]+", graph.name))
    rendered = render(
        partition(statements, inputs, graph.outputs, name),
        class_name=name,
        inputs=inputs,
        outputs=graph.outputs,
        header=graph,
    )
    return PytorchModule(
        name=graph.name,
        class_name=name,
        inputs=tuple(inputs),
        source=rendered.source,
        state=rendered.state,
        layers=rendered.layers,
        metadata=dict(graph.source),
        types={value.name: value.type for value in graph.inputs},
        shapes={value.name: value.shape for value in graph.inputs},
        outputs=graph.outputs,
    )


def _statement(graph: Graph, node: Node, stored: Dict[str, Array]) -> Statement:
    builder = TorchBuilder(graph, node, stored)
    tokens = [None if name is None else token("in", i) for i, name in enumerate(node.inputs)]
    operator = graph.operators[node.name]
    expression = operator.to_pytorch(builder, *tokens)
    for i, name in enumerate(node.inputs):
        if name and name in graph.params and token("in", i) in expression:
            trained = operator.input_names()[i : i + 1] not in [(n,) for n in operator.auxiliary]
            parameter = builder.parameter(builder.array(token("in", i)), trained=trained)
            expression = expression.replace(token("in", i), parameter)
    return Statement(
        layer=node.name,
        inputs=(*(name or "" for name in node.inputs), *builder.more),
        outputs=node.outputs,
        expression=expression,
        modules=tuple(builder.modules),
        functions=tuple(builder.functions),
    )


def save_pytorch(module: PytorchModule, folder: Union[str, os.PathLike[str]]) -> List[Path]:
    """Write `<name>.py` and `<name>.safetensors`, each whole or not at all.

    Args:
        folder: it is made if need be.

    Returns:
        The files written.
    """
    source = Path(folder) / f"{module.name}.py"
    weights = Path(folder) / f"{module.name}.safetensors"
    recorded = {key: json.dumps(getattr(module, key)) for key in RECORDED}
    metadata = {f"mxproof.{k}": v for k, v in {**module.metadata, **recorded}.items()}
    tensors = {k: np.ascontiguousarray(v) for k, v in module.state.items()}
    with atomic_write(weights) as file:
        for part in _safetensors(tensors, metadata):
            file.write(part)
    with atomic_write(source) as file:
        file.write(module.source.encode())
    return [source, weights]


def _safetensors(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> List[Any]:
    """A file's parts, always the same bytes: safetensors itself writes metadata in any order."""
    data = memoryview(safetensors.numpy.save(dict(tensors)))
    start = 8 + int.from_bytes(data[:8], "little")
    entries = {"__metadata__": dict(metadata), **json.loads(bytes(data[8:start]))}
    header = json.dumps(entries, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return [len(header).to_bytes(8, "little"), header, data[start:]]
