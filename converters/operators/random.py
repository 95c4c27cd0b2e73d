"""Operators that draw random numbers: anew each time, and so equal in distribution only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, List, Literal, Optional, Tuple, Type, Union, cast

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, merge_shapes, show
from .attributes import Ints
from .distributions import DISTRIBUTIONS, Distribution
from .emit.onnx_math import OnnxExpr, constant, formula, join, result
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

FloatType = Literal["None", "float16", "float32", "float64"]


class _Random(Operator):
    random = True
    onnx_until = 21  # onnxruntime draws by the operators of older opsets only
    limits = "opsets beyond 21 (onnxruntime has no kernels that draw)"


class _Stated(_Random):
    shape: Ints

    def infer(self) -> Shape:
        if not self.shape or 0 in self.shape:
            raise Unsupported(f"shape={self.shape}: needs a stated shape of numbers above 0")
        return self.shape


class _Drawing(_Random):
    def _distribution(self) -> Distribution:
        """The declaration itself, which has a distribution's parameters, too."""
        return cast(Distribution, self)

    def _onnx_fixed(self, g: OnnxBuilder, draw: Any) -> Any:
        dtype, distribution = g.output_type(), self._distribution()
        values = (constant(g, float(n), dtype) for n in distribution.numbers())
        return distribution.onnx(lambda kind: OnnxExpr(g, draw(kind), dtype), *values).value

    def _torch_fixed(self, m: TorchBuilder, full: str) -> str:
        """`full`: what makes a tensor, with a place for the number that it is full of."""
        first, *more = self._distribution().numbers()
        given = ", ".join([full.format(float(first)), *(repr(float(n)) for n in more)])
        return f"{m.function(self._distribution().function)}({given})"


@dataclass(frozen=True)
class _Typed(_Drawing):
    shape: Ints = ()
    dtype: FloatType = "None"

    def infer_type(self, *types: Optional[str]) -> str:
        return "float32" if self.dtype == "None" else self.dtype


@dataclass(frozen=True)
class _OfShape(_Typed, _Stated):
    """-> numbers of the stated shape.  Source: src/operator/random/sample_op.h."""

    def to_onnx(self, g: OnnxBuilder) -> Any:
        dtype = g.type_number(g.output_type())
        return self._onnx_fixed(g, lambda kind: g.op(kind, shape=self.shape, dtype=dtype))

    def to_pytorch(self, m: TorchBuilder) -> str:
        kind = m.dtype(m.output_type())
        return self._torch_fixed(m, f"torch.full({self.shape}, {{}}, dtype={kind})")


@dataclass(frozen=True)
class _Like(_Drawing, SameShape):
    """(*) -> numbers of that shape.  Source: src/operator/random/sample_op.h."""

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return self._onnx_fixed(g, lambda kind: g.op(f"{kind}Like", data))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return self._torch_fixed(m, f"torch.full_like({data}, {{}})")


@dataclass(frozen=True)
class _OfEach(_Typed):
    """Parameters (*) -> numbers (*, *shape) of each.  Source: random/multisample_op.h."""

    distribution: ClassVar[Type[Distribution]]

    def _distribution(self) -> Distribution:
        return self.distribution()

    def input_names(self) -> Tuple[str, ...]:
        return self.distribution.inputs

    def infer(self, *parameters: Dims) -> Shape:
        return (*merge_shapes(*parameters), *self.shape)

    def to_onnx(self, g: OnnxBuilder, *parameters: Any) -> Any:
        made = [formula(g, value, g.output_type()) for value in parameters]
        shape = join([made[0].shape(), made[0].ints(self.shape)], 0)
        if self.shape:
            made = [value.unsqueeze(*range(-len(self.shape), 0)) for value in made]
        given = [value.op("Expand", shape) for value in made]
        return self._distribution().onnx(lambda kind: given[0].op(f"{kind}Like"), *given).value

    def to_pytorch(self, m: TorchBuilder, *parameters: str) -> str:
        kind, given = m.dtype(m.output_type()), []
        for value in parameters:
            text = value if m.type(value) == m.output_type() else f"{value}.to({kind})"
            if self.shape:
                ones = ", ".join("1" * len(self.shape))
                text = f"{text}.reshape(*{value}.shape, {ones})"
                text = f"{text}.expand(*{value}.shape, {', '.join(map(str, self.shape))})"
            given.append(text)
        return f"{m.function(self._distribution().function)}({', '.join(given)})"


