"""Bisection of one model: what its targets share, and the search for each of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Callable, List, Sequence, Tuple

from converters.progress import report
from mxproof.cli.common import reading
from mxproof.evidence import evidence_for
from mxproof.runtimes.base import Inputs, RuntimeFailure
from mxproof.subject import Subject, UsageError, load_for_run, parse_inputs
from mxproof.truth import Truth

from .environments import Environment, changes
from .numbers import numbers_judge
from .runner import EnvironmentRunner, Stopped
from .search import GREEN, UNKNOWN, Factors, Findings, Outcome, search
from .speed import RISK, speed_judge


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
            except (Stopped, UsageError) as error:
                return Outcome(UNKNOWN, str(error))

        found = search(changed, probe)
        first, last = found.tried[frozenset()], found.tried.get(frozenset(changed))
        if first.verdict != GREEN:
            raise UsageError(f"the good environment is {first.verdict}: {first.note}.")
        if last and last.verdict == GREEN:
            raise UsageError(f"nothing to attribute: the bad environment is green: {last.note}.")
        return replace(found, criterion=criterion)

    def _judge(
        self, target: str, good: Environment, bad: Environment
    ) -> Tuple[str, Callable[[Environment], Outcome]]:
        """The criterion, and the judge that decides by it."""
        options = self.options
        if options.what == "numbers":
            references, inputs = self._evidence
            runner = self._runner(inputs)
            return numbers_judge(runner, target, good, bad, references, options.tolerance)
        shapes = self.model.concrete(parse_inputs(options.input) or self.model.gate_shapes)
        runner = self._runner([self.model.inputs(shapes, options.seed)])
        risk = RISK / (2 + 2 * len(changes(good, bad)))
        return speed_judge(runner, target, good, risk, options.seconds)

    def _runner(self, inputs: Sequence[Inputs]) -> EnvironmentRunner:
        repository, outputs = Path(self.options.repository), tuple(self.options.output)
        return EnvironmentRunner(self.model, inputs, self.folder, repository, outputs)

    @cached_property
    def _evidence(self) -> Tuple[List[Truth], Sequence[Inputs]]:
        """MXNet's results, or none where there are none to be had, and the inputs."""
        options, shapes = self.options, parse_inputs(self.options.input)
        inputs = self.model.evidence(shapes, seed=options.seed, samples=options.samples)
        if options.no_proof:
            return [], inputs
        try:
            if self.model.graph.anchored:  # names layers that recorded traces cannot judge
                raise RuntimeFailure("some layers can only be judged one by one")
            with evidence_for(
                self.model,
                shapes,
                inputs=inputs,
                mxnet_python=options.mxnet_python,
                reference=Path(options.reference) if options.reference else None,
            ) as evidence:
                report(f"{self.model.name}: MXNet's results")
                references = list(evidence)
            return references, [reference.inputs for reference in references]
        except RuntimeFailure as error:
            if options.mxnet_python or options.reference:
                raise
            self.notes.append(f"only outputs are compared, and nothing is proven: {error}")
            return [], inputs
