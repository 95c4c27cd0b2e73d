"""The latency gate: decides for each converted model whether it is slower than its control."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Tuple

from converters.progress import report

from ..runtimes.base import Inputs
from .decision import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Decision,
    TestPlan,
    decide,
    decide_one,
    require_extra,
)
from .environment import CpuContention, cores, cpu
from .timing import TimingTarget, WarmProcess, all_opened

#: Seconds of a turn, if a pass is shorter, and the most passes in it; the fastest one counts.
TURN, MOST_PASSES = 0.12, 5
#: The share of the machine (a third of a core, of two) from which on other processes' work
#: invalidates a slowdown between runtimes of two kinds.
BUSY = 0.15
#: With fewer seconds left, nothing is measured again: starting its processes takes some.
SHORTEST_VISIT = 15.0


@dataclass
class Benchmark:
    """One comparison, and what was measured for it.

    Attributes:
        control_name: what the candidate is compared with: "mxnet", "python", …
        process_pairs: for each pair of processes its rounds of (candidate, control), in seconds.
        others: the share of the machine that other processes took, in the busiest visit.
        processes: "candidate" and "control" -> versions, load_seconds and peak_bytes.
    """

    model: str
    candidate: TimingTarget
    control: TimingTarget
    inputs: Inputs
    control_name: str
    plan: TestPlan
    process_pairs: List[List[Tuple[float, float]]] = field(default_factory=list)
    seconds: float = 0.0
    others: float = 0.0
    processes: Dict[str, Dict[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.model}-{self.candidate.runtime}"

    @property
    def identity(self) -> Dict[str, Any]:
        """What two runs must have in common for their ratios to be compared."""
        return {
            "name": self.name,
            "control": self.control_name,
            "input": {name: list(array.shape) for name, array in self.inputs.items()},
            "cpu": cpu(),
            "cores": cores(),
        }

    @property
    def uneven(self) -> bool:
        """Other processes were at work, and may have hit one side harder than the other.

        Two runtimes have different numbers of threads and wait for them in different ways; one
        that waits for the last of several is late whenever any of them is.
        """
        return self.others > BUSY and self.candidate.runtime != self.control.runtime

    @property
    def rounds(self) -> List[Tuple[float, float]]:
        return [both for pair in self.process_pairs for both in pair]

    @property
    def verdicts(self) -> List[str]:
        """Of each process pair by itself."""
        return [decide_one(pair, self.plan) for pair in self.process_pairs]

    def decision(self) -> Decision:
        """Decide by all rounds; but a slowdown must be shown by two process pairs, each by itself.

        Each is held to less than both together. What a single pair shows may be its own: where its
        memory lies has made two processes running one file differ by 6 % for as long as they lived
        (on a busy machine). And a busy machine proves nothing between runtimes of two kinds.
        """
        found = decide(self.rounds, self.plan)
        verdicts = self.verdicts
        agreed = verdicts.count(FAIL) > 1 and PASS not in verdicts
        if found.verdict == FAIL and (self.uneven or not agreed):
            more = self.plan.interim_analyses[0]
            return replace(found, verdict=INCONCLUSIVE, more_rounds=more)
        return found

    def to_json(self) -> Dict[str, Any]:
        return {
            **self.identity,
            "model": self.model,
            "runtime": self.candidate.runtime,
            **asdict(self.decision()),
            "expected": self.plan.expected,
            "others": self.others,
            "process_pairs": len(self.process_pairs),
            "seconds": self.seconds,
        }


def judge(
    candidate: TimingTarget,
    control: TimingTarget,
    inputs: Inputs,
    plan: TestPlan,
    seconds: float = 45.0,
) -> Decision:
    """Decide whether the candidate is slower than the control. Raises as `run` does."""
    benchmark = Benchmark("", candidate, control, inputs, "", plan)
    run([benchmark], seconds)
    return benchmark.decision()


def run(benchmarks: Sequence[Benchmark], seconds: float) -> None:
    """Measure a process pair of each benchmark, then again of those that are open, in turn.

    What a clear case leaves of its share of the time goes to the others. A pair that passes
    settles its benchmark; a first one that fails is followed by another, however late it is.

    Args:
        seconds: for all of them.

    Raises:
        RuntimeFailure: a runtime does not run, or the `bench` extra is not installed.
    """
    require_extra()
    begin, waiting = time.perf_counter(), list(benchmarks)
    while waiting:
        benchmark = waiting.pop(0)
        left = seconds - (time.perf_counter() - begin)
        unconfirmed = benchmark.verdicts == [FAIL]
        if benchmark.process_pairs and left < SHORTEST_VISIT and not unconfirmed:
            continue
        count = sum(bool(b.process_pairs) for b in benchmarks)
        report(f"latency of {benchmark.name}", count, len(benchmarks))
        _measure_pair(benchmark, max(left, 0.0) / (1 + len(waiting)))
        if benchmark.decision().verdict == INCONCLUSIVE and not benchmark.uneven:
            waiting.append(benchmark)


def _measure_pair(benchmark: Benchmark, seconds: float) -> None:
    """Measure rounds of a new process pair; no further ones after `seconds`, once there are as
    many as the first interim analysis takes."""
    begin, contention = time.perf_counter(), CpuContention()
    analyses = benchmark.plan.interim_analyses
    targets = [("control", benchmark.control), ("candidate", benchmark.candidate)]
    rounds: List[Tuple[float, float]] = []
    if len(benchmark.process_pairs) % 2:
        targets.reverse()  # the first to start has its choice of memory
    benchmark.process_pairs.append(rounds)
    with all_opened(dict(targets), benchmark.inputs) as processes:
        for both in abba_rounds(processes["candidate"], processes["control"]):
            rounds.append(both)
            late = time.perf_counter() - begin > seconds
            if len(rounds) in analyses and _settled(benchmark):
                break
            if len(rounds) >= analyses[0 if late else -1]:
                break
        benchmark.processes = {name: process.figures() for name, process in processes.items()}
    benchmark.others = max(benchmark.others, contention.others())
    benchmark.seconds += time.perf_counter() - begin


def _settled(benchmark: Benchmark) -> bool:
    """Whether the latest process pair needs no more rounds.

    The first pair that shows a slowdown needs none; with a later one, all must show it together.
    """
    *others, latest = benchmark.verdicts
    if latest == FAIL and others:
        return benchmark.decision().verdict == FAIL
    return latest != INCONCLUSIVE


def abba_rounds(candidate: WarmProcess, control: WarmProcess) -> Iterator[Tuple[float, float]]:
    """Rounds without end: A B B A, then B A A B. Yields (candidate, control), in seconds."""
    both = candidate, control
    passes = [max(1, min(MOST_PASSES, int(TURN / process.once()))) for process in both]
    order = 0, 1, 1, 0
    while True:
        best = [float("inf"), float("inf")]
        for side in order:
            best[side] = min(best[side], *both[side].passes(passes[side]))
        yield best[0], best[1]
        order = order[1], order[0], order[0], order[1]


def overall(verdicts: Iterable[str]) -> str:
    """One verdict for a run: a slowdown anywhere is one; an open case leaves it open."""
    found = set(verdicts)
    return FAIL if FAIL in found else INCONCLUSIVE if INCONCLUSIVE in found else PASS
