"""Definitions of activations and numbers, against MXNet, and the evaluator's erf."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from converters import load_checkpoint, save_checkpoint
from converters.ops.attributes import c_float
from mxproof.runtimes import mxnet_activations
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.runtimes.mxnet_activations import leaky_relu
from mxproof.truth import Truth
from tests.converters.networks import Network

from .test_onnx_ops import run

Array = np.ndarray


def truth(
    op: str, mxnet: MxnetProcess, folder: Path, data: Array, *stored: Array, **attrs: Any
) -> Truth:
    net = Network()
    entries = [net.variable(f"p{i}", array) for i, array in enumerate(stored)]
    head = net.layer(op, "layer", net.variable("data"), *entries, **attrs)
    save_checkpoint(folder / "net", net.symbol(head), net.arrays)
    graph = load_checkpoint(folder / "net", inputs={"data": data.shape})
    model = mxnet.load(folder / "net", 0, graph)
    try:
        return model.truth({"data": data})
    finally:
        model.close()


@pytest.mark.parametrize(
    "attrs",
    [
        {},
        {"slope": 1.672},
        {"act_type": "prelu"},
        {"act_type": "gelu"},
        {"act_type": "rrelu"},
        {"act_type": "rrelu", "lower_bound": -0.1, "upper_bound": 0.7},
    ],
    ids=str,
)
def test_leaky_relu(attrs: Dict[str, Any], mxnet: MxnetProcess, tmp_path: Path) -> None:
    """rrelu is defined here in float32, too; its numbers are those of leaky with the mean slope."""
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 3, 4)).astype(np.float32)
    gamma = [random.standard_normal(3).astype(np.float32)] if "prelu" in attrs.values() else []
    mine = truth("LeakyReLU", mxnet, tmp_path, x, *gamma, **attrs)
    texts = {k: str(v) for k, v in attrs.items()}
    ours = leaky_relu(texts, *(a.astype(np.float64) for a in (x, *gamma)))[0]
    np.testing.assert_array_equal(mine[mine.names[0]].float64, ours)
    if attrs.get("act_type") == "rrelu":
        bounds = attrs.get("lower_bound", 0.125), attrs.get("upper_bound", 0.334)
        mine = truth("LeakyReLU", mxnet, tmp_path, x, slope=float(np.mean(bounds)))
    np.testing.assert_allclose(mine[mine.names[0]].float32, ours, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "text",
    ["0.1", "1.672", "-1.672", "1e-05", "2e-05", "1.0000001", ".5", "3.", "1.679e-27", "6.64e18"],
)
def test_numbers_are_read_as_mxnet_reads_them(
    text: str, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    zero = np.zeros((1,), np.float32)
    read = truth("_contrib_quadratic", mxnet, tmp_path, zero, c=text)["layer"].float64[0]
    assert read == c_float(text) == mxnet_activations.c_float(text)


def test_erf() -> None:
    x = np.linspace(-4, 4, 101)
    expected = [math.erf(v) for v in x]
    np.testing.assert_array_equal(run("Erf", x), expected)
