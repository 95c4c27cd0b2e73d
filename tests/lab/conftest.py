"""The laboratory's commands, run in this process; and commits for them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

from lab.__main__ import PROGRAM
from mxproof.cli import MXPROOF, execute
from tests.mxproof.conftest import Result, Run, names, prefix

__all__ = ["Result", "Run", "names", "prefix"]

ROOT = Path(__file__).parents[2]
#: A change of the converters that changes nothing: a file, what is replaced in it, and by what.
COMMENT = ("__init__.py", "from ._version", "# a comment\nfrom ._version")


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


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """This checkout's converters, beside something else."""
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "converters", folder / "converters", ignore=ignored)
    (folder / "README.md").touch()
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as it is")
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def plant(repository: Path, file: str, old: str, new: str) -> List[object]:
    """Commit a change of the converters; returns the options that compare it with what was."""
    path = repository / "converters" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "planted")
    return ["--repository", repository, "--good-revision", "HEAD~1", "--bad-revision", "HEAD"]
