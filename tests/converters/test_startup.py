"""Nothing is imported before it is needed: starting is fast, and each target needs its own only."""

import subprocess
import sys
from pathlib import Path
from typing import Set, Tuple

import pytest

from fixtures.networks import saved

HEAVY = {"onnx", "onnx_ir", "pooch", "safetensors", "sympy", "torch"}
PROGRAM = """
import runpy, sys, time
sys.argv = ["mxproof", *{words!r}]
try:
    runpy.run_module("mxproof", run_name="__main__")
finally:
    print("imported", *sys.modules, time.process_time(), file=sys.stderr)
"""


def imported(*words: str) -> Tuple[Set[str], float]:
    """What `mxproof WORDS` imports, and its seconds of CPU."""
    program = PROGRAM.format(words=words)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *modules, seconds = done.stderr.rpartition("imported")[2].split()
    return set(modules), float(seconds)


def test_version_is_printed_at_once() -> None:
    modules, seconds = imported("--version")
    assert not modules & {*HEAVY, "numpy", "rich"}
    assert seconds < 0.3


@pytest.mark.parametrize(
    ("target", "needed"), [("onnx", {"onnx", "onnx_ir", "sympy"}), ("pytorch", {"safetensors"})]
)
def test_a_target_imports_what_it_needs(target: str, needed: Set[str], tmp_path: Path) -> None:
    saved(tmp_path / "net")
    words = ("--to", target, "-o", str(tmp_path), "--no-verify", "--quiet")
    modules, _ = imported("convert", str(tmp_path / "net"), *words)
    assert modules & HEAVY == needed
