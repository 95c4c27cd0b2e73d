"""Prove that a converted network is equal to MXNet's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from converters import Graph, __version__

from ..model import Model
from ..runtimes.base import Array, Candidate, Inputs, RuntimeFailure
from ..runtimes.memory import trim_memory
from ..runtimes.operator_kinds import random_layers
from ..runtimes.registry import TARGETS, convert
from .compare import compare
from .coverage.drawn import Drawn, compare_drawn
from .outputs.final import prove_outputs
from .overrides import unused_rows, used_rows
from .proof import PRECISIONS, Proof, TargetProof
from .reference import Reference
from .rounded import rounding_problem
from .stored.compare import prove_stored
from .stored.stored import StoredProof
from .tolerance import Budgets
from .trace import ReferenceTrace, with_earlier

Proofs = Dict[str, TargetProof]

#: Bytes of parameters from which on a candidate is freed before the next one is opened.
LARGE = 16 << 20


def verify(
    subject: Model,
    targets: Sequence[str],
    evidence: Reference,
    folder: Path,
    *,
    budgets: Optional[Budgets] = None,
) -> Proof:
    """Convert, run everything on the same inputs, compare every layer.

    Args:
        folder: where the converted files go; what is verified is those files.

    Raises:
        ConversionError, RuntimeFailure: the question could not be put.
    """
    paths = {target: convert(subject.graph, target, folder)[0] for target in targets}
    trim_memory(subject.graph.params.values())
    return Prover(subject.graph, paths, budgets or Budgets()).proof(subject.weights, evidence)


@dataclass(frozen=True)
class Prover:
    """Converted files of one network, and what they are held to.

    One candidate is open at a time, and one truth: memory is that of the largest, not of all.

    Attributes:
        paths: target -> its file.
        wide: target -> the file that is judged in float64, where that is another one: it has
            numbers that the one in `paths` holds rounded.
        opened: (target, precision) -> a candidate that is open already, and stays so.
    """

    graph: Graph
    paths: Mapping[str, Path]
    budgets: Budgets
    wide: Mapping[str, Path] = field(default_factory=dict)
    opened: Optional[Callable[[str, str], Candidate]] = None

    def proof(self, weights: str, evidence: Reference) -> Proof:
        """
        Args:
            weights: where they come from, see `Model`.
        """
        proofs, shapes = self.prove(evidence)
        return Proof(
            self.graph.name,
            weights,
            shapes,
            proofs,
            versions_of(evidence.versions),
            source=self.graph.source,
            notes=notes_of(self.graph, proofs),
            problems=unused_rows(self.budgets, used_rows(proofs.values())),
        )

    def prove(
        self, evidence: Reference, *, alone: bool = True
    ) -> Tuple[Proofs, Dict[str, Tuple[int, ...]]]:
        """Proofs by target, and the shapes of the first inputs.

        On the first input each layer is also judged by itself in float32: what a deep network
        carries may be more than float16 loses. Where anything fails, MXNet runs anew, to see what
        rounding alone may do, and the layers are judged by themselves on all inputs.

        Args:
            alone: without it, layers are judged by themselves only where anything fails.
        """
        proofs: Proofs = {}
        shapes: Dict[str, Tuple[int, ...]] = {}
        for number, (truth, earlier) in enumerate(with_earlier(evidence)):
            shapes = shapes or {name: array.shape for name, array in truth.inputs.items()}
            drawn = evidence.survey.drawn(truth, number) if evidence.survey else ()
            isolated = ["float32"] if alone and not number else []
            targets = dict.fromkeys(self.paths, isolated)
            self._add(proofs, truth, targets, evidence, earlier, drawn)
        closer = self._closer(proofs, evidence)
        covered = evidence.survey.coverage() if evidence.survey else None
        for target, first in proofs.items():
            proof = closer.get(target, first)
            alone_too = {**first.isolated, **proof.isolated}
            proof = replace(proof, isolated=alone_too, drawn=first.drawn, coverage=covered)
            proofs[target] = replace(proof, stored=self._stored(target, evidence))
            self._release()
        return proofs, shapes

    def _closer(self, proofs: Mapping[str, TargetProof], evidence: Reference) -> Proofs:
        """The proofs of targets that failed anywhere, on the same inputs, with what rounding alone
        may do, and with each layer by itself in the precisions that failed."""
        unsettled = {target: p.unsettled for target, p in proofs.items() if p.unsettled}
        closer: Proofs = {}
        for truth, earlier in with_earlier(evidence.closer()) if unsettled else ():
            self._add(closer, truth, unsettled, evidence, earlier)
        return closer

    def _stored(self, target: str, evidence: Reference) -> StoredProof:
        """The numbers in the files; and where another file is judged in float64, what the two do
        not share."""
        found = prove_stored(self.graph, evidence, target, self.paths[target])
        if target not in self.wide or found.problem:
            return found
        files = self.paths[target], self.wide[target]
        shipped, judged = (TARGETS[target].stored(path)[1] for path in files)
        return replace(found, problem=rounding_problem(shipped, judged))

    def _add(
        self,
        proofs: Proofs,
        truth: ReferenceTrace,
        isolated: Mapping[str, Sequence[str]],
        evidence: Reference,
        earlier: Optional[Inputs],
        drawn: Sequence[Drawn] = (),
    ) -> None:
        """One more input for the targets in `isolated`, and its precisions in which each layer is
        given MXNet's inputs too; the input before it; and what is drawn for the layers."""
        for target, precisions in isolated.items():
            alone = precisions if truth.whole else ()
            proof = self._prove(target, truth, alone, evidence, earlier, drawn)
            proofs[target] = proofs[target] + proof if target in proofs else proof

    def _open(self, target: str, precision: str) -> Candidate:
        """The converted file; one that its runtime does not load fails as one that does not run."""
        if self.opened is not None:
            return self.opened(target, precision)
        path = self.wide.get(target) if precision == "float64" else None
        try:
            return TARGETS[target].open(path or self.paths[target], precision)
        except RuntimeFailure:
            raise
        except Exception as error:
            return FailedCandidate(target, precision, error)

    def _release(self) -> None:
        """Give a large candidate's memory back; to look for what to free takes 0.1 s."""
        if sum(array.nbytes for array in self.graph.params.values()) > LARGE:
            trim_memory()

    def _prove(
        self,
        target: str,
        truth: ReferenceTrace,
        isolated: Sequence[str],
        evidence: Reference,
        earlier: Optional[Inputs],
        drawn: Sequence[Drawn],
    ) -> TargetProof:
        """One target on one input."""
        comparisons, alone = {}, {}
        for precision in PRECISIONS:
            candidate = self._open(target, precision)
            comparisons[precision] = compare(truth, candidate, self.graph, self.budgets)
            if precision in isolated:
                coarse = [c.layer for c in comparisons[precision].checks if c.coarse]
                evidence.learn(truth, self.graph, coarse)
                found = compare(truth, candidate, self.graph, self.budgets, alone=True)
                alone[precision] = found
            if precision == "float64":
                by_itself = [compare_drawn(d, candidate, self.graph, self.budgets) for d in drawn]
            if precision == "float32":
                output = prove_outputs(candidate, truth, self.graph, earlier)
            del candidate  # or it lives beside the next one
            self._release()
        return TargetProof(target, comparisons, output, alone, drawn=tuple(by_itself))


