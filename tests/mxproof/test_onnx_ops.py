"""The evaluator's operators of our own, against onnxruntime's in float32.

tests/operators holds them to MXNet in float64, in all forms that the converters write at the
opsets that it tries; here is what other opsets have, and what no operator of MXNet's asks for.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from mxproof.runtimes.onnx_reference import NEW_OPS
from tests.converters.networks import onnx_model

Array = np.ndarray
#: An operator, its inputs (arrays, shapes of random ones, or None), its opset and its attributes.
Case = Tuple[str, Sequence[Any], int, Any]


def model_of(op_type: str, inputs: Sequence[Any], opset: int, attributes: Any) -> onnx.ModelProto:
    """A node that reads x and arrays that the model holds."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    node = onnx.helper.make_node(op_type, ["x", *names[1:]], ["y"], **attributes)
    stored = {name: value for name, value in zip(names[1:], inputs[1:]) if name}
    x = inputs[0]
    return onnx_model([node], x.shape, stored, dtype=x.dtype, opset=opset)


def run(op_type: str, *inputs: Any, opset: int = 21, **attributes: Any) -> List[Array]:
    """All outputs, by this project's operator."""
    model = model_of(op_type, inputs, opset, attributes)
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS)
    assert type(evaluator.rt_nodes_[0]) in NEW_OPS
    found: List[Array] = evaluator.run(None, {"x": inputs[0]})
    return found


RANDOM = np.random.default_rng(0)


def regions() -> Iterator[Case]:
    corner = RANDOM.uniform(-3, 20, (5, 2))
    rois = np.concatenate([corner, corner + RANDOM.uniform(1, 30, (5, 2))], 1)
    inputs = (2, 3, 7, 6), rois, np.array([0, 1, 1, 0, 1])
    options = {"output_height": 2, "output_width": 3, "spatial_scale": 0.25}
    for ratio in (0, 2):
        yield "RoiAlign", inputs, 13, {**options, "sampling_ratio": ratio}
        for mode in ("half_pixel", "output_half_pixel"):
            stated = {"sampling_ratio": ratio, "coordinate_transformation_mode": mode}
            yield "RoiAlign", inputs, 16, {**options, **stated}
    geometry = {
        "kernel_shape": [3, 2],
        "pads": [2, 0, 2, 1],
        "strides": [2, 2],
        "dilations": [2, 1],
    }
    for group, parts in [(1, 1), (2, 1), (1, 2), (2, 4)]:
        moves = RANDOM.uniform(-3, 3, (2, 12 * parts, 3, 4))
        shapes = (2, 4, 6, 7), (4, 4 // group, 3, 2), moves, (4,), (2, 6 * parts, 3, 4)
        yield "DeformConv", shapes, 19, {**geometry, "group": group, "offset_group": parts}
    places = (2, 3, 4, 5), RANDOM.uniform(-1.7, 1.7, (2, 6, 7, 2))
    for opset, mode in ((16, "bilinear"), (20, "linear")):
        yield "GridSample", places, opset, {"align_corners": 1, "mode": mode}


def cases() -> Iterator[Case]:
    for shape, opset in product([(3, 4), (2, 4, 11), (2, 4, 9, 8)], (13, 14, 15)):
        states = [(4,)] * 3
        inputs = (shape, *states, RANDOM.uniform(0.5, 2, 4))
        yield "BatchNormalization", inputs, opset, {"epsilon": 0.1}
    # As in DeepLab: 3 x 3, dilated by 36; filled up with zeros its kernel would be 5 GB.
    far = {"dilations": [36, 36], "pads": [36] * 4}
    yield "Conv", ((1, 1024, 8, 12), (128, 1024, 3, 3)), 13, far
    yield from regions()


def as_type(x: Any, dtype: Any) -> Any:
    """Real numbers in this type; indices, and what is left out, as they are."""
    return x.astype(dtype) if x is not None and x.dtype.kind == "f" else x


@pytest.mark.parametrize(("op_type", "inputs", "opset", "attributes"), list(cases()))
def test_is_onnxruntimes(op_type: str, inputs: Sequence[Any], opset: int, attributes: Any) -> None:
    random = np.random.default_rng(0)
    drawn = [random.standard_normal(x) if isinstance(x, tuple) else x for x in inputs]
    single = [as_type(x, np.float32) for x in drawn]
    model = model_of(op_type, single, opset, attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run(None, {"x": single[0]})
    found = run(op_type, *(as_type(x, np.float64) for x in single), opset=opset, **attributes)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
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
    (chosen,) = run("Multinomial", logs, sample_size=20_000, dtype=onnx.TensorProto.INT64)
    assert chosen.dtype == np.int64
    found = np.stack([np.bincount(row, minlength=3) for row in chosen]) / 20_000
    np.testing.assert_allclose(found, shares, atol=0.02)
