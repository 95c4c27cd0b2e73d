"""Repeating along axes."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from ..shape import Dim, Dims, Shape, product
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, Written, operator
from .shaping import one_axis


def times(size: Dim, factor: int) -> Dim:
    """A size `factor` times as large."""
    return product((size, factor))


@operator("tile")
class Tile(Written):
    """(*) -> (*') repeated as a whole along its last axes, new ones before them if need be.

    Source: src/operator/tensor/matrix_op-inl.h, TileOpShape.
    """

    reps: Ints

    text = "{0}.tile({self.reps})"
    allowed = (("reps", lambda reps: all(r > 0 for r in reps), "each at least 1"),)

    def _padded(self, data: Dims) -> Tuple[int, Ints]:
        """How many new axes, and the repeats along all axes."""
        new = max(0, len(self.reps) - len(data))
        return new, (*(1,) * (len(data) - len(self.reps)), *self.reps)

    def infer(self, data: Dims) -> Shape:
        new, reps = self._padded(data)
        return tuple(map(times, (*(1,) * new, *data), reps))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        new, reps = self._padded(g.shape(data))
        widened = g.op("Unsqueeze", data, g.ints(tuple(range(new)))) if new else data
        return g.op("Tile", widened, g.ints(reps))


@operator("repeat")
class Repeat(Operator):
    """Each element `repeats` times along an axis, or of the flat data where that is None.

    Source: src/operator/tensor/matrix_op-inl.h, RepeatOpShape.
    """

    repeats: int
    axis: Optional[int] = None

    allowed = (("repeats", lambda repeats: repeats > 0, "at least 1"),)

    def infer(self, data: Dims) -> Shape:
        if self.axis is None:
            return (times(product(data), self.repeats),)
        axis = one_axis(self.axis, data)
        return tuple(times(d, self.repeats if a == axis else 1) for a, d in enumerate(data))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self.axis is None:
            column = g.op("Reshape", data, g.ints((-1, 1)))
            wide = g.op("Tile", column, g.ints((1, self.repeats)))
            return g.op("Reshape", wide, g.ints((-1,)))
        shape = g.shape(data)
        axis = one_axis(self.axis, shape)
        factors = [self.repeats if a == axis else 1 for a in range(len(shape))]
        apart = g.op("Unsqueeze", data, g.ints((axis + 1,)))
        wide = g.op("Tile", apart, g.ints((*(1,) * (axis + 1), *factors[axis:])))
        return g.op("Reshape", wide, g.op("Mul", g.op("Shape", data), g.ints(tuple(factors))))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axis = "" if self.axis is None else f", {self.axis}"
        return f"{data}.repeat_interleave({self.repeats}{axis})"
