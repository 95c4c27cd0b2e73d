"""`mxproof verify --repro DIR`."""

from __future__ import annotations

import runpy
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List
from unittest.mock import Mock

import pytest

from converters import Graph, load_checkpoint, save_checkpoint
from fixtures.networks import small_resnet
from mxproof.cli import verify as command
from mxproof.proof import verify as module
from mxproof.proof.trace import ReferenceTrace
from mxproof.reproducers import writer
from mxproof.runtimes.registry import TARGETS, convert

from .conftest import Run, names
from .test_cli_verify import BLAMED, with_wrong_epsilon
from .test_repro import replay_both

pytestmark = pytest.mark.usefixtures("runtimes")

HINT = "for a reproducer: "
EMPTY = ReferenceTrace({}, ())

Verify = Callable[..., Any]


@pytest.fixture
def verify(run: Run) -> Verify:
    options = ("--quiet", "--input", "data=2x3x8x6", "--samples", "1")
    return lambda *arguments: run("verify", *arguments, *options)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "convert", with_wrong_epsilon)


def test_it_says_how_to_replay(verify: Verify, prefix: Path, tmp_path: Path, faulty: None) -> None:
    out = tmp_path / "it's here" / "repro"
    code, _, err = verify(prefix, "--repro", out)
    assert code == 1
    *paragraphs, first, second = err.splitlines()
    assert all(f"BatchNorm '{BLAMED}' introduced" in p for p in paragraphs if "float64" in p)
    folders = [f"small-{target}-{BLAMED}" for target in TARGETS]
    assert names(out) == folders
    for folder, line in zip(folders, (first, second)):
        test = out / folder / f"test_{folder.replace('-', '_')}.py"
        assert line == f"replay: pytest {shlex.quote(str(test))}"
        assert test.is_file()
    with pytest.raises(AssertionError, match=f"BatchNorm '{BLAMED}': "):
        runpy.run_path(shlex.split(first)[2])[writer.TEST]()


def test_it_says_how_to_get_one(
    run: Run, verify: Verify, prefix: Path, tmp_path: Path, faulty: None, monkeypatch: Any
) -> None:
    code, _, err = verify(prefix, "--to", "onnx", "--seed", "3")
    assert code == 1
    line = err.splitlines()[-1]
    assert line.startswith(f"{HINT}mxproof verify {shlex.quote(str(prefix))} --to onnx ")
    assert "--input data=2x3x8x6 --seed 3 --samples 1 " in line
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line[len(HINT) :])
    code, _, err = run(*words[1:])
    assert code == 1
    test = f"{words[-1]}/small-onnx-{BLAMED}/test_small_onnx_{BLAMED}.py"
    assert err.splitlines()[-1] == f"replay: pytest {test}"
    again = " ".join(words[:-2])
    assert again in (tmp_path / test).read_text()


def test_a_proof_writes_nothing(verify: Verify, prefix: Path, tmp_path: Path) -> None:
    assert verify(prefix, "--to", "onnx", "--repro", tmp_path / "out") == (0, "", "")
    assert not (tmp_path / "out").exists()


def reorder_outputs(graph: Graph, target: str, folder: Path) -> List[Path]:
    return convert(replace(graph, outputs=graph.outputs[::-1]), target, folder)


@pytest.mark.parametrize("target", TARGETS)
def test_outputs_in_another_order(
    target: str, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No layer is wrong: the reproducer is the whole network."""
    net, head = small_resnet()
    save_checkpoint(tmp_path / "net", net.symbol(head, net.nodes[head[0]].inputs[0]), net.arrays)
    monkeypatch.setattr(module, "convert", reorder_outputs)
    code, _, err = verify(tmp_path / "net", "--to", target, "--repro", tmp_path / "out")
    assert code == 1
    last = err.splitlines()[-1]
    test = Path(shlex.split(last, comments=True)[2])
    assert test.parent == tmp_path / "out" / f"net-{target}-whole-network-float32"
    assert "  # the whole network: " in last
    graph = load_checkpoint(tmp_path / "net")
    right = convert(graph, target, tmp_path)[0]
    said = replay_both(test, lambda to: writer.CUTS[target](right, "float32", to, None, EMPTY))
    assert said.startswith("output 'softmax': ")


def test_a_file_is_refused_before_the_work(
    verify: Verify, prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Mock(side_effect=AssertionError("the work began"))
    monkeypatch.setattr(command, "load_for_run", begun)
    (tmp_path / "file").write_text("mine")
    for path in ("file", "file/below"):
        code, _, err = verify(prefix, "--repro", tmp_path / path)
        assert (code, err.count("\n")) == (2, 1)
        assert err.startswith(f"mxproof verify: --repro {tmp_path / path}: ")
        assert err.endswith("file is a file. Name a folder.\n")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_hides_no_proof(
    verify: Verify, prefix: Path, tmp_path: Path, faulty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Mock(side_effect=OSError(28, "No space left on device"))
    monkeypatch.setattr(writer, "save_layer", full)
    code, _, err = verify(prefix, "--to", "onnx", "--repro", tmp_path / "out")
    assert code == 1
    assert f"BatchNorm '{BLAMED}' introduced the first difference" in err
    assert err.splitlines()[-1] == "no reproducer: [Errno 28] No space left on device."
    assert names(tmp_path) == ["model"]
