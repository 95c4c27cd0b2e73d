"""Every comparator, fed what is plainly wrong: each must fail, and pass what is right."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from converters import Graph
from mxproof.compare import compare
from mxproof.prover import prove_outputs
from mxproof.recording import RecordedTruth
from mxproof.recording.sketch import keep
from mxproof.runtimes.base import Layer
from mxproof.truth import Truth
from tests.converters.networks import Network

from .fakes import NOISE, PRECISIONS, Array, Fake, Layers, clean

NAMES, SHAPES = ("conv", "relu", "dense"), ((2, 4, 15, 16), (2, 64, 7, 9), (3, 700))


def graph() -> Graph:
    """The last two layers are outputs."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    x = net.layer("Activation", "relu", x, act_type="relu")
    return net.graph(x, net.layer("Flatten", "dense", x))


GRAPH = graph()


def layers_of(seed: int) -> List[Layer]:
    random = np.random.default_rng(seed)
    layers = []
    for name, shape in zip(NAMES, SHAPES):
        t = random.standard_normal(shape)
        m = t + NOISE * random.standard_normal(shape)
        layers.append(Layer(name, t, m.astype(np.float32)))
    return layers


def recorded(layers: List[Layer], outputs: List[Array]) -> RecordedTruth:
    kept = [keep(layer) for layer in layers]
    assert not any(k.whole for k in kept), "a sketch is what is tested here"
    return RecordedTruth({}, kept, outputs)


TRUTHS: Dict[str, Callable[[List[Layer], List[Array]], Truth]] = {
    "live": lambda layers, outputs: Truth({}, layers, outputs),
    "recorded": recorded,
}


def only_the_relu(change: Callable[[Array], Array]) -> Callable[[Layers], Layers]:
    return lambda layers: [(n, change(v) if n == "relu" else v) for n, v in layers]


OTHER = {p: dict(clean(layers_of(1), p)) for p in PRECISIONS}
CONTROLS: Dict[str, Callable[[Layers], Layers]] = {
    "zeros": only_the_relu(np.zeros_like),
    "channels shuffled": only_the_relu(
        lambda v: v[:, np.random.default_rng(0).permutation(v.shape[1])]
    ),
    "two channels exchanged": only_the_relu(lambda v: v[:, [1, 0, *range(2, v.shape[1])]]),
    "samples exchanged": only_the_relu(lambda v: v[::-1].copy()),
    "sorted": only_the_relu(lambda v: np.sort(v, axis=None).reshape(v.shape)),
    "another input's": only_the_relu(lambda v: OTHER[str(v.dtype)]["relu"]),
    "NaN": only_the_relu(lambda v: np.where(np.arange(v.size).reshape(v.shape) == 1000, np.nan, v)),
    "infinite": only_the_relu(lambda v: v + np.array(np.inf, v.dtype)),
    "negated": only_the_relu(np.negative),
    "the other precision": only_the_relu(
        lambda v: v.astype("float32" if v.dtype == np.float64 else "float64")
    ),
    "truncated": lambda layers: layers[:-1],
    "empty": lambda layers: [],
}


def compared(truth: Truth, layers: Layers, precision: str, alone: bool = False) -> bool:
    return compare(truth, Fake(layers, precision), GRAPH, alone=alone).passed


def alone(truth: Truth, layers: Layers, precision: str) -> bool:
    return not truth.whole or compared(truth, layers, precision, alone=True)


def outputs(truth: Truth, layers: Layers, precision: str) -> bool:
    values = [dict(layers)[n] for n in ("relu", "dense") if n in dict(layers)]
    return prove_outputs(Fake([], "float32", outputs=values), truth, GRAPH).passed


#: What judges -> (how, in which precisions, by which truths).
COMPARATORS: Dict[str, Tuple[Callable[..., bool], Tuple[str, ...], Tuple[str, ...]]] = {
    "layers in the chain": (compared, PRECISIONS, tuple(TRUTHS)),
    "each layer alone": (alone, PRECISIONS, ("live",)),
    "outputs": (outputs, ("float32",), tuple(TRUTHS)),
}

CASES: List[Any] = [
    pytest.param(judge, precision, truth, id=f"{name}-{precision}-{truth}")
    for name, (judge, precisions, truths) in COMPARATORS.items()
    for precision in precisions
    for truth in truths
]


@pytest.mark.parametrize(("judge", "precision", "kind"), CASES)
@pytest.mark.parametrize("control", CONTROLS)
def test_what_is_wrong_fails(
    control: str, judge: Callable[..., bool], precision: str, kind: str
) -> None:
    layers = layers_of(0)
    truth = TRUTHS[kind](layers, [layer.float32 for layer in layers[1:]])
    right = clean(layers, precision)
    assert judge(truth, right, precision), "what is right passes"
    assert not judge(truth, CONTROLS[control](right), precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", TRUTHS)
def test_a_run_that_compared_nothing_fails(kind: str, precision: str) -> None:
    truth = TRUTHS[kind]([], [])
    assert not compared(truth, [], precision)
    assert not compared(truth, clean(layers_of(0), precision), precision)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values[::-1],
        lambda values: values[:1],
        lambda values: [*values, values[0]],
        lambda values: [values[0], values[0]],
    ],
    ids=["exchanged", "one missing", "one too many", "one twice"],
)
@pytest.mark.parametrize("kind", TRUTHS)
def test_the_set_and_the_order_of_outputs(
    kind: str, change: Callable[[List[Array]], List[Array]]
) -> None:
    layers = layers_of(0)
    truth = TRUTHS[kind](layers, [layer.float32 for layer in layers[1:]])
    right = [v for n, v in clean(layers, "float32") if n != "conv"]
    assert prove_outputs(Fake([], "float32", outputs=right), truth, GRAPH).passed
    assert not prove_outputs(Fake([], "float32", outputs=change(right)), truth, GRAPH).passed
