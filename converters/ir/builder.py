"""The base of both targets' builders: access to the layer that is being written."""

from __future__ import annotations

from typing import Any, Tuple

from ..errors import ShapeError
from ..operators import Unsupported
from .arrays import Array
from .examples import example_inputs
from .graph import Graph, Node
from .shapes import Dim


class Builder:
    """Answers a declaration's questions about its layer.

    A value is what a target has for one: `onnx_ir.Value`, or text that stands for a variable.
    """

    _node: Node  # the layer

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def _name(self, value: Any) -> str:
        """The graph's name for one of the layer's inputs."""
        raise NotImplementedError

    def shape(self, value: Any) -> Tuple[Dim, ...]:
        """The shape of a layer's input, as far as it is known.

        Raises:
            ShapeError: not even the number of dimensions is known.
        """
        return self._shape(self._name(value))

    def type(self, value: Any) -> str:
        """The element type of a layer's input: "float32", "int64", ..."""
        return self._graph.types[self._name(value)]

    def output_shape(self, number: int = 0) -> Tuple[Dim, ...]:
        """The shape of one of the layer's outputs, as far as it is known."""
        return self._shape(self._node.outputs[number])

    def output_type(self, number: int = 0) -> str:
        """The element type that one of the layer's outputs must have."""
        return self._graph.types[self._node.outputs[number]]

    @property
    def exact_batch_norm(self) -> bool:
        """See `Graph`."""
        return self._graph.exact_batch_norm

    def is_stored(self, value: Any) -> bool:
        """Is it a parameter, whose numbers `array` gives?"""
        return self._name(value) in self._graph.params

    def array(self, value: Any) -> Array:
        """The numbers of a parameter, in the type that is exported.

        Raises:
            Unsupported: the input is not a parameter.
        """
        name = self._name(value)
        if name not in self._graph.params:
            raise Unsupported(f"{name!r} is computed, not stored; supported: a parameter")
        return self._graph.stored(name)

    def _shape(self, name: str) -> Tuple[Dim, ...]:
        shape = self._graph.shapes[name]
        if shape is None:
            example = example_inputs(self._graph) or "--input NAME=SHAPE"
            raise ShapeError(
                f"the shape of {name!r} follows from no layer of {self._graph.name}: state the "
                f"inputs, e.g. {example}, or, if only training reads it, choose an output before "
                "it: --output LAYER."
            )
        return shape

    def _axis(self, size: Dim) -> Tuple[str, int]:
        """The network's input that has an axis of this size, and the axis.

        Raises:
            Unsupported: there is none.
        """
        if size is None:
            raise Unsupported(
                "has a size that follows from no layer; supported: one that does, or is stated"
            )
        for value in self._graph.inputs:
            if value.shape and size in value.shape:
                return value.name, value.shape.index(size)
        raise Unsupported(f"size {size!r} is that of no input; supported: a fixed size")
