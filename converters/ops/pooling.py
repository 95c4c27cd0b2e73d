"""Sliding and global pooling in one, two and three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Literal, Optional

from ..errors import ShapeError
from ..shape import Shape, show, window
from .attributes import Ints
from .convolution import per_axis
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


@operator("Pooling", ignores=("cudnn_off", "p_value"))
@dataclass(frozen=True)
class Pooling(Operator):
    """(N, C, *S) -> (N, C, *S').  Source: src/operator/nn/pooling-inl.h, pool.h.

    `global_pool` ignores kernel, stride and pad. The convention "full" rounds the number of
    windows up; padding counts in an average unless `count_include_pad` is False, but what
    "full" adds beyond the padding never does.
    """

    kernel: Ints = ()
    pool_type: Literal["max", "avg", "sum"] = "max"
    global_pool: bool = False
    pooling_convention: Literal["valid", "full"] = "valid"
    stride: Ints = ()  # () means 1 along each spatial axis
    pad: Ints = ()
    count_include_pad: Optional[bool] = None  # None means True
    layout: Optional[Literal["NCW", "NCHW", "NCDHW"]] = None

    def __post_init__(self) -> None:
        if self.global_pool:
            return
        if not 1 <= len(self.kernel) <= 3:
            raise Unsupported(f"kernel={self.kernel}; supported: 1 to 3 dimensions")
        object.__setattr__(self, "stride", per_axis(self.stride, self.kernel, 1))
        object.__setattr__(self, "pad", per_axis(self.pad, self.kernel, 0))
        if any(2 * p > k for p, k in zip(self.pad, self.kernel)):
            raise Unsupported(
                f"pad={self.pad} with kernel={self.kernel}; supported: at most half the kernel"
            )
        axes = zip(self.kernel, self.stride, self.pad)
        if self.full and any(p > k - s and s > 1 for k, s, p in axes):
            raise Unsupported(
                f"pooling_convention='full' with kernel={self.kernel}, stride={self.stride}, "
                f"pad={self.pad}: a last window can lie wholly in the padding; "
                "supported: pad <= kernel - stride"
            )
        if self.pool_type == "sum" and (self.full or any(self.pad)):
            raise Unsupported("pool_type='sum' with padding; supported: without")

    @property
    def full(self) -> bool:
        return self.pooling_convention == "full" and set(self.stride) != {1}

    @property
    def counts_pad(self) -> bool:
        return self.count_include_pad is not False

    def stored_outputs(self) -> int:
        return 2 if self.pool_type == "max" and self.kernel else 1  # oneDNN's workspace

    def infer(self, data: Shape) -> Shape:
        assert data is not None
        spatial = len(data) - 2
        if not 1 <= spatial <= 3 or not (self.global_pool or spatial == len(self.kernel)):
            allowed = "3 to 5" if self.global_pool else len(self.kernel) + 2
            raise ShapeError(f"takes {allowed} dimensions, got {show(data)}")
        if self.global_pool:
            return (*data[:2], *(1,) * spatial)
        axes = zip(data[2:], self.kernel, self.stride, self.pad)
        return (*data[:2], *(window(*axis, full=self.full) for axis in axes))

    def _elements(self) -> int:
        count = 1
        for k in self.kernel:
            count *= k
        return count

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self.global_pool:
            if self.pool_type == "avg":
                return g.op("GlobalAveragePool", data)
            axes = tuple(range(2, len(g.shape(data))))
            return g.reduce(
                {"max": "ReduceMax", "sum": "ReduceSum"}[self.pool_type], data, axes, True
            )
        options: Dict[str, Any] = {
            "kernel_shape": self.kernel,
            "strides": self.stride,
            "pads": self.pad * 2,
        }
        if self.full:
            options["ceil_mode"] = 1
        if self.pool_type == "max":
            return g.op("MaxPool", data, **options)
        mean = g.op("AveragePool", data, **options, count_include_pad=int(self.counts_pad))
        return (
            mean if self.pool_type == "avg" else g.op("Mul", mean, g.scalar(self._elements(), data))
        )

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        spatial = len(m.shape(data)) - 2
        if self.global_pool:
            axes = tuple(range(2, spatial + 2))
            reduce = {"max": "amax", "avg": "mean", "sum": "sum"}[self.pool_type]
            return f"{data}.{reduce}({axes}, keepdim=True)"
        options: Dict[str, Any] = {
            "kernel_size": self.kernel,
            "stride": self.stride,
            "padding": self.pad,
            "ceil_mode": self.full,
        }
        if self.pool_type == "max":
            return f"{m.module(f'nn.MaxPool{spatial}d', **options)}({data})"
        options["count_include_pad"] = self.counts_pad
        pooled = f"{m.module(f'nn.AvgPool{spatial}d', **options)}({data})"
        return pooled if self.pool_type == "avg" else f"{pooled} * {self._elements()}"
