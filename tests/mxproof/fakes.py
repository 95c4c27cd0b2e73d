"""Candidates and truths made up for tests: no network is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
import pytest

from converters import Graph
from fixtures.networks import Network
from mxproof.benchmark.timing import WarmProcess
from mxproof.proof.compare import compare
from mxproof.proof.trace import ReferenceTrace
from mxproof.proof.trace_results import TraceResult
from mxproof.recording.recorded import RecordedTrace
from mxproof.recording.sketch import keep
from mxproof.runtimes.base import Inputs, Layer, Visitor

Array = Any
Layers = List[Tuple[str, Array]]

NAMES, SHAPES = ("conv", "relu", "dense"), ((2, 4, 5, 6), (2, 64, 3, 3), (2, 7))
PRECISIONS = ("float64", "float32")
NOISE = 1e-4  # of the fake MXNet's float32: far above an ulp, so that only ratios count


@dataclass
class Fake:
    """A candidate that shows what it is told to."""

    layers: Layers
    precision: str = "float64"
    name: str = "fake"
    outputs: List[Array] = field(default_factory=list)

    def run(self, inputs: Inputs) -> List[Array]:
        return self.outputs

    def trace(self, inputs: Inputs, visit: Visitor, portions: Any = None) -> List[Array]:
        for name, value in self.layers:
            if isinstance(value, Exception):
                raise value
            visit(name, value)
        last = self.layers[-1][1] if self.layers else np.zeros(0)
        return self.outputs or [dict(self.layers).get(GRAPH.outputs[0], last)]


def graph(*outputs: str) -> Graph:
    """
    Args:
        outputs: of `NAMES`.
    """
    net = Network()
    conv = net.convolution("conv", net.variable("data"), 3, 4)
    relu = net.layer("Activation", "relu", conv, act_type="relu")
    heads = dict(zip(NAMES, (conv, relu, net.layer("Flatten", "dense", relu))))
    return net.graph(*(heads[name] for name in outputs))


GRAPH = graph("dense")
each_precision = pytest.mark.parametrize("precision", PRECISIONS)


def made_up(names: Sequence[str], shapes: Sequence[Any], seed: int = 0) -> List[Layer]:
    """Normal numbers, and the same with NOISE."""
    random = np.random.default_rng(seed)
    truth = []
    for name, shape in zip(names, shapes):
        t = random.standard_normal(shape)
        m = t + NOISE * random.standard_normal(shape)
        truth.append(Layer(name, t, m.astype(np.float32)))
    return truth


def truth_of(seed: int = 0) -> List[Layer]:
    return made_up(NAMES, SHAPES, seed)


def clean(truth: Sequence[Layer], precision: str, noise: float = 1.0) -> Layers:
    """The truth, rounded as another library would: in float32 as noisy as MXNet, mirrored."""
    if precision == "float64":
        return [(t.name, t.float64 * (1 + 1e-15)) for t in truth]
    return [(t.name, (t.float64 * (1 + noise) - noise * t.float32).astype("f")) for t in truth]


def reference(
    truth: Sequence[Layer], recorded: bool = False, outputs: Sequence[Array] = ()
) -> ReferenceTrace:
    """As MXNet gives it, or as a recording keeps it: all of the small layers, a sketch of relu."""
    if not recorded:
        return ReferenceTrace({}, truth, outputs)
    kept = list(map(keep, truth))
    assert all(k.whole == (k.name != "relu") for k in kept)
    return RecordedTrace({}, kept, outputs)


def judge(
    layers: Layers,
    precision: str,
    truth: Optional[Sequence[Layer]] = None,
    *,
    recorded: bool = False,
    **options: Any,
) -> TraceResult:
    against = reference(truth_of() if truth is None else truth, recorded)
    return compare(against, Fake(layers, precision), GRAPH, **options)


@dataclass
class Chain:
    """Three layers, each a multiple of the one before; one of them is off."""

    wrong: int
    name: str = "chain"
    precision: str = "float64"

    def run(self, inputs: Inputs) -> List[Array]:
        return self.trace(inputs, lambda name, value: None)

    def trace(self, inputs: Inputs, visit: Visitor, portions: Any = None) -> List[Array]:
        x = inputs["data"]
        for i, name in enumerate(NAMES):
            x = x * (2 + 1e-6 * (i == self.wrong))
            replacement = visit(name, x)
            x = x if replacement is None else replacement
        return [x]


class Clock:
    """Time that passes only when a runtime takes some."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: List[str] = []


def clocked(clock: Clock, name: str, *seconds: float) -> WarmProcess:
    """A runtime that takes these times in turn, and then the last of them."""
    times = list(seconds)
    return ticking(clock, name, lambda: times.pop(0) if len(times) > 1 else times[0])


def ticking(clock: Clock, name: str, draw: Callable[[], float]) -> WarmProcess:
    """A runtime whose passes take what is drawn."""

    def time(count: int, slowdown: float) -> Tuple[List[float], List[Array]]:
        found = []
        for _ in range(count):
            found.append(draw())
            clock.now += found[-1]
            clock.order.append(name)
        return found, []

    answer = {"bytes": 0}, []  # of the request for its peak
    process: Any = SimpleNamespace(time=time, versions={}, ask=lambda do: answer)
    return WarmProcess(process)
