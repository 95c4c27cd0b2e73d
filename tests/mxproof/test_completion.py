"""Completion, by the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from mxproof.cli import MXPROOF

from .conftest import Refuse, Succeed

# What bash does when the tab key is pressed behind these words.
PRESS_TAB = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
compopt() { :; }
$(complete -p mxproof | sed 's/.*-F \\([^ ]*\\).*/\\1/') mxproof "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}, which is not installed")
    return path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["con"], ["convert"]),
        (["convert", "--ops"], ["--opset"]),
        (["convert", "--to", ""], ["onnx", "pytorch"]),
        (["convert", "model/sm"], ["model/small-0000.params", "model/small-symbol.json"]),
        (["convert", "-o", ""], ["model"]),
        (["verify", "--weights", "see"], ["seeded"]),
        (["completion", "b"], ["bash"]),
    ],
    ids=" ".join,
)
def test_bash(
    succeed: Succeed, prefix: Path, tmp_path: Path, words: List[str], offered: List[str]
) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(succeed("completion", "bash"), encoding="utf-8")
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", PRESS_TAB, "-", str(script), "mxproof", *words],
        cwd=prefix.parents[1],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(set(done.stdout.split())) == offered


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_reads_it(succeed: Succeed, tmp_path: Path, name: str) -> None:
    script = tmp_path / "script"
    out = succeed("completion", name)
    assert all(command in out for command in MXPROOF.commands)
    script.write_text(out, encoding="utf-8")
    done = subprocess.run([shell(name), "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_shtab(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    said = "mxproof completion: shtab is not installed here: pip install 'mxproof[completion]'.\n"
    assert refuse("completion", "bash") == said
