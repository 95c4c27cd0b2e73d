"""Matrix products with weights."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, product, same, show
from .convolution import weighted
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


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

    def to_onnx(self, g: OnnxBuilder, data: Any, weight: Any, bias: Any = None) -> Any:
        extra = () if bias is None else (bias,)
        rank = len(g.shape(data))
        if self.flatten or rank == 2:
            flat = data if rank == 2 else g.op("Flatten", data, axis=1)
            return g.op("Gemm", flat, weight, *extra, transB=1)
        out = g.op("MatMul", data, g.op("Transpose", weight, perm=(1, 0)))
        return g.op("Add", out, bias) if extra else out

    def to_pytorch(self, m: TorchBuilder, data: str, *weights: str) -> str:
        rank = len(m.shape(data))
        if self.flatten and rank != 2:
            data = f"{data}.flatten(1)" if rank > 2 else f"{data}.unsqueeze(1)"
        return weighted(m, "linear", data, *weights)
