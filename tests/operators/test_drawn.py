"""Layers by themselves on inputs drawn for them: what the network's own inputs never reach."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Iterator, Tuple

import numpy as np
import pytest

from converters import Graph
from fixtures.networks import Network
from mxproof.proof.proof import TargetProof
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.tolerance import Budgets
from mxproof.proof.verify import Prover
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from .prove import judge, reference


def network() -> Network:
    """`shifted` reads numbers around 100 only; channel 0 is 0 before `last`."""
    net = Network()
    x = net.convolution("first", net.variable("data"), 3, 4)
    x = net.layer("_plus_scalar", "raised", x, scalar="100.0")
    x = net.layer("_plus_scalar", "shifted", x, scalar="1.5")
    x = net.batch_norm("bn", x, 4, fix_gamma=False)
    net.arrays["bn_gamma"] = np.abs(net.arrays["bn_gamma"])
    net.arrays["bn_beta"][0] = -1e6
    x = net.layer("Activation", "relu", x, act_type="relu")
    net.convolution("last", x, 4, 2)
    return net


@contextmanager
def proven(net: Network, mxnet: MxnetProcess) -> Iterator[Tuple[Graph, Reference, Path]]:
    """The network, what MXNet makes of two inputs of one and two samples, and a folder."""
    head, inputs = (len(net.nodes) - 1, 0), {"data": ("N", 3, "H", "W")}
    random = np.random.default_rng(0)
    with reference(net.symbol(head), net.arrays, inputs, mxnet) as (graph, model, folder):
        fed = [random.standard_normal((n, 3, 9, 8)).astype(np.float32) for n in (1, 2)]
        yield graph, kept(live(model, [{"data": x} for x in fed], mxnet.versions)), folder


def prove(graph: Graph, target: str, path: Path, evidence: Reference) -> TargetProof:
    return Prover(graph, {target: path}, Budgets()).prove(evidence)[0][target]


@pytest.mark.parametrize("target", TARGETS)
def test_weights_that_only_multiply_zeros(target: str, mxnet: MxnetProcess) -> None:
    with proven(network(), mxnet) as (graph, evidence, folder):
        coverage = judge(graph, target, evidence, folder).coverage
        wrong = graph.params["last_weight"].copy()
        wrong[:, 0] = 10 * wrong[:, 0] + np.float32(0.1)
        faulty = replace(graph, params={**graph.params, "last_weight": wrong})
        proof = prove(graph, target, convert(faulty, target, folder)[0], evidence)
    assert coverage is not None
    assert coverage.stored.total - coverage.stored.chain == wrong[:, 0].size
    assert coverage.stored.isolated == coverage.stored.total
    assert all(comparison.passed for comparison in proof.comparisons.values())
    assert not proof.passed
    assert [check.layer for check in proof.culprits] == ["last"]
    assert "'last' introduced the first difference" in proof.explain("net")[0]


@pytest.mark.parametrize("condition", ["x == 0", "x > 1e3", "x < 0", "x.abs() < 1"])
def test_a_fault_on_numbers_that_the_network_does_not_make(
    condition: str, mxnet: MxnetProcess
) -> None:
    with proven(network(), mxnet) as (graph, evidence, folder):
        path = convert(graph, "pytorch", folder)[0]
        text = path.read_text()
        assert text.count("x + 1.5") == 1
        path.write_text(text.replace("x + 1.5", f"torch.where({condition}, x + 1.6, x + 1.5)"))
        proof = prove(graph, "pytorch", path, evidence)
    assert all(comparison.passed for comparison in proof.comparisons.values())
    assert [check.layer for check in proof.culprits] == ["shifted"]
