"""Attention with several heads, whose queries, keys and values lie interleaved.

Each step of a sequence holds, for each head in turn, its query, its key and its value. Together
with the batch, heads count as attention batches. Source: src/operator/contrib/transformer.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Shape, merge, product, show
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@dataclass(frozen=True)
class _Heads(Operator):
    heads: int

    def _head_size(self, data: Shape, parts: int) -> int:
        """D of (T, N, heads * parts * D)."""
        if data is None or len(data) != 3:
            raise ShapeError(f"takes 3 dimensions (time, batch, features), got {show(data)}")
        features = data[2]
        if not isinstance(features, int):
            raise Unsupported(f"features of {show(data)}: needs a fixed number of them: --input")
        if features % (parts * self.heads):
            raise ShapeError(
                f"cannot share {features} features among {self.heads} heads of {parts} parts each"
            )
        return features // (parts * self.heads)

    def _batches(self, data: Shape) -> Dim:
        assert data is not None
        return product([data[1], self.heads])

    def _onnx_part(self, g: OnnxBuilder, data: Any, parts: int, part: int) -> Any:
        """(T, N, heads * parts * D) -> (N * heads, T, D)."""
        shape = (0, -1, parts, self._head_size(g.shape(data), parts))
        split = g.op("Reshape", data, g.ints(shape))
        chosen = g.op("Gather", split, g.constant(np.array(part)), axis=2)
        return g.op("Transpose", chosen, perm=(1, 0, 2))

    def _onnx_scores(self, g: OnnxBuilder, queries: Any, keys: Any, like: Any, size: int) -> Any:
        scaled = g.op("Div", queries, g.scalar(size**0.5, like=like))
        return g.op("MatMul", scaled, g.op("Transpose", keys, perm=(0, 2, 1)))

    def _onnx_joined(self, g: OnnxBuilder, attention: Any, values: Any, size: int) -> Any:
        out = g.op("Transpose", g.op("MatMul", attention, values), perm=(1, 0, 2))
        return g.op("Reshape", out, g.ints((0, -1, self.heads * size)))

    def _torch_part(self, m: TorchBuilder, data: str, parts: int, part: int) -> str:
        self._head_size(m.shape(data), parts)
        return f"{m.function('head_part')}({data}, {self.heads}, {parts}, {part})"

    def _torch_scores(self, m: TorchBuilder, queries: str, keys: str) -> str:
        return f"{m.function('attention_scores')}({queries}, {keys})"

    def _torch_joined(self, m: TorchBuilder, attention: str, values: str) -> str:
        return f"{m.function('joined_heads')}({attention} @ {values}, {self.heads})"


@operator("_contrib_interleaved_matmul_selfatt_qk")
class SelfAttentionScores(_Heads):
    """(T, N, heads * 3 * D) -> (N * heads, T, T): each query times each key, over sqrt(D)."""

    def infer(self, queries_keys_values: Shape) -> Shape:
        self._head_size(queries_keys_values, 3)
        assert queries_keys_values is not None
        time = queries_keys_values[0]
        return (self._batches(queries_keys_values), time, time)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        queries, keys = (self._onnx_part(g, data, 3, part) for part in (0, 1))
        return self._onnx_scores(g, queries, keys, data, self._head_size(g.shape(data), 3))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        queries, keys = (self._torch_part(m, data, 3, part) for part in (0, 1))
        return self._torch_scores(m, queries, keys)


@operator("_contrib_interleaved_matmul_selfatt_valatt")
class SelfAttentionValues(_Heads):
    """(T, N, heads * 3 * D), (N * heads, S, T) -> (S, N, heads * D): values, weighted."""

    def infer(self, queries_keys_values: Shape, attention: Shape) -> Shape:
        return _weighted(self, queries_keys_values, attention, 3)

    def to_onnx(self, g: OnnxBuilder, data: Any, attention: Any) -> Any:
        size = self._head_size(g.shape(data), 3)
        return self._onnx_joined(g, attention, self._onnx_part(g, data, 3, 2), size)

    def to_pytorch(self, m: TorchBuilder, data: str, attention: str) -> str:
        return self._torch_joined(m, attention, self._torch_part(m, data, 3, 2))


@operator("_contrib_interleaved_matmul_encdec_qk")
class CrossAttentionScores(_Heads):
    """(S, N, heads * D), (T, N, heads * 2 * D) -> (N * heads, S, T): queries times keys."""

    def infer(self, queries: Shape, keys_values: Shape) -> Shape:
        size, other = self._head_size(queries, 1), self._head_size(keys_values, 2)
        assert queries is not None and keys_values is not None
        if size != other:
            raise ShapeError(
                f"cannot multiply queries of {show(queries)} and keys and values of "
                f"{show(keys_values)}: these need twice as many features"
            )
        batch: Tuple[Dim, ...] = (None, merge(queries[1], keys_values[1]))
        return (self._batches(batch), queries[0], keys_values[0])

    def to_onnx(self, g: OnnxBuilder, queries: Any, keys_values: Any) -> Any:
        size = self._head_size(g.shape(queries), 1)
        keys = self._onnx_part(g, keys_values, 2, 0)
        return self._onnx_scores(g, self._onnx_part(g, queries, 1, 0), keys, queries, size)

    def to_pytorch(self, m: TorchBuilder, queries: str, keys_values: str) -> str:
        keys = self._torch_part(m, keys_values, 2, 0)
        return self._torch_scores(m, self._torch_part(m, queries, 1, 0), keys)


@operator("_contrib_interleaved_matmul_encdec_valatt")
class CrossAttentionValues(_Heads):
    """(T, N, heads * 2 * D), (N * heads, S, T) -> (S, N, heads * D): values, weighted."""

    def infer(self, keys_values: Shape, attention: Shape) -> Shape:
        return _weighted(self, keys_values, attention, 2)

    def to_onnx(self, g: OnnxBuilder, keys_values: Any, attention: Any) -> Any:
        size = self._head_size(g.shape(keys_values), 2)
        return self._onnx_joined(g, attention, self._onnx_part(g, keys_values, 2, 1), size)

    def to_pytorch(self, m: TorchBuilder, keys_values: str, attention: str) -> str:
        return self._torch_joined(m, attention, self._torch_part(m, keys_values, 2, 1))


def _weighted(layer: _Heads, data: Shape, attention: Shape, parts: int) -> Shape:
    size = layer._head_size(data, parts)
    assert data is not None and attention is not None
    if len(attention) != 3:
        raise ShapeError(f"takes attention in 3 dimensions, got {show(attention)}")
    merge(layer._batches(data), attention[0])
    merge(data[0], attention[2])
    return (attention[1], data[1], layer.heads * size)
