"""Matrix products of values that the network computes."""

from __future__ import annotations

from functools import reduce
from typing import Any, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, merge_shapes, product, same, show, unify
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr, moved
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


def matrix_shape(a: Dims, b: Dims, transpose_a: bool, transpose_b: bool, axis: int = -2) -> Dims:
    """(*, m, k), (*, k, n) -> (*, m, n), the rows being along `axis`.

    Raises:
        ShapeError: the other axes differ, or the two that are summed over.
    """
    where = f"{show(a)} and {show(b)}"
    row = axis % len(a) if -len(a) <= axis < len(a) else len(a)
    if len(a) != len(b) or not row < len(a) - 1:
        raise ShapeError(f"cannot multiply {where} with rows along axis {axis}")
    (m, k), (rows, n) = ((s[row], s[-1]) for s in (a, b))
    m, k = (k, m) if transpose_a else (m, k)
    rows, n = (n, rows) if transpose_b else (rows, n)
    if not same(k, rows):
        raise ShapeError(f"cannot multiply {where}: {k} columns, {rows} rows")
    outer = merge_shapes(*((*s[:row], *s[row + 1 : -1]) for s in (a, b)))
    return (*outer[:row], m, *outer[row:], n)


def onnx_swapped(g: OnnxBuilder, data: Any, rank: int, swap: bool) -> Any:
    """The last two axes exchanged."""
    return g.op("Transpose", data, perm=(*range(rank - 2), rank - 1, rank - 2)) if swap else data


def onnx_scaled(g: OnnxBuilder, data: Any, factor: float, like: Any) -> Any:
    return data if factor == 1 else g.op("Mul", data, g.scalar(factor, like=like))


def torch_scaled(factor: float, text: str) -> str:
    return text if factor == 1 else f"{factor!r} * ({text})"


def torch_product(a: str, b: str, transpose_a: bool, transpose_b: bool) -> str:
    return f"{a}{'.mT' if transpose_a else ''} @ {b}{'.mT' if transpose_b else ''}"


@operator("dot", ignores=("forward_stype",))
class Dot(Operator):
    """(*a, k), (k, *b) -> (*a, *b); two vectors give (1,).

    Transposing turns the first input's first axis, or the second's last, into the one summed
    over, and leaves the others' order. Source: src/operator/tensor/dot-inl.h.
    """

    transpose_a: bool = False
    transpose_b: bool = False

    def _axes(self, a: Dims, b: Dims) -> Tuple[int, int]:
        """Those that are summed over."""
        return (0 if self.transpose_a else len(a) - 1, len(b) - 1 if self.transpose_b else 0)

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        if not lhs or not rhs:
            raise ShapeError(f"takes no scalars, got {show(lhs)} and {show(rhs)}")
        if len(lhs) == len(rhs) == 1 and (self.transpose_a or self.transpose_b):
            raise ShapeError("cannot transpose vectors, which MXNet refuses, too")
        i, j = self._axes(lhs, rhs)
        unify(lhs[i], rhs[j])
        return (*lhs[:i], *lhs[i + 1 :], *rhs[:j], *rhs[j + 1 :]) or (1,)

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        a, b = len(g.shape(lhs)), len(g.shape(rhs))
        if a == b == 1:
            return g.op("Reshape", g.op("MatMul", lhs, rhs), g.ints((1,)))
        if self.transpose_a and a > 1:
            lhs = g.op("Transpose", lhs, perm=(*range(1, a), 0))
        if self.transpose_b and b > 1:
            rhs = g.op("Transpose", rhs, perm=(b - 1, *range(b - 1)))
        if b < 3:
            return g.op("MatMul", lhs, rhs)
        flat = g.op("MatMul", lhs, g.op("Flatten", rhs, axis=1))
        rest = g.op("Gather", g.op("Shape", rhs), g.ints(tuple(range(1, b))))
        if a == 1:
            return g.op("Reshape", flat, rest)
        rows = g.op("Gather", g.op("Shape", lhs), g.ints(tuple(range(a - 1))))
        return g.op("Reshape", flat, g.op("Concat", rows, rest, axis=0))

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        a, b = m.shape(lhs), m.shape(rhs)
        if len(a) == len(b) == 1:
            return f"{lhs}.dot({rhs}).reshape(1)"
        if len(a) == len(b) == 2:
            return torch_product(lhs, rhs, self.transpose_a, self.transpose_b)
        i, j = self._axes(a, b)
        return f"torch.tensordot({lhs}, {rhs}, dims=([{i}], [{j}]))"


