"""How many roundings a layer's results are off, against sums that are really made in float32."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest

from mxproof.runtimes.mxnet.worker.rounding import ROUNDING, least_of, moved, squares, summed

Shapes = Tuple[Tuple[int, ...], ...]
RUNS = 200

torch = pytest.importorskip("torch", reason="counts what is summed up by PyTorch's gradients")
F = torch.nn.functional


def recursive(products: np.ndarray) -> np.ndarray:
    """(runs, n) -> (runs,): one after the other, rounded to float32 each time."""
    total = np.zeros(len(products), np.float32)
    for column in products.T:
        total = (total + column.astype(np.float32)).astype(np.float32)
    return total


@pytest.mark.parametrize("n", [4, 64, 1024])
@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_moved_factors_scatter_as_sums_in_float32(n: int, mean: float) -> None:
    """As much as additions in turn, the noisiest order there is, and not ten times that."""
    random = np.random.default_rng(n)
    x = (random.standard_normal((RUNS, n)) + mean).astype(np.float32)
    w = (random.standard_normal((RUNS, n)) + mean).astype(np.float32)
    exact = (x.astype(np.float64) * w).sum(1)
    real = recursive(x * w) - exact
    state = np.random.RandomState(0)
    y = (moved(x.astype(np.float64), n, state) * moved(w.astype(np.float64), n, state)).sum(1)
    off = moved(y, n, state) - exact
    assert np.std(real) < 1.2 * np.std(off)
    assert np.std(off) < 10 * np.std(real)


def test_a_number_is_moved_by_as_many_roundings_as_it_says() -> None:
    state = np.random.RandomState(0)
    numbers = np.full(100_000, 1.5)
    off = moved(numbers, 9, state) / 1.5 - 1
    assert np.sqrt(np.square(off).mean()) == pytest.approx(3 * ROUNDING, rel=0.01)
    assert abs(off.mean()) < 0.05 * ROUNDING
    np.testing.assert_array_equal(moved(np.arange(5.0), 9, state), np.arange(5.0))
    tiny = moved(np.full(100_000, 1e-20), 1, state, 1.0)
    assert np.sqrt(np.square(tiny).mean()) == pytest.approx(ROUNDING, rel=0.01)
    assert moved(np.zeros(9), 1, state, 1.0).all(), "a gate that is 0 may be off as well"


def test_functions_that_are_rounded_around_one() -> None:
    kinds = [{"op": "sigmoid"}, {"op": "Activation", "attrs": {"act_type": "softrelu"}}]
    assert [least_of(node) for node in kinds] == [1.0, 1.0]
    assert least_of({"op": "Activation", "attrs": {"act_type": "tanh"}}) == 0.0
    assert least_of({"op": "exp"}) == 0.0


@pytest.mark.parametrize("shape", [(5, 2, 3, 4), (5, 3), (5, 2, 3), (5,)])
def test_squares_are_summed_by_channel_and_averaged_over_draws(shape: Tuple[int, ...]) -> None:
    errors = np.random.default_rng(0).standard_normal(shape)
    channels = shape[2] if len(shape) > 2 else 1
    expected = [
        np.mean([(draw[:, c] ** 2).sum() if channels > 1 else (draw**2).sum() for draw in errors])
        for c in range(channels)
    ]
    np.testing.assert_allclose(squares(errors), expected)
    errors.flat[0] = np.nan
    assert np.isfinite(squares(errors)).all()


def read(function: Callable[..., Any], *shapes: Tuple[int, ...]) -> Tuple[float, Tuple[int, ...]]:
    """How many numbers of the first input the average number of the result is made of, and the
    shape of the result: entries of the Jacobian that are not 0."""
    inputs = [torch.rand(shape, dtype=torch.float64) + 0.5 for shape in shapes]
    first, *others = inputs
    result = function(*inputs)
    found = torch.autograd.functional.jacobian(lambda x: function(x, *others), first)
    return float((found != 0).sum()) / result.numel(), tuple(result.shape)


X, FILTERS = (1, 4, 6, 5), dict(num_filter=6)
TWO, WINDOW = dict(FILTERS, num_group=2), dict(pool_type="avg", kernel="(3, 2)")
GLOBAL, LARGEST = dict(WINDOW, global_pool=True), dict(WINDOW, pool_type="max")
BOTH, SECOND = dict(transpose_a=True, transpose_b=True), dict(transpose_b=True)
#: (operator, its attributes, the same in PyTorch, shapes of what is read)
SUMS: Tuple[Tuple[str, Dict[str, Any], Callable[..., Any], Shapes], ...] = (
    ("Convolution", FILTERS, F.conv2d, (X, (6, 4, 3, 2))),
    ("Convolution", TWO, lambda x, w: F.conv2d(x, w, groups=2), (X, (6, 2, 3, 3))),
    ("Deconvolution", FILTERS, lambda x, w: F.conv_transpose2d(x, w, stride=2), (X, (4, 6, 3, 3))),
    ("Deconvolution", TWO, lambda x, w: F.conv_transpose2d(x, w, groups=2), (X, (4, 3, 3, 3))),
    ("FullyConnected", {"num_hidden": 5}, F.linear, ((2, 7), (5, 7))),
    ("dot", {}, torch.mm, ((40, 3), (3, 2))),
    ("dot", BOTH, lambda a, b: a.T @ b.T, ((3, 40), (2, 3))),
    ("dot", {}, lambda a, b: (a * b).sum().reshape(1), ((9,), (9,))),
    ("batch_dot", SECOND, lambda a, b: a @ b.transpose(1, 2), ((7, 30, 3), (7, 4, 3))),
    ("_linalg_syrk", {}, lambda a: a @ a.detach().transpose(1, 2), ((2, 3, 8),)),
    ("mean", {"axis": "(1, 3)"}, lambda x: x.mean((1, 3)), ((2, 3, 4, 5),)),
    ("sum", {}, lambda x: x.sum().reshape(1), ((2, 3, 4),)),
    ("Pooling", WINDOW, lambda x: F.avg_pool2d(x, (3, 2), 1), (X,)),
    ("Pooling", GLOBAL, lambda x: x.mean((2, 3), keepdim=True), (X,)),
    ("Pooling", LARGEST, lambda x: F.max_pool2d(x, (3, 2)), (X,)),
    ("InstanceNorm", {}, F.instance_norm, ((2, 3, 4, 5),)),
    ("LayerNorm", {"axis": -1}, lambda x: F.layer_norm(x, (5,)), ((2, 3, 5),)),
    ("GroupNorm", {"num_groups": 1}, lambda x: F.group_norm(x, 1), ((2, 4, 3, 3),)),
    ("L2Normalization", {}, lambda x: F.normalize(x, dim=1), ((2, 30),)),
    ("_np_cumsum", {"axis": 1}, lambda x: x.cumsum(1), ((2, 9),)),
    ("slice_axis", {"axis": 1}, lambda x: x[:, :1], ((2, 9),)),
    ("_maximum", {}, torch.maximum, ((3, 4), (3, 4))),
)


@pytest.mark.parametrize(("op", "attrs", "function", "shapes"), SUMS)
def test_as_many_numbers_are_summed_up_as_a_result_is_made_of(
    op: str, attrs: Dict[str, Any], function: Callable[..., Any], shapes: Shapes
) -> None:
    count, result = read(function, *shapes)
    node = {"op": op, "attrs": {key: str(value) for key, value in attrs.items()}}
    found, own = summed(node, shapes, result)
    assert found == own
    assert count <= found + 0.5 <= 2 * count + 1


@pytest.mark.parametrize(
    ("node", "length"),
    [
        ({"op": "softmax", "attrs": {"axis": "1"}}, 6),
        ({"op": "log_softmax"}, 5),
        ({"op": "SoftmaxOutput", "attrs": {"multi_output": "True"}}, 6),
        ({"op": "SoftmaxOutput"}, 30),
    ],
)
def test_a_softmax_is_off_by_its_own_sum_only(node: Dict[str, Any], length: int) -> None:
    assert summed(node, [(4, 6, 5)], (4, 6, 5)) == (1, length)


def test_steps_of_recurrent_layers_and_heads_of_attention() -> None:
    rnn = {"op": "RNN", "attrs": {"state_size": "16", "mode": "lstm"}}
    assert summed(rnn, [(30, 1, 8), (999,)], (30, 1, 16)) == (32, 32)
    rnn["attrs"]["bidirectional"] = "1"
    assert summed(rnn, [(30, 1, 8), (999,)], (30, 1, 32)) == (48, 48)
    heads = {"op": "_contrib_interleaved_matmul_selfatt_qk", "attrs": {"heads": "2"}}
    assert summed(heads, [(4, 1, 2 * 3 * 8)], (2, 4, 4)) == (24, 24)
