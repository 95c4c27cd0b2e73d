"""Sequences of several lengths in one array: (time, batch, *), or (batch, time, *) with axis 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .attributes import Single
from .emit.onnx_math import constant, count_to, formula, moved, result, size_of
from .indexing import onnx_index, torch_index, torch_size
from .registry import Limits, OnnxBuilder, Operator, TorchBuilder, operator, places
from .slicing import BEFORE


@dataclass(frozen=True)
class Sequences(Operator):
    """What the three operators share: an input of lengths, if there is one."""

    use_sequence_length: bool = False
    axis: int = 0

    shape_preserving = True

    allowed = (("axis", lambda axis: axis in (0, 1), "0, 1"),)

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "sequence_length") if self.use_sequence_length else ("data",)

    def infer(self, data: Dims, sequence_length: Shape = None) -> Dims:
        if len(data) < 2:
            raise ShapeError(f"takes at least (time, batch), got {show(data)}")
        return data

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        """A length for each sample."""
        return {"sequence_length": (data[1 - self.axis],)} if data and len(data) > 1 else {}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        """From one step to all."""
        last = places(shapes, 0, self.axis).high
        return {"sequence_length": Limits(1, last + 1)} if self.use_sequence_length else {}


def _torch_count(m: TorchBuilder, data: str, axis: int) -> str:
    """0, 1, ... along an axis."""
    return f"torch.arange({torch_size(m, data, axis)}, device={data}.device)"


def _trailing(count: int) -> str:
    """Index that adds axes of size 1 behind a vector."""
    return f"[:{', None' * count}]" if count else ""


@operator("SequenceMask")
class SequenceMask(Sequences):
    """(*) -> same: what lies behind each sequence's length is `value`.

    Source: src/operator/sequence_mask-inl.h, sequence_mask.cc.
    """

    value: Single = Single(0.0)

    def to_onnx(self, g: OnnxBuilder, data: Any, sequence_length: Any = None) -> Any:
        if sequence_length is None:
            return data
        steps, ends = count_to(size_of(g, data, self.axis)), onnx_index(g, sequence_length)
        axes = range(len(g.shape(data)))
        time, batch = (tuple(a for a in axes if a != kept) for kept in (self.axis, 1 - self.axis))
        inside = steps.unsqueeze(*time) < ends.unsqueeze(*batch)
        narrow = g.type(data) in ("int8", "float16")  # which onnxruntime's Where does not take
        given = formula(g, data, "float32" if narrow else g.type(data))
        return result(inside.where(given, self.value))

    def to_pytorch(self, m: TorchBuilder, data: str, sequence_length: Optional[str] = None) -> str:
        if sequence_length is None:
            return data
        rank = len(m.shape(data))
        steps = f"{_torch_count(m, data, self.axis)}{_trailing(rank - 1 - self.axis)}"
        lengths = f"{torch_index(m, sequence_length)}{_trailing(rank - 2 + self.axis)}"
        return f"{data}.masked_fill({steps} >= {lengths}, {self.value})"


@operator("SequenceReverse")
class SequenceReverse(Sequences):
    """(time, batch, *) -> same: each sequence backwards, what lies behind it as it was.

    Source: src/operator/sequence_reverse-inl.h, ReverseKernel.
    """

    allowed = (("axis", lambda axis: axis == 0, "0, as in MXNet"),)

    def to_onnx(self, g: OnnxBuilder, data: Any, sequence_length: Any = None) -> Any:
        if sequence_length is None:
            back, beyond = g.ints((-1,)), g.ints((BEFORE,))
            return g.op("Slice", data, back, beyond, g.ints((0,)), back)
        lengths = onnx_index(g, sequence_length).value
        return g.op("ReverseSequence", data, lengths, time_axis=0, batch_axis=1)

    def to_pytorch(self, m: TorchBuilder, data: str, sequence_length: Optional[str] = None) -> str:
        if sequence_length is None:
            return f"{data}.flip(0)"
        return f"{m.function('reverse_sequences')}({data}, {torch_index(m, sequence_length)})"


@operator("SequenceLast")
class SequenceLast(Sequences):
    """(time, batch, *) -> (batch, *): each sequence's last step.

    Source: src/operator/sequence_last-inl.h.
    """

    shape_preserving = False

    def infer(self, data: Dims, sequence_length: Shape = None) -> Dims:
        super().infer(data, sequence_length)
        return (data[1 - self.axis], *data[2:])

    def to_onnx(self, g: OnnxBuilder, data: Any, sequence_length: Any = None) -> Any:
        if sequence_length is None:
            return g.op("Gather", data, constant(g, -1).value, axis=self.axis)
        by_batch = moved(g, data, len(g.shape(data)), 1 - self.axis, 0)
        last = g.op("Sub", onnx_index(g, sequence_length).value, g.ints((1,)))
        return g.op("GatherND", by_batch, g.op("Unsqueeze", last, g.ints((1,))), batch_dims=1)

    def to_pytorch(self, m: TorchBuilder, data: str, sequence_length: Optional[str] = None) -> str:
        if sequence_length is None:
            return f"{data}[{':, ' * self.axis}-1]"
        last = f"{torch_index(m, sequence_length)} - 1"
        batch = _torch_count(m, data, 1 - self.axis)
        return f"{data}[{batch}, {last}]" if self.axis else f"{data}[{last}, {batch}]"
