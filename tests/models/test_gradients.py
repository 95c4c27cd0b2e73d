"""Training goes on in PyTorch: every gradient, and what a training step leaves in batch norms.

The loss is cross entropy where the network ends in SoftmaxOutput, else a fixed weighted sum of the
outputs; MXNet's own backward pass in float64 is the truth (mxproof/proof/gradients.py).
"""

from __future__ import annotations

from typing import Dict, Tuple

import pytest

from mxproof.proof.gradients import differences
from mxproof.proof.losses import inner_losses
from mxproof.runtimes.base import RuntimeFailure

from .conftest import Case

#: Few numbers, but several for each statistic of the last batch norms: of two, nothing is left.
#: By the number of axes.
SHAPES = {4: (4, 3, 33, 32), 5: (4, 3, 5, 49, 48)}
BATCH = 4


def shapes_of(case: Case) -> Dict[str, Tuple[int, ...]]:
    """Of the inputs: small ones for the zoo; else those of the other suites, as a batch."""
    shapes = case.subject.concrete(case.given)
    if case.subject.model is not None:
        return {name: SHAPES[len(shape)] for name, shape in shapes.items()}
    return {
        v.name: tuple(BATCH if d == "N" else n for d, n in zip(v.shape or (), shapes[v.name]))
        for v in case.subject.graph.inputs
    }


def test_gradients(case: Case) -> None:
    graph = case.subject.graph
    losses = [f"{node.op} {node.name!r}" for node in inner_losses(graph)]
    if losses:
        pytest.skip(f"{', '.join(losses)}: a loss that other layers read, so that none is theirs")
    if graph.anchored:
        pytest.skip("chance, or the order of numbers, decides which gradients there are")
    inputs = case.subject.inputs(shapes_of(case), seed=1)
    try:
        found = differences(graph, case.paths["pytorch"], case.reference, inputs)
    except RuntimeFailure as error:
        pytest.skip(str(error))
    worst = [str(difference) for difference in found if difference.excess > 1]
    assert not worst, f"{case.name}: {len(worst)} of {len(found)} differ; {'; '.join(worst[:5])}"
    noisy = [d.name for d in found if d.noise and case.subject.model]
    assert not noisy, f"the six models need no allowance for rounding: {noisy}"
