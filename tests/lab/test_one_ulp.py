"""The smallest possible change: one weight of ResNet-152, to the next float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Set, Tuple

import numpy as np
import pytest

from converters import Graph
from lab.mutation.campaign import CATALOGUE, baseline_of
from lab.mutation.definitions import convolution, difference
from lab.mutation.mutant import Baseline, MutationSite
from mxproof.model import load_model
from mxproof.proof.compare import compare
from mxproof.proof.tolerance import Budget
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

SITES = 200
FAULT = CATALOGUE["one weight off by an ulp"]


def planted(baseline: Baseline) -> List[Tuple[Graph, Set[str]]]:
    """Networks with SITES live weights off, drawn evenly from those of all convolutions, and the
    layers of these: one weight a layer, as isolated layers do not influence each other."""
    random, found = np.random.default_rng(0), []
    layers = [n.name for n in baseline.graph.nodes if n.op == "Convolution"]
    sizes = np.array([baseline.graph.params[f"{name}_weight"].size for name in layers])
    for name in map(str, random.choice(layers, SITES, p=sizes / sizes.sum())):
        free = next((n for n, (_, faulty) in enumerate(found) if name not in faulty), len(found))
        found += [(baseline.graph, set())] if free == len(found) else []
        graph, faulty = found[free]
        site = MutationSite(replace(baseline, graph=graph), name, random)
        mutants = (FAULT.plant(site).graph for _ in range(20))
        found[free] = next(m for m in mutants if shows(baseline, graph, m, name)), {*faulty, name}
    return found


def shows(baseline: Baseline, before: Graph, after: Graph, name: str) -> bool:
    """Does the convolution compute something else, by its definition, on the inputs drawn?"""
    operator, data = before.operators[name], str(baseline.nodes[name].inputs[0])
    weights = [g.params[f"{name}_weight"].astype(np.float64) for g in (before, after)]
    values = (baseline.value(data, truth) for truth in baseline.truths)
    gaps = (difference(*(convolution(operator, v, w) for w in weights)) for v in values)
    return any(gap > Budget().float64_rel for gap in gaps)


@pytest.mark.nightly
def test_one_ulp_of_one_weight(
    mxnet: MxnetProcess, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Caught, and named, in 99 of 100."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    subject = load_model("resnet152", weights="seeded")
    baseline = baseline_of(mxnet, subject, samples=2)
    caught = 0
    for number, (graph, faulty) in enumerate(planted(baseline)):
        target = list(TARGETS)[number % len(TARGETS)]
        candidate = TARGETS[target].open(convert(graph, target, tmp_path)[0], "float64")
        found = [compare(t, candidate, subject.graph, alone=True) for t in baseline.truths]
        named = {check.layer for each in found for check in each.failed}
        assert named <= faulty, "a layer without a fault was named"
        caught += len(named)
    print(f"{caught} of {SITES} live sites caught")
    record_property("caught", caught)
    assert caught >= 0.99 * SITES
