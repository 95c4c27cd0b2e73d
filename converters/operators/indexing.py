"""Picking elements by numbers that say where they are, and turning one such number into many.

MXNet's indices are numbers of any type, float32 mostly, which it truncates.
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Literal, Mapping, Optional, Tuple

import numpy as np

from ..ir.shapes import Dim, Dims, Shape, merge_shapes, with_axes
from .attributes import DType, Ints
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr, constant, formula, result, size_of
from .registry import Limits, OnnxBuilder, Operator, TorchBuilder, operator, places, rows
from .shaping import one_axis


def torch_index(m: TorchBuilder, index: str) -> str:
    return index if m.type(index) == "int64" else f"{index}.long()"


def onnx_index(g: OnnxBuilder, index: Any) -> OnnxExpr:
    """int64."""
    return formula(g, index, "int64")


def onnx_within(g: OnnxBuilder, index: Any, size: OnnxExpr, mode: str) -> OnnxExpr:
    """Indices of an axis of this size (int64 ()), those beyond it brought in."""
    given = onnx_index(g, index)
    if mode == "raise":
        return given
    return given % size if mode == "wrap" else given.op("Clip", 0, size - 1)


def torch_size(m: TorchBuilder, data: str, axis: int, less: int = 0) -> str:
    """The size of an axis, less a number: a number itself, or an expression."""
    size = m.shape(data)[axis]
    if isinstance(size, int):
        return str(size - less)
    return f"{data}.shape[{axis}] - {less}" if less else f"{data}.shape[{axis}]"


def torch_within(m: TorchBuilder, index: str, data: str, axis: int, mode: str) -> str:
    index = torch_index(m, index)
    if mode == "raise":
        return index
    if mode == "wrap":
        return f"{index} % {torch_size(m, data, axis)}"
    return f"{index}.clamp(0, {torch_size(m, data, axis, less=1)})"


@operator("take")
class Take(Operator):
    """a's axis becomes the axes of the indices.  Source: src/operator/tensor/indexing_op.h."""

    axis: int = 0
    mode: Literal["clip", "wrap", "raise"] = "clip"

    def infer(self, a: Dims, indices: Dims) -> Shape:
        axis = one_axis(self.axis, a)
        return (*a[:axis], *indices, *a[axis + 1 :])

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"indices": places(shapes, 0, self.axis)}

    def to_onnx(self, g: OnnxBuilder, a: Any, indices: Any) -> Any:
        axis = one_axis(self.axis, g.shape(a))
        within = onnx_within(g, indices, size_of(g, a, axis), self.mode)
        return g.op("Gather", a, within.value, axis=axis)

    def to_pytorch(self, m: TorchBuilder, a: str, indices: str) -> str:
        axis = one_axis(self.axis, m.shape(a))
        return f"{a}[{':, ' * axis}{torch_within(m, indices, a, axis, self.mode)}]"


@operator("Embedding", ignores=("sparse_grad",), parameters=("weight",))
class Embedding(Operator):
    """Numbers -> rows of the weight (input_dim, output_dim), those beyond it the first or last.

    Source: src/operator/tensor/indexing_op.h, EmbeddingOpForward.
    """

    input_dim: int
    output_dim: int
    dtype: DType = "float32"  # the weight's, where that is not known yet

    def infer(self, data: Dims, weight: Dims) -> Shape:
        return (*data, self.output_dim)

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        return types[1]

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        return {"weight": (self.input_dim, self.output_dim)}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"data": Limits(0, self.input_dim - 1)}

    def to_onnx(self, g: OnnxBuilder, data: Any, weight: Any) -> Any:
        within = onnx_within(g, data, constant(g, self.input_dim), "clip")
        return g.op("Gather", weight, within.value)

    def to_pytorch(self, m: TorchBuilder, data: str, weight: str) -> str:
        index = f"{torch_index(m, data)}.clamp(0, {self.input_dim - 1})"
        if not m.is_stored(weight) or "float" not in m.type(weight):
            return f"{weight}[{index}]"
        state = {"weight": m.array(weight)}
        return f"{m.module('nn.Embedding', self.input_dim, self.output_dim, state=state)}({index})"


@operator("one_hot")
class OneHot(Operator):
    """(*) -> (*, depth): on_value where the index says, also where none does: off_value.

    Source: src/operator/tensor/indexing_op.h, OneHotOpForward.
    """

    depth: int
    on_value: float = 1.0
    off_value: float = 0.0
    dtype: DType = "float32"

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"indices": Limits(0, self.depth - 1)}

    def infer(self, indices: Dims) -> Shape:
        return (*indices, self.depth)

    def to_onnx(self, g: OnnxBuilder, indices: Any) -> Any:
        column = onnx_index(g, indices).unsqueeze(-1)
        hot = column.equals(column.array(np.arange(self.depth)))
        if (self.on_value, self.off_value) == (1, 0):
            return result(hot)
        dtype = g.output_type()
        exact = dtype if dtype in ("float32", "float64", "int32", "int64", "uint8") else "float32"
        return result(hot.where(constant(g, self.on_value, exact), self.off_value))

    def to_pytorch(self, m: TorchBuilder, indices: str) -> str:
        counted = f"torch.arange({self.depth}, device={indices}.device)"
        hot = f"{torch_index(m, indices)}.unsqueeze(-1) == {counted}"
        dtype = m.dtype(self.dtype)
        if (self.on_value, self.off_value) == (1, 0):
            return f"({hot}).to({dtype})"
        values = (f"torch.tensor({v}, dtype={dtype})" for v in (self.on_value, self.off_value))
        return f"torch.where({hot}, {', '.join(values)})"


