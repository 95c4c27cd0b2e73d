"""A network with its weights, ready to convert: Graph, Node, Value."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Dict, FrozenSet, Mapping, Set, Tuple, Union

from .. import operators as ops
from ..errors import ShapeError, UnsupportedError
from .arrays import Array
from .examples import completed
from .inference import infer_shapes
from .shapes import Shape, show

#: Outputs that a refusal names.
LISTED = 8


@dataclass(frozen=True)
class Value:
    """An input of the network: its name, its shape as far as it is known, its element type."""

    name: str
    shape: Shape = None
    type: str = "float32"


@dataclass(frozen=True)
class Node:
    """One layer.

    Attributes:
        name: the layer's name, unique in its graph.
        mxnet_name: the name in the file, which need not be unique.
        inputs: names of values (graph inputs, parameters, other nodes' outputs), or None for
            a label that was cut away.
        outputs: names of values; the layer's own name where there is but one.
    """

    name: str
    mxnet_name: str
    op: str
    attrs: Mapping[str, str]
    inputs: Tuple[Union[str, None], ...]
    outputs: Tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Layers in the order in which MXNet lists its internals, inputs before users.

    Attributes:
        params: name -> array, as stored in the checkpoint.
        outputs: names of the values that the network returns.
        labels: variables that only training reads; they are cut away.
        source: what the graph was made from (file names, hashes), for the record.
        chosen: the outputs as the user named them, if any.
        cut_at: the outputs where they are not the symbol's own: (number among all of its layers,
            number of the layer's output).
        made_labels: labels that other layers make, which are cut away with these layers: number
            of the layer that reads it (of all layers, once the outputs are chosen), number of the
            input, and the variable that stands there now.
        dropped_outputs: those of the symbol's that only training computes; unless they were chosen.
        restated: attributes of layers that MXNet is given in place of the file's: number of the
            layer among `listed`, name, value (see passes/free_batch.py).
        half: numbers stored or cast as float16 stay so; otherwise they are float32.
        renamed: names in the file of parameters -> the symbol's variables, where they differ.
        narrowed: the checkpoint is in float64, and this network in float32.
        exact_batch_norm: batch norms subtract the mean before they multiply, as MXNet's do, in
            place of the targets' own operators, which need not.
        partial: layers that cannot be converted are kept, and their results have no shapes: to be
            looked at.
        unfolded: all layers, where some were folded into parameters (see folding.py).
        unfolded_params: the arrays that only those read.
    """

    name: str
    inputs: Tuple[Value, ...]
    nodes: Tuple[Node, ...]
    outputs: Tuple[str, ...]
    params: Mapping[str, Array]
    labels: Tuple[str, ...]
    source: Mapping[str, str]
    chosen: Tuple[str, ...] = ()
    cut_at: Tuple[Tuple[int, int], ...] = ()
    made_labels: Tuple[Tuple[int, int, str], ...] = ()
    dropped_outputs: Tuple[str, ...] = ()
    restated: Tuple[Tuple[int, str, str], ...] = ()
    half: bool = False
    narrowed: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    exact_batch_norm: bool = False
    partial: bool = False
    unfolded: Tuple[Node, ...] = ()
    unfolded_params: Mapping[str, Array] = field(default_factory=dict)

    def __repr__(self) -> str:
        numbers = sum(array.size for array in self.params.values())
        inputs, outputs = (
            ", ".join(f"{name} {show(self.shapes[name])}" for name in names)
            for names in ([v.name for v in self.inputs], self.outputs)
        )
        size = f"{len(self.nodes)} layers, {numbers:,} stored numbers"
        return f"<Graph {self.name}: {size}, {inputs} -> {outputs}>"

    @property
    def listed(self) -> Tuple[Node, ...]:
        """All layers that MXNet lists; `nodes`, but for those that were folded."""
        return self.unfolded or self.nodes

    @cached_property
    def operators(self) -> Dict[str, ops.Operator]:
        """Layer name -> typed declaration.

        Raises:
            UnsupportedError: listing every operator and attribute that is not supported.
        """
        if self.partial:
            return ops.operators_of(n for n in self.nodes if n.name not in self.refused)
        try:
            return ops.operators_of(self.nodes)
        except UnsupportedError as error:
            options = " ".join(f"--output {shlex.quote(name)}" for name in self.available[:LISTED])
            remedy = [f"What comes before can be converted: {options}."] if options else []
            raise UnsupportedError([*error.problems, *remedy]) from None

    @cached_property
    def refused(self) -> Dict[str, str]:
        """Layer name -> why it cannot be converted."""
        found = ((node.name, ops.problem_of(node)) for node in self.nodes)
        return {name: problem for name, problem in found if problem}

    @cached_property
    def available(self) -> Tuple[str, ...]:
        """The last values, computed from the inputs, before anything that cannot be converted."""
        known = {None, *self.params, *(v.name for v in self.inputs)}
        made = {v.name for v in self.inputs}
        read: Set[Union[str, None]] = set()
        for node in self.nodes:
            if node.name not in self.refused and known.issuperset(node.inputs):
                known.update(node.outputs)
                if made.intersection(node.inputs):
                    made.update(node.outputs)
                    read.update(node.inputs)
        layers = (name for node in self.nodes for name in node.outputs)
        return tuple(name for name in layers if name in made and name not in read)

    @cached_property
    def shapes(self) -> Dict[str, Shape]:
        """Value name -> shape, as far as the inputs' shapes determine it.

        Raises:
            ShapeError: a layer cannot take what it is given.
        """
        return self.infer_shapes({v.name: v.shape for v in self.inputs})

    def infer_shapes(self, inputs: Mapping[str, Shape]) -> Dict[str, Shape]:
        """Shapes of all values for these shapes of the inputs.

        Raises:
            ShapeError: a layer cannot take what it is given, or a parameter has another shape
                than the symbol says.
            UnsupportedError: see `operators`.
        """
        return infer_shapes(self, inputs)

    @cached_property
    def types(self) -> Dict[str, str]:
        """Value name -> element type ("float32", "int64", ...).

        Raises:
            UnsupportedError: see `operators`; or float64 beside narrower parameters, which
                MXNet would not run either.
        """
        floats = {name: str(a.dtype) for name, a in self.params.items() if a.dtype.kind == "f"}
        wide = sorted(name for name, dtype in floats.items() if dtype == "float64")
        if wide and len(wide) < len(floats):
            raise UnsupportedError(
                [
                    f"parameter {wide[0]!r} is float64 ({len(wide)} of {len(floats)} are); "
                    "supported with --float64: all of them. Without it all are float32."
                ]
            )
        types = {name: self.kept(str(array.dtype)) for name, array in self.params.items()}
        types.update({value.name: value.type for value in self.inputs})
        for node in self.nodes:
            given = [None if name is None else types[name] for name in node.inputs]
            result = self.operators[node.name].infer_type(*given)
            results = result if isinstance(result, list) else [result]
            types.update(zip(node.outputs, (self.kept(t or "float32") for t in results)))
        return types

    @cached_property
    def anchored(self) -> FrozenSet[str]:
        """Values that depend on the order of numbers, or on chance (see `ops.Operator`).

        Where two numbers are as good as equal, the least rounding decides which comes first,
        and all that follows differs with it: no fault of a conversion. So such layers, and all
        behind them, are judged on given inputs only, on which they must agree.
        """
        found: Set[str] = set()
        for node in self.nodes:
            operator = self.operators[node.name]
            if operator.order_dependent or operator.random or found.intersection(node.inputs):
                found.update(node.outputs)
        return frozenset(found)

    def kept(self, dtype: str) -> str:
        """The element type in which one of the checkpoint's is exported."""
        return "float32" if dtype == "float16" and not self.half else dtype

    def stored(self, name: str) -> Array:
        """A parameter as it is exported."""
        return self.widened(self.params[name])

    def widened(self, array: Array) -> Array:
        """Numbers of the checkpoint as they are exported."""
        return array.astype(self.kept(str(array.dtype)), copy=False)

    def with_inputs(self, shapes: Mapping[str, Shape]) -> Graph:
        """The same network for inputs of these shapes; inputs not named keep theirs.

        Raises:
            ShapeError: a name that is no input, or shapes that the network cannot take.
        """
        known = sorted(v.name for v in self.inputs)
        for name in shapes.keys() - known:
            names = ", ".join(known)
            raise ShapeError(f"input {name!r}: the network has no such input; it has: {names}.")
        inputs = tuple(replace(v, shape=shapes.get(v.name, v.shape)) for v in self.inputs)
        graph = replace(self, inputs=inputs)
        try:
            graph.shapes  # noqa: B018 - raises where the shapes are impossible
        except UnsupportedError as error:
            raise completed(error, graph) from None
        return graph
