"""The laboratory's commands, run in this process."""

from __future__ import annotations

import pytest

from lab.__main__ import PROGRAM
from mxproof.cli import MXPROOF, execute
from tests.mxproof.conftest import Result, Run, names, prefix

__all__ = ["Result", "Run", "names", "prefix"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command of the laboratory or of mxproof; what argparse ends counts as its exit code."""

    def call(*arguments: object) -> Result:
        words = [str(a) for a in arguments]
        try:
            code = execute(PROGRAM if words[0] in PROGRAM.commands else MXPROOF, words)
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capsys.readouterr())

    return call
