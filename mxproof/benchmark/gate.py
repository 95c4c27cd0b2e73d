"""The latency gate: every benchmark of a night, each candidate against its control."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from converters.progress import report

from ..runtimes.base import Inputs
from .latency import FAIL, INCONCLUSIVE, PASS, Decision, Plan, decide, shown
from .load import Load
from .timing import Side, Timed, all_opened

#: Seconds of a turn, if a pass is shorter; of its passes the fastest counts.
TURN = 0.12
MOST_PASSES = 5
#: The share of the machine from which on other processes' work is held against a comparison of two
#: runtimes: a third of a core, of two.
BUSY = 0.15
#: Seconds below which a benchmark is not visited again: its processes take some to start.
SHORTEST_VISIT = 15.0


@dataclass
class Benchmark:
    """One comparison, and what was measured of it.

    Attributes:
        control_name: what the candidate is compared with, in words.
        expected: the ratio at which the candidate is not slower than it was.
        expected_error: the standard error of that ratio's logarithm.
        launches: rounds of (candidate, control), in seconds, by the pair of processes they are of.
        others: the share of the machine that other processes took, in the busiest visit.
    """

    model: str
    candidate: Side
    control: Side
    inputs: Inputs
    control_name: str
    expected: float = 1.0
    expected_error: float = 0.0
    launches: List[List[Tuple[float, float]]] = field(default_factory=list)
    seconds: float = 0.0
    others: float = 0.0
    versions: Dict[str, Dict[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.model}-{self.candidate.runtime}"

    @property
    def identity(self) -> Dict[str, Any]:
        """What two nights must have in common for their ratios to be compared."""
        shapes = {name: list(array.shape) for name, array in self.inputs.items()}
        return {"name": self.name, "control": self.control_name, "input": shapes}

    def plan(self, plan: Plan) -> Plan:
        return replace(plan, expected=self.expected, expected_error=self.expected_error)

    @property
    def uneven(self) -> bool:
        """Other processes were at work, and may have hit one side more than the other.

        Two runtimes have different numbers of threads, and wait for them in different ways; the
        one that waits for the last of several is late whenever one of them is.
        """
        return self.others > BUSY and self.candidate.runtime != self.control.runtime

    @property
    def rounds(self) -> List[Tuple[float, float]]:
        return [pair for launch in self.launches for pair in launch]

    def decision(self, plan: Plan) -> Decision:
        """Of all rounds; but a slowdown is one if two pairs of processes show it, each by itself.

        Each is held to less than both together are. What one pair shows may be its own: where its
        memory lies, while the machine was busy, has made two processes of one file differ by 6 %,
        for as long as they lived. And a busy machine accuses nobody, where two kinds of runtimes
        are compared.
        """
        plan = self.plan(plan)
        found = decide(self.rounds, plan)
        verdicts = [shown(launch, plan) for launch in self.launches]
        agreed = verdicts.count(FAIL) > 1 and PASS not in verdicts
        if found.verdict == FAIL and (self.uneven or not agreed):
            return replace(found, verdict=INCONCLUSIVE, more_rounds=plan.looks[0])
        return found

    def to_json(self, plan: Plan) -> Dict[str, Any]:
        return {
            **self.identity,
            "model": self.model,
            "runtime": self.candidate.runtime,
            **self.decision(plan).to_json(),
            "others": self.others,
            "launches": len(self.launches),
            "seconds": self.seconds,
            "versions": self.versions,
            "times": self.rounds,
        }


def judge(candidate: Side, control: Side, inputs: Inputs, plan: Plan) -> Decision:
    """Is the candidate slower than the control?

    Raises:
        RuntimeFailure: one of them does not run.
    """
    benchmark = Benchmark("", candidate, control, inputs, "")
    visit(benchmark, plan)
    return benchmark.decision(plan)


def visit(benchmark: Benchmark, plan: Plan) -> None:
    """Add rounds until it is settled, or the plan's time is used up.

    A pair of processes that passes settles it; after one that fails, another one has to.
    """
    begin = time.perf_counter()
    while True:
        left = plan.seconds - (time.perf_counter() - begin)
        verdict = _launch(benchmark, replace(plan, seconds=left))
        again = verdict == FAIL and benchmark.decision(plan).verdict == INCONCLUSIVE
        spent = time.perf_counter() - begin
        late = spent > plan.seconds and len(benchmark.launches) > 1
        if not again or benchmark.uneven or late:
            break
    benchmark.seconds += time.perf_counter() - begin


def _launch(benchmark: Benchmark, plan: Plan) -> str:
    """Rounds of a new pair of processes, and what they show by themselves."""
    begin, load, own = time.perf_counter(), Load(), benchmark.plan(plan)
    sides = [("control", benchmark.control), ("candidate", benchmark.candidate)]
    rounds: List[Tuple[float, float]] = []
    if len(benchmark.launches) % 2:
        sides.reverse()  # who was there first had its choice of memory
    benchmark.launches.append(rounds)
    with all_opened(dict(sides), benchmark.inputs) as timed:
        benchmark.versions = {name: dict(side.versions) for name, side in timed.items()}
        for pair in race(timed["candidate"], timed["control"]):
            rounds.append(pair)
            late = time.perf_counter() - begin > plan.seconds
            if len(rounds) in plan.looks and _settled(benchmark, plan):
                break
            if len(rounds) >= (plan.looks[0] if late else plan.looks[-1]):
                break
    benchmark.others = max(benchmark.others, load.others())
    return shown(rounds, own)


def _settled(benchmark: Benchmark, plan: Plan) -> bool:
    """Does the latest pair of processes need no more rounds?

    The first one that shows a slowdown does not; a later one is enough if both together do.
    """
    verdict = shown(benchmark.launches[-1], benchmark.plan(plan))
    if verdict == FAIL and len(benchmark.launches) > 1:
        return benchmark.decision(plan).verdict == FAIL
    return verdict != INCONCLUSIVE


def race(candidate: Timed, control: Timed) -> Iterator[Tuple[float, float]]:
    """Rounds without end: A B B A, then B A A B. Yields (candidate, control), in seconds."""
    sides = candidate, control
    passes = [max(1, min(MOST_PASSES, int(TURN / side.once()))) for side in sides]
    order = 0, 1, 1, 0
    while True:
        best = [float("inf"), float("inf")]
        for side in order:
            best[side] = min(best[side], *sides[side].passes(passes[side]))
        yield best[0], best[1]
        order = order[1], order[0], order[0], order[1]


def run(benchmarks: Sequence[Benchmark], plan: Plan, seconds: float) -> None:
    """Visit each; then again those that are open, while there is time.

    What a clear case leaves of its share goes to the others.

    Args:
        seconds: for all of them.
    """
    begin = time.perf_counter()
    waiting = list(benchmarks)
    visits = 0
    while waiting:
        left = seconds - (time.perf_counter() - begin)
        if visits >= len(benchmarks) and left < SHORTEST_VISIT:
            break
        benchmark = waiting.pop(0)
        report(f"latency of {benchmark.name}", min(visits, len(benchmarks)), len(benchmarks))
        share = max(left, 0.0) / (1 + len(waiting))
        visit(benchmark, replace(plan, seconds=share))
        visits += 1
        if benchmark.decision(plan).verdict == INCONCLUSIVE and not benchmark.uneven:
            waiting.append(benchmark)


def verdict(decisions: Iterable[str]) -> str:
    """Of a night: a slowdown anywhere is one; what is open leaves it open."""
    found = set(decisions)
    return FAIL if FAIL in found else INCONCLUSIVE if INCONCLUSIVE in found else PASS


def expecting(benchmark: Benchmark, baseline: Optional[Dict[str, Any]]) -> Benchmark:
    """The same, with the ratio that a former night's record has for it."""
    for row in (baseline or {}).get("benchmarks", ()):
        if all(row[key] == value for key, value in benchmark.identity.items()):
            ratio, error = float(row["measured"]), float(row["error"])
            return replace(benchmark, expected=ratio, expected_error=error)
    return benchmark
