"""What an .onnx file holds: names, weights, where it came from; and how it is written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import numpy_helper

from converters import (
    UnsupportedError,
    __version__,
    load_checkpoint,
    onnx_model,
    save_checkpoint,
    save_onnx,
    to_onnx,
)

from .networks import Network, evaluate, noise, proto, resnet, small_resnet


def test_it_says_what_it_was_made_from(tmp_path: Path) -> None:
    net, head = small_resnet()
    save_checkpoint(tmp_path / "small", net.symbol(head), net.arrays, epoch=3)
    model = proto(load_checkpoint(tmp_path / "small", 3))
    digest = {p.suffix: hashlib.sha256(p.read_bytes()).hexdigest() for p in tmp_path.iterdir()}
    assert {p.key: p.value for p in model.metadata_props} == {
        "mxproof.symbol": "small-symbol.json",
        "mxproof.symbol_sha256": digest[".json"],
        "mxproof.params": "small-0003.params",
        "mxproof.params_sha256": digest[".params"],
        "mxproof.mxnet": "1.9.1",
    }
    said = model.doc_string.splitlines()
    assert said[0].startswith("small, converted from MXNet by mxproof ")
    assert "symbol: small-symbol.json" in said
    assert "input data: float32 Nx3xHxW" in said
    assert "output softmax: float32 Nx5" in said
    assert (model.producer_name, model.producer_version) == ("mxproof", __version__)
    assert model.graph.name == "small"


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "beyond the limit"])
def test_external_weights(asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = save_onnx(to_onnx(resnet()), tmp_path / "in.onnx")
    monkeypatch.setattr(onnx_model, "EXTERNAL_DATA_BYTES", 1 << 30 if asked else 100)
    outside = save_onnx(to_onnx(resnet()), tmp_path / "out.onnx", external_data=asked)
    assert [p.name for p in (*inside, *outside)] == ["in.onnx", "out.onnx", "out.onnx.data"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.onnx", "out.onnx", "out.onnx.data"]
    assert outside[0].stat().st_size + 1000 < inside[0].stat().st_size
    onnx.checker.check_model(outside[0], full_check=True)
    found, expected = (
        {i.name: numpy_helper.to_array(i) for i in onnx.load(p).graph.initializer}
        for p in (outside[0], inside[0])
    )
    assert found.keys() == expected.keys()
    assert all((found[name] == array).all() for name, array in expected.items())


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["one file", "external weights"])
def test_a_failed_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """The disk is full after everything but the last byte was written."""
    monkeypatch.setattr(onnx_model, "EXTERNAL_DATA_BYTES", limit)
    save = ir.save

    def fail(*args: Any, **options: Any) -> None:
        save(*args, **options)
        raise OSError(28, "No space left on device")

    (tmp_path / "x.onnx").write_bytes(b"what was there before")
    monkeypatch.setattr(ir, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        save_onnx(to_onnx(resnet()), tmp_path / "x.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["x.onnx"]
    assert (tmp_path / "x.onnx").read_bytes() == b"what was there before"


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_precision_is_widened(dtype: Any) -> None:
    net, head = small_resnet()
    net.arrays = {name: array.astype(dtype) for name, array in net.arrays.items()}
    model = proto(net.graph(head))
    onnx.checker.check_model(model, full_check=True)
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for name, array in net.arrays.items():
        assert stored[name].dtype == np.float32
        np.testing.assert_array_equal(stored[name], array)


def test_double_precision_of_some_is_refused() -> None:
    net, head = small_resnet()
    net.arrays["fc_weight"] = net.arrays["fc_weight"].astype(np.float64)
    message = "'fc_weight' is float64 .1 of 13 are.; supported: all"
    with pytest.raises(UnsupportedError, match=message):
        to_onnx(net.graph(head))


AWKWARD = ("\ud800", "a\0b", "a/b:c", "q\"'", "two\nlines", "数据", "relu/Relu")


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_layer_names(name: str) -> None:
    check_named(name, name)
    check_named(name, "relu")


@given(st.text(), st.text())
@example("", "")
@example("relu/Relu", "relu")
@example("a", "a_1")
@example("data", "w")
def test_any_layer_names(first: str, second: str) -> None:
    check_named(first, second)


def check_named(first: str, second: str) -> None:
    """relu(tanh(data)) and a matrix, whatever the layers are called."""
    net = Network()
    x = net.layer("Activation", first, net.variable("data"), act_type="tanh")
    x = net.layer("Activation", second, x, act_type="relu")
    x = net.layer("FullyConnected", first, x, net.parameter("w", 2, 3), num_hidden=2, no_bias=True)
    model = proto(net.graph(x))
    onnx.checker.check_model(model, full_check=True)
    data = noise(4, 3)
    (found,) = evaluate(onnx.load_from_string(model.SerializeToString()), data=data)
    expected = np.maximum(np.tanh(data), 0) @ net.arrays["w"].T
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
