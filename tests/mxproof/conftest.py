"""The command line, run in this process, and a checkpoint for it."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, NamedTuple

import pytest

from converters import save_checkpoint
from mxproof.cli import main
from tests.converters.networks import small_resnet

from .browser import browser_type_launch_args, reader

__all__ = ["browser_type_launch_args", "reader"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


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
def prefix(tmp_path: Path) -> Path:
    net, head = small_resnet()
    (tmp_path / "model").mkdir()
    save_checkpoint(tmp_path / "model" / "small", net.symbol(head), net.arrays)
    return tmp_path / "model" / "small"


def names(folder: Path) -> List[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
