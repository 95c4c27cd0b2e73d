"""ONNX models of a single node, in onnx's evaluator with and without this project's operators."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from mxproof.runtimes.onnx_reference import NEW_OPS

Array = np.ndarray


def model_of(
    op_type: str, inputs: Sequence[Optional[Array]], outputs: int, opset: int, **attributes: Any
) -> onnx.ModelProto:
    """Inputs x0, x1, ..., outputs y0, y1, ...; None is an input left out."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)]
    infos = [
        onnx.helper.make_tensor_value_info(
            n, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape
        )
        for n, v in zip(names, inputs)
        if v is not None
    ]
    untyped = [onnx.helper.make_tensor_value_info(n, 1, None) for n in results]
    node = onnx.helper.make_node(op_type, names, results, **attributes)
    graph = onnx.helper.make_graph([node], "one", infos, untyped)
    ids = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=ids, ir_version=8)


def run(
    op_type: str,
    *inputs: Optional[Array],
    outputs: int = 1,
    opset: int = 21,
    own: bool = True,
    **attributes: Any,
) -> List[Array]:
    """All outputs, by this project's operator or (`own=False`) by the evaluator's."""
    model = model_of(op_type, inputs, outputs, opset, **attributes)
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS if own else [])
    assert (type(evaluator.rt_nodes_[0]) in NEW_OPS) == own
    given = {f"x{i}": value for i, value in enumerate(inputs) if value is not None}
    found: List[Array] = evaluator.run(None, given)
    return found
