"""Bisection of one model: what its targets share, and the search for each of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import List

from converters.progress import report
from mxproof.cli.common import reading
from mxproof.evidence import evidence_for
from mxproof.runtimes.base import RuntimeFailure
from mxproof.subject import Subject, UsageError, load_for_run, parse_inputs

from .environments import Environment, changes
from .judges import Judge, Sample, numbers_judge, speed_judge
from .runner import EnvironmentRunner
from .search import GREEN, UNKNOWN, Factors, Findings, Outcome, search


@dataclass(frozen=True)
class Bisection:
    """
    Attributes:
        options: of the command line.
        folder: for all files; the caller deletes it.
        notes: for the user, on how the verdicts are to be read; grows.
    """

    options: argparse.Namespace
    folder: Path
    notes: List[str]

    @cached_property
    def model(self) -> Subject:
        report(f"reading {self.options.checkpoint}")
        shapes = parse_inputs(self.options.input)
        return load_for_run(self.options.checkpoint, shapes, **reading(self.options))

    def findings(self, target: str, good: Environment, bad: Environment) -> Findings:
        """Find the changes that turn the good environment red.

        Raises:
            UsageError: there is nothing to attribute.
        """
        changed = changes(good, bad)
        if not changed:
            raise UsageError("nothing to attribute: the environments differ in nothing it uses.")
        criterion, judge = self._judge(target, good, bad)

        def probe(chosen: Factors) -> Outcome:
            report(f"{target}: good with {', '.join(chosen) or 'nothing'} of bad")
            try:
                return judge({name: (bad if name in chosen else good)[name] for name in good})
            except (RuntimeFailure, UsageError) as error:
                return Outcome(UNKNOWN, str(error))

        found = search(changed, probe)
        first, last = found.tried[frozenset()], found.tried.get(frozenset(changed))
        if first.verdict != GREEN:
            raise UsageError(f"the good environment is {first.verdict}: {first.note}.")
        if last and last.verdict == GREEN:
            raise UsageError(f"nothing to attribute: the bad environment is green: {last.note}.")
        return replace(found, criterion=criterion)

    def _judge(self, target: str, good: Environment, bad: Environment) -> Judge:
        options, folder = self.options, self.folder
        runner = EnvironmentRunner(
            self.model, folder, Path(options.repository), tuple(options.output)
        )
        if options.what == "numbers":
            return numbers_judge(runner, target, good, bad, self._samples, options.tolerance)
        shapes = self.model.concrete(parse_inputs(options.input) or self.model.gate_shapes)
        inputs = self.model.inputs(shapes, options.seed)
        return speed_judge(runner, target, good, bad, inputs, options.seconds)

    @cached_property
    def _samples(self) -> List[Sample]:
        options, shapes = self.options, parse_inputs(self.options.input)
        inputs = self.model.evidence(shapes, seed=options.seed, samples=options.samples)
        reference = Path(options.reference) if options.reference else None
        how = {"mxnet_python": options.mxnet_python, "reference": reference}
        try:
            if not options.no_proof:
                with evidence_for(self.model, shapes, inputs=inputs, **how) as evidence:
                    report(f"{self.model.name}: MXNet's results")
                    return [(truth.inputs, truth) for truth in evidence]
        except RuntimeFailure as error:
            if options.mxnet_python or reference:
                raise
            self.notes.append(f"only outputs are compared, and nothing is proven: {error}")
        return [(sample, None) for sample in inputs]
