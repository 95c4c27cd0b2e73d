"""Attention with several heads, whose queries, keys and values lie interleaved.

Each step of a sequence holds, for each head in turn, its query, its key and its value. Together
with the batch, heads count as attention batches. Source: src/operator/contrib/transformer.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, product, show, unify, with_axes
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@dataclass(frozen=True)
class Heads(Operator):
    """Inputs (time, batch, heads * parts * D).

    Class attributes:
        names: MXNet's names of the inputs.
        parts: what each head of the last interleaved input has: 3 with a query, 2 without.
    """

    heads: int

    names: ClassVar[Tuple[str, ...]]
    parts: ClassVar[int]

    def input_names(self) -> Tuple[str, ...]:
        return self.names

    def head_size(self, data: Dims, parts: int) -> int:
        """D of (T, N, heads * parts * D)."""
        features = with_axes(data, "(time, batch, features)")[2]
        if not isinstance(features, int):
            raise Unsupported(f"features of {show(data)}: needs a fixed number of them: --input")
        if features % (parts * self.heads):
            raise ShapeError(
                f"cannot share {features} features among {self.heads} heads of {parts} parts each"
            )
        return features // (parts * self.heads)

    def onnx_part(self, g: OnnxBuilder, data: Any, parts: int, part: int) -> OnnxExpr:
        """(T, N, heads * parts * D) -> (N * heads, T, D)."""
        size = self.head_size(g.shape(data), parts)
        split = OnnxExpr(g, data, g.type(data)).reshape(0, -1, parts, size)
        return split.column(part, 2).transpose(1, 0, 2)

    def torch_part(self, m: TorchBuilder, data: str, parts: int, part: int) -> str:
        return f"{m.function('head_part')}({data}, {self.heads}, {parts}, {part})"


class Scores(Heads):
    """Each query times each key, over sqrt(D).

    Class attributes:
        query_parts: what each head has in the input with the queries.
    """

    query_parts: ClassVar[int]

    def infer(self, queries: Dims, keys_values: Shape = None) -> Shape:
        keys = queries if keys_values is None else keys_values
        if self.head_size(queries, self.query_parts) != self.head_size(keys, self.parts):
            raise ShapeError(
                f"cannot multiply queries of {show(queries)} and keys and values of "
                f"{show(keys)}: these need twice as many features"
            )
        batch = unify(queries[1], keys[1])
        return (product((batch, self.heads)), queries[0], keys[0])

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        queries = self.onnx_part(g, inputs[0], self.query_parts, 0)
        keys = self.onnx_part(g, inputs[-1], self.parts, self.parts - 2)
        size = self.head_size(g.shape(inputs[-1]), self.parts)
        return (queries / size**0.5).op("MatMul", keys.transpose(0, 2, 1)).value

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        queries = self.torch_part(m, inputs[0], self.query_parts, 0)
        keys = self.torch_part(m, inputs[-1], self.parts, self.parts - 2)
        return f"{m.function('attention_scores')}({queries}, {keys})"


@operator("_contrib_interleaved_matmul_selfatt_qk")
class InterleavedMatmulSelfattQk(Scores):
    """(T, N, heads * 3 * D) -> (N * heads, T, T): each query times each key, over sqrt(D)."""

    names = ("queries_keys_values",)
    parts = query_parts = 3


@operator("_contrib_interleaved_matmul_encdec_qk")
class InterleavedMatmulEncdecQk(Scores):
    """(S, N, heads * D), (T, N, heads * 2 * D) -> (N * heads, S, T): queries times keys."""

    names = ("queries", "keys_values")
    parts, query_parts = 2, 1


class Values(Heads):
    """The values, which are the last of the parts, weighted by the attention."""

    def infer(self, data: Dims, attention: Dims) -> Shape:
        size = self.head_size(data, self.parts)
        wanted = (product((data[1], self.heads)), None, data[0])
        return (takes("attention", attention, wanted)[1], data[1], self.heads * size)

    def to_onnx(self, g: OnnxBuilder, data: Any, attention: Any) -> Any:
        size = self.head_size(g.shape(data), self.parts)
        values = self.onnx_part(g, data, self.parts, self.parts - 1)
        out = OnnxExpr(g, attention).op("MatMul", values).transpose(1, 0, 2)
        return out.reshape(0, -1, self.heads * size).value

    def to_pytorch(self, m: TorchBuilder, data: str, attention: str) -> str:
        values = self.torch_part(m, data, self.parts, self.parts - 1)
        return f"{m.function('joined_heads')}({attention} @ {values}, {self.heads})"


@operator("_contrib_interleaved_matmul_selfatt_valatt")
class InterleavedMatmulSelfattValatt(Values):
    """(T, N, heads * 3 * D), (N * heads, S, T) -> (S, N, heads * D): values, weighted."""

    names = ("queries_keys_values", "attention")
    parts = 3


@operator("_contrib_interleaved_matmul_encdec_valatt")
class InterleavedMatmulEncdecValatt(Values):
    """(T, N, heads * 2 * D), (N * heads, S, T) -> (S, N, heads * D): values, weighted."""

    names = ("keys_values", "attention")
    parts = 2
