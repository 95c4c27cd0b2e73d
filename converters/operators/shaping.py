"""Joining, repeating and reordering along axes."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, merge_shapes, same, show
from .attributes import Ints
from .reduction import normalise_axes
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, Written, operator


def one_axis(axis: int, data: Shape) -> int:
    """-1 -> the last of `data`'s axes.

    Raises:
        ShapeError: an axis that `data` does not have.
    """
    assert data is not None
    return normalise_axes((axis,), data)[0]


def total(sizes: Sequence[Dim]) -> Dim:
    """The sum of sizes, where each of them is known."""
    known = [size for size in sizes if isinstance(size, int)]
    return sum(known) if len(known) == len(sizes) else sizes[0] if len(sizes) == 1 else None


@operator("Concat", ignores=("num_args",))
class Concat(Operator):
    """Equal shapes but for one axis -> joined along it.  Source: src/operator/nn/concat.cc."""

    dim: int = 1

    def infer(self, *data: Dims) -> Dims:
        axis = one_axis(self.dim, data[0])
        if len({len(shape) for shape in data}) > 1:
            raise ShapeError(f"cannot join {' and '.join(map(show, data))}")
        outer = merge_shapes(*((*shape[:axis], None, *shape[axis + 1 :]) for shape in data))
        return (*outer[:axis], total([shape[axis] for shape in data]), *outer[axis + 1 :])

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        return g.op("Concat", *data, axis=self.dim)

    def to_pytorch(self, m: TorchBuilder, *data: str) -> str:
        return f"torch.cat([{', '.join(data)}], {self.dim})"


@operator("stack", ignores=("num_args",))
class Stack(Operator):
    """Equal shapes -> joined along a new axis.  Source: matrix_op-inl.h, StackOpShape."""

    axis: int = 0

    def infer(self, *data: Dims) -> Dims:
        one = merge_shapes(*data)
        axis = one_axis(self.axis, (*one, 1))
        return (*one[:axis], len(data), *one[axis:])

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        axis = g.ints((self.axis,))
        return g.op("Concat", *(g.op("Unsqueeze", d, axis) for d in data), axis=self.axis)

    def to_pytorch(self, m: TorchBuilder, *data: str) -> str:
        return f"torch.stack([{', '.join(data)}], {self.axis})"


@operator("squeeze")
class Squeeze(Operator):
    """(*) -> (*') without the axes of size 1; at least one axis stays.

    Source: src/operator/tensor/matrix_op-inl.h, SqueezeShape.
    """

    axis: Optional[Ints] = None  # None: every axis of size 1

    def _axes(self, data: Dims) -> Ints:
        if self.axis is None and not all(isinstance(d, int) for d in data):
            raise Unsupported(
                f"squeeze of every axis of size 1 in {show(data)}: which they are depends on the "
                "input; supported: an axis, or a fixed input shape: --input"
            )
        axes = tuple(a for a, d in enumerate(data) if d == 1)
        if self.axis is not None:
            axes = normalise_axes(self.axis, data)
        return axes[1:] if len(axes) == len(data) else axes

    def infer(self, data: Dims) -> Shape:
        axes = self._axes(data)
        for axis in axes:
            if not same(data[axis], 1):
                raise ShapeError(f"axis {axis} of {show(data)} is not 1")
        return tuple(d for a, d in enumerate(data) if a not in axes)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        axes = self._axes(g.shape(data))
        return g.op("Squeeze", data, g.ints(axes)) if axes else data

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = self._axes(m.shape(data))
        return f"{data}.squeeze({axes[0] if len(axes) == 1 else axes})" if axes else data


@operator("expand_dims")
class ExpandDims(Written):
    """(*) -> (*') with a new axis of size 1.  Source: matrix_op-inl.h, ExpandDimShape."""

    axis: int

    text = "{0}.unsqueeze({self.axis})"

    def infer(self, data: Dims) -> Shape:
        axis = one_axis(self.axis, (*data, 1))
        return (*data[:axis], 1, *data[axis:])

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Unsqueeze", data, g.ints((self.axis,)))


class _Ordering(Operator):
    """The same numbers with the axes in another order."""

    def _order(self, data: Dims) -> Ints:
        raise NotImplementedError

    def infer(self, data: Dims) -> Shape:
        return tuple(data[a] for a in self._order(data))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Transpose", data, perm=self._order(g.shape(data)))


@operator("transpose")
class Transpose(_Ordering):
    """(*) -> its axes in another order, reversed by default.  Source: matrix_op-inl.h."""

    axes: Ints = ()

    def _order(self, data: Dims) -> Ints:
        order = self.axes or tuple(reversed(range(len(data))))
        if sorted(order) != list(range(len(data))):
            raise ShapeError(f"axes={self.axes} is no order of the axes of {show(data)}")
        return order

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{data}.permute{self._order(m.shape(data))}"


@operator("SwapAxis")
class SwapAxis(Written, _Ordering):
    """(*) -> (*') with two axes exchanged.  Source: src/operator/swapaxis-inl.h."""

    dim1: int = 0
    dim2: int = 0

    text = "{0}.transpose({self.dim1}, {self.dim2})"

    def _order(self, data: Dims) -> Ints:
        order = list(range(len(data)))
        a, b = one_axis(self.dim1, data), one_axis(self.dim2, data)
        order[a], order[b] = order[b], order[a]
        return tuple(order)
