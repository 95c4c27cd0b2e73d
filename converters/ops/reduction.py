"""Operators that take one or more axes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from ..errors import ShapeError
from ..shape import Shape, show
from .attributes import Ints
from .registry import Operator, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


def normalise_axes(axes: Ints, rank: int, data: Shape) -> Ints:
    """(-1,) -> (rank - 1,); sorted.

    Raises:
        ShapeError: an axis that `data` does not have.
    """
    for axis in axes:
        if not -rank <= axis < rank:
            raise ShapeError(f"axis {axis} is not in {show(data)}")
    return tuple(sorted(axis % rank for axis in axes))


@operator("mean")
@dataclass(frozen=True)
class Mean(Operator):
    """(*) -> (*') with the axes gone, or 1 with keepdims.

    No axis means all; all axes without keepdims leave shape (1,), not a scalar.
    Source: src/operator/tensor/broadcast_reduce_op.h, ReduceAxesParam.
    """

    axis: Optional[Ints] = None
    keepdims: bool = False
    exclude: bool = False  # reduce the other axes instead

    def _axes(self, data: Shape) -> Ints:
        assert data is not None
        axes = normalise_axes(self.axis or (), len(data), data)
        if not axes or self.exclude:
            return tuple(a for a in range(len(data)) if a not in axes)
        return axes

    def infer(self, data: Shape) -> Shape:
        assert data is not None
        axes = self._axes(data)
        if self.keepdims:
            return tuple(1 if a in axes else d for a, d in enumerate(data))
        return tuple(d for a, d in enumerate(data) if a not in axes) or (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        axes = self._axes(g.shape(data))
        to_scalar = len(axes) == len(g.shape(data)) and not self.keepdims
        out = g.reduce("ReduceMean", data, axes, self.keepdims)
        return g.op("Reshape", out, g.ints((1,))) if to_scalar else out

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = self._axes(m.shape(data))
        keep = ", keepdim=True" if self.keepdims else ""
        if len(axes) == len(m.shape(data)) and not self.keepdims:
            return f"{data}.mean().reshape(1)"
        return f"{data}.mean({axes[0] if len(axes) == 1 else axes}{keep})"
