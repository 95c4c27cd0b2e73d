"""Reshaping axes to those of another array."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from ..errors import ShapeError
from ..shape import Dims, Shape, product, same, show
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


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
            spans = (
                (own, 0, left.start),
                (shape, right.start, right.stop),
                (own, left.stop, len(g.shape(lhs))),
            )
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
