"""Making feature maps larger, and cutting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Shape, show
from .attributes import Ints
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


@operator("UpSampling", ignores=("num_filter", "workspace", "multi_input_mode"))
@dataclass(frozen=True)
class UpSampling(Operator):
    """(N, C, H, W) -> (N, C, scale*H, scale*W).  Source: src/operator/nn/upsampling-inl.h."""

    scale: int
    sample_type: Literal["nearest"]
    num_args: int = 1

    def __post_init__(self) -> None:
        if self.num_args != 1:
            raise Unsupported(f"num_args={self.num_args}; supported: 1")

    def infer(self, data: Shape) -> Shape:
        if data is None or len(data) != 4:
            raise ShapeError(f"takes (N, C, H, W), got {show(data)}")
        height, width = (d * self.scale if isinstance(d, int) else None for d in data[2:])
        return (data[0], data[1], height, width)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op(
            "Resize",
            data,
            None,
            g.constant(np.array([1, 1, self.scale, self.scale], np.float32)),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f'F.interpolate({data}, scale_factor={self.scale}, mode="nearest")'


@operator("Crop")
@dataclass(frozen=True)
class Crop(Operator):
    """(N, C, H, W), (N', C', H', W') -> (N, C, H', W').  Source: src/operator/crop-inl.h."""

    num_args: int
    offset: Ints = (0, 0)  # (y, x) of the upper left corner
    h_w: Ints = (0, 0)  # the size to cut when there is no second input
    center_crop: bool = False

    def __post_init__(self) -> None:
        if self.center_crop and self.num_args == 2:
            raise Unsupported("center_crop=True with a second input; supported: False")

    def _size(self, data: Shape, like: Shape) -> tuple[Dim, Dim]:
        height, width = like[2:] if like else self.h_w
        return height, width

    def infer(self, data: Shape, *crop_like: Shape) -> Shape:
        if data is None or len(data) != 4:
            raise ShapeError(f"takes (N, C, H, W), got {show(data)}")
        size = self._size(data, crop_like[0] if crop_like else None)
        for have, want, start in zip(data[2:], size, self._start(data)):
            if isinstance(have, int) and isinstance(want, int) and start + want > have:
                raise ShapeError(f"cannot cut {want} at {start} out of {have} in {show(data)}")
        return (data[0], data[1], *size)

    def _start(self, data: Shape) -> Ints:
        if not self.center_crop:
            return self.offset
        assert data is not None
        if not all(isinstance(d, int) for d in data[2:]):
            raise Unsupported("center_crop=True needs a fixed height and width: give --input")
        return tuple((int(d or 0) - s) // 2 for d, s in zip(data[2:], self.h_w))

    def to_onnx(self, g: OnnxBuilder, data: Any, *crop_like: Any) -> Any:
        start = self._start(g.shape(data))
        if crop_like:
            size = g.op("Slice", g.op("Shape", crop_like[0]), g.ints((2,)), g.ints((4,)))
            end = g.op("Add", size, g.ints(start)) if any(start) else size
        else:
            end = g.ints(tuple(s + n for s, n in zip(start, self.h_w)))
        return g.op("Slice", data, g.ints(start), end, g.ints((2, 3)))

    def to_pytorch(self, m: TorchBuilder, data: str, *crop_like: str) -> str:
        start = self._start(m.shape(data))
        cuts = []
        for axis, begin in enumerate(start):
            if crop_like:
                size = f"{crop_like[0]}.shape[{axis + 2}]"
                cuts.append(f"{begin} : {begin} + {size}" if begin else f": {size}")
            else:
                cuts.append(f"{begin or ''}:{begin + self.h_w[axis]}")
        return f"{data}[:, :, {cuts[0]}, {cuts[1]}]"
