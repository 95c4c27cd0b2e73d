"""How long a pass takes: MXNet, onnxruntime and PyTorch; grouped by model and setting."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import hypothesis
import pytest

from fixtures.zoo import ZOO
from mxproof.benchmark.gate import judge
from mxproof.benchmark.latency import FAIL, Plan, decide
from mxproof.benchmark.lineup import Lineup
from mxproof.benchmark.timing import USUAL, Timed, Timing, all_opened, interleaved
from mxproof.environment import environment
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS

from .conftest import Case

THREADS = {"all-threads": None, "1-thread": 1}
BATCHES = {"batch-one": 0, "batch-many": 1}  # of a lineup's
ROUNDS = 5

#: Times MXNet's latency, on all cores. Measured: see docs/latency.md. These are looser: on another
#: machine MXNet may have more of its cores. What they catch is a conversion gone wrong (float64
#: weights, a lost layout); slowdowns are for `mxproof gate`, which compares like with like.
SLOWER = {"onnxruntime": 1.25, "pytorch": 1.75}


class Replay:
    """A clock that shows times which were measured already: by whom took turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Replay()
Measured = Tuple[Dict[str, Timed], Dict[str, List[float]]]


def lineup_of(case: Case) -> Lineup:
    return Lineup(case.subject, {target: case.path(target) for target in TARGETS}, {}, {})


@pytest.fixture(scope="module")
def measured(mxnet: MxnetProcess) -> Callable[..., Measured]:
    """All runtimes in a setting, in turn within one run; once, whichever test asks first."""
    known: Dict[Any, Measured] = {}

    def measure(case: Case, batch: int, threads: Optional[int]) -> Measured:
        key = case.name, batch, threads
        if key not in known:
            lineup = lineup_of(case)
            sides = {
                name: lineup.side(
                    name, threads=threads, python=mxnet.python if name == "mxnet" else None
                )
                for name in USUAL
            }
            shapes = case.picture if case.subject.model is None else lineup.inputs(batch)
            with all_opened(sides, shapes) as opened:
                times = interleaved(opened, rounds=(ROUNDS, ROUNDS), seconds=0)
                known[key] = opened, times
        return known[key]

    return measure


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("runtime", USUAL)
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("batch", BATCHES)
def test_latency(
    case: Case,
    batch: str,
    threads: str,
    runtime: str,
    measured: Callable[..., Measured],
    benchmark: Any,
    hand_in: Callable[..., None],
) -> None:
    sizes = lineup_of(case).batches()
    if BATCHES[batch] >= len(sizes):
        pytest.skip("the network has its batch size fixed")
    nightly = hypothesis.settings.get_current_profile_name() == "nightly"
    if (BATCHES[batch] or THREADS[threads]) and not nightly:
        pytest.skip("takes minutes: HYPOTHESIS_PROFILE=nightly runs it")
    size = sizes[BATCHES[batch]]
    sides, found = measured(case, size, THREADS[threads])
    seconds = list(found[runtime])
    benchmark.group = f"{case.name}, batch {size}, {threads}"
    benchmark.extra_info.update(
        {
            "runtime": runtime,
            "weights": case.subject.weights,
            "batch": size,
            "threads": THREADS[threads] or "all",
            "load_seconds": sides[runtime].load_seconds,
            **environment(sides[runtime].versions),
        }
    )
    left = iter(seconds)

    def show() -> None:
        CLOCK.now += next(left)

    benchmark.pedantic(show, rounds=len(seconds))
    assert len(seconds) == ROUNDS
    assert all(taken > 0 for taken in seconds)
    if not benchmark.disabled:
        assert benchmark.stats.stats.data == pytest.approx(seconds)
    if (size, threads) == (1, "all-threads"):
        hand_in(case, latency={runtime: Timing.of(seconds).to_json()})


@pytest.mark.models(*ZOO)  # a network of a few layers is all overhead, and no optimisation
@pytest.mark.parametrize("runtime", SLOWER)
def test_no_slower_than_mxnet(
    case: Case, runtime: str, measured: Callable[..., Measured], mxnet: MxnetProcess
) -> None:
    """Shown to be slower than allowed, and once more by other processes, is what fails."""
    _, found = measured(case, 1, None)
    plan = Plan(expected=SLOWER[runtime], looks=(4, 8), seconds=10.0)
    decision = decide(list(zip(found[runtime], found["mxnet"])), plan)
    if decision.verdict == FAIL:
        lineup = lineup_of(case)
        control = lineup.side("mxnet", python=mxnet.python)
        decision = judge(lineup.side(runtime), control, lineup.inputs(), plan)
    assert decision.verdict != FAIL, (
        f"{case.name}/{runtime}: {decision.measured:.2f} times MXNet's latency"
    )
