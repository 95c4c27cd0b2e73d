"""The evaluator's operators of our own, against onnxruntime's in float32; tests/operators
holds them to MXNet in float64."""

from __future__ import annotations

import math
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
    results = [f"y{i}" for i in range({"RNN": 2, "GRU": 2, "LSTM": 3}.get(op_type, 1))]
    node = onnx.helper.make_node(op_type, ["x", *names[1:]], results, **attributes)
    stored = {name: value for name, value in zip(names[1:], inputs[1:]) if name}
    x = inputs[0]
    return onnx_model([node], x.shape, stored, dtype=x.dtype, outputs=results, opset=opset)


def run(op_type: str, *inputs: Any, opset: int = 21, **attributes: Any) -> List[Array]:
    """All outputs, by this project's operator."""
    model = model_of(op_type, inputs, opset, attributes)
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS)
    assert type(evaluator.rt_nodes_[0]) in NEW_OPS
    found: List[Array] = evaluator.run(None, {"x": inputs[0]})
    return found


SHAPES = [(2, 4, 11), (2, 4, 9, 8), (2, 4, 5, 6, 7)]
RANDOM = np.random.default_rng(0)


def poolings(shape: Tuple[int, ...], axes: int) -> Iterator[Case]:
    windows = [(3, 2, 1), (2, 3, 0), (3, 1, 1), (2, 3, 1)]
    for (kernel, stride, pad), ceil_mode in product(windows, (0, 1)):
        window = {"kernel_shape": [kernel] * axes, "strides": [stride] * axes}
        options = {**window, "pads": [pad] * 2 * axes, "ceil_mode": ceil_mode}
        yield "MaxPool", (shape,), 21, options
        for include in (0, 1):
            yield "AveragePool", (shape,), 21, {**options, "count_include_pad": include}


def convolutions(shape: Tuple[int, ...], axes: int) -> Iterator[Case]:
    uneven = {"strides": [1, 2, 1][:axes], "pads": [2, 0, 1][:axes] + [1, 3, 0][:axes]}
    for group, dilations in product((1, 2, 4), ([1, 1, 1], [3, 1, 2])):
        shapes = shape, (8, 4 // group, *(3, 2, 2)[:axes]), (8,)
        yield "Conv", shapes, 13, {**uneven, "group": group, "dilations": dilations[:axes]}
    for group, (stride, dilation, pad, more) in product((1, 2, 4), ((2, 1, 1, 1), (1, 2, 0, 0))):
        steps = {"strides": [stride] * axes, "dilations": [dilation] * axes}
        around = {"pads": [pad] * 2 * axes, "output_padding": [more] * axes}
        shapes = shape, (4, 3, *[3] * axes), (3 * group,)
        yield "ConvTranspose", shapes, 13, {"group": group, **steps, **around}


def gathers() -> Iterator[Case]:
    data = RANDOM.standard_normal((40, 41, 42))
    for axis in (0, 1, 2, -1):
        yield "GatherElements", (data, RANDOM.integers(-40, 40, (3, 4, 5))), 21, {"axis": axis}
    shapes = [(0, (6, 1)), (0, (2, 3, 3)), (1, (4, 2)), (1, (4, 6, 1)), (2, (4, 5, 6, 1))]
    for batch_dims, shape in shapes:
        indices = RANDOM.integers(-4, 4, shape)
        yield "GatherND", ((4, 5, 6), indices), 21, {"batch_dims": batch_dims}


def resizes() -> Iterator[Case]:
    modes = "mode", "coordinate_transformation_mode", "nearest_mode"
    floor, shape = dict(zip(modes, ("nearest", "asymmetric", "floor"))), (2, 3, 4, 6)
    for factors in [(1, 1, 2, 2), (1, 2, 3, 1), (1, 1, 1.5, 2), (1, 1, 0.5, 1)]:
        size = np.array([int(n * f) for n, f in zip(shape, factors)])
        yield "Resize", (shape, None, np.array(factors, float)), 21, floor
        yield "Resize", (shape, None, None, size), 21, floor
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    yield "Resize", ((1, 1, 4, 1), None, np.array([1.0, 1, 2, 1])), 21, linear


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


def layers_in_time() -> Iterator[Case]:
    size = 5
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    for (op_type, count), ways, begun in product(gates.items(), (1, 2), (True, False)):
        rows = count * size
        weights = (ways, rows, 3), (ways, rows, size), (ways, 2 * rows)
        states = [(ways, 2, size)] * (1 + (op_type == "LSTM"))
        inputs = ((4, 2, 3), *weights, None, *states) if begun else ((4, 2, 3), *weights)
        options = {"direction": "bidirectional"} if ways == 2 else {}
        options.update({"linear_before_reset": 1} if op_type == "GRU" else {})
        yield op_type, inputs, 14, {"hidden_size": size, **options}
    relu = {"hidden_size": size, "activations": ["Relu"]}
    yield "RNN", ((4, 2, 3), (1, size, 3), (1, size, size)), 14, relu


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        yield from poolings(shape, len(shape) - 2)
        yield from convolutions(shape, len(shape) - 2)
        yield "GlobalMaxPool", (shape,), 13, {}
    for shape, opset in product([(3, 4), *SHAPES], (13, 14, 15)):
        yield (
            "BatchNormalization",
            (shape, *[(4,)] * 3, RANDOM.uniform(0.5, 2, 4)),
            opset,
            {"epsilon": 0.1},
        )
    for size in (1, 3, 5, 7):
        yield "LRN", ((2, 4, 3, 3),), 13, {"size": size, "alpha": 0.5, "beta": 0.6, "bias": 1.5}
    for axis in (0, 1, -1):
        yield "LogSoftmax", ((2, 4, 3),), 13, {"axis": axis}
    # As in DeepLab: 3 x 3, dilated by 36; filled up with zeros its kernel would be 5 GB.
    far = {"dilations": [36, 36], "pads": [36] * 4}
    yield "Conv", ((1, 1024, 8, 12), (128, 1024, 3, 3)), 13, far
    for more in (gathers, resizes, regions, layers_in_time):
        yield from more()


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


def test_erf() -> None:
    """onnxruntime's and onnx's are of float32."""
    x = np.linspace(-4, 4, 101)
    np.testing.assert_array_equal(run("Erf", x)[0], [math.erf(v) for v in x])


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