class Product(Operator):
    """(*, m, k), (*, k, n) -> (*, m, n): alpha A B, the rows being along `axis`."""

    transpose_a: bool
    transpose_b: bool
    alpha: float = 1.0
    axis: int = -2

    def infer(self, a: Dims, b: Dims) -> Dims:
        return matrix_shape(a, b, self.transpose_a, self.transpose_b, self.axis)

    def to_onnx(self, g: OnnxBuilder, a: Any, b: Any) -> Any:
        rank = len(g.shape(a))
        given = [moved(g, x, rank, self.axis, -2) for x in (a, b)]
        pairs = zip(given, (self.transpose_a, self.transpose_b))
        out = g.op("MatMul", *(onnx_swapped(g, x, rank, swap) for x, swap in pairs))
        return onnx_scaled(g, moved(g, out, rank, -2, self.axis), self.alpha, a)

    def to_pytorch(self, m: TorchBuilder, a: str, b: str) -> str:
        rank, back = len(m.shape(a)), ""
        if self.axis % rank != rank - 2:
            a, b = (f"{x}.movedim({self.axis}, -2)" for x in (a, b))
            back = f".movedim(-2, {self.axis})"
        text = torch_product(a, b, self.transpose_a, self.transpose_b)
        return torch_scaled(self.alpha, f"({text}){back}" if back else text)


@operator("batch_dot", ignores=("forward_stype",))
class BatchDot(Product):
    """(*, m, k), (*, k, n) -> (*, m, n), with equal axes before.

    Source: src/operator/tensor/dot-inl.h, BatchDotShape.
    """

    transpose_a: bool = False
    transpose_b: bool = False

    def infer(self, lhs: Dims, rhs: Dims) -> Dims:
        if len(lhs) < 3:
            raise ShapeError(f"takes 3 or more dimensions, got {show(lhs)} and {show(rhs)}")
        return super().infer(lhs, rhs)


class Matrix(Operator):
    """An operator on stacks of matrices, which MXNet calls A, B and C.

    Source: src/operator/tensor/la_op.h, la_op-inl.h.
    """

    def input_names(self) -> Tuple[str, ...]:
        return tuple("ABC"[: len(super().input_names())])


@operator("_linalg_gemm2")
class LinalgGemm2(Matrix, Product):
    """(*, m, k), (*, k, n) -> (*, m, n): alpha A B, the rows being along `axis`."""

    transpose_a: bool = False
    transpose_b: bool = False
    alpha: float = 1.0
    axis: int = -2


@operator("_linalg_gemm")
class LinalgGemm(LinalgGemm2):
    """(*, m, k), (*, k, n), (*, m, n) -> (*, m, n): alpha A B + beta C."""

    beta: float = 1.0

    def infer(self, a: Dims, b: Dims, c: Dims = ()) -> Dims:
        return merge_shapes(super().infer(a, b), c)

    def to_onnx(self, g: OnnxBuilder, a: Any, b: Any, c: Any = None) -> Any:
        return g.op("Add", super().to_onnx(g, a, b), onnx_scaled(g, c, self.beta, c))

    def to_pytorch(self, m: TorchBuilder, a: str, b: str, c: str = "") -> str:
        beta = "" if self.beta == 1 else f"{self.beta!r} * "
        return f"{super().to_pytorch(m, a, b)} + {beta}{c}"


@operator("khatri_rao", ignores=("num_args",))
class KhatriRao(Operator):
    """(A, K), (B, K), ... -> (A * B * ..., K): Kronecker products of columns.

    Source: src/operator/contrib/krprod.cc.
    """

    def infer(self, *args: Dims) -> Shape:
        columns = args[0][-1] if args[0] else None
        for matrix in args:
            takes("matrices", matrix, (None, columns))
            columns = unify(columns, matrix[1])
        return (product([matrix[0] for matrix in args]), columns)

    def to_onnx(self, g: OnnxBuilder, *args: Any) -> Any:
        def joined(a: OnnxExpr, b: OnnxExpr) -> OnnxExpr:
            return (a.unsqueeze(1) * b.unsqueeze(0)).reshape(-1, b.size(1))

        return reduce(joined, [OnnxExpr(g, value) for value in args]).value

    def to_pytorch(self, m: TorchBuilder, *args: str) -> str:
        return reduce(lambda a, b: f"({a}.unsqueeze(1) * {b}).flatten(0, 1)", args)
