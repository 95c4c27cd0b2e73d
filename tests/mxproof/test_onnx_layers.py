"""The evaluator's neural layers of our own, against onnxruntime's in float32."""

from __future__ import annotations

from itertools import product
from typing import Any, Iterator, Tuple

import numpy as np
import onnxruntime
import pytest

from .one_node import model_of, run

#: An operator, the shapes of its inputs, its opset and its attributes.
Case = Tuple[str, Tuple[Tuple[int, ...], ...], int, Any]

SHAPES = [(2, 4, 11), (2, 4, 9, 8), (2, 4, 5, 6, 7)]


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


def cases() -> Iterator[Case]:
    for shape in SHAPES:
        yield from poolings(shape, len(shape) - 2)
        yield from convolutions(shape, len(shape) - 2)
        yield "GlobalMaxPool", (shape,), 13, {}
    for shape, opset in product([(3, 4), *SHAPES], (13, 14, 15)):
        yield "BatchNormalization", (shape, *[(4,)] * 4), opset, {}
    for size in (1, 3, 5, 7):
        yield "LRN", ((2, 4, 3, 3),), 13, {"size": size, "alpha": 0.5, "beta": 0.6, "bias": 1.5}
    for axis in (0, 1, -1):
        yield "LogSoftmax", ((2, 4, 3),), 13, {"axis": axis}
    # As in DeepLab: 3 x 3, dilated by 36; filled up with zeros its kernel would be 5 GB.
    far = {"dilations": [36, 36], "pads": [36] * 4}
    yield "Conv", ((1, 1024, 8, 12), (128, 1024, 3, 3)), 13, far


@pytest.mark.parametrize(("op_type", "shapes", "opset", "attributes"), list(cases()))
def test_is_onnxruntimes(
    op_type: str, shapes: Tuple[Tuple[int, ...], ...], opset: int, attributes: Any
) -> None:
    random = np.random.default_rng(0)
    inputs = [random.uniform(0.5, 2, shape).astype(np.float32) for shape in shapes]
    model = model_of(op_type, inputs, 1, opset, **attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run(None, {f"x{i}": array for i, array in enumerate(inputs)})[0]
    double = (array.astype(np.float64) for array in inputs)
    (actual,) = run(op_type, *double, opset=opset, **attributes)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
