"""`mxproof convert` proves the files that it writes, or says why not."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters import Graph, UnusedParametersWarning, load_checkpoint, save_checkpoint
from converters.fusing import fuse
from mxproof import targets
from mxproof.cli import main
from mxproof.runtimes.mxnet import MxnetProcess
from tests.converters.networks import Network

from .conftest import Run, names

FILES = ["small.md", "small.onnx", "small.proof.json", "small.py", "small.safetensors"]
MODELS = ["small.onnx", "small.py", "small.safetensors"]


def record_of(folder: Path, name: str = "small") -> Any:
    return json.loads((folder / f"{name}.proof.json").read_text())


def test_files_are_proven_before_they_are_written(
    run: Run, prefix: Path, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """By default, where MXNet is; the record holds the hashes of the very files."""
    out = tmp_path / "out"
    result = run("convert", prefix, "-o", out)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("proven equal to MXNet, layer by layer\n")
    assert names(out) == FILES
    record = record_of(out)
    assert (record["schema"], set(record["targets"])) == (1, {"onnx", "pytorch"})
    assert {t["verdict"] for t in record["targets"].values()} == {"pass"}
    assert [len(t["layers"]) for t in record["targets"].values()] == [13, 13]
    digests = {f["name"]: f["sha256"] for f in record["files"]}
    assert digests == {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in MODELS}
    guide = (out / "small.md").read_text()
    for target in ("onnx", "pytorch"):
        assert f"| {target} | pass | 13 |" in guide
    assert run("convert", prefix, "-o", out, "--no-verify").code == 0
    assert names(out) == [n for n in FILES if "proof" not in n], "no proof of other files is left"


def damaged(graph: Graph, *arguments: Any, **options: Any) -> Any:
    """One weight of one layer off by a little."""
    weight = np.array(graph.params["unit2_conv1_weight"])
    weight.flat[0] *= 1.001
    wrong = {**graph.params, "unit2_conv1_weight": weight}
    return targets.convert(replace(graph, params=wrong), *arguments, **options)


def test_nothing_is_written_where_the_proof_fails(
    run: Run, prefix: Path, tmp_path: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mxproof.cli.convert as module

    monkeypatch.setattr(module, "convert", damaged)
    out = tmp_path / "out"
    common = ("convert", prefix, "-o", out, "--to", "onnx")
    result = run(*common, "--log", tmp_path / "log")
    assert (result.code, result.out) == (1, "")
    assert "Convolution 'unit2_conv1' introduced the first difference" in result.err
    assert "nothing was written; --no-verify writes the files all the same" in result.err
    assert names(out) == []
    assert run(*common, "--no-verify").code == 0
    assert names(out) == ["small.md", "small.onnx"]


def test_where_there_is_no_mxnet(
    run: Run, prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, with the command for where it is; --verify is refused."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "mxnet" else found(n, *a)
    )
    result = run(
        "convert", prefix, "-o", tmp_path / "out", "--to", "onnx", "--input", "data=Nx3x9x9"
    )
    assert (result.code, result.err) == (0, "")
    (line,) = [text for text in result.out.splitlines() if "not proven" in text]
    assert line == (
        f"not proven: MXNet is not installed here. Where MXNet is: mxproof verify {prefix} "
        "--to onnx --input data=Nx3x9x9 --seed 0 --samples 4"
    )
    assert "Not proven: MXNet is not installed here." in (tmp_path / "out" / "small.md").read_text()
    result = run("convert", prefix, "-o", tmp_path / "none", "--verify")
    assert result.code == 2
    assert "--verify: MXNet is not installed here. Where MXNet is: mxproof verify" in result.err
    assert names(tmp_path / "none") == []


def test_where_the_interpreter_has_no_mxnet(run: Run, prefix: Path, tmp_path: Path) -> None:
    """--mxnet-python asks for a proof; what stops it is said, and the files are written."""
    result = run("convert", prefix, "-o", tmp_path, "--mxnet-python", tmp_path / "none")
    assert result.code == 0
    assert "not proven: the proof could not be made: " in result.out
    assert "--mxnet-python" in result.out
    result = run(
        "convert", prefix, "-o", tmp_path / "x", "--verify", "--mxnet-python", tmp_path / "none"
    )
    assert result.code == 2
    assert names(tmp_path / "x") == []


def test_folded_files_are_proven(run: Run, tmp_path: Path, mxnet: MxnetProcess) -> None:
    """The layers that are left, and the outputs; the record says so, and what it cost."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 8)
    x = net.batch_norm("bn", x, 8, fix_gamma=False)
    x = net.layer("Activation", "relu", x, act_type="relu")
    x = net.batch_norm("bn2", x, 8, fix_gamma=False)
    x = net.convolution("conv2", x, 8, 8, kernel=(1, 1), pad=(0, 0))
    save_checkpoint(tmp_path / "small", net.symbol(x), net.arrays)
    result = run("convert", tmp_path / "small", "-o", tmp_path / "out", "--fuse")
    assert (result.code, result.err) == (0, "")
    assert "2 of 2 batch norms folded\n" in result.out
    assert "as a multiple of MXNet's own in float32: onnx " in result.out
    record = record_of(tmp_path / "out")
    assert "have no result of their own" in record["fused"]
    for target in record["targets"].values():
        assert [layer["name"] for layer in target["layers"]] == ["bn", "relu", "conv2"]
    assert "Batch norms are folded in this network" in (tmp_path / "out" / "small.md").read_text()


