"""Functions of two arrays, element by element; one of the two may be broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, ClassVar, List, Optional, Tuple

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, merge, merge_shapes, same, show
from .arithmetic import Arithmetic, refuse_integers
from .registry import OnnxBuilder, Operator, TorchBuilder, declare, written

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


ADD, SUB, MUL, DIV = _named("Add"), _named("Sub"), _named("Mul"), _named("Div")
MAXIMUM, MINIMUM = _named("Max"), _named("Min")
MODULO: Formula = _modulo
POWER: Formula = _power
HYPOT: Formula = _hypot
EQUAL, NOT_EQUAL = _compared("Equal"), _compared("Equal", negated=True)
GREATER, GREATER_EQUAL = _compared("Greater"), _compared("GreaterOrEqual")
LESSER, LESSER_EQUAL = _compared("Less"), _compared("LessOrEqual")
AND, OR, XOR = _logical("And"), _logical("Or"), _logical("Xor")
HYPOT_LIMITS = "In ONNX, float32 numbers beyond 1e19 are infinite, for they are squared."
COMPOSED = (MODULO, HYPOT)


@dataclass(frozen=True)
class Binary(Operator):
    """(*), (*) -> same.  Source: src/operator/tensor/elemwise_binary_op*.cc, mshadow_op.h.

    Class attributes:
        formula: in ONNX.
        text: in PyTorch, of {a} and {b}. See Written.
        whole: the text for whole numbers, if it is another.
    """

    formula: ClassVar[Tuple[Formula]]
    text: ClassVar[str]
    whole: ClassVar[str]

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return merge_shapes(lhs, rhs)

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        if g.type(lhs) == "bool":
            refuse_integers("bool")
        a = Arithmetic(g, lhs, composed=self.formula[0] in COMPOSED)
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


binary("elemwise_add", "broadcast_add", ADD, "{a} + {b}")
binary("_grad_add", None, ADD, "{a} + {b}")
binary("elemwise_sub", "broadcast_sub", SUB, "{a} - {b}")
binary("elemwise_mul", "broadcast_mul", MUL, "{a} * {b}")
binary(
    "elemwise_div",
    "broadcast_div",
    DIV,
    "{a} / {b}",
    whole='torch.div({a}, {b}, rounding_mode="trunc")',
)
binary("_mod", "broadcast_mod", MODULO, "modulo({a}, {b})")
binary("_power", "broadcast_power", POWER, "{a} ** {b}", whole="power({a}, {b})")
binary("_maximum", "broadcast_maximum", MAXIMUM, "torch.maximum({a}, {b})")
binary("_minimum", "broadcast_minimum", MINIMUM, "torch.minimum({a}, {b})")
binary(
    "_hypot",
    "broadcast_hypot",
    HYPOT,
    "torch.hypot({a}, {b})",
    whole="torch.hypot({a}.to(torch.float32), {b}.to(torch.float32)).to({dtype})",
    limits=HYPOT_LIMITS,
)
#: Which scores are above a threshold, or the peaks of a map, the least rounding decides.
COMPARISONS = (
    ("equal", EQUAL, "=="),
    ("not_equal", NOT_EQUAL, "!="),
    ("greater", GREATER, ">"),
    ("greater_equal", GREATER_EQUAL, ">="),
    ("lesser", LESSER, "<"),
    ("lesser_equal", LESSER_EQUAL, "<="),
)
for _name, _formula, _sign in COMPARISONS:
    _text = f"({{a}} {_sign} {{b}}).to({{dtype}})"
    binary(f"_{_name}", f"broadcast_{_name}", _formula, _text, order_dependent=True)
for _name, _formula in (("and", AND), ("or", OR), ("xor", XOR)):
    _text = f"{{a}}.logical_{_name}({{b}}).to({{dtype}})"
    binary(f"_logical_{_name}", f"broadcast_logical_{_name}", _formula, _text)
