"""Bad input: exit code 2, one paragraph that names it and says what to do, and nothing written.

The messages of docs/errors.md are compared in full by tests/docs; here are those that it does not
show, and what a refusal leaves behind.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from fixtures.networks import Network

from .conftest import Refuse, names, saved, saved_resnet

Damage = Callable[[Path], Any]  # takes the prefix


def nothing(prefix: Path) -> None:
    pass


def write(suffix: str, data: bytes) -> Damage:
    return lambda prefix: Path(f"{prefix}{suffix}").write_bytes(data)


def truncate(prefix: Path) -> None:
    path = Path(f"{prefix}-0000.params")
    path.write_bytes(path.read_bytes()[:-100])


def parameters(**changed: Any) -> Damage:
    return lambda prefix: saved_resnet(prefix, **changed)


def wrong_epsilon(prefix: Path) -> None:
    path = Path(f"{prefix}-symbol.json")
    path.write_text(re.sub(r'("eps": )"[^"]+"', r'\1"many"', path.read_text()))


def unsupported(net: Network, x: Any) -> Any:
    x = net.layer("Custom", "mine", x, op_type="secret")
    x = net.layer("Activation", "line\nbreak", x, act_type="gelu")
    x = net.layer("Dropout", "drop", x, mode="always")
    return net.layer("Activation", "act", x, act_type="relu", mystery=1)


MALFORMED = (
    *("data", "data=", "=1x3", "data=0x3x8x8", "data=-1x3x8x8", "data=1,3,8,8"),
    *("data=1x3x8.5x8", "data=1x3x8x8x", "data=1x\u00b2x8x8", "data=1x" + "9" * 11),
)
SYMBOL, PARAMS = "-symbol.json", "-0000.params"
#: What is wrong -> how it comes about, options, what is said of it (in this order).
BAD: Dict[str, Tuple[Damage, List[str], List[str]]] = {
    "cut off": (truncate, [], ["small-0000.params: truncated", "Copy or download it again"]),
    "empty": (write(PARAMS, b""), [], ["small-0000.params: 0 bytes", "again"]),
    "no text": (write(SYMBOL, b"\xff"), [], ["small-symbol.json: is no text"]),
    "missing parameters": (
        parameters(fc_bias=None, conv0_weight=None),
        [],
        ["0000.params: missing 2 parameters", "conv0_weight, fc_bias", "do not belong together"],
    ),
    "a parameter's shape": (
        parameters(fc_weight=np.zeros((5, 9), np.float32)),
        [],
        ["'fc'", "'fc_weight' has shape 5x9", "5x4", "do not belong together"],
    ),
    "a parameter's type": (
        parameters(fc_weight=np.zeros((5, 4))),
        ["--float64"],
        ["'fc_weight' is float64 (1 of 13 are); supported with --float64: all"],
    ),
    "unsupported operators": (
        lambda prefix: saved(prefix, unsupported),
        ["--input", "data=1x3"],
        ["Custom 'mine'", "'line\\nbreak': act_type='gelu'; supp", "mode=always", "mystery='1'"],
    ),
    "unsupported by the second target": (
        nothing,
        ["--to", "pytorch", "--to", "onnx", "--opset", "99"],
        ["opset 99; supported: 13 to"],
    ),
    "an attribute that is no number": (wrong_epsilon, [], ["BatchNorm", "eps='many'; supported"]),
    "too few axes": (
        nothing,
        ["--input", "data=1x3x8"],
        ["conv0", "takes 4 dimensions, got 1x3x8"],
    ),
    **{
        text: (nothing, ["--input", text], [f"--input {text}: write", "1x3x"]) for text in MALFORMED
    },
}


@pytest.mark.parametrize("bad", BAD)
def test_convert_refuses(refuse: Refuse, prefix: Path, tmp_path: Path, bad: str) -> None:
    """Into a new folder, which is not made, and over files, which stay."""
    damage, options, fragments = BAD[bad]
    damage(prefix)
    out = tmp_path / "out"
    err = refuse("convert", prefix, "-o", out, *options)
    assert err.endswith(".\n")
    position = 0
    for fragment in fragments:
        assert fragment in err[position:]
        position = err.index(fragment, position)
    assert names(tmp_path) == ["model"]
    out.mkdir()
    (out / "small.onnx").write_bytes(b"what was there before")
    assert refuse("convert", prefix, "-o", out, *options) == err
    assert (out / "small.onnx").read_bytes() == b"what was there before"
    assert (names(out), names(tmp_path)) == (["small.onnx"], ["model", "out"])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux: nobody writes to /proc")
@pytest.mark.parametrize("option", ["-o /proc/out", "--log /proc/net.log"])
def test_a_folder_that_nothing_can_be_written_to(
    refuse: Refuse, prefix: Path, tmp_path: Path, option: str
) -> None:
    err = refuse("convert", prefix, "--no-verify", "-o", tmp_path / "out", *option.split())
    assert f"{option}: nothing can be written to /proc (" in err
    assert err.endswith("Name another folder.\n") and names(tmp_path) == ["model"]


def test_an_output_folder_in_a_file(refuse: Refuse, prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    err = refuse("convert", prefix, "-o", tmp_path / "file" / "deeper" / "still")
    assert err.endswith("file is a file. Name a folder.\n")
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == ["file", "model"]


@pytest.mark.parametrize(
    ("command", "bad"),
    [
        *(("inspect", bad) for bad in ("cut off", "no text")),
        *(("verify", bad) for bad in ("cut off", "unsupported operators", "no text")),
    ],
)
def test_other_commands_refuse(refuse: Refuse, prefix: Path, command: str, bad: str) -> None:
    """Before MXNet is even started."""
    damage, options, fragments = BAD[bad]
    damage(prefix)
    assert fragments[0] in refuse(command, prefix, *options)


def test_a_report_needs_a_file(refuse: Refuse, prefix: Path) -> None:
    said = "mxproof verify: --markdown /: is a folder. Name a file.\n"
    assert refuse("verify", prefix, "--markdown", "/") == said
