"""The verdict on a mutant, which is that of `mxproof verify`."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from types import MappingProxyType
from typing import List, Mapping, Optional, Sequence, Tuple

from converters import Graph
from mxproof.compare import compare
from mxproof.prover import Prover
from mxproof.targets import TARGETS
from mxproof.tolerance import Budgets
from mxproof.truth import Truth

from .mutant import Baseline, Mutant


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        named: the layers that the proof names, in its order.
        refused: the error of a converter or a runtime that rejected the mutant.
    """

    killed: bool
    named: Tuple[str, ...] = ()
    refused: Optional[str] = None


class StoredEvidence(List[Truth]):
    """MXNet's results, computed once, in the form that a prover reads."""

    versions: Mapping[str, str] = MappingProxyType({})


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
    proof = prover.prove(StoredEvidence(truths))[0][target]
    if proof.passed:
        return Verdict(False)
    return Verdict(True, tuple(c.layer for c in proof.culprits))


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
