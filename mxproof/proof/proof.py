"""The record of a proof: what was compared, and the findings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .coverage.coverage import Coverage
from .outputs.agreement import DIFFERS
from .outputs.final import OutputProof
from .results import LayerResult
from .stored.stored import StoredProof
from .trace_results import NAMED, TraceResult, describe_failure

PRECISIONS = ("float64", "float32")


@dataclass(frozen=True)
class TargetProof:
    """One target: all layers by precision, and the final output.

    Attributes:
        isolated: precision -> all layers, each given MXNet's inputs; in float32 on one input at
            least, in float64 where that was asked.
        stored: the numbers in the files, against those in the checkpoint.
        drawn: layers in float64, each given inputs that were drawn for it.
        coverage: of MXNet and the inputs: what took part; None where there is no MXNet.
    """

    target: str
    comparisons: Mapping[str, TraceResult]
    output: OutputProof
    isolated: Mapping[str, TraceResult] = field(default_factory=dict)
    stored: StoredProof = field(default_factory=StoredProof)
    drawn: Tuple[TraceResult, ...] = ()
    coverage: Optional[Coverage] = None

    @property
    def introduced(self) -> Dict[str, Tuple[LayerResult, ...]]:
        """Precision -> the layers that differ although they are given MXNet's inputs."""
        found = {precision: found.culprits for precision, found in self.isolated.items()}
        drawn = {c.layer: c for comparison in self.drawn for c in comparison.culprits}
        if drawn:
            known = {c.layer: c for c in found.get("float64", ())}
            found["float64"] = tuple({**drawn, **known}.values())
        return found

    def isolated_problems(self, precision: str) -> List[str]:
        """What the layers by themselves show together, and the chain does not."""
        found, chain = self.isolated.get(precision), self.comparisons[precision]
        return [p for p in found.problems if p not in chain.problems] if found else []

    @property
    def median_ratio(self) -> Optional[float]:
        """The median of the float32 errors that was judged, if one was: of the chain, or of the
        layers by themselves."""
        found = (self.comparisons.get("float32"), self.isolated.get("float32"))
        medians = [c.median_ratio for c in found if c is not None]
        return next((m for m in medians if m is not None), None)

    @property
    def digits_lost(self) -> Dict[str, float]:
        """Layer -> decimal digits that it has less than MXNet's float32, within what rounding may
        do: of layers by themselves, where they were judged so."""
        judged = self.isolated.get("float32", self.comparisons.get("float32"))
        return {c.layer: c.digits_lost for c in judged.checks if c.digits_lost} if judged else {}

    @property
    def unsettled(self) -> List[str]:
        """The precisions in which layers have to be judged by themselves too."""
        found = [*self.comparisons.items(), *self.isolated.items()]
        open_ones = {p for p, c in found if c.unsettled}
        open_ones |= {"float32"} if not self.output.passed else set()
        return [p for p in PRECISIONS if p in open_ones]

    @property
    def compared(self) -> List[TraceResult]:
        """Everything that was run: the chains, isolated layers, and the untraced outputs."""
        isolated = [*self.isolated.values(), *self.drawn]
        return [*self.comparisons.values(), *isolated, self.output.checks]

    @property
    def function_problems(self) -> List[str]:
        """What shows that the target is not MXNet's function, a phrase each.

        A file that does not run in float32, or that lacks a layer or an output there, is no less
        precise version of the function: that, too, is listed.
        """
        layers = [f"{c.precision}: {p}" for c in self.compared for p in c.function_problems]
        return [*layers, *self.unlocalized]

    @property
    def unlocalized(self) -> List[str]:
        """Those of `function_problems` that no comparison of layers shows."""
        problems = self.stored.explain(NAMED)
        problems += self.coverage.problems if self.coverage else []
        problems += [f"on drawn inputs, {p}" for c in self.drawn for p in c.misplaced]
        if self.output.checks.passed and not self.output.same_shapes:
            problems.append("the outputs have other shapes than MXNet's")
        return problems

    @property
    def same_function(self) -> bool:
        return not self.function_problems

    @property
    def as_precise(self) -> bool:
        """Is everything in float32 within its limits?"""
        single = all(c.passed for c in self.compared if c.precision == "float32")
        return single and self.output.passed

    @property
    def passed(self) -> bool:
        return self.same_function and self.as_precise

    @property
    def culprits(self) -> Tuple[LayerResult, ...]:
        """The layers whose stored numbers differ, and those that introduced a difference, by the
        sharpest comparison that saw any; where no layer is to blame, the outputs that differ."""
        stored = {
            layer: LayerResult.broken(layer, op, why) for op, layer, why in self.stored.culprits
        }
        alone = [self.introduced.get(p, ()) for p in PRECISIONS]
        chain = [self.comparisons[p].culprits[:1] for p in PRECISIONS]
        seen = next(filter(None, alone + ([] if stored else chain)), ())
        found = (*stored.values(), *(check for check in seen if check.layer not in stored))
        return found or self.output.checks.culprits

    def __add__(self, other: TargetProof) -> TargetProof:
        """The same target on more inputs."""
        comparisons, isolated = (
            {p: c + others[p] if p in others else c for p, c in known.items()}
            for known, others in (
                (self.comparisons, other.comparisons),
                (self.isolated, other.isolated),
            )
        )
        output, drawn = self.output + other.output, self.drawn + other.drawn
        return replace(self, comparisons=comparisons, output=output, isolated=isolated, drawn=drawn)

    def explain(self, model: str) -> List[str]:
        """A paragraph for every precision that failed, or else for the untraced run; and one for
        stored numbers that differ."""
        paragraphs = [
            describe_failure(
                model, self.target, c, self.introduced.get(p, ()), self.isolated_problems(p)
            )
            for p, c in self.comparisons.items()
            if not c.passed or self.introduced.get(p) or self.isolated_problems(p)
        ]
        if not paragraphs and not self.output.checks.passed:
            paragraphs.append(describe_failure(model, self.target, self.output.checks))
        top1 = self.output.top1
        if not paragraphs and top1 is not None and top1.verdict == DIFFERS:
            paragraphs.append(f"{model}/{self.target}: top-1: {top1.note}.")
        return [*paragraphs, *(f"{model}/{self.target}: {p}." for p in self.unlocalized)]


