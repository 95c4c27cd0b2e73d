"""Pooling as it was before MXNet 0.10."""

from __future__ import annotations

from typing import Any, Literal

from ..shape import Dims, Shape, with_axes
from .attributes import single
from .registry import OnnxBuilder, TorchBuilder, Unsupported, operator
from .windows import Windows


@operator("Pooling_v1")
class PoolingV1(Windows):
    """(N, C, H, W) -> (N, C, H', W').  Source: src/operator/pooling_v1-inl.h.

    Unlike in Pooling, the zeros of the padding count in a maximum, and an average is the sum
    divided by the kernel's size, in float32, wherever the window lies.
    """

    pool_type: Literal["max", "avg", "sum"] = "max"

    limits = "MXNet itself has it for images only; max with 'full' where a window may be empty"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.global_pool and len(self.kernel) != 2:
            raise Unsupported(f"kernel={self.kernel}; supported: 2 dimensions, as in MXNet")

    def infer(self, data: Dims) -> Shape:
        return self.pooled(with_axes(data, "(N, C, H, W)"))

    def _check_windows(self, sizes: Dims) -> None:
        if self.pool_type == "max" and self.begins_outside(sizes, self.pad):
            raise Unsupported(
                f"pooling_convention='full' with kernel={self.kernel}, stride={self.stride}: a "
                "last window can be empty; supported: stride <= kernel"
            )

    def _factor(self) -> float:
        """What the mean of a window is multiplied by."""
        rounded = float(single(1 / self.elements))
        return self.elements * (rounded if self.pool_type == "avg" else 1.0)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self.global_pool:
            return self.onnx_global(g, data, 4)
        self._check_windows(g.shape(data)[2:])
        if self.pool_type == "max":
            padded = self.onnx_padded(g, data, (0, 0))
            return self.onnx_max(g, padded, **({"ceil_mode": 1} if self.full else {}))
        padded = self.onnx_padded(g, data, self.beyond)
        return self.onnx_sums(g, padded, g.scalar(self._factor(), data))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self.global_pool:
            return self.torch_global(data, (2, 3))
        self._check_windows(m.shape(data)[2:])
        if self.pool_type == "max":
            kind, kernel, stride = "nn.MaxPool2d", self.kernel, self.stride
            pool = m.module(kind, kernel_size=kernel, stride=stride, ceil_mode=self.full)
            return f"{pool}({self.torch_padded(data, (0, 0))})"
        factor = self._factor()
        return self.torch_sums(m, data) + (f" * {factor!r}" if factor != 1 else "")
