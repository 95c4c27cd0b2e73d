"""A fault: where it can occur, what it changes, and which layer the proof has to name for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, Node, load_checkpoint
from mxproof.model import Model
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.trace import ReferenceTrace
from mxproof.runtimes.base import Array, Inputs
from mxproof.runtimes.mxnet.client import MxnetProcess

from .edits import Sites, with_attributes, with_node

#: The classes of conversion faults of Louloudakis et al., "FetaFix", arXiv:2312.15101.
FAMILIES = ("pre-processing", "input", "shape", "weights", "hyper-parameters", "graph")
PREPROCESSING, INPUT, SHAPE, WEIGHTS, HYPER, GRAPH = FAMILIES

BOTH = ("onnx", "pytorch")


@dataclass(frozen=True)
class Baseline:
    """The network that faults are planted in, and MXNet, which judges them.

    Attributes:
        inputs: that `mxproof verify` draws.
        process: runs MXNet, and has to stay open.
    """

    graph: Graph
    subject: Model
    inputs: Sequence[Inputs]
    process: MxnetProcess

    @cached_property
    def evidence(self) -> Reference:
        return self.evidence_of(self.graph)

    @property
    def truths(self) -> List[ReferenceTrace]:
        return list(self.evidence)

    def evidence_of(self, graph: Graph) -> Reference:
        """MXNet's, for what this graph says of the checkpoint: which outputs were chosen."""
        model = self.process.load(self.subject.files, None, graph)
        return kept(live(model, self.inputs, self.process.versions))

    def returning(self, *outputs: str) -> Graph:
        """The network as it is read where the user chooses these outputs."""
        shapes = {v.name: v.shape for v in self.graph.inputs}
        graph = load_checkpoint(self.subject.files, inputs=shapes, outputs=outputs)
        return replace(graph, name=self.graph.name)

    @cached_property
    def nodes(self) -> Dict[str, Node]:
        return {node.name: node for node in self.graph.nodes}

    @cached_property
    def shapes(self) -> Mapping[str, Any]:
        """Value name -> shape, for the first of the inputs."""
        return self.graph.infer_shapes({k: v.shape for k, v in self.inputs[0].items()})

    def value(self, name: str, truth: ReferenceTrace) -> Array:
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

    @property
    def data_shape(self) -> Tuple[int, ...]:
        """Shape of the layer's data, for the first of the inputs."""
        shape: Tuple[int, ...] = self.baseline.shapes[str(self.node.inputs[0])]
        return shape

    def parameter(self, role: str) -> str:
        """MXNet's name of an input ("weight") -> the name of the parameter there."""
        return str(self.node.inputs[self.op.input_names().index(role)])

    def array(self, role: str) -> Array:
        return self.graph.params[self.parameter(role)]

    def draw(self, options: Sequence[Any]) -> Any:
        """One of the options."""
        return options[int(self.random.integers(len(options)))]

    def mutant(self, graph: Graph, note: str) -> Mutant:
        """A mutant in which this layer differs."""
        return Mutant(graph, note, self.layer)

    def changed(self, note: str, **fields: Any) -> Mutant:
        """Other fields of the node: `op`, `inputs`, `attrs`."""
        return self.mutant(with_node(self.graph, self.layer, **fields), note)

    def misread(self, attributes: Mapping[str, Any]) -> Mutant:
        """As if the symbol had stated other attributes; None removes one."""
        notes = [
            f"{name} {self.node.attrs.get(name, 'absent')} -> {'absent' if v is None else v}"
            for name, v in attributes.items()
        ]
        return self.mutant(with_attributes(self.graph, self.layer, attributes), ", ".join(notes))

    def reading(self, parameters: Mapping[str, str], note: str) -> Mutant:
        """The layer reads other parameters: {"gamma": name}."""
        given = zip(self.op.input_names(), self.node.inputs)
        return self.changed(note, inputs=tuple(parameters.get(role, name) for role, name in given))

    def stored(self, role: str, array: Array, note: str) -> Mutant:
        """Another array for a parameter; the stored one, mapped read-only, is kept."""
        data = np.ascontiguousarray(array, dtype=self.array(role).dtype)
        params = {**self.graph.params, self.parameter(role): data}
        return self.mutant(replace(self.graph, params=params), note)


@dataclass(frozen=True)
class Mutant:
    """A conversion with a fault planted in it.

    Attributes:
        graph: the network that is converted.
        note: what was changed, for people.
        expected: the layer that the proof has to name.
        reference: the network to judge by, if it is not the baseline's: with other outputs, or
            with a declaration that is wrong on both sides.
        feed: changes the inputs of the converted model.
        edit: changes the converted files, given the first of them.
    """

    graph: Graph
    note: str
    expected: str
    reference: Optional[Graph] = None
    feed: Optional[Callable[[Mapping[str, Array]], Dict[str, Array]]] = None
    edit: Optional[Callable[[Path], None]] = None


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
    sites: Sites
    plant: Callable[[MutationSite], Mutant]
    why: str = ""
    targets: Tuple[str, ...] = BOTH
