"""Plants faults in a model, and collects the verdicts of the proof and of other checks."""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Optional, Tuple

import numpy as np
import onnx

from converters import Graph
from mxproof.runtimes.base import RuntimeFailure
from mxproof.targets import convert

from .equivalence import equivalent
from .isolated_runner import IsolatedRunner
from .judge import Verdict, judge, truths_for
from .mutant import Baseline, Fault, Mutant, MutationSite
from .oracles import alarms
from .outcome import Outcome

NO_FAULT = Fault(
    "no fault",
    "",
    lambda graph: [graph.nodes[0].name],
    lambda site: site.mutant(site.graph, "", why="nothing was changed"),
)


@dataclass(frozen=True)
class Case:
    """A fault, a layer and a target, and the seed of all that is drawn there."""

    fault: Fault
    layer: str
    target: str
    seed: Tuple[int, ...]

    def mutant(self, baseline: Baseline) -> Mutant:
        random = np.random.default_rng(self.seed)
        return self.fault.plant(MutationSite(baseline, self.layer, random))


def cases(graph: Graph, model: str, fault: Fault, count: int, seed: int) -> Iterator[Case]:
    """Up to `count` sites of this fault, drawn at random; the targets take turns."""
    key = (seed, zlib.crc32(f"{model}/{fault.kind}".encode()))
    random = np.random.default_rng(key)
    sites = fault.sites(graph)
    first = int(random.integers(len(fault.targets)))
    for number, site in enumerate(random.permutation(len(sites))[:count]):
        target = fault.targets[(first + number) % len(fault.targets)]
        yield Case(fault, sites[site], target, (*key, number))


def tried(
    baseline: Baseline, mutant: Mutant, target: str, runner: Optional[IsolatedRunner] = None
) -> Tuple[Verdict, Mapping[str, bool]]:
    """Convert and judge.

    Returns:
        The proof's verdict, and (with a runner) oracle -> did it raise an alarm?

    Raises:
        RuntimeFailure: a runtime is missing, which proves nothing.
    """
    truths = truths_for(mutant, baseline)
    found = None
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        try:
            path = written(mutant, target, Path(folder))
            if runner is not None:
                found = runner.run(path, target, [t.inputs for t in truths])
            verdict = judge(mutant.reference or baseline.graph, path, target, truths)
        except RuntimeFailure:
            raise
        except Exception as error:  # whatever a converter or a runtime rejects
            verdict = refusal(error, mutant.expected, folder)
    expected = [t.outputs for t in truths]
    return verdict, {} if runner is None else alarms(found or [None] * len(truths), expected)


def written(mutant: Mutant, target: str, folder: Path) -> Path:
    """The converted model with the fault in it."""
    path = convert(mutant.graph, target, folder)[0]
    if mutant.edit is not None:
        model = onnx.load(path)
        mutant.edit(model)
        onnx.save(model, path)
    return path


def refusal(error: Exception, expected: str, folder: str) -> Verdict:
    """A fault that never runs is caught; it is named if the message names its layer."""
    message = str(error).replace(f"{folder}/", "")
    named = (expected,) if repr(expected) in message else ()
    return Verdict(True, named, f"{type(error).__name__}: {message}")


def plant(
    baseline: Baseline, model: str, case: Case, runner: Optional[IsolatedRunner] = None
) -> Outcome:
    mutant = case.mutant(baseline)
    verdict, oracles = tried(baseline, mutant, case.target, runner)
    return Outcome(
        model=model,
        target=case.target,
        kind=case.fault.kind,
        family=case.fault.family,
        layer=case.layer,
        note=mutant.note,
        expected=mutant.expected,
        killed=verdict.killed,
        named=verdict.named[0] if verdict.named else None,
        equivalent=equivalent(case.fault, baseline, mutant),
        refused=verdict.refused,
        oracles=oracles,
    )
