"""Batch norms folded away: the same function, and why some stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from converters import Graph, to_onnx, to_pytorch
from converters.fusing import LOSS, Fusion, fuse
from converters.precision import with_floats

from .networks import Network, noise, proto, small_resnet

ALONE = "with no convolution or matrix product right before or after"


def run(graph: Graph, data: Any) -> List[Any]:
    """In the type of the graph's parameters, by ONNX's definition."""
    kind = graph.types[graph.inputs[0].name]
    results: List[Any] = ReferenceEvaluator(proto(graph)).run(None, {"data": data.astype(kind)})
    return results


def behind(**attrs: Any) -> Graph:
    net = Network()
    x = net.convolution("conv", net.variable("data"), 2, 6, num_group=2)
    return net.graph(net.batch_norm("bn", x, 6, **attrs), inputs={"data": ("N", 4, "H", "W")})


def with_bias() -> Graph:
    net = Network()
    data = net.variable("data")
    stored = [net.parameter("conv_weight", 6, 3, 1, 1), net.parameter("conv_bias", 6)]
    x = net.layer("Convolution", "conv", data, *stored, num_filter=6, kernel=(1, 1))
    return net.graph(net.batch_norm("bn", x, 6, fix_gamma=False))


def twice() -> Graph:
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    x = net.batch_norm("bn1", x, 4, fix_gamma=False)
    return net.graph(net.batch_norm("bn2", x, 4))


def ahead() -> Graph:
    """A batch norm that only a convolution without padding can take, in groups."""
    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 4, fix_gamma=False)
    x = net.convolution("conv", x, 2, 6, num_group=2, kernel=(3, 3), pad=(0, 0))
    return net.graph(x, inputs={"data": ("N", 4, "H", "W")})


def dense() -> Graph:
    net = Network()
    x = net.layer("Flatten", "flat", net.variable("data"))
    weight, bias = net.parameter("fc_weight", 4, 12), net.parameter("fc_bias", 4)
    x = net.layer("FullyConnected", "fc", x, weight, bias, num_hidden=4)
    x = net.batch_norm("bn", x, 4)
    x = net.layer("Activation", "relu", x, act_type="relu")
    x = net.batch_norm("bn2", x, 4, fix_gamma=False)
    x = net.layer("FullyConnected", "fc2", x, net.parameter("w2", 3, 4), num_hidden=3, no_bias=True)
    return net.graph(x, inputs={"data": ("N", 3, 2, 2)})


def shared() -> Graph:
    """Two layers with one weight: the fold gets a weight of its own."""
    net = Network()
    data, weight = net.variable("data"), net.parameter("weight", 3, 3, 1, 1)
    more: Dict[str, Any] = {"num_filter": 3, "kernel": (1, 1), "no_bias": True}
    x = net.layer("Convolution", "first", data, weight, **more)
    y = net.layer("Convolution", "second", data, weight, **more)
    return net.graph(net.layer("elemwise_add", "sum", net.batch_norm("bn", x, 3), y))


def resnet() -> Graph:
    net, head = small_resnet()
    return net.graph(head)


FOLDED: List[Tuple[Callable[[], Graph], Fusion]] = [
    (behind, Fusion((("bn", "conv"),))),
    (with_bias, Fusion((("bn", "conv"),))),
    (twice, Fusion((("bn1", "conv"), ("bn2", "bn1")))),
    (ahead, Fusion((("bn", "conv"),))),
    (dense, Fusion((("bn", "fc"), ("bn2", "fc2")))),
    (shared, Fusion((("bn", "first"),))),
]


@pytest.mark.parametrize(("build", "expected"), FOLDED, ids=lambda x: getattr(x, "__name__", ""))
def test_the_function_is_the_same(build: Callable[[], Graph], expected: Fusion) -> None:
    """In float64 to 1e-12, with the folded numbers kept in float64; in float32 nearly."""
    graph = build()
    channels = graph.inputs[0].shape[1]  # type: ignore[index]
    size = (2, 2) if build is dense else (6, 5)
    data = noise(2, channels, *size)
    truth = run(with_floats(graph, "float64"), data)[0]
    wide, found = fuse(graph, wide=True)
    assert found == expected
    result = run(wide, data)[0]
    assert result.dtype == np.float64
    assert np.abs(result - truth).max() <= 1e-12 * np.abs(truth).max()
    narrow, again = fuse(graph)
    assert again == found
    assert {a.dtype for a in narrow.params.values()} == {np.dtype(np.float32)}
    plain, single = (run(g, data)[0] for g in (graph, narrow))
    noise32 = np.sqrt(np.mean((plain - truth) ** 2))
    assert np.sqrt(np.mean((single - truth) ** 2)) <= 4 * noise32


def test_gamma_that_is_fixed_is_1() -> None:
    for fix_gamma in (True, False):
        graph = behind(fix_gamma=fix_gamma)
        gamma = 1.0 if fix_gamma else graph.params["bn_gamma"].astype(np.float64)
        scale = gamma / np.sqrt(graph.params["bn_moving_var"].astype(np.float64) + np.float32(1e-3))
        wide, _ = fuse(graph, wide=True)
        expected = graph.params["conv_weight"] * scale.reshape(-1, 1, 1, 1)
        np.testing.assert_allclose(wide.params["conv_weight"], expected, rtol=1e-15)


def test_names_and_lists() -> None:
    """The layer has the batch norm's name; MXNet's list of layers is as it was."""
    graph = behind()
    fused, _ = fuse(graph)
    assert [n.name for n in fused.nodes] == ["bn"]
    assert [n.name for n in fused.listed] == ["conv", "bn"]
    assert (fused.nodes[0].op, fused.outputs) == ("Convolution", ("bn",))
    assert set(fused.params) == {"conv_weight", "conv_bias"}
    assert "self.bn = nn.Conv2d(4, 6" in to_pytorch(fused).source
    assert [n.op_type for n in to_onnx(fused).graph] == ["Conv"]


def test_a_shared_weight_stays_for_the_other() -> None:
    graph = shared()
    fused, _ = fuse(graph)
    np.testing.assert_array_equal(fused.params["weight"], graph.params["weight"])
    assert set(fused.params) == {"weight", "first_weight", "first_bias"}


def kept(graph: Graph) -> Tuple[Tuple[str, str], ...]:
    fused, found = fuse(graph)
    assert not found.folded
    assert fused.nodes == graph.nodes
    return found.kept


def test_what_stays() -> None:
    net, head = small_resnet()
    assert kept(net.graph(head)) == (("unit1_bn1", ALONE), ("unit2_bn1", ALONE))
    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 3)
    padded = net.graph(net.convolution("conv", x, 3, 4))
    assert kept(padded) == (("bn", "before a convolution that pads"),)
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    y = net.batch_norm("bn", x, 4)
    read_twice = net.graph(net.layer("elemwise_add", "sum", x, y))
    assert kept(read_twice) == (("bn", ALONE),)
    both = net.graph(y, x)
    assert kept(both) == (("bn", ALONE),)
    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 3)
    y = net.convolution("conv", x, 3, 3, kernel=(1, 1), pad=(0, 0))
    and_other = net.graph(net.layer("elemwise_add", "sum", x, y))
    assert kept(and_other) == (("bn", "that more than one layer reads"),)
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    other = net.graph(net.batch_norm("bn", x, 6, axis=2), inputs={"data": ("N", 3, 6, "W")})
    assert kept(other) == (("bn", "over another axis than the channels"),)


def changed(graph: Graph, **arrays: Any) -> Graph:
    return replace(graph, params={**graph.params, **arrays})


def test_numbers_that_leave_float32() -> None:
    reason = "that would leave float32's range"
    huge = changed(behind(), conv_weight=np.full((6, 2, 3, 3), 3e37, np.float32))
    dead = changed(huge, bn_moving_var=np.zeros(6, np.float32))
    assert kept(dead) == (("bn", reason),)
    assert fuse(huge)[1].folded
    small = changed(
        behind(),
        conv_weight=np.full((6, 2, 3, 3), 1e-37, np.float32),
        bn_moving_var=np.full(6, 1e6, np.float32),
    )
    assert kept(small) == (("bn", reason),)
    broken = changed(behind(), bn_moving_var=np.full(6, np.nan, np.float32))
    assert kept(broken) == (("bn", "with statistics that are not finite"),)


@pytest.mark.parametrize("mean", [0.0, 1.0, 30.0, 1000.0])
def test_the_loss_that_is_predicted_is_the_loss(mean: float) -> None:
    """A mean that is large beside its deviation: the fold before a layer is as bad as derived."""
    graph = ahead()
    ones = np.ones(4, np.float32)
    graph = changed(
        graph,
        bn_gamma=ones,
        bn_beta=0 * ones,
        bn_moving_mean=(mean * ones).astype(np.float32),
        bn_moving_var=ones,
    )
    predicted = np.sqrt((1 + mean**2) / 1)
    assert bool(fuse(graph)[1].folded) == (predicted <= LOSS)
    data = (noise(8, 4, 24, 24) + np.float32(mean)).astype(np.float32)
    truth = run(with_floats(graph, "float64"), data)[0]
    import converters.fusing as fusing

    previous = fusing.LOSS
    try:
        fusing.LOSS = np.inf
        forced, _ = fuse(graph)
    finally:
        fusing.LOSS = previous
    plain, folded = (np.sqrt(np.mean((run(g, data)[0] - truth) ** 2)) for g in (graph, forced))
    assert folded / plain <= 2 * predicted
    if mean > 10:
        assert folded / plain >= predicted / 20


def test_counts_in_words() -> None:
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    x = net.batch_norm("bn1", x, 4)
    x = net.layer("Activation", "relu", x, act_type="relu")
    _, found = fuse(net.graph(net.batch_norm("bn2", x, 4)))
    assert str(found) == f"1 of 2 batch norms folded; kept: 1 {ALONE}"
