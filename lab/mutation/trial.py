"""One mutant: converted, run, and judged as `mxproof verify` judges a conversion."""

from __future__ import annotations

import atexit
import tempfile
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from converters import Graph
from mxproof.benchmark.timing import FORMS, TimingProcess, TimingTarget
from mxproof.proof.compare import compare
from mxproof.proof.reference import Reference
from mxproof.proof.tolerance import Budgets
from mxproof.proof.verify import Prover
from mxproof.runtimes.base import Array, Candidate, Inputs, RuntimeFailure, Visitor
from mxproof.runtimes.registry import TARGETS, convert

from .mutant import Baseline, Mutant
from .oracles import ORACLES, alarms

Feed = Callable[[Mapping[str, Array]], Dict[str, Array]]


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
    found, evidence = None, baseline.evidence
    if mutant.reference is not None:
        try:
            evidence = baseline.evidence_of(mutant.reference)
        except RuntimeFailure as error:  # it runs the baseline, so this graph it refuses
            return refused(mutant, str(error)), dict.fromkeys((o.name for o in ORACLES), False)
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        try:
            path = convert(mutant.graph, target, Path(folder))[0]
            if mutant.edit is not None:
                mutant.edit(path)
            if oracles:
                feed = mutant.feed or dict
                found = outputs_apart(path, target, [feed(x) for x in baseline.inputs])
            verdict = judge(mutant, path, target, baseline.graph, evidence)
        except RuntimeFailure:
            raise
        except Exception as error:  # whatever a converter or a runtime rejects
            message = str(error).replace(f"{folder}/", "")
            verdict = refused(mutant, f"{type(error).__name__}: {message}")
    return verdict, alarms(found, [t.outputs for t in evidence]) if oracles else {}


def refused(mutant: Mutant, message: str) -> Verdict:
    return Verdict(True, mentioned(mutant, message), message)


def mentioned(mutant: Mutant, message: str) -> Tuple[str, ...]:
    """The layer that is to be named, if a message names it that blames no other."""
    return (mutant.expected,) if repr(mutant.expected) in message else ()


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


@dataclass(frozen=True)
class WithInputTransform:
    """A candidate that is given other inputs than it should be."""

    candidate: Candidate
    feed: Feed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.candidate, name)

    def run(self, inputs: Inputs) -> List[Array]:
        return self.candidate.run(self.feed(inputs))

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        return self.candidate.trace(self.feed(inputs), visit, portions)


def judge(mutant: Mutant, path: Path, target: str, graph: Graph, evidence: Reference) -> Verdict:
    """Judge one converted file as `mxproof verify` does with its defaults.

    `Prover.prove` would return the same; this skips whatever cannot change the verdict. A proof
    fails if a layer by itself differs in float64, and then names the layers that do. Where there
    are none, the prover itself decides.

    Args:
        graph: what a mutant without a reference of its own is judged by.
    """
    reference, feed = mutant.reference or graph, mutant.feed

    def opened(target: str, precision: str) -> Candidate:
        candidate = TARGETS[target].open(path, precision)
        return WithInputTransform(candidate, feed) if feed else candidate

    candidate = opened(target, "float64")
    if not all(compare(t, candidate, reference).passed for t in evidence):
        isolated = [compare(t, candidate, reference, alone=True) for t in evidence]
        culprits = reduce(add, isolated).culprits
        if culprits:
            return Verdict(True, tuple(c.layer for c in culprits))
    del candidate
    prover = Prover(reference, {target: path}, Budgets(), opened=opened)
    proof = prover.prove(evidence)[0][target]
    named = tuple(c.layer for c in proof.culprits)
    if not proof.passed and not named:
        named = mentioned(mutant, " ".join(proof.explain(reference.name)))
    return Verdict(not proof.passed, named)
