"""Reproducers: the smallest thing that still fails, in a folder that needs no MXNet to be run.

A folder holds the piece of the converted file that computes the layer, cut out of that file;
`case.npz`, MXNet's own inputs and results; a pytest file; and the layer as an MXNet checkpoint.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple

from converters import Graph
from converters.errors import listed

from ..proof.proof import PRECISIONS, Proof, TargetProof
from ..proof.results import LayerResult
from ..proof.trace import ReferenceTrace
from ..proof.trace_results import TraceResult
from ..runtimes.base import RuntimeFailure
from ..runtimes.registry import TARGETS
from .folder import Folder
from .writer import Failure, Writer

__all__ = ["Failure", "Folder", "Reproducer", "reproduce", "write_reproducers"]

#: Culprits of a target that get a reproducer; more of them are one mistake made often.
MOST = 3


@dataclass(frozen=True)
class Reproducer:
    """What became of a failure.

    Attributes:
        test: the file that fails; None if there is none.
        note: what there is to know: that it is the whole network, or why there is none.
    """

    test: Optional[Path]
    note: str = ""

    def __str__(self) -> str:
        if self.test is None:
            return f"no reproducer: {self.note}."
        comment = f"  # {self.note}" if self.note else ""
        return f"replay: pytest {shlex.quote(str(self.test))}{comment}"


def write_reproducers(
    folder: Folder, failure: Failure, truths: Iterable[ReferenceTrace]
) -> List[Reproducer]:
    """One reproducer for each of the first culprits; each was seen to fail. The last entry says
    which culprits were left out, if any were.

    Where a layer does not fail by itself, the whole network stands in for it, if its outputs are
    wrong on any input.

    Args:
        truths: on all inputs. They are gone through twice at most.
    """
    writer = Writer(folder, failure)
    found: List[Reproducer] = []
    rest = list(failure.culprits[:MOST])
    left_out = _left_out(failure.culprits[MOST:], f"a target gets {MOST} at a time")
    feeds = True
    for truth in truths if rest else ():
        feeds = feeds and truth.whole
        tests = [writer.layer(culprit, truth) for culprit in rest]
        found += [Reproducer(test) for test in tests if test]
        rest = [culprit for culprit, test in zip(rest, tests) if not test]
        if not rest:
            return found + left_out
    names = ", ".join(repr(culprit.layer) for culprit in rest)
    why = f"{names} {'does' if len(rest) == 1 else 'do'} not fail alone"
    if not rest:
        why = "no layer is to blame"
    elif not feeds:
        why = f"a recording cannot feed {names} alone, MXNet can"
    whole = next(filter(None, (writer.whole(truth, why) for truth in truths)), None)
    note = f"the whole network: {why}"
    if whole is None:
        note = f"{why}, and on no single input are the network's outputs wrong"
    return [*found, Reproducer(whole, note), *left_out]


def _left_out(culprits: Sequence[LayerResult], why: str) -> List[Reproducer]:
    """The entry on these layers; [] if there are none."""
    names = listed([repr(culprit.layer) for culprit in culprits])
    return [Reproducer(None, f"{names}: {why}")] if culprits else []


def reproduce(
    proof: Proof,
    graph: Graph,
    converted: Path,
    truths: Iterable[ReferenceTrace],
    folder: Folder,
    commands: Mapping[str, str],
) -> List[Reproducer]:
    """Reproducers of all that failed in a proof.

    Args:
        converted: the folder that the converted files are in.
        commands: target -> what finds the failure again.
    """
    found: List[Reproducer] = []
    failed = {target: result for target, result in proof.targets.items() if not result.passed}
    for target, result in failed.items():
        blamed, path = _blamed(result), converted / f"{graph.name}{TARGETS[target].suffix}"
        failure = Failure(graph, target, path, *blamed, proof.versions, commands[target])
        try:
            found += write_reproducers(folder, failure, truths)
            precision = failure.comparison.precision
            others = [c for p, cs in result.introduced.items() if p != precision for c in cs]
            named = {c.layer for c in failure.culprits}
            others = [c for c in others if c.layer not in named]
            found += _left_out(others, f"what fails in {precision} comes first")
        except (OSError, RuntimeFailure) as error:  # the proof is still to be reported
            found.append(Reproducer(None, str(error)))
    return found


def _blamed(proof: TargetProof) -> Tuple[TraceResult, Sequence[LayerResult]]:
    """The sharpest comparison that failed, and the layers to blame by it."""
    for precision in PRECISIONS:
        if proof.introduced.get(precision):
            return proof.comparisons[precision], proof.introduced[precision]
    for comparison in (proof.comparisons[p] for p in PRECISIONS):
        if not comparison.passed:
            return comparison, comparison.failed[:1]
    return proof.output.checks, proof.output.checks.failed
