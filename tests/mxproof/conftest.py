"""The command line, run in this process, and a checkpoint for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, NamedTuple

import pytest

from converters import save_checkpoint
from fixtures.networks import Network, small_resnet
from mxproof.cli import main
from mxproof.runtimes.mxnet.client import MxnetProcess

from .browser import browser_type_launch_args, reader

__all__ = ["browser_type_launch_args", "reader"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]
Succeed = Refuse = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], shared_mxnet: None) -> Run:
    """main() in this process; what argparse ends counts as its exit code."""

    def call(*arguments: object) -> Result:
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def succeed(run: Run) -> Succeed:
    """Arguments of a command that must do its work -> its output; it warns of nothing."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, err) == (0, ""), err
        return out

    return call


@pytest.fixture
def refuse(run: Run) -> Refuse:
    """Arguments that a command must refuse -> the one paragraph that it prints."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"mxproof {arguments[0]}: ")
        assert (err.count("\n"), err[-1]) == (1, "\n")
        return err

    return call


@pytest.fixture(scope="session")
def runtimes(mxnet: MxnetProcess) -> None:
    """Skip where MXNet or the runtime of a target is missing."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return saved_resnet(tmp_path / "model" / "small")


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small network, converted once for all tests: they only read it."""
    folder = tmp_path_factory.mktemp("converted")
    small = saved_resnet(folder / "model" / "small")
    assert main(["convert", str(small), "-o", str(folder), "--quiet", "--no-verify"]) == 0
    return folder


def saved_resnet(prefix: Path, **changed: Any) -> Path:
    """The small network's checkpoint; with other arrays, or without those that are None."""
    net, head = small_resnet()
    arrays = {name: a for name, a in {**net.arrays, **changed}.items() if a is not None}
    prefix.parent.mkdir(exist_ok=True)
    save_checkpoint(prefix, net.symbol(head), arrays)
    return prefix


def saved(prefix: Path, build: Callable[[Network, Any], Any]) -> Path:
    """The checkpoint of a network.

    Args:
        build: (network, its input) -> its output, or several.
    """
    net = Network()
    heads = build(net, net.variable("data"))
    symbol = net.symbol(*heads) if isinstance(heads, list) else net.symbol(heads)
    save_checkpoint(prefix, symbol, net.arrays)
    return prefix


def activation(net: Network, x: Any, name: str = "act") -> Any:
    """A network of one layer, which takes any shape."""
    return net.layer("Activation", name, x, act_type="relu")


def names(folder: Path) -> List[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
