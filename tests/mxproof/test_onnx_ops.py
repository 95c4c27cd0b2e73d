"""The evaluator's operators of our own, against their definitions written out in loops."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from mxproof.runtimes.onnx_ops import NEW_OPS

Array = np.ndarray


def run(op_type: str, *inputs: Optional[Array], **attributes: Any) -> Array:
    """The operator of our own, on opset 21; None is an input left out."""
    names = ["" if value is None else f"x{i}" for i, value in enumerate(inputs)]
    given = {name: value for name, value in zip(names, inputs) if name}
    infos = [onnx.helper.make_tensor_value_info(n, 0, None) for n in (*given, "y")]
    node = onnx.helper.make_node(op_type, names, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "one", infos[:-1], infos[-1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    evaluator = ReferenceEvaluator(model, new_ops=NEW_OPS)
    assert type(evaluator.rt_nodes_[0]) in NEW_OPS
    return evaluator.run(None, given)[0]


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
    np.testing.assert_array_equal(run("GatherElements", data, indices, axis=axis), expected)


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
    np.testing.assert_array_equal(run("GatherND", data, indices, batch_dims=batch_dims), expected)


FLOOR = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


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
    np.testing.assert_array_equal(run("Resize", data, None, *given, **FLOOR), expected)


def test_resize_linear_is_the_evaluators() -> None:
    data = np.arange(4.0).reshape(1, 1, 4, 1)
    scales = np.array([1, 1, 2, 1], np.float32)
    modes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    found = run("Resize", data, None, scales, **modes)
    places = (np.arange(8) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(found.ravel(), np.clip(places, 0, 3))
