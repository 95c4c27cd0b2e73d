"""The evaluator's recurrent and random operators of our own, against PyTorch's and their shares."""

from __future__ import annotations

from typing import Any, List

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import nn

from mxproof.runtimes.onnx_ops import NEW_OPS

Array = np.ndarray
SIZE = 5

#: ONNX's operator -> PyTorch's, where PyTorch has each of ONNX's gates, and attributes.
KINDS = {
    "RNN": (nn.RNN, (0,), {}),
    "LSTM": (nn.LSTM, (0, 3, 1, 2), {}),
    "GRU": (nn.GRU, (1, 0, 2), {"linear_before_reset": 1}),
}


def run(op_type: str, inputs: List[Any], outputs: int, **attributes: Any) -> List[Array]:
    """The operator of our own, on opset 21; an input that is None is left out."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)]
    infos = [
        onnx.helper.make_tensor_value_info(n, 0, None) for n in (*filter(None, names), *results)
    ]
    node = onnx.helper.make_node(op_type, names, results, **attributes)
    graph = onnx.helper.make_graph([node], "one", infos[:-outputs], infos[-outputs:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS)
    assert type(evaluator.rt_nodes_[0]) in NEW_OPS
    return evaluator.run(None, {n: v for n, v in zip(names, inputs) if n})


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("op_type", KINDS)
def test_is_pytorchs_layer(op_type: str, directions: int, begun: bool) -> None:
    module, order, options = KINDS[op_type]
    torch.manual_seed(directions)
    layer = module(3, SIZE, bidirectional=directions == 2).double().eval()
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    states = [torch.randn(directions, 2, SIZE, dtype=torch.float64) for _ in range(2)]
    states = states[: 1 + (op_type == "LSTM")]
    given = tuple(states) if op_type == "LSTM" else states[0]
    with torch.inference_mode():
        output, last = layer(x, given) if begun else layer(x)
    last = last if isinstance(last, tuple) else (last,)

    def stacked(*names: str) -> Array:
        rows = []
        for suffix in ("_l0", "_l0_reverse")[:directions]:
            arrays = [getattr(layer, name + suffix).detach().numpy() for name in names]
            gates = [np.split(a, len(order)) for a in arrays]
            rows.append(np.concatenate([g[i] for g in gates for i in order]))
        return np.stack(rows)

    weights = [stacked("weight_ih"), stacked("weight_hh"), stacked("bias_ih", "bias_hh")]
    if directions == 2:
        options = {**options, "direction": "bidirectional"}
    more = [None, *(s.numpy() for s in states)] if begun else []
    inputs = [x.numpy(), *weights, *more]
    y, *ends = run(op_type, inputs, 1 + len(last), hidden_size=SIZE, **options)
    y = y.transpose(0, 2, 1, 3).reshape(4, 2, -1)
    for ours, theirs in zip((y, *ends), (output, *last)):
        assert ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-14)


def test_what_is_not_computed_is_not_ignored() -> None:
    x, w, r = np.ones((2, 1, 3)), np.ones((1, 9, 3)), np.ones((1, 9, 3))
    with pytest.raises(NotImplementedError, match="linear_before_reset=0"):
        run("GRU", [x, w, r], 1, hidden_size=3)
    with pytest.raises(NotImplementedError, match="reverse"):
        run("RNN", [x, w, r], 1, hidden_size=9, direction="reverse")


def test_classes_are_drawn_in_their_shares() -> None:
    shares = np.array([[0.1, 0.6, 0.3], [0.5, 0, 0.5]])
    with np.errstate(divide="ignore"):
        logs = np.add(np.log(shares), [[2.0], [-1.0]])
    (chosen,) = run("Multinomial", [logs], 1, sample_size=20_000, dtype=onnx.TensorProto.INT64)
    assert chosen.dtype == np.int64
    found = np.stack([np.bincount(row, minlength=3) for row in chosen]) / 20_000
    np.testing.assert_allclose(found, shares, atol=0.02)
