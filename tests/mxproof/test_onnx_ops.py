"""The evaluator's operators of our own, where tests/operators does not reach them.

It holds them to MXNet in float64, in all forms that the converters write at the opsets that it
tries, and runs the same forms in onnxruntime.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from fixtures.networks import onnx_model
from mxproof.runtimes.onnx_reference.evaluator import NEW_OPS


def model_of(op_type: str, inputs: Sequence[Any], opset: int, attributes: Any) -> onnx.ModelProto:
    """A node that reads x and arrays that the model holds."""
    stored = {f"x{i}": value for i, value in enumerate(inputs[1:], 1)}
    node = onnx.helper.make_node(op_type, ["x", *stored], ["y"], **attributes)
    return onnx_model([node], inputs[0].shape, stored, dtype=inputs[0].dtype, opset=opset)


def run(op_type: str, *inputs: Any, opset: int = 21, **attributes: Any) -> np.ndarray:
    """By this project's operator."""
    model = model_of(op_type, inputs, opset, attributes)
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS)
    assert type(evaluator.rt_nodes_[0]) in NEW_OPS
    (found,) = evaluator.run(None, {"x": inputs[0]})
    return np.asarray(found)


@pytest.mark.parametrize(
    ("op_type", "shapes", "opset", "attributes"),
    [
        # Later opsets call the mode linear.
        ("GridSample", [(2, 3, 4, 5), (2, 6, 7, 2)], 16, {"align_corners": 1, "mode": "bilinear"}),
        # As in DeepLab: 3 x 3, dilated by 36; filled up with zeros its kernel would be 5 GB.
        (
            *("Conv", [(1, 1024, 8, 12), (128, 1024, 3, 3)], 13),
            {"dilations": [36, 36], "pads": [36] * 4},
        ),
    ],
)
def test_is_onnxruntimes(op_type: str, shapes: Any, opset: int, attributes: Any) -> None:
    random = np.random.default_rng(0)
    single = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    model = model_of(op_type, single, opset, attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (theirs,) = session.run(None, {"x": single[0]})
    ours = run(op_type, *(x.astype(np.float64) for x in single), opset=opset, **attributes)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_what_is_not_computed_is_not_ignored() -> None:
    x, w, r = np.ones((2, 1, 3)), np.ones((1, 9, 3)), np.ones((1, 9, 3))
    with pytest.raises(NotImplementedError, match="'linear_before_reset': 0"):
        run("GRU", x, w, r, hidden_size=3)
    with pytest.raises(NotImplementedError, match="reverse"):
        run("RNN", x, w, r, hidden_size=9, direction="reverse")


def test_classes_are_drawn_in_their_shares() -> None:
    shares = np.array([[0.1, 0.6, 0.3], [0.5, 0, 0.5]])
    with np.errstate(divide="ignore"):
        logs = np.add(np.log(shares), [[2.0], [-1.0]])
    chosen = run("Multinomial", logs, sample_size=20_000, dtype=onnx.TensorProto.INT64)
    assert chosen.dtype == np.int64
    found = np.stack([np.bincount(row, minlength=3) for row in chosen]) / 20_000
    np.testing.assert_allclose(found, shares, atol=0.02)
