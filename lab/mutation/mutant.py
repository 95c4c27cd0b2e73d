"""A fault: where it can occur, what it changes, and which layer the proof has to name for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, Node
from mxproof.runtimes.base import Array
from mxproof.truth import Truth

#: The classes of conversion faults of Louloudakis et al., "FetaFix", arXiv:2312.15101.
FAMILIES = ("pre-processing", "input", "shape", "weights", "hyper-parameters", "graph")
PREPROCESSING, INPUT, SHAPE, WEIGHTS, HYPER, GRAPH = FAMILIES

BOTH = ("onnx", "pytorch")

InputTransform = Callable[[Mapping[str, Array]], Dict[str, Array]]
FileEdit = Callable[[Any], None]


@dataclass(frozen=True)
class Baseline:
    """The network that faults are planted in, and MXNet's results on some inputs."""

    graph: Graph
    truths: Sequence[Truth] = ()

    @cached_property
    def nodes(self) -> Dict[str, Node]:
        return {node.name: node for node in self.graph.nodes}

    @cached_property
    def shapes(self) -> Mapping[str, Any]:
        """Value name -> shape, for the first of the inputs."""
        return self.graph.infer_shapes({k: v.shape for k, v in self.truths[0].inputs.items()})

    def value(self, name: str, truth: Truth) -> Array:
        """MXNet's float64 value of an input, a parameter or a layer."""
        if name in truth:
            return truth[name].float64
        array: Array = truth.inputs[name] if name in truth.inputs else self.graph.params[name]
        return array.astype(np.float64)


@dataclass(frozen=True)
class MutationSite:
    """A layer to plant a fault in, and the random generator for the details."""

    baseline: Baseline
    layer: str
    random: np.random.Generator

    @property
    def graph(self) -> Graph:
        return self.baseline.graph

    @property
    def node(self) -> Node:
        return self.baseline.nodes[self.layer]

    @property
    def op(self) -> Any:
        """The typed declaration of the operator, defaults included."""
        return self.graph.operators[self.layer]

    def parameter(self, role: str) -> str:
        """MXNet's name of an input ("weight") -> the name of the parameter there."""
        name = self.node.inputs[self.op.input_names().index(role)]
        assert name is not None
        return str(name)

    def array(self, role: str) -> Array:
        return self.graph.params[self.parameter(role)]

    @property
    def data_shape(self) -> Tuple[int, ...]:
        """Shape of the layer's data, for the first of the inputs."""
        shape: Tuple[int, ...] = self.baseline.shapes[str(self.node.inputs[0])]
        return shape

    def draw(self, options: Sequence[Any]) -> Any:
        """One of the options."""
        return options[int(self.random.integers(len(options)))]

    def mutant(self, graph: Graph, note: str, why: str = "") -> Mutant:
        """A mutant in which this layer differs."""
        return Mutant(graph, note, self.layer, why)


@dataclass(frozen=True)
class Mutant:
    """A conversion with a fault planted in it.

    Attributes:
        graph: the network that is converted.
        note: what was changed, for people.
        expected: the layer that the proof has to name.
        why: why the change makes no difference, if planting it showed that.
        reference: the network to judge by, if it is not the baseline's: the same layers with
            another one among the outputs.
        feed: changes the inputs of the converted model.
        edit: changes the converted .onnx file.
    """

    graph: Graph
    note: str
    expected: str
    why: str = ""
    reference: Optional[Graph] = None
    feed: Optional[InputTransform] = None
    edit: Optional[FileEdit] = None


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        kind: the fault in a few words; its id.
        sites: graph -> the layers in which it can occur.
        why: why it makes no difference, where the operator's definition says that it makes none.
        targets: the conversions in which it can occur.
    """

    kind: str
    family: str
    sites: Callable[[Graph], List[str]]
    plant: Callable[[MutationSite], Mutant]
    why: str = ""
    targets: Tuple[str, ...] = BOTH
