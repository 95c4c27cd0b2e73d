"""Cutting ranges out of axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, show, with_axes
from .attributes import Ints, OptionalInts
from .reduction import normalise_axes
from .registry import OnnxBuilder, Operator, TorchBuilder, Written, operator
from .shaping import one_axis

#: Ends of a slice that lie before and behind any axis.
BEFORE, BEHIND = -(1 << 62), 1 << 62


@dataclass(frozen=True)
class Cut:
    """Python's slice of one axis."""

    axis: int
    begin: Optional[int] = None
    end: Optional[int] = None
    step: int = 1

    def size(self, size: Dim, data: Dims) -> Dim:
        """How much it leaves of an axis of this size."""
        if not isinstance(size, int):
            whole = self.begin in (None, 0) and self.end is None and self.step == 1
            return size if whole or (self.step == -1 and self.reverses) else None
        left = len(range(*slice(self.begin, self.end, self.step).indices(size)))
        if not left:
            raise ShapeError(
                f"begin={self.begin}, end={self.end}, step={self.step} leaves nothing of axis "
                f"{self.axis} of {show(data)}"
            )
        return left

    @property
    def reverses(self) -> bool:
        return self.begin in (None, -1) and self.end is None

    @property
    def bounds(self) -> Tuple[int, int, int, int]:
        """As ONNX takes them: where it starts and ends, its axis and step."""
        first, last = (0, BEHIND) if self.step > 0 else (BEHIND, BEFORE)
        begin = first if self.begin is None else self.begin
        return begin, last if self.end is None else self.end, self.axis, self.step

    @property
    def text(self) -> str:
        """`1:3`, of an axis that is turned around first where the step is negative."""
        begin, end = self.begin, self.end
        if self.step < 0:  # element k from the left is element -k - 1, from the other side
            begin, end = (None if k is None else -k - 1 for k in (begin, end))
        text = f"{'' if begin in (None, 0) else begin}:{'' if end is None else end}"
        return text if abs(self.step) == 1 else f"{text}:{abs(self.step)}"


def cut_shape(data: Dims, cuts: Sequence[Cut]) -> Dims:
    shape = list(data)
    for cut in cuts:
        shape[cut.axis] = cut.size(data[cut.axis], data)
    return tuple(shape)


def onnx_cut(g: OnnxBuilder, data: Any, cuts: Sequence[Cut]) -> Any:
    if not cuts:
        return data
    return g.op("Slice", data, *map(g.ints, zip(*(cut.bounds for cut in cuts))))


def torch_cut(data: str, cuts: Sequence[Cut]) -> str:
    turned = tuple(cut.axis for cut in cuts if cut.step < 0)
    if turned:
        data = f"{data}.flip({turned})"
    texts = {cut.axis: cut.text for cut in cuts}
    while texts and texts[max(texts)] == ":":
        del texts[max(texts)]
    if not texts:
        return data
    return f"{data}[{', '.join(texts.get(a, ':') for a in range(max(texts) + 1))}]"


class Slicing(Operator):
    """Cuts of one tensor."""

    def cuts(self, data: Dims) -> List[Cut]:
        raise NotImplementedError

    def infer(self, data: Dims) -> Dims:
        return cut_shape(data, self.cuts(data))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return onnx_cut(g, data, self.cuts(g.shape(data)))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return torch_cut(data, self.cuts(m.shape(data)))


@dataclass(frozen=True)
class Ranges(Operator):
    """What cuts the first axes, as in Python: [begin[0]:end[0]:step[0], ...].

    Source: src/operator/tensor/matrix_op-inl.h, GetIndexRange.
    """

    begin: OptionalInts
    end: OptionalInts
    step: OptionalInts = ()

    def cuts(self, data: Dims) -> List[Cut]:
        begin, end, steps = self.begin, self.end, self.step or (None,) * len(self.begin)
        if not len(begin) == len(end) == len(steps) <= len(data):
            raise ShapeError(f"begin={begin}, end={end}, step={self.step} do not fit {show(data)}")
        if 0 in steps:
            raise ShapeError(f"step={self.step}: none may be 0")
        return [Cut(a, b, e, s or 1) for a, (b, e, s) in enumerate(zip(begin, end, steps))]


@operator("slice")
class Slice(Ranges, Slicing):
    """data[begin[0]:end[0]:step[0], ...]"""


@operator("reverse")
class Reverse(Written, Slicing):
    """(*) -> same, backwards along some axes.  Source: matrix_op-inl.h, ReverseOpForward."""

    axis: Ints

    shape_preserving = True
    text = "{0}.flip({self.axis})"

    def cuts(self, data: Dims) -> List[Cut]:
        if any(not 0 <= a < len(data) for a in self.axis) or len({*self.axis}) < len(self.axis):
            raise ShapeError(f"axis={self.axis}: each must be one of {show(data)}'s, once")
        return [Cut(axis, -1, None, -1) for axis in self.axis]


