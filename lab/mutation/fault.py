"""What a fault is: where it can be, what it changes, and which layer is then to be named."""

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
ONNX = ("onnx",)

Feed = Callable[[Mapping[str, Array]], Dict[str, Array]]
FileEdit = Callable[[Any], None]


@dataclass(frozen=True)
class Ground:
    """Where faults are planted: a network, and MXNet's results on some inputs."""

    graph: Graph
    truths: Sequence[Truth] = ()

    @cached_property
    def nodes(self) -> Dict[str, Node]:
        return {node.name: node for node in self.graph.nodes}

    @cached_property
    def shapes(self) -> Mapping[str, Any]:
        """Value name -> shape on the first of the inputs."""
        return self.graph.infer_shapes({k: v.shape for k, v in self.truths[0].inputs.items()})

    def value(self, name: str, truth: Truth) -> Array:
        """What MXNet has there in float64: an input, a parameter or a layer."""
        if name in truth:
            return truth[name].float64
        array: Array = truth.inputs[name] if name in truth.inputs else self.graph.params[name]
        return array.astype(np.float64)


@dataclass(frozen=True)
class Site:
    """One layer, and the dice for what its declaration leaves open."""

    ground: Ground
    layer: str
    random: np.random.Generator

    @property
    def graph(self) -> Graph:
        return self.ground.graph

    @property
    def node(self) -> Node:
        return self.ground.nodes[self.layer]

    @property
    def op(self) -> Any:
        """The typed declaration of the operator, with all defaults."""
        return self.graph.operators[self.layer]

    def parameter(self, role: str) -> str:
        """MXNet's name of an input ("weight") -> the name of the parameter there."""
        name = self.node.inputs[self.op.input_names().index(role)]
        assert name is not None
        return str(name)

    @property
    def data_shape(self) -> Tuple[int, ...]:
        """What the layer reads, on the first of the inputs."""
        name = self.node.inputs[0]
        assert name is not None
        shape: Tuple[int, ...] = self.ground.shapes[name]
        return shape

    def array(self, role: str) -> Array:
        return self.graph.params[self.parameter(role)]

    def draw(self, options: Sequence[Any]) -> Any:
        """One of them."""
        return options[int(self.random.integers(len(options)))]


@dataclass(frozen=True)
class Planted:
    """A fault in its place.

    Attributes:
        graph: what is converted.
        note: what was changed, for people.
        expected: the layer that the harness has to name.
        why: why it would make no difference, where planting it showed that.
        reference: what it is judged against, where that is not the network as it is: the same
            with another layer as an output too.
        feed: changes what the converted model is given.
        edit: changes the converted .onnx file.
    """

    graph: Graph
    note: str
    expected: str
    why: str = ""
    reference: Optional[Graph] = None
    feed: Optional[Feed] = None
    edit: Optional[FileEdit] = None


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        kind: what is wrong, in a few words; its id.
        sites: the layers of a network that it can befall.
        why: the reason for which it makes no difference, where the definition says it makes none.
        targets: what it can happen to.
    """

    kind: str
    family: str
    sites: Callable[[Graph], List[str]]
    plant: Callable[[Site], Planted]
    why: str = ""
    targets: Tuple[str, ...] = BOTH
