"""The command line without MXNet: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, List

import numpy as np
import onnx
import pytest

from converters import __version__
from mxproof.cli import MXPROOF, joined
from mxproof.cli.common import words_of

from .conftest import Result, Run, Succeed, activation, names, saved

ROOT = Path(__file__).parents[2]


PYTORCH = ["small.py", "small.safetensors"]


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ([], ["small.onnx", *PYTORCH]),
        (["--to", "onnx", "--to", "onnx"], ["small.onnx"]),
        (["--to", "pytorch", "--epoch", "12"], PYTORCH),
    ],
)
def test_convert(
    succeed: Succeed, prefix: Path, tmp_path: Path, options: List[str], written: List[str]
) -> None:
    if "--epoch" in options:
        os.rename(f"{prefix}-0000.params", f"{prefix}-0012.params")
    out, files = tmp_path / "new" / "folder", [*written, "small.md"]
    said = "".join(f"wrote {out / name}\n" for name in files)
    for _ in range(2):  # the second time over its own files
        found = succeed("convert", prefix, "-o", out, "--no-verify", *options)
        assert found.startswith(f"{said}not proven: --no-verify was given. ")
        assert names(out) == sorted(files)


@pytest.mark.parametrize(
    ("options", "opset", "shape"),
    [
        ([], 21, ["N", 3, "H", "W"]),
        (["--opset", "13", "--input", "data=Bx3x8xW"], 13, ["B", 3, 8, "W"]),
    ],
)
def test_an_opset_and_a_shape(
    succeed: Succeed, prefix: Path, tmp_path: Path, options: List[str], opset: int, shape: List[Any]
) -> None:
    common = ("--to", "onnx", "--quiet", "--no-verify")
    assert succeed("convert", prefix, "-o", tmp_path, *options, *common) == ""
    model = onnx.load(tmp_path / "small.onnx")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == shape


def test_inspect(succeed: Succeed, prefix: Path) -> None:
    out = succeed("inspect", prefix)
    for word in ("unit2_conv1", "Convolution", "data=Nx3xHxW", "softmax=Nx5", "softmax_label"):
        assert word in out
    assert "small-0000.params" in out
    assert succeed("inspect", prefix, "--quiet") == ""


@pytest.mark.parametrize(
    "name", ["[/]", "[red]x", ":smile:", "\x1b[2J", "a\nb", "\ud800", "\u202e"]
)
def test_names_are_shown_as_they_are(run: Run, tmp_path: Path, name: str) -> None:
    """No markup, no emoji, no control codes: what cannot be printed is escaped."""

    def build(net: Any, x: Any) -> Any:
        net.arrays["unused"] = np.zeros(3, np.float32)
        return net.layer("Activation", name, x, act_type="relu")

    code, out, err = run("inspect", saved(tmp_path / "net", build), "--input", "data=1x3")
    assert code == 0
    assert all(c.isprintable() or c == "\n" for c in out + err)
    assert not name.isprintable() or name in out


@pytest.mark.parametrize("command", ["convert", "verify", "inspect", "record"])
def test_help(succeed: Succeed, command: str) -> None:
    """Every option is explained."""
    out = succeed(command, "--help")
    explained = {d.split()[0]: d for d in re.split(r"\n(?=  -)", out)[1:]}
    assert {"--epoch", "--input", "--output", "--weights", "--quiet"} <= explained.keys()
    short = ("-h,", "-o")
    assert all(len(d.split()) > 4 for option, d in explained.items() if option not in short)
    assert "CHECKPOINT" in out
    assert "model/resnet-50-symbol.json" in out.replace("\n" + 24 * " ", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["transmogrify"], "transmogrify"),
        (["convert", "x", "--epoch", "last"], "last"),
        (["verify", "x", "--samples", "0"], "'0' is no whole number of 1 or more"),
        (["verify", "x", "--seed", "-1"], "'-1' is no whole number of 0 or more"),
    ],
)
def test_usage(run: Run, arguments: List[str], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_a_name_may_begin_with_a_dash() -> None:
    words = ["verify", "m", "--input", "-x=1x3", "--layers", "-q"]
    assert joined(words) == ["verify", "m", "--input=-x=1x3", "--layers", "-q"]


@pytest.mark.parametrize(
    ("words", "said_again"),
    [
        ("verify m --quiet --epoch 0 --weights auto --json f --layers", "verify m --epoch 0"),
        (
            "verify --input b=1 --image a.png b.png --size 3x4 --mean=-1,2,3 --to onnx m --scale "
            "1/4 --to pytorch --input a=2 --epoch 3 --seed 0 --budgets rows",
            "verify m --to onnx --to pytorch --epoch 3 --input b=1 --input a=2 --seed 0 --budgets "
            "rows --image a.png b.png --size 3x4 --scale 0.25 --mean=-1.0,2.0,3.0",
        ),
        (
            "convert m -o out --fuse --no-verify --opset 14 --pth",
            "convert m --opset 14 --fuse --no-verify",
        ),
        ("tables --views 3 m n", "tables m n --views 3"),
    ],
)
def test_a_command_is_printed_again(words: str, said_again: str) -> None:
    """What reproduces a run is what the parser reads as the same, less defaults and reports."""

    def parsed(text: str) -> argparse.Namespace:
        command, *_ = text.split()
        return MXPROOF.parser(command).parse_args(text.split())

    command, *expected = said_again.split()
    found = words_of(command, parsed(words))
    assert found == expected
    assert words_of(command, parsed(" ".join([command, *found]))) == found


def python_m(*arguments: object, **environment: str) -> Result:
    command = [sys.executable, "-m", "mxproof", *map(str, arguments)]
    env = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_as_a_program(tmp_path: Path) -> None:
    """With a terminal that lacks a layer's name."""
    assert python_m("--version") == (0, f"mxproof {__version__}\n", "")
    code, out, err = python_m("convert", tmp_path / "none")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"mxproof convert: \S+none-symbol\.json: no such file\. .*\n", err)
    prefix = saved(tmp_path / "net", partial(activation, name="\u5c42"))
    code, out, err = python_m("inspect", prefix, "--input", "data=1x3", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert "\\u5c42" in out
