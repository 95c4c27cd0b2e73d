"""Converted files: what they hold and say; whole or not at all, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import numpy as np
import onnx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import numpy_helper
from safetensors import safe_open

from converters import Graph, __version__, save_onnx, save_pytorch, to_onnx, to_pytorch
from converters.onnx import exporter as onnx_model
from fixtures.networks import Network, evaluate, noise, proto, resnet, saved, small_resnet

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from converters import load_checkpoint, save_onnx, save_pytorch, to_onnx, to_pytorch
graph = load_checkpoint("small")
save_onnx(to_onnx(graph), sys.argv[1] + "/small.onnx")
save_pytorch(to_pytorch(graph), sys.argv[1])
"""


def test_they_say_what_they_were_made_from(tmp_path: Path) -> None:
    graph = saved(tmp_path / "small", 3)
    digest = {p.suffix: hashlib.sha256(p.read_bytes()).hexdigest() for p in tmp_path.iterdir()}
    origin = {
        "symbol": "small-symbol.json",
        "symbol_sha256": digest[".json"],
        "params": "small-0003.params",
        "params_sha256": digest[".params"],
        "mxnet": "1.9.1",
    }
    expected = {f"mxproof.{key}": value for key, value in origin.items()}
    said = [f"{key}: {value}" for key, value in origin.items()]
    said += ["input data: float32 Nx3xHxW", "output softmax: float32 Nx5"]
    model, module = proto(graph), to_pytorch(graph)
    for text in (model.doc_string, module.source.partition('"""')[2]):
        assert text.startswith(f"small, converted from MXNet by mxproof {__version__}.\n")
        assert text.splitlines()[2:9] == said
    assert {p.key: p.value for p in model.metadata_props} == expected
    assert (model.producer_name, model.producer_version) == ("mxproof", __version__)
    assert model.graph.name == "small"
    source, weights = save_pytorch(module, tmp_path)
    assert (source, weights) == (tmp_path / "small.py", tmp_path / "small.safetensors")
    assert source.read_text(encoding="ascii") == module.source
    with safe_open(weights, framework="np") as file:
        found = file.metadata()
        assert set(file.keys()) == set(module.state)
        assert all(np.array_equal(file.get_tensor(k), a) for k, a in module.state.items())
    assert json.loads(found.pop("mxproof.layers")) == module.layers
    ours = {"inputs": ["data"], "types": {"data": "float32"}, "outputs": ["softmax"]}
    for key, value in {**ours, "shapes": {"data": ["N", 3, "H", "W"]}}.items():
        assert json.loads(found.pop(f"mxproof.{key}")) == value
    assert found == expected


def test_weights_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = save_onnx(to_onnx(resnet()), tmp_path / "in.onnx")
    monkeypatch.setattr(onnx_model, "EXTERNAL_DATA_BYTES", 100)
    outside = save_onnx(to_onnx(resnet()), tmp_path / "out.onnx")
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


def test_every_run_writes_the_same_bytes(tmp_path: Path) -> None:
    """Whatever order hashing gives to sets."""
    saved(tmp_path / "small")
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=tmp_path, env=env, check=True)
        written.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert sorted(written[0]) == ["small.onnx", "small.py", "small.safetensors"]
    assert written[0] == written[1]


def write(graph: Graph, folder: Path, *, onnx: bool) -> None:
    if onnx:
        save_onnx(to_onnx(graph), folder / "net.onnx", external_data=True)
    else:
        save_pytorch(to_pytorch(graph), folder)


@pytest.mark.parametrize(
    ("failing", "whole"),
    [
        ("net.onnx", ["net.onnx.data"]),
        ("net.onnx.data", []),
        ("net.safetensors", []),
        ("net.py", ["net.safetensors"]),
    ],
)
def test_a_failed_save_leaves_whole_files(
    failing: str, whole: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when a file is about to get its name; no temporary file is left."""
    (tmp_path / failing).write_bytes(b"what was there before")
    replace = os.replace

    def fail(source: Any, destination: Any) -> None:
        if str(destination) == str(tmp_path / failing):
            raise OSError(28, "No space left on device")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write(resnet(), tmp_path, onnx="onnx" in failing)
    assert (tmp_path / failing).read_bytes() == b"what was there before"
    assert {p.name for p in tmp_path.iterdir()} == {failing, *whole}


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are escaped in what the files say."""
    try:
        graph = saved(tmp_path / os.fsdecode(b"caf\xe9"))
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    assert graph.name == "caf\\udce9"
    assert graph.source["symbol"] == "caf\\udce9-symbol.json"
    source, _ = save_pytorch(to_pytorch(graph), tmp_path)
    assert source.name == "caf\\udce9.py"


def test_double_precision_stays() -> None:
    net, head = small_resnet()
    net.arrays = {name: array.astype(np.float64) for name, array in net.arrays.items()}
    model, module = proto(net.graph(head)), to_pytorch(net.graph(head))
    onnx.checker.check_model(model, full_check=True)
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for name, array in net.arrays.items():
        assert stored[name].dtype == np.float64
        np.testing.assert_array_equal(stored[name], array)
    assert {array.dtype for array in module.state.values()} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(module.state["fc.weight"], net.arrays["fc_weight"])
    assert "().double()" in module.source


def test_the_module_is_no_pickle() -> None:
    source = to_pytorch(resnet()).source
    for word in ("pickle", "torch.load", "exec(", "__import__", "getattr"):
        assert word not in source


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
