"""Normalisation by statistics of the input itself: of an instance, a group, a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple, Union

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dim, Dims, Shape, same, show
from .attributes import Single, single
from .axes import moved
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@operator("InstanceNorm", parameters=("gamma", "beta"))
class InstanceNorm(Operator):
    """(N, C, *S) -> same, normalised over *S.  Source: src/operator/instance_norm-inl.h."""

    eps: Single = single(1e-3)

    shape_preserving = True
    hidden_outputs = 2
    limits = "PyTorch refuses maps of a single pixel"

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data and len(data) > 1 else None
        return {name: (channels,) for name in self.parameters}

    def infer(self, data: Dims, gamma: Dims, beta: Dims) -> Shape:
        if len(data) < 3:
            raise ShapeError(f"takes (N, C, *S), got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any) -> Any:
        return g.op("InstanceNormalization", data, gamma, beta, epsilon=self.eps)

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        spatial = len(m.shape(data)) - 2
        if spatial > 3 or not (m.is_stored(gamma) and m.is_stored(beta)):
            return f"F.instance_norm({data}, weight={gamma}, bias={beta}, eps={literal(self.eps)})"
        kind, state = (
            f"nn.InstanceNorm{spatial}d",
            {"weight": m.array(gamma), "bias": m.array(beta)},
        )
        norm = m.module(kind, len(state["weight"]), eps=self.eps, affine=True, state=state)
        return f"{norm}({data})"


@dataclass(frozen=True)
class _WithMoments(Operator):
    """Can return its mean and its standard deviation beside the result."""

    output_mean_var: bool = False

    def visible_outputs(self) -> int:
        return 3 if self.output_mean_var else 1

    def stored_outputs(self) -> int:
        return 3


def onnx_moments(
    g: OnnxBuilder, data: Any, axes: Tuple[int, ...], eps: Any
) -> Tuple[Any, Any, Any]:
    """data minus its mean over the axes, that mean, and the standard deviation (axes kept)."""
    mean = g.reduce("ReduceMean", data, axes, True)
    centred = g.op("Sub", data, mean)
    var = g.reduce("ReduceMean", g.op("Mul", centred, centred), axes, True)
    return centred, mean, g.op("Sqrt", g.op("Add", var, eps))


def onnx_affine(
    g: OnnxBuilder, centred: Any, std: Any, weights: Tuple[Any, Any], shape: Any = None
) -> Any:
    """The normalised numbers times gamma plus beta, each of them brought to the shape."""
    if shape is not None:
        gamma, beta = (g.op("Reshape", value, shape) for value in weights)
    else:
        gamma, beta = weights
    return g.op("Add", g.op("Mul", g.op("Div", centred, std), gamma), beta)


#: From where on ONNX has it as one operator.
LAYER_NORMALIZATION = 17


@operator("LayerNorm", parameters=("gamma", "beta"))
class LayerNorm(_WithMoments):
    """(*) -> same, normalised along one axis.  Source: src/operator/nn/layer_norm-inl.h.

    With `output_mean_var` also the mean and the standard deviation, of size 1 on that axis.
    """

    axis: int = -1
    eps: Single = single(1e-5)

    def _size(self, data: Dims) -> Dim:
        if not -len(data) <= self.axis < len(data):
            raise ShapeError(f"axis {self.axis} is not in {show(data)}")
        return data[self.axis]

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        size = self._size(data) if data else None
        return {name: (size,) for name in self.parameters}

    def infer(self, data: Dims, gamma: Dims, beta: Dims) -> Union[Shape, List[Shape]]:
        if gamma and not same(gamma[0], self._size(data)):
            raise ShapeError(f"takes {gamma[0]} on axis {self.axis}, got {show(data)}")
        axis = self.axis % len(data)
        moments = tuple(1 if a == axis else d for a, d in enumerate(data))
        return [data, moments, moments] if self.output_mean_var else data

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any) -> Any:
        rank = len(g.shape(data))
        axis = self.axis % rank
        if g.opset >= LAYER_NORMALIZATION and not self.output_mean_var:
            last = moved(g, data, rank, axis, -1)
            out = g.op("LayerNormalization", last, gamma, beta, axis=-1, epsilon=self.eps)
            return moved(g, out, rank, -1, axis)
        shape = g.ints((-1, *(1,) * (rank - 1 - axis)))
        eps = g.scalar(self.eps, data)
        centred, mean, std = onnx_moments(g, data, (axis,), eps)
        out = onnx_affine(g, centred, std, (gamma, beta), shape if axis < rank - 1 else None)
        if not self.output_mean_var:
            return out
        return [out, g.op("Identity", mean), g.op("Identity", std)]  # outputs come in order

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        rank = len(m.shape(data))
        axis = self.axis % rank
        eps = literal(self.eps)
        last = data if axis == rank - 1 else f"{data}.movedim({axis}, -1)"
        if m.is_stored(gamma) and m.is_stored(beta):
            state = {"weight": m.array(gamma), "bias": m.array(beta)}
            norm = m.module("nn.LayerNorm", len(state["weight"]), eps=self.eps, state=state)
            out = f"{norm}({last})"
        else:
            out = f"F.layer_norm({last}, {gamma}.shape, {gamma}, {beta}, eps={eps})"
        out = out if axis == rank - 1 else f"{out}.movedim(-1, {axis})"
        if not self.output_mean_var:
            return out
        mean = f"{data}.mean({axis}, keepdim=True)"
        var = f"{data}.var({axis}, correction=0, keepdim=True)"
        return f"{out}, {mean}, ({var} + {eps}).sqrt()"


@operator("GroupNorm", parameters=("gamma", "beta"))
class GroupNorm(_WithMoments):
    """(N, C, *S) -> same, normalised over *S and the channels of each group.

    gamma and beta are one number a group, not a channel as elsewhere. With `output_mean_var`
    also the mean and the standard deviation (N, num_groups).
    Source: src/operator/nn/group_norm-inl.h.
    """

    num_groups: int = 1
    eps: Single = single(1e-5)

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        return {name: (self.num_groups,) for name in self.parameters}

    def infer(self, data: Dims, gamma: Dims, beta: Dims) -> Union[Shape, List[Shape]]:
        if len(data) < 3:
            raise ShapeError(f"takes (N, C, *S), got {show(data)}")
        if isinstance(data[1], int) and data[1] % self.num_groups:
            raise ShapeError(f"num_groups={self.num_groups} does not divide {data[1]} channels")
        moments = (data[0], self.num_groups)
        return [data, moments, moments] if self.output_mean_var else data

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any) -> Any:
        groups = g.op("Reshape", data, g.ints((0, self.num_groups, -1)))
        if not self.output_mean_var:
            out = g.op("InstanceNormalization", groups, gamma, beta, epsilon=self.eps)
            return g.op("Reshape", out, g.op("Shape", data))
        centred, mean, std = onnx_moments(g, groups, (2,), g.scalar(self.eps, data))
        out = onnx_affine(g, centred, std, (gamma, beta), g.ints((-1, 1)))
        out = g.op("Reshape", out, g.op("Shape", data))
        last = g.ints((2,))
        return [out, g.op("Squeeze", mean, last), g.op("Squeeze", std, last)]

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        eps = literal(self.eps)
        out = self._normalised(m, data, gamma, beta)
        if not self.output_mean_var:
            return out
        groups = f"{data}.reshape({data}.shape[0], {self.num_groups}, -1)"
        return f"{out}, {groups}.mean(2), ({groups}.var(2, correction=0) + {eps}).sqrt()"

    def _normalised(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        channels = m.shape(data)[1]
        if isinstance(channels, int) and m.is_stored(gamma) and m.is_stored(beta):
            each = channels // self.num_groups
            weight, bias = (np.repeat(m.array(value), each) for value in (gamma, beta))
            state = {"weight": weight, "bias": bias}
            norm = m.module("nn.GroupNorm", self.num_groups, channels, eps=self.eps, state=state)
            return f"{norm}({data})"
        times = f"{data}.shape[1] // {self.num_groups}"
        repeated = ", ".join(f"{v}.repeat_interleave({times})" for v in (gamma, beta))
        return f"F.group_norm({data}, {self.num_groups}, {repeated}, {literal(self.eps)})"
