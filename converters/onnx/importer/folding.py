"""ONNX nodes whose inputs are all known, computed now."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from ...operators import Unsupported
from .values import Array, Constant, as_sizes, sizes

#: Operators that change no number, only where it stands: the result keeps the name.
MOVES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Expand")
#: Operators on sizes. Others (a Where of sizes, say) are left to MXNet to compute.
ARITHMETIC = ("Add", "Sub", "Mul", "Div")
ON_SIZES = {*ARITHMETIC, "Cast", "Concat", "Gather", "Identity", "ReduceProd", "Reshape"}
ON_SIZES |= {"Slice", "Split", "Squeeze", "Unsqueeze"}


def fold(
    node: onnx.NodeProto, opset: int, inputs: Sequence[Optional[Constant]]
) -> Optional[List[Constant]]:
    """The outputs of a node, by ONNX's reference evaluator; None if MXNet has to compute them.

    Raises:
        Unsupported: the evaluator refuses the numbers.
    """
    named = {f"i{k}": value for k, value in enumerate(inputs) if value is not None}
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:], copy.output[:]
    copy.input.extend(f"i{k}" if v is not None else "" for k, v in enumerate(inputs))
    copy.output.extend(f"o{k}" for k in range(len(node.output)))
    if any(value.symbolic for value in named.values()):
        found = _of_sizes(copy, opset, named)
        return None if found is None else [Constant(*made) for made in zip(found, node.output)]
    arrays = _run(copy, opset, {name: value.array for name, value in named.items()})
    exact: List[Optional[Array]] = [None] * len(arrays)
    if any(value.exact is not None for value in named.values()):
        wide = {name: _wide(value) for name, value in named.items()}
        exact = list(_run(copy, opset, wide))
    names: Sequence[str] = node.output
    if node.op_type in MOVES and named:
        names = [next(iter(named.values())).name]
    return [Constant(*made) for made in zip(arrays, names, exact)]


def _of_sizes(
    node: onnx.NodeProto, opset: int, inputs: Dict[str, Constant]
) -> Optional[List[Array]]:
    """Where some are free: NumPy's object arrays, which the evaluator computes with as well."""
    if node.op_type not in ON_SIZES:
        return None
    if node.op_type == "Cast":
        to = next(a.i for a in node.attribute if a.name == "to")
        if to not in (TensorProto.INT64, TensorProto.INT32):
            return None
        node.op_type = "Identity"
        del node.attribute[:]
    arrays = {name: value.array for name, value in inputs.items()}
    picked = node.op_type == "Gather" and arrays["i0"].ndim == 1
    if node.op_type in ARITHMETIC:
        arrays = {name: as_sizes(array[None]) for name, array in arrays.items()}
    elif picked:
        arrays["i1"] = arrays["i1"][None]
    try:
        results = _run(node, opset, arrays)
    except Unsupported:
        return None
    if node.op_type in ARITHMETIC or picked:  # NumPy makes no object arrays without axes
        results = [np.squeeze(result, 0) for result in results]
    return [sizes(result) for result in results]


def _wide(value: Constant) -> Array:
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
