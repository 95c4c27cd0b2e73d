"""Feature maps made larger by a whole number, and resized to any size."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any, Callable, Dict, List, Literal, Mapping, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, same, show, unify, with_axes
from .attributes import Single
from .convolution import Deconvolution
from .emit.onnx_math import OnnxExpr, join
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .shaping import total

#: Numbers as float32 that sizes are multiplied with exactly: 2, 0.5, 1.25.
EXACT = 1 << 8
#: What the input's height or width becomes, in Python.
SIZES = {
    "size": "int({0} * {1})",
    "odd_scale": "int(({0} - {0} % 2) * {1}) + {0} % 2",
    "to_even_down": "{0} - {0} % 2",
    "to_even_up": "{0} + {0} % 2",
    "to_odd_down": "{0} - (1 - {0} % 2)",
    "to_odd_up": "{0} + (1 - {0} % 2)",
}


@operator("_contrib_BilinearResize2D")
class BilinearResize2D(Operator):
    """(N, C, H, W) -> (N, C, H', W').  Source: src/operator/contrib/bilinear_resize-inl.h.

    The size is stated, or that of `like`, or the input's times a scale, made even or odd.
    """

    height: int = 1
    width: int = 1
    scale_height: Optional[Single] = None
    scale_width: Optional[Single] = None
    mode: Literal[
        "size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"
    ] = "size"
    align_corners: bool = True

    limits = "a scale such as 0.7, which float32 rounds, needs a fixed input size"

    def __post_init__(self) -> None:
        by_scale = self.mode == "odd_scale" or (
            self.mode == "size" and self.scale_height is not None
        )
        if by_scale and (self.scale_height is None or self.scale_width is None):
            raise Unsupported(
                f"scale_height={self.scale_height}, scale_width={self.scale_width}; supported: "
                "both, as MXNet needs them"
            )

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "like") if self.mode == "like" else ("data",)

    def _scale(self, axis: int) -> float:
        return float((self.scale_height, self.scale_width)[axis] or 1)

    def _resized(self, size: Any, scaled: Callable[[Any], Any]) -> Any:
        """As SIZES say: an int, or int64 (1,) in ONNX."""
        if self.mode == "size":
            return scaled(size)
        odd = size % 2
        if self.mode == "odd_scale":
            return scaled(size - odd) + odd
        other = odd if self.mode.startswith("to_even") else 1 - odd
        return size + other if self.mode.endswith("up") else size - other

    def infer(self, data: Dims, like: Dims = ()) -> Dims:
        with_axes(data, "(N, C, H, W)")
        if self.mode == "like":
            if len(like) != 4:
                raise ShapeError(f"takes `like` of (N, C, H, W), got {show(like)}")
            return (*data[:2], *like[2:])
        return (*data[:2], *(self._inferred(a, d) for a, d in enumerate(data[2:])))

    def _inferred(self, axis: int, size: Dim) -> Dim:
        """MXNet multiplies in float32."""
        stated = self.mode == "size" and self.scale_height is None
        if stated or not isinstance(size, int):
            result = (self.height, self.width)[axis] if stated else None
        else:
            scale = np.float32(self._scale(axis))
            result = self._resized(size, lambda number: int(np.float32(number) * scale))
        if result is not None and result < 1 and isinstance(size, int):
            raise ShapeError(f"mode={self.mode!r} leaves nothing of a size of {size}")
        return result

    def _exact_scale(self, axis: int) -> float:
        """Raises Unsupported: the scale is none that sizes are multiplied with exactly."""
        scale = self._scale(axis)
        if not (scale * EXACT).is_integer():
            raise Unsupported(
                f"scale={scale} of an input without a fixed size; supported: a scale "
                "such as 2 or 0.5, or a fixed size: give --input"
            )
        return scale

    def to_onnx(self, g: OnnxBuilder, data: Any, like: Any = None) -> Any:
        given = OnnxExpr(g, data)
        shape = given.shape()
        if like is not None:
            sizes = [OnnxExpr(g, like).shape().slice(0, 2, 4)]
        else:
            sizes = [self._onnx_size(shape, a, d) for a, d in enumerate(g.shape(data)[2:])]
        wanted = join([shape.slice(0, 0, 2), *sizes], 0)
        # pytorch_half_pixel takes the first pixel where a single one is asked for, as MXNet does.
        mode = "align_corners" if self.align_corners else "pytorch_half_pixel"
        options = {"mode": "linear", "coordinate_transformation_mode": mode}
        return g.op("Resize", data, None, None, wanted.value, **options)

    def _onnx_size(self, shape: OnnxExpr, axis: int, size: Dim) -> Any:
        known = self._inferred(axis, size)
        if isinstance(known, int):
            return shape.ints((known,))
        full = shape.slice(0, axis + 2, axis + 3)
        return self._resized(full, lambda n: n * int(self._exact_scale(axis) * EXACT) / EXACT)

    def to_pytorch(self, m: TorchBuilder, data: str, like: Optional[str] = None) -> str:
        if like is None:
            sides = list(enumerate(m.shape(data)[2:]))
            known = [self._inferred(*side) for side in sides]
            size = f"({', '.join(self._torch_size(data, *side) for side in sides)})"
        else:
            known = list(m.shape(like)[2:])
            size = f"{like}.shape[2:]"
        if not self.align_corners and not all(isinstance(d, int) and d > 1 for d in known):
            return f"{m.function('resize_bilinear')}({data}, {size})"
        more = f'mode="bilinear", align_corners={self.align_corners}'
        return f"F.interpolate({data}, size={size}, {more})"

    def _torch_size(self, data: str, axis: int, size: Dim) -> str:
        known = self._inferred(axis, size)
        if isinstance(known, int):
            return str(known)
        scale = self._exact_scale(axis) if self.mode in ("size", "odd_scale") else 1
        return SIZES[self.mode].format(f"{data}.shape[{axis + 2}]", scale)


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
        joined = total(channels) if self.multi_input_mode == "concat" else reduce(unify, channels)
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
        return reduce(partial(g.op, "Add"), larger)

    def _onnx_nearest(self, g: OnnxBuilder, first: Any, value: Any) -> Any:
        ratio = self.scale if value is first else self._ratio(g.shape(first), g.shape(value))
        modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if isinstance(ratio, int):
            scales = g.constant(np.array([1, 1, ratio, ratio], np.float32))
            return g.op("Resize", value, None, scales, mode="nearest", **modes)
        outer = OnnxExpr(g, value).shape().slice(0, 0, 2)
        sizes = join([outer, OnnxExpr(g, first).shape().slice(0, 2, 4) * self.scale], 0)
        return g.op("Resize", value, None, None, sizes.value, mode="nearest", **modes)

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
