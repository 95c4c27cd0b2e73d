"""Norms, moments and running sums."""

from __future__ import annotations

from typing import Any, List, Literal, Optional

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, product, show
from .attributes import Ints
from .emit.onnx_math import OnnxExpr, constant, formula, result
from .reduction import NARROW, onnx_reduce, reduced_axes, reduced_shape, torch_reduce
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@operator("norm")
class Norm(Operator):
    """(*) -> (*'): the sum of magnitudes (ord 1) or the root of the sum of squares (ord 2).

    Over two axes too it is the norm of all elements together, no matrix norm.
    Source: src/operator/tensor/broadcast_reduce_op.h, NormParam and LpNormCompute.
    """

    ord: int = 2
    axis: Optional[Ints] = None
    out_dtype: Optional[Literal["float16", "float32", "float64", "int64", "int32", "int8"]] = None
    keepdims: bool = False

    limits = (
        "ord=2 of whole numbers, where MXNet's running scale is rounded to a whole number and its "
        "result is no norm; an out_dtype other than the input's, which MXNet refuses on CPU."
    )

    allowed = (("ord", lambda order: order in (1, 2), "1, 2"),)

    def infer(self, data: Dims) -> Shape:
        return reduced_shape(data, reduced_axes(self.axis, data), self.keepdims)

    def _check(self, dtype: str) -> None:
        if self.ord == 2 and not dtype.startswith("float"):
            raise Unsupported(f"ord=2 of {dtype}, which MXNet does not compute; supported: floats")
        if self.out_dtype not in (None, "float16", dtype):
            stated = f"out_dtype={self.out_dtype!r} of {dtype}, which MXNet refuses on CPU"
            raise Unsupported(f"{stated}; supported: {dtype}")

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        self._check(g.type(data))
        axes = reduced_axes(self.axis, g.shape(data))
        if g.type(data).startswith("float"):
            return onnx_reduce(g, f"ReduceL{self.ord}", data, data, axes, self.keepdims)
        size = data if g.type(data) == "bool" else g.op("Abs", data)
        return onnx_reduce(g, "ReduceSum", size, data, axes, self.keepdims)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        kind, rank = m.type(data), len(m.shape(data))
        self._check(kind)
        axes = reduced_axes(self.axis, m.shape(data))
        if not kind.startswith("float"):
            given = data if kind == "bool" else f"{data}.abs()"
            return torch_reduce(m, "sum", given, data, axes, self.keepdims)
        which = "" if len(axes) == rank and not self.keepdims else f", {axes}"
        keep = ", keepdim=True" if self.keepdims else ""
        shape = "" if which else ".reshape(1)"
        return f"torch.linalg.vector_norm({data}, {self.ord}{which}{keep}){shape}"


@operator("moments")
class Moments(Operator):
    """(*) -> (*'), (*'): mean, and mean squared distance from it.

    Source: src/operator/nn/moments-inl.h.
    """

    axes: Ints
    keepdims: bool = False

    outputs = 2
    allowed = (("axes", bool, "axes by number, as in MXNet"),)

    def infer(self, data: Dims) -> List[Shape]:
        shape = reduced_shape(data, reduced_axes(self.axes, data), self.keepdims)
        return [shape, shape]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        axes = reduced_axes(self.axes, g.shape(data))
        middle = onnx_reduce(g, "ReduceMean", data, data, axes, True)
        kind = "int32" if g.type(data) in NARROW else g.type(data)
        apart = formula(g, data, kind) - OnnxExpr(g, middle, g.type(data)).to(kind)
        square = result(apart * apart)
        mean = middle if self.keepdims else onnx_reduce(g, "ReduceMean", data, data, axes, False)
        return [mean, onnx_reduce(g, "ReduceMean", square, data, axes, self.keepdims)]

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = reduced_axes(self.axes, m.shape(data))
        middle = torch_reduce(m, "mean", data, data, axes, True)
        given = (data, f"({data} - {middle}).square()")
        return ", ".join(torch_reduce(m, "mean", x, data, axes, self.keepdims) for x in given)


@operator("_np_cumsum")
class NpCumsum(Operator):
    """(*) -> same, or without an axis (n) of all elements in a row.

    Source: src/operator/numpy/np_cumsum-inl.h.
    """

    axis: Optional[int] = None
    dtype: Optional[Literal["float16", "float32", "float64", "int8", "int32", "int64"]] = None

    def infer(self, a: Dims) -> Shape:
        if self.axis is None:
            return (product(a),)
        if not 0 <= self.axis < len(a):
            raise ShapeError(
                f"axis {self.axis} is not in {show(a)}: MXNet counts from 0, and from the left"
            )
        return a

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        return self.dtype or ("int64" if types[0] == "bool" else types[0])

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        given = data if self.axis is not None else g.op("Reshape", data, g.ints((-1,)))
        wide = "int32" if g.output_type() in NARROW else g.output_type()
        x = OnnxExpr(g, given, g.type(data)).to(wide)
        return result(x.op("CumSum", constant(g, self.axis or 0)))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        given = data if self.axis is not None else f"{data}.flatten()"
        same = m.type(data) == m.output_type() and m.type(data).startswith("float")
        kind = "" if same else f", dtype={m.dtype(m.output_type())}"
        return f"{given}.cumsum({self.axis or 0}{kind})"
