"""The record of a proof: what was compared, what was found."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple, Union

from converters.files import atomic_write

from .localise import describe_failure
from .outputs import DIFFERS, TopK, worst_top
from .verdict import Check, Comparison

if TYPE_CHECKING:
    from rich.table import Table

    from .report.page import Plot

PRECISIONS = ("float64", "float32")


@dataclass(frozen=True)
class OutputProof:
    """Final outputs as their user gets them: float32 of an untraced run, against MXNet's float32.

    Attributes:
        checks: each output held to the budget; an untraced run may be fused and optimised
            otherwise than a traced one.
        max_abs, max_rel: over all of them; max_rel where MXNet's is not 0.
        top1_equal: whether the largest output of every sample is the same one in both.
        top1: the same against the truth, and undecided where the margin is within the noise.
    """

    checks: Comparison
    max_abs: float
    max_rel: float
    top1_equal: bool
    top1: TopK

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
        )


@dataclass(frozen=True)
class TargetProof:
    """One target: all layers by precision, and the final output.

    Attributes:
        introduced: precision -> the layers that differ although they are given MXNet's inputs.
    """

    target: str
    comparisons: Mapping[str, Comparison]
    output: OutputProof
    introduced: Mapping[str, Tuple[Check, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        chains = all(c.passed for c in self.comparisons.values())
        return chains and self.output.passed and not any(self.introduced.values())

    @property
    def culprits(self) -> Tuple[Check, ...]:
        """The layers that introduced a difference, by the sharpest comparison that saw any;
        where no layer is to blame, the outputs that differ."""
        for precision in PRECISIONS:
            if self.introduced.get(precision):
                return self.introduced[precision]
        chain = [c for p in PRECISIONS for c in self.comparisons[p].culprits[:1]]
        return tuple(chain[:1] or self.output.checks.culprits)

    def __add__(self, other: TargetProof) -> TargetProof:
        """The same target on more inputs."""
        return TargetProof(
            self.target,
            {p: c + other.comparisons[p] for p, c in self.comparisons.items()},
            self.output + other.output,
        )

    def explain(self, model: str) -> List[str]:
        """A paragraph for every precision that failed, or else for the untraced run."""
        failed = {
            p: c for p, c in self.comparisons.items() if not c.passed or self.introduced.get(p)
        }
        paragraphs = [
            describe_failure(model, self.target, c, self.introduced.get(p, ()))
            for p, c in failed.items()
        ]
        if not failed and not self.output.checks.passed:
            paragraphs.append(describe_failure(model, self.target, self.output.checks))
        if not paragraphs and self.output.top1.verdict == DIFFERS:
            paragraphs.append(f"{model}/{self.target}: top-1: {self.output.top1.note}.")
        return paragraphs


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