class Picking(Operator):
    """One element of each line along an axis."""

    axis: int
    keepdims: bool
    mode: str

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {self.input_names()[1]: places(shapes, 0, self.axis)}

    def to_onnx(self, g: OnnxBuilder, data: Any, index: Any) -> Any:
        rank, axis = len(g.shape(data)), one_axis(self.axis, g.shape(data))
        within = onnx_within(g, index, size_of(g, data, axis), self.mode)
        if len(g.shape(index)) < rank:
            within = within.unsqueeze(axis)
        picked = OnnxExpr(g, data).op("GatherElements", within, axis=axis)
        return (picked if self.keepdims or rank == 1 else picked.squeeze(axis)).value

    def to_pytorch(self, m: TorchBuilder, data: str, index: str) -> str:
        rank, axis = len(m.shape(data)), one_axis(self.axis, m.shape(data))
        within = torch_within(m, index, data, axis, self.mode)
        if len(m.shape(index)) < rank:
            within = f"({within})" if self.mode == "wrap" else within
            within = f"{within}.unsqueeze({axis})"
        picked = f"{data}.gather({axis}, {within})"
        return picked if self.keepdims or rank == 1 else f"{picked}.squeeze({axis})"


@operator("pick")
class Pick(Picking):
    """One element of each line along the axis.  Source: broadcast_reduce_op.h, PickOpForward."""

    axis: int = -1
    keepdims: bool = False
    mode: Literal["clip", "wrap"] = "clip"

    def infer(self, data: Dims, index: Dims) -> Shape:
        axis = one_axis(self.axis, data)
        kept = (*data[:axis], 1, *data[axis + 1 :])
        gone = (*data[:axis], *data[axis + 1 :]) or (1,)
        merge_shapes(index, kept if len(index) == len(data) else gone)
        return kept if self.keepdims else gone

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        """An index for each line."""
        if not data:
            return {}
        axis = one_axis(self.axis, data)
        return {"index": (*data[:axis], *data[axis + 1 :]) or (1,)}


@operator("batch_take")
class BatchTake(Picking):
    """(N, C), int32 (N,) -> (N,): one element of each row.  Source: indexing_op.h, batch_take."""

    axis, keepdims, mode = 1, False, "clip"
    input_types: ClassVar[Mapping[str, str]] = {"indices": "int32"}

    def infer(self, a: Dims, indices: Dims) -> Shape:
        return merge_shapes(with_axes(a, "(N, C)")[:1], indices)

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        return {"indices": data[:1]} if data else {}


@operator("_unravel_index")
class UnravelIndex(Operator):
    """Flat indices (N,) -> indices of each axis (axes, N).  Source: src/operator/tensor/ravel.h."""

    shape: Ints

    def infer(self, data: Dims) -> Shape:
        return (len(self.shape), *with_axes(data, "(N,)"))

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"data": Limits(0, int(np.prod(self.shape)) - 1)}

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        behind, sizes = (np.array(n)[:, None] for n in zip(*_strides(self.shape)))
        index = onnx_index(g, data)
        return result(index / index.array(behind) % index.array(sizes))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        index = torch_index(m, data)
        rows = [f"{index} // {behind} % {size}" for behind, size in _strides(self.shape)]
        rows[0] = rows[0].rsplit(" % ", 1)[0]  # whatever is left
        return f"torch.stack([{', '.join(rows)}]).to({m.dtype(m.output_type())})"


@operator("_ravel_multi_index")
class RavelMultiIndex(Operator):
    """Indices of each axis (axes, N) -> flat indices (N,).  Source: src/operator/tensor/ravel.h."""

    shape: Ints

    def infer(self, data: Dims) -> Shape:
        return takes("data", data, (len(self.shape), None))[1:]

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"data": rows(self.shape, 2)}

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        behind = np.array([b for b, _ in _strides(self.shape)])[:, None]
        index = onnx_index(g, data)
        return result((index * index.array(behind)).reduced("ReduceSum", 0))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        rows = [f"{data}[{i}].long() * {b}" for i, (b, _) in enumerate(_strides(self.shape))]
        return f"({' + '.join(rows)}).to({m.dtype(m.output_type())})"


def _strides(shape: Ints) -> List[Tuple[int, int]]:
    """(how many elements lie between neighbours, size) of each axis; of the first, no end."""
    counts = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return list(zip(counts, (1 << 62, *shape[1:])))
