"""Making feature maps larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import ShapeError
from ..shape import Shape, show
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
