"""The evaluator's neural layers of our own, against onnxruntime's in float32."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np
import onnxruntime
import pytest

from .one_node import model_of, run

SHAPES = [(2, 4, 11), (2, 4, 9, 8), (2, 4, 5, 6, 7)]


def agree(op_type: str, *shapes: Tuple[int, ...], opset: int = 13, **attributes: Any) -> None:
    random = np.random.default_rng(0)
    inputs = [random.uniform(0.5, 2, shape).astype(np.float32) for shape in shapes]
    model = model_of(op_type, inputs, 1, opset, **attributes)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run(None, {f"x{i}": array for i, array in enumerate(inputs)})[0]
    double = (array.astype(np.float64) for array in inputs)
    (actual,) = run(op_type, *double, opset=opset, **attributes)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 2, 1), (2, 3, 0), (3, 1, 1), (2, 3, 1)])
def test_pooling(
    op: str, ceil_mode: int, shape: Tuple[int, ...], kernel: int, stride: int, pad: int
) -> None:
    axes = len(shape) - 2
    options = {
        "kernel_shape": [kernel] * axes,
        "strides": [stride] * axes,
        "pads": [pad] * 2 * axes,
    }
    for include in (0, 1) if op == "AveragePool" else (None,):
        more = {} if include is None else {"count_include_pad": include}
        agree(op, shape, ceil_mode=ceil_mode, opset=21, **options, **more)


@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_global_max_pool(shape: Tuple[int, ...]) -> None:
    agree("GlobalMaxPool", shape)


@pytest.mark.parametrize("opset", [13, 14, 15])
@pytest.mark.parametrize("shape", [(3, 4), *SHAPES], ids=len)
def test_batch_normalisation(opset: int, shape: Tuple[int, ...]) -> None:
    agree("BatchNormalization", shape, *[(4,)] * 4, opset=opset)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_lrn(size: int) -> None:
    agree("LRN", (2, 4, 3, 3), size=size, alpha=0.5, beta=0.6, bias=1.5)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_log_softmax(axis: int) -> None:
    agree("LogSoftmax", (2, 4, 3), axis=axis)


@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(("stride", "dilation", "pad", "more"), [(2, 1, 1, 1), (1, 2, 0, 0)])
def test_conv_transpose(
    shape: Tuple[int, ...], group: int, stride: int, dilation: int, pad: int, more: int
) -> None:
    axes = len(shape) - 2
    agree(
        "ConvTranspose",
        shape,
        (4, 3, *[3] * axes),
        (3 * group,),
        group=group,
        strides=[stride] * axes,
        dilations=[dilation] * axes,
        pads=[pad] * 2 * axes,
        output_padding=[more] * axes,
    )


@pytest.mark.parametrize("dilations", [[1, 1, 1], [3, 1, 2]], ids=["dense", "dilated"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_convolution(shape: Tuple[int, ...], groups: int, dilations: List[int]) -> None:
    axes = len(shape) - 2
    options = {
        "strides": [1, 2, 1][:axes],
        "dilations": dilations[:axes],
        "pads": [2, 0, 1][:axes] + [1, 3, 0][:axes],
    }
    weight = (8, 4 // groups, *(3, 2, 2)[:axes])
    agree("Conv", shape, weight, (8,), group=groups, **options)


def test_a_far_dilated_convolution_takes_little_memory() -> None:
    """As in DeepLab: 3 x 3, dilated by 36; filled up with zeros its kernel would be 5 GB."""
    agree("Conv", (1, 1024, 8, 12), (128, 1024, 3, 3), dilations=[36, 36], pads=[36] * 4)
