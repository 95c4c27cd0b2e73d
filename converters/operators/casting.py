"""Operators that change the element type."""

from __future__ import annotations

from typing import Any, List, Literal, Optional

from ..ir.shapes import Dims, Shape
from .attributes import DType
from .registry import OnnxBuilder, Operator, SameShape, TorchBuilder, Written, operator
from .training import HandedOn

#: What automatic mixed precision casts; the rest it leaves alone.
MIXED = ("float16", "float32")


@operator("Cast")
class Cast(Written, SameShape):
    """(*) -> same in another type; a fraction is cut off, and all but 0 is True.

    Source: src/operator/tensor/elemwise_unary_op.h, CastParam.
    """

    dtype: DType

    text = "{0}.to({dtype})"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.cast(data, g.output_type())


@operator("amp_cast")
class AmpCast(Cast):
    """(*) -> same in another type, if it is of float16 or float32.

    Source: src/operator/tensor/amp_cast.h.
    """

    allowed = (("dtype", lambda name: "float" in name, "float16, float32, float64"),)

    def infer_type(self, *types: Optional[str]) -> str:
        return self.dtype if types[0] in MIXED else str(types[0])


@operator("amp_multicast")
class AmpMulticast(Operator):
    """Any number of shapes -> the same; all of float16 and float32 become float32.

    With `cast_narrow` they become float16.  Source: src/operator/tensor/amp_cast.h.
    """

    num_outputs: int
    cast_narrow: bool = False

    def visible_outputs(self) -> int:
        return self.num_outputs

    def infer(self, *data: Dims) -> List[Shape]:
        return list(data)

    def infer_type(self, *types: Optional[str]) -> List[Optional[str]]:
        first, wanted = types[0], "float16" if self.cast_narrow else "float32"
        common = wanted if wanted in types else "float32" if self.cast_narrow else first
        return [common if t in MIXED else t for t in types]

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        return [g.cast(value, g.output_type(i)) for i, value in enumerate(data)]

    def to_pytorch(self, m: TorchBuilder, *data: str) -> str:
        casts = (f"{x}.to({m.dtype(m.output_type(i))})" for i, x in enumerate(data))
        return f"({', '.join(casts)})" if len(data) > 1 else next(casts)


@operator("cast_storage")
class CastStorage(Written, HandedOn, SameShape):
    """(*) -> same: the numbers of a sparse array are those of the dense one."""

    stype: Literal["default", "csr", "row_sparse"]

    text = "{0}"
