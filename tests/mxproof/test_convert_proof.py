"""`mxproof convert` proves the files that it writes, or says why not."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest

import mxproof.cli.convert as command
from converters import Graph, UnusedParametersWarning, load_checkpoint, save_checkpoint
from converters.passes import fuse_batch_norm as fusing
from converters.passes.fuse_batch_norm import fuse
from fixtures.networks import face
from mxproof.runtimes import registry as targets
from mxproof.runtimes.mxnet.client import MxnetProcess

from .conftest import Result, Run, Succeed, names, saved

MODELS = ["small.onnx", "small.py", "small.safetensors"]
Convert = Callable[..., Result]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def convert(run: Run, prefix: Path, out: Path) -> Convert:
    """`mxproof convert` of the small network into `out`."""
    return lambda *options: run("convert", prefix, "-o", out, *options)


def ship(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Dict[str, Any]], Dict[str, Any]]
) -> None:
    """Files that hold other parameters than the network has."""

    def wrong(graph: Graph, *arguments: Any, **options: Any) -> Any:
        params = {**graph.params, **change(dict(graph.params))}
        return targets.convert(replace(graph, params=params), *arguments, **options)

    monkeypatch.setattr(command, "convert", wrong)


def test_files_are_proven_before_they_are_written(
    convert: Convert, out: Path, mxnet: MxnetProcess
) -> None:
    """By default, where MXNet is; the record holds the hashes of the very files."""
    result = convert()
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("proven equal to MXNet, layer by layer\n")
    assert names(out) == sorted([*MODELS, "small.md", "small.proof.json"])
    record = json.loads((out / "small.proof.json").read_text())
    assert (record["schema"], set(record["targets"])) == (1, {"onnx", "pytorch"})
    for target in record["targets"].values():
        assert (target["verdict"], len(target["layers"])) == ("pass", 13)
    digests = {f["name"]: f["sha256"] for f in record["files"]}
    assert digests == {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in MODELS}
    guide = (out / "small.md").read_text()
    assert all(
        f"| {target} | same function | as precise | 13 |" in guide for target in ("onnx", "pytorch")
    )
    assert convert("--no-verify").code == 0
    assert names(out) == sorted([*MODELS, "small.md"]), "no proof of other files is left"


def damaged(params: Dict[str, Any]) -> Dict[str, Any]:
    """One weight of one layer off by a little."""
    weight = np.array(params["unit2_conv1_weight"])
    weight.flat[0] *= 1.001
    return {"unit2_conv1_weight": weight}


def test_nothing_is_written_where_the_proof_fails(
    convert: Convert, out: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, damaged)
    result = convert("--to", "onnx", "--log", out.parent / "log")
    assert (result.code, result.out) == (1, "")
    assert "Convolution 'unit2_conv1' introduced the first difference" in result.err
    assert "nothing was written; --no-verify writes the files all the same" in result.err
    assert names(out) == []
    assert convert("--to", "onnx", "--no-verify").code == 0
    assert names(out) == ["small.md", "small.onnx"]


#: A statement of the written source, and one that is the same in float64 and less precise in
#: float32.
LESS_PRECISE = {
    "bfloat16": (
        "x = self.fc(x)",
        "x = self.fc(x) if x.dtype == torch.float64 else self.fc.bfloat16()(x.bfloat16()).float()",
    ),
    "a constant of float16": (
        "x = x.flatten(1)  # flat",
        "x = x.flatten(1) * (1 if x.dtype == torch.float64 else 1.0009766)  # flat",
    ),
}


def rewrite(monkeypatch: pytest.MonkeyPatch, statement: str, by: str) -> None:
    """PyTorch source with another statement than the network's."""

    def written(graph: Graph, *arguments: Any, **options: Any) -> Any:
        files = targets.convert(graph, *arguments, **options)
        text = files[0].read_text()
        assert text.count(statement) == 1
        files[0].write_text(text.replace(statement, by))
        return files

    monkeypatch.setattr(command, "convert", written)


