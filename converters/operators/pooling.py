"""Sliding and global pooling in one, two and three dimensions, and as it was before MXNet 0.10."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any, Dict, Literal, Optional

import numpy as np

from ..ir.shapes import Dims, Shape, with_axes
from .attributes import single
from .emit.onnx_math import OnnxExpr, moved
from .emit.windows import Windows
from .registry import OnnxBuilder, TorchBuilder, Unsupported, operator

LAST = "C"  # how the name of a layout with the channels on the last axis ends


@operator("Pooling", ignores=("cudnn_off",))
class Pooling(Windows):
    """(N, C, *S) -> (N, C, *S').  Source: src/operator/nn/pooling-inl.h, pool.h.

    `global_pool` ignores kernel, stride and pad. Padding counts in an average unless
    `count_include_pad` is False, but what "full" adds beyond the padding never does.
    """

    p_value: Optional[int] = None  # of pool_type lp: the root of the sum of powers
    count_include_pad: Optional[bool] = None  # None means True
    layout: Optional[Literal["NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"]] = None

    limits = (
        "pooling_convention='same': MXNet 1.9.1 itself fails on it; pad >= kernel for max and "
        "avg: MXNet itself refuses it"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool_type == "lp" and self.p_value not in (1, 2, 3):
            raise Unsupported(f"p_value={self.p_value}; supported for pool_type='lp': 1, 2, 3")
        wide = not self.global_pool and any(p >= k for p, k in zip(self.pad, self.kernel))
        if wide and self.pool_type in ("max", "avg"):
            raise Unsupported(
                f"pad={self.pad} with kernel={self.kernel}; supported: pad < kernel, as in MXNet"
            )

    @property
    def _last(self) -> bool:
        return bool(self.layout and self.layout.endswith(LAST))

    @property
    def counts_pad(self) -> bool:
        return self.count_include_pad is not False

    @property
    def _power(self) -> int:
        return self.p_value or 1 if self.pool_type == "lp" else 1

    def stored_outputs(self) -> int:
        fast = self.pool_type == "max" and self.kernel and not self._last
        return 2 if fast else 1  # oneDNN's workspace

    def infer(self, data: Dims) -> Shape:
        if not self._last:
            return self.pooled(data)
        batch, *spatial, channels = data
        _, _, *sizes = self.pooled((batch, channels, *spatial))
        return (batch, *sizes, channels)

    def _spatial(self, shape: Dims) -> Dims:
        return shape[1:-1] if self._last else shape[2:]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        shape = g.shape(data)
        value = moved(g, data, len(shape), -1, 1) if self._last else data
        value = reduce(partial(g.op, "Mul"), [value] * self._power)
        if self.global_pool:
            out = self.onnx_global(g, value, len(shape))
        else:
            out = self._onnx_sliding(g, value, data)
        out = _root(OnnxExpr(g, out, g.type(data)), self._power).value
        return moved(g, out, len(shape), 1, -1) if self._last else out

    def _onnx_sliding(self, g: OnnxBuilder, value: Any, data: Any) -> Any:
        ceil = 1 if self.full else None
        options = {**self.onnx_window(), "pads": self.pad * 2, "ceil_mode": ceil}
        outside = self.begins_outside(self._spatial(g.shape(data)), (0,) * len(self.kernel))
        if self.pool_type == "max" and outside:
            return self._onnx_maximum(g, value, data)
        if self.pool_type == "max":
            return g.op("MaxPool", value, **options)
        if self.pool_type != "avg":
            padded = self.onnx_padded(g, value, self.beyond)
            return self.onnx_sums(g, padded, g.scalar(self.elements, data))
        if outside:
            return self._onnx_average(g, value, data)
        return g.op("AveragePool", value, **options, count_include_pad=int(self.counts_pad))

    def _onnx_maximum(self, g: OnnxBuilder, value: Any, data: Any) -> Any:
        """Where a last window may be empty: the lowest number that there is, as in MXNet.

        The Max keeps onnxruntime from joining the padding with the pooling, which it gets wrong.
        """
        lowest = g.constant(np.array(np.finfo(g.type(data)).min), data)
        padded = g.op("Max", self.onnx_padded(g, value, self.beyond, lowest), lowest)
        return g.op("MaxPool", padded, **self.onnx_window())

    def _onnx_average(self, g: OnnxBuilder, value: Any, data: Any) -> Any:
        """Sums over counts, where a last window may be empty: 0, as in MXNet."""
        spatial = g.op("Slice", g.op("Shape", value), g.ints((2,)), g.ints((9,)), g.ints((0,)))
        shape = g.op("Concat", g.ints((1, 1)), spatial, axis=0)
        counted = g.op("Expand", g.scalar(1, data), shape)
        more = self.beyond
        if self.counts_pad:
            counted = self.onnx_padded(g, counted, (0,) * len(more), g.scalar(1, data))
            counted = g.op("Pad", counted, g.ints((0,) * (len(more) + 4) + more))
        else:
            counted = self.onnx_padded(g, counted, more)
        factor, one = g.scalar(self.elements, data), g.scalar(1, data)
        counts = g.op("Max", self.onnx_sums(g, counted, factor), one)
        sums = self.onnx_sums(g, self.onnx_padded(g, value, more), factor)
        return g.op("Div", sums, counts)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        shape = m.shape(data)
        value = f"{data}.movedim(-1, 1)" if self._last and not self.global_pool else data
        if self._power > 1:
            value = f"{value}.pow({self._power})"
        if self.global_pool:
            axes = range(1, len(shape) - 1) if self._last else range(2, len(shape))
            out = self.torch_global(value, tuple(axes))
        else:
            out = self._torch_sliding(m, value, self._spatial(shape))
        if self._power == 2:
            out = f"({out}).sqrt()"
        if self._power == 3:
            out = f"{m.function('cube_root')}({out})"
        return f"({out}).movedim(1, -1)" if self._last and not self.global_pool else out

    def _torch_sliding(self, m: TorchBuilder, value: str, sizes: Dims) -> str:
        kind = f"nn.{'Max' if self.pool_type == 'max' else 'Avg'}Pool{len(self.kernel)}d"
        if self.pool_type in ("sum", "lp"):
            pooled = self.torch_sums(m, value)
            return pooled if self.elements == 1 else f"{pooled} * {self.elements}"
        options: Dict[str, Any] = {"kernel_size": self.kernel, "stride": self.stride}
        wide = any(2 * p > k for p, k in zip(self.pad, self.kernel))
        outside = self.begins_outside(sizes, (0,) * len(sizes))
        if self.pool_type == "avg":
            # AvgPool3d looks at the input without its padding, and may find it too small.
            small = len(sizes) == 3 and any(
                p and (not isinstance(n, int) or n < k)
                for n, k, p in zip(sizes, self.kernel, self.pad)
            )
            if wide or outside or small:
                window = f"{self.kernel}, {self.stride}, {self.pad}, {self.beyond}"
                return f"{m.function('average_pool')}({value}, {window}, {self.counts_pad})"
            options["count_include_pad"] = self.counts_pad
        elif outside:  # an empty window's maximum is the lowest number that there is, as in MXNet
            padded = self.torch_padded(value, self.beyond, ", value=-torch.inf")
            lowest = f"torch.finfo({value}.dtype).min"
            return f"{m.module(kind, **options)}({padded}).clamp(min={lowest})"
        elif wide:  # more than PyTorch pads itself
            padded = self.torch_padded(value, (0,) * len(sizes), ", value=-torch.inf")
            return f"{m.module(kind, **options, ceil_mode=self.full)}({padded})"
        pool = m.module(kind, **options, padding=self.pad, ceil_mode=self.full)
        return f"{pool}({value})"


def _root(value: OnnxExpr, power: int) -> OnnxExpr:
    if power < 3:
        return value.op("Sqrt") if power == 2 else value
    return value.op("Sign") * abs(value) ** (1 / 3)


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
