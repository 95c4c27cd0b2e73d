"""Proving a converted network equal to MXNet's."""

from __future__ import annotations

import ctypes
import gc
import math
import mmap
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, __version__

from .check import check_form
from .compare import compare
from .compare_stored import prove_stored
from .evidence import Evidence
from .outputs import DIFFERS, TopK, differences, same_top, top_k, worst_top
from .proof import PRECISIONS, OutputProof, Proof, TargetProof
from .runtimes.base import Array, Candidate, RuntimeFailure
from .subject import Subject
from .targets import TARGETS, convert
from .tolerance import Budgets
from .truth import Truth
from .verdict import Check, Comparison

#: Bytes of parameters from which on a candidate is freed before the next one is opened.
LARGE = 16 << 20


def verify(
    subject: Subject,
    targets: Sequence[str],
    evidence: Evidence,
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

    def proof(self, weights: str, evidence: Evidence) -> Proof:
        """
        Args:
            weights: where they come from, see `Subject`.
        """
        proofs, shapes = self.prove(evidence)
        return Proof(
            self.graph.name,
            weights,
            shapes,
            proofs,
            versions_of(evidence.versions),
            source=self.graph.source,
            notes=notes_of(self.graph),
            problems=self.budgets.problems,
        )

    def prove(
        self, evidence: Evidence
    ) -> Tuple[Dict[str, TargetProof], Dict[str, Tuple[int, ...]]]:
        """Proofs by target, and the shapes of the first inputs."""
        proofs: Dict[str, TargetProof] = {}
        shapes: Dict[str, Tuple[int, ...]] = {}
        for truth in evidence:
            shapes = shapes or {name: array.shape for name, array in truth.inputs.items()}
            self._add(proofs, truth, {target: [] for target in self.paths})
        unsettled = {target: p.unsettled for target, p in proofs.items() if p.unsettled}
        closer: Dict[str, TargetProof] = {}
        for truth in evidence.closer() if unsettled else ():
            self._add(closer, truth, unsettled)
        for target, proof in {**proofs, **closer}.items():
            stored = prove_stored(self.graph, evidence, target, self.paths[target])
            proofs[target] = replace(proof, stored=stored)
            self._release()
        return proofs, shapes

    def _add(
        self,
        proofs: Dict[str, TargetProof],
        truth: Truth,
        isolated: Mapping[str, Sequence[str]],
    ) -> None:
        """One more input for the targets in `isolated`, and its precisions in which each layer is
        given MXNet's inputs too."""
        for target, precisions in isolated.items():
            proof = self._prove(target, truth, precisions if truth.whole else ())
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
            return Unloadable(target, precision, error)

    def _release(self) -> None:
        """Give a large candidate's memory back; to look for what to free takes 0.1 s."""
        if sum(array.nbytes for array in self.graph.params.values()) > LARGE:
            trim_memory()

    def _prove(self, target: str, truth: Truth, isolated: Sequence[str]) -> TargetProof:
        """One target on one input."""
        comparisons, alone = {}, {}
        for precision in PRECISIONS:
            candidate = self._open(target, precision)
            comparisons[precision] = compare(truth, candidate, self.graph, self.budgets)
            if precision in isolated:
                found = compare(truth, candidate, self.graph, self.budgets, alone=True)
                alone[precision] = found
            if precision == "float32":
                output = prove_outputs(candidate, truth, self.graph)
            del candidate  # or it lives beside the next one
            self._release()
        return TargetProof(target, comparisons, output, alone)


@dataclass(frozen=True)
class Unloadable:
    """A candidate that there is none of."""

    name: str
    precision: str
    error: Exception

    def run(self, *_: Any, **__: Any) -> List[Array]:
        raise self.error

    trace = run


@np.errstate(all="ignore")  # what overflows shows in the values
def prove_outputs(candidate: Candidate, truth: Truth, graph: Graph) -> OutputProof:
    """The outputs of an untraced run, as its user gets them."""
    names = list(dict.fromkeys(graph.outputs))  # ONNX lists an output once
    found: List[Array] = []
    stopped = stopped_at = None
    try:
        found = candidate.run(truth.inputs)
        if len(found) not in (len(names), len(graph.outputs)):
            stopped, found = f"has {len(found)} outputs, MXNet {len(names)}", []
    except Exception as error:
        stopped = f"{type(error).__name__}: {error}"
    if stopped:
        stopped_at = Check.broken(names[0], "output", stopped)
    actual, expected = (_by_name(graph, arrays) for arrays in (found, truth.outputs))
    layers = tuple(n for n in names if n in truth)  # an output that is an input needs no proof
    # The numbers of what is anchored are judged as a layer's, on given inputs.
    checks = tuple(
        check_form("output", actual[n], truth[n], candidate)
        if n in graph.anchored
        else truth.check(n, "output", actual[n], "float32")
        for n in layers
        if n in actual
    )
    alike = {n: a.shape for n, a in actual.items()} == {n: e.shape for n, e in expected.items()}
    settled = {n: e for n, e in expected.items() if alike and n not in graph.anchored}
    gaps = [differences(actual[n], e) for n, e in settled.items()]
    ranked = [n for n in layers if n in settled and truth.holds(n)]
    top1 = worst_top(top_k(actual[n], truth[n], "float32", 1) for n in ranked)
    return OutputProof(
        Comparison(candidate.name, "float32", checks, layers, True, stopped, stopped_at),
        max_abs=max((g[0] for g in gaps), default=0.0 if alike else math.inf),
        max_rel=max((g[1] for g in gaps), default=0.0 if alike else math.inf),
        top1_equal=alike and all(same_top(actual[n], e, 1) for n, e in settled.items()),
        top1=top1 if alike else TopK(DIFFERS, "the outputs have other shapes"),
        same_shapes=alike,
    )


def _by_name(graph: Graph, outputs: Sequence[Array]) -> Dict[str, Array]:
    """MXNet may list an output twice, ONNX does not."""
    once = list(dict.fromkeys(graph.outputs))
    return dict(zip(once if len(outputs) == len(once) else graph.outputs, outputs))


def notes_of(graph: Graph) -> Dict[str, str]:
    """Layer -> how it is judged, where that is not as usual."""
    drawn = {o for n in graph.nodes if graph.operators[n.name].random for o in n.outputs}
    given = "judged by itself, on MXNet's own results: the least rounding decides here or before"
    random = "drawn at random: type, shape and finiteness are judged"
    return {name: random if name in drawn else given for name in graph.anchored}


def versions_of(reference: Mapping[str, str]) -> Dict[str, str]:
    """What a proof is made with; NumPy and Python are those that MXNet ran in."""
    found = {"mxproof": __version__, **reference}
    for name in ("onnx", "onnxruntime", "torch"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def trim_memory(arrays: Iterable[Any] = ()) -> None:
    """Free what nobody holds, and the pages of memory-mapped `arrays` (they are read again when
    they are needed).

    The C library keeps what was freed for the next request; a runtime's few hundred megabytes
    then add to those of the next.
    """
    gc.collect()
    for array in arrays:
        while array is not None and not isinstance(array, mmap.mmap):
            array = getattr(array, "base", None)
        if array is not None and hasattr(mmap, "MADV_DONTNEED"):
            array.madvise(mmap.MADV_DONTNEED)
    with suppress(OSError, TypeError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
