"""Which outputs are converted: the user's choice, or those that inference computes."""

from __future__ import annotations

import warnings
from typing import Any, Dict

import pytest

from converters import (
    CheckpointWarning,
    DroppedOutputsWarning,
    Graph,
    ShapeError,
    UnsupportedError,
    UnusedParametersWarning,
)
from converters.mxnet_format.binding import bind
from fixtures.networks import Network

from .training_symbols import TRAINING, dense, own_loss, region_proposals, ssd

DATA: Dict[str, Any] = {"ssd": (1, 3, 4, 4), "ssd_without_detection": (1, 3, 4, 4)}


@pytest.mark.parametrize("build", TRAINING)
@pytest.mark.parametrize("stated", [False, True])
def test_what_only_training_computes_is_left_out(build: Any, stated: bool) -> None:
    net = Network()
    training = build(net, net.variable("data"))
    inputs = {"data": DATA.get(build.__name__, (3, 4))} if stated else {}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        graph = net.graph(*training.heads, inputs=inputs)
    assert graph.outputs == tuple(training.outputs)
    assert sorted(graph.dropped_outputs) == sorted(training.dropped)
    labels = {"label"} if build.__name__ == "conditional" else set()
    assert {v.name for v in graph.inputs} == {"data"} | labels
    dropped = [str(w.message) for w in said if w.category is DroppedOutputsWarning]
    assert len(dropped) == bool(training.dropped)
    assert all(f"Converted are: {', '.join(training.outputs)}. --output" in s for s in dropped)
    assert not [w for w in said if w.category is UnusedParametersWarning]


@pytest.mark.filterwarnings("ignore::converters.CheckpointWarning")
def test_what_the_user_states_or_chooses_is_wanted() -> None:
    net = Network()
    (loss,), *_ = own_loss(net, net.variable("data"))
    inputs = {"data": (3, 4), "label": (3, 2)}
    graph = net.graph(loss, inputs=inputs)
    assert graph.outputs == ("loss",)
    graph = bind(net.symbol(loss), net.arrays, name="net", inputs=inputs, outputs=["loss"])
    assert (graph.outputs, graph.dropped_outputs) == (("loss",), ())
    net = Network()
    heads = region_proposals(net, net.variable("data")).heads
    graph = net.graph(*heads, inputs={"bbox_weight": (3, 4)})
    assert graph.outputs == ("prob", "bbox_loss")


def test_an_input_that_no_output_needs_is_refused() -> None:
    net = Network()
    heads = ssd(net, net.variable("data")).heads
    with pytest.raises(ShapeError, match="--input label: no output needs"):
        net.graph(*heads, inputs={"label": (1, 2, 5)})


def unread() -> Network:
    """Layers behind the last one that a head needs."""
    net = Network()
    first = dense(net, "fc1", net.variable("data"), 3, 4)
    net.layer("Activation", "boxes", dense(net, "fc2", first, 2, 3), act_type="tanh")
    return net


def test_layers_that_no_output_needs_can_be_chosen() -> None:
    net = unread()
    named = "2 parameters .* no output needs the layers .*: --output boxes\\."
    with pytest.warns(UnusedParametersWarning, match=named):
        graph = net.graph((3, 0))
    assert [node.name for node in graph.nodes] == ["fc1"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", CheckpointWarning)
        how: Dict[str, Any] = {"name": "net", "inputs": {}}
        graph = bind(net.symbol((3, 0)), net.arrays, **how, outputs=["boxes", "fc1"])
    assert graph.outputs == ("boxes", "fc1")
    assert [node.name for node in graph.nodes] == ["fc1", "fc2", "boxes"]


def refused(partial: bool = False, **how: Any) -> Graph:
    """A network whose middle is a layer that cannot be converted."""
    net = Network()
    x = dense(net, "fc", net.variable("data"), 3, 4)
    custom = net.layer("Custom", "mine", x, op_type="mine")
    end = net.layer("elemwise_add", "sum", net.layer("relu", "relu", custom), x)
    side = net.layer("tanh", "side", x)
    symbol = net.symbol(end, side)
    return bind(symbol, net.arrays, name="net", inputs={}, partial=partial, **how)


def test_a_refusal_names_outputs_that_can_be_had() -> None:
    graph = refused(partial=True)
    assert list(graph.refused) == ["mine"]
    assert [graph.shapes[n] for n in ("fc", "mine", "sum")] == [("N", 3), None, None]
    assert graph.available == ("side",)
    with pytest.raises(UnsupportedError, match=r"What comes before can .*: --output side\.$"):
        refused()
    assert refused(outputs=graph.available).outputs == ("side",)
