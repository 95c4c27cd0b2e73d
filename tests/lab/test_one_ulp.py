"""The smallest possible change: one weight of ResNet-152, to the next float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import pytest

from lab.mutation.mutant import Baseline, MutationSite
from lab.mutation.parallel import baseline_of
from lab.mutation.parameters import dead, ulps
from mxproof.compare import compare
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import load_subject
from mxproof.targets import TARGETS, convert

SITES = 200
Place = Tuple[str, Tuple[int, ...]]  # a layer, and an index into its weight


def drawn(baseline: Baseline) -> Tuple[List[Place], Dict[Place, str]]:
    """Weights drawn evenly from those of all convolutions: SITES live ones, and the dead ones met
    on the way with the reason."""
    random = np.random.default_rng(0)
    params = baseline.graph.params
    layers = [n.name for n in baseline.graph.nodes if n.op == "Convolution"]
    sizes = np.array([params[f"{name}_weight"].size for name in layers])
    live: List[Place] = []
    lost: Dict[Place, str] = {}
    while len(live) < SITES:
        name = layers[random.choice(len(layers), p=sizes / sizes.sum())]
        weight = params[f"{name}_weight"]
        at = tuple(int(random.integers(size)) for size in weight.shape)
        delta = float(ulps(weight[at], 1)) - float(weight[at])
        why = dead(MutationSite(baseline, name, random), at, delta)
        if why:
            lost[name, at] = why
        else:
            live.append((name, at))
    return live, lost


def batches(places: List[Place]) -> List[Dict[str, Tuple[int, ...]]]:
    """At most one place of a layer in each: isolated layers do not influence each other."""
    result: List[Dict[str, Tuple[int, ...]]] = []
    for name, at in places:
        batch = next((b for b in result if name not in b), None)
        if batch is None:
            result.append(batch := {})
        batch[name] = at
    return result


@pytest.mark.nightly
def test_one_ulp_of_one_weight(
    mxnet: MxnetProcess, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Caught, and named, in 99 of 100."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    subject = load_subject("resnet152", weights="seeded")
    baseline = baseline_of(mxnet, subject, subject.evidence({}, samples=2))
    live, lost = drawn(baseline)
    caught = 0
    for number, batch in enumerate(batches(live)):
        params = dict(subject.graph.params)
        for name, at in batch.items():
            array = params[f"{name}_weight"] = params[f"{name}_weight"].copy()
            array[at] = ulps(array[at], 1)
        target = list(TARGETS)[number % len(TARGETS)]
        path = convert(replace(subject.graph, params=params), target, tmp_path)[0]
        candidate = TARGETS[target].open(path, "float64")
        named = set()
        for truth in baseline.truths:
            found = compare(truth, candidate, subject.graph, alone=True)
            named |= {check.layer for check in found.failed}
        assert named <= set(batch), "a layer without a fault was named"
        caught += len(named)
    for place, why in lost.items():
        print("dead:", *place, why)
    print(f"{caught} of {len(live)} live sites caught; {len(lost)} dead ones met on the way")
    record_property("caught", caught)
    assert caught >= 0.99 * SITES
