"""One mutant: converted, run, and judged as `mxproof verify` judges a conversion."""

from __future__ import annotations

import atexit
import copy
import tempfile
from functools import lru_cache, reduce
from operator import add
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import onnx

from converters import Graph
from mxproof.benchmark.timing import FORMS, TimingProcess, TimingTarget
from mxproof.compare import compare
from mxproof.evidence import stored
from mxproof.prover import Prover
from mxproof.runtimes.base import Array, Inputs, RuntimeFailure
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import Budgets
from mxproof.truth import Truth

from .mutant import Baseline, Mutant
from .oracles import alarms


class Verdict(NamedTuple):
    """
    Attributes:
        named: the layers that the proof names, in its order.
        refused: the error of a converter or a runtime that rejected the mutant.
    """

    killed: bool
    named: Tuple[str, ...] = ()
    refused: Optional[str] = None


def tried(
    baseline: Baseline, mutant: Mutant, target: str, *, oracles: bool = False
) -> Tuple[Verdict, Dict[str, bool]]:
    """Convert and judge.

    Returns:
        The proof's verdict, and (if they are wanted) oracle -> did it raise an alarm?

    Raises:
        RuntimeFailure: a runtime is missing, which proves nothing.
    """
    truths = truths_for(mutant, baseline)
    found = None
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        try:
            path = convert(mutant.graph, target, Path(folder))[0]
            if mutant.edit is not None:
                model = onnx.load(path)
                mutant.edit(model)
                onnx.save(model, path)
            if oracles:
                found = outputs_apart(path, target, [t.inputs for t in truths])
            verdict = judge(mutant.reference or baseline.graph, path, target, truths)
        except RuntimeFailure:
            raise
        except Exception as error:  # whatever a converter or a runtime rejects
            message = str(error).replace(f"{folder}/", "")
            named = (mutant.expected,) if repr(mutant.expected) in message else ()
            verdict = Verdict(True, named, f"{type(error).__name__}: {message}")
    return verdict, alarms(found, [t.outputs for t in truths]) if oracles else {}


@lru_cache(None)
def _process(runtime: str) -> TimingProcess:
    process = TimingProcess(TimingTarget(runtime, Path()))
    atexit.register(process.close)
    return process


def outputs_apart(path: Path, target: str, inputs: Sequence[Inputs]) -> Optional[List[List[Array]]]:
    """Run the float32 model as its user would, in a process that it may crash: onnxruntime
    divides by zero where a pooling's window is larger than its input, and dies of it.

    Returns:
        Its outputs for each of the inputs; None if it raises or crashes.
    """
    process, found = _process(FORMS[target][0]), []
    process.target = TimingTarget(FORMS[target][0], path)
    try:
        for each in inputs:
            process.load(each)
            found.append(process.time(1)[1])
        return found
    except RuntimeFailure:
        try:
            process.ask("peak")
        except RuntimeFailure:  # it died; the next request starts it again
            process.suspend()
        return None


def truths_for(mutant: Mutant, baseline: Baseline) -> List[Truth]:
    """MXNet's results, with the inputs that the mutant is given and the outputs it is judged by."""
    changed = []
    for truth in baseline.truths:
        other = copy.copy(truth)  # the layers stay in the one file
        if mutant.feed is not None:
            other.inputs = mutant.feed(truth.inputs)
        if mutant.reference is not None:
            known = dict(zip(baseline.graph.outputs, truth.outputs))
            names = mutant.reference.outputs
            other.outputs = [known[n] if n in known else truth[n].float32 for n in names]
        changed.append(other)
    return changed


def judge(reference: Graph, path: Path, target: str, truths: Sequence[Truth]) -> Verdict:
    """Judge one converted file against MXNet.

    `Prover.prove` would return the same; this skips whatever cannot change the verdict. A proof
    fails with its first failed comparison, the float64 one, and it names the layers that this one
    finds, if any. Where float64 shows nothing, the prover itself decides.
    """
    candidate = TARGETS[target].open(path, "float64")
    if not all(compare(t, candidate, reference).passed for t in truths):
        isolated = [compare(t, candidate, reference, alone=True) for t in truths]
        culprits = reduce(add, isolated).culprits
        if culprits:
            return Verdict(True, tuple(c.layer for c in culprits))
    prover = Prover(reference, {target: path}, Budgets())
    proof = prover.prove(stored(truths))[0][target]
    return Verdict(not proof.passed, tuple(c.layer for c in proof.culprits))
