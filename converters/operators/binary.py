"""Functions of two arrays or more, element by element; one of two may be broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Callable, ClassVar, Dict, List, Optional, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, merge_shapes, same, show, unify
from .elementwise import refuse_integers
from .emit.onnx_math import INTEGERS, OnnxExpr, exact, result
from .registry import (
    Limits,
    OnnxBuilder,
    Operator,
    TorchBuilder,
    Unsupported,
    declare,
    operator,
    written,
)

#: Two values -> the result, of their type or bool.
Function = Callable[[OnnxExpr, OnnxExpr], OnnxExpr]


def broadcast(lhs: Tuple[Dim, ...], rhs: Tuple[Dim, ...]) -> Tuple[Dim, ...]:
    """The shape of both, aligned at the last axis, where a size of 1 gives way.

    Raises:
        ShapeError: they do not fit.
    """
    rank = max(len(lhs), len(rhs))
    a, b = ((1,) * (rank - len(s)) + s for s in (lhs, rhs))
    out: List[Dim] = []
    for p, q in zip(a, b):
        if p == 1 or q == 1:
            out.append(q if p == 1 else p)
        elif not same(p, q):
            raise ShapeError(f"cannot broadcast {show(lhs)} and {show(rhs)}")
        elif isinstance(p, int) or isinstance(q, int) or p == q:
            out.append(unify(p, q))
        else:
            out.append(None)  # either may be 1
    return tuple(out)


def _logical(name: str) -> Function:
    """Of truths: numbers other than 0."""
    return lambda x, y: x.to("bool").op(name, y.to("bool"))


def _modulo(x: OnnxExpr, y: OnnxExpr) -> OnnxExpr:
    """The remainder has the divisor's sign, and is 0 where that is 0."""
    none = y.equals(0)
    if x.kind in INTEGERS:
        return x % none.where(y.array(1), y)
    rest = x.op("Mod", y, fmod=1)  # of the dividend's sign
    other = rest.op("Sign") * y.op("Sign") < 0
    return none.where(x.array(0), other.where(rest + y, rest))


def _power(x: OnnxExpr, y: OnnxExpr) -> OnnxExpr:
    """Of whole numbers it is computed with fractions, which are then cut off."""
    wide = "float64" if x.kind in INTEGERS else x.kind
    return (x.to(wide) ** y.to(wide)).to(x.kind)


def _hypot(x: OnnxExpr, y: OnnxExpr) -> OnnxExpr:
    a, b = (v.to("float32") if v.kind in INTEGERS else v for v in (x, y))
    return (a * a + b * b).op("Sqrt").to(x.kind)


@dataclass(frozen=True)
class Binary(Operator):
    """(*), (*) -> same.  Source: src/operator/tensor/elemwise_binary_op*.cc, mshadow_op.h.

    Class attributes:
        formula: in ONNX.
        composed: the formula is of several operators.
        text: in PyTorch, of {a} and {b}. See Written.
        whole: the text for whole numbers, if it is another.
    """

    formula: ClassVar[Callable[..., OnnxExpr]]
    composed: ClassVar[bool] = False
    text: ClassVar[str]
    whole: ClassVar[str]

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return merge_shapes(lhs, rhs)

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        return {"rhs": data} if data else {}

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        if g.type(lhs) == "bool":
            refuse_integers("bool")
        pair = (exact(g, value, composed=self.composed) for value in (lhs, rhs))
        return result(self.formula(*pair))

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        if m.type(lhs) == "bool":
            refuse_integers("bool")
        text = self.text if m.type(lhs).startswith("float") else self.whole
        return written(m, text, a=lhs, b=rhs)


class Broadcast(Binary):
    """(*), (*) -> the shape of both.  Source: src/operator/tensor/elemwise_binary_broadcast_op*.cc.

    Sizes of 1 give way, as do axes that one of the two does not have.
    """

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return broadcast(lhs, rhs)

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        return {}


def binary(
    name: str, formula: Function, text: str, whole: Optional[str] = None, **more: Any
) -> None:
    """Declare MXNet's operator `name`, for equal shapes, and the one that broadcasts. See Binary.

    Args:
        more: other class attributes of the declaration.
    """
    body = {"formula": staticmethod(formula), "text": text, "whole": whole or text, **more}
    _, short = name.split("_", 1)
    declare(name, Binary, **body)
    declare(f"broadcast_{short}", Broadcast, **body)


binary("elemwise_add", OnnxExpr.__add__, "{a} + {b}")
binary("elemwise_sub", OnnxExpr.__sub__, "{a} - {b}")
binary("elemwise_mul", OnnxExpr.__mul__, "{a} * {b}")
_TRUNCATED = 'torch.div({a}, {b}, rounding_mode="trunc")'
binary("elemwise_div", OnnxExpr.__truediv__, "{a} / {b}", whole=_TRUNCATED)
_SUM = "{a} + {b}"
declare("_grad_add", Binary, formula=staticmethod(OnnxExpr.__add__), text=_SUM, whole=_SUM)
binary("_mod", _modulo, "modulo({a}, {b})", composed=True)
binary("_power", _power, "{a} ** {b}", whole="power({a}, {b})")
binary("_maximum", OnnxExpr.maximum, "torch.maximum({a}, {b})")
binary("_minimum", OnnxExpr.minimum, "torch.minimum({a}, {b})")
binary(
    "_hypot",
    _hypot,
    "torch.hypot({a}, {b})",
    whole="torch.hypot({a}.to(torch.float32), {b}.to(torch.float32)).to({dtype})",
    composed=True,
    limits="In ONNX, float32 numbers beyond 1e19 are infinite, for they are squared.",
)
#: Which scores are above a threshold, or the peaks of a map, the least rounding decides.
COMPARISONS: Dict[str, Tuple[Function, str]] = {
    "equal": (OnnxExpr.equals, "=="),
    "not_equal": (lambda x, y: ~x.equals(y), "!="),
    "greater": (OnnxExpr.__gt__, ">"),
    "greater_equal": (OnnxExpr.__ge__, ">="),
    "lesser": (OnnxExpr.__lt__, "<"),
    "lesser_equal": (OnnxExpr.__le__, "<="),
}
for _name, (_formula, _sign) in COMPARISONS.items():
    binary(f"_{_name}", _formula, f"({{a}} {_sign} {{b}}).to({{dtype}})", order_dependent=True)
for _name in ("and", "or", "xor"):
    _text = f"{{a}}.logical_{_name}({{b}}).to({{dtype}})"
    binary(f"_logical_{_name}", _logical(_name.capitalize()), _text)


@operator("add_n", ignores=("num_args",))
class AddN(Operator):
    """Any number of equal shapes -> same: their sum.  Source: tensor/elemwise_sum.cc."""

    def infer(self, *args: Dims) -> Shape:
        return merge_shapes(*args)

    def to_onnx(self, g: OnnxBuilder, *args: Any) -> Any:
        if g.type(args[0]).startswith("float"):
            return g.op("Sum", *args)
        return result(reduce(add, (exact(g, value) for value in args)))

    def to_pytorch(self, m: TorchBuilder, *args: str) -> str:
        return " + ".join(args) if len(args) > 1 else f"{args[0]}.clone()"


@operator("where")
class Where(Operator):
    """(*), (*), (*) -> same: of x where the condition is not 0, of y elsewhere.

    The condition may be (N): then it chooses among the first axis.
    Source: src/operator/tensor/control_flow_op.h.
    """

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return {"condition": Limits(0, 1, optional=True)}

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
