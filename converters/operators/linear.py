"""Layers with weights: the one that is a matrix product, and how PyTorch holds them all."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, product, same, show
from ..python_text import literal
from .registry import OnnxBuilder, Operator, TorchBuilder, operator

#: PyTorch's, where a function is called.
DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}


def weighted(m: TorchBuilder, name: str, data: str, *weights: str, **options: Any) -> str:
    """A module that holds weight and bias, or a function's call where other layers make them.

    Args:
        name: the function's, `conv_transpose2d`; the module is `nn.ConvTranspose2d` then.
    """
    if not all(map(m.is_stored, weights)):
        changed = (k for k, v in options.items() if np.any(np.not_equal(v, DEFAULTS.get(k, v))))
        more = (f"{k}={literal(options[k])}" for k in changed)
        return f"F.{name}({', '.join([data, *weights, *more])})"
    arrays = dict(zip(("weight", "bias"), map(m.array, weights)))
    first, second, *_ = arrays["weight"].shape
    sizes = second * options.get("groups", 1), first
    kind = "".join(word.capitalize() for word in name.split("_"))
    module = m.module(
        f"nn.{kind}",
        *(sizes[::-1] if "transpose" in name else sizes),
        **options,
        bias="bias" in arrays,
        state=arrays,
    )
    return f"{module}({data})"


@operator("FullyConnected", parameters=("weight", "bias"))
class FullyConnected(Operator):
    """(N, *) -> (N, num_hidden); with flatten=False (*, C) -> (*, num_hidden).

    A weight or a bias may be another layer's.  Source: src/operator/nn/fully_connected-inl.h.
    """

    num_hidden: int
    no_bias: bool = False
    flatten: bool = True

    def _features(self, data: Shape) -> Dim:
        if not data:
            return None
        return product(data[1:]) if self.flatten else data[-1]

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        features = self._features(data)
        known = features if isinstance(features, int) else None
        return {"weight": (self.num_hidden, known), "bias": (self.num_hidden,)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        return ("N", weight[1]) if weight and len(weight) == 2 else None

    def infer(self, data: Dims, weight: Dims, bias: Shape = None) -> Shape:
        if not data:
            raise ShapeError(f"takes (N, *), got {show(data)}")
        features = self._features(data)
        if weight and not same(weight[1], features):
            raise ShapeError(f"takes {weight[1]} features, got {features} in {show(data)}")
        return (*((data[0],) if self.flatten else data[:-1]), self.num_hidden)

    def to_onnx(self, g: OnnxBuilder, data: Any, weight: Any, *bias: Any) -> Any:
        rank = len(g.shape(data))
        if self.flatten or rank == 2:
            flat = data if rank == 2 else g.op("Flatten", data, axis=1)
            return g.op("Gemm", flat, weight, *bias, transB=1)
        out = g.op("MatMul", data, g.op("Transpose", weight, perm=(1, 0)))
        return g.op("Add", out, *bias) if bias else out

    def to_pytorch(self, m: TorchBuilder, data: str, *weights: str) -> str:
        rank = len(m.shape(data))
        if self.flatten and rank != 2:
            data = f"{data}.flatten(1)" if rank > 2 else f"{data}.unsqueeze(1)"
        return weighted(m, "linear", data, *weights)
