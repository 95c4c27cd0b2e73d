"""Gradients of every operator in PyTorch against MXNet's backward pass, in training.

The examples of each row, and of rows that have none, what they draw; nightly more is drawn. What
has no gradient to compare with is listed in gradients.py, with reasons.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from converters.operators import REGISTRY
from fixtures.networks import Network
from mxproof.proof.gradients import Difference, differences
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.pytorch import Pytorch
from mxproof.runtimes.registry import convert

from .all_rows import ROWS
from .case import Case, Data
from .gradients import CASES, CRASHES, LOOSE, UNDRAWN, WITHOUT
from .prove import opened, reference
from .row import Draw, Row

#: What is left where numbers of size 1 cancel.
CANCELLED = 1e-15
DRAWN = 2
NIGHTLY = 10


def cases_of(row: Row, drawn: int) -> Dict[str, Case]:
    """Examples, and as many drawn cases (of normal numbers: gradients jump at 0)."""
    found: List[Case] = []

    @settings(
        max_examples=max(drawn, 1),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        found.append(replace(row.make(Draw(row.op, data.draw)), op=row.op))

    if drawn and row.op not in UNDRAWN:
        collect()
    named = {**row.examples, **{f"drawn {n}": case for n, case in enumerate(found)}}
    return {f"{row.op} {name}": case for name, case in named.items() if has_gradient(case)}


def has_gradient(case: Case) -> bool:
    floats = [d for d in case.inputs if isinstance(d, Data) and "float" in d.dtype]
    normalised = "BatchNorm" in case.op and floats
    # Of one number PyTorch takes no statistics.
    alone = normalised and np.prod(floats[0].shape) == floats[1].shape[0]
    return bool(floats) and not alone


def failures(case: Case, mxnet: MxnetProcess) -> List[Difference]:
    """What differs in a training step."""
    limit = LOOSE.get(case.op, (0.0, ""))[0]
    with opened(case, mxnet) as (graph, model, folder):
        path = convert(graph, "pytorch", folder)[0]
        found = differences(graph, path, model, case.feeds(0))
    return [d for d in found if d.excess > 1 and d.error > max(limit * d.largest, CANCELLED)]


def tried(nightly: bool) -> Iterator[object]:
    for op, row in ROWS.items():
        if not REGISTRY[op].random and op not in WITHOUT:
            marks = [pytest.mark.nightly] if nightly else []
            yield pytest.param(row, NIGHTLY if nightly else 0, id=f"{op}", marks=marks)


@pytest.mark.parametrize(("row", "drawn"), [*tried(False), *tried(True)])
def test_gradients(row: Row, drawn: int, mxnet: MxnetProcess) -> None:
    for name, case in cases_of(row, drawn or (0 if row.examples else DRAWN)).items():
        if name not in {*CASES, *CRASHES}:
            wrong = failures(case, mxnet)
            assert not wrong, f"{name} {case}: {'; '.join(map(str, wrong))}"


@pytest.mark.parametrize("name", [*WITHOUT, *CASES])
def test_what_is_listed_cannot_be_compared(name: str, mxnet: MxnetProcess) -> None:
    """Else it must not be listed."""
    op, _, example = name.partition(" ")
    cases = [ROWS[op].examples[example]] if example else [*cases_of(ROWS[op], 3).values()]
    for case in cases:
        try:
            if failures(case, mxnet):
                return
        except RuntimeFailure:
            return
    pytest.fail(f"{name}: the gradients are MXNet's, so leave it out of gradients.py")


def test_a_network(mxnet: MxnetProcess) -> None:
    """Layers that share weights and statistics, a bias that the batch norm behind it takes away,
    so that its gradient is rounding only, and statistics that are frozen."""
    net = Network()
    x = net.variable("data")
    weight = net.parameter("weight", 3, 3, 3, 3)
    attrs = {"num_filter": 3, "kernel": (3, 3), "pad": (1, 1)}
    stored = {name: net.parameter(name, 3) for name in ("gamma", "beta", "mean")}
    stored["var"] = net.variable("var", np.ones(3, np.float32))
    for unit in range(3):
        bias = net.parameter(f"bias{unit}", 3)
        x = net.layer("Convolution", f"conv{unit}", x, weight, bias, **attrs)
        options = {"fix_gamma": False, "use_global_stats": unit == 1}
        x = net.batch_norm(f"bn{unit}", x, 3, **options)
        x = net.layer("Activation", f"relu{unit}", x, act_type="relu")
        x = net.layer("BatchNorm", f"shared{unit}", x, *stored.values(), use_global_stats=True)
    classes = net.parameter("classes", 5, 192)
    x = net.layer("FullyConnected", "scores", x, classes, num_hidden=5, no_bias=True)
    x = net.layer("SoftmaxOutput", "softmax", x, net.variable("label"))
    with reference(net.symbol(x), net.arrays, {"data": (4, 3, 8, 8)}, mxnet) as (graph, model, out):
        path = convert(graph, "pytorch", out)[0]
        inputs = {"data": np.random.default_rng(0).standard_normal((4, 3, 8, 8), np.float32)}
        found = {d.name: d for d in differences(graph, path, model, inputs)}
        trained = dict(Pytorch(path).untraced().named_parameters())
    assert [str(d) for d in found.values() if d.excess > 1] == []
    bias = found["conv0.bias"]
    assert bias.largest < 1e-12 and bias.noise > 0 and bias.terms > 0.01, "it is 0 but for rounding"
    assert "conv1.weight" in found and "conv1.weight" not in trained, "the same as conv0's"
    assert "shared0.weight" in found and "shared0.weight" not in trained, "fixed at 1"
