"""The command line without MXNet: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import numpy as np
import onnx
import pytest

from converters import __version__, save_checkpoint
from converters.params import save_params
from tests.converters.networks import Network, small_resnet

from .conftest import Result, Run, names

ROOT = Path(__file__).parents[2]


def test_convert(run: Run, prefix: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = run("convert", prefix, "-o", out, "--no-verify")
    written = ["small.onnx", "small.py", "small.safetensors", "small.md"]
    said = "".join(f"wrote {out / name}\n" for name in written)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{said}not proven: --no-verify was given. ")
    assert names(out) == sorted(written)
    model = onnx.load(out / "small.onnx")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 21)]
    assert run("convert", prefix, "-o", out, "--no-verify").code == 0, "again, over its own files"


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (["--to", "onnx"], ["small.onnx"]),
        (["--to", "pytorch"], ["small.py", "small.safetensors"]),
        (["--to", "onnx", "--to", "onnx"], ["small.onnx"]),
    ],
)
def test_convert_to(
    run: Run, prefix: Path, tmp_path: Path, options: List[str], written: List[str]
) -> None:
    assert run("convert", prefix, "-o", tmp_path / "out", "--no-verify", *options).code == 0
    assert names(tmp_path / "out") == ["small.md", *written]


@pytest.mark.parametrize("opset", [13, 24])
def test_convert_with_options(run: Run, prefix: Path, tmp_path: Path, opset: int) -> None:
    options = ("--opset", opset, "--input", "data=Bx3x8xW", "--to", "onnx", "--quiet")
    options = (*options, "--no-verify")
    assert run("convert", prefix, "-o", tmp_path, *options) == (0, "", "")
    model = onnx.load(tmp_path / "small.onnx")
    assert model.opset_import[0].version == opset
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["B", 3, 8, "W"]


def test_convert_an_epoch(run: Run, prefix: Path, tmp_path: Path) -> None:
    os.rename(f"{prefix}-0000.params", f"{prefix}-0012.params")
    assert run("convert", prefix, "-o", tmp_path, "--epoch", 12, "--no-verify").code == 0


def test_convert_by_name(run: Run, tmp_path: Path) -> None:
    result = run("convert", "resnet18", "--weights", "seeded", "-o", tmp_path, "--no-verify")
    assert result.code == 0
    written = [f"resnet18{suffix}" for suffix in (".md", ".onnx", ".py", ".safetensors")]
    assert names(tmp_path) == written
    assert "weights: seeded; seed 0" in result.out


def test_inspect(run: Run, prefix: Path) -> None:
    code, out, err = run("inspect", prefix)
    assert (code, err) == (0, "")
    for word in ("unit2_conv1", "Convolution", "data=Nx3xHxW", "softmax=Nx5", "softmax_label"):
        assert word in out
    assert "small-0000.params" in out
    assert run("inspect", prefix, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    "name", ["[/]", "[red]x", ":smile:", "\x1b[2J", "a\nb", "\ud800", "\u202e"]
)
def test_names_are_shown_as_they_are(run: Run, tmp_path: Path, name: str) -> None:
    """No markup, no emoji, no control codes: what cannot be printed is escaped."""
    net = Network()
    x = net.layer("Activation", name, net.variable("data"), act_type="relu")
    net.arrays[name] = np.zeros(3, np.float32)
    save_checkpoint(tmp_path / "net", net.symbol(x), {"unused": net.arrays[name]})
    code, out, err = run("inspect", tmp_path / "net", "--input", "data=1x3")
    assert code == 0
    assert all(c.isprintable() or c == "\n" for c in out + err)
    assert not name.isprintable() or name in out


def test_parameters_that_nobody_reads_are_listed(run: Run, prefix: Path, tmp_path: Path) -> None:
    net, _ = small_resnet()
    extra = {"orphan": np.zeros(3, np.float32), "[bold]": np.zeros(3, np.float32)}
    save_params(f"{prefix}-0000.params", {**net.arrays, **extra})
    code, _, err = run("convert", prefix, "-o", tmp_path / "out", "--quiet", "--no-verify")
    assert code == 0
    assert re.fullmatch(r"warning: .*0000\.params: 2 parameters .* \[bold\], orphan\.\n", err)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "convert",
            "--to -o --output-dir --output --epoch --opset --input --input-type --float16 --weights"
            " --quiet",
        ),
        ("verify", "--to --epoch --input --seed --samples --json --mxnet-python --quiet"),
        ("inspect", "--epoch --input --weights"),
    ],
)
def test_help(run: Run, command: str, options: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    described = re.split(r"\n(?=  -)", out)[1:]
    for option in options.split():
        (text,) = [d for d in described if re.match(rf"  (-\w .*)?{option}(?![-\w])", d)]
        assert len(text.split()) > 4, f"{option} is not explained"
    assert "CHECKPOINT" in out
    assert "model/resnet-50-symbol.json" in out.replace("\n" + 24 * " ", "")


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"mxproof {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["transmogrify"], "transmogrify"),
        (["convert"], "CHECKPOINT"),
        (["convert", "x", "--to", "keras"], "keras"),
        (["convert", "x", "--opset", "new"], "new"),
        (["convert", "x", "--epoch", "last"], "last"),
        (["verify", "x", "--samples", "0"], "'0' is no whole number of 1 or more"),
        (["verify", "x", "--seed", "-1"], "'-1' is no whole number of 0 or more"),
    ],
)
def test_usage(run: Run, arguments: List[str], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def python_m(*arguments: object, **environment: str) -> Result:
    command = [sys.executable, "-m", "mxproof", *map(str, arguments)]
    env = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_as_a_program(prefix: Path, tmp_path: Path) -> None:
    assert python_m("--version") == (0, f"mxproof {__version__}\n", "")
    code, out, err = python_m("convert", tmp_path / "none")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"mxproof convert: \S+none-symbol\.json: no such file\. .*\n", err)
    code, out, err = python_m("inspect", prefix, PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert "unit1_bn1" in out


def test_a_name_that_the_terminal_lacks(tmp_path: Path) -> None:
    net = Network()
    x = net.layer("Activation", "\u5c42", net.variable("data"), act_type="relu")
    save_checkpoint(tmp_path / "net", net.symbol(x), {})
    options = ("--input", "data=1x3")
    result = python_m("inspect", tmp_path / "net", *options, PYTHONIOENCODING="ascii")
    assert (result.code, result.err) == (0, "")
    assert "\\u5c42" in result.out
