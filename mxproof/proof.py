"""The record of a proof: what was compared, what was found."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from converters.files import atomic_write

from .outputs import DIFFERS, TopK, worst_top
from .verdict import Check, Comparison

if TYPE_CHECKING:
    from rich.table import Table

    from .report.page import Plot

PRECISIONS = ("float64", "float32")
#: Culprits that a message names; more of them are one mistake made often.
NAMED = 5


@dataclass(frozen=True)
class OutputProof:
    """Final outputs as their user gets them: float32 of an untraced run, against MXNet's float32.

    Attributes:
        checks: each output held to the budget; an untraced run may be fused and optimised
            otherwise than a traced one.
        max_abs, max_rel: over all of them; max_rel where MXNet's is not 0.
        top1_equal: whether the largest output of every sample is the same one in both.
        top1: the same against the truth, and undecided where the margin is within the noise.
        same_shapes: all outputs are there, in MXNet's shapes.
    """

    checks: Comparison
    max_abs: float
    max_rel: float
    top1_equal: bool
    top1: TopK
    same_shapes: bool = True

    @property
    def passed(self) -> bool:
        return self.checks.passed and self.top1.verdict != DIFFERS

    def __add__(self, other: OutputProof) -> OutputProof:
        return OutputProof(
            self.checks + other.checks,
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            self.top1_equal and other.top1_equal,
            worst_top([self.top1, other.top1]),
            self.same_shapes and other.same_shapes,
        )


@dataclass(frozen=True)
class TargetProof:
    """One target: all layers by precision, and the final output.

    Attributes:
        isolated: precision -> all layers, each given MXNet's inputs; in float32 on one input at
            least, in float64 where that was asked.
    """

    target: str
    comparisons: Mapping[str, Comparison]
    output: OutputProof
    isolated: Mapping[str, Comparison] = field(default_factory=dict)

    @property
    def introduced(self) -> Dict[str, Tuple[Check, ...]]:
        """Precision -> the layers that differ although they are given MXNet's inputs."""
        return {precision: found.culprits for precision, found in self.isolated.items()}

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
    def compared(self) -> List[Comparison]:
        """Everything that was run: the chains, isolated layers, and the untraced outputs."""
        return [*self.comparisons.values(), *self.isolated.values(), self.output.checks]

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
        problems = []
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
    def less_precise(self) -> Tuple[Check, ...]:
        """The layers that lose precision, worst first: those that do so by themselves, or else
        those of the chain, or else the outputs of an untraced run."""
        found = self.introduced.get("float32") or self.comparisons["float32"].failed
        return tuple(sorted(found or self.output.checks.failed, key=lambda c: -c.part))

    @property
    def passed(self) -> bool:
        return self.same_function and self.as_precise

    @property
    def culprits(self) -> Tuple[Check, ...]:
        """The layers that introduced a difference, by the sharpest comparison that saw any;
        where no layer is to blame, the outputs that differ."""
        alone = [self.introduced.get(p, ()) for p in PRECISIONS]
        chain = [self.comparisons[p].culprits[:1] for p in PRECISIONS]
        return next(filter(None, alone + chain), self.output.checks.culprits)

    def __add__(self, other: TargetProof) -> TargetProof:
        """The same target on more inputs."""
        comparisons, isolated = (
            {p: c + others[p] if p in others else c for p, c in known.items()}
            for known, others in (
                (self.comparisons, other.comparisons),
                (self.isolated, other.isolated),
            )
        )
        return TargetProof(self.target, comparisons, self.output + other.output, isolated)

    def explain(self, model: str) -> List[str]:
        """A paragraph for every precision that failed, or else for the untraced run."""
        paragraphs = [
            describe_failure(model, self.target, c, self.introduced.get(p, ()))
            for p, c in self.comparisons.items()
            if not c.passed or self.introduced.get(p)
        ]
        if not paragraphs and not self.output.checks.passed:
            paragraphs.append(describe_failure(model, self.target, self.output.checks))
        if not paragraphs and self.output.top1.verdict == DIFFERS:
            paragraphs.append(f"{model}/{self.target}: top-1: {self.output.top1.note}.")
        return [*paragraphs, *(f"{model}/{self.target}: {p}." for p in self.unlocalized)]


@dataclass(frozen=True)
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

    @property
    def same_function(self) -> bool:
        """Is every target MXNet's function, as precise or not?"""
        return bool(self.targets) and all(t.same_function for t in self.targets.values())

    @property
    def passed(self) -> bool:
        proven = bool(self.targets) and all(t.passed for t in self.targets.values())
        return proven and not self.problems

    def to_json(self) -> Dict[str, Any]:
        """The record, in the form that CLI users read."""
        from .report.record import proof_record

        return proof_record(self)

    def plot(self, target: Optional[str] = None) -> Plot:
        """Error over depth of one target, or of all: to look at in a notebook, or to `save`.

        Raises:
            KeyError: no such target.
        """
        from .report.page import Plot

        targets = self.to_json()["targets"]
        return Plot(self.model, {target: targets[target]} if target else targets)

    def save_html(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the page that `mxproof verify --html` writes."""
        from .report.page import page

        with atomic_write(Path(path)) as file:
            file.write(page([self.to_json()]).encode(errors="backslashreplace"))

    def _repr_html_(self) -> str:
        """For notebooks."""
        from .report.page import notebook

        return notebook(self.to_json())

    def __rich__(self) -> Table:
        """For the terminal."""
        from .report.terminal import proof_table

        return proof_table(self)


def describe_failure(
    model: str, target: str, comparison: Comparison, culprits: Sequence[Check] = ()
) -> str:
    """A paragraph: the culprits first, and how far they spread."""
    failed, expected = comparison.failed, comparison.expected

    def sentence(check: Check, verb: str) -> str:
        number = expected.index(check.layer) + 1 if check.layer in expected else 0
        where = f"layer {number} of {len(expected)}"
        return f"{check.op} {check.layer!r} {verb} ({where}): {check.problem}"

    parts = [sentence(c, "introduced the first difference") for c in culprits[:1]]
    parts += [sentence(c, "introduced another difference") for c in culprits[1:NAMED]]
    if len(culprits) > NAMED:
        parts.append(f"{len(culprits) - NAMED} more layers introduced differences")
    if failed and not culprits:
        parts.append(sentence(failed[0], "is the first to differ"))
    parts += comparison.problems
    if failed:
        parts.append(f"{len(failed)} of {len(expected)} layers differ in the chain")
    return f"{model}/{target} {comparison.precision}: " + "; ".join(parts) + "."
