"""`.ci/nightly` with a made-up `tox` around a real judge, and the workflow that calls it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import pytest

from lab.nightly.readers import STEPS

from .conftest import names
from .nightly_runs import green_results, write
from .test_nightly_history import ONE, entries, without_one

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "nightly"
WORKFLOW = ROOT / ".github" / "workflows" / "nightly.yml"

#: Steps leave what was put into $MADE/results; the judge is the real one.
TOX = f"""#!/usr/bin/env bash
set -euo pipefail
echo "$*" >> "$MADE/log"
case "$*" in
    *"pip freeze"*) cat "$MADE/results/versions.txt"; exit ;;
    *"lab nightly"*) shift 4; exec "{sys.executable}" "$@" ;;
esac
folder="" last=""
for word in "$@"; do
    case "$word" in --report=*) folder="${{word#--report=}}" ;; esac
    case "$last" in --json | --result-json) folder="$(dirname "$word")" ;; esac
    last="$word"
done
cp "$MADE/results/$(basename "$folder")"/* "$folder"
exit "$(cat "$MADE/exit-$(basename "$folder")" 2> /dev/null || echo 0)"
"""
#: Stands for `python3.11 -m venv DIR`, and for what is in it.
PYTHON = """#!/usr/bin/env bash
set -euo pipefail
[ "$1 $2" = "-m venv" ] || exit 9
mkdir -p "$3/bin"
printf '#!/usr/bin/env bash\\n' | tee "$3/bin/pip" > "$3/bin/python"
chmod +x "$3"/bin/*
"""


class Machine:
    """Where .ci/nightly runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, folder / "made"
        write(self.made / "results", green_results())
        for name, text in (("tox", TOX), ("python3.11", PYTHON)):
            (self.made / name).write_text(text)
            (self.made / name).chmod(0o700)

    def nightly(self, *options: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.made}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(SCRIPT), *options],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "MADE": str(self.made)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def log(self) -> str:
        return (self.made / "log").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if sys.platform == "win32":
        pytest.skip("needs bash")
    return Machine(tmp_path)


def test_a_run_in_jobs(machine: Machine) -> None:
    """Shards as jobs of their own, then all else with the verdict; and two more runs."""
    for part in ("1/2", "2/2"):
        done = machine.nightly("--steps", "zoo", "--shard", part)
        assert done.returncode == 0, done.stderr
    steps = "models,docs,mutation,declarations,latency,calibration,matrix,judge"
    rest = ("--steps", steps, "--only", "resnet18")
    done = machine.nightly(*rest, "--demand", "models,zoo")
    assert done.returncode == 0, done.stderr + done.stdout
    results, history = machine.folder / "nightly-results", machine.folder / "nightly-history"
    assert names(results) == [
        *("calibration", "declarations", "docs", "judgement.json", "latency", "matrix", "models"),
        "mutation",
        *("summary.md", "trends.html", "versions.txt", "zoo-1-of-2", "zoo-2-of-2"),
    ]
    assert [entry["verdict"] for entry in entries(history)] == ["green"]
    step = json.loads((results / "zoo-2-of-2" / "step.json").read_text())
    assert step["exit"] == 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", step["began"])
    assert (history / "green" / "versions.txt").read_text().startswith("torch==2.13.0\n")
    for command in (
        "pytest -m nightly or not nightly --report=\\S+/models tests/models --weights pretr",
        "pytest -m nightly or not nightly .* tests/zoo --zoo all .* --splits 2 --group 2",
        "python -m lab mutation resnet18 --sites 2 --seed 0 --json",
        "python -m tests.operators.mutation --share 0.25 --json \\S+/declarations.json",
        "mxproof bench resnet18 --weights pretrained --against mxnet --json",
        "-m matrix --result-json",
    ):
        assert re.search(command, machine.log()), command

    write(machine.made / "results", without_one())
    done = machine.nightly(*rest)
    assert done.returncode == 1 and f"vanished: {ONE}" in done.stderr
    assert f"--against {history}/green/latency/latency.json" in machine.log()
    assert "Red: vanished (1)" in (results / "summary.md").read_text()
    write(machine.made / "results", {"versions.txt": "torch==2.14.0\n"})
    assert machine.nightly(*rest, "--accept", "no more of it").returncode == 0
    assert re.search("--against /\\S+/control/bin/python", machine.log()), "another torch"
    assert [entry["verdict"] for entry in entries(history)] == ["green", "red", "green"]


def test_a_step_that_fails_does_not_stop_the_others(machine: Machine) -> None:
    (machine.made / "exit-models").write_text("3")
    done = machine.nightly("--steps", "models,mutation", "--weights", "seeded")
    assert done.returncode == 1
    assert names(machine.folder / "nightly-results") == ["models", "mutation"]
    done = machine.nightly("--steps", "judge", "--demand", "models,docs")
    assert done.returncode == 1
    assert "step models: models: no case explains its exit code 3" in done.stderr
    assert "broken step: step docs: left nothing" in done.stderr
    (machine.made / "exit-models").write_text("0")
    assert machine.nightly("--steps", "models").returncode == 0


@pytest.mark.parametrize(
    "options", [("--moon",), ("--steps", "moon"), ("--steps",), ("--shard", "2of8")]
)
def test_refusals(options: Tuple[str, ...], machine: Machine) -> None:
    done = machine.nightly(*options)
    assert done.returncode == 2 and ".ci/nightly: " in done.stderr
    assert names(machine.folder) == ["made"]


def test_the_workflow_is_the_shell_command(machine: Machine) -> None:
    """Every step is run, all parts of the zoo are, and the judge waits for all and demands all."""
    text = WORKFLOW.read_text(encoding="utf-8")
    steps = re.findall(r"- steps?: (\S+)", text)
    assert sorted(",".join(steps).split(",")) == sorted([*STEPS, *["zoo"] * 7])
    shards = re.findall(r"shard: (\d)/8", text)
    assert shards == list("12345678")
    assert re.findall(r"DEMAND: (\S+)", text) == [",".join(STEPS)]
    assert f"{', '.join(STEPS)}, judge" in machine.nightly("--help").stdout
