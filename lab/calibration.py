"""The gate, tried on slowdowns that are known: how often it finds one, and how often a false one.

A trial is a whole decision, with processes of its own, of a converted file against itself, the
candidate being slowed down by a known share. Without a slowdown, `fail` is a false alarm. Several
benchmarks are decided as a night of theirs is: what the clear ones leave of the time is for others.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from itertools import cycle, islice
from statistics import NormalDist
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from converters.progress import part_of
from mxproof.benchmark.gate import Benchmark, run
from mxproof.benchmark.latency import FAIL, INCONCLUSIVE, PASS, Plan, detectable

VERDICTS = (PASS, FAIL, INCONCLUSIVE)


@dataclass(frozen=True)
class Trial:
    """One decision.

    Attributes:
        slowdown: that was injected, as a share.
        times: (candidate, control) of its rounds, in seconds.
    """

    benchmark: str
    slowdown: float
    verdict: str
    ratio: float
    low: float
    high: float
    rounds: int
    seconds: float
    times: Sequence[Tuple[float, float]]
    versions: Mapping[str, str]


def nights(
    benchmarks: Sequence[Benchmark], slowdowns: Sequence[float], count: int, plan: Plan
) -> Iterator[List[Trial]]:
    """`count` trials of each slowdown, the benchmarks in turn, by the nights that they share; the
    slowdowns alternate, so that a noisy hour of the machine is in all of them.

    Args:
        plan: its seconds are one benchmark's share of a night.
    """
    sources = list(islice(cycle(benchmarks), count))
    total, done = count * len(slowdowns), 0
    for begin in range(0, count, len(benchmarks)):
        for slowdown in slowdowns:
            night = [
                slowed(source, slowdown) for source in sources[begin : begin + len(benchmarks)]
            ]
            with part_of(f"{100 * slowdown:g} % slower: ", done, total):
                run(night, plan, plan.seconds * len(night))
            yield [trial(benchmark, plan) for benchmark in night]
            done += len(night)


def slowed(benchmark: Benchmark, slowdown: float) -> Benchmark:
    """It against itself, of which nothing was measured yet."""
    candidate = replace(benchmark.control, slowdown=slowdown)
    return replace(benchmark, candidate=candidate, launches=[], seconds=0.0, others=0.0)


def trial(benchmark: Benchmark, plan: Plan) -> Trial:
    """What was measured of it, and what that decides."""
    found = benchmark.decision(plan)
    return Trial(
        benchmark.name,
        benchmark.candidate.slowdown,
        found.verdict,
        found.ratio,
        found.low,
        found.high,
        found.rounds,
        benchmark.seconds,
        tuple(benchmark.rounds),
        benchmark.versions["control"],
    )


@dataclass(frozen=True)
class Rate:
    """How often the verdict was `fail`."""

    slowdown: float
    found: Tuple[Trial, ...]

    def count(self, verdict: str) -> int:
        return sum(trial.verdict == verdict for trial in self.found)

    @property
    def share(self) -> float:
        return self.count(FAIL) / len(self.found)

    def interval(self, confidence: float = 0.95) -> Tuple[float, float]:
        """Of the share, by Wilson's score (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
        z, n, p = NormalDist().inv_cdf((1 + confidence) / 2), len(self.found), self.share
        middle, scale = p + z * z / (2 * n), 1 + z * z / n
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)

    @property
    def median_seconds(self) -> float:
        return statistics.median(t.seconds for t in self.found)

    def to_json(self) -> Dict[str, Any]:
        return {
            "slowdown": self.slowdown,
            "trials": len(self.found),
            **{verdict: self.count(verdict) for verdict in VERDICTS},
            "share_failed": self.share,
            "interval": list(self.interval()),
            "median_seconds": self.median_seconds,
        }


def rates(found: Sequence[Trial]) -> List[Rate]:
    """By slowdown."""
    slowdowns = sorted({trial.slowdown for trial in found})
    return [Rate(s, tuple(t for t in found if t.slowdown == s)) for s in slowdowns]


def sensitivity(found: Sequence[Trial], plan: Plan) -> Dict[str, float]:
    """Benchmark -> the slowdown that all of the plan's time finds in four cases of five.

    The rounds of all trials without a slowdown tell how the benchmark scatters; the error of a
    longer trial shrinks with the square root of its rounds.
    """
    clean = [trial for trial in found if not trial.slowdown]
    names = dict.fromkeys(trial.benchmark for trial in clean)
    effects: Dict[str, float] = {}
    for name in names:
        own = [trial for trial in clean if trial.benchmark == name]
        each = statistics.median(trial.seconds / trial.rounds for trial in own)
        rounds = int(plan.seconds / each)
        effects[name] = statistics.median(
            detectable(trial.times, plan, count=rounds) for trial in own
        )
    return effects
