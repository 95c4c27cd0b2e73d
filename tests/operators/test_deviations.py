"""Every row of DEVIATIONS, shown to be needed by a layer that fails without it."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Set, Tuple

import numpy as np
import pytest

from converters import Node, load_checkpoint, save_checkpoint
from mxproof.compare import compare
from mxproof.localise import describe_failure
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import DEVIATIONS, Deviation
from tests.converters.networks import Network

Entry = Tuple[int, int]
Build = Callable[[Network, Entry], Entry]

#: What is added to the input: numbers near which the mean is.
NEAR = 40.0


def near_the_mean(net: Network, x: Entry) -> Entry:
    y = net.batch_norm("layer", x, 4, fix_gamma=False)
    net.arrays["layer_moving_mean"] += 2 * NEAR
    return y


def raised(net: Network, x: Entry) -> Entry:
    """Numbers around a million, of which a softmax sees the differences."""
    x = net.batch_norm("raised", x, 4, fix_gamma=False)
    net.arrays["raised_beta"] += np.float32(1e6)
    return x


def large_logits(net: Network, x: Entry) -> Entry:
    label = net.variable("softmax_label")
    return net.layer("SoftmaxOutput", "layer", raised(net, x), label, multi_output=True)


def softmax_of_large_logits(net: Network, x: Entry) -> Entry:
    return net.layer("softmax", "layer", raised(net, x), axis=1)


#: Name -> (what is added to the input, the network).
NEEDING: Dict[str, Tuple[float, Build]] = {
    "near the mean": (NEAR, near_the_mean),
    "SoftmaxOutput of large logits": (0.0, large_logits),
    "softmax of large logits": (0.0, softmax_of_large_logits),
}


def deviations(build: Build) -> Set[Deviation]:
    """Those that hold for the network's own layer."""
    net = Network()
    node = net.nodes[build(net, net.variable("data"))[0]]
    layer = Node("layer", "layer", node.op, node.attrs, (), ("layer",))
    runtimes = ("onnxruntime", "pytorch", "onnx-reference")
    return {d for d in DEVIATIONS if any(d.matches(r, layer, "layer") for r in runtimes)}


def test_every_deviation_is_shown_to_be_needed() -> None:
    assert set.union(*(deviations(build) for _, build in NEEDING.values())) == set(DEVIATIONS)


@pytest.mark.parametrize("name", NEEDING)
def test_is_needed(name: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    shift, build = NEEDING[name]
    net = Network()
    data = net.variable("data")
    head = build(net, net.layer("elemwise_add", "before", data, data))
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    graph = load_checkpoint(tmp_path / "net", inputs={"data": ("N", 4, "H", "W")})
    values = np.random.default_rng(0).standard_normal((2, 4, 9, 8)) + shift
    model = mxnet.load(tmp_path / "net", 0, graph)
    truth = model.truth({"data": values.astype(np.float32)})
    model.close()
    needed = set()
    for target, entry in TARGETS.items():
        path = convert(graph, target, tmp_path)[0]
        for precision in entry.runtimes:
            result = compare(truth, entry.open(path, precision), graph)
            assert tuple(c.layer for c in result.checks) == truth.names
            assert not result.failed, describe_failure("net", target, result)
            needed |= {c.row for c in result.checks if c.row and c.needs_row}
    assert needed == deviations(build)
