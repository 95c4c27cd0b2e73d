"""The windows of a sliding pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Literal

from ...errors import ShapeError
from ...ir.shapes import Dims, product, show, window
from ..attributes import Ints
from ..convolution import fill_windows
from ..registry import OnnxBuilder, Operator, TorchBuilder, Unsupported


@dataclass(frozen=True)
class Windows(Operator):
    """What MXNet's two poolings share: windows, and what they take in beyond the input's end.

    The convention "full" rounds the number of windows up, so that the last ones reach beyond the
    padding. A last window may even begin there: it holds nothing, and its maximum is undefined.
    """

    kernel: Ints = ()
    pool_type: Literal["max", "avg", "sum", "lp"] = "max"
    global_pool: bool = False
    pooling_convention: Literal["valid", "full"] = "valid"
    stride: Ints = ()  # () means 1 along each spatial axis
    pad: Ints = ()

    def __post_init__(self) -> None:
        if self.global_pool:
            return
        if not 1 <= len(self.kernel) <= 3:
            raise Unsupported(f"kernel={self.kernel}; supported: 1 to 3 dimensions")
        fill_windows(self, stride=1, pad=0)

    @property
    def full(self) -> bool:
        return self.pooling_convention == "full" and set(self.stride) != {1}

    @property
    def elements(self) -> int:
        return int(product(self.kernel) or 0)

    @property
    def beyond(self) -> Ints:
        """What is added to the end of each axis so that rounding down gives as many windows."""
        return tuple(s - 1 if self.full else 0 for s in self.stride)

    def begins_outside(self, sizes: Dims, pads: Ints) -> bool:
        """May a last window begin behind the input and `pads` at its end?"""
        axes = zip(sizes, self.kernel, self.stride, self.pad, pads)
        return self.full and any(
            p + s - k > end
            if not isinstance(n, int)
            else (-(-(n + 2 * p - k) // s)) * s - p >= n + end
            for n, k, s, p, end in axes
        )

    def pooled(self, data: Dims) -> Dims:
        """(N, C, *S) -> (N, C, *S')."""
        spatial = len(data) - 2
        if not 1 <= spatial <= 3 or not (self.global_pool or spatial == len(self.kernel)):
            allowed = "3 to 5" if self.global_pool else len(self.kernel) + 2
            raise ShapeError(f"takes {allowed} dimensions, got {show(data)}")
        if self.global_pool:
            return (*data[:2], *(1,) * spatial)
        axes = zip(data[2:], self.kernel, self.stride, self.pad)
        return (*data[:2], *(window(*axis, full=self.full) for axis in axes))

    def onnx_window(self) -> Dict[str, Any]:
        return {"kernel_shape": self.kernel, "strides": self.stride}

    def onnx_padded(self, g: OnnxBuilder, data: Any, more: Ints, *fill: Any) -> Any:
        """With the padding around it, and more at the end."""
        ends = tuple(p + m for p, m in zip(self.pad, more))
        pads = (0, 0, *self.pad, 0, 0, *ends)
        return g.op("Pad", data, g.ints(pads), *fill) if any(pads) else data

    def onnx_sums(self, g: OnnxBuilder, padded: Any, factor: Any) -> Any:
        """The sum of each window: the mean of the data times `factor`, the number of elements.

        The factor comes before the mean, because onnxruntime fuses a Pad with the pooling right
        behind it, where more padding than kernel is an error.
        """
        if self.elements == 1:
            return self.onnx_max(g, padded)
        return g.op("AveragePool", g.op("Mul", padded, factor), **self.onnx_window())

    def onnx_max(self, g: OnnxBuilder, padded: Any, **ceil: int) -> Any:
        """The maximum of each window, and unused indices: without that second output onnxruntime
        fuses a Pad with the pooling behind it, and forgets what the padding was filled with."""
        return g.ops("MaxPool", padded, outputs=2, **self.onnx_window(), **ceil)[0]

    def onnx_global(self, g: OnnxBuilder, data: Any, rank: int) -> Any:
        """(N, C, *S) -> (N, C, 1, ...): one window over all of S."""
        name = {"max": "GlobalMaxPool", "avg": "GlobalAveragePool"}.get(self.pool_type)
        return (
            g.op(name, data) if name else g.reduce("ReduceSum", data, tuple(range(2, rank)), True)
        )

    def torch_global(self, data: str, axes: Ints) -> str:
        reduce = {"max": "amax", "avg": "mean"}.get(self.pool_type, "sum")
        return f"{data}.{reduce}({axes}, keepdim=True)"

    def torch_padded(self, data: str, more: Ints, fill: str = "") -> str:
        """With the padding around it, and more at the end; `fill` is an argument of F.pad."""
        pads = [(p, p + m) for p, m in zip(self.pad, more)]
        flat = tuple(n for pair in reversed(pads) for n in pair)
        return f"F.pad({data}, {flat}{fill})" if any(flat) else data

    def torch_sums(self, m: TorchBuilder, data: str) -> str:
        """The mean of each window, which the caller multiplies by the number of elements."""
        kind = f"nn.AvgPool{len(self.kernel)}d"
        pool = m.module(kind, kernel_size=self.kernel, stride=self.stride)
        return f"{pool}({self.torch_padded(data, self.beyond)})"
