"""Networks like trained ones, and digits lost in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from converters import Graph, Node, load_checkpoint
from lab.__main__ import main
from lab.losses import LOSSES, Loss, Lossy, bfloat16, kept_bits, product, summed, tf32
from lab.trained_like import FAMILIES, FAR, INPUTS, TURNS, draw
from mxproof.runtimes.base import Inputs, Visitor
from mxproof.runtimes.mxnet.client import MxnetProcess


@pytest.mark.parametrize("family", ["face", "gated"])
def test_statistics_are_those_of_a_trained_network(
    family: str, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """Batch norms normalise: each channel has its own deviation on the batch they were drawn on,
    and at least one mean is far off."""
    prefix, shape = draw(tmp_path, family, 3)
    graph = load_checkpoint(prefix, inputs={"data": shape})
    truth = mxnet.load(prefix, 0, graph).truth(
        {"data": INPUTS["0..255"](np.random.default_rng(0), shape)}
    )
    norms = [node for node in graph.nodes if node.op == "BatchNorm"]
    normal, far = [], []
    for node in norms:
        gamma, _, mean, var = (graph.params[str(name)] for name in node.inputs[1:])
        spread = truth[node.outputs[0]].float64.std((0, 2, 3)) / gamma
        normal.append(np.median(spread))
        far.append(np.abs(mean / np.sqrt(var)).max())
    assert 0.2 < np.median(normal) < 3
    assert 10 < max(far) < 4 * FAR


def test_the_same_seed_is_the_same_network(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    for family in FAMILIES:
        one, two, other = (
            draw(tmp_path / name, family, seed)[0].parent / f"{family}{seed}-0000.params"
            for name, seed in (("a", 1), ("b", 1), ("c", 2))
        )
        assert one.read_bytes() == two.read_bytes() != other.read_bytes()
    assert set(TURNS) == set(FAMILIES)


@pytest.mark.parametrize(
    ("kept", "bits"), [(bfloat16, 7), (tf32, 10), (lambda v: kept_bits(v, 22), 22)]
)
def test_bits_are_kept_and_rounded(kept: Any, bits: int) -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    values[0] = 1e30
    step = 2.0 ** (np.floor(np.log2(np.abs(values.astype(np.float64)))) - bits)
    rounded = kept(values)
    np.testing.assert_array_equal(rounded / step, np.round(rounded / step))
    assert (np.abs(rounded.astype(np.float64) - values) <= step / 2).all()


@pytest.mark.parametrize("op", ["Convolution", "FullyConnected"])
def test_a_sum_that_loses_nothing_is_the_layers(op: str) -> None:
    random = np.random.default_rng(0)
    shape = (3, 2, 3, 3) if op == "Convolution" else (3, 2)
    data = random.standard_normal((2, 4, 5, 5) if op == "Convolution" else (2, 2)).astype("f")
    weight, bias = (random.standard_normal(s).astype("f") for s in (shape, 3))
    attrs = {"num_group": "1"} if op == "FullyConnected" else {"num_group": "2"}
    weight = weight if op == "FullyConnected" else np.concatenate([weight, weight])[:4]
    bias = bias if op == "FullyConnected" else np.append(bias, bias)[:4].astype("f")
    node = Node("layer", "layer", op, attrs, ("x", "w", "b"), ("layer",))
    exact = product(node, data, weight, [bias])
    np.testing.assert_allclose(
        summed(node, data, weight, [bias], lambda v: v), exact, rtol=1e-4, atol=1e-5
    )
    lossy = summed(node, data, weight, [bias], bfloat16)
    assert 1e-4 < np.abs(lossy - exact).max() < 0.2


class Two:
    """A candidate of two layers: twice the input, and its square."""

    name, precision = "pytorch", "float32"

    def trace(self, inputs: Inputs, visit: Visitor, portions: Any = None) -> Any:
        value = inputs["data"]
        for name, function in (("twice", lambda v: 2 * v), ("square", np.square)):
            value = function(value)
            replaced = visit(name, value)
            value = value if replaced is None else replaced
        return [value]


def test_what_is_lost_goes_on_to_the_layers_behind() -> None:
    data = np.float32([1 / 3])
    node = Node("twice", "twice", "_mul_scalar", {}, ("data",), ("twice",))
    graph = Graph("net", (), (node,), ("square",), {}, (), {})
    lossy, seen = Lossy(Two(), graph, node, Loss("result", bfloat16)), {}  # type: ignore[arg-type]
    assert lossy.run({"data": data}) == [bfloat16(2 * data) ** 2]
    lossy.trace({"data": data}, lambda name, value: seen.update({name: value}))
    assert seen["twice"] == bfloat16(2 * data) != 2 * data
    assert 0 < lossy.moved < 2**-8


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One network, proven on four kinds of inputs in both targets, and losses in it caught."""
    record: Dict[str, Any]
    out = tmp_path / "alarms.json"
    assert (
        main(["alarms", "--networks", "1", "--seed", "4", "--power", "1", "--json", str(out)]) == 0
    )
    record = json.loads(out.read_text())
    assert len(record["cases"]) == 2 * len(INPUTS)
    assert record["alarms"][-1]["alarms"] == 0
    total = record["power"][-1]
    assert total["planted"] == len(LOSSES)
    assert total["live"] == total["caught"] > 3
    assert "False alarms" in capsys.readouterr().out
