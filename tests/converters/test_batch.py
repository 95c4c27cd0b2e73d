"""A batch that a training symbol states is freed where the network stays the same at it."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Tuple

import pytest

from converters import Graph, ShapeError
from converters.errors import BakedBatchWarning
from converters.passes.free_batch import freed
from fixtures.networks import Network

BATCH = 8
Entry = Tuple[int, int]


def pooled(net: Network, data: Entry, **reshape: Any) -> Entry:
    x = net.convolution("conv", data, 3, 4)
    x = net.layer("Pooling", "pool", x, global_pool=True, pool_type="avg", kernel=(1, 1))
    return net.layer("Reshape", "flat", x, **reshape)


def dense(net: Network, x: Entry, width: int = 4) -> Entry:
    weight = net.parameter("w", 5, width)
    return net.layer("FullyConnected", "fc", x, weight, num_hidden=5, no_bias=True)


def convolutional(net: Network, **stated: str) -> Entry:
    return dense(net, pooled(net, net.variable("data", **stated), shape=(BATCH, -1)))


def recurrent(net: Network, **stated: str) -> Entry:
    """A first state of zeros, all steps in one matrix, and back again."""
    x, state = net.variable("data", **stated), net.layer("_zeros", "begin", shape=(BATCH, 4))
    matrix = net.parameter("h2h_weight", 4, 4)
    steps = []
    for t in range(2):
        step = net.layer("slice_axis", f"step{t}", x, axis=1, begin=t, end=t + 1)
        step = net.layer("Reshape", f"now{t}", step, shape=(BATCH, 4))
        kept = {"num_hidden": 4, "no_bias": True}
        past = net.layer("FullyConnected", f"h2h{t}", state, matrix, **kept)
        state = net.layer("elemwise_add", f"sum{t}", step, past)
        steps.append(net.layer("expand_dims", f"out{t}", state, axis=1))
    x = net.layer("Concat", "cat", *steps, dim=1, num_args=2)
    x = dense(net, net.layer("Reshape", "rows", x, shape=(2 * BATCH, -1)))
    return net.layer("Reshape", "back", x, shape=(BATCH, 2, 5))


def with_stored_states(net: Network, **stated: str) -> Entry:
    """A stored array for each sample of the batch: there is no other number of them."""
    x = net.layer("Flatten", "flat", net.variable("data", **stated))
    return net.layer("elemwise_add", "sum", x, net.parameter("states", BATCH, 12))


def joined(net: Network, **stated: str) -> Entry:
    """As many rows of zeros as the batch has, behind it: of another batch nobody says how many."""
    zeros = net.layer("_zeros", "zeros", shape=(BATCH, 4))
    return net.layer("Concat", "cat", net.variable("data", **stated), zeros, dim=0, num_args=2)


def flattened(net: Network, **stated: str) -> Entry:
    """A dense layer for pictures of 6 x 6 and no other size."""
    x = net.layer("Flatten", "flat", net.convolution("conv", net.variable("data", **stated), 3, 4))
    return dense(net, x, 4 * 36)


def beside_zeros(height: int, width: int) -> Callable[..., Entry]:
    """As many zeros beside a flattened picture of a size that the usual ones do not include."""

    def build(net: Network, **stated: str) -> Entry:
        x = net.convolution("conv", net.variable("data", **stated), 3, 4)
        zeros = net.layer("_zeros", "zeros", shape=(BATCH, 3))
        x = net.layer("Concat", "cat", net.layer("Flatten", "flat", x), zeros, dim=1, num_args=2)
        return dense(net, x, 4 * height * width + 3)

    return build


def graph_of(build: Callable[..., Entry], inputs: Any = None, **stated: str) -> Graph:
    net = Network()
    return net.graph(build(net, **stated), inputs=inputs)


@pytest.mark.parametrize(
    ("build", "stated", "given", "expected"),
    [
        (convolutional, (), {}, ("N", 3, "H", "W")),
        (convolutional, (BATCH, 3, 9, 9), {}, ("N", 3, "H", "W")),
        (convolutional, (), {"data": (2, 3, 9, 9)}, (2, 3, 9, 9)),
        (recurrent, (BATCH, 2, 4), {}, ("N", 2, 4)),
        (recurrent, (), {"data": ("N", 2, 4)}, ("N", 2, 4)),
        (recurrent, (), {"data": (3, 2, 4)}, (3, 2, 4)),
        (flattened, (BATCH, 3, 6, 6), {}, ("N", 3, 6, 6)),
        (beside_zeros(20, 20), (), {}, ("N", 3, 20, 20)),
    ],
)
def test_any_batch(
    build: Callable[..., Entry], stated: Any, given: Dict[str, Any], expected: Any
) -> None:
    attrs = {"__shape__": str(stated)} if stated else {}
    with pytest.warns(BakedBatchWarning, match=f"made for a batch of {BATCH} .* was freed"):
        graph = graph_of(build, given, **attrs)
    assert graph.inputs[0].shape == expected
    sizes = tuple({"N": 1, "H": 9, "W": 9}.get(d, d) for d in expected)
    one = graph.infer_shapes({"data": (1, *sizes[1:])})
    many = graph.infer_shapes({"data": (BATCH, *sizes[1:])})
    (output,) = graph.outputs
    assert one[output] == (1, *many[output][1:])  # type: ignore[index]
    assert many[output][0] == BATCH  # type: ignore[index]


@pytest.mark.parametrize(
    ("build", "stated"),
    [(with_stored_states, (BATCH, 3, 2, 2)), (joined, (BATCH, 4))],
)
def test_a_batch_that_cannot_be_freed_is_reported(build: Callable[..., Entry], stated: Any) -> None:
    with pytest.warns(BakedBatchWarning, match=f"takes {BATCH} samples at a time, no other number"):
        graph = graph_of(build, __shape__=str(stated))
    assert (graph.inputs[0].shape, graph.restated) == (stated, ())


def test_another_network_at_that_batch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a layer were restated wrongly: here as what keeps the first size, of (16, 2)."""

    def halved(net: Network, **stated: str) -> Entry:
        x = net.layer("Reshape", "rows", net.variable("data", **stated), shape=(2 * BATCH, 2))
        return net.layer("Reshape", "back", x, shape=(BATCH, -1))

    stated = f"({BATCH}, 4)"
    with pytest.warns(BakedBatchWarning, match="was freed: data Nx4"):
        assert graph_of(halved, __shape__=stated).restated[1][2] == "(-1, 4)"
    monkeypatch.setattr("converters.passes.free_batch._same", lambda *_: True)
    with pytest.warns(BakedBatchWarning, match="no other number"):
        graph_of(halved, __shape__=stated)


