"""The numbers that each input of a network may hold, derived from the layers that read it.

A length is at most the steps of a sequence, and a position lies inside an array. The operators that
read such numbers declare their limits (`Operator.index_limits`). From there a walk against the
direction of the network takes the limits back to its inputs: through layers that move numbers they
stay, and arithmetic is undone. Where two limits meet, both hold.

A limit may be narrower than necessary (half of the room for each of two terms), never wider: MXNet
reads and writes outside its arrays where a position does not fit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import numpy as np

from ..operators.registry import Limits, Operator
from .ranges import Range, combined, inverse, plain
from .shapes import Shape

if TYPE_CHECKING:
    from .graph import Graph, Node

#: Operators whose result holds numbers of their first input, unchanged or rounded.
MOVES = {
    *("Cast", "amp_cast", "cast_storage", "_copy", "BlockGrad", "make_loss", "MakeLoss"),
    *("_contrib_gradientmultiplier", "_identity_with_attr_like_rhs", "Dropout"),
    *("Reshape", "reshape_like", "Flatten", "expand_dims", "squeeze", "transpose", "SwapAxis"),
    *("slice", "slice_axis", "slice_like", "SliceChannel", "_split_v2", "reverse", "repeat"),
    *("tile", "broadcast_axis", "broadcast_to", "broadcast_like", "depth_to_space"),
    *("space_to_depth", "floor", "ceil", "round", "rint", "fix", "trunc", "abs", "relu", "clip"),
    *("max", "min", "mean", "take", "pick", "batch_take", "gather_nd", "_mod_scalar"),
    *("_maximum_scalar", "_minimum_scalar", "SequenceMask", "SequenceReverse", "SequenceLast"),
}
#: Those whose result holds numbers of any of their inputs.
JOINS = {"Concat", "stack", "_maximum", "_minimum", "broadcast_maximum", "broadcast_minimum"}
#: Operators that read the shape of an input only, and no number in it.
SHAPES = {"shape_array", "size_array", "_contrib_arange_like", "zeros_like", "ones_like"}
#: Of two inputs, or an input and a number: what is computed.
ARITHMETIC = {
    **{f"{kind}_{name}": name for kind in ("elemwise", "broadcast") for name in ("add", "mul")},
    **{f"{kind}_{name}": name for kind in ("elemwise", "broadcast") for name in ("sub", "div")},
    **{"_plus_scalar": "add", "_minus_scalar": "sub", "_mul_scalar": "mul", "_div_scalar": "div"},
    "_rminus_scalar": "sub",
}
FILLED = {"_full", "_ones", "_zeros", "_zeros_without_dtype", "ones_like", "zeros_like"}
#: In names of operators whose results are 0 or 1.
TRUTHS = ("equal", "greater", "lesser", "logical")


def input_limits(graph: Graph, shapes: Mapping[str, Shape]) -> Dict[str, Limits]:
    """Inputs of the network that count or choose -> the numbers that may be drawn for them.

    Args:
        shapes: of the network's inputs, in numbers.
    """
    return _Walk(graph, graph.infer_shapes(shapes)).found()


class _Walk:
    def __init__(self, graph: Graph, shapes: Mapping[str, Shape]) -> None:
        self.graph, self.shapes = graph, shapes
        self.limits: Dict[str, Limits] = {}
        #: Values that some layer takes for numbers of any size.
        self.free: Set[str] = set()
        #: Values that no input changes -> their least and largest number.
        self.known: Dict[str, Range] = {}
        for node in graph.nodes:
            found = self._counted(node)
            if found is not None:
                self.known.update(dict.fromkeys(node.outputs, found))

    def found(self) -> Dict[str, Limits]:
        for node in reversed(self.graph.nodes):
            operator = self.graph.operators[node.name]
            given = [self.shapes.get(name or "") for name in node.inputs]
            declared = operator.index_limits(*given)
            read = zip(operator.input_names() if declared else (), node.inputs)
            stated = [(name, declared[role]) for role, name in read if role in declared]
            stated += self._compared(node)
            passed = [
                pair
                for output in node.outputs
                if output in self.limits
                for pair in self._before(node, operator, self.limits[output])
            ]
            for name, limits in (*stated, *passed):
                self._state(name, limits)
            if node.op not in SHAPES:
                bound = stated if self.free.intersection(node.outputs) else stated + passed
                self.free.update(set(filter(None, node.inputs)).difference(n for n, _ in bound))
        names = [v.name for v in self.graph.inputs]
        found = {name: self.limits[name] for name in names if name in self.limits}
        return {n: lim for n, lim in found.items() if not (lim.optional and n in self.free)}

    def _state(self, name: Optional[str], limits: Limits) -> None:
        """One more limit for a value, beside those that it has."""
        if name is None:
            return
        low, high, optional, _ = limits
        if name in self.limits:
            other = self.limits[name]
            try:
                low, high = np.maximum(low, other.low), np.minimum(high, other.high)
            except ValueError:  # rows of different layouts
                low = max(np.max(low), np.max(other.low))
                high = min(np.min(high), np.min(other.high))
            optional = optional and other.optional
        self.limits[name] = Limits(low, np.maximum(low, high), optional)

    def _counted(self, node: Node) -> Optional[Range]:
        """The range of a result that no input of the network changes, or of a truth."""
        operator: Any = self.graph.operators[node.name]
        if any(word in node.op for word in TRUTHS):
            return 0, 1
        if hasattr(operator, "step") and hasattr(operator, "repeat"):
            steps = (self._size(node.outputs[0]) - 1) // operator.repeat
            ends = operator.start, operator.start + operator.step * steps
            return min(ends), max(ends)
        if node.op in FILLED:
            return operator.value, operator.value
        given = [self.known.get(name or "") for name in node.inputs]
        if node.op in MOVES | JOINS:
            kept = given if node.op in JOINS else given[:1]
            ranges = [r for r in kept if r is not None]
            if not ranges or len(ranges) < len(kept):
                return None
            return min(r[0] for r in ranges), max(r[1] for r in ranges)
        if node.op in ARITHMETIC:
            a, b = self._operands(node, operator)
            return combined(ARITHMETIC[node.op], a, b) if a and b else None
        return None

    def _operands(self, node: Node, operator: Any) -> List[Optional[Range]]:
        """What is known of the two that a layer computes with."""
        read = [self.known.get(name or "") for name in node.inputs]
        if len(read) == 1:
            number = float(operator.scalar)
            read.append((number, number))
            return read[::-1] if operator.swapped else read
        return read

    def _compared(self, node: Node) -> Iterator[Tuple[Optional[str], Limits]]:
        """What is compared with a count is one: all outcomes are possible up to one beyond it."""
        if len(node.inputs) == 2 and any(word in node.op for word in TRUTHS[:3]):
            for name, other in zip(node.inputs, node.inputs[::-1]):
                count = self.known.get(other or "")
                if name not in self.known and count and count[0] < count[1]:
                    yield name, Limits(count[0], count[1] + 1, optional=True)

    def _before(
        self, node: Node, operator: Operator, limits: Limits
    ) -> Iterator[Tuple[Optional[str], Limits]]:
        """Limits of a result -> those of what it is made of."""
        low, high, optional, _ = limits
        if node.op in ("Concat", "stack") and np.ndim(high):
            yield from self._parts(node, operator, limits)
        elif node.op in ("sum", "add_n"):
            count = len(node.inputs)
            if node.op == "sum":
                before, after = (self._size(name) for name in (node.inputs[0], node.outputs[0]))
                count = max(1, before // max(1, after))
            for name in node.inputs:
                yield name, Limits(np.max(low) / count, np.min(high) / count, optional)
        elif node.op == "where":
            yield from ((name, plain(limits)) for name in node.inputs[1:])
        elif node.op in MOVES | JOINS:
            same = operator.shape_preserving and node.op not in ("SequenceReverse", "reverse")
            kept = limits if same else plain(limits)
            yield from ((n, kept) for n in (node.inputs if node.op in JOINS else node.inputs[:1]))
        elif node.op in ARITHMETIC:
            yield from self._undone(node, operator, limits)

    def _undone(
        self, node: Node, operator: Any, limits: Limits
    ) -> Iterator[Tuple[Optional[str], Limits]]:
        """Limits of a sum, a difference, … -> those of its terms."""
        kind, operands = ARITHMETIC[node.op], self._operands(node, operator)
        names = list(node.inputs)
        if len(names) == 1:
            names.insert(0 if operator.swapped else 1, None)
        stored = [self._stored(name) if r is None else r for name, r in zip(names, operands)]
        if len(node.inputs) == 2:  # which may be broadcast
            limits = plain(limits)
        for place, name in enumerate(names):
            if name is None or stored[place] is not None:
                continue
            found = inverse(kind, place, limits, stored[1 - place])
            if found is not None:
                yield name, found

    def _stored(self, name: Optional[str]) -> Optional[Range]:
        array = self.graph.params.get(name or "")
        return None if array is None or not array.size else (float(array.min()), float(array.max()))

    def _size(self, name: Optional[str]) -> int:
        sizes = self.shapes.get(name or "") or ()
        return math.prod(d if isinstance(d, int) else 1 for d in sizes)

    def _parts(
        self, node: Node, operator: Any, limits: Limits
    ) -> Iterator[Tuple[Optional[str], Limits]]:
        """Limits by row of what is put together of rows."""
        low, high = (np.asarray(a) for a in limits[:2])
        stacked = node.op == "stack"
        axis = getattr(operator, "axis" if stacked else "dim")
        begun = 0
        for name in node.inputs:
            shape = self.shapes.get(name or "")
            size = 1 if stacked else (shape[0] if shape and isinstance(shape[0], int) else 0)
            if axis == 0 and high.ndim and len(high) > 1 and size:
                part = high[begun : begun + size]
                part = part[0] if stacked else part
                yield name, Limits(low, part, limits.optional)
                begun += size
            else:
                yield name, plain(limits)