def test_a_wrong_fold_is_caught(
    run: Run, tmp_path: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padding taken for nothing: the error that folding before a convolution invites."""
    import converters.fusing as module

    net = Network()
    x = net.batch_norm("bn", net.variable("data"), 3, fix_gamma=False)
    save_checkpoint(tmp_path / "small", net.symbol(net.convolution("conv", x, 3, 4)), net.arrays)
    kept = module._padded
    monkeypatch.setattr(module, "_padded", lambda operator: False)
    monkeypatch.setattr(module, "LOSS", np.inf)
    out = tmp_path / "out"
    result = run("convert", tmp_path / "small", "-o", out, "--fuse", "--to", "pytorch")
    assert result.code == 1
    assert "'conv'" in result.err
    assert names(out) == []
    monkeypatch.setattr(module, "_padded", kept)
    assert run("convert", tmp_path / "small", "-o", out, "--fuse", "--to", "pytorch").code == 0


@pytest.mark.parametrize("target", ["onnx", "pytorch"])
def test_weights_that_were_rounded_after_the_fold_are_caught(
    run: Run,
    prefix: Path,
    tmp_path: Path,
    mxnet: MxnetProcess,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    """In the shipped file alone: the float64 proof looks at numbers before they are rounded."""
    import mxproof.cli.convert as module

    def rounded(graph: Graph, *arguments: Any, **options: Any) -> Any:
        half = {n: np.float32(np.float16(a)) for n, a in graph.params.items() if a.dtype == "f"}
        wrong = replace(graph, params={**graph.params, **half})
        return targets.convert(wrong, *arguments, **options)

    monkeypatch.setattr(module, "convert", rounded)
    result = run("convert", prefix, "-o", tmp_path / "out", "--fuse", "--to", target)
    assert result.code == 1
    assert "float32 error" in result.err
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("name", ["mnet.25", "cifar_resnet20_v1", "cifar_resnet20_v2"])
def test_real_networks_fold(
    samples_dir: Path, mxnet: MxnetProcess, tmp_path: Path, name: str, capsys: Any
) -> None:
    """As exact as MXNet: the outputs' error is at most 1.5 times MXNet's own.

    PyTorch's kernels begin with the bias on some processors (those without AVX-512), and round at
    its magnitude after each of the 27 products of these networks' first layers (see `folded`).
    """
    code = main(
        ["convert", str(samples_dir / name), "-o", str(tmp_path), "--fuse", "--samples", "2"]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    (line,) = [text for text in said.out.splitlines() if text.startswith("folding: ")]
    parts = dict(part.rstrip(".").split() for part in line.split(": ")[2].split(","))
    ratios = {target: float(ratio) for target, ratio in parts.items()}
    assert ratios.keys() == {"onnx", "pytorch"}
    assert ratios["onnx"] <= 1.5
    assert ratios["pytorch"] <= 1.5 * np.sqrt(27)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedParametersWarning)  # mnet.25 has some
        assert fuse(load_checkpoint(samples_dir / name))[1].folded