@pytest.mark.parametrize("kind", LESS_PRECISE)
def test_less_precise_files_are_written_unless_one_is_strict(
    kind: str, convert: Convert, out: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is right, and a user may need no more: exit 1, and all that is known is said."""
    rewrite(monkeypatch, *LESS_PRECISE[kind])
    layer = "fc" if kind == "bfloat16" else "flat"
    strict = convert("--to", "pytorch", "--strict")
    assert (strict.code, strict.out, names(out)) == (1, "", [])
    assert f"'{layer}' introduced the first difference" in strict.err
    assert "so nothing was written; without --strict the files are." in strict.err
    result = convert("--to", "pytorch", "--log", out.parent / "log")
    assert result.code == 1
    assert "proven" not in result.out and result.out.count("wrote ") == 4
    said = f"small/pytorch: same function; less precise than MXNet in 1 layer: {layer} (error "
    loss, files = result.err.splitlines()
    assert loss.startswith(said) and loss.endswith(" times its limit).")
    assert float(loss[len(said) :].split()[0]) > 10
    assert files == "small: the files were written all the same; with --strict they are not."
    assert names(out) == sorted([*MODELS[1:], "small.md", "small.proof.json"])
    record = json.loads((out / "small.proof.json").read_text())["targets"]["pytorch"]
    assert (record["verdict"], record["function"], record["precision"]) == ("fail", "pass", "fail")
    assert record["less_precise"].keys() == {layer}
    guide = (out / "small.md").read_text()
    assert "| pytorch | same function | less precise in 1 layer | 13 |" in guide
    assert "same function; less precise than MXNet in 1 layer" in guide
    log = (out.parent / "log").read_text()
    assert "pytorch: same function, less precise in 1 layer" in log


@pytest.mark.parametrize(
    "by",
    ["raise ValueError()", "x = x.flatten(0)", "x = x.half()", "x = x.flatten(1) * 2", "pass"],
    ids=["stops", "shape", "dtype", "far off", "missing"],
)
def test_a_file_that_is_wrong_in_float32_alone_is_not_written(
    by: str, convert: Convert, out: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No loss of precision explains that it stops there, or has another shape."""
    right, pad = "x = x.flatten(1)  # flat", "\n        "
    body = f"if x.dtype == torch.float64:{pad}    {right}{pad}else:{pad}    {by}"
    rewrite(monkeypatch, right, body)
    result = convert("--to", "pytorch")
    assert (result.code, result.out, names(out)) == (1, "", [])
    assert "not proven, so nothing was written; --no-verify writes" in result.err


def test_being_strict_takes_a_proof(convert: Convert, out: Path) -> None:
    for option in ("--no-verify", "--float16"):
        result = convert("--strict", option)
        assert (result.code, names(out)) == (2, [])
        assert f"--strict and {option}: the proof decides" in result.err


def test_where_there_is_no_mxnet(
    convert: Convert, prefix: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, with the command for where it is; --verify is refused."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "mxnet" else found(n, *a)
    )
    options = ("--to", "onnx", "--input", "data=Nx3x9x9")
    again = f"mxproof verify {prefix} {' '.join(options)} --seed 0 --samples 4"
    why = f"MXNet is not installed here. Where MXNet is: {again}"
    result = convert(*options, "--verify")
    assert (result.code, result.err) == (2, f"mxproof convert: --verify: {why}\n")
    assert names(out) == []
    result = convert(*options)
    assert (result.code, result.err) == (0, "")
    assert f"not proven: {why}" in result.out.splitlines()
    assert "Not proven: MXNet is not installed here." in (out / "small.md").read_text()


def test_where_the_interpreter_has_no_mxnet(convert: Convert, out: Path) -> None:
    """--mxnet-python asks for a proof; what stops it is an error, and the files are written."""
    python = ("--mxnet-python", out.parent / "none")
    assert convert("--verify", *python).code == 2
    assert names(out) == []
    result = convert(*python)
    assert result.code == 1
    assert "small: written, but not proven: the proof could not be made: " in result.err
    assert "--mxnet-python" in result.err


@pytest.mark.parametrize("sides", [(28, 28), (28, 24)])
def test_a_dense_layer_that_fixes_the_inputs_size(
    run: Run, tmp_path: Path, mxnet: MxnetProcess, sides: Tuple[int, int]
) -> None:
    """A square is found; of another picture height and width cannot be told apart, so the size is
    asked for, and what is named works."""
    net, head = face(*sides)
    save_checkpoint(tmp_path / "face", net.symbol(head), net.arrays)
    command = ("convert", tmp_path / "face", "-o", tmp_path / "out", "--to", "onnx")
    result = run(*command)
    if sides[0] != sides[1]:
        assert (result.code, (tmp_path / "out").exists()) == (2, False)
        assert "--no-verify" in result.err
        assert "Symbol and parameters" not in result.err and "mxproof verify" not in result.err
        fitting = re.findall(r"data=1x3x(\d+)x(\d+)", result.err)
        assert sides in [tuple(map(int, sizes)) for sizes in fitting]
        height, width = fitting[0]
        result = run(*command, "--input", f"data=Nx3x{height}x{width}")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("proven equal to MXNet, layer by layer\n")


def test_folded_files_are_proven(succeed: Succeed, tmp_path: Path, mxnet: MxnetProcess) -> None:
    """The layers that are left, and the outputs; the record says so, and what it cost."""

    def build(net: Any, x: Any) -> Any:
        x = net.batch_norm("bn", net.convolution("conv", x, 3, 8), 8, fix_gamma=False)
        x = net.layer("Activation", "relu", x, act_type="relu")
        x = net.batch_norm("bn2", x, 8, fix_gamma=False)
        return net.convolution("conv2", x, 8, 8, kernel=(1, 1), pad=(0, 0))

    prefix, out = saved(tmp_path / "small", build), tmp_path / "out"
    said = succeed("convert", prefix, "-o", out, "--fuse")
    assert "2 of 2 batch norms folded\n" in said
    assert "as a multiple of MXNet's own in float32: onnx " in said
    record = json.loads((out / "small.proof.json").read_text())
    assert "have no result of their own" in record["fused"]
    for target in record["targets"].values():
        assert [layer["name"] for layer in target["layers"]] == ["bn", "relu", "conv2"]
    assert "Batch norms are folded in this network" in (out / "small.md").read_text()


def test_a_wrong_fold_is_caught(
    run: Run, tmp_path: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padding taken for nothing: the error that folding before a convolution invites."""

    def build(net: Any, x: Any) -> Any:
        return net.convolution("conv", net.batch_norm("bn", x, 3, fix_gamma=False), 3, 4)

    prefix, out = saved(tmp_path / "small", build), tmp_path / "out"
    arguments = ("convert", prefix, "-o", out, "--fuse", "--to", "pytorch")
    with monkeypatch.context() as patch:
        patch.setattr(fusing, "_pads", lambda operator: False)
        patch.setattr(fusing, "LOSS", np.inf)
        result = run(*arguments)
    assert (result.code, "'conv'" in result.err, names(out)) == (1, True, [])
    assert run(*arguments).code == 0


def rounded(params: Dict[str, Any]) -> Dict[str, Any]:
    return {n: np.float32(np.float16(a)) for n, a in params.items() if a.dtype == "f"}


@pytest.mark.parametrize("target", ["onnx", "pytorch"])
def test_weights_that_were_rounded_after_the_fold_are_caught(
    convert: Convert, out: Path, mxnet: MxnetProcess, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """In the shipped file alone: the float64 proof looks at numbers before they are rounded."""
    ship(monkeypatch, rounded)
    result = convert("--fuse", "--to", target)
    assert (result.code, "float32 error" in result.err, names(out)) == (1, True, [])
    assert "tensors are not those that were judged in float64, rounded: " in result.err


@pytest.mark.parametrize("name", ["mnet.25", "cifar_resnet20_v1", "cifar_resnet20_v2"])
def test_real_networks_fold(samples_dir: Path, run: Run, out: Path, name: str) -> None:
    """As exact as MXNet: the outputs' error is at most 1.5 times MXNet's own.

    PyTorch's kernels begin with the bias on some processors (those without AVX-512), and round at
    its magnitude after each of the 27 products of these networks' first layers (see `folded`).
    """
    code, said, err = run("convert", samples_dir / name, "-o", out, "--fuse")
    assert code == 0, err
    (line,) = [text for text in said.splitlines() if text.startswith("folding: ")]
    parts = dict(part.rstrip(".").split() for part in line.split(": ")[2].split(","))
    ratios = {target: float(ratio) for target, ratio in parts.items()}
    assert ratios.keys() == {"onnx", "pytorch"}
    assert ratios["onnx"] <= 1.5
    assert ratios["pytorch"] <= 1.5 * np.sqrt(27)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedParametersWarning)  # mnet.25 has some
        assert fuse(load_checkpoint(samples_dir / name))[1].folded
