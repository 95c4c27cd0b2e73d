"""Feature maps made larger by a whole number."""

from __future__ import annotations

from functools import reduce
from typing import Any, Dict, List, Literal, Mapping, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, merge, same, show, with_axes
from .convolution import Deconvolution
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .shaping import total


@operator("UpSampling", ignores=("workspace",), parameters=("weight",))
class UpSampling(Operator):
    """(N, C, H, W), more of them -> (N, C', scale * H, scale * W).

    "nearest" makes every input as large as the first one becomes, and joins them or adds them
    up. "bilinear" is a depthwise Deconvolution with the kernel that is its second input.
    Source: src/operator/nn/upsampling-inl.h.
    """

    scale: int
    sample_type: Literal["nearest", "bilinear"]
    num_args: int = 1
    num_filter: int = 0  # the number of channels; for "bilinear"
    multi_input_mode: Literal["concat", "sum"] = "concat"

    def input_names(self) -> Tuple[str, ...]:
        if self.sample_type == "bilinear":
            return ("data", "weight")
        return tuple(f"arg{i}" for i in range(self.num_args))

    @property
    def _kernel(self) -> Tuple[int, int]:
        return (2 * self.scale - self.scale % 2,) * 2

    def _deconvolution(self) -> Deconvolution:
        kernel, stride, pad = self._kernel, (self.scale,) * 2, (self.scale // 2,) * 2
        channels = self.num_filter
        return Deconvolution(
            kernel=kernel, num_filter=channels, stride=stride, pad=pad, num_group=channels
        )

    def __post_init__(self) -> None:
        if self.sample_type == "bilinear" and self.num_filter < 1:
            raise Unsupported(f"num_filter={self.num_filter}; supported: the number of channels")

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        return {"weight": (data[1] if data and len(data) > 1 else None, 1, *self._kernel)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        return self._deconvolution().data_shape(shapes) if shapes.get("weight") else None

    def infer(self, *data: Dims) -> Dims:
        given = data[:1] if self.sample_type == "bilinear" else data
        maps = [with_axes(shape, "(N, C, H, W)") for shape in given]
        first, *others = maps
        height, width = (d * self.scale if isinstance(d, int) else None for d in first[2:])
        for other in others:
            self._ratio(first, other)
        channels = [shape[1] for shape in maps]
        joined = total(channels) if self.multi_input_mode == "concat" else reduce(merge, channels)
        return (first[0], joined, height, width)

    def _ratio(self, first: Dims, other: Dims) -> Dim:
        """How many times larger an input is made; None where sizes are free."""
        ratios: List[Dim] = []
        for size, small in zip(first[2:], other[2:]):
            if not (isinstance(size, int) and isinstance(small, int)):
                ratios.append(self.scale if size == small and size is not None else None)
            elif size * self.scale % small:
                raise ShapeError(f"{show(other)} does not divide {self.scale} times {show(first)}")
            else:
                ratios.append(size * self.scale // small)
        if not same(*ratios):
            raise ShapeError(f"{show(other)} has other proportions than {show(first)}")
        return ratios[0] if ratios[0] is not None else ratios[1]

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        if self.sample_type == "bilinear":
            return self._deconvolution().to_onnx(g, *data)
        larger = [self._onnx_nearest(g, data[0], value) for value in data]
        if len(larger) > 1 and self.multi_input_mode == "concat":
            return g.op("Concat", *larger, axis=1)
        return reduce(lambda total, value: g.op("Add", total, value), larger)

    def _onnx_nearest(self, g: OnnxBuilder, first: Any, value: Any) -> Any:
        ratio = self.scale if value is first else self._ratio(g.shape(first), g.shape(value))
        modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if isinstance(ratio, int):
            scales = g.constant(np.array([1, 1, ratio, ratio], np.float32))
            return g.op("Resize", value, None, scales, mode="nearest", **modes)
        zero, two, four = (g.ints((n,)) for n in (0, 2, 4))
        own = g.op("Slice", g.op("Shape", value), zero, two)
        size = g.op("Slice", g.op("Shape", first), two, four)
        sizes = g.op("Concat", own, g.op("Mul", size, g.ints((self.scale,))), axis=0)
        return g.op("Resize", value, None, None, sizes, mode="nearest", **modes)

    def to_pytorch(self, m: TorchBuilder, *data: str) -> str:
        if self.sample_type == "bilinear":
            return self._deconvolution().to_pytorch(m, *data)
        larger = [self._torch_nearest(m, data[0], value) for value in data]
        if len(larger) > 1 and self.multi_input_mode == "concat":
            return f"torch.cat([{', '.join(larger)}], 1)"
        return " + ".join(larger)

    def _torch_nearest(self, m: TorchBuilder, first: str, value: str) -> str:
        ratio = self.scale if value is first else self._ratio(m.shape(first), m.shape(value))
        if isinstance(ratio, int):
            return f'F.interpolate({value}, scale_factor={ratio}, mode="nearest")'
        sides = ", ".join(f"{first}.shape[{a}] * {self.scale}" for a in (2, 3))
        return f'F.interpolate({value}, size=({sides}), mode="nearest-exact")'