def test_what_the_user_states_stays() -> None:
    """And what is no batch: there is nothing to say."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = graph_of(convolutional, {"data": (BATCH, 3, 9, 9)})
        assert (graph.inputs[0].shape, graph.restated) == ((BATCH, 3, 9, 9), ())
        net = Network()
        heads = pooled(net, net.variable("data"), shape=(0, 2, 2))
        assert net.graph(heads).restated == ()
    with pytest.raises(ShapeError):
        graph_of(flattened, {"data": (1, 3, 9, 9)})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": (1, 5), "b": (2, 5)}, {"a": ("N", 5), "b": ("N2", 5)}),
        ({"a": (2, 5), "b": (2, 5)}, {"a": ("N", 5), "b": ("N", 5)}),
        ({"a": (1, 3, 4, 4), "b": (1, 3, 4, 8)}, {"a": (*"N3HW",), "b": (*"N3H", "W2")}),
        ({"a": ("N", 5), "b": (2,)}, {"a": ("N", 5), "b": ("N2",)}),
        ({"a": ("B", 5), "b": ("B", 5)}, {"a": ("B", 5), "b": ("B", 5)}),
        ({"a": (1, 2, 3, 4, 5, 6), "b": None}, {"a": (1, 2, 3, 4, 5, 6), "b": None}),
    ],
)
def test_sizes_of_one_name_are_stated_with_one_value(given: Any, expected: Any) -> None:
    digits = {"3": 3}
    named = {n: s and tuple(digits.get(d, d) for d in s) for n, s in expected.items()}
    assert freed(given) == named
