"""Batch norms folded away: the same function, and why some stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from converters import Graph, to_onnx, to_pytorch
from converters.passes.float_types import with_floats
from converters.passes.fuse_batch_norm import LOSS, Fusion, fuse
from fixtures.networks import Network, evaluate, noise, proto, resnet

ALONE = "with no convolution or matrix product right before or after"


def run(graph: Graph, data: Any) -> Any:
    """In the type of the graph's parameters, by ONNX's definition."""
    kind = graph.types[graph.inputs[0].name]
    return evaluate(proto(graph), data=data.astype(kind))[0]


def behind(**attrs: Any) -> Graph:
    net = Network()
    x = net.convolution("conv", net.variable("data"), 2, 6, num_group=2)
    return net.graph(net.batch_norm("bn", x, 6, **attrs), inputs={"data": ("N", 4, "H", "W")})


def with_bias() -> Graph:
    net = Network()
    stored = [net.parameter("conv_weight", 6, 3, 1, 1), net.parameter("conv_bias", 6)]
    data = net.variable("data")
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
    x = net.layer("Activation", "relu", net.batch_norm("bn", x, 4), act_type="relu")
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


FOLDED: Dict[Callable[[], Graph], Fusion] = {
    behind: Fusion((("bn", "conv"),)),
    with_bias: Fusion((("bn", "conv"),)),
    twice: Fusion((("bn1", "conv"), ("bn2", "bn1"))),
    ahead: Fusion((("bn", "conv"),)),
    dense: Fusion((("bn", "fc"), ("bn2", "fc2"))),
    shared: Fusion((("bn", "first"),)),
}


def rms(error: Any) -> float:
    return float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize("build", FOLDED, ids=lambda build: build.__name__)
def test_the_function_is_the_same(build: Callable[[], Graph]) -> None:
    """In float64 to 1e-12, with the folded numbers kept in float64; in float32 nearly."""
    graph = build()
    channels = graph.inputs[0].shape[1]  # type: ignore[index]
    data = noise(2, channels, *((2, 2) if build is dense else (6, 5)))
    truth = run(with_floats(graph, "float64"), data)
    wide, found = fuse(graph, wide=True)
    assert found == FOLDED[build]
    result = run(wide, data)
    assert result.dtype == np.float64
    assert np.abs(result - truth).max() <= 1e-12 * np.abs(truth).max()
    narrow, again = fuse(graph)
    assert again == found
    assert {a.dtype for a in narrow.params.values()} == {np.dtype(np.float32)}
    assert rms(run(narrow, data) - truth) <= 4 * rms(run(graph, data) - truth)


def test_names_and_lists() -> None:
    """The layer has the batch norm's name; MXNet's list of layers is as it was."""
    fused, _ = fuse(behind())
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


def kept(graph: Graph) -> List[Tuple[str, str]]:
    fused, found = fuse(graph)
    assert not found.folded
    assert fused.nodes == graph.nodes
    return list(found.kept)


def test_what_stays() -> None:
    assert kept(resnet()) == [("unit1_bn1", ALONE), ("unit2_bn1", ALONE)]
    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 3)
    padded = net.graph(net.convolution("conv", x, 3, 4))
    assert kept(padded) == [("bn", "before a convolution that pads")]
    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 3)
    y = net.convolution("conv", x, 3, 3, kernel=(1, 1), pad=(0, 0))
    and_other = net.graph(net.layer("elemwise_add", "sum", x, y))
    assert kept(and_other) == [("bn", "that more than one layer reads")]
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    y = net.batch_norm("bn", x, 4)
    assert kept(net.graph(net.layer("elemwise_add", "sum", x, y))) == [("bn", ALONE)]
    assert kept(net.graph(y, x)) == [("bn", ALONE)]
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    other = net.graph(net.batch_norm("bn", x, 6, axis=2), inputs={"data": ("N", 3, 6, "W")})
    assert kept(other) == [("bn", "over another axis than the channels")]


def changed(graph: Graph, **arrays: Any) -> Graph:
    return replace(graph, params={**graph.params, **arrays})


def test_numbers_that_leave_float32() -> None:
    reason = "that would leave float32's range"
    huge = changed(behind(), conv_weight=np.full((6, 2, 3, 3), 3e37, np.float32))
    dead = changed(huge, bn_moving_var=np.zeros(6, np.float32))
    assert kept(dead) == [("bn", reason)]
    assert fuse(huge)[1].folded
    small = changed(
        behind(),
        conv_weight=np.full((6, 2, 3, 3), 1e-37, np.float32),
        bn_moving_var=np.full(6, 1e6, np.float32),
    )
    assert kept(small) == [("bn", reason)]
    broken = changed(behind(), bn_moving_var=np.full(6, np.nan, np.float32))
    assert kept(broken) == [("bn", "with statistics that are not finite")]


@pytest.mark.parametrize("mean", [0.0, 1.0, 30.0, 1000.0])
def test_the_loss_that_is_predicted_is_the_loss(
    mean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mean that is large beside its deviation: the fold before a layer is as bad as derived."""
    ones = np.ones(4, np.float32)
    moved = {"bn_moving_mean": np.float32(mean) * ones, "bn_moving_var": ones}
    graph = changed(ahead(), bn_gamma=ones, bn_beta=0 * ones, **moved)
    predicted = np.sqrt(1 + mean**2)
    assert bool(fuse(graph)[1].folded) == (predicted <= LOSS)
    data = (noise(8, 4, 24, 24) + np.float32(mean)).astype(np.float32)
    truth = run(with_floats(graph, "float64"), data)
    monkeypatch.setattr("converters.passes.fuse_batch_norm.LOSS", np.inf)
    plain, folded = (rms(run(g, data) - truth) for g in (graph, fuse(graph)[0]))
    assert folded / plain <= 2 * predicted
    if mean > 10:
        assert folded / plain >= predicted / 20


def test_counts_in_words() -> None:
    found = Fusion((("a", "b"),), (("c", ALONE), ("d", "that pads"), ("e", ALONE)))
    assert str(found) == f"1 of 4 batch norms folded; kept: 2 {ALONE}, 1 that pads"
