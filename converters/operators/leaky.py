"""Rectifiers that let something of negative numbers through."""

from __future__ import annotations

import math
from typing import Any, List, Literal, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, same, show
from ..python_text import literal
from .attributes import Single, single
from .elementwise import refuse_integers
from .emit.onnx_math import OnnxExpr, exact, result
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .special import expm1

#: C floats; torch's have more digits.
SELU_ALPHA, SELU_SCALE = single(1.6732632423543772), single(1.0507009873554805)


@operator("LeakyReLU", parameters=("gamma",))
class LeakyReLU(Operator):
    """(*) -> same: x where it is above 0, and elsewhere, by `act_type`:

    slope x (leaky), gamma x (prelu), (lower + upper) / 2 x (rrelu, in inference), slope (e^x - 1)
    (elu); selu is a scaled elu, and gelu is x times the normal distribution up to x everywhere.
    Source: src/operator/leaky_relu-inl.h.
    """

    act_type: Literal["rrelu", "leaky", "prelu", "elu", "selu", "gelu"] = "leaky"
    slope: Single = single(0.25)
    lower_bound: Single = single(0.125)
    upper_bound: Single = single(0.334)

    shape_preserving = True
    limits = "act_type rrelu: its second output, a mask that inference leaves unset, is 0."

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "gamma") if self.act_type == "prelu" else ("data",)

    def visible_outputs(self) -> int:
        return 2 if self.act_type == "rrelu" else 1

    def infer(self, data: Dims, gamma: Dims = ()) -> Any:
        if self.act_type == "prelu":
            _spread(data, gamma)
        return [data] * self.visible_outputs()

    @property
    def _slope(self) -> Single:
        if self.act_type == "rrelu":
            total = np.float32(self.lower_bound) + np.float32(self.upper_bound)
            return single(float(total / np.float32(2)))
        return self.slope

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any = None) -> Any:
        refuse_integers(g.type(data))
        x = exact(g, data, composed=self.act_type in ("elu", "selu", "gelu"))
        if self.act_type == "elu":
            made = _elu(x, self.slope)
        elif self.act_type == "selu":
            made = _elu(x, SELU_ALPHA) * SELU_SCALE
        elif self.act_type == "gelu":
            made = x * ((x / math.sqrt(2)).op("Erf") + 1) * 0.5
        elif self.act_type == "prelu":
            slope, sizes = OnnxExpr(g, gamma, x.kind), _spread(g.shape(data), g.shape(gamma))
            full = len(g.shape(gamma)) == len(sizes)
            made = x.op("PRelu", slope if full else slope.reshape(*sizes))
        else:
            made = x.op("LeakyRelu", alpha=self._slope)
        if self.act_type == "rrelu":
            return [result(made), g.op("Expand", g.scalar(0, data), g.op("Shape", data))]
        return result(made)

    def to_pytorch(self, m: TorchBuilder, data: str, gamma: str = "") -> str:
        refuse_integers(m.type(data))
        if self.act_type == "prelu":
            return _prelu(m, data, gamma)
        slope, alpha, scale = map(literal, (self._slope, SELU_ALPHA, SELU_SCALE))
        if self.act_type == "rrelu":
            bounds = f"{literal(self.lower_bound)}, {literal(self.upper_bound)}"
            call = f"{m.function('random_slope')}({data}, {bounds}, {slope}, self.training)"
            return f"({call}, torch.zeros_like({data}))"
        return {
            "elu": f"F.elu({data}, {slope})",
            "selu": f"{scale} * F.elu({data}, {alpha})",
            "gelu": f"F.gelu({data})",
            "leaky": f"F.leaky_relu({data}, {slope})",
        }[self.act_type]


def _elu(x: OnnxExpr, alpha: float) -> OnnxExpr:
    """onnxruntime's Elu computes e^x - 1, of which little is left near 0."""
    below = expm1(x.minimum(0))
    return x.maximum(0) + below * alpha


def _prelu(m: TorchBuilder, data: str, gamma: str) -> str:
    shape, sizes = m.shape(gamma), _spread(m.shape(data), m.shape(gamma))
    if len(shape) == 1 and (shape[0] == 1 or (*sizes, 1)[1] != 1):  # by channel
        if not m.is_stored(gamma):
            return f"F.prelu({data}, {gamma})"
        slopes = m.array(gamma)
        return f"{m.module('nn.PReLU', len(slopes), state={'weight': slopes})}({data})"
    full = len(shape) == len(sizes)
    slope = gamma if full else f"{gamma}.reshape({', '.join(map(str, sizes))})"
    return f"torch.where({data} > 0, {data}, {data} * {slope})"


def _spread(data: Dims, gamma: Dims) -> List[int]:
    """The slope's size along each of the data's axes (it lies along 0 and 1); -1 is not fixed.

    Source: src/operator/leaky_relu-inl.h, expand_shape.
    """
    sizes, left = [1] * len(data), list(gamma)
    for axis in reversed(range(min(len(data), 2))):
        if left and (left[-1] == 1 or same(data[axis], left[-1])):
            size = left.pop()
            if not isinstance(size, int) and -1 in sizes:
                raise Unsupported(
                    f"a slope of {show(gamma)}; supported: one size that is not fixed"
                )
            sizes[axis] = size if isinstance(size, int) else -1
    if left:
        raise ShapeError(f"cannot broadcast a slope of {show(gamma)} to {show(data)}")
    return sizes
