"""`.ci/nightly` with made-up environments around a real judge, and the workflow that calls it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from lab.nightly.results import STEPS
from mxproof.report.record import Json

from .conftest import names
from .nights import ONE, lines, whole_night, without, write

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "nightly"
WORKFLOW = ROOT / ".github" / "workflows" / "nightly.yml"

#: Stands for the Python that .ci/nightly makes its environments with, and for all in them: steps
#: leave what was put into $MADE, and the judge is the real one.
PYTHON = f"""#!/usr/bin/env bash
set -euo pipefail
[ "$1 $2" = "-m venv" ] || exit 9
mkdir -p "$3/bin"
cp "$0" "$3/bin/python"
printf '#!/usr/bin/env bash\\n' > "$3/bin/pip"
printf '#!/usr/bin/env bash\\nexec {sys.executable} -m mxproof "$@"\\n' > "$3/bin/mxproof"
cp "$MADE/tox" "$3/bin/tox"
chmod +x "$3"/bin/*
"""
TOX = """#!/usr/bin/env bash
set -euo pipefail
echo "$*" >> "$MADE/log"
folder="" last=""
for word in "$@"; do
    case "$word" in --report=*) folder="${word#--report=}" ;; esac
    case "$last" in --json | --result-json) folder="$(dirname "$word")" ;; esac
    if [ "$last" = --workdir ]; then
        mkdir -p "$word/nightly/bin"
        printf '#!/usr/bin/env bash\\ncat "$MADE/freeze"\\n' > "$word/nightly/bin/python"
        chmod +x "$word/nightly/bin/python"
    fi
    last="$word"
done
[ -n "$folder" ] || exit 0
cp "$MADE/$(basename "$folder")"/* "$folder"
rm "$folder/step.json"
exit "$(cat "$MADE/exit-$(basename "$folder")" 2> /dev/null || echo 0)"
"""
OURS = "models,zoo,faults,latency"


class Machine:
    """Where .ci/nightly runs, with environments that are made up."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, folder / "made"
        write(self.made, whole_night())
        for name, text in (("tox", TOX), ("python", PYTHON), ("freeze", "torch==2.13.0\nx==1\n")):
            (self.made / name).write_text(text)
            (self.made / name).chmod(stat.S_IRWXU)

    def night(self, *options: str) -> subprocess.CompletedProcess[str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        python = {"PYTHON": str(self.made / "python"), "MADE": str(self.made)}
        return subprocess.run(
            [str(SCRIPT), *options],
            cwd=self.folder,
            env={**own, **python, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )

    @property
    def log(self) -> List[str]:
        return (self.made / "log").read_text().splitlines()

    def history(self) -> List[Json]:
        return lines(self.folder / "nightly-history" / "history.jsonl")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if sys.platform == "win32":
        pytest.skip("needs bash")
    return Machine(tmp_path)


def test_the_shell_command(machine: Machine) -> None:
    """Shards as jobs of their own, then all else with the verdict; and a second night."""
    for part in ("1/2", "2/2"):
        done = machine.night("--steps", "zoo", "--shard", part)
        assert done.returncode == 0, done.stderr
    rest = ("--steps", "models,faults,latency,judge", "--only", "small", "--demand", OURS)
    rest += ("--faults", "--kind 'stride dropped'")
    done = machine.night(*rest)
    assert done.returncode == 0, done.stderr + done.stdout
    results = machine.folder / "nightly-results"
    assert names(results) == [
        *("faults", "latency", "models", "night.json", "nights.html", "summary.md"),
        *("zoo-1-of-2", "zoo-2-of-2"),
    ]
    step = json.loads((results / "zoo-2-of-2" / "step.json").read_text())
    assert (step["step"], step["shard"], step["exit"]) == ("zoo", "2/2", 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", step["began"])
    assert (results / "latency" / "versions.txt").read_text().startswith("torch==2.13.0\nx==1\n")
    log = "\n".join(machine.log)
    assert "pytest tests/zoo --zoo all -n auto --shard 2/2" in log
    assert "python -m lab mutation small --kind stride dropped --json" in log
    assert "pytest tests/models tests/mxproof/test_cost.py -k small --weights pretrained" in log
    assert "--baseline" not in log and "--control-python" not in log
    assert [n["verdict"] for n in machine.history()] == ["green"]

    (machine.made / "models" / "report.json").write_text(
        json.dumps(without(whole_night(), ONE)["models"]["report.json"])
    )
    done = machine.night(*rest)
    assert done.returncode == 1
    assert f"vanished: {ONE}" in done.stderr
    assert [n["verdict"] for n in machine.history()] == ["green", "red"]
    assert f"--baseline {machine.folder}/nightly-history/green/gate.json" in machine.log[-1]
    assert "Red: vanished (1)" in (results / "summary.md").read_text()

    (machine.made / "freeze").write_text("torch==2.14.0\nx==1\n")
    machine.night(*rest)
    assert "--control-python" in machine.log[-1], "a runtime changed since the last green night"


def test_a_step_that_fails_does_not_stop_the_others(machine: Machine) -> None:
    (machine.made / "exit-models").write_text("1")
    done = machine.night("--steps", "models,faults", "--weights", "seeded")
    assert done.returncode == 1
    assert names(machine.folder / "nightly-results") == ["faults", "models"]
    (machine.made / "exit-models").write_text("0")
    assert machine.night("--steps", "models").returncode == 0


def test_an_expected_case_that_is_not_there(machine: Machine) -> None:
    """Without --only it is a whole night: this project's own list holds."""
    done = machine.night("--steps", "models,judge")
    assert done.returncode == 1
    summary = (machine.folder / "nightly-results" / "summary.md").read_text()
    assert re.search(r"vanished: \d+\*\*", summary)
    assert re.search(r"vanished: tests/models/\S+\[\S+\]: is expected", done.stderr)


@pytest.mark.parametrize("options", [("--moon",), ("--steps", "moon"), ("--steps",)])
def test_the_shell_command_refuses_what_it_does_not_know(options: Any, machine: Machine) -> None:
    done = machine.night(*options)
    assert done.returncode == 2 and ".ci/nightly: " in done.stderr
    assert names(machine.folder) == ["made"]


def test_the_workflow_is_the_shell_command() -> None:
    """Every step is run, all parts of the zoo are, and the judge waits for all and demands all."""
    text = WORKFLOW.read_text(encoding="utf-8")
    ran = [s for given in re.findall(r"\.ci/nightly --steps (\S+)", text) for s in given.split(",")]
    assert sorted(ran) == sorted([*STEPS, "judge"])
    parts = json.loads(re.findall(r"shard: (\[.*\])", text)[0])
    assert re.findall(r"--shard \$\{\{ matrix.shard \}\}/(\d+)", text) == [str(len(parts))]
    assert parts == list(range(1, len(parts) + 1))
    jobs = re.findall(r"^  (\w+):\n(?:    needs.*\n)?(?:    .*\n)*?    runs-on", text, re.MULTILINE)
    assert sorted(re.findall(r"needs: \[(.*)\]", text)[0].split(", ")) == sorted(
        set(jobs) - {"judge"}
    )
    assert sorted(re.findall(r"DEMAND: (\S+)", text)[0].split(",")) == sorted(STEPS)


def test_the_shell_command_says_its_steps() -> None:
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert f"{', '.join(STEPS)}, judge" in done.stdout
