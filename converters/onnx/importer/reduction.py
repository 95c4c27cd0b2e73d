"""Reductions along axes, running sums, and where the extremes are."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ...operators import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator, renamed
from .values import Tensor, Value

PLAIN = {f"Reduce{name}": name.lower() for name in ("Max", "Mean", "Min", "Prod", "Sum")}
#: What is done to each number before they are summed, and to the sum.
AROUND_SUM: Dict[str, Tuple[str, str]] = {
    "ReduceL1": ("abs", ""),
    "ReduceL2": ("square", "sqrt"),
    "ReduceLogSum": ("", "log"),
    "ReduceSumSquare": ("square", ""),
}


@onnx_operator(*PLAIN, *AROUND_SUM, "ReduceLogSumExp")
def reduce(
    b: SymbolBuilder,
    data: Tensor,
    given: Optional[Value] = None,
    *,
    axes: Optional[Tuple[int, ...]] = None,
    keepdims: int,
    noop_with_empty_axes: int = 0,
    op_type: str,
) -> Tensor:
    """The axes are an attribute in old opsets and an input in new ones."""
    chosen = axes if given is None else b.ints(given, "its axes")
    if not chosen and noop_with_empty_axes:
        return b.copy(data)
    axis = tuple(chosen) if chosen else None
    gone = len(chosen) if chosen else len(data.shape)
    shape = () if gone == len(data.shape) and not keepdims else None
    if op_type == "ReduceLogSumExp":
        peak = b.node("max", data, axis=axis, keepdims=True)
        moved = b.node("exp", b.node("broadcast_sub", data, peak))
        logs = b.node("log", b.node("sum", moved, axis=axis, keepdims=True))
        out = b.node("elemwise_add", logs, peak)
        return out if keepdims else b.node("squeeze", out, axis=axis, out=shape)
    options = {"axis": axis, "keepdims": bool(keepdims), "out": shape}
    if op_type in PLAIN:
        return b.node(PLAIN[op_type], data, truth=data.truth, **options)
    first, last = AROUND_SUM[op_type]
    total = b.node("sum", b.node(first, data) if first else data, **options)
    return b.node(last, total, out=shape) if last else total


renamed("Size", "size_array", out=())


@onnx_operator("ArgMax", "ArgMin")
def extreme(b: SymbolBuilder, x: Value, *, axis: int, keepdims: int, op_type: str) -> Tensor:
    """MXNet counts in floating-point numbers."""
    place = b.node(op_type.lower(), x, axis=axis, keepdims=bool(keepdims))
    return b.node("Cast", place, dtype="int64")


@onnx_operator("CumSum")
def running_sum(
    b: SymbolBuilder, data: Tensor, axis: Value, *, exclusive: int, reverse: int
) -> Tensor:
    along = b.ints(axis, "its axis")[0] % len(data.shape)
    turned = b.node("reverse", data, axis=(along,)) if reverse else data
    total = b.node("_np_cumsum", turned, axis=along)
    if exclusive:
        total = b.node("elemwise_sub", total, turned)
    return b.node("reverse", total, axis=(along,)) if reverse else total


@onnx_operator("TopK")
def top_k(b: SymbolBuilder, data: Tensor, k: Value, *, axis: int, largest: int) -> List[Tensor]:
    """Values and places."""
    count = b.numbers(k, "how many it takes")[0]
    whole = b.dim(count) == data.shape[axis]
    number = 0 if whole else b.ints(k, "how many it takes")[0]  # 0 means all
    if not whole and number == 0:
        raise Unsupported("k=0; supported: 1 and more")
    return b.several(
        "topk",
        data,
        axis=axis % len(data.shape),
        k=number,
        ret_typ="both",
        is_ascend=not largest,
        dtype="int64",
    )
