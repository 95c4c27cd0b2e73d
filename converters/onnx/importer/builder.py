"""A symbol under construction: what the declarations in this folder build with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy as np

from ... import operators as ops
from ...errors import ShapeError
from ...ir.arrays import TYPE_FLAGS
from ...ir.names import unused
from ...ir.shapes import Dim, Shape, may_equal, show
from ...mxnet_format.symbol import VARIABLE, Entry, SymbolNode
from ...operators import Unsupported
from .values import Array, Constant, Operand, SymbolicSize, Tensor, Value, computed, is_stored

#: Operators of MXNet that only move numbers: the result stands for what the first input does.
MOVES = {"Flatten", "Reshape", "SliceChannel", "_copy", "_split_v2", "broadcast_like"}
MOVES |= {"broadcast_to", "expand_dims", "reshape_like", "reverse", "slice", "slice_axis"}
MOVES |= {"slice_like", "squeeze", "take", "tile", "transpose"}


def text(value: Any) -> str:
    """An attribute as MXNet writes it."""
    return repr(value) if isinstance(value, float) else str(value)


class SymbolBuilder:
    """Appends nodes of MXNet; knows shapes and element types by the converters' declarations."""

    def __init__(self) -> None:
        self.nodes: List[SymbolNode] = []
        self.arrays: Dict[str, Array] = {}
        self.layer = ""  # the first output of the ONNX node that is being translated
        self._double = False  # is an input float64?
        self._names: Set[str] = set()  # of all nodes
        #: By the arrays' ids, which no other array gets as long as the array is kept.
        self._variables: Dict[Tuple[int, bool], Tuple[Array, Tensor]] = {}
        self._places: Dict[str, Tuple[Tensor, int]] = {}
        self._products: Dict[str, SymbolicSize] = {}
        self._made: List[Tensor] = []
        self.shape_arrays: Dict[Entry, Tensor] = {}

    def node(self, op: str, *inputs: Optional[Value], **options: Any) -> Tensor:
        """Append a node with one output, with the options of `several`."""
        return self.several(op, *inputs, **options)[0]

    def several(
        self,
        op: str,
        *inputs: Optional[Value],
        out: Shape = None,
        truth: bool = False,
        **attributes: Any,
    ) -> List[Tensor]:
        """Append a node; all its outputs. Inputs and attributes that are None are left out.

        Args:
            out: each output's shape, where more is known than MXNet's operator tells. Only this,
                and operators that preserve their input's shape, tell () from (1,).
            truth: the outputs stand for ONNX's bool, as the result of moving one does anyway.
        """
        given = [self.tensor(value) for value in inputs if value is not None]
        attrs = {k: text(v) for k, v in attributes.items() if v is not None}
        operator = ops.parse(op, attrs)
        if out is None and operator.shape_preserving and given:
            out = given[0].shape
        try:
            shapes: Any = operator.infer(*(t.shape or (1,) for t in given))
        except ShapeError as error:
            raise Unsupported(f"as MXNet's {op}: {error}") from None
        types: Any = operator.infer_type(*(t.dtype for t in given))
        types = types if isinstance(types, list) else [types]
        shapes = shapes if isinstance(shapes, list) else [shapes]
        if out is not None and not all(may_equal(out or (1,), s) for s in shapes):
            raise Unsupported(f"ONNX makes {show(out)}, MXNet's {op} {show(shapes[0])}")
        truth = truth or (op in MOVES and given[0].truth)
        name = self.unique(f"{self.layer}/{op.strip('_')}")
        self.nodes.append(SymbolNode(op, name, tuple(t.entry for t in given), attrs))
        number = len(self.nodes) - 1
        return [
            self._tensor((number, k), s if out is None else out, t or "float32", truth)
            for k, (s, t) in enumerate(zip(shapes, types))
        ]

    def copy(self, value: Value) -> Tensor:
        """A node of its own for a value that is handed on."""
        return self.node("_copy", value)

    def _tensor(self, entry: Entry, shape: Shape, dtype: str, truth: bool = False) -> Tensor:
        if shape is None:
            raise Unsupported("not even the number of its dimensions is known")
        base = self.nodes[entry[0]].name
        named = tuple(f"{base}:{axis}" if d is None else d for axis, d in enumerate(shape))
        made = Tensor(entry, named, dtype, truth)
        self._made.append(made)
        for axis, dim in enumerate(named):
            if isinstance(dim, str):
                self._places.setdefault(dim, (made, axis))
        return made

    def unique(self, base: str) -> str:
        """A name that no node has yet."""
        name = unused(base, self._names)
        self._names.add(name)
        return name

    def give_name(self, number: int, name: str) -> None:
        """Call a node so; a layer that is called so gets another name, a variable keeps it."""
        held = (
            [k for k, n in enumerate(self.nodes) if n.name == name] if name in self._names else ()
        )
        for holder in held:
            if self.nodes[holder].is_variable:
                return
            other = self.unique(f"{name}/number")
            self.nodes[holder] = replace(self.nodes[holder], name=other)
        self._names.add(name)
        self.nodes[number] = replace(self.nodes[number], name=name)

    def input(self, name: str, shape: Tuple[Dim, ...], dtype: str) -> Tensor:
        """A variable that the user feeds; bool is MXNet's, whose operators take it for a number."""
        attrs = {}
        self._double = self._double or dtype == "float64"
        if dtype != "float32":
            attrs["__dtype__"] = str(TYPE_FLAGS.index(dtype))
        self.nodes.append(SymbolNode(VARIABLE, self.unique(name), (), attrs))
        return self._tensor((len(self.nodes) - 1, 0), shape, dtype, dtype == "bool")

    def tensor(self, value: Value) -> Tensor:
        """Any value as an output of a node: known numbers become a stored array."""
        if isinstance(value, Tensor):
            return value
        if value.symbolic:
            return computed(self, value)
        rounded = value.exact is not None or value.array.dtype == np.float64
        if rounded and value.number is not None:  # a stored array has the network's precision
            shape, dtype = value.array.shape, str(value.array.dtype)
            constant = {"value": value.number, "dtype": dtype, "shape": shape or (1,)}
            return self.node("_full", out=shape, **constant)
        if value.exact is not None:
            full = self._variable(Constant(value.exact, value.name), auxiliary=False)
            return self.node("Cast", full, dtype=str(value.array.dtype))
        stored = self._variable(value, auxiliary=False)
        if stored.dtype == "float64" and not self._double:
            # A network of another type may be run with all that is stored in that type.
            return self.node("Cast", stored, dtype="float64")
        return stored

    def auxiliary(self, value: Value) -> Tensor:
        """An auxiliary state; these are variables of their own."""
        if not is_stored(value):
            raise Unsupported("a moving mean or variance is computed; supported: a stored one")
        return self._variable(value, auxiliary=True)

    def _variable(self, value: Constant, auxiliary: bool) -> Tensor:
        key = (id(value.array), auxiliary)
        if key not in self._variables:
            truth = value.array.dtype == bool
            array = value.array.astype(np.float32) if truth else value.array
            if str(array.dtype) not in TYPE_FLAGS:
                raise Unsupported(
                    f"a constant of {array.dtype}; supported: {', '.join(TYPE_FLAGS)}"
                )
            name = self.unique(value.name)
            stored = np.ascontiguousarray(array.reshape(array.shape or (1,)))
            self.arrays[f"{'aux' if auxiliary else 'arg'}:{name}"] = stored
            self.nodes.append(SymbolNode(VARIABLE, name))
            entry = (len(self.nodes) - 1, 0)
            made = Tensor(entry, array.shape, str(array.dtype), truth)
            self._variables[key] = value.array, made
        return self._variables[key][1]

    def numbers(self, value: Optional[Value], what: str) -> Tuple[Operand, ...]:
        """Whole numbers and free sizes, if they are known.

        Raises:
            Unsupported: MXNet itself would have to compute `what`.
        """
        if not isinstance(value, Constant):
            raise Unsupported(f"{what} are computed from numbers; supported: known ones, or sizes")
        return tuple(
            item if isinstance(item, SymbolicSize) else int(item)
            for item in value.array.ravel().tolist()
        )

    def ints(self, value: Optional[Value], what: str) -> Tuple[int, ...]:
        """Whole numbers, if they are known.

        Raises:
            Unsupported: they are not, or depend on free sizes.
        """
        numbers = self.numbers(value, what)
        for free in (number for number in numbers if isinstance(number, SymbolicSize)):
            raise Unsupported(
                f"{what} depend on the input's size ({free}); supported: known ones. Give the "
                "input a fixed size: --input"
            )
        return tuple(number for number in numbers if isinstance(number, int))

    def dim(self, size: Operand) -> Dim:
        """A size as an entry of a shape."""
        if isinstance(size, SymbolicSize):
            self._products[str(size)] = size
            return str(size)
        return size

    def size(self, dim: Dim) -> Operand:
        """An entry of a shape as a size to compute with."""
        if isinstance(dim, int):
            return dim
        return self._products.get(str(dim), SymbolicSize(1, (str(dim),)))

    def place(self, size: Operand) -> Optional[Tuple[Tensor, int]]:
        """A tensor that has an axis of this size, and which axis."""
        return self._places.get(str(size)) if isinstance(size, SymbolicSize) else None

    def neighbours(self, dims: Tuple[Dim, ...]) -> Optional[Tuple[Tensor, int]]:
        """A tensor that has axes of these sizes side by side, and the first of them."""
        for tensor in reversed(self._made):
            for first in range(len(tensor.shape) - len(dims) + 1):
                if tensor.shape[first : first + len(dims)] == dims:
                    return tensor, first
        return None
