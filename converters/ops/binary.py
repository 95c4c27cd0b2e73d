"""Functions of two arrays or more, element by element; one of two may be broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, Callable, ClassVar, List, Optional, Tuple

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, merge, merge_shapes, same, show
from .arithmetic import Arithmetic, refuse_integers
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, declare, operator, written

#: Two values -> the result, of their type or bool.
Formula = Callable[[Arithmetic, Any, Any], Any]


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
            out.append(merge(p, q))
        else:
            out.append(None)  # either may be 1
    return tuple(out)


def _named(op_type: str) -> Formula:
    return lambda a, x, y: a.op(op_type, x, y)


def _compared(op_type: str, negated: bool = False) -> Formula:
    """0 or 1 in the type of the numbers."""

    def build(a: Arithmetic, x: Any, y: Any) -> Any:
        truth = a.g.op(op_type, x, y)
        return a.g.cast(a.g.op("Not", truth) if negated else truth, a.type)

    return build


def _logical(op_type: str) -> Formula:
    return lambda a, x, y: a.g.cast(a.g.op(op_type, a.truth(x), a.truth(y)), a.type)


def _modulo(a: Arithmetic, x: Any, y: Any) -> Any:
    """The remainder has the divisor's sign, and is 0 where that is 0."""
    none = a.op("Equal", y, a.number(0))
    if a.integers:
        return a.op("Mod", x, a.op("Where", none, a.number(1), y))
    rest = a.op("Mod", x, y, fmod=1)  # of the dividend's sign
    signs = a.op("Mul", a.op("Sign", rest), a.op("Sign", y))
    other = a.op("Less", signs, a.number(0))
    rest = a.op("Where", other, a.op("Add", rest, y), rest)
    return a.op("Where", none, a.number(0), rest)


def _power(a: Arithmetic, x: Any, y: Any) -> Any:
    """Of whole numbers it is computed with fractions, which are then cut off."""
    if not a.integers:
        return a.op("Pow", x, y)
    x, y = (a.g.cast(value, "float64") for value in (x, y))
    return a.g.cast(a.g.op("Pow", x, y), a.type)


def _hypot(a: Arithmetic, x: Any, y: Any) -> Any:
    if a.integers:
        inner = a.copy("float32")
        return a.g.cast(_hypot(inner, *(a.g.cast(v, "float32") for v in (x, y))), a.type)
    return a.op("Sqrt", a.op("Add", a.op("Mul", x, x), a.op("Mul", y, y)))


@dataclass(frozen=True)
class Binary(Operator):
    """(*), (*) -> same.  Source: src/operator/tensor/elemwise_binary_op*.cc, mshadow_op.h.

    Class attributes:
        formula: in ONNX.
        composed: the formula is of several operators.
        text: in PyTorch, of {a} and {b}. See Written.
        whole: the text for whole numbers, if it is another.
    """

    formula: ClassVar[Tuple[Formula]]
    composed: ClassVar[bool] = False
    text: ClassVar[str]
    whole: ClassVar[str]

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return merge_shapes(lhs, rhs)

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        if g.type(lhs) == "bool":
            refuse_integers("bool")
        a = Arithmetic(g, lhs, composed=self.composed)
        return a.leave(self.formula[0](a, a.enter(lhs), a.enter(rhs)))

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


def binary(
    name: str,
    broadcasts: Optional[str],
    formula: Formula,
    text: str,
    whole: Optional[str] = None,
    **more: Any,
) -> None:
    """Declare MXNet's operators `name`, for equal shapes, and `broadcasts`. See Binary.

    Args:
        more: other class attributes of the declaration.
    """
    body = {"formula": (formula,), "text": text, "whole": whole or text, **more}
    for declared, base in ((name, Binary), (broadcasts, Broadcast)):
        if declared:
            declare(declared, base, **body)


for _name, _onnx, _sign in (("add", "Add", "+"), ("sub", "Sub", "-"), ("mul", "Mul", "*")):
    _text = f"{{a}} {_sign} {{b}}"
    binary(f"elemwise_{_name}", f"broadcast_{_name}", _named(_onnx), _text)
binary("_grad_add", None, _named("Add"), "{a} + {b}")
_TRUNCATED = 'torch.div({a}, {b}, rounding_mode="trunc")'
binary("elemwise_div", "broadcast_div", _named("Div"), "{a} / {b}", whole=_TRUNCATED)
binary("_mod", "broadcast_mod", _modulo, "modulo({a}, {b})", composed=True)
binary("_power", "broadcast_power", _power, "{a} ** {b}", whole="power({a}, {b})")
binary("_maximum", "broadcast_maximum", _named("Max"), "torch.maximum({a}, {b})")
binary("_minimum", "broadcast_minimum", _named("Min"), "torch.minimum({a}, {b})")
binary(
    "_hypot",
    "broadcast_hypot",
    _hypot,
    "torch.hypot({a}, {b})",
    whole="torch.hypot({a}.to(torch.float32), {b}.to(torch.float32)).to({dtype})",
    composed=True,
    limits="In ONNX, float32 numbers beyond 1e19 are infinite, for they are squared.",
)
#: Which scores are above a threshold, or the peaks of a map, the least rounding decides.
COMPARISONS = {
    "equal": (_compared("Equal"), "=="),
    "not_equal": (_compared("Equal", negated=True), "!="),
    "greater": (_compared("Greater"), ">"),
    "greater_equal": (_compared("GreaterOrEqual"), ">="),
    "lesser": (_compared("Less"), "<"),
    "lesser_equal": (_compared("LessOrEqual"), "<="),
}
for _name, (_formula, _sign) in COMPARISONS.items():
    _text = f"({{a}} {_sign} {{b}}).to({{dtype}})"
    binary(f"_{_name}", f"broadcast_{_name}", _formula, _text, order_dependent=True)
for _name in ("and", "or", "xor"):
    _text = f"{{a}}.logical_{_name}({{b}}).to({{dtype}})"
    binary(f"_logical_{_name}", f"broadcast_logical_{_name}", _logical(_name.capitalize()), _text)


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
