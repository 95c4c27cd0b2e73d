"""Loops in .onnx files: what the body reads and gives, and who knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters import Graph, save_onnx, to_onnx
from converters.ops.registry import REGISTRY, Operator, operator

from .networks import Network


@dataclass(frozen=True)
class Doubling(Operator):
    """data doubled `times`, or until its sum exceeds 100; the bias is added each time."""

    times: int

    def infer(self, data: Any, bias: Any) -> Any:
        return data

    def to_onnx(self, g: Any, data: Any, bias: Any) -> Any:
        def body(i: Any, x: Any) -> Any:
            x = g.op("Add", g.op("Mul", x, g.constant(np.float32([2]))), bias)
            total = g.op("ReduceSum", x, keepdims=0)
            return x, g.op("Not", g.op("Greater", total, g.constant(np.float32(100))))

        trips, go = g.constant(np.array(self.times)), g.constant(np.array(True))
        return g.loop(body, data, trips=trips, condition=go)[0]


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Graph:
    monkeypatch.setattr("converters.ops.registry.REGISTRY", dict(REGISTRY))
    operator("doubling", parameters=("bias",))(Doubling)
    net = Network()
    bias = net.variable("bias", np.float32([1, 0, 0]))
    x = net.variable("data")
    for times in (2, 0, 50):
        x = net.layer("doubling", f"times{times}", x, bias, times=times)
    return net.graph(x, inputs={"data": ("N", 3)})


DATA = np.float32([[1, 2, 3]])
#: 6 doubled twice with 1 added each time is 27, and then until it is above 100.
EXPECTED = np.float32([[4 * 4 + 3 + 3 * 4, 32, 48]])


@pytest.mark.parametrize("portions", [None, (1, 1, 1)])
@pytest.mark.parametrize("runtime", ["onnx_reference.OnnxReference", "onnxruntime.OnnxRuntime"])
def test_runtimes_know_what_the_body_reads(
    runtime: str, portions: Any, graph: Graph, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    module, name = runtime.split(".")
    opened = getattr(import_module(f"mxproof.runtimes.{module}"), name)
    save_onnx(to_onnx(graph), tmp_path / "net.onnx")
    seen = []
    candidate = opened(tmp_path / "net.onnx")
    found = candidate.trace({"data": DATA}, lambda layer, _: seen.append(layer), portions)
    np.testing.assert_array_equal(found[0], EXPECTED)
    assert seen == ["times2", "times0", "times50"]