@operator("slice_axis")
class SliceAxis(Slicing):
    """One axis from begin to end.  Source: matrix_op-inl.h, GetSliceAxisParams."""

    axis: int
    begin: int
    end: Optional[int]

    def cuts(self, data: Dims) -> List[Cut]:
        axis = one_axis(self.axis, data)
        size = data[axis]
        if isinstance(size, int) and not (-size <= self.begin and (self.end or 0) <= size):
            raise ShapeError(f"{self.begin} to {self.end} is not in axis {axis} of {show(data)}")
        return [Cut(axis, self.begin, self.end)]


@operator("slice_like")
class SliceLike(Operator):
    """data's axes as long as those of shape_like.  Source: matrix_op-inl.h, SliceLikeShape."""

    axes: Ints = ()  # none: all

    def _axes(self, data: Dims, shape_like: Dims) -> Ints:
        if not self.axes and len(data) != len(shape_like):
            raise ShapeError(f"{show(data)} and {show(shape_like)} must have equally many axes")
        axes = normalise_axes(self.axes or tuple(range(len(data))), data)
        normalise_axes(axes, shape_like)
        return axes

    def infer(self, data: Dims, shape_like: Dims) -> Shape:
        shape = list(data)
        for axis in self._axes(data, shape_like):
            have, want = data[axis], shape_like[axis]
            if isinstance(have, int) and isinstance(want, int) and want > have:
                raise ShapeError(f"axis {axis} of {show(data)} is not as long as {want}")
            shape[axis] = want
        return tuple(shape)

    def to_onnx(self, g: OnnxBuilder, data: Any, shape_like: Any) -> Any:
        axes = self._axes(g.shape(data), g.shape(shape_like))
        sizes = g.op("Gather", g.op("Shape", shape_like), g.ints(axes), axis=0)
        return g.op("Slice", data, g.ints((0,) * len(axes)), sizes, g.ints(axes))

    def to_pytorch(self, m: TorchBuilder, data: str, shape_like: str) -> str:
        axes = self._axes(m.shape(data), m.shape(shape_like))
        cuts = (f": {shape_like}.shape[{a}]" if a in axes else ":" for a in range(max(axes) + 1))
        return f"{data}[{', '.join(cuts)}]"


@operator("Crop")
class Crop(Operator):
    """(N, C, H, W), (N', C', H', W') -> (N, C, H', W').  Source: src/operator/crop-inl.h."""

    num_args: int
    offset: Ints = (0, 0)  # (y, x) of the upper left corner
    h_w: Ints = (0, 0)  # the size to cut when there is no second input
    center_crop: bool = False  # in the middle, whatever the offset

    def infer(self, data: Dims, *crop_like: Shape) -> Shape:
        with_axes(data, "(N, C, H, W)")
        like = crop_like[0] if crop_like else None
        size = like[2:] if like else self.h_w
        for have, want, start in zip(data[2:], size, self.offset):
            start = 0 if self.center_crop else start
            if isinstance(have, int) and isinstance(want, int) and start + want > have:
                raise ShapeError(f"cannot cut {want} at {start} out of {have} in {show(data)}")
        return (data[0], data[1], *size)

    def to_onnx(self, g: OnnxBuilder, data: Any, *crop_like: Any) -> Any:
        if not crop_like and not self.center_crop:
            end = tuple(map(sum, zip(self.offset, self.h_w)))
            return g.op("Slice", data, *map(g.ints, (self.offset, end, (2, 3))))
        size = g.ints(self.h_w)
        if crop_like:
            size = g.op("Slice", g.op("Shape", crop_like[0]), g.ints((2,)), g.ints((4,)))
        start = g.ints(self.offset)
        if self.center_crop:
            whole = g.op("Slice", g.op("Shape", data), g.ints((2,)), g.ints((4,)))
            start = g.op("Div", g.op("Sub", whole, size), g.ints((2,)))
        return g.op("Slice", data, start, g.op("Add", start, size), g.ints((2, 3)))

    def to_pytorch(self, m: TorchBuilder, data: str, *crop_like: str) -> str:
        sizes = tuple(str(s) for s in self.h_w)
        if crop_like:
            sizes = (f"{crop_like[0]}.shape[2]", f"{crop_like[0]}.shape[3]")
        starts = tuple(str(s) for s in self.offset)
        if self.center_crop:
            starts = tuple(f"({data}.shape[{a}] - {s}) // 2" for a, s in zip((2, 3), sizes))
        return f"{data}.narrow(2, {starts[0]}, {sizes[0]}).narrow(3, {starts[1]}, {sizes[1]})"
