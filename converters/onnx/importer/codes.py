"""A Reshape to free sizes, in the codes of MXNet's Reshape: 0, -1, -3 and -4."""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import List, Optional, Sequence, Tuple

from ...ir.shapes import Dim
from ...operators import Unsupported
from .builder import SymbolBuilder
from .values import Operand, SizeExpr, SymbolicSize, Tensor

REST = -1


def reshaped(b: SymbolBuilder, data: Tensor, target: Sequence[Operand]) -> Tensor:
    """`target` as ONNX has it: 0 keeps an axis, -1 is the rest, and there may be free sizes."""
    have = [b.size(d) for d in data.shape]
    if any(t == 0 and i >= len(have) for i, t in enumerate(target)):
        raise Unsupported(f"to {_show(target)}: keeps an axis that {_show(have)} lacks")
    want = _with_rest(have, [have[i] if t == 0 else t for i, t in enumerate(target)])
    shape: Tuple[Dim, ...] = tuple(None if t == REST else b.dim(t) for t in want)
    if not target:
        return b.node("Reshape", data, shape=(1,), out=())
    for reverse, step in ((None, 1), (True, -1)):
        codes = _codes(have[::step], target[::step], want[::step])
        if codes is not None:
            return b.node("Reshape", data, shape=codes[::step], reverse=reverse, out=shape)
    return _in_steps(b, data, have, want)


def _show(sizes: Sequence[Operand]) -> str:
    return f"({', '.join(map(str, sizes))})"


def _product(sizes: Sequence[Operand]) -> Operand:
    one: Operand = 1
    return reduce(mul, sizes, one)


def _with_rest(have: List[Operand], want: List[Operand]) -> List[Operand]:
    """-1 as a size, if it is a product of sizes."""
    if REST not in want:
        return want
    total, others = _product(have), _product([t for t in want if t != REST])
    rest = total // others if others else 0
    whole = not isinstance(rest, SymbolicSize) or not any(
        isinstance(n, SizeExpr) for n in rest.names
    )
    return [rest if t == REST and whole else t for t in want]


def _codes(
    have: Sequence[Operand], target: Sequence[Operand], want: Sequence[Operand]
) -> Optional[Tuple[int, ...]]:
    """One code for each size: 0 where the input's is there, a number, and one rest.

    0 in place of a number that is the same lets the network take another batch.
    """
    codes: List[int] = []
    for place, size in enumerate(want):
        kept = place < len(have) and have[place] == size
        if kept:
            codes.append(0)
        elif isinstance(size, int) and size != REST and target[place] != REST:
            codes.append(size)
        elif REST not in codes:
            codes.append(REST)
        else:
            return None
    return tuple(codes)


def _in_steps(b: SymbolBuilder, data: Tensor, have: List[Operand], want: List[Operand]) -> Tensor:
    """Two axes at a time are merged, and then one at a time is split."""
    groups = _groups(have, want)
    if groups is None:
        raise Unsupported(
            f"its target is computed: {_show(want)} of {_show(have)}; supported: axes that are "
            "kept, merged or split. Give the input a fixed size: --input"
        )
    for number, (sources, _) in enumerate(groups):
        while len(sources) > 1:
            codes = [0] * number + [-3] + [0] * (len(sources) - 2)
            codes += [0] * sum(len(later) for later, _ in groups[number + 1 :])
            sources[:2] = [sources[0] * sources[1]]
            sizes = [size for group, _ in groups for size in group]
            data = _step(b, data, codes, sizes)
    done: List[Operand] = []
    for number, (_, parts) in enumerate(groups):
        later = [_product(p) for _, p in groups[number + 1 :]]
        data = _split(b, data, done, parts, later)
        done += parts
    return data


def _split(
    b: SymbolBuilder, data: Tensor, done: List[Operand], parts: List[Operand], later: List[Operand]
) -> Tensor:
    """The axis behind those that are done, into its parts: all at once if a value has such axes."""
    if sum(isinstance(size, SymbolicSize) for size in parts) > 1:
        place = b.neighbours(tuple(b.dim(size) for size in parts))
        if place is None:
            raise Unsupported(
                f"splits an axis into {_show(parts)}, which no value's axes are; supported: one "
                "size that is free. Give the input a fixed size: --input"
            )
        other, first = place
        own = {"lhs_begin": len(done), "lhs_end": len(done) + 1}
        like = {"rhs_begin": first, "rhs_end": first + len(parts)}
        out = tuple(b.dim(size) for size in (*done, *parts, *later))
        return b.node("reshape_like", data, other, out=out, **own, **like)
    for count in range(1, len(parts)):
        left, rest = parts[count - 1], _product(parts[count:])
        halves = [-4, -1, rest] if isinstance(left, SymbolicSize) else [-4, left, -1]
        before = [*done, *parts[:count]]
        codes = [0] * (len(before) - 1) + halves + [0] * len(later)
        data = _step(b, data, codes, [*before, rest, *later])
    return data


def _step(b: SymbolBuilder, data: Tensor, codes: Sequence[Operand], sizes: List[Operand]) -> Tensor:
    out = tuple(b.dim(size) for size in sizes)
    return b.node("Reshape", data, shape=tuple(codes), out=out)


def _groups(
    have: List[Operand], want: List[Operand]
) -> Optional[List[Tuple[List[Operand], List[Operand]]]]:
    """Neighbouring axes that become neighbouring axes of the same product, as few as possible."""
    left, right = list(have), list(want)
    groups: List[Tuple[List[Operand], List[Operand]]] = []
    while left and right:
        sources, parts = [left.pop(0)], [right.pop(0)]
        while _product(sources) != _product(parts):
            larger = _divides(_product(sources), _product(parts))
            side, taken = (left, sources) if larger else (right, parts)
            if not side:
                return None
            taken.append(side.pop(0))
        groups.append((sources, parts))
    if not groups or any(size != 1 for size in (*left, *right)):
        return None
    groups[-1][0].extend(left)
    groups[-1][1].extend(right)
    return groups


def _divides(small: Operand, large: Operand) -> bool:
    quotient = large // small
    if isinstance(quotient, SymbolicSize):
        return not any(isinstance(name, SizeExpr) for name in quotient.names)
    return isinstance(large, SymbolicSize) or quotient > 1