for _name, _distribution in DISTRIBUTIONS.items():
    declare(f"_random_{_name}", _OfShape, _distribution, ignores=("ctx",))
    declare(f"_random_{_name}_like", _Like, _distribution)
    declare(f"_sample_{_name}", _OfEach, distribution=_distribution)


@operator("_random_randint", ignores=("ctx",))
class RandomRandint(_Stated):
    """-> whole numbers, low <= n < high.  Source: src/operator/random/sample_op.h."""

    low: int
    high: int
    shape: Ints = ()
    dtype: Literal["None", "int32", "int64"] = "None"

    def infer_type(self, *types: Optional[str]) -> str:
        return "int32" if self.dtype == "None" else self.dtype

    def to_onnx(self, g: OnnxBuilder) -> Any:
        if self.high - self.low > 2**53:
            raise Unsupported(f"{self.low} to {self.high}; supported: fewer than 2**53 numbers")
        unit = g.op("RandomUniform", shape=self.shape, dtype=g.type_number("float64"))
        size = self.high - self.low
        number = (OnnxExpr(g, unit, "float64") * size).op("Floor").whole()
        return result((number + self.low).minimum(self.high - 1))

    def to_pytorch(self, m: TorchBuilder) -> str:
        kind = f"torch.{self.infer_type()}"
        return f"torch.randint({self.low}, {self.high}, {self.shape}, dtype={kind})"


@operator("_sample_multinomial")
class SampleMultinomial(_Random):
    """Probabilities (*, K) -> (*, *shape) numbers of classes [, logarithms of theirs].

    Source: src/operator/random/sample_multinomial_op.h.
    """

    shape: Ints = ()
    get_prob: bool = False
    dtype: Literal["uint8", "int32", "float16", "float32", "float64"] = "int32"

    def visible_outputs(self) -> int:
        return 2 if self.get_prob else 1

    def infer(self, data: Dims) -> Union[Shape, List[Shape]]:
        if not data:
            raise ShapeError(f"takes probabilities along the last axis, got {show(data)}")
        return [(*data[:-1], *self.shape) or (1,)] * self.visible_outputs()

    def infer_type(self, *types: Optional[str]) -> List[Optional[str]]:
        return [self.dtype, types[0]][: self.visible_outputs()]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank, classes = len(g.shape(data)), g.op("Shape", data)
        last = g.op("Gather", classes, g.ints((rank - 1,)))
        rows = g.op("Reshape", data, g.op("Concat", g.ints((-1,)), last, axis=0))
        logs = g.op("Log", rows)
        count = int(np.prod(self.shape, dtype=int))
        chosen = g.op("Multinomial", logs, sample_size=count, dtype=g.type_number("int64"))
        outer = g.op("Gather", classes, g.ints(tuple(range(rank - 1))))
        size = g.op("Concat", outer, g.ints(self.shape), axis=0)
        size = g.ints((1,)) if rank == 1 and not self.shape else size
        results = [g.cast(g.op("Reshape", chosen, size), self.dtype)]
        if self.get_prob:
            results.append(g.op("Reshape", g.op("GatherElements", logs, chosen, axis=1), size))
        return results

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        shape = (1,) if len(m.shape(data)) == 1 and not self.shape else self.shape
        call = f"{m.function('draw_classes')}({data}, {shape}, {m.dtype(self.dtype)})"
        return call if self.get_prob else f"{call}[0]"


@operator("_shuffle")
class Shuffle(Written, _Random, SameShape):
    """(N, *) -> the same in another order along the first axis.

    Source: src/operator/random/shuffle_op.cc.
    """

    text = "{0}[torch.randperm({0}.shape[0])]"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        count = g.op("Gather", g.op("Shape", data), g.ints((0,)))
        keys = g.op("RandomUniformLike", g.op("Expand", g.constant(np.array(0.0)), count))
        order = g.ops("TopK", keys, count, outputs=2, axis=0)[1]
        return g.op("Gather", data, order, axis=0)
