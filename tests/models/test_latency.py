"""How long a forward pass takes in MXNet, onnxruntime and PyTorch: `pytest-benchmark`, by model.

Whether something became slower is for `mxproof bench --against`, whose two sides take turns.
"""

from __future__ import annotations

import statistics
from contextlib import contextmanager
from itertools import product
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import pytest

from mxproof.benchmark.converted_model import ConvertedModel
from mxproof.benchmark.timing import RUNTIMES, opened, target_of
from mxproof.runtimes.mxnet.client import MxnetProcess

from .conftest import Case

ROUNDS = 3
DAILY = ("mxnet", "onnxruntime", "pytorch")
BATCHES = ("batch-one", "batch-many")
#: Of the largest magnitude. A fused or frozen network rounds otherwise; other inputs, a missing
#: layer or another layout are far beyond it.
CLOSE = 1e-3

Outputs = List[Any]


def settings() -> Iterator[Any]:
    for batch, threads, runtime in product(range(2), (None, 1), RUNTIMES):
        usual = not batch and threads is None
        if runtime == "pytorch-compiled" and not usual:
            continue  # a minute each
        marks = [] if usual and runtime in DAILY else [pytest.mark.nightly]
        name = f"{BATCHES[batch]}-{threads or 'all'}-threads-{runtime}"
        yield pytest.param(batch, threads, runtime, id=name, marks=marks)


@pytest.fixture(scope="module")
def untimed() -> Callable[..., Outputs]:
    """The outputs of an ordinary run: of the zoo MXNet's, once for all runtimes; of a user's
    network, which may sort its outputs, the same runtime's."""
    known: Dict[Tuple[str, int], Outputs] = {}

    def run(case: Case, runtime: str, batch: int, inputs: Mapping[str, Any]) -> Outputs:
        if runtime != "mxnet" and case.subject.model is None:
            return case.candidate(target_of(runtime), "float32").run(inputs)
        if (case.name, batch) not in known:
            known[case.name, batch] = case.reference.run(inputs)
        return known[case.name, batch]

    return run


@contextmanager
def forward_pass(
    model: ConvertedModel,
    case: Case,
    runtime: str,
    threads: Optional[int],
    inputs: Any,
    python: str,
) -> Iterator[Callable[[], Outputs]]:
    """A forward pass, ready to be called: of the candidate that the other suites have open, or of
    a process that has this number of threads, this form of the model, or MXNet with its fusion."""
    if runtime in DAILY[1:] and threads is None:
        candidate = case.candidate(target_of(runtime), "float32")
        yield lambda: candidate.run(inputs)
        return
    options = {"python": python} if runtime == "mxnet" else {}
    with opened(model.target(runtime, threads=threads, **options), inputs) as timed:
        yield lambda: timed.process.time(1)[1]


@pytest.mark.parametrize(("batch", "threads", "runtime"), list(settings()))
def test_latency(
    case: Case,
    batch: int,
    threads: Optional[int],
    runtime: str,
    untimed: Callable[..., Outputs],
    mxnet: MxnetProcess,
    benchmark: Any,
    hand_in: Callable[..., None],
) -> None:
    """What is timed computes the model's outputs."""
    model = ConvertedModel(case.subject, case.paths)
    sizes = model.batches()
    if batch >= len(sizes):
        pytest.skip("the network fixes its batch size")
    inputs = model.inputs(sizes[batch], case.given)
    expected = untimed(case, runtime, batch, inputs)
    benchmark.group = f"{case.name}, batch {sizes[batch]}, {threads or 'all'} threads"
    benchmark.extra_info.update(runtime=runtime, weights=case.subject.weights)
    with forward_pass(model, case, runtime, threads, inputs, mxnet.python) as run:
        outputs = benchmark.pedantic(run, rounds=ROUNDS, warmup_rounds=1)
    assert len(outputs) == len(expected)
    for output, other in zip(outputs, expected):
        assert output.shape == other.shape
        np.testing.assert_array_equal(np.isfinite(output), np.isfinite(other))
        np.testing.assert_allclose(output, other, rtol=0, atol=CLOSE * np.abs(other).max())
    if not batch and threads is None and not benchmark.disabled:
        seconds = benchmark.stats.stats.data
        found = {"median_ms": 1e3 * statistics.median(seconds), "min_ms": 1e3 * min(seconds)}
        hand_in(case, latency={runtime: {**found, "rounds": len(seconds), "threads": None}})
