"""Gluon's transforms of pictures, which a network may begin with."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .attributes import Single, Singles
from .emit.onnx_math import OnnxExpr, result
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .slicing import Cut, Slicing

BRIGHTEST = 255


def _picture(data: Dims, axes: str) -> int:
    """The number of dimensions of one picture or of several."""
    if len(data) not in (3, 4):
        raise ShapeError(f"takes {axes} or Nx{axes}, got {show(data)}")
    return len(data)


@operator("_image_to_tensor")
class ImageToTensor(Operator):
    """(H, W, C) or (N, H, W, C), of any type -> channels first, float32, divided by 255.

    Source: src/operator/image/image_random-inl.h, ToTensor.
    """

    dtype = "float32"

    @staticmethod
    def _order(data: Dims) -> Tuple[int, ...]:
        rank = _picture(data, "HxWxC")
        return (*range(rank - 3), rank - 1, rank - 3, rank - 2)

    def infer(self, data: Dims) -> Shape:
        return tuple(data[axis] for axis in self._order(data))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        numbers = OnnxExpr(g, g.cast(data, "float32"))
        first = numbers.op("Transpose", perm=self._order(g.shape(data)))
        return result(first / BRIGHTEST)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        order = ", ".join(map(str, self._order(m.shape(data))))
        return f"{data}.permute({order}).to({m.dtype(m.output_type())}) / {BRIGHTEST}"


@operator("_image_normalize")
class ImageNormalize(Operator):
    """(C, H, W) or (N, C, H, W) -> same: (x - mean) / std, for each channel or for all.

    Source: src/operator/image/image_random-inl.h, Normalize.
    """

    mean: Singles = (Single(0.0),) * 4
    std: Singles = (Single(1.0),) * 4

    limits = "mean and std must be stated, as MXNet's defaults fit no picture"

    def infer(self, data: Dims) -> Dims:
        rank = _picture(data, "CxHxW")
        channels = data[rank - 3]
        for name in ("mean", "std"):
            count = len(getattr(self, name))
            if channels not in (1, 3) or count not in (1, channels):
                raise ShapeError(
                    f"takes 1 or 3 channels, and {name} of 1 number or one for each channel; "
                    f"got {show(data)} and {count} numbers"
                )
        return data

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        if types[0] is not None and not types[0].startswith("float"):
            raise Unsupported(
                f"data of type {types[0]}, which MXNet rounds to; supported: floating-point numbers"
            )
        return types[0]

    def _columns(self) -> List[Any]:
        """mean and std: float64 (C | 1, 1, 1)"""
        return [np.array(v, np.float64).reshape(-1, 1, 1) for v in (self.mean, self.std)]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        mean, std = (g.constant(column, data) for column in self._columns())
        return g.op("Div", g.op("Sub", data, mean), std)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        mean, std = (f"{data}.new_tensor({column.tolist()})" for column in self._columns())
        return f"({data} - {mean}) / {std}"


@operator("_image_crop")
class ImageCrop(Slicing):
    """(H, W, C) or (N, H, W, C) -> its part of that size.

    Source: src/operator/image/crop-inl.h.
    """

    x: int
    y: int
    width: int
    height: int

    allowed = (
        *((name, lambda n: n >= 0, "0 and above") for name in ("x", "y")),
        *((name, lambda n: n >= 1, "1 and above") for name in ("width", "height")),
    )

    def cuts(self, data: Dims) -> List[Cut]:
        rank = _picture(data, "HxWxC")
        rows = Cut(rank - 3, self.y, self.y + self.height)
        return [rows, Cut(rank - 2, self.x, self.x + self.width)]

    def infer(self, data: Dims) -> Dims:
        for cut in self.cuts(data):
            size = data[cut.axis]
            if isinstance(size, int) and (cut.end or 0) > size:
                ends = f"{cut.begin} to {cut.end}"
                raise ShapeError(f"{ends} is not in axis {cut.axis} of {show(data)}")
        return (*data[:-3], self.height, self.width, data[-1])
