"""Operators that make numbers of nothing, or of another's size only.

A size of 0 is one that MXNet finds where the numbers are read; see `shape.Open`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape
from .attributes import DType, Ints
from .emit.onnx_math import OnnxExpr, constant, count_to, result, size_of
from .indexing import torch_size
from .registry import (
    OnnxBuilder,
    Operator,
    SameShape,
    TorchBuilder,
    Unsupported,
    Written,
    declare,
    operator,
)
from .shaping import one_axis


class Filled(Operator):
    """One number everywhere.  Source: src/operator/tensor/init_op.h, InitShape."""

    shape: Optional[Ints]
    value: float

    allowed = (("shape", lambda s: s and min(s) >= 0, "sizes, or 0 where readers tell them"),)

    def infer(self) -> Shape:
        return tuple(d or None for d in self.shape or ())

    def to_onnx(self, g: OnnxBuilder) -> Any:
        shape = g.output_shape()
        fixed = tuple(d for d in shape if isinstance(d, int))
        known = len(fixed) == len(shape)
        sizes = g.ints(fixed) if known else g.op("Concat", *map(g.size, shape), axis=0)
        return g.op("Expand", constant(g, self.value, g.output_type()).value, sizes)

    def to_pytorch(self, m: TorchBuilder) -> str:
        sizes = ", ".join(map(m.size, m.output_shape()))
        shape = f"({sizes},)" if len(m.output_shape()) == 1 else f"({sizes})"
        number, dtype, like = self.value, m.dtype(m.output_type()), m.network_input()
        if number in (0, 1):
            return f"{like}.new_{'ones' if number else 'zeros'}({shape}, dtype={dtype})"
        number = number if "float" in dtype else int(number)
        return f"{like}.new_full({shape}, {number}, dtype={dtype})"


@operator("_zeros_without_dtype", ignores=("ctx", "dtype"))
class ZerosWithoutDtype(Filled):
    """() -> zeros of a shape, float32."""

    shape: Optional[Ints] = None
    dtype = "float32"
    value = 0


@operator("_zeros", ignores=("ctx",))
class Zeros(ZerosWithoutDtype):
    """() -> zeros of a shape, or ones."""

    dtype: DType = "float32"


declare("_ones", Zeros, ignores=("ctx",), value=1)


@operator("_full", ignores=("ctx",))
class Full(Filled):
    """() -> one number in a shape."""

    value: float
    shape: Optional[Ints] = None
    dtype: DType = "float32"


@operator("_eye", ignores=("ctx",))
class Eye(Operator):
    """() -> (N, M) with ones on the k-th diagonal.  Source: src/operator/tensor/init_op.h."""

    N: int
    M: int = 0  # 0: N
    k: int = 0
    dtype: DType = "float32"

    def infer(self) -> Shape:
        return (self.N, self.M or self.N)

    def to_onnx(self, g: OnnxBuilder) -> Any:
        return constant(g, np.eye(self.N, self.M or self.N, self.k), g.output_type()).value

    def to_pytorch(self, m: TorchBuilder) -> str:
        rest = f"dtype={m.dtype(self.dtype)}, device={m.network_input()}.device"
        if self.k:
            return f"torch.ones({self.N}, {self.M or self.N}, {rest}).triu({self.k}).tril({self.k})"
        return f"torch.eye({self.N}, {self.M or self.N}, {rest})"


class Progression(Operator):
    """start + (i // repeat) * step.  Source: src/operator/tensor/init_op.h, range_fwd."""

    start: float
    step: float
    repeat: int

    def _terms(self, dtype: str) -> Tuple[float, float]:
        """Start and step as the element type has them: whole numbers are cut off before."""
        if "float" in dtype:
            return self.start, self.step
        return int(self.start), int(self.step)

    def _onnx(self, count: OnnxExpr) -> Any:
        """Of int64 ()."""
        dtype = count.g.output_type()
        start, step = self._terms(dtype)
        index = count_to(count)
        value = index / self.repeat if self.repeat > 1 else index
        value = value.to(dtype) if "float" in dtype else value
        value = value if step == 1 else value * step
        return result(value if start == 0 else value + start)

    def _torch(self, m: TorchBuilder, count: str, like: str) -> str:
        dtype = m.output_type()
        start, step = self._terms(dtype)
        index = f"torch.arange({count}, dtype={m.dtype(dtype)}, device={like}.device)"
        if self.repeat > 1:
            index = f"torch.arange({count}, device={like}.device) // {self.repeat}"
            index = f"({index}).to({m.dtype(dtype)})"
        scaled = index if step == 1 else f"{index} * {step}"
        return scaled if start == 0 else f"{scaled} + {start}"


@operator("_arange", ignores=("ctx",))
class Arange(Progression):
    """() -> (n,): from start to before stop, each number `repeat` times.

    Without stop, from 0 to before start; with infer_range, as many as readers tell.
    """

    start: float
    stop: Optional[float] = None
    step: float = 1.0
    repeat: int = 1
    infer_range: bool = False
    dtype: DType = "float32"

    def __post_init__(self) -> None:
        if self.stop is None and not self.infer_range:
            object.__setattr__(self, "stop", self.start)
            object.__setattr__(self, "start", 0.0)
        if not self.step or self.repeat < 1:
            raise Unsupported(f"step={self.step}, repeat={self.repeat}; supported: none is 0")

    def infer(self) -> Shape:
        if self.stop is None:
            return (None,)
        count = math.ceil((self.stop - self.start) / self.step) * self.repeat
        if count < 1:
            raise ShapeError(f"from {self.start} to {self.stop} by {self.step} there is nothing")
        return (count,)

    def to_onnx(self, g: OnnxBuilder) -> Any:
        (count,) = g.output_shape()
        if not isinstance(count, int):
            return self._onnx(OnnxExpr(g, g.size(count), "int64").squeeze(0))
        start, step = self._terms(g.output_type())
        values = start + np.arange(count) // self.repeat * step
        return constant(g, values, g.output_type()).value

    def to_pytorch(self, m: TorchBuilder) -> str:
        (count,) = m.output_shape()
        return self._torch(m, m.size(count), m.network_input())


@operator("_contrib_arange_like", ignores=("ctx",))
class ArangeLike(Progression):
    """(*) -> same, counted through; or as many numbers as one axis has, in the data's type."""

    start: float = 0.0
    step: float = 1.0
    repeat: int = 1
    axis: Optional[int] = None

    def infer(self, data: Dims) -> Shape:
        return data if self.axis is None else (data[one_axis(self.axis, data)],)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self.axis is not None:
            return self._onnx(size_of(g, data, self.axis))
        return g.op(
            "Reshape", self._onnx(OnnxExpr(g, data).op("Size", kind="int64")), g.op("Shape", data)
        )

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self.axis is None:
            return f"({self._torch(m, f'{data}.numel()', data)}).reshape({data}.shape)"
        return self._torch(m, torch_size(m, data, one_axis(self.axis, m.shape(data))), data)


@operator("_linspace", ignores=("ctx",))
class Linspace(Operator):
    """() -> (num,): evenly spaced from start to stop.  Source: init_op.h, linspace_fwd."""

    start: float
    stop: float
    num: int
    endpoint: bool = True
    dtype: DType = "float32"

    def infer(self) -> Shape:
        return (self.num,)

    def _step(self) -> float:
        parts = self.num - self.endpoint
        return (self.stop - self.start) / parts if parts > 0 else 0.0

    def to_onnx(self, g: OnnxBuilder) -> Any:
        values = self.start + self._step() * np.arange(self.num)
        return constant(g, values, g.output_type()).value

    def to_pytorch(self, m: TorchBuilder) -> str:
        device = f"{m.network_input()}.device"
        counted = f"torch.arange({self.num}, dtype=torch.float64, device={device})"
        return f"({counted} * {self._step()} + {self.start}).to({m.dtype(self.dtype)})"


class Like(Written, SameShape):
    """(*) -> same, of one number in the input's type.  Source: src/operator/tensor/init_op.cc."""

    text = "torch.{self.mxnet_name}({0})"
    value: ClassVar[int]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Expand", g.scalar(self.value, data), g.op("Shape", data))


for _name, _value in (("zeros_like", 0), ("ones_like", 1)):
    declare(_name, Like, ignores=("dtype",), value=_value)  # which MXNet takes, and does not read
