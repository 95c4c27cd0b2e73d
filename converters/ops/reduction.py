"""Operators that take one or more axes together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, List, Optional

import numpy as np

from ..errors import ShapeError
from ..shape import Dims, Shape, show
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, declare

#: Element types of which onnxruntime has no sums and products: they are made in int32.
NARROW = ("int8", "uint8", "bool")


def normalise_axes(axes: Ints, data: Dims) -> Ints:
    """(-1,) -> (rank of `data` - 1,); sorted.

    Raises:
        ShapeError: an axis that `data` does not have.
    """
    rank = len(data)
    for axis in axes:
        if not -rank <= axis < rank:
            raise ShapeError(f"axis {axis} is not in {show(data)}")
    return tuple(sorted(axis % rank for axis in axes))


def reduced_axes(axes: Optional[Ints], data: Dims, exclude: bool = False) -> Ints:
    """The axes that go: all of them where none is named, the others with `exclude`.

    Raises:
        ShapeError: an axis that `data` does not have, or one that is named twice.
    """
    named = normalise_axes(axes or (), data)
    if len(set(named)) < len(named):
        raise ShapeError(f"axis={axes} names an axis of {show(data)} twice: name each once")
    if not named or exclude:
        return tuple(a for a in range(len(data)) if a not in named)
    return named


def reduced_shape(data: Dims, axes: Ints, keepdims: bool) -> Shape:
    """All axes without keepdims leave (1,), not a scalar."""
    if keepdims:
        return tuple(1 if a in axes else d for a, d in enumerate(data))
    return tuple(d for a, d in enumerate(data) if a not in axes) or (1,)


def onnx_reduce(
    g: OnnxBuilder, op_type: str, data: Any, like: Any, axes: Ints, keepdims: bool
) -> Any:
    """An ONNX reduction, with MXNet's shape (1,) in place of a scalar.

    Whole numbers overflow as they do in MXNet; onnxruntime adds and multiplies them as doubles.

    Args:
        like: the layer's input that has the element type and rank of `data`.
    """
    if not axes:
        return data
    kind, whole = g.type(like), not g.type(like).startswith("float")
    wide = "int32" if kind in NARROW else kind
    if whole and op_type == "ReduceSum":
        wide = "int64"
    given = data if wide == kind else g.cast(data, wide)
    if whole and op_type == "ReduceProd":
        out = _onnx_product(g, given, wide, len(g.shape(like)), axes, keepdims)
    else:
        out = g.reduce(op_type, given, axes, keepdims)
    if len(axes) == len(g.shape(like)) and not keepdims:
        out = g.op("Reshape", out, g.ints((1,)))
    return out if wide == kind else g.cast(out, kind)


def _onnx_product(
    g: OnnxBuilder, data: Any, dtype: str, rank: int, axes: Ints, keepdims: bool
) -> Any:
    """A product of whole numbers, one factor after the other."""
    rest = tuple(a for a in range(rank) if a not in axes)
    front = g.op("Transpose", data, perm=(*axes, *rest))
    shape = g.op("Gather", g.op("Shape", data), g.ints(rest))
    rows = g.op("Reshape", front, g.op("Concat", g.ints((-1,)), shape, axis=0))
    count = g.op("Gather", g.op("Shape", rows), g.constant(np.array(0)))
    begin = g.op("Expand", g.constant(np.array(1, dtype)), shape)

    def step(i: Any, product: Any) -> List[Any]:
        return [g.op("Mul", product, g.op("Gather", rows, i, axis=0))]

    out = g.loop(step, begin, trips=count)[0]
    return g.op("Unsqueeze", out, g.ints(axes)) if keepdims else out


def onnx_mean(g: OnnxBuilder, data: Any, like: Any, axes: Ints, keepdims: bool) -> Any:
    """A mean; of whole numbers, one that is cut off towards zero."""
    kind = g.type(like)
    if kind.startswith("float"):
        return onnx_reduce(g, "ReduceMean", data, like, axes, keepdims)
    total = onnx_reduce(g, "ReduceSum", data, like, axes, keepdims)
    if kind == "bool":
        return total
    wide = "int32" if kind in NARROW else kind
    count = g.op("Gather", g.op("Shape", like), g.ints(axes))
    count = g.cast(g.reduce("ReduceProd", count, (0,), False), wide)
    return g.cast(g.op("Div", g.cast(total, wide), count), kind)


def torch_reduce(call: str, axes: Ints, rank: int, keepdims: bool, **options: str) -> str:
    """`x.sum` -> `x.sum((1, 2), keepdim=True)`."""
    whole = len(axes) == rank and not keepdims
    shown = [] if whole else [str(axes[0] if len(axes) == 1 else axes)]
    if keepdims:
        options["keepdim"] = "True"
    shown += [f"{key}={value}" for key, value in options.items()]
    return f"{call}({', '.join(shown)})" + (".reshape(1)" if whole else "")


def torch_mean(m: TorchBuilder, text: str, data: str, axes: Ints, keepdims: bool) -> str:
    """The mean of `text`, which has the type and shape of the input `data`."""
    rank, kind = len(m.shape(data)), m.type(data)
    if kind == "bool" or kind.startswith("float"):
        name = "amax" if kind == "bool" else "mean"
        return torch_reduce(f"{text}.{name}", axes, rank, keepdims)
    total = torch_reduce(f"{text}.sum", axes, rank, keepdims, dtype=f"torch.{kind}")
    sizes = {a: m.shape(data)[a] for a in axes}
    free = [f"{data}.shape[{a}]" for a, size in sizes.items() if not isinstance(size, int)]
    number = prod(size for size in sizes.values() if isinstance(size, int))
    count = " * ".join([*([str(number)] if number != 1 or not free else []), *free])
    return f'torch.div({total}, {count}, rounding_mode="trunc")'


@dataclass(frozen=True)
class Reduction(Operator):
    """(*) -> (*') with the axes gone, or 1 with keepdims.

    No axis means all, with `exclude` too; all axes without keepdims leave shape (1,).
    Source: src/operator/tensor/broadcast_reduce_op.h, ReduceAxesParam.
    """

    axis: Optional[Ints] = None
    keepdims: bool = False
    exclude: bool = False  # reduce the other axes instead

    onnx: ClassVar[str]
    torch: ClassVar[str]
    torch_bool: ClassVar[str]  # of truth values
    nan: ClassVar[Optional[int]] = None  # what stands for a number that is none

    def infer(self, data: Dims) -> Shape:
        return reduced_shape(data, reduced_axes(self.axis, data, self.exclude), self.keepdims)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        axes = reduced_axes(self.axis, g.shape(data), self.exclude)
        given = data
        if self.nan is not None and g.type(data).startswith("float"):
            given = g.op("Where", g.op("IsNaN", data), g.scalar(self.nan, like=data), data)
        if self.onnx == "ReduceMean" and axes:
            return onnx_mean(g, given, data, axes, self.keepdims)
        return onnx_reduce(g, self.onnx, given, data, axes, self.keepdims)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        rank, kind = len(m.shape(data)), m.type(data)
        axes = reduced_axes(self.axis, m.shape(data), self.exclude)
        given = data
        if self.nan is not None and kind.startswith("float"):
            given = f"torch.where({data}.isnan(), {self.nan}, {data})"
        if not axes:
            return given if given != data else f"{data}.clone()"
        if kind == "bool":
            return torch_reduce(f"{given}.{self.torch_bool}", axes, rank, self.keepdims)
        if self.torch == "mean":
            return torch_mean(m, given, data, axes, self.keepdims)
        counted = self.torch in ("sum", "prod") and not kind.startswith("float")
        options = {"dtype": f"torch.{kind}"} if counted else {}
        steps = [axes]
        if self.torch == "prod" and (self.keepdims or len(axes) < rank):
            steps, rank = [(axis,) for axis in reversed(axes)], rank + 1  # one axis at a time
        for step in steps:
            given = torch_reduce(f"{given}.{self.torch}", step, rank, self.keepdims, **options)
        return given


for _name, _onnx, _torch, _torch_bool, _nan in (
    ("sum", "ReduceSum", "sum", "amax", None),
    ("nansum", "ReduceSum", "sum", "amax", 0),
    ("mean", "ReduceMean", "mean", "amax", None),
    ("prod", "ReduceProd", "prod", "amin", None),
    ("nanprod", "ReduceProd", "prod", "amin", 1),
    ("max", "ReduceMax", "amax", "amax", None),
    ("min", "ReduceMin", "amin", "amin", None),
):
    declare(_name, Reduction, onnx=_onnx, torch=_torch, torch_bool=_torch_bool, nan=_nan)
