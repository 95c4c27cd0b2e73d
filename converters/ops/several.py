"""Functions of several arrays, element by element."""

from __future__ import annotations

from functools import reduce
from typing import Any, Optional, Tuple

from ..errors import ShapeError
from ..shape import Dims, Shape, merge_shapes, same, show
from .arithmetic import Arithmetic
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@operator("add_n", ignores=("num_args",))
class AddN(Operator):
    """Any number of equal shapes -> same: their sum.  Source: tensor/elemwise_sum.cc."""

    def infer(self, *args: Dims) -> Shape:
        return merge_shapes(*args)

    def to_onnx(self, g: OnnxBuilder, *args: Any) -> Any:
        if g.type(args[0]).startswith("float"):
            return g.op("Sum", *args)
        a = Arithmetic(g, args[0])
        return a.leave(reduce(lambda x, y: a.op("Add", x, y), map(a.enter, args)))

    def to_pytorch(self, m: TorchBuilder, *args: str) -> str:
        return " + ".join(args) if len(args) > 1 else f"{args[0]}.clone()"


@operator("where")
class Where(Operator):
    """(*), (*), (*) -> same: of x where the condition is not 0, of y elsewhere.

    The condition may be (N): then it chooses among the first axis.
    Source: src/operator/tensor/control_flow_op.h.
    """

    def infer(self, condition: Dims, x: Dims, y: Dims) -> Shape:
        out = merge_shapes(x, y)
        if len(condition) == len(out):
            return merge_shapes(out, condition)
        if len(condition) != 1 or not same(condition[0], out[0]):
            raise ShapeError(f"a condition of {show(condition)} cannot choose among {show(out)}")
        return out

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        return types[1]

    def to_onnx(self, g: OnnxBuilder, condition: Any, x: Any, y: Any) -> Any:
        rows = _rows(g.shape(condition), g.shape(x), g.type(x))
        chosen = g.cast(condition, "bool")
        if rows:
            chosen = g.op("Reshape", chosen, g.ints(rows))
        return g.op("Where", chosen, x, y)

    def to_pytorch(self, m: TorchBuilder, condition: str, x: str, y: str) -> str:
        rows = _rows(m.shape(condition), m.shape(x), m.type(x))
        chosen = f"{condition}.reshape({', '.join(map(str, rows))})" if rows else condition
        return f"torch.where({chosen} != 0, {x}, {y})"


def _rows(condition: Dims, x: Dims, dtype: str) -> Tuple[int, ...]:
    """The shape that a condition with fewer axes gets; () if it keeps its own."""
    if dtype == "bool":
        raise Unsupported("of bool; supported: numbers. Cast the input")
    return (-1, *(1,) * (len(x) - 1)) if len(condition) < len(x) else ()
