"""Shapes with known, named and unknown dimensions, and the arithmetic on them."""

from __future__ import annotations

import math
import re
import shlex
from numbers import Integral
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import ShapeError

Dim = Union[int, str, None]  # 224, "N", or unknown
Dims = Tuple[Dim, ...]
Shape = Optional[Dims]  # None: not even the number of dimensions is known

#: Names for the axes of an input by its number of dimensions, where nothing else names them.
AXES = {len(axes): tuple(axes) for axes in ("N", "NC", "NCW", "NCHW", "NCTHW")}


def show(shape: Shape) -> str:
    """(1, "N", None) -> `1xNx?`; a scalar is `()`."""
    if shape is None:
        return "?"
    return "x".join("?" if d is None else str(d) for d in shape) or "()"


def stating(name: str, shape: Shape) -> str:
    """What a user types to state an input's shape: `data=1x3x224x224`, quoted where a shell would
    not take it as it is."""
    return shlex.quote(f"{name}={show(shape)}")


def with_axes(data: Dims, axes: str) -> Dims:
    """The shape itself, which must have as many axes as `axes` names: "(N, C, H, W)".

    Raises:
        ShapeError: it has more or fewer.
    """
    if len(data) != len(axes.strip("(,)").split(",")):
        raise ShapeError(f"takes {axes}, got {show(data)}")
    return data


def stated(shapes: Any) -> Dict[str, Shape]:
    """Shapes of inputs as a user of the library gives them -> tuples, by name.

    Raises:
        ShapeError: they are something else, such as {"data": "1x3x224x224"}.
    """
    if not isinstance(shapes, Mapping):
        example = "{'data': (1, 3, 224, 224)}"
        raise ShapeError(f"inputs={shapes!r}: give a dict from names to shapes: {example}.")
    found: Dict[str, Shape] = {}
    for name, shape in shapes.items():
        dims = tuple(shape) if isinstance(shape, (tuple, list)) else shape
        if isinstance(dims, tuple) and all(map(_is_dim, dims)):
            found[name] = tuple(int(d) if isinstance(d, Integral) else d for d in dims)
        elif shape is None:
            found[name] = None
        else:
            words = re.findall(r"[A-WYZa-wyz]|\d+", shape) if isinstance(shape, str) else []
            dims = tuple(int(w) if w.isdigit() else w for w in words) or (1, 3, 224, 224)
            raise ShapeError(
                f"inputs={{{name!r}: {shape!r}}}: a shape is a tuple of sizes above 0, or of names "
                f"for sizes that stay free: {{{name!r}: {dims!r}}}."
            )
    return found


def _is_dim(dim: Any) -> bool:
    return dim is None or isinstance(dim, str) or (isinstance(dim, Integral) and int(dim) > 0)


class DeferredDim(str):
    """A size that a file leaves to the layers that read it, until `unify` meets another for it.

    `_zeros(shape=(0, 256))`, the first state of a recurrent cell, is as large as the batch.
    """

    meaning: Dim = None


def resolve(dim: Dim) -> Dim:
    """What an open size was found to be; any other size as it is."""
    while isinstance(dim, DeferredDim) and dim.meaning is not None:
        dim = dim.meaning
    return dim


def same(a: Dim, b: Dim) -> bool:
    """Could the two be equal? Unknown and differently named dimensions could."""
    a, b = resolve(a), resolve(b)
    return not (isinstance(a, int) and isinstance(b, int)) or a == b


def may_equal(a: Shape, b: Shape) -> bool:
    """Could the two shapes be equal?"""
    return a is None or b is None or (len(a) == len(b) and all(map(same, a, b)))


def misfit(needed: Shape, stored: Shape) -> Optional[int]:
    """-1 where data needs fewer weights than are stored: it is too small; 1 where it needs more;
    None where that is not known."""
    sizes = [product(shape or ()) for shape in (needed, stored)]
    few, many = (size if isinstance(size, int) else 0 for size in sizes)
    return (few > many) - (few < many) if few and many else None


def unify(a: Dim, b: Dim) -> Dim:
    """What is known of a dimension that is both `a` and `b`: a number before a name."""
    a, b = resolve(a), resolve(b)
    if not same(a, b):
        raise ShapeError(f"{a} and {b} must be equal")
    if isinstance(b, DeferredDim) and not isinstance(a, DeferredDim):
        a, b = b, a
    if isinstance(a, DeferredDim):
        a.meaning = b if b is not a else None
        return resolve(a)
    return b if a is None or (isinstance(b, int) and not isinstance(a, int)) else a


def merge_shapes(*shapes: Tuple[Dim, ...]) -> Tuple[Dim, ...]:
    """The one shape that all of these are.

    Raises:
        ShapeError: they differ.
    """
    first, *rest = shapes
    for other in rest:
        if not may_equal(first, other):
            raise ShapeError(f"inputs of shapes {show(first)} and {show(other)} must be equal")
        first = tuple(map(unify, first, other))
    return first


def product(dims: Sequence[Dim]) -> Dim:
    """Number of elements; a single name stays a name."""
    known = math.prod(d for d in dims if isinstance(d, int))
    others = [d for d in dims if not isinstance(d, int)]
    if not others:
        return known
    return others[0] if len(others) == 1 and known == 1 else None


def quotient(dims: Sequence[Dim], divisors: Sequence[Dim]) -> Dim:
    """Product of `dims` divided by that of `divisors`: (N, 3, 4) / (N,) -> 12.

    Raises:
        ShapeError: that leaves a remainder.
    """
    rest: List[Dim] = list(dims)
    below = 1
    for d in divisors:
        if isinstance(d, int):
            below *= d
        elif d is not None and d in rest:
            rest.remove(d)
        else:
            return None
    above = math.prod(d for d in rest if isinstance(d, int))
    names = [d for d in rest if not isinstance(d, int)]
    if names:
        return product(names) if above == below else None
    if above % below:
        too_small = -1 if above < below else None
        raise ShapeError(f"{above} cannot be divided by {below}", too_small)
    return above // below


def window(
    size: Dim, kernel: int, stride: int, pad: int, dilate: int = 1, full: bool = False
) -> Dim:
    """Positions of a sliding window along one axis: floor, or ceil with `full`.

    Raises:
        ShapeError: the window is larger than the padded input.
    """
    if not isinstance(size, int):
        return size if (kernel, stride, pad) == (1, 1, 0) else None
    room = size + 2 * pad - (dilate * (kernel - 1) + 1)
    if room < 0:
        raise ShapeError(
            f"an input of size {size} padded by {pad} on both sides is smaller than "
            f"the kernel of {dilate * (kernel - 1) + 1}: give a larger input",
            -1,
        )
    return (room + stride - 1 if full else room) // stride + 1
