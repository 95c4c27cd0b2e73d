"""Compare the final outputs as a user receives them: names, order and numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from converters import Graph

from ...runtimes.base import Array, Candidate, Inputs, Layer
from ...runtimes.operator_kinds import random_layers
from ..judge import check_form, nonfinite
from ..results import LayerResult
from ..trace import ReferenceTrace
from ..trace_results import TraceResult
from .agreement import DIFFERS, TopK, apart, differences, same_top, top_k, worst_top
from .order import by_name, same_numbers

#: Numbers this close, as a part of the largest, are the same but for rounding. Two that changed
#: places are further apart, or it makes no difference.
NEAR = 1e-4


@dataclass(frozen=True)
class Figures:
    """What was measured of one output, in float32, over all inputs.

    Attributes:
        max_abs, max_rel: None if its numbers were not compared; max_rel where MXNet's is not 0.
        top1_equal: whether the largest number of every sample is the same one as in MXNet's
            float32; None if samples have fewer than two numbers.
        top1: the same against MXNet in float64, undecided where the margin is within the noise.
        reason: why its numbers were not compared.
        same_shape: the output is there, in MXNet's shape.
    """

    max_abs: Optional[float] = None
    max_rel: Optional[float] = None
    top1_equal: Optional[bool] = None
    top1: Optional[TopK] = None
    reason: str = ""
    same_shape: bool = True

    def __add__(self, other: Figures) -> Figures:
        """The same output on more inputs: compared if it was on all of them."""
        both = (self, other)
        if not all(f.same_shape for f in both):
            return NO_FIGURES
        if self.reason or other.reason:
            return self if self.reason else other
        tops = [f.top1 for f in both if f.top1 is not None]
        return Figures(
            _largest(f.max_abs for f in both),
            _largest(f.max_rel for f in both),
            _all(f.top1_equal for f in both),
            worst_top(tops) if tops else None,
        )


#: Of an output that is not there, or has another shape.
NO_FIGURES = Figures(
    math.inf,
    math.inf,
    False,
    TopK(DIFFERS, "the outputs have other shapes than MXNet's"),
    same_shape=False,
)


def _largest(values: Iterable[Optional[float]]) -> Optional[float]:
    return max((v for v in values if v is not None), default=None)


def _all(values: Iterable[Optional[bool]]) -> Optional[bool]:
    known = [v for v in values if v is not None]
    return all(known) if known else None


@dataclass(frozen=True)
class OutputProof:
    """Final outputs of an untraced run in float32, against MXNet's float32.

    Attributes:
        checks: each output held to its limits; an untraced run may be fused and optimised
            otherwise than a traced one.
        figures: by output. What they say together, the properties say.
    """

    checks: TraceResult
    figures: Mapping[str, Figures]

    @property
    def max_abs(self) -> Optional[float]:
        """Over all outputs that were compared; None if none was."""
        return _largest(f.max_abs for f in self.figures.values())

    @property
    def max_rel(self) -> Optional[float]:
        return _largest(f.max_rel for f in self.figures.values())

    @property
    def top1_equal(self) -> Optional[bool]:
        return _all(f.top1_equal for f in self.figures.values())

    @property
    def top1(self) -> Optional[TopK]:
        found = [f.top1 for f in self.figures.values() if f.top1 is not None]
        return worst_top(found) if found else None

    @property
    def not_compared(self) -> Dict[str, str]:
        """Output -> why its numbers were not compared."""
        return {name: f.reason for name, f in self.figures.items() if f.reason}

    @property
    def same_shapes(self) -> bool:
        """All outputs are there, in MXNet's shapes."""
        return all(f.same_shape for f in self.figures.values())

    @property
    def passed(self) -> bool:
        return self.checks.passed and not (self.top1 and self.top1.verdict == DIFFERS)

    def __add__(self, other: OutputProof) -> OutputProof:
        figures = {n: f + other.figures.get(n, NO_FIGURES) for n, f in self.figures.items()}
        return OutputProof(self.checks + other.checks, figures)


