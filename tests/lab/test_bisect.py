"""`python -m lab bisect` names what was planted, in real processes."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List

import pytest

from converters import save_checkpoint
from lab.bisect.search import GREEN, RED, UNKNOWN, Outcome
from mxproof.cli.common import BAD_INPUT, FAILED, PROVEN
from tests.converters.networks import Network

from .conftest import Run
from .test_bisect_environments import git

ROOT = Path(__file__).parents[2]
SHAPE = ("--input", "data=1x3x16x16", "--samples", 2, "--no-proof", "--to")
#: Changes of the converters: a file, what is replaced in it, and by what.
EPSILON = ("ops/normalization.py", "epsilon=self.eps", "epsilon=1e-3")
COMMENT = ("__init__.py", "from ._version", "# a comment\nfrom ._version")
BROKEN = ("__init__.py", "from ._version", "import nothing_of_the_kind\nfrom ._version")
SLOW = (
    "pytorch_module.py",
    "module.source.encode()",
    "module.source.replace('return x\\n', "
    "'__import__(\"time\").sleep(0.01)\\n        return x\\n').encode()",
)


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
    """This checkout's converters."""
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "converters", folder / "converters", ignore=ignored)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as it is")
    return folder


def plant(repository: Path, file: str, old: str, new: str) -> List[object]:
    """Commit a change of the converters; returns the options that compare it with what was."""
    path = repository / "converters" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "planted")
    return ["--repository", repository, "--good-revision", "HEAD~1", "--bad-revision", "HEAD"]


def bisected(run: Run, tmp_path: Path, *arguments: object) -> Dict[str, Any]:
    """The record of a bisection that named something."""
    result = run("bisect", *arguments, "--json", tmp_path / "found.json")
    assert result.code == PROVEN, result.out + result.err
    record: Dict[str, Any] = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    for target in record["targets"].values():
        assert " ".join(result.out.split()).count(" ".join(target["sentence"].split())) == 1
    return record


def test_an_optimisation_level(run: Run, prefix: Path, repository: Path, tmp_path: Path) -> None:
    """A commit that changes nothing and a package that nothing uses are not blamed."""
    commits = plant(repository, *COMMENT)
    for name, number in (("green", 1), ("red", 2)):
        text = f"onnxruntime=={version('onnxruntime')}\ntqdm=={number}\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
    record = bisected(
        run, tmp_path, prefix, *SHAPE, "onnx", "--bad-optimisation", "disabled", *commits,
        "--good", tmp_path / "green", "--bad", tmp_path / "red", "--markdown", tmp_path / "md",
    )  # fmt: skip
    found = record["targets"]["onnx"]
    assert list(found["changes"]) == ["optimisation", "revision"]
    assert found["causes"] == [["optimisation"]]
    assert found["without_causes"] == "green"
    assert record["notes"] == ["not swapped, because nothing here uses it: tqdm 1 -> 2"]
    text = (tmp_path / "md").read_text(encoding="utf-8")
    assert "| good | green | the same outputs |" in text
    assert "onnx: graph optimisation all -> disabled explains it." in text


def test_a_commit_by_the_proof(
    run: Run, mxnet: Any, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """What only rounds otherwise is not blamed."""
    record = bisected(
        run, tmp_path, prefix, *SHAPE[:4], "--to", "onnx", "--bad-optimisation", "disabled",
        *plant(repository, *EPSILON),
    )  # fmt: skip
    found = record["targets"]["onnx"]
    assert found["causes"] == [["revision"]]
    assert found["red_means"].startswith("Red means that the proof fails")
    notes = {tuple(t["from_bad"]): t["note"] for t in found["tried"]}
    assert "output 'relu0'" in notes["revision",]
    assert notes["optimisation",].startswith("outputs differ")
    assert "relu0" not in notes["optimisation",]


def test_a_commit_and_a_level_by_their_outputs(
    run: Run, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """Without MXNet both are seen, each by itself."""
    commits = plant(repository, *EPSILON)
    arguments = (prefix, *SHAPE, "onnx", "--bad-optimisation", "disabled", *commits)
    found = bisected(run, tmp_path, *arguments)["targets"]["onnx"]
    assert found["causes"] == [["optimisation"], ["revision"]]


def test_converters_that_stop(run: Run, prefix: Path, repository: Path, tmp_path: Path) -> None:
    commits = plant(repository, *BROKEN)
    record = bisected(run, tmp_path, prefix, *SHAPE, "onnx", *commits, "--bad-threads", 1)
    found = record["targets"]["onnx"]
    assert found["causes"] == [["revision"]]
    notes = [tried["note"] for tried in found["tried"]]
    assert "ModuleNotFoundError: No module named 'nothing_of_the_kind'" in notes


def test_a_commit_that_makes_it_slower(
    run: Run, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    commits = plant(repository, *SLOW)
    one_thread = ("--good-threads", 1, "--bad-threads", 1)  # several wait for the last of them
    options = ("--what", "speed", "--seconds", 1, *one_thread)
    record = bisected(run, tmp_path, prefix, *SHAPE, "pytorch", *options, *commits)
    assert record["targets"]["pytorch"]["causes"] == [["revision"]]
    assert " times as long (" in record["targets"]["pytorch"]["tried"][1]["note"]


def test_files_that_are_the_same_are_not_timed(run: Run, prefix: Path, repository: Path) -> None:
    commits = plant(repository, *COMMENT)
    result = run("bisect", prefix, *SHAPE, "onnx", "--what", "speed", *commits)
    assert result.code == BAD_INPUT
    assert "nothing to attribute" in result.err
    assert "the same file in the same runtime" in result.err


@pytest.mark.parametrize(
    ("alone", "code", "said"),
    [(UNKNOWN, FAILED, "could not be tried"), (GREEN, PROVEN, " with threads all -> 1 explain it")],
)
def test_exit_codes(
    run: Run, prefix: Path, monkeypatch: pytest.MonkeyPatch, alone: str, code: int, said: str
) -> None:
    """The change is there; what it takes may not be possible to tell."""

    def judge(environment: Any) -> Outcome:
        changed = (environment["optimisation"] != "all") + (environment["threads"] != "all")
        return Outcome([GREEN, alone, RED][changed], "seen")

    monkeypatch.setattr("lab.bisect.bisection.numbers_judge", lambda *args: ("Red.", judge))
    options = ("--bad-threads", 1, "--bad-optimisation", "basic")
    result = run("bisect", prefix, *SHAPE, "onnx", *options)
    assert result.code == code
    assert said in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bad", "none.txt"), "none.txt"),
        (("--bad-threads", "0"), "--bad-threads=0 is not supported; use all|"),
        (("--good-revision", "nothing"), "'nothing': not a commit in ."),
        (("--tolerance", "nan"), "--tolerance nan: use a number from 0 to 1"),
        (("--json", "no/such/folder/x.json"), "there is no such folder"),
        ((), "nothing to attribute: the environments differ in nothing"),
        (("--bad-optimisation", "basic"), "nothing to attribute: the environments differ"),
    ],
)
def test_refused(run: Run, prefix: Path, arguments: Any, said: str) -> None:
    """The optimisation level is onnxruntime's alone."""
    result = run("bisect", prefix, *SHAPE, "pytorch", *arguments)
    assert result.code == BAD_INPUT
    assert said in result.err
