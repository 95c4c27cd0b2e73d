"""Padding, and channels exchanged for height and width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Optional

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, product, show, with_axes
from .attributes import Ints
from .emit.onnx_math import formula, result
from .registry import OnnxBuilder, Operator, TorchBuilder, Written, operator


@operator("Pad")
class Pad(Operator):
    """(N, C, *) -> (N, C, *'): before and behind each axis.  Source: src/operator/pad-inl.h."""

    mode: Literal["constant", "edge", "reflect"]
    pad_width: Ints  # (0, 0, 0, 0, before, behind, ...)
    constant_value: float = 0.0

    allowed = (
        (
            "pad_width",
            lambda pads: len(pads) in (8, 10) and not any(pads[:4]) and min(pads) >= 0,
            "a pair for each of 4 or 5 axes, zeros for the first two, none negative",
        ),
    )

    def infer(self, data: Dims) -> Shape:
        if data is None or 2 * len(data) != len(self.pad_width):
            raise ShapeError(f"takes {len(self.pad_width) // 2} dimensions, got {show(data)}")
        shape = []
        for size, before, behind in zip(data, self.pad_width[::2], self.pad_width[1::2]):
            total, larger = before + behind, max(before, behind)
            if self.mode == "reflect" and isinstance(size, int) and larger and larger >= size:
                raise ShapeError(f"cannot reflect {larger} of {show(data)}")
            shape.append(size + total if isinstance(size, int) else None if total else size)
        return tuple(shape)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        pads = g.ints((*self.pad_width[::2], *self.pad_width[1::2]))
        filling = [g.scalar(self.constant_value, data)] if self.mode == "constant" else []
        return g.op("Pad", data, pads, *filling, mode=self.mode)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        pairs = list(zip(self.pad_width[4::2], self.pad_width[5::2]))
        widths = tuple(width for pair in reversed(pairs) for width in pair)
        if self.mode != "constant":
            mode = {"edge": "replicate", "reflect": "reflect"}[self.mode]
            return f'F.pad({data}, {widths}, mode="{mode}")'
        value = f", value={self.constant_value}" if self.constant_value else ""
        return f"F.pad({data}, {widths}{value})"


def _divided(size: Dim, by: int, data: Dims) -> Dim:
    if not isinstance(size, int):
        return None
    if size % by:
        raise ShapeError(f"{size} of {show(data)} is not a multiple of {by}")
    return size // by


@dataclass(frozen=True)
class _Blocks(Written):
    """Blocks of height and width that become channels, or the other way round."""

    block_size: int

    mode: ClassVar[Optional[str]] = None  # of ONNX's operator, which has the class's name

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        kind = g.type(data)
        x = formula(g, data, "float64" if "int" in kind else kind)  # no kernels move blocks of ints
        return result(x.op(type(self).__name__, blocksize=self.block_size, mode=self.mode))


@operator("depth_to_space")
class DepthToSpace(_Blocks):
    """(N, b * b * C, H, W) -> (N, C, H * b, W * b).  Source: src/operator/tensor/matrix_op-inl.h.

    The block's row and column are the outer of the channels' indices, unlike in pixel_shuffle.
    """

    mode = "DCR"
    text = (
        "{0}.unflatten(1, ({self.block_size}, {self.block_size}, -1))"
        ".permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)"
    )

    def infer(self, data: Dims) -> Shape:
        number, channels, *sides = with_axes(data, "(N, C, H, W)")
        block = self.block_size
        channels = _divided(channels, block * block, data)
        return (number, channels, *(product((d, block)) for d in sides))


@operator("space_to_depth")
class SpaceToDepth(_Blocks):
    """(N, C, H * b, W * b) -> (N, b * b * C, H, W).  Source: matrix_op-inl.h."""

    text = (
        "{0}.unflatten(3, (-1, {self.block_size})).unflatten(2, (-1, {self.block_size}))"
        ".permute(0, 3, 5, 1, 2, 4).flatten(1, 3)"
    )

    def infer(self, data: Dims) -> Shape:
        number, channels, *sides = with_axes(data, "(N, C, H, W)")
        block = self.block_size
        return (
            number,
            product((channels, block * block)),
            *(_divided(d, block, data) for d in sides),
        )
