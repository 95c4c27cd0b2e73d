"""Bisection of one network: its inputs, MXNet's results if they can be had, and each target."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from converters.progress import report
from converters.shape import Shape
from mxproof.evidence import SAMPLES, evidence_for
from mxproof.runtimes.base import Inputs, RuntimeFailure
from mxproof.subject import Subject, UsageError
from mxproof.truth import Truth

from .attribution import Attribution, attribute
from .factors import RUNNING, Environment, differences, used
from .numbers import CRITERIA, Meter, question
from .speed import CRITERION, Judge, Race, slowed
from .workshop import Workshop

#: A target, and what of the good and of the bad environment it uses.
One = Callable[[str, Environment, Environment], Attribution]


@dataclass
class Results:
    """
    Attributes:
        nothing: of the targets where there is nothing to attribute, why.
    """

    found: List[Attribution] = field(default_factory=list)
    nothing: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bisection:
    """
    Attributes:
        good, bad: the environments, with all that is known of them.
        given: shapes of inputs, as the user states them.
        also: further packages that may matter.
        proof: whether MXNet or a recording is to judge.
        reference: a recording, in MXNet's place.
    """

    subject: Subject
    good: Environment
    bad: Environment
    given: Mapping[str, Shape]
    folder: Path
    repository: Path
    outputs: Tuple[str, ...] = ()
    also: Sequence[str] = ()
    seed: int = 0
    samples: Optional[int] = None
    tolerance: float = 0.0
    proof: bool = True
    mxnet_python: Optional[str] = None
    reference: Optional[Path] = None
    notes: List[str] = field(default_factory=list)

    def numbers(self, targets: Sequence[str]) -> Results:
        """What made the numbers drift, by target."""
        truths, inputs = self._evidence()
        workshop = self._workshop(inputs)

        def one(target: str, good: Environment, bad: Environment) -> Attribution:
            meter = Meter(workshop, target, truths)
            asked = question(meter, good, bad, self.tolerance)
            criterion = CRITERIA[asked.criterion]
            return attribute(target, good, bad, criterion, lambda e: asked.answer(meter(e)))

        return self._each(targets, one)

    def speed(self, targets: Sequence[str], judge: Judge) -> Results:
        """What made it slower, by target."""
        shapes = self.given or self.subject.gate_shapes
        inputs = self.subject.inputs(self.subject.concrete(shapes), self.seed)
        workshop = self._workshop([inputs])

        def one(target: str, good: Environment, bad: Environment) -> Attribution:
            race = Race(workshop, target, good, judge)
            outcome = slowed(race, bad)
            return attribute(
                target, good, bad, CRITERION, lambda e: outcome if e == bad else race(e)
            )

        return self._each(targets, one)

    def _workshop(self, inputs: Sequence[Inputs]) -> Workshop:
        return Workshop(self.subject, inputs, self.folder, self.repository, self.outputs)

    def _each(self, targets: Sequence[str], one: One) -> Results:
        results = Results()
        for target in targets:
            good, bad = (used(e, target, self.also) for e in (self.good, self.bad))
            try:
                _comparable(target, good, bad)
                results.found.append(one(target, good, bad))
            except UsageError as error:
                results.nothing.append(f"{target}: {error}")
        return results

    def _evidence(self) -> Tuple[List[Truth], Sequence[Inputs]]:
        """MXNet's results, and the inputs; only these where there is no MXNet."""
        samples = self.samples or SAMPLES
        inputs = self.subject.evidence(self.given, seed=self.seed, samples=samples)
        if not self.proof:
            return [], inputs
        if self.subject.graph.anchored:
            self.notes.append(
                "outputs are compared, and nothing is proven: where the least rounding decides, "
                "layers would have to be run one by one"
            )
            return [], inputs
        try:
            with evidence_for(
                self.subject,
                self.given,
                inputs=inputs,
                mxnet_python=self.mxnet_python,
                reference=self.reference,
            ) as evidence:
                report(f"{self.subject.name}: MXNet's results")
                truths = list(evidence)
        except RuntimeFailure as error:
            if self.mxnet_python or self.reference:
                raise
            self.notes.append(f"outputs are compared, and nothing is proven: {error}")
            return [], inputs
        return truths, [truth.inputs for truth in truths]


def _comparable(target: str, good: Environment, bad: Environment) -> None:
    """
    Raises:
        UsageError: they are alike, or one leaves open what is not installed here either.
    """
    factors = differences(good, bad)
    runtime = RUNNING[target][0]
    lacking = [f for f in factors if f not in good or f not in bad]
    lacking += [runtime] * (runtime not in good and runtime not in bad)
    if lacking:
        raise UsageError(
            f"{', '.join(lacking)}: not stated for both environments, and not installed here. "
            "State the version in both files."
        )
    if not factors:
        raise UsageError("nothing to attribute: the environments differ in nothing that it uses.")


def leftovers(
    good: Environment, bad: Environment, targets: Sequence[str], also: Sequence[str]
) -> List[str]:
    """Packages that differ, and that nothing here uses."""
    known = {name for target in targets for name in used({**good, **bad}, target, also)}
    both = [f for f in differences(good, bad) if f in good and f in bad]
    return [f for f in both if f not in known and f != "mxproof"]
