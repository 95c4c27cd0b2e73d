"""Padding shared by convolution and pooling; MXNet only pads both sides alike."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ...ir.shapes import Dim
from ...operators import Unsupported
from .builder import SymbolBuilder
from .values import Tensor

Ints = Tuple[int, ...]


def sides(window: Mapping[str, Any], rank: int) -> Tuple[Ints, Ints]:
    """Padding before and behind each axis, by the attributes of an operator with a kernel.

    Raises:
        Unsupported: it depends on the input's size.
    """
    pads, auto_pad = window.get("pads"), window.get("auto_pad", "NOTSET")
    if auto_pad not in ("NOTSET", "VALID"):
        raise Unsupported(f"auto_pad={auto_pad}; supported: NOTSET, VALID, with pads in numbers")
    given = tuple(pads) if pads and auto_pad == "NOTSET" else (0,) * (2 * rank)
    if len(given) != 2 * rank:
        raise Unsupported(f"pads={given} do not fit a kernel of {rank} dimensions")
    return given[:rank], given[rank:]


def positions(
    x: Tensor,
    kernel: Ints,
    stride: Optional[Ints],
    pad: Ints,
    dilate: Optional[Ints] = None,
    full: bool = False,
) -> Tuple[Dim, ...]:
    """How many positions a window takes along each axis: free sizes by a name that tells how,
    so that equal ones are known to be equal."""
    found: List[Dim] = []
    for k, size in enumerate(x.shape[2:]):
        step = stride[k] if stride else 1
        reach = (dilate[k] if dilate else 1) * (kernel[k] - 1)
        room = 2 * pad[k] - reach
        if isinstance(size, int):
            more = step - 1 if full else 0
            found.append((size + room - 1 + more) // step + 1)
        elif step == 1 and not room:
            found.append(size)
        else:
            found.append(f"{'ceil' if full else 'floor'}(({size}{room - 1:+d})/{step})+1")
    return tuple(found)


def padded(
    b: SymbolBuilder,
    x: Tensor,
    before: Sequence[int],
    behind: Sequence[int],
    value: float = 0.0,
    mode: str = "constant",
) -> Tensor:
    """x with more elements before and behind each of its axes.

    MXNet pads the axes behind the second of four or five: others are moved there.
    """
    if not any(before) and not any(behind):
        return x
    if min(*before, *behind) < 0:
        begins, ends = (tuple(max(-n, 0) for n in side) for side in (before, behind))
        cut = b.node("slice", x, begin=begins, end=tuple(-n or None for n in ends))
        left, right = ([max(n, 0) for n in side] for side in (before, behind))
        return padded(b, cut, left, right, value, mode)
    rank = len(x.shape)
    free = [a for a in range(rank) if not before[a] and not behind[a]]
    lead = max(0, 4 - rank, 2 - len(free))
    if rank + lead > 5:
        raise Unsupported(f"pads {rank - len(free)} of {rank} axes; supported: 3 of 5 in MXNet")
    if not x.dtype.startswith("float"):
        raise Unsupported(f"pads {x.dtype}; supported in MXNet: floating-point numbers")
    kept = free[: 2 - lead] if lead < 2 else []
    order = [*kept, *(a for a in range(rank) if a not in kept)]
    moved = x if order == list(range(rank)) else b.node("transpose", x, axes=tuple(order))
    for _ in range(lead):
        moved = b.node("expand_dims", moved, axis=0)
    widths: List[int] = [0] * (2 * lead)
    for axis in order:
        widths += [before[axis], behind[axis]]
    out = b.node("Pad", moved, mode=mode, pad_width=tuple(widths), constant_value=float(value))
    if lead:
        out = b.node("squeeze", out, axis=tuple(range(lead)))
    back = tuple(order.index(a) for a in range(rank))
    return out if order == list(range(rank)) else b.node("transpose", out, axes=back)
