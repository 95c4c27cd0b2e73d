"""Normalisation by statistics of the input itself: of an instance, a group, a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Union

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, same, show
from ..python_text import literal
from .attributes import Single, single
from .emit.onnx_math import OnnxExpr, moved
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


def module_state(m: TorchBuilder, gamma: str, beta: str) -> Optional[Dict[str, Any]]:
    """What a module holds; None where other layers make one of them."""
    if not (m.is_stored(gamma) and m.is_stored(beta)):
        return None
    return {"weight": m.array(gamma), "bias": m.array(beta)}


@operator("InstanceNorm", parameters=("gamma", "beta"))
class InstanceNorm(Operator):
    """(N, C, *S) -> same, normalised over *S.  Source: src/operator/instance_norm-inl.h."""

    eps: Single = single(1e-3)

    shape_preserving = True
    hidden_outputs = 2
    limits = "PyTorch refuses maps of a single pixel"

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        channels = data[1] if data and len(data) > 1 else None
        return dict.fromkeys(self.parameters, (channels,))

    def infer(self, data: Dims, gamma: Dims, beta: Dims) -> Shape:
        if len(data) < 3:
            raise ShapeError(f"takes (N, C, *S), got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        return g.op("InstanceNormalization", *inputs, epsilon=self.eps)

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        spatial, state = len(m.shape(data)) - 2, module_state(m, gamma, beta)
        if spatial > 3 or state is None:
            return f"F.instance_norm({data}, weight={gamma}, bias={beta}, eps={literal(self.eps)})"
        kind, channels = f"nn.InstanceNorm{spatial}d", len(state["weight"])
        return f"{m.module(kind, channels, eps=self.eps, affine=True, state=state)}({data})"


@dataclass(frozen=True)
class _WithMoments(Operator):
    """Can return its mean and its standard deviation beside the result."""

    output_mean_var: bool = False

    def visible_outputs(self) -> int:
        return 3 if self.output_mean_var else 1

    def stored_outputs(self) -> int:
        return 3

    def onnx(self, x: OnnxExpr, axis: int, eps: float, gamma: OnnxExpr, beta: OnnxExpr) -> Any:
        """x normalised along an axis, the mean and the standard deviation; the axis is kept."""
        mean = x.reduced("ReduceMean", axis, keep=True)
        centred = x - mean
        variance = (centred * centred).reduced("ReduceMean", axis, keep=True)
        std = (variance + eps).op("Sqrt")
        return centred / std * gamma + beta, mean, std

    def torch(self, out: str, groups: str, axis: int, eps: float, keep: str = "") -> str:
        """The result, and its moments, along an axis of `groups`, if they are returned."""
        if not self.output_mean_var:
            return out
        var = f"{groups}.var({axis}, correction=0{keep})"
        mean = f"{groups}.mean({axis}{keep})"  # MXNet has no gradient of the moments
        return f"{out}, {mean}.detach(), ({var} + {literal(eps)}).sqrt().detach()"


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

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        return dict.fromkeys(self.parameters, (self._size(data) if data else None,))

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
        x, *weights = (OnnxExpr(g, value, g.type(data)) for value in (data, gamma, beta))
        if axis < rank - 1:
            weights = [value.reshape(-1, *(1,) * (rank - 1 - axis)) for value in weights]
        found = self.onnx(x, axis, self.eps, *weights)
        return [value.value for value in found[: self.visible_outputs()]]

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        rank = len(m.shape(data))
        axis = self.axis % rank
        last = data if axis == rank - 1 else f"{data}.movedim({axis}, -1)"
        state = module_state(m, gamma, beta)
        if state is not None:
            norm = m.module("nn.LayerNorm", len(state["weight"]), eps=self.eps, state=state)
            out = f"{norm}({last})"
        else:
            out = f"F.layer_norm({last}, {gamma}.shape, {gamma}, {beta}, eps={literal(self.eps)})"
        out = out if axis == rank - 1 else f"{out}.movedim(-1, {axis})"
        return self.torch(out, data, axis, self.eps, ", keepdim=True")


@operator("GroupNorm", parameters=("gamma", "beta"))
class GroupNorm(_WithMoments):
    """(N, C, *S) -> same, normalised over *S and the channels of each group.

    gamma and beta are one number a group, not a channel as elsewhere. With `output_mean_var`
    also the mean and the standard deviation (N, num_groups).
    Source: src/operator/nn/group_norm-inl.h.
    """

    num_groups: int = 1
    eps: Single = single(1e-5)

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        return dict.fromkeys(self.parameters, (self.num_groups,))

    def infer(self, data: Dims, gamma: Dims, beta: Dims) -> Union[Shape, List[Shape]]:
        if len(data) < 3:
            raise ShapeError(f"takes (N, C, *S), got {show(data)}")
        if isinstance(data[1], int) and data[1] % self.num_groups:
            raise ShapeError(f"num_groups={self.num_groups} does not divide {data[1]} channels")
        moments = (data[0], self.num_groups)
        return [data, moments, moments] if self.output_mean_var else data

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any) -> Any:
        x, *weights = (OnnxExpr(g, value, g.type(data)) for value in (data, gamma, beta))
        groups = x.reshape(0, self.num_groups, -1)
        if not self.output_mean_var:
            out = groups.op("InstanceNormalization", *weights, epsilon=self.eps)
            return out.op("Reshape", x.shape()).value
        columns = (value.reshape(-1, 1) for value in weights)
        out, *moments = self.onnx(groups, 2, self.eps, *columns)
        return [out.op("Reshape", x.shape()).value, *(v.squeeze(2).value for v in moments)]

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        groups = f"{data}.reshape({data}.shape[0], {self.num_groups}, -1)"
        return self.torch(self._normalised(m, data, gamma, beta), groups, 2, self.eps)

    def _normalised(self, m: TorchBuilder, data: str, gamma: str, beta: str) -> str:
        channels, state = m.shape(data)[1], module_state(m, gamma, beta)
        if isinstance(channels, int) and state is not None:
            each = channels // self.num_groups
            state = {name: np.repeat(array, each) for name, array in state.items()}
            norm = m.module("nn.GroupNorm", self.num_groups, channels, eps=self.eps, state=state)
            return f"{norm}({data})"
        times = f"{data}.shape[1] // {self.num_groups}"
        repeated = ", ".join(f"{v}.repeat_interleave({times})" for v in (gamma, beta))
        return f"F.group_norm({data}, {self.num_groups}, {repeated}, {literal(self.eps)})"
