"""Edits of Python expressions: each kind is a slip that whoever wrote them could have made."""

from __future__ import annotations

import ast
import re
from copy import copy
from typing import Any, Callable, Dict, Iterator, List, Tuple

#: What is easily taken for one another: operators of ONNX, methods of PyTorch, signs in texts.
_PAIRS = (
    *(("Add", "Sub"), ("Mul", "Div"), ("Max", "Min"), ("Floor", "Ceil"), ("Sqrt", "Identity")),
    *(("Less", "LessOrEqual"), ("Greater", "GreaterOrEqual"), ("And", "Or"), ("Sin", "Cos")),
    *(("ReduceMean", "ReduceSum"), ("ReduceMax", "ReduceMin"), ("Sign", "Abs"), ("Exp", "Log")),
    *(("mean", "sum"), ("amax", "amin"), ("floor", "ceil"), ("minimum", "maximum")),
    *(("argmax", "argmin"), ("sin", "cos"), ("exp", "expm1"), ("float32", "float64")),
    *((" + ", " - "), (" * ", " / "), (" < ", " <= "), (" > ", " >= "), (" & ", " | ")),
)
SLIPS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
_WORD = re.compile(r"\b\d+\b|\b[A-Za-z]\w*\b| [-+*/<>&|]=? ")
_OPERATORS: Dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}


def texts(text: str) -> Iterator[str]:
    """The text with one number or word changed."""
    for match in _WORD.finditer(text):
        word = match.group()
        other = str(int(word) + 1) if word.isdigit() else SLIPS.get(word)
        if other is not None:
            yield text[: match.start()] + other + text[match.end() :]


def values(value: Any) -> Iterator[Any]:
    """Others that a constant may be taken for."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    elif isinstance(value, str):
        yield from texts(value)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from ((*value[:place], other, *value[place + 1 :]) for other in values(part))


def _with(node: Any, **fields: Any) -> Any:
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant):
        yield from (_with(node, value=value) for value in values(node.value))


def _condition(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield _with(node, ifs=[])


def _operator(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in _OPERATORS:
        yield _with(node, op=_OPERATORS[type(node.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        yield _with(node, ops=[_OPERATORS[type(node.ops[0])](), *node.ops[1:]])


def _dropped(node: ast.AST) -> Iterator[ast.AST]:
    """An addend, a factor, a sign, an argument."""
    if isinstance(node, ast.BinOp):
        yield node.left
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Call):
        for place in range(len(node.keywords)):
            yield _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])
        if len(node.args) > 1:
            yield _with(node, args=node.args[:-1])


def _swaps(parts: List[Any]) -> Iterator[List[Any]]:
    for place, (a, b) in enumerate(zip(parts, parts[1:])):
        if not isinstance(a, ast.Starred) and ast.dump(a) != ast.dump(b):
            yield [*parts[:place], b, a, *parts[place + 2 :]]


def _exchanged(node: ast.AST) -> Iterator[ast.AST]:
    """Two arguments, or two elements, side by side; two values in a text."""
    if isinstance(node, ast.Call):
        named = [isinstance(a, ast.Constant) and isinstance(a.value, str) for a in node.args]
        first = sum(named[:1])  # an operator's name stays
        for args in _swaps(node.args[first:]):
            yield _with(node, args=[*node.args[:first], *args])
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
        yield from (_with(node, elts=parts) for parts in _swaps(node.elts))
    if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Mult)):
        yield _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.JoinedStr):
        places = [k for k, p in enumerate(node.values) if isinstance(p, ast.FormattedValue)]
        for a, b in zip(places, places[1:]):
            parts = list(node.values)
            parts[a], parts[b] = parts[b], parts[a]
            yield _with(node, values=parts)


KINDS: Dict[str, Callable[[ast.AST], Iterator[ast.AST]]] = {
    "constant changed": _constant,
    "condition turned": _condition,
    "operator changed": _operator,
    "part dropped": _dropped,
    "parts exchanged": _exchanged,
}


def edits(node: ast.AST) -> Iterator[Tuple[str, ast.AST]]:
    """(kind, what stands in the node's place), for each slip that is possible there."""
    for kind, found in KINDS.items():
        for other in found(node):
            yield kind, other