@np.errstate(all="ignore")  # what overflows shows in the values
def prove_outputs(
    candidate: Candidate, truth: ReferenceTrace, graph: Graph, earlier: Optional[Inputs] = None
) -> OutputProof:
    """Judge the outputs of an untraced run in float32.

    Args:
        earlier: what the candidate is run on before: it must keep nothing of that.

    In float64 the runtimes trace whenever they run: there the outputs are those of `compare`.
    """
    names = list(dict.fromkeys(graph.outputs))  # ONNX lists an output once
    found: List[Array] = []
    stopped = stopped_at = None
    try:
        if earlier is not None:
            candidate.run(earlier)
        found = candidate.run(truth.inputs)
        if len(found) not in (len(names), len(graph.outputs)):
            stopped, found = f"has {len(found)} outputs, MXNet {len(names)}", []
    except Exception as error:
        stopped = f"{type(error).__name__}: {error}"
    if stopped:
        stopped_at = LayerResult.broken(names[0], "output", stopped)
    actual, expected = (by_name(graph, arrays) for arrays in (found, truth.outputs))
    layers = tuple(n for n in names if n in truth)
    # The numbers of what is anchored are judged as a layer's, on given inputs.
    checks = tuple(
        check_form("output", actual[n], truth[n], candidate)
        if n in graph.anchored
        else truth.check(n, "output", actual[n], "float32")
        for n in layers
        if n in actual
    )
    sensitive = [n for n in layers if n in graph.anchored and n not in random_layers(graph)]
    figures = {n: _figures(n, actual, expected, truth, graph) for n in names if n in expected}
    mismatches = (*_exchanged(sensitive, actual, expected), *_changed(truth, actual, expected))
    return OutputProof(
        TraceResult(
            candidate.name, "float32", checks, layers, True, stopped, stopped_at, mismatches
        ),
        figures,
    )


def _figures(
    name: str,
    actual: Mapping[str, Array],
    expected: Mapping[str, Array],
    truth: ReferenceTrace,
    graph: Graph,
) -> Figures:
    value, reference = actual.get(name), expected[name]
    if value is None or value.shape != reference.shape:
        return NO_FIGURES
    max_abs, max_rel = differences(value, reference)
    if reference.size and not np.isfinite(reference).any() and not max_abs:
        return Figures(reason=f"all values are {nonfinite(reference)} in MXNet too")
    sensitive = name in graph.anchored
    layer: Optional[Layer] = Layer(name, reference.astype(np.float64), reference)
    if not sensitive:
        layer = truth[name] if truth.holds(name) else None
    ranked = value.ndim > 1 and value[:1].size > 1
    figures = Figures(
        max_abs,
        max_rel,
        same_top(value, reference, 1) if ranked else None,
        top_k(value, layer, "float32", 1) if ranked and layer is not None else None,
    )
    if name in random_layers(graph):
        return Figures(reason="drawn at random: judged by its distribution, as a layer")
    if sensitive:
        moved = figures.top1 is not None and figures.top1.verdict == DIFFERS
        if moved or share_apart(value, reference):
            return Figures(
                reason="the order of numbers that are as good as equal, or chance, decides here or "
                "before: judged as a layer, on MXNet's own inputs"
            )
    return figures


def _changed(
    truth: ReferenceTrace, actual: Mapping[str, Array], expected: Mapping[str, Array]
) -> Iterator[str]:
    """The outputs that no layer computes, inputs for example, and that are not handed on as they
    are."""
    for name in actual.keys() & expected.keys() if actual else ():
        if name not in truth and not same_numbers(actual[name], expected[name]):
            yield f"output {name!r} is an input in MXNet, handed on as it is; here it is changed"


def share_apart(value: Array, reference: Array) -> float:
    """The share of the numbers that differ by more than rounding; 1 if the shapes differ."""
    if value.shape != reference.shape:
        return 1.0
    wide = np.abs(reference.astype(np.float64))
    largest = float(wide.max(initial=0, where=np.isfinite(wide)))
    return float((apart(value, reference) > NEAR * largest).mean()) if value.size else 0.0


def _exchanged(
    names: Sequence[str], actual: Mapping[str, Array], expected: Mapping[str, Array]
) -> Iterator[str]:
    """The outputs whose numbers are those of another one in MXNet.

    Args:
        names: of the outputs whose numbers are not held to a limit.
    """
    for name in names if len(actual) == len(expected) else ():
        value = actual[name]
        shares = {n: share_apart(value, e) for n, e in expected.items()}
        nearest = min(shares, key=lambda n: shares[n])
        if shares[nearest] < shares[name] - 0.5:
            yield f"output {name!r} holds what MXNet returns as {nearest!r}"
