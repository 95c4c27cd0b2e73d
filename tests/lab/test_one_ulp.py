"""The smallest change that there is: one weight of ResNet-152, to the next float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import pytest

from lab.mutation.fault import Ground, Site
from lab.mutation.single import dead, ulps
from mxproof.compare import compare
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import load_subject
from mxproof.targets import TARGETS, convert

SITES = 200
Place = Tuple[str, Tuple[int, ...]]  # a layer, and an index into its weight


def drawn(ground: Ground) -> Tuple[List[Place], Dict[Place, str]]:
    """Weights drawn alike from all that convolutions have: SITES live ones, and the dead ones met
    on the way with the reason."""
    random = np.random.default_rng(0)
    layers = [n for n in ground.graph.nodes if n.op == "Convolution"]
    sizes = np.array([ground.graph.params[f"{n.name}_weight"].size for n in layers])
    live: List[Place] = []
    lost: Dict[Place, str] = {}
    while len(live) < SITES:
        name = layers[random.choice(len(layers), p=sizes / sizes.sum())].name
        weight = ground.graph.params[f"{name}_weight"]
        at = tuple(int(random.integers(size)) for size in weight.shape)
        delta = float(ulps(weight[at], 1)) - float(weight[at])
        why = dead(Site(ground, name, random), at, delta)
        if why:
            lost[name, at] = why
        else:
            live.append((name, at))
    return live, lost


def batches(places: List[Place]) -> List[List[Place]]:
    """At most one place of a layer in each: layers judged alone do not know of each other."""
    result: List[List[Place]] = []
    for place in places:
        free = (b for b in result if place[0] not in {name for name, _ in b})
        batch = next(free, None)
        if batch is None:
            result.append(batch := [])
        batch.append(place)
    return result


def test_one_ulp_of_one_weight(
    mxnet: MxnetProcess, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Caught, and named, in 99 of 100."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    subject = load_subject("resnet152", weights="seeded")
    model = mxnet.load(subject.prefix, 0, subject.graph)
    truths = [model.truth(x) for x in subject.evidence({}, samples=2)]
    model.close()
    live, lost = drawn(Ground(subject.graph, truths))
    caught = 0
    for number, batch in enumerate(batches(live)):
        params = dict(subject.graph.params)
        for name, at in batch:
            array = params[f"{name}_weight"].copy()
            array[at] = ulps(array[at], 1)
            params[f"{name}_weight"] = array
        target = list(TARGETS)[number % len(TARGETS)]
        path = convert(replace(subject.graph, params=params), target, tmp_path)[0]
        candidate = TARGETS[target].open(path, "float64")
        named = set()
        for truth in truths:
            found = compare(truth, candidate, subject.graph, alone=True)
            named |= {check.layer for check in found.failed}
        planted = {name for name, _ in batch}
        assert named <= planted, "a layer that nothing was done to"
        caught += len(named)
    for place, why in lost.items():
        print("dead:", *place, why)
    print(f"{caught} of {len(live)} live sites caught; {len(lost)} dead ones met on the way")
    record_property("caught", caught)
    assert caught >= 0.99 * SITES
