"""`python -m lab bisect` names what was planted, in real processes."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List

import pytest

from converters import save_checkpoint
from fixtures.networks import Network
from lab.bisect.search import GREEN, RED, UNKNOWN, Outcome
from mxproof.cli.common import BAD_INPUT, FAILED, PROVEN

from .conftest import COMMENT, Run, plant

SHAPE = ("--input", "data=1x3x16x16", "--samples", 2, "--no-proof", "--to")
LEVEL = ("--bad-optimisation", "disabled")
ONE_THREAD = ("--good-threads", 1, "--bad-threads", 1)  # several wait for the last of them
#: Changes of the converters: a file, what is replaced in it, and by what.
EPSILON = ("operators/normalization.py", "epsilon=self.eps", "epsilon=1e-3")
BROKEN = ("__init__.py", "from ._version", "import nothing_of_the_kind\nfrom ._version")
SLOW = (
    "pytorch/exporter.py",
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


def bisected(run: Run, folder: Path, *arguments: object) -> Dict[str, Any]:
    """The record of a bisection that named something; the files of both sides are in `folder`."""
    words: List[object] = ["--markdown", folder / "md", "--json", folder / "found.json"]
    for option, name in (("--good", "green"), ("--bad", "red")):
        words += [option, folder / name] if (folder / name).exists() else []
    result = run("bisect", *arguments, *words)
    assert result.code == PROVEN, result.out + result.err
    record: Dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    for target in record["targets"].values():
        assert " ".join(result.out.split()).count(" ".join(target["sentence"].split())) == 1
        assert target["sentence"] in (folder / "md").read_text(encoding="utf-8")
        assert target["without_causes"] == "green"
    return record


def lock(folder: Path, name: str, **versions: object) -> None:
    text = "".join(f"{package}=={number}\n" for package, number in versions.items())
    (folder / name).write_text(text, encoding="utf-8")


def test_an_optimisation_level(run: Run, prefix: Path, repository: Path, tmp_path: Path) -> None:
    """A commit that changes nothing and a package that nothing uses are not blamed."""
    lock(tmp_path, "green", tqdm=1)
    lock(tmp_path, "red", tqdm=2)
    commits = plant(repository, *COMMENT)
    record = bisected(run, tmp_path, prefix, *SHAPE, "onnx", *LEVEL, *commits)
    found = record["targets"]["onnx"]
    assert list(found["changes"]) == ["optimisation", "revision"]
    assert found["causes"] == [["optimisation"]]
    assert record["notes"] == ["not swapped, because nothing here uses it: tqdm 1 -> 2"]
    assert "| good | green | the same outputs |" in (tmp_path / "md").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_a_commit_by_the_proof(
    run: Run, mxnet: Any, prefix: Path, repository: Path, tmp_path: Path
) -> None:
    """What only rounds otherwise is not blamed."""
    commits = plant(repository, *EPSILON)
    options = (*SHAPE[:4], "--to", "onnx", *LEVEL, *commits)
    found = bisected(run, tmp_path, prefix, *options)["targets"]["onnx"]
    assert found["causes"] == [["revision"]]
    assert found["red_means"].startswith("Red means that the proof fails")
    notes = {tuple(t["from_bad"]): t["note"] for t in found["tried"]}
    assert "output 'relu0'" in notes["revision",]
    assert notes["optimisation",].startswith("outputs differ")
    assert "relu0" not in notes["optimisation",]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("change", "target", "options", "causes", "note"),
    [
        (EPSILON, "onnx", LEVEL, [["optimisation"], ["revision"]], "outputs differ by"),
        (BROKEN, "onnx", ("--bad-threads", 1), [["revision"]], "No module named 'nothing_of_the"),
        (
            *(SLOW, "pytorch", ("--what", "speed", "--seconds", 1, *ONE_THREAD)),
            *([["revision"]], " times as long ("),
        ),
    ],
    ids=["both by their outputs", "converters that stop", "slower"],
)
def test_a_commit(
    change: Any,
    target: str,
    options: Any,
    causes: Any,
    note: str,
    run: Run,
    prefix: Path,
    repository: Path,
    tmp_path: Path,
) -> None:
    commits = plant(repository, *change)
    record = bisected(run, tmp_path, prefix, *SHAPE, target, *options, *commits)
    found = record["targets"][target]
    assert found["causes"] == causes
    assert note in found["tried"][1]["note"]


@pytest.mark.nightly
def test_an_older_onnxruntime(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Between two lock files; another package differs as well. Environments are built for real."""
    if not request.config.getoption("--installs"):
        pytest.skip("installs packages, hundreds of megabytes: --installs, as the nightly run does")
    older = {"onnxruntime": "1.24.4", "safetensors": "0.6.2"}
    lock(tmp_path, "green", **{package: version(package) for package in older})
    lock(tmp_path, "red", **older)
    options = ("--weights", "seeded", "--no-proof", "--to", "onnx")
    found = bisected(run, tmp_path, "resnet18", *options)["targets"]["onnx"]
    assert list(found["changes"]) == ["safetensors", "onnxruntime"]
    assert found["causes"] == [["onnxruntime"]]


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

    monkeypatch.setattr("lab.bisect.command.numbers_judge", lambda *args: ("Red.", judge))
    result = run("bisect", prefix, *SHAPE, "onnx", "--bad-threads", 1, *LEVEL)
    assert result.code == code
    assert said in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bad", "none.txt"), "none.txt"),
        (("--bad-threads", "0"), "--bad-threads=0 is not supported; use all|"),
        (("--good-revision", "nothing"), "'nothing': not a commit in ."),
        (("--tolerance", "nan"), "--tolerance nan: use a number from 0 to 1"),
        ((), "nothing to attribute: the environments differ in nothing"),
        (LEVEL, "nothing to attribute: the environments differ"),
    ],
)
def test_refused(run: Run, prefix: Path, arguments: Any, said: str) -> None:
    """The optimisation level is onnxruntime's alone."""
    result = run("bisect", prefix, *SHAPE, "pytorch", *arguments)
    assert result.code == BAD_INPUT
    assert said in result.err
