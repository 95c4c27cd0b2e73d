"""RoiAlign and DeformConv in the evaluator, against torch and against onnx's own where it is
right."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from mxproof.runtimes.onnx_vision import NEW_OPS

Array = np.ndarray


def run(op_type: str, opset: int, new: bool, *inputs: Array, **attributes: Any) -> Array:
    names = [f"x{i}" for i in range(len(inputs))]
    infos = [onnx.helper.make_tensor_value_info(n, 0, None) for n in (*names, "y")]
    node = onnx.helper.make_node(op_type, names, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "one", infos[:-1], infos[-1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS if new else [])
    return evaluator.run(None, dict(zip(names, inputs)))[0]


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_roi_align(aligned: bool, ratio: int) -> None:
    """onnx's of opset 16 states what opset 10 leaves out."""
    random = np.random.default_rng(0)
    data = random.standard_normal((2, 3, 7, 6))
    corner = random.uniform(-3, 20, (5, 2))
    rois = np.concatenate([corner, corner + random.uniform(1, 30, (5, 2))], 1)
    images = np.array([0, 1, 1, 0, 1])
    options = {
        "output_height": 2,
        "output_width": 3,
        "spatial_scale": 0.25,
        "sampling_ratio": ratio,
    }
    mode = "half_pixel" if aligned else "output_half_pixel"
    stated = {"coordinate_transformation_mode": mode}
    expected = run("RoiAlign", 16, False, data, rois, images, **options, **stated)
    found = run("RoiAlign", 16, True, data, rois, images, **options, **stated)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    if not aligned:
        found = run("RoiAlign", 13, True, data, rois, images, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_grid_sample() -> None:
    """onnx's computes in float32, and does not know the mode's name of opset 16."""
    random = np.random.default_rng(0)
    data, grid = random.standard_normal((2, 3, 4, 5)), random.uniform(-1.7, 1.7, (2, 6, 7, 2))
    expected = run("GridSample", 20, False, data, grid, align_corners=1, mode="linear")
    for opset, mode in ((16, "bilinear"), (20, "linear")):
        found = run("GridSample", opset, True, data, grid, align_corners=1, mode=mode)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("group", "offset_group"), [(1, 1), (2, 1), (1, 2), (2, 4)])
def test_deform_conv(group: int, offset_group: int) -> None:
    random = np.random.default_rng(0)
    data = random.standard_normal((2, 4, 6, 7))
    weight = random.standard_normal((4, 4 // group, 3, 2))
    offset = random.uniform(-3, 3, (2, 12 * offset_group, 3, 4))
    mask = random.uniform(0, 1, (2, 6 * offset_group, 3, 4))
    given = data, weight, offset, random.standard_normal(4), mask
    options = {"pads": [2, 0, 2, 1], "strides": [2, 2], "dilations": [2, 1]}
    options = {**options, "kernel_shape": [3, 2], "group": group, "offset_group": offset_group}
    expected = run("DeformConv", 19, False, *given, **options)
    found = run("DeformConv", 19, True, *given, **options)
    # onnx's interpolates in float32; tests/operators holds ours to MXNet in float64.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
