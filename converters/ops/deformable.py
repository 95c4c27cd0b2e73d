"""Convolutions that move each tap of the kernel by an offset of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Literal, Mapping, Optional, Sequence, Tuple

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dim, Dims, Shape, merge, same, show, window
from .attributes import Ints
from .convolution import fill_windows
from .interpolation import Lines, Map, clamped, padded
from .onnx_math import Formula, count, formula, join, result
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator

DEFORM_CONV = 19  # the first opset that has it
#: Of the function for PyTorch.
DEFAULTS = {
    "stride": (1, 1),
    "dilate": (1, 1),
    "pad": (0, 0),
    "num_group": 1,
    "num_deformable_group": 1,
}


@dataclass(frozen=True)
class Deformable(Operator):
    """What both kinds share: the offsets are (N, groups * taps * 2, H', W'), down and across.

    Class attributes:
        names: MXNet's names of the inputs, but for the bias, which is the last one.
    """

    names: ClassVar[Tuple[str, ...]]

    kernel: Ints
    num_filter: int
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()
    num_group: int = 1
    num_deformable_group: int = 1
    no_bias: bool = False
    layout: Optional[Literal["NCHW"]] = None

    def __post_init__(self) -> None:
        if len(self.kernel) != 2:
            raise Unsupported(f"kernel={self.kernel}; supported: 2 dimensions, as in MXNet")
        fill_windows(self, stride=1, dilate=1, pad=0)

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data else None
        group = channels // self.num_group if isinstance(channels, int) else None
        return {"weight": (self.num_filter, group, *self.kernel), "bias": (self.num_filter,)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        if weight is None or not isinstance(weight[1], int):
            return None
        return ("N", weight[1] * self.num_group, "H", "W")

    def output_shape(self, data: Dims, **moved: Tuple[Dims, int]) -> Shape:
        """Args: name of an input -> its shape, and how many numbers it has for each tap."""
        channels = data[1] if len(data) == 4 else None
        groups = (self.num_group, self.num_deformable_group)
        if len(data) != 4 or (isinstance(channels, int) and any(channels % n for n in groups)):
            raise ShapeError(
                f"takes NxCxHxW with C a multiple of num_group={self.num_group} and of "
                f"num_deformable_group={self.num_deformable_group}, got {show(data)}"
            )
        axes = zip(data[2:], self.kernel, self.stride, self.pad, self.dilate)
        height, width = (window(*axis) for axis in axes)
        for name, (shape, numbers) in moved.items():
            expected = (data[0], self.num_deformable_group * self.taps * numbers, height, width)
            if len(shape) != 4 or not all(map(same, shape, expected)):
                raise ShapeError(f"takes {name} of shape {show(expected)}, got {show(shape)}")
            height, width = merge(height, shape[2]), merge(width, shape[3])
        return (data[0], self.num_filter, height, width)

    def lines(self, place: Formula, size: Formula) -> Lines:
        raise NotImplementedError

    def composed(
        self,
        data: Formula,
        offset: Formula,
        weight: Formula,
        bias: Optional[Formula] = None,
        mask: Optional[Formula] = None,
    ) -> Formula:
        """Interpolated numbers for each tap, and the product of them with the kernel."""
        groups, taps = self.num_deformable_group, self.taps
        batch, height, width = offset.size(0), offset.size(2), offset.size(3)
        moved = offset.reshape(batch, groups, taps, 2, height, width)
        places = [moved.op("Gather", _whole(moved, axis), axis=3) for axis in (0, 1)]
        grid = np.indices(self.kernel).reshape(2, taps, 1, 1)
        starts = []
        for axis, size in enumerate((height, width)):
            shape = (-1, 1) if axis == 0 else (1, -1)
            steps = count(offset, size).real().reshape(*shape) * self.stride[axis]
            starts.append(steps + offset.array(grid[axis] * self.dilate[axis] - self.pad[axis]))
        # (N, H', W', taps, groups)
        order = (0, 3, 4, 2, 1)
        down, across = ((p + s).op("Transpose", perm=order) for p, s in zip(places, starts))
        maps = self._maps(data, groups)
        lines = self.lines(down, maps.height), self.lines(across, maps.width)
        if mask is not None:
            parts = mask.reshape(batch, groups, taps, height, width).op("Transpose", perm=order)
            lines = [(line, part * parts) for line, part in lines[0]], lines[1]
        images = count(offset, batch).reshape(-1, 1, 1, 1, 1) * groups
        first = images + images.array(tuple(range(groups)))
        columns = maps.sample(first, *lines)  # (N, H', W', taps, groups, C / groups)
        return self._product(columns, weight, bias, [batch, height, width])

    def _maps(self, data: Formula, groups: int) -> Map:
        """(N, C, H, W) -> the maps of C / groups channels."""
        height, width = data.size(2), data.size(3)
        split = data.reshape(data.size(0) * groups, -1, height * width)
        table = split.op("Transpose", perm=(0, 2, 1))
        return Map(table.reshape(-1, table.size(2)), height, width)

    def _product(
        self, columns: Formula, weight: Formula, bias: Optional[Formula], sizes: List[Formula]
    ) -> Formula:
        batch, height, width = sizes
        pixels, filters = height * width, self.num_filter // self.num_group
        columns = columns.reshape(batch, pixels, self.taps, self.num_group, -1)
        columns = columns.op("Transpose", perm=(0, 3, 1, 2, 4))
        columns = columns.reshape(batch, self.num_group, pixels, -1)
        kernels = weight.reshape(self.num_group, filters, -1, self.taps)
        kernels = kernels.op("Transpose", perm=(0, 3, 2, 1)).reshape(self.num_group, -1, filters)
        product = columns.op("MatMul", kernels).op("Transpose", perm=(0, 1, 3, 2))
        if bias is not None:
            product = product + bias.reshape(self.num_group, filters, 1)
        shape = join([batch, batch.array((self.num_filter,)), height, width], 0)
        return product.op("Reshape", shape)

    def input_names(self) -> Tuple[str, ...]:
        return self.names if self.no_bias else (*self.names, "bias")

    def formulas(self, g: OnnxBuilder, inputs: Sequence[Any]) -> Dict[str, Formula]:
        given = dict(zip(self.input_names(), inputs))
        names = ("bias", "data", "offset", "weight", "mask")
        return {name: formula(g, given[name]) for name in names if name in given}

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        return result(self.composed(**self.formulas(g, inputs)))

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        given = dict(zip(self.input_names(), inputs))
        call = ", ".join(given[name] for name in ("data", "offset", "weight"))
        call += "".join(f", {k}={given[k]}" for k in ("bias", "mask") if k in given)
        for name, default in DEFAULTS.items():
            value = getattr(self, name)
            call += f", {name}={literal(value)}" if value != default else ""
        return f"{m.function('deformable_convolution')}({call})"


def _whole(like: Formula, number: int) -> Formula:
    return Formula(like.g, like.g.constant(np.array(number, np.int64)), like.like, "int64")


@operator("_contrib_DeformableConvolution", ignores=("workspace",), parameters=("weight", "bias"))
class DeformableConvolution(Deformable):
    """(N, C, H, W), offset -> (N, num_filter, H', W'). A place outside of the map is 0, also half
    a pixel outside, where others interpolate with 0.

    Source: src/operator/contrib/nn/deformable_im2col.h.
    """

    names = ("data", "offset", "weight")

    def infer(self, data: Dims, offset: Dims, weight: Dims, bias: Shape = None) -> Shape:
        return self.output_shape(data, offset=(offset, 2))

    def lines(self, place: Formula, size: Formula) -> Lines:
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

    names = ("data", "offset", "mask", "weight")

    def infer(
        self, data: Dims, offset: Dims, mask: Dims, weight: Dims, bias: Shape = None
    ) -> Shape:
        return self.output_shape(data, offset=(offset, 2), mask=(mask, 1))

    def lines(self, place: Formula, size: Formula) -> Lines:
        return padded(place, size)

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        given = self.formulas(g, inputs)
        if g.opset < DEFORM_CONV or given["data"].like is not None:
            return result(self.composed(**given))
        ordered = (given.get(name) for name in ("data", "weight", "offset", "bias", "mask"))
        made = g.op(
            "DeformConv",
            *(value.value if value else None for value in ordered),
            kernel_shape=self.kernel,
            strides=self.stride,
            pads=self.pad * 2,
            dilations=self.dilate,
            group=self.num_group,
            offset_group=self.num_deformable_group,
        )
        return result(Formula(g, made))
