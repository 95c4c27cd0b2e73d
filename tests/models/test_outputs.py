"""The final output, as its user gets it, on a real photograph or clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, List

import numpy as np
import pytest

from mxproof.proof.judge import check
from mxproof.proof.outputs.agreement import DIFFERS, TopK, differences, top_k
from mxproof.proof.outputs.final import prove_outputs
from mxproof.reports.record import output
from mxproof.reports.terminal import against_limit
from mxproof.runtimes.base import Array, Layer
from mxproof.zoo.models import I3D

from .conftest import Case


def test_outputs(
    case: Case,
    target: str,
    precision: str,
    record_property: Callable[[str, object], None],
    hand_in: Callable[..., None],
) -> None:
    truth = case.pictured
    candidate = case.candidate(target, precision)
    actual = candidate.run(truth.inputs)
    assert len(actual) == len(case.outputs)
    found, settled = prove_outputs(candidate, truth, case.subject.graph), True
    for name, value in zip(case.outputs, actual):
        if name in case.subject.graph.anchored:  # judged as a layer
            continue
        result = truth.check(name, "output", value, precision)
        max_abs, max_rel = differences(value, getattr(truth[name], precision))
        record_property(
            "mxproof",
            {
                "model": case.name,
                "runtime": candidate.name,
                "precision": precision,
                "max absolute error": f"{max_abs:.2e}",
                "max relative error": f"{max_rel:.2e}",
                "output error (limit)": against_limit(result),
            },
        )
        alike = all(top.verdict != DIFFERS for top in tops_of(value, truth[name], precision))
        settled &= result.problem is None and not result.magnified and alike
    problems: List[str] = []
    if not settled:  # what rounding may do there, and each layer by itself, decide
        proof, truth = case.closer(target)
        found, problems = proof.output, proof.explain(case.name) if not proof.passed else []
        tops = [t for n, v in zip(case.outputs, actual) for t in tops_of(v, truth[n], precision)]
        problems += [f"{case.name}/{target}: {t.note}" for t in tops if t.verdict == DIFFERS]
    if precision == "float32":
        hand_in(case, target=target, output=output(found))
    assert not problems, "; ".join(problems)


def tops_of(value: Array, truth: Layer, precision: str) -> List[TopK]:
    """The largest of each sample, and the five largest."""
    return [top_k(value, truth, precision, k) for k in (1, 5)]


ALONE = """
import importlib.util, sys
import torch
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
emitted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(emitted)
foreign = {"mxnet", "mxproof", "converters", "fixtures", "safetensors", "onnx", "pickle5"}
model = emitted.load()
torch.manual_seed(0)
clips = torch.randn(5, 3, 16, 112, 112)
with torch.inference_mode():
    result = model(clips)
assert not foreign & set(sys.modules), foreign & set(sys.modules)
assert not any(name.startswith("mxproof") for name in sys.modules)
import numpy
numpy.savez(sys.argv[2], clips=clips.numpy(), result=result.numpy())
"""


@pytest.mark.models(I3D)
def test_five_clips_with_torch_alone(case: Case, tmp_path: Path) -> None:
    """The emitted module in a process without mxproof: (5, 3, 16, 112, 112) -> (5, 400)."""
    found = tmp_path / "five.npz"
    command = [sys.executable, "-I", "-c", ALONE, str(case.paths["pytorch"]), str(found)]
    subprocess.run(command, check=True, cwd=tmp_path)
    with np.load(found) as stored:
        inputs, result = {"data": stored["clips"]}, stored["result"]
    assert result.shape == (5, 400)
    truth = case.reference.run(inputs, "float64")[0]
    reference = Layer("output", truth, case.reference.run(inputs, "float32")[0])
    others = case.candidate("onnx", "float32").run(inputs)
    for name, value in (("pytorch", result), ("onnxruntime", others[0])):
        outcome = check("output", value, reference, "float32")
        assert outcome.problem is None, f"{name}: {outcome.problem}"