@dataclass(frozen=True)
class FailedCandidate:
    """A candidate that there is none of."""

    name: str
    precision: str
    error: Exception

    def run(self, *_: Any, **__: Any) -> List[Array]:
        raise self.error

    trace = run


def notes_of(
    graph: Graph, proofs: Mapping[str, TargetProof] = MappingProxyType({})
) -> Dict[str, str]:
    """Layer -> how it is judged, where that is not as usual, and where NaN begins in MXNet."""
    drawn = random_layers(graph)
    given = "judged by itself, on MXNet's own results: the least rounding decides here or before"
    random = "drawn at random: type, shape and distribution are judged"
    notes = {name: random if name in drawn else given for name in graph.anchored}
    chains = [proof.comparisons[p] for p in PRECISIONS for proof in proofs.values()]
    for kind in ("NaN", "infinity"):
        first = next(filter(None, (chain.first_nonfinite(kind) for chain in chains)), None)
        if first is not None:
            said = [f"{kind} first appears here in MXNet", notes.get(first.layer, "")]
            notes[first.layer] = "; ".join(filter(None, said))
    return notes


def versions_of(reference: Mapping[str, str]) -> Dict[str, str]:
    """What a proof is made with; NumPy and Python are those that MXNet ran in."""
    found = {"mxproof": __version__, **reference}
    for name in ("onnx", "onnxruntime", "torch"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
