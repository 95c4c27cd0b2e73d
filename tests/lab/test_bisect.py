"""`python -m lab bisect` names what was planted: each factor for real, in processes of its own."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List

import pytest

from converters import save_checkpoint
from mxproof.cli.common import BAD_INPUT, PROVEN
from tests.converters.networks import Network

from .conftest import Result, Run
from .test_drift_environments import git

ROOT = Path(__file__).parents[2]
SHAPE = ("--input", "data=1x3x16x16", "--samples", 2)
EPSILON = ('"BatchNormalization", data', "epsilon=self.eps", "epsilon=1e-3")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A batch norm behind a convolution: onnxruntime folds it, and rounds otherwise."""
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 8)
    x = net.batch_norm("bn0", x, 8, eps=2e-5, fix_gamma=False)
    x = net.layer("Activation", "relu0", x, act_type="relu")
    save_checkpoint(tmp_path / "net", net.symbol(x), net.arrays)
    return tmp_path / "net"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """This checkout's converters, and a commit on top that takes another epsilon."""
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "converters", folder / "converters", ignore=ignored)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as it is")
    path = folder / "converters" / "ops" / "normalization.py"
    text = path.read_text(encoding="utf-8")
    start = text.index(EPSILON[0])
    changed = text[:start] + text[start:].replace(*EPSILON[1:], 1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    git(folder, "commit", "-q", "-a", "-m", "the usual epsilon")
    return folder


def bisected(run: Run, tmp_path: Path, *arguments: object) -> Dict[str, Any]:
    """The record of a bisection that named something."""
    result = run("bisect", *arguments, "--json", tmp_path / "found.json")
    assert result.code == PROVEN, result.out + result.err
    record: Dict[str, Any] = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    for target in record["targets"].values():
        assert " ".join(result.out.split()).count(" ".join(target["sentence"].split())) == 1
    return record


def causes(record: Dict[str, Any]) -> Dict[str, List[List[str]]]:
    return {target: found["causes"] for target, found in record["targets"].items()}


def test_another_optimisation_level(
    run: Run, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """A commit that changes nothing differs as well, and is not blamed."""
    git(repository, "revert", "--no-edit", "HEAD")
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx",
        "--bad-optimisation", "disabled", "--repository", repository,
        "--good-revision", "HEAD", "--bad-revision", "HEAD~2",
    )  # fmt: skip
    found = record["targets"]["onnx"]
    assert found["factors"] == ["optimisation", "revision"]
    assert causes(record) == {"onnx": [["optimisation"]]}
    assert found["needed"] == ["optimisation"]
    assert found["without_causes"] == "green"


def test_a_commit_of_the_converters(
    run: Run, mxnet: Any, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """By the proof: what moves bits only is not blamed. PyTorch's side is not touched."""
    record = bisected(
        run, tmp_path, prefix, *SHAPE,
        "--bad-optimisation", "disabled", "--repository", repository,
        "--good-revision", "HEAD~1", "--bad-revision", "HEAD",
    )  # fmt: skip
    assert causes(record) == {"onnx": [["revision"]]}
    found = record["targets"]["onnx"]
    assert found["red_means"].startswith("Red is what fails the proof")
    notes = [t["note"] for t in found["tried"] if t["from_bad"] == ["revision"]]
    assert "BatchNorm 'bn0' in float64" in notes[0]
    assert "pytorch: nothing to attribute" in record["nothing_to_attribute"][0]


def test_a_commit_and_a_level_by_their_outputs(
    run: Run, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """Without MXNet both are seen, each by itself."""
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx",
        "--bad-optimisation", "disabled", "--repository", repository,
        "--good-revision", "HEAD~1", "--bad-revision", "HEAD",
    )  # fmt: skip
    assert causes(record) == {"onnx": [["optimisation"], ["revision"]]}
    sizes = {tuple(t["from_bad"]): t["size"] for t in record["targets"]["onnx"]["tried"]}
    assert sizes["revision",] > 100 * sizes["optimisation",]


def test_a_tolerance_leaves_the_large_one(
    run: Run, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx", "--tolerance", "1e-5",
        "--bad-optimisation", "disabled", "--repository", repository,
        "--good-revision", "HEAD~1", "--bad-revision", "HEAD",
    )  # fmt: skip
    assert causes(record) == {"onnx": [["revision"]]}


def test_converters_that_stop(run: Run, prefix: Path, repository: Path, tmp_path: Path) -> None:
    """A folder of sources that does not even import is a drift, and has a name."""
    broken = tmp_path / "broken"
    shutil.copytree(repository / "converters", broken / "converters")
    (broken / "converters" / "__init__.py").write_text("import nothing_of_the_kind\n")
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--bad-revision", broken,
        "--bad-optimisation", "disabled",
    )  # fmt: skip
    assert causes(record) == {"onnx": [["revision"]], "pytorch": [["revision"]]}
    notes = [t["note"] for t in record["targets"]["onnx"]["tried"]]
    assert "convert: ModuleNotFoundError: No module named 'nothing_of_the_kind'" in notes


def test_threads_and_pytorch(run: Run, prefix: Path) -> None:
    """Optimisation is onnxruntime's: PyTorch's environments do not differ."""
    result = run("bisect", prefix, *SHAPE, "--to", "pytorch", "--bad-optimisation", "basic")
    assert result.code == BAD_INPUT
    assert "pytorch: nothing to attribute: the environments differ in nothing" in result.err


def test_nothing_drifted(run: Run, prefix: Path, repository: Path) -> None:
    git(repository, "revert", "--no-edit", "HEAD")
    result = run(
        "bisect", prefix, *SHAPE, "--no-proof", "--to", "onnx", "--repository", repository,
        "--bad-revision", "HEAD",
    )  # fmt: skip
    assert result.code == BAD_INPUT
    assert "nothing to attribute: both give the same outputs" in result.err
    assert "--what speed" in result.err


def test_the_good_one_is_the_bad_one(run: Run, mxnet: Any, prefix: Path, repository: Path) -> None:
    result = run(
        "bisect", prefix, *SHAPE, "--to", "onnx", "--repository", repository,
        "--good-revision", "HEAD", "--bad-revision", "HEAD~1",
    )  # fmt: skip
    assert result.code == BAD_INPUT
    assert "the good environment fails the proof" in result.err
    assert "Exchange them" in result.err


def test_an_environment_that_cannot_be_made(run: Run, prefix: Path, tmp_path: Path) -> None:
    """A lock file names a Python that is not there; nothing is fetched."""
    lock = tmp_path / "red.txt"
    lock.write_text("# mxproof: python=/no/such/python\nnumpy==1.0\n", encoding="utf-8")
    result = run("bisect", prefix, *SHAPE, "--no-proof", "--to", "onnx", "--bad", lock)
    assert result.code == BAD_INPUT
    assert "the bad environment cannot be made: /no/such/python" in result.err


def test_what_else_differs_is_said(run: Run, prefix: Path, tmp_path: Path) -> None:
    installed = f"onnxruntime=={version('onnxruntime')}\n"
    for name, text in (("green", f"{installed}tqdm==1\n"), ("red", f"{installed}tqdm==2\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx",
        "--good", tmp_path / "green", "--bad", tmp_path / "red", "--bad-optimisation", "disabled",
    )  # fmt: skip
    assert record["notes"] == ["not swapped, for nothing here uses it (--also does): tqdm 1 -> 2"]


def test_the_record_of_a_proof(run: Run, mxnet: Any, prefix: Path, tmp_path: Path) -> None:
    """As `mxproof verify` writes it."""
    path = tmp_path / "green.json"
    proven = run("verify", prefix, *SHAPE, "--to", "onnx", "--json", path)
    assert proven.code == PROVEN, proven.err
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx", "--good", path,
        "--bad-optimisation", "disabled",
    )  # fmt: skip
    found = record["targets"]["onnx"]
    assert found["factors"] == ["optimisation"]
    assert found["good"]["onnxruntime"] == version("onnxruntime")


def test_the_table_as_markdown(run: Run, prefix: Path, tmp_path: Path) -> None:
    path = tmp_path / "found.md"
    bisected(
        run, tmp_path, prefix, *SHAPE, "--no-proof", "--to", "onnx",
        "--bad-optimisation", "disabled", "--markdown", path,
    )  # fmt: skip
    text = path.read_text(encoding="utf-8")
    assert "| good | green | the same outputs |" in text
    assert "graph optimisation all -> disabled explains it: nothing else differs." in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bad", "none.txt"), "none.txt"),
        (("--bad-threads", "0"), "--bad-threads: threads=0: supported: all, or a number"),
        (("--good-revision", "nothing"), "neither a folder that holds converters/, nor a commit"),
        (("--tolerance", "nan"), "is no number from 0 to 1"),
        (("--json", "no/such/folder/x.json"), "there is no such folder"),
        ((), "nothing to attribute: the environments differ in nothing"),
    ],
)
def test_refused(run: Run, prefix: Path, arguments: Any, said: str) -> None:
    result: Result = run("bisect", prefix, *SHAPE, "--no-proof", *arguments)
    assert result.code == BAD_INPUT
    assert said in result.err
