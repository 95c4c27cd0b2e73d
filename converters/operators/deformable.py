"""Convolutions that move each tap of the kernel by an offset of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, with_axes
from .convolution import Filters, windows
from .emit.computed import Computed, options, takes
from .emit.interpolation import Lines, clamped, of_parts, padded
from .emit.onnx_math import OnnxExpr, count
from .registry import TorchBuilder, operator

DEFORM_CONV = 19  # the first opset that has it
#: Of the function for PyTorch.
DEFAULTS = dict(stride=(1, 1), dilate=(1, 1), pad=(0, 0), num_group=1, num_deformable_group=1)


@dataclass(frozen=True)
class Deformable(Computed, Filters):
    """What both kinds share: the offsets are (N, groups * taps * 2, H', W'), down and across."""

    num_deformable_group: int = 1
    layout: Optional[Literal["NCHW"]] = None

    allowed = (("kernel", lambda kernel: len(kernel) == 2, "2 dimensions, as in MXNet"),)

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    def output_shape(self, data: Dims, **moved: Tuple[Dims, int]) -> Shape:
        """Args: name of an input -> its shape, and how many numbers it has for each tap."""
        channels = with_axes(data, "(N, C, H, W)")[1]
        for name in ("num_group", "num_deformable_group"):
            groups = getattr(self, name)
            if isinstance(channels, int) and channels % groups:
                raise ShapeError(f"{name}={groups} does not divide {channels} channels")
        height, width = windows(self, data[2:])
        for name, (shape, numbers) in moved.items():
            total = self.num_deformable_group * self.taps * numbers
            *_, height, width = takes(name, shape, (data[0], total, height, width))
        return (data[0], self.num_filter, height, width)

    def lines(self, place: OnnxExpr, size: OnnxExpr) -> Lines:
        return padded(place, size)

    def formula(self, *inputs: OnnxExpr) -> OnnxExpr:
        """Interpolated numbers for each tap, and the product of them with the kernel."""
        given = dict(zip(self.input_names(), inputs))
        data, offset, weight = (given[name] for name in ("data", "offset", "weight"))
        groups, taps = self.num_deformable_group, self.taps
        height, width = offset.size(2), offset.size(3)
        images = count(offset, offset.size(0)).reshape(-1, 1, 1, 1, 1) * groups
        first = images + images.array(np.arange(groups).reshape(-1, 1, 1, 1))
        maps = of_parts(data, first, groups)
        moved = offset.reshape(0, groups, taps, 2, height, width)
        rows = self.lines(self._places(moved, 0, height), maps.height)
        columns = self.lines(self._places(moved, 1, width), maps.width)
        if "mask" in given:
            parts = given["mask"].reshape(0, groups, taps, height, width)
            rows = [(line, part * parts) for line, part in rows]
        found = maps.sample(rows, columns).transpose(0, 1, 5, 2, 3, 4)  # (N, groups, C', taps, *P)
        kernels = weight.reshape(self.num_group, self.num_filter // self.num_group, -1)
        total = kernels.op("MatMul", found.reshape(0, self.num_group, -1, height * width))
        total = total.reshape(0, self.num_filter, height, width)
        return total + given["bias"].unsqueeze(1, 2) if "bias" in given else total

    def _places(self, moved: OnnxExpr, axis: int, size: OnnxExpr) -> OnnxExpr:
        """(N, groups, taps, H', W'): where each tap lies, 0 is down and 1 is across."""
        tap = np.indices(self.kernel)[axis].reshape(-1, 1, 1) * self.dilate[axis] - self.pad[axis]
        steps = count(moved, size).real() * self.stride[axis]
        steps = steps.unsqueeze(1) if axis == 0 else steps
        return moved.column(axis, 3) + (steps + moved.array(tap))

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        given = dict(zip(self.input_names(), inputs))
        call = ", ".join(given[name] for name in ("data", "offset", "weight"))
        call += "".join(f", {k}={given[k]}" for k in ("bias", "mask") if k in given)
        return f"{m.function('deformable_convolution')}({call}{options(self, DEFAULTS)})"


@operator("_contrib_DeformableConvolution", ignores=("workspace",), parameters=("weight", "bias"))
class DeformableConvolution(Deformable):
    """(N, C, H, W), offset -> (N, num_filter, H', W'). A place outside of the map is 0, also half
    a pixel outside, where others interpolate with 0.

    Source: src/operator/contrib/nn/deformable_im2col.h.
    """

    def infer(self, data: Dims, offset: Dims, weight: Dims, bias: Shape = None) -> Shape:
        return self.output_shape(data, offset=(offset, 2))

    def lines(self, place: OnnxExpr, size: OnnxExpr) -> Lines:
        return clamped(place, size, (place >= 0) & (place < size.real()))


@operator(
    "_contrib_ModulatedDeformableConvolution",
    ignores=("workspace", "im2col_step"),
    parameters=("weight", "bias"),
)
class ModulatedDeformableConvolution(Deformable):
    """(N, C, H, W), offset, mask -> (N, num_filter, H', W'); the mask weighs each tap.

    Source: src/operator/contrib/nn/modulated_deformable_im2col.h.
    """

    def infer(
        self, data: Dims, offset: Dims, mask: Dims, weight: Dims, bias: Shape = None
    ) -> Shape:
        return self.output_shape(data, offset=(offset, 2), mask=(mask, 1))

    def formula(self, *inputs: OnnxExpr) -> OnnxExpr:
        data = inputs[0]
        if data.g.opset < DEFORM_CONV or data.kind == "float64":
            return super().formula(*inputs)
        given = {name: value.value for name, value in zip(self.input_names(), inputs)}
        ordered = (given.get(name) for name in ("data", "weight", "offset", "bias", "mask"))
        groups = self.num_deformable_group
        made = self.onnx(data.g, "DeformConv", *ordered, pad=self.pad, offset_group=groups)
        return replace(data, value=made)
