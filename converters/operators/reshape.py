"""Reshape with all its codes, Flatten, and reshaping to the axes of another array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, product, quotient, same, show
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@operator("Flatten")
class Flatten(Operator):
    """(N, *) -> (N, product of the rest).  Source: src/operator/tensor/matrix_op.cc."""

    def infer(self, data: Dims) -> Shape:
        return (data[0], product(data[1:]))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Flatten", data, axis=1)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{data}.flatten(1)" if len(m.shape(data)) > 1 else f"{data}.unsqueeze(1)"


@dataclass(frozen=True)
class Target:
    """An output dimension: the product of input axes, divided by a number; or that number."""

    axes: Ints
    number: int = 1  # -1, without axes: the rest

    def size(self, data: Dims) -> Dim:
        whole = product([data[a] for a in self.axes])
        if not self.axes:
            return None if self.number == -1 else self.number
        if self.number == 1:
            return whole
        return whole // self.number if isinstance(whole, int) else None

    def onnx_code(self, position: int, data: Dims) -> Optional[int]:
        """As an entry of ONNX's constant shape, if it can be one."""
        size = self.size(data)
        if isinstance(size, int) or not self.axes:
            return size if isinstance(size, int) else -1
        return 0 if self == Target((position,)) else None

    def onnx_size(self, g: OnnxBuilder, shape: Any) -> Any:
        if not self.axes:
            return g.ints((self.number,))
        size = g.op("Gather", shape, g.ints(self.axes), axis=0)
        if len(self.axes) > 1:
            size = g.reduce("ReduceProd", size, (0,), True)
        return size if self.number == 1 else g.op("Div", size, g.ints((self.number,)))

    def torch_size(self, name: str, data: Dims) -> str:
        size = self.size(data)
        if isinstance(size, int) or not self.axes:
            return str(self.number if size is None else size)
        text = " * ".join(f"{name}.shape[{a}]" for a in self.axes)
        return text if self.number == 1 else f"{text} // {self.number}"


REST = Target((), -1)


@operator("Reshape")
class Reshape(Operator):
    """(*) -> (*') of equally many elements.  Source: matrix_op-inl.h, InferReshapeShape.

    Codes: 0 copies a dimension, -1 takes the rest, -2 copies all remaining, -3 merges two,
    -4 splits one into the two that follow; `reverse` matches them from the right. In the old
    form, 0 takes the rest and `keep_highest` copies the first dimension.
    """

    shape: Ints = ()
    reverse: bool = False
    target_shape: Ints = ()
    keep_highest: bool = False

    limits = "-1 behind -4 or -2 is refused: MXNet itself puts the rest into another dimension"

    def __post_init__(self) -> None:
        if self.shape:
            self._check_rest(list(reversed(self.shape) if self.reverse else self.shape))
            return
        if not self.target_shape:
            raise Unsupported("neither shape nor target_shape; supported: shape=(…)")
        codes = [d or -1 for d in self.target_shape]
        if self.keep_highest:
            codes[0] = 0
        object.__setattr__(self, "shape", tuple(codes))
        object.__setattr__(self, "reverse", False)

    def _check_rest(self, codes: List[int]) -> None:
        """MXNet takes the place of -1 among the codes for its place among the dimensions."""
        shifted = False
        while codes:
            code = codes.pop(0)
            if code == -1 and shifted:
                raise Unsupported(f"shape={self.shape}; supported: -1 before any -2 and -4")
            shifted = shifted or code in (-2, -4)
            del codes[: 2 if code == -4 else 0]  # its two parts

    def _targets(self, data: Dims) -> List[Target]:
        """Each output dimension in terms of the input's."""
        turn = -1 if self.reverse else 1
        axes, codes = list(range(len(data)))[::turn], list(self.shape)[::turn]
        targets: List[Target] = []
        try:
            while codes:
                self._take(codes, axes, targets, data)
        except IndexError:
            raise ShapeError(f"shape={self.shape} asks for more axes than {show(data)}") from None
        return targets[::turn]

    def _take(self, codes: List[int], axes: List[int], targets: List[Target], data: Dims) -> None:
        code = codes.pop(0)
        if code == 0:
            targets.append(Target((axes.pop(0),)))
        elif code == -2:
            targets += [Target((axis,)) for axis in axes]
            axes.clear()
        elif code == -3:
            targets.append(Target((axes.pop(0), axes.pop(0))))
        elif code == -4:
            axis, left, right = axes.pop(0), codes.pop(0), codes.pop(0)
            targets += _split(axis, data[axis], left, right)
        else:
            targets.append(Target((), code))
            del axes[:1]

    def infer(self, data: Dims) -> Shape:
        targets = self._targets(data)
        out = [target.size(data) for target in targets]
        if targets.count(REST) > 1:
            raise ShapeError(f"shape={self.shape}: only one dimension can be the rest (-1)")
        try:
            if REST in targets:
                others = [d for t, d in zip(targets, out) if t != REST]
                out[targets.index(REST)] = quotient(data, others)
            if not same(product(out), product(data)):
                raise ShapeError("another number of elements")
        except ShapeError:
            raise ShapeError(f"cannot make shape={self.shape} out of {show(data)}") from None
        return tuple(out)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        shape = g.shape(data)
        targets = self._targets(shape)
        found = [target.onnx_code(i, shape) for i, target in enumerate(targets)]
        codes = tuple(code for code in found if code is not None)
        if len(codes) == len(found) and codes.count(-1) <= 1:
            return g.op("Reshape", data, g.ints(codes))
        full = g.op("Shape", data)
        parts = [target.onnx_size(g, full) for target in targets]
        return g.op("Reshape", data, g.op("Concat", *parts, axis=0))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        shape = m.shape(data)
        sizes = (target.torch_size(data, shape) for target in self._targets(shape))
        return f"{data}.reshape({', '.join(sizes)})"


