"""Widening axes of size 1, repeating along axes, and how large something is."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, product, same, show
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, Written, operator
from .shaping import one_axis


def widened(data: Dims, sizes: Mapping[int, Dim]) -> Dims:
    """The shape with axes of size 1 (or of that size already) as large as `sizes` says.

    Raises:
        ShapeError: an axis of another size.
    """
    shape = list(data)
    for axis, want in sizes.items():
        have = data[axis]
        if isinstance(have, int) and have != 1 and not same(have, want):
            raise ShapeError(f"cannot make {want} of {have} in {show(data)}: only 1 can be widened")
        shape[axis] = have if isinstance(have, int) and have != 1 else want
    return tuple(shape)


def torch_widen(data: str, sizes: Mapping[int, Any], rank: int) -> str:
    """Axes -> numbers or expressions; PyTorch leaves the others where it is told -1."""
    return f"{data}.expand({', '.join(str(sizes.get(a, -1)) for a in range(rank))})"


class Widening(Operator):
    """Axes of size 1 that become as large as told."""

    def sizes(self, data: Dims) -> Dict[int, int]:
        """Axis -> what it becomes."""
        raise NotImplementedError

    def infer(self, data: Dims) -> Shape:
        return widened(data, self.sizes(data))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        """ONNX leaves the others as they are where it is told 1."""
        sizes = self.sizes(g.shape(data))
        shape = tuple(sizes.get(a, 1) for a in range(len(g.shape(data))))
        return g.op("Expand", data, g.ints(shape))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return torch_widen(data, self.sizes(m.shape(data)), len(m.shape(data)))


@operator("broadcast_axis")
class BroadcastAxis(Widening):
    """Axes of size 1 become as large as told.  Source: broadcast_reduce_op.h."""

    axis: Ints = ()
    size: Ints = ()

    def sizes(self, data: Dims) -> Dict[int, int]:
        if len(self.axis) != len(self.size) or not all(0 <= a < len(data) for a in self.axis):
            raise ShapeError(f"axis={self.axis}, size={self.size} do not fit {show(data)}")
        return dict(zip(self.axis, self.size))


@operator("broadcast_to")
class BroadcastTo(Widening):
    """Axes of size 1 become as large as `shape` says, where that is not 0.

    Source: src/operator/tensor/broadcast_reduce_op.h, BroadcastToShape.
    """

    shape: Ints = ()

    def sizes(self, data: Dims) -> Dict[int, int]:
        if len(data) != len(self.shape):
            raise ShapeError(f"shape={self.shape} has another number of axes than {show(data)}")
        return {a: s for a, s in enumerate(self.shape) if s}


@operator("broadcast_like")
class BroadcastLike(Operator):
    """lhs's axes of size 1 become as large as rhs's: all, or each of `lhs_axes` as one of rhs's.

    Source: src/operator/tensor/broadcast_reduce_op.h, BroadcastLikeShape.
    """

    lhs_axes: Optional[Ints] = None
    rhs_axes: Optional[Ints] = None

    def _pairs(self, lhs: Dims, rhs: Dims) -> Dict[int, int]:
        """Axis of lhs -> axis of rhs."""
        if self.lhs_axes is None or self.rhs_axes is None:
            if len(lhs) != len(rhs):
                raise ShapeError(f"{show(lhs)} and {show(rhs)} must have equally many axes")
            return {a: a for a in range(len(lhs))}
        if not self.lhs_axes or len(self.lhs_axes) != len(self.rhs_axes):
            raise ShapeError(f"lhs_axes={self.lhs_axes}, rhs_axes={self.rhs_axes} do not fit")
        pairs = zip(self.lhs_axes, self.rhs_axes)
        return {one_axis(a, lhs): one_axis(b, rhs) for a, b in pairs}

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return widened(lhs, {a: rhs[b] for a, b in self._pairs(lhs, rhs).items()})

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        pairs = self._pairs(g.shape(lhs), g.shape(rhs))
        shape = g.op("Shape", rhs)
        rank = len(g.shape(lhs))
        if list(pairs.items()) != [(a, a) for a in range(rank)] or rank != len(g.shape(rhs)):
            padded = g.op("Concat", shape, g.ints((1,)), axis=0)  # a 1 behind the rhs's sizes
            chosen = tuple(pairs.get(a, len(g.shape(rhs))) for a in range(rank))
            shape = g.op("Gather", padded, g.ints(chosen), axis=0)
        return g.op("Expand", lhs, shape)

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        if self.lhs_axes is None or self.rhs_axes is None:
            return f"{lhs}.expand({rhs}.shape)"
        pairs = self._pairs(m.shape(lhs), m.shape(rhs))
        sizes = {a: f"{rhs}.shape[{b}]" for a, b in pairs.items()}
        return torch_widen(lhs, sizes, len(m.shape(lhs)))


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
        return tuple(map(product, zip((*(1,) * new, *data), reps)))

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
            return (product((*data, self.repeats)),)
        axis = one_axis(self.axis, data)
        return (*data[:axis], product((data[axis], self.repeats)), *data[axis + 1 :])

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


@operator("shape_array")
class ShapeArray(Written):
    """(*) -> (number of axes,), int64: the sizes.  Source: elemwise_unary_op_basic.cc."""

    dtype = "int64"
    text = "torch.tensor({0}.shape, device={0}.device)"

    def infer(self, data: Dims) -> Shape:
        return (len(data),)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Shape", data)


@operator("size_array")
class SizeArray(Written):
    """(*) -> (1,), int64: the number of elements.  Source: elemwise_unary_op_basic.cc."""

    dtype = "int64"
    text = "torch.tensor([{0}.numel()], device={0}.device)"

    def infer(self, data: Dims) -> Shape:
        return (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Reshape", g.op("Size", data), g.ints((1,)))