@dataclass(frozen=True, repr=False)
class Proof:
    """The verification of one network.

    Attributes:
        shapes: of the first input.
        targets: their proofs, by name.
        reference: "mxnet", or the file that was recorded from it.
        source: names and hashes of the files that the network was read from.
        command: what made this proof.
        latency: runtime -> median_ms, min_ms, rounds and threads of its passes, if measured.
        notes: layer -> how it is judged, where that is not as usual.
        problems: what is wrong with the question and not with a layer, such as budgets that
            nothing needs.
    """

    model: str
    weights: str
    shapes: Mapping[str, Tuple[int, ...]]
    targets: Mapping[str, TargetProof]
    versions: Mapping[str, str]
    reference: str = "mxnet"
    source: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    latency: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    problems: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The verdicts; the rest fills pages."""
        verdicts = (f"{n} {'proven' if t.passed else 'FAILED'}" for n, t in self.targets.items())
        return f"<Proof of {self.model}: {', '.join(verdicts)}>"

    @property
    def coverage(self) -> Optional[Coverage]:
        """What took part; the same for every target."""
        return next((t.coverage for t in self.targets.values() if t.coverage), None)

    @property
    def same_function(self) -> bool:
        """Is every target MXNet's function, as precise or not?"""
        return bool(self.targets) and all(t.same_function for t in self.targets.values())

    @property
    def passed(self) -> bool:
        proven = bool(self.targets) and all(t.passed for t in self.targets.values())
        return proven and not self.problems
