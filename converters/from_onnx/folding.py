"""ONNX nodes whose inputs are all known, computed now."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from ..ops import Unsupported
from .values import Array, Known, Size, sizes

#: Operators that change no number, only where it stands: the result keeps the name.
MOVES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Expand")


def fold(node: onnx.NodeProto, opset: int, inputs: Sequence[Optional[Known]]) -> List[Known]:
    """The outputs of a node, by ONNX's reference evaluator."""
    named = {f"i{k}": value for k, value in enumerate(inputs) if value is not None}
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:], copy.output[:]
    copy.input.extend(f"i{k}" if v is not None else "" for k, v in enumerate(inputs))
    copy.output.extend(f"o{k}" for k in range(len(node.output)))
    arrays = _run(copy, opset, {name: value.array for name, value in named.items()})
    exact: List[Optional[Array]] = [None] * len(arrays)
    if any(value.exact is not None for value in named.values()):
        wide = {name: _wide(value) for name, value in named.items()}
        exact = list(_run(copy, opset, wide))
    names: Sequence[str] = node.output
    if node.op_type in MOVES and named:
        names = [next(iter(named.values())).name]
    return [Known(*made) for made in zip(arrays, names, exact)]


def _wide(value: Known) -> Array:
    wide: Array = value.precise
    return wide.astype(np.float64) if wide.dtype.kind == "f" else wide


def _run(node: onnx.NodeProto, opset: int, feeds: Dict[str, Array]) -> List[Array]:
    opsets = [onnx.helper.make_opsetid("", opset)]
    function = onnx.helper.make_function("mxproof", "fold", feeds, node.output, [node], opsets)
    try:
        results = ReferenceEvaluator(function).run(None, feeds, {})  # no attributes
    except Exception as error:  # the evaluator's own, of any kind
        raise Unsupported(
            f"its inputs are constants, but ONNX cannot compute it: {error}"
        ) from None
    return [np.asarray(result) for result in results]


def fold_sizes(
    op_type: str, inputs: Sequence[Optional[Known]], attributes: Dict[str, Any], name: str
) -> Optional[List[Known]]:
    """The same where there are free sizes; None if the operator is not one for sizes."""
    rule = SIZE_RULES.get(op_type)
    if rule is None or not inputs or inputs[0] is None:
        return None
    arrays = [None if v is None else v.array for v in inputs]
    results = rule(*arrays, **attributes)
    if results is None:
        return None
    results = results if isinstance(results, list) else [results]
    return [Known(sizes(result), name) for result in results]


def _axes(axes: Any) -> Optional[Tuple[int, ...]]:
    """Axes are an attribute in old opsets and an input in new ones; None means all of them."""
    return None if axes is None else tuple(np.ravel(axes).tolist())


def _slice(
    data: Array,
    starts: Array,
    ends: Array,
    axes: Optional[Array] = None,
    steps: Optional[Array] = None,
) -> Optional[Array]:
    if any(isinstance(end, Size) for end in (*starts, *ends)):
        return None
    chosen = range(len(starts)) if axes is None else [int(a) for a in axes]
    steps = np.ones(len(starts), np.int64) if steps is None else steps
    cut = [slice(None)] * data.ndim
    for axis, start, end, step in zip(chosen, starts, ends, steps):
        if step < 0:
            raise Unsupported("cuts sizes out backwards; supported: forwards")
        cut[axis] = slice(int(start), int(end), int(step))
    return data[tuple(cut)]


def _product(data: Array, axes: Any = None, *, keepdims: int = 1, **others: Any) -> Any:
    return np.prod(data, axis=_axes(axes), keepdims=bool(keepdims))


def _split(data: Array, parts: Optional[Array] = None, *, axis: int = 0, **given: Any) -> Any:
    if parts is None:
        raise Unsupported("splits sizes into equal parts; supported: parts of stated lengths")
    return np.split(data, np.cumsum(parts)[:-1], axis=axis)


#: Operators on sizes. Others (a Where of sizes, say) are left to MXNet to compute.
SIZE_RULES: Dict[str, Callable[..., Any]] = {
    "Identity": lambda data: data,
    "Cast": lambda data, **_: data,
    "Gather": lambda data, indices, axis=0: np.take(data, indices, axis),
    "Slice": _slice,
    "Unsqueeze": lambda data, axes: np.expand_dims(data, _axes(axes) or ()),
    "Squeeze": lambda data, axes=None: np.squeeze(data, _axes(axes)),
    "Reshape": lambda data, shape, allowzero=0: data.reshape(shape.tolist()),
    "ReduceProd": _product,
    "Split": _split,
    "Concat": lambda *parts, axis: np.concatenate([p.astype(object) for p in parts], axis),
    "Mul": lambda a, b: a.astype(object) * b.astype(object),
    "Add": lambda a, b: a.astype(object) + b.astype(object),
    "Sub": lambda a, b: a.astype(object) - b.astype(object),
    "Div": lambda a, b: a.astype(object) // b.astype(object),
}
