"""The evaluator's operators of our own, against their definitions written out in loops, PyTorch's,
and onnx's where it is right."""

from __future__ import annotations

import math
from typing import Tuple

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from .one_node import Array, run


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_gather_elements(axis: int) -> None:
    random = np.random.default_rng(axis + 1)
    data = random.standard_normal((40, 41, 42))
    indices = random.integers(-40, 40, (3, 4, 5))
    expected = np.empty(indices.shape)
    for at in np.ndindex(indices.shape):
        where = list(at)
        where[axis] = indices[at]
        expected[at] = data[tuple(where)]
    np.testing.assert_array_equal(run("GatherElements", data, indices, axis=axis)[0], expected)


@pytest.mark.parametrize(
    ("batch_dims", "shape"),
    [(0, (6, 1)), (0, (2, 3, 3)), (1, (4, 2)), (1, (4, 6, 1)), (2, (4, 5, 6, 1))],
)
def test_gather_nd(batch_dims: int, shape: Tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    data = random.standard_normal((4, 5, 6))
    indices = random.integers(-4, 4, shape)
    rows = [data[(*at[:batch_dims], *indices[at])] for at in np.ndindex(shape[:-1])]
    expected = np.reshape(rows, (*shape[:-1], *np.shape(rows[0])))
    np.testing.assert_array_equal(
        run("GatherND", data, indices, batch_dims=batch_dims)[0], expected
    )


MODES = "mode", "coordinate_transformation_mode", "nearest_mode"
FLOOR = dict(zip(MODES, ("nearest", "asymmetric", "floor")))


@pytest.mark.parametrize("stated", ["scales", "sizes"])
@pytest.mark.parametrize("factors", [(1, 1, 2, 2), (1, 2, 3, 1), (1, 1, 1.5, 2), (1, 1, 0.5, 1)])
def test_resize_nearest(factors: Tuple[float, ...], stated: str) -> None:
    """The pixel that an output's place is of, rounded down."""
    data = np.random.default_rng(0).standard_normal((2, 3, 4, 6))
    size = [int(n * f) for n, f in zip(data.shape, factors)]
    expected = np.empty(size)
    for at in np.ndindex(*size):
        expected[at] = data[tuple(int(k / f) for k, f in zip(at, factors))]
    given = [np.array(factors, np.float32)] if stated == "scales" else [None, np.array(size)]
    np.testing.assert_array_equal(run("Resize", data, None, *given, **FLOOR)[0], expected)


def test_resize_linear_is_the_evaluators() -> None:
    data = np.arange(4.0).reshape(1, 1, 4, 1)
    scales = np.array([1, 1, 2, 1], np.float32)
    modes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    (found,) = run("Resize", data, None, scales, **modes)
    places = (np.arange(8) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(found.ravel(), np.clip(places, 0, 3))


def test_erf() -> None:
    x = np.linspace(-4, 4, 101)
    np.testing.assert_array_equal(run("Erf", x)[0], [math.erf(v) for v in x])


# --- boxes and grids -----------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_roi_align(aligned: bool, ratio: int) -> None:
    """onnx's of opset 16 states what opset 10 leaves out."""
    random = np.random.default_rng(0)
    data = random.standard_normal((2, 3, 7, 6))
    corner = random.uniform(-3, 20, (5, 2))
    rois = np.concatenate([corner, corner + random.uniform(1, 30, (5, 2))], 1)
    images = np.array([0, 1, 1, 0, 1])
    options = {"output_height": 2, "output_width": 3, "spatial_scale": 0.25}
    options["sampling_ratio"] = ratio
    mode = "half_pixel" if aligned else "output_half_pixel"
    stated = {"coordinate_transformation_mode": mode}
    (expected,) = run("RoiAlign", data, rois, images, **options, **stated, opset=16, own=False)
    (found,) = run("RoiAlign", data, rois, images, **options, **stated, opset=16)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    if not aligned:
        (found,) = run("RoiAlign", data, rois, images, **options, opset=13)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_grid_sample() -> None:
    """onnx's computes in float32, and does not know the mode's name of opset 16."""
    random = np.random.default_rng(0)
    data, grid = random.standard_normal((2, 3, 4, 5)), random.uniform(-1.7, 1.7, (2, 6, 7, 2))
    (expected,) = run("GridSample", data, grid, align_corners=1, mode="linear", opset=20, own=False)
    for opset, mode in ((16, "bilinear"), (20, "linear")):
        (found,) = run("GridSample", data, grid, align_corners=1, mode=mode, opset=opset)
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
    (expected,) = run("DeformConv", *given, **options, opset=19, own=False)
    (found,) = run("DeformConv", *given, **options, opset=19)
    # onnx's interpolates in float32; tests/operators holds ours to MXNet in float64.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


# --- recurrent and random ------------------------------------------------------------------

SIZE = 5

#: ONNX's operator -> PyTorch's, where PyTorch has each of ONNX's gates, and attributes.
KINDS = {
    "RNN": (nn.RNN, (0,), {}),
    "LSTM": (nn.LSTM, (0, 3, 1, 2), {}),
    "GRU": (nn.GRU, (1, 0, 2), {"linear_before_reset": 1}),
}


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
    options = {**options, "hidden_size": SIZE, "outputs": 1 + len(last)}
    y, *ends = run(op_type, x.numpy(), *weights, *more, **options)
    y = y.transpose(0, 2, 1, 3).reshape(4, 2, -1)
    for ours, theirs in zip((y, *ends), (output, *last)):
        assert ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-14)


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
