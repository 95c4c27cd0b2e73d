"""The controls that candidates are compared with: another Python's runtimes, MXNet, or a
baseline."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from converters.ir.shapes import Shape, show

from ..errors import UsageError
from ..runtimes.base import RuntimeFailure
from .converted_model import ConvertedModel
from .decision import TestPlan
from .gate import Benchmark
from .timing import TimingTarget, target_of

Row = Dict[str, Any]


@dataclass(frozen=True)
class Control:
    """The other side of a comparison.

    Attributes:
        name: "mxnet", "python" (another one's runtimes), or "itself" for calibration.
        target: (model, runtime) -> what the model in this runtime is timed against.
        baseline: decisions of an earlier run, as its JSON has them, whose ratios are to be kept.
    """

    name: str
    target: Callable[[ConvertedModel, str], TimingTarget]
    baseline: Sequence[Row] = ()

    def benchmark(
        self,
        model: ConvertedModel,
        runtime: str,
        plan: TestPlan,
        given: Optional[Mapping[str, Shape]] = None,
    ) -> Benchmark:
        """The model in a runtime against this control, on all cores, at batch size one."""
        inputs = model.inputs(given=given or model.subject.gate_shapes)
        targets = model.target(runtime), self.target(model, runtime)
        benchmark = Benchmark(model.name, *targets, inputs, self.name, plan)
        for row in self.baseline:
            if all(row[key] == value for key, value in benchmark.identity.items()):
                expected = {"expected": row["measured"], "expected_error": row["error"]}
                benchmark.plan = replace(plan, **expected)
        return benchmark


def control_of(
    against: str, mxnet_python: Optional[str] = None, options: Sequence[str] = ()
) -> Control:
    """The control that `--against` names: "mxnet", a baseline, or a Python.

    Args:
        options: of `mxproof convert`, beside inputs: how the checkpoints are read here.

    Raises:
        UsageError: it is a file that is no baseline.
    """
    if against != "mxnet" and not against.endswith(".json"):
        return Control("python", partial(_other_python, against, options))
    baseline = () if against == "mxnet" else _read_baseline(against)
    return Control("mxnet", lambda model, _: model.target("mxnet", mxnet_python), baseline)


def _read_baseline(path: str) -> Sequence[Row]:
    try:
        rows: List[Row] = json.loads(Path(path).read_text(encoding="utf-8"))["decisions"]
        for row in rows:
            row.update(measured=float(row["measured"]), error=float(row["error"]))
            [row[key] for key in ("name", "control", "input", "cpu", "cores")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"--against {path}: holds no decisions ({error!r}). A baseline is written by "
            "`mxproof bench --against mxnet --json FILE`."
        ) from None
    return rows


def _other_python(
    python: str, options: Sequence[str], model: ConvertedModel, runtime: str
) -> TimingTarget:
    """The same runtime there; with the files that its mxproof writes, if it has one.

    Raises:
        RuntimeFailure: its mxproof cannot convert the model.
    """
    subject, target = model.subject, target_of(runtime)
    ours = model.paths[target]
    path = ours.parent / "control" / f"{subject.files.name}{ours.suffix}"
    if path.exists():
        return TimingTarget(runtime, path, python)
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["convert", str(subject.files.linked(path.parent / "checkpoint"))]
    for variable in subject.graph.inputs:
        if variable.shape is not None:
            command += ["--input", f"{variable.name}={show(variable.shape)}"]
    command += [*options, "--to", target, "-o", str(path.parent), "--no-verify", "--quiet"]
    try:  # -I: what that Python has installed, and nothing from this folder
        command = [python, "-I", "-m", "mxproof", *command]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeFailure(
            f'{python}: cannot be started: {error.strerror}. --against takes "mxnet", a baseline '
            "(FILE.json) or the path of a Python."
        ) from error
    said = found.stderr.strip()
    if found.returncode and said.endswith("No module named mxproof"):
        return TimingTarget(runtime, ours, python)
    if found.returncode:
        raise RuntimeFailure(
            f"{python}: its mxproof does not convert {model.name}: {said[-300:]} "
            "Name an environment without mxproof to compare runtimes alone."
        )
    return TimingTarget(runtime, path, python)
