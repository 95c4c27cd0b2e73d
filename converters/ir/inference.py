"""Shapes of all values of a network, from the shapes of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Mapping

from .. import operators as ops
from ..errors import ShapeError
from .shapes import DeferredDim, Shape, may_equal, misfit, resolve, show

if TYPE_CHECKING:
    from .graph import Graph, Node


def infer_shapes(graph: Graph, inputs: Mapping[str, Shape]) -> Dict[str, Shape]:
    """Shapes of all values for these shapes of the inputs.

    Raises:
        ShapeError: a layer cannot take what it is given, or a parameter has another shape
            than the symbol says.
        UnsupportedError: see `operators`.
    """
    found: Dict[str, Shape] = {}
    while True:  # until the layers have told all that they tell of the sizes left to them
        shapes = _infer_once(graph, inputs, found)
        left_open = [
            n for n, s in shapes.items() if any(isinstance(d, DeferredDim) for d in s or ())
        ]
        now = {name: _settled(shape) for name, shape in shapes.items()}
        if all(found.get(name) == now[name] for name in left_open):
            return now
        found = now


def _infer_once(
    graph: Graph, inputs: Mapping[str, Shape], found: Mapping[str, Shape]
) -> Dict[str, Shape]:
    """One walk through the layers; `found` is what the walk before it found."""
    shapes: Dict[str, Shape] = {k: tuple(v.shape) for k, v in graph.params.items()}
    shapes.update(inputs)
    for node in graph.nodes:
        operator = graph.operators.get(node.name)
        if operator is None:
            shapes.update(dict.fromkeys(node.outputs))
            continue
        given = [None if name is None else shapes[name] for name in node.inputs]
        _check_parameters(graph, node, operator, given)
        try:
            shapes.update(_infer(node, operator, given, found))
        except ops.Unsupported as problem:
            raise ops.unsupported(node, problem) from None
        except ShapeError as error:
            raise ShapeError(f"{node.op} {node.name!r} {error}.", error.misfit) from None
    return shapes


def _check_parameters(graph: Graph, node: Node, operator: ops.Operator, given: List[Shape]) -> None:
    expected = operator.parameter_shapes(given[0] if given else None)
    for role, name, shape in zip(operator.input_names(), node.inputs, given):
        if role in expected and not may_equal(expected[role], shape):
            stored = "; if none fits, symbol and parameters do not belong together"
            raise ShapeError(
                f"{node.op} {node.name!r}: its {role} {name!r} has shape {show(shape)}, the "
                f"symbol says {show(expected[role])} for data of shape {show(given[0])}. "
                f"State inputs of another shape{stored if name in graph.params else ''}.",
                misfit(expected[role], shape),
            )


def _infer(
    node: Node, operator: ops.Operator, given: List[Shape], found: Mapping[str, Shape]
) -> Dict[str, Shape]:
    """What reads an unknown shape has an unknown shape; the rest is the declaration's to say.

    Sizes that a layer without inputs leaves open are what `found` says, or `DeferredDim`.
    """
    if any(shape is None for name, shape in zip(node.inputs, given) if name is not None):
        return dict.fromkeys(node.outputs)
    result = operator.infer(*given)
    results = result if isinstance(result, list) else [result]
    shapes = dict(zip(node.outputs, results))
    if not node.inputs:
        shapes = {n: _opened(n, shape, found.get(n)) for n, shape in shapes.items()}
    return shapes


def _opened(name: str, shape: Shape, found: Shape) -> Shape:
    if shape is None or None not in shape:
        return shape
    known = (k if d is None else d for d, k in zip(shape, found or (None,) * len(shape)))
    return tuple(DeferredDim(f"{name}:{axis}") if d is None else d for axis, d in enumerate(known))


def _settled(shape: Shape) -> Shape:
    if shape is None:
        return None
    return tuple(None if isinstance(d, DeferredDim) else d for d in map(resolve, shape))
