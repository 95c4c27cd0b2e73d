"""The judgement of a planted fault: that of `mxproof verify`, and no other."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from converters import Graph
from mxproof.compare import compare
from mxproof.prover import Prover
from mxproof.runtimes.base import Array, Candidate, Inputs, Visitor
from mxproof.tolerance import Budgets
from mxproof.truth import Truth
from mxproof.verdict import Check

from .fault import Feed


@dataclass(frozen=True)
class Verdict:
    """
    Attributes:
        culprits: the layers that the harness names, in its order.
        refused: the error of a converter or a runtime that would not take it.
    """

    killed: bool
    culprits: Tuple[str, ...] = ()
    refused: Optional[str] = None

    @property
    def named(self) -> Optional[str]:
        return self.culprits[0] if self.culprits else None


@dataclass(frozen=True)
class Kept:
    """Truths that were made once, as evidence."""

    truths: Sequence[Truth]
    versions: Mapping[str, str]

    def __iter__(self) -> Iterator[Truth]:
        return iter(self.truths)


@dataclass(frozen=True)
class Fed:
    """A candidate that is given something else than the reference was."""

    inner: Candidate
    feed: Feed

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def precision(self) -> str:
        return self.inner.precision

    def run(self, inputs: Inputs) -> List[Array]:
        return self.inner.run(self.feed(inputs))

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        return self.inner.trace(self.feed(inputs), visit, portions)


@dataclass(frozen=True)
class FedProver(Prover):
    """The prover of `verify`, whose candidates are fed through `feed`."""

    feed: Feed = dict

    def _open(self, target: str, precision: str) -> Candidate:
        return Fed(super()._open(target, precision), self.feed)


def judge(
    reference: Graph, path: Path, target: str, truths: Sequence[Truth], feed: Feed = dict
) -> Verdict:
    """One converted file against MXNet.

    The same judgement as `Prover.prove`'s, with nothing done that could not change it: a proof
    fails when its first comparison does, the float64 one; and the layers that a proof blames are
    those of the float64 comparison alone, if it blames any. Where float64 shows nothing, the
    prover is asked itself.
    """
    prover = FedProver(reference, {target: path}, Budgets(), feed=feed)
    candidate = prover._open(target, "float64")
    if not all(compare(t, candidate, reference, prover.budgets).passed for t in truths):
        parts = [compare(t, candidate, reference, prover.budgets, alone=True) for t in truths]
        culprits = reduce(add, parts).culprits
        if culprits:
            return Verdict(True, _names(culprits))
    proof = prover.prove(Kept(truths, {}))[0][target]
    return Verdict(not proof.passed, () if proof.passed else _names(proof.culprits))


def _names(checks: Sequence[Check]) -> Tuple[str, ...]:
    return tuple(c.layer for c in checks)


def with_outputs(truths: Sequence[Truth], graph: Graph, reference: Graph) -> List[Truth]:
    """The same truths for a network that returns other layers."""
    if reference.outputs == graph.outputs:
        return list(truths)
    changed = []
    for truth in truths:
        known: Dict[str, Array] = dict(zip(graph.outputs, truth.outputs))
        other = copy.copy(truth)  # the layers stay in the one file
        other.outputs = [known[n] if n in known else truth[n].float32 for n in reference.outputs]
        changed.append(other)
    return changed
