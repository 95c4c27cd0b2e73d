"""Bad input: exit code 2, one paragraph that names it and says what to do, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from converters import save_checkpoint
from converters.params import save_params
from tests.converters.networks import Network, small_resnet

from .conftest import Run, names

Damage = Callable[[str], Any]  # takes the prefix


def nothing(prefix: str) -> None:
    pass


def remove(suffix: str) -> Damage:
    return lambda prefix: Path(prefix + suffix).unlink()


def write(suffix: str, data: bytes) -> Damage:
    return lambda prefix: Path(prefix + suffix).write_bytes(data)


def truncate(prefix: str) -> None:
    path = Path(f"{prefix}-0000.params")
    path.write_bytes(path.read_bytes()[:-100])


def parameters(**changed: Any) -> Damage:
    """Other arrays; None takes one away."""

    def damage(prefix: str) -> None:
        arrays = {**small_resnet()[0].arrays, **changed}
        kept = {name: array for name, array in arrays.items() if array is not None}
        save_params(f"{prefix}-0000.params", kept)

    return damage


def symbol(**changed: Any) -> Damage:
    """Attributes of all nodes that have them."""

    def damage(prefix: str) -> None:
        path = Path(f"{prefix}-symbol.json")
        document = json.loads(path.read_text())
        for node in document["nodes"]:
            if "attrs" in node:
                node["attrs"].update(changed)
        path.write_text(json.dumps(document))

    return damage


def network(build: Callable[[Network, Any], Any], **inputs: Any) -> Damage:
    def damage(prefix: str) -> None:
        net = Network()
        head = build(net, net.variable("data"))
        save_checkpoint(prefix, net.symbol(head), net.arrays)

    return damage


def unsupported(net: Network, x: Any) -> Any:
    x = net.layer("Custom", "mine", x, op_type="secret")
    x = net.layer("Activation", "line\nbreak", x, act_type="gelu")
    return net.layer("Activation", "act", x, act_type="relu", mystery=1)


def given(*texts: str) -> List[str]:
    return [part for text in texts for part in ("--input", text)]


MALFORMED = (
    *("1x3x8x8", "data", "data=", "=1x3", "data=0x3x8x8", "data=-1x3x8x8", "data=1,3,8,8"),
    *("data=1x3x8.5x8", "data=1x3x8x8x", "data=1x\u00b2x8x8", "data=1x" + "9" * 11),
)
SYMBOL, PARAMS = "-symbol.json", "-0000.params"
#: What is wrong -> how it comes about, options, what is said of it (in this order).
BAD: Dict[str, Tuple[Damage, List[str], List[str]]] = {
    "no symbol": (remove(SYMBOL), [], ["small-symbol.json: no such file", "."]),
    "no parameters": (remove(PARAMS), [], ["small-0000.params: no such file", "Put the param"]),
    "another epoch": (nothing, ["--epoch", "3"], ["small-0003.params", "0000", "--epoch"]),
    "cut off": (truncate, [], ["small-0000.params: truncated", "Copy or download it again"]),
    "empty": (write(PARAMS, b""), [], ["small-0000.params: 0 bytes", "again"]),
    "garbage": (write(PARAMS, b"x" * 99), [], ["0000.params: starts with 0x7878", "Give the file"]),
    "no JSON": (write(SYMBOL, b"{"), [], ["small-symbol.json: is not JSON", "Give the"]),
    "no text": (write(SYMBOL, b"\xff"), [], ["small-symbol.json: is no text"]),
    "other JSON": (write(SYMBOL, b"{}"), [], ["symbol.json: is JSON but no symbol", "Give the"]),
    "no object": (write(SYMBOL, b"[1]"), [], ["symbol.json: is JSON but no symbol"]),
    "a missing parameter": (
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
        [],
        ["'fc_weight' is float64 (1 of 13 are); supported: all", "Cast"],
    ),
    "unsupported operators": (
        network(unsupported),
        given("data=1x3"),
        ["Custom 'mine'", "Activation 'line\\nbreak': act_type='gelu'; supported", "mystery='1'"],
    ),
    "unsupported by the second target": (
        lambda prefix: None,
        ["--to", "pytorch", "--to", "onnx", "--opset", "99"],
        ["opset 99; supported: 13 to"],
    ),
    "an attribute that is no number": (
        symbol(eps="many"),
        [],
        ["BatchNorm", "eps='many'; supported"],
    ),
    "a shape that nobody knows": (
        network(lambda net, x: net.layer("Activation", "act", x, act_type="relu")),
        [],
        ["'data'", "--input data=Nx3xHxW"],
    ),
    "too few channels": (nothing, given("data=1x2x8x8"), ["'conv0_weight'", "1x2x8x8", "--input"]),
    "too few axes": (nothing, given("data=1x3x8"), ["conv0", "takes 4 dimensions, got 1x3x8"]),
    "too small": (
        network(lambda net, x: net.convolution("conv", x, 3, 2, kernel=(7, 7), pad=(0, 0))),
        given("data=1x3x5x5"),
        ["'conv'", "size 5", "give a larger input"],
    ),
    "an unknown input": (nothing, given("image=1x3x8x8"), ["--input image", "it has: data"]),
    **{
        f"malformed {text}": (nothing, given(text), [f"--input {text}: write", "1x3x224x224"])
        for text in MALFORMED
    },
    "an old opset": (nothing, ["--opset", "12"], ["opset 12; supported: 13 to 2"]),
    "a new opset": (nothing, ["--opset", "99"], ["opset 99; supported: 13 to 2"]),
}


@pytest.mark.parametrize("existing", [True, False], ids=["over files", "into a new folder"])
@pytest.mark.parametrize("bad", BAD)
def test_convert_refuses(run: Run, prefix: Path, tmp_path: Path, bad: str, existing: bool) -> None:
    damage, options, fragments = BAD[bad]
    damage(str(prefix))
    out = tmp_path / "out"
    if existing:
        out.mkdir()
        (out / "small.onnx").write_bytes(b"what was there before")
    code, said, err = run("convert", prefix, "-o", out, *options)
    assert (code, said) == (2, "")
    assert err.startswith("mxproof convert: ")
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    assert "Traceback" not in err
    position = 0
    for fragment in fragments:
        assert fragment in err[position:]
        position = err.index(fragment, position)
    assert names(out) == (["small.onnx"] if existing else [])
    assert not existing or (out / "small.onnx").read_bytes() == b"what was there before"
    assert out.exists() == existing
    assert names(tmp_path) == sorted(["model", *(["out"] if existing else [])])


@pytest.mark.parametrize("inside", ["", "deeper/still"])
def test_an_output_folder_that_cannot_be(
    run: Run, prefix: Path, tmp_path: Path, inside: str
) -> None:
    (tmp_path / "file").write_text("mine")
    code, out, err = run("convert", prefix, "-o", tmp_path / "file" / inside)
    assert (code, out) == (2, "")
    assert "file is a file. Name a folder.\n" in err
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == ["file", "model"]


@pytest.mark.parametrize("bad", ["no symbol", "cut off", "unsupported operators", "no JSON"])
@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_other_commands_refuse(run: Run, prefix: Path, command: str, bad: str) -> None:
    """Before MXNet is even started."""
    damage, options, fragments = BAD[bad]
    damage(str(prefix))
    code, out, err = run(command, prefix, *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"mxproof {command}: ")
    assert err.count("\n") == 1
    assert fragments[0] in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mxnet-python", "/nowhere/python"], "/nowhere/python: cannot be started"),
        (["--json", "/nowhere/proof.json"], "--json /nowhere/proof.json: there is no such folder"),
        (["--html", "/nowhere/a.html"], "--html /nowhere/a.html: there is no such folder"),
        (["--markdown", "/"], "--markdown /: is a folder. Name a file."),
    ],
)
def test_verify_refuses(run: Run, prefix: Path, options: List[str], said: str) -> None:
    code, out, err = run("verify", prefix, *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"mxproof verify: {said}")
    assert err.count("\n") == 1


def test_too_little_memory(run: Run, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 224. GiB")

    monkeypatch.setattr("mxproof.cli.inspect.load_subject", fail)
    said = "mxproof inspect: not enough memory: Unable to allocate 224. GiB. Give a smaller --input"
    assert run("inspect", prefix) == (2, "", f"{said}.\n")
