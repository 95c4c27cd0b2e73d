"""<name>.py and <name>.safetensors: whole or not at all, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from safetensors import safe_open

from converters import load_checkpoint, save_checkpoint, save_pytorch, to_pytorch

from .networks import resnet, small_resnet

ROOT = Path(__file__).parents[2]

OURS = ("layers", "inputs", "types", "shapes", "outputs")
SCRIPT = """
import sys
from converters import load_checkpoint, save_onnx, save_pytorch, to_onnx, to_pytorch
graph = load_checkpoint("small")
save_onnx(to_onnx(graph), sys.argv[1] + "/small.onnx")
save_pytorch(to_pytorch(graph), sys.argv[1])
"""


def test_files_hold_the_module(tmp_path: Path) -> None:
    net, head = small_resnet()
    save_checkpoint(tmp_path / "small", net.symbol(head), net.arrays)
    module = to_pytorch(load_checkpoint(tmp_path / "small"))
    source, weights = save_pytorch(module, tmp_path)
    assert (source, weights) == (tmp_path / "small.py", tmp_path / "small.safetensors")
    assert source.read_text(encoding="ascii") == module.source
    found = safetensors.numpy.load_file(weights)
    assert set(found) == set(module.state)
    for key, array in module.state.items():
        np.testing.assert_array_equal(found[key], array)
    with safe_open(weights, framework="np") as file:
        metadata = file.metadata()
    ours = {key: json.loads(metadata.pop(f"mxproof.{key}")) for key in OURS}
    shapes = {"data": ["N", 3, "H", "W"]}
    expected = (module.layers, ["data"], {"data": "float32"}, shapes, ["softmax"])
    assert ours == dict(zip(OURS, expected))
    digests = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in tmp_path.iterdir()}
    assert metadata == {
        "mxproof.symbol": "small-symbol.json",
        "mxproof.symbol_sha256": digests["small-symbol.json"],
        "mxproof.params": "small-0000.params",
        "mxproof.params_sha256": digests["small-0000.params"],
        "mxproof.mxnet": "1.9.1",
    }
    for key, value in metadata.items():
        assert f"{key[len('mxproof.') :]}: {value}\n" in module.source


def test_every_run_writes_the_same_bytes(tmp_path: Path) -> None:
    """Whatever order hashing gives to sets."""
    net, head = small_resnet()
    save_checkpoint(tmp_path / "small", net.symbol(head), net.arrays)
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


@pytest.mark.parametrize("failing", ["weights", "source"])
def test_a_failed_save_leaves_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    suffix = {"weights": ".safetensors", "source": ".py"}[failing]
    (tmp_path / f"net{suffix}").write_bytes(b"what was there before")
    replace = os.replace

    def fail(source: Any, destination: Any) -> None:
        if str(destination).endswith(suffix):
            raise OSError(28, "No space left on device")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        save_pytorch(to_pytorch(resnet()), tmp_path)
    assert (tmp_path / f"net{suffix}").read_bytes() == b"what was there before"
    others = {p.name for p in tmp_path.iterdir()} - {f"net{suffix}"}
    assert others <= {"net.safetensors"}, "no temporary file is left"


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are escaped in what the files say."""
    net, head = small_resnet()
    prefix = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        save_checkpoint(prefix, net.symbol(head), net.arrays)
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    graph = load_checkpoint(prefix)
    assert graph.name == "caf\\udce9"
    assert graph.source["symbol"] == "caf\\udce9-symbol.json"
    source, _ = save_pytorch(to_pytorch(graph), tmp_path)
    assert source.name == "caf\\udce9.py"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_types_of_weights(dtype: Any) -> None:
    """Half precision is widened; double precision stays."""
    net, head = small_resnet()
    net.arrays = {name: array.astype(dtype) for name, array in net.arrays.items()}
    module = to_pytorch(net.graph(head))
    kept = np.float64 if dtype == np.float64 else np.float32
    assert {array.dtype for array in module.state.values()} == {np.dtype(kept)}
    np.testing.assert_array_equal(module.state["fc.weight"], net.arrays["fc_weight"])
    assert ("().double()" in module.source) == (dtype == np.float64)


def test_the_module_is_no_pickle() -> None:
    source = to_pytorch(resnet()).source
    for word in ("pickle", "torch.load", "exec(", "__import__", "getattr"):
        assert word not in source
