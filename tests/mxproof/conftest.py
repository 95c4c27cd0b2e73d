"""The command line, run in this process, and a checkpoint for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple

import pytest

from converters import save_checkpoint
from mxproof.cli import main
from tests.converters.networks import small_resnet

from .browser import Browser, find


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one."""
    path = find()
    if path is None:
        reason = "needs Chromium: install it, or name it by the environment variable CHROME"
        if os.environ.get("MXPROOF_REQUIRE_BROWSER"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with Browser(path) as running:
        yield running
