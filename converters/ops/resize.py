"""Bilinear interpolation to any size."""

from __future__ import annotations

from typing import Any, Literal, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Dims, show, with_axes
from .attributes import Single
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator

#: Numbers as float32 that sizes are multiplied with exactly: 2, 0.5, 1.25.
EXACT = 1 << 8


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

    def _stated(self, axis: int) -> Optional[int]:
        """The height or the width, if the symbol states it."""
        if self.mode != "size" or self.scale_height is not None:
            return None
        return (self.height, self.width)[axis]

    def _scale(self, axis: int) -> float:
        return float((self.scale_height, self.scale_width)[axis] or 1)

    def _size(self, axis: int, size: int) -> int:
        """From the input's height or width; MXNet multiplies in float32."""
        stated = self._stated(axis)
        if stated is not None:
            return stated
        odd = size % 2
        if self.mode in ("size", "odd_scale"):
            kept = odd if self.mode == "odd_scale" else 0
            return int(np.float32(size - kept) * np.float32(self._scale(axis))) + kept
        step = 1 if self.mode.endswith("up") else -1
        return size if odd == self.mode.startswith("to_odd") else size + step

    def infer(self, data: Dims, like: Dims = ()) -> Dims:
        with_axes(data, "(N, C, H, W)")
        if self.mode == "like":
            if len(like) != 4:
                raise ShapeError(f"takes `like` of (N, C, H, W), got {show(like)}")
            return (*data[:2], *like[2:])
        return (*data[:2], *(self._inferred(a, d) for a, d in enumerate(data[2:])))

    def _inferred(self, axis: int, size: Dim) -> Dim:
        if not isinstance(size, int):
            return self._stated(axis)
        result = self._size(axis, size)
        if result < 1:
            raise ShapeError(f"mode={self.mode!r} leaves nothing of a size of {size}")
        return result

    def _check_scale(self, axis: int) -> None:
        if not (self._scale(axis) * EXACT).is_integer():
            raise Unsupported(
                f"scale={self._scale(axis)} of an input without a fixed size; supported: a scale "
                "such as 2 or 0.5, or a fixed size: give --input"
            )

    def to_onnx(self, g: OnnxBuilder, data: Any, like: Any = None) -> Any:
        shape = g.op("Shape", data)
        if like is not None:
            sizes = [g.op("Slice", g.op("Shape", like), g.ints((2,)), g.ints((4,)))]
        else:
            dims = g.shape(data)[2:]
            sizes = [self._onnx_size(g, shape, axis, dim) for axis, dim in enumerate(dims)]
        own = g.op("Slice", shape, g.ints((0,)), g.ints((2,)))
        wanted = g.op("Concat", own, *sizes, axis=0)
        # pytorch_half_pixel takes the first pixel where a single one is asked for, as MXNet does.
        mode = "align_corners" if self.align_corners else "pytorch_half_pixel"
        options = {"mode": "linear", "coordinate_transformation_mode": mode}
        return g.op("Resize", data, None, None, wanted, **options)

    def _onnx_size(self, g: OnnxBuilder, shape: Any, axis: int, size: Dim) -> Any:
        known = self._inferred(axis, size)
        if isinstance(known, int):
            return g.ints((known,))
        full = g.op("Slice", shape, g.ints((axis + 2,)), g.ints((axis + 3,)))
        odd = g.op("Mod", full, g.ints((2,)))
        if self.mode in ("size", "odd_scale"):
            self._check_scale(axis)
            kept = self.mode == "odd_scale"
            part = g.op("Sub", full, odd) if kept else full
            scaled = g.op("Mul", part, g.ints((int(self._scale(axis) * EXACT),)))
            result = g.op("Div", scaled, g.ints((EXACT,)))
            return g.op("Add", result, odd) if kept else result
        other = odd if self.mode.startswith("to_even") else g.op("Sub", g.ints((1,)), odd)
        return g.op("Add" if self.mode.endswith("up") else "Sub", full, other)

    def to_pytorch(self, m: TorchBuilder, data: str, like: Optional[str] = None) -> str:
        shape = m.shape(data)
        if like is None:
            sides = list(enumerate(shape[2:]))
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
        full = f"{data}.shape[{axis + 2}]"
        if self.mode in ("size", "odd_scale"):
            self._check_scale(axis)
            if self.mode == "size":
                return f"int({full} * {self._scale(axis)})"
            return f"int(({full} - {full} % 2) * {self._scale(axis)}) + {full} % 2"
        sign = "+" if self.mode.endswith("up") else "-"
        other = f"{full} % 2" if self.mode.startswith("to_even") else f"(1 - {full} % 2)"
        return f"{full} {sign} {other}"
