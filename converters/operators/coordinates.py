"""Picking and placing elements by their coordinates."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .attributes import Ints
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr, count_to, size_of, stack
from .indexing import onnx_index, torch_index
from .registry import (
    Limits,
    OnnxBuilder,
    Operator,
    TorchBuilder,
    Unsupported,
    Written,
    operator,
    places,
    rows,
)
from .shaping import one_axis


def _depth(indices: Dims, data: Dims) -> int:
    """How many axes the indices (axes, *) are of."""
    depth = indices[0] if indices else None
    if not isinstance(depth, int):
        raise Unsupported(
            f"indices of shape {show(indices)}: the first size says how many axes they are of; "
            "supported: a fixed one: --input"
        )
    if len(indices) < 2 or depth > len(data):
        raise ShapeError(f"indices of shape {show(indices)} do not fit {show(data)}")
    return depth


def _last(g: OnnxBuilder, indices: Any) -> Any:
    """(axes, *) -> int64 (*, axes), as ONNX has coordinates."""
    rank = len(g.shape(indices))
    return onnx_index(g, indices).transpose(*range(1, rank), 0).value


class ByIndex(Written):
    """An operator whose second input is an index."""

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        data, index, *more = inputs
        return super().to_pytorch(m, data, torch_index(m, index), *more)


@operator("gather_nd")
class GatherNd(ByIndex):
    """data, indices (M, *) -> (*, data's axes behind M); -1 is the last.

    Source: src/operator/tensor/indexing_op.h, gather_nd.
    """

    text = "{0}[tuple({1})]"

    def infer(self, data: Dims, indices: Dims) -> Shape:
        depth = _depth(indices, data)
        return (*indices[1:], *data[depth:])

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        data, indices = (shapes or (None, None))[:2]
        if data is None or indices is None:
            return {"indices": Limits(0, 0)}
        sizes = [d if isinstance(d, int) else 1 for d in data[: _depth(indices, data)]]
        return {"indices": rows(sizes, len(indices))}

    def to_onnx(self, g: OnnxBuilder, data: Any, indices: Any) -> Any:
        return g.op("GatherND", data, _last(g, indices))


@operator("scatter_nd")
class ScatterNd(ByIndex):
    """data (*, rest), indices (M, *) -> zeros of a shape with the data at these places.

    Source: src/operator/tensor/indexing_op.h, scatter_nd. Of two for one place, either may win.
    """

    shape: Ints

    text = "{0}.new_zeros({self.shape}).index_put(tuple({1}), {0})"

    def infer(self, data: Dims, indices: Dims) -> Shape:
        depth = _depth(indices, self.shape)
        takes("data", data, (*indices[1:], *self.shape[depth:]))
        return self.shape

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        indices = shapes[1] if shapes else None
        if indices is None:
            return {"indices": Limits(0, 0)}
        return {"indices": rows(self.shape[: _depth(indices, self.shape)], len(indices))}

    def to_onnx(self, g: OnnxBuilder, data: Any, indices: Any) -> Any:
        zeros = g.op("Expand", g.scalar(0, data), g.ints(self.shape))
        return g.op("ScatterND", zeros, _last(g, indices), data)


@operator("_contrib_index_copy")
class IndexCopy(ByIndex):
    """old with new's rows in place of those that index names.  Source: contrib/index_copy-inl.h."""

    text = "{0}.index_copy(0, {1}, {2})"

    def infer(self, old_tensor: Dims, index_vector: Dims, new_tensor: Dims) -> Shape:
        return old_tensor

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"index_vector": places(shapes, 0, 0)}

    def to_onnx(self, g: OnnxBuilder, old_tensor: Any, index_vector: Any, new_tensor: Any) -> Any:
        column = onnx_index(g, index_vector).unsqueeze(1).value
        return g.op("ScatterND", old_tensor, column, new_tensor)


@operator("_contrib_boolean_mask")
class BooleanMask(Operator):
    """Those parts of data along the axis whose index is not 0: as many as there are.

    Source: src/operator/contrib/boolean_mask.cc.
    """

    axis: int = 0

    def infer(self, data: Dims, index: Dims) -> Shape:
        axis = one_axis(self.axis, data)
        return (*data[:axis], None, *data[axis + 1 :])

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"index": Limits(0, 1, optional=True)}

    def to_onnx(self, g: OnnxBuilder, data: Any, index: Any) -> Any:
        return g.op(
            "Compress", data, g.cast(index, "bool"), axis=one_axis(self.axis, g.shape(data))
        )

    def to_pytorch(self, m: TorchBuilder, data: str, index: str) -> str:
        axis = one_axis(self.axis, m.shape(data))
        return f"{data}[{':, ' * axis}{index} != 0]"


@operator("_contrib_index_array")
class IndexArray(Operator):
    """(*) -> (*, axes), int64: each place's own indices.  Source: contrib/index_array-inl.h."""

    axes: Optional[Ints] = None

    dtype = "int64"

    def _axes(self, data: Dims) -> Ints:
        if self.axes is None:
            return tuple(range(len(data)))
        return tuple(one_axis(a, data) for a in self.axes)

    def infer(self, data: Dims) -> Shape:
        return (*data, len(self._axes(data)))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank, shape, parts = len(g.shape(data)), OnnxExpr(g, data).shape(), []
        for axis in self._axes(g.shape(data)):
            along = count_to(size_of(g, data, axis))
            others = [a for a in range(rank) if a != axis]
            along = along.unsqueeze(*others) if others else along
            parts.append(along.op("Expand", shape))
        return stack(parts, -1).value

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = self._axes(m.shape(data))
        grid = f"torch.ones({data}.shape, device={data}.device).nonzero()"
        chosen = "" if axes == tuple(range(len(m.shape(data)))) else f"[:, {axes}]"
        return f"{grid}{chosen}.reshape(*{data}.shape, {len(axes)})"