def _split(axis: int, size: Dim, left: int, right: int) -> List[Target]:
    if left == -1 and right == -1:
        raise ShapeError("Reshape -4: the two parts cannot both be -1")
    if isinstance(size, int):
        left = size // right if left == -1 else left
        right = size // left if right == -1 else right
        if left * right != size:
            raise ShapeError(f"Reshape -4: {left} x {right} is not {size}")
        return [Target((), left), Target((), right)]
    a = Target((), left) if left != -1 else Target((axis,), right)
    b = Target((), right) if right != -1 else Target((axis,), left)
    return [a, b]


@operator("reshape_like")
class ReshapeLike(Operator):
    """lhs's axes from lhs_begin to lhs_end become rhs's from rhs_begin to rhs_end.

    Source: src/operator/tensor/elemwise_unary_op_basic.cc, ReshapeLikeShapeCompute.
    """

    lhs_begin: Optional[int] = None
    lhs_end: Optional[int] = None
    rhs_begin: Optional[int] = None
    rhs_end: Optional[int] = None

    def _ranges(self, lhs: Dims, rhs: Dims) -> Tuple[range, range]:
        left = _range("lhs", lhs, self.lhs_begin, self.lhs_end)
        return left, _range("rhs", rhs, self.rhs_begin, self.rhs_end)

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        left, right = self._ranges(lhs, rhs)
        out = (*lhs[: left.start], *rhs[right.start : right.stop], *lhs[left.stop :])
        if not same(product(out), product(lhs)):
            raise ShapeError(f"cannot make {show(out)} out of {show(lhs)}")
        return out

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        left, right = self._ranges(g.shape(lhs), g.shape(rhs))
        shape = g.op("Shape", rhs)
        if len(right) < len(g.shape(rhs)) or len(left) < len(g.shape(lhs)):
            own = g.op("Shape", lhs)
            ends = (own, left.stop, len(g.shape(lhs)))
            spans = ((own, 0, left.start), (shape, right.start, right.stop), ends)
            parts = [g.op("Slice", v, g.ints((a,)), g.ints((b,))) for v, a, b in spans if a < b]
            shape = g.op("Concat", *parts, axis=0)
        return g.op("Reshape", lhs, shape)

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        left, right = self._ranges(m.shape(lhs), m.shape(rhs))
        if len(right) == len(m.shape(rhs)) and len(left) == len(m.shape(lhs)):
            return f"{lhs}.reshape({rhs}.shape)"
        parts = [f"*{lhs}.shape[:{left.start}]"] if left.start else []
        parts.append(f"*{rhs}.shape[{right.start}:{right.stop}]")
        if left.stop < len(m.shape(lhs)):
            parts.append(f"*{lhs}.shape[{left.stop}:]")
        return f"{lhs}.reshape({', '.join(parts)})"


def _range(side: str, shape: Dims, begin: Optional[int], end: Optional[int]) -> range:
    rank = len(shape)
    first = 0 if begin is None else begin % rank if begin < 0 else begin
    last = rank if end is None else end % rank if end < 0 else end
    if not 0 <= first < last <= rank:
        raise ShapeError(f"axes {side}_begin={begin} to {side}_end={end} are not in {show(shape)}")
    return range(first, last)
