"""Operators that take one or more axes together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, List, Optional

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .attributes import Ints
from .emit.onnx_math import constant
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
    if whole and op_type == "ReduceMean":  # cut off towards zero
        total = onnx_reduce(g, "ReduceSum", data, like, axes, keepdims)
        if kind == "bool":
            return total
        count = g.op("Gather", g.op("Shape", like), g.ints(axes))
        count = g.cast(g.reduce("ReduceProd", count, (0,), False), wide)
        return g.cast(g.op("Div", g.cast(total, wide), count), kind)
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
    count = g.op("Gather", g.op("Shape", rows), constant(g, 0).value)
    begin = g.op("Expand", constant(g, 1, dtype).value, shape)

    def step(i: Any, product: Any) -> List[Any]:
        return [g.op("Mul", product, g.op("Gather", rows, i, axis=0))]

    out = g.loop(step, begin, trips=count)[0]
    return g.op("Unsqueeze", out, g.ints(axes)) if keepdims else out


def torch_reduce(
    m: TorchBuilder, name: str, text: str, data: str, axes: Ints, keepdims: bool
) -> str:
    """`x.sum` as `x.sum((1, 2), keepdim=True)`, of a text with the type of the input `data`."""
    rank, kind = len(m.shape(data)), m.type(data)
    whole = kind != "bool" and not kind.startswith("float")
    if kind == "bool":
        name = "amin" if name in ("amin", "prod") else "amax"
    if whole and name == "mean":
        total = torch_reduce(m, "sum", text, data, axes, keepdims)
        return f'torch.div({total}, {_torch_count(m, data, axes)}, rounding_mode="trunc")'
    options = [f"dtype=torch.{kind}"] if whole and name in ("sum", "prod") else []
    options += ["keepdim=True"] if keepdims else []
    if len(axes) == rank and not keepdims:
        return f"{text}.{name}({', '.join(options)}).reshape(1)"
    for step in [(axis,) for axis in reversed(axes)] if name == "prod" else [axes]:
        which = str(step[0] if len(step) == 1 else step)  # torch.prod takes one axis at a time
        text = f"{text}.{name}({', '.join([which, *options])})"
    return text


def _torch_count(m: TorchBuilder, data: str, axes: Ints) -> str:
    """How many elements there are along some axes."""
    sizes = {a: m.shape(data)[a] for a in axes}
    free = [f"{data}.shape[{a}]" for a, size in sizes.items() if not isinstance(size, int)]
    number = prod(size for size in sizes.values() if isinstance(size, int))
    return " * ".join([*([str(number)] if number != 1 or not free else []), *free])


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
    nan: ClassVar[Optional[int]] = None  # what stands for a number that is none

    def infer(self, data: Dims) -> Shape:
        return reduced_shape(data, reduced_axes(self.axis, data, self.exclude), self.keepdims)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        axes = reduced_axes(self.axis, g.shape(data), self.exclude)
        given = data
        if self.nan is not None and g.type(data).startswith("float"):
            given = g.op("Where", g.op("IsNaN", data), g.scalar(self.nan, like=data), data)
        return onnx_reduce(g, self.onnx, given, data, axes, self.keepdims)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = reduced_axes(self.axis, m.shape(data), self.exclude)
        given = data
        if self.nan is not None and m.type(data).startswith("float"):
            given = f"torch.where({data}.isnan(), {self.nan}, {data})"
        if not axes:
            return given if given != data else f"{data}.clone()"
        return torch_reduce(m, self.torch, given, data, axes, self.keepdims)


for _name, _onnx, _torch, _nan in (
    ("sum", "ReduceSum", "sum", None),
    ("nansum", "ReduceSum", "sum", 0),
    ("mean", "ReduceMean", "mean", None),
    ("prod", "ReduceProd", "prod", None),
    ("nanprod", "ReduceProd", "prod", 1),
    ("max", "ReduceMax", "amax", None),
    ("min", "ReduceMin", "amin", None),
):
    declare(_name, Reduction, onnx=_onnx, torch=_torch, nan=_nan)
