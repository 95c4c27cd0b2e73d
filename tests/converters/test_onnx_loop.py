"""Loops in .onnx files: runtimes know what the body reads, and that it is no layer."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters import save_onnx, to_onnx
from fixtures.networks import Network


@pytest.mark.parametrize("portions", [None, (1, 1, 1)])
@pytest.mark.parametrize(
    "runtime", ["onnx_reference.evaluator.OnnxReference", "onnxruntime.OnnxRuntime"]
)
def test_runtimes_know_what_the_body_reads(runtime: str, portions: Any, tmp_path: Path) -> None:
    """Products of whole numbers, which ONNX multiplies one by one."""
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    net = Network()
    x = net.layer("Cast", "whole", net.variable("data"), dtype="int32")
    x = net.layer("prod", "rows", x, axis=1, keepdims=True)
    model = to_onnx(net.graph(net.layer("prod", "all", x), inputs={"data": ("N", 3)}))
    assert [node.op_type for node in model.graph].count("Loop") == 2
    save_onnx(model, tmp_path / "net.onnx")
    module, _, name = runtime.rpartition(".")
    candidate = getattr(import_module(f"mxproof.runtimes.{module}"), name)(tmp_path / "net.onnx")
    seen = []
    data = np.float32([[1, 2, 3], [4, 5, 6]])
    found = candidate.trace({"data": data}, lambda layer, _: seen.append(layer), portions)
    assert found[0].item() == 720
    assert seen == ["whole", "rows", "all"]
