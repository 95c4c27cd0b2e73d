"""What is drawn while work goes on: on a terminal, in colours unless they are unwanted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-79]|9[0-7]|38;)[0-9;]*m")

if os.name != "posix":
    pytest.skip("needs pseudo-terminals, which POSIX systems have", allow_module_level=True)


def on_a_terminal(*arguments: object, **environment: str) -> Tuple[int, str]:
    """Exit code, and all that the command line writes to a terminal of its own."""
    ours, theirs = os.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    kept.update({"TERM": "xterm-256color", "COLUMNS": "120", **environment})
    command: List[str] = [sys.executable, "-m", "mxproof", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=kept)
    os.close(theirs)
    parts: List[bytes] = []
    with suppress(OSError):  # the other end is closed: all is read
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    os.close(ours)
    return process.wait(timeout=60), b"".join(parts).decode(errors="replace")


CONVERT = ("convert", "--no-verify", "-o")


def test_layers_are_counted(prefix: Path, tmp_path: Path) -> None:
    """Unless that is unwanted, or nobody watches."""
    code, seen = on_a_terminal(*CONVERT, tmp_path, prefix)
    assert code == 0
    assert "small: converting to" in seen
    assert re.search(r"\d+ of 13", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen))
    code, seen = on_a_terminal(*CONVERT, tmp_path, prefix, "--quiet")
    assert (code, re.sub(r"\x1b\[\?25[hl]", "", seen)) == (0, "")
    command = [sys.executable, "-m", "mxproof", *CONVERT, tmp_path, prefix]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr, "\x1b" in done.stdout) == (0, "", False)


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_off_when_asked(
    tmp_path: Path, environment: Dict[str, str], coloured: bool
) -> None:
    """A progress bar has colours; so has a table's verdict."""
    options = ("--weights", "seeded", "--to", "pytorch")
    code, seen = on_a_terminal(*CONVERT, tmp_path, "resnet18", *options, **environment)
    assert code == 0
    assert bool(COLOUR.search(seen)) == coloured
