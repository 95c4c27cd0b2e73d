"""Is it slower? Decided through noise, from passes of two sides that took turns in one run.

A round is A B B A, so that a drift of the machine within it cancels. A turn is several passes,
of which the fastest counts: what else runs on the machine can only make a pass longer. What is left
of the machine's moods hits both sides of a round alike (their times correlate by 0.75 to 0.9), so
each round is divided by its level, the geometric mean of its two times, before medians are taken.
The ratio of these medians is the median of the rounds' ratios, and has an error half as large as
that of the ratio of the plain medians. The decision is by its bootstrap interval: rounds are drawn
anew, with replacement.

Looking again and again until there is an answer would find a slowdown in any noise, and so would
asking about many benchmarks. So the risk of a false alarm that a night may take is divided by the
number of looks and by the number of benchmarks (Bonferroni), and an interval belongs to that share.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

Rounds = Sequence[Tuple[float, float]]

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"
RESAMPLES = 2000


@dataclass(frozen=True)
class Plan:
    """What counts as slower, and how sure one has to be.

    Attributes:
        tolerated: a slowdown that is none: two runs of the same code may differ by it, because
            memory lies elsewhere.
        slower: one that has to be found; a benchmark passes when it is shown to be below.
        risk: of a false alarm, in all comparisons of a night together.
        comparisons: that are decided in that night.
        looks: after how many rounds it may be decided, in ascending order.
        seconds: after which no other round begins.
        expected: the ratio at which neither side is slower than it was; 1 for the same model on
            both sides.
        expected_error: the standard error of its logarithm, if it was measured.
    """

    tolerated: float = 0.01
    slower: float = 0.04
    risk: float = 0.005
    comparisons: int = 1
    looks: Tuple[int, ...] = (12, 24, 48, 96)
    seconds: float = 45.0
    expected: float = 1.0
    expected_error: float = 0.0

    @property
    def confidence(self) -> float:
        """Of each side of an interval."""
        return 1 - self.risk / (self.comparisons * len(self.looks))

    @property
    def confidence_of_one(self) -> float:
        """The same, of one of two pairs of processes: both have to show a slowdown, and that both
        do so by chance is as rare as the risk."""
        return 1 - math.sqrt(self.risk / self.comparisons) / len(self.looks)


@dataclass(frozen=True)
class Decision:
    """
    Attributes:
        verdict: "pass", "fail" or "inconclusive".
        ratio: candidate over control; what is `expected` counts as 1.
        low, high: its interval, at the plan's confidence.
        rounds: that it took.
        more_rounds: about how many more would settle it; None if it is settled.
        measured: the ratio itself, whatever was expected.
        error: the standard error of its logarithm.
    """

    verdict: str
    ratio: float
    low: float
    high: float
    rounds: int
    more_rounds: Optional[int]
    measured: float
    error: float

    def to_json(self) -> Dict[str, Any]:
        return asdict(self)


def decide(rounds: Rounds, plan: Plan, confidence: Optional[float] = None) -> Decision:
    """The verdict after these rounds of (candidate, control), in seconds.

    Args:
        confidence: of each side of the interval; the plan's, if none is given.
    """
    measured, error = paired_ratio(rounds)
    ratio = measured / plan.expected
    degrees = len(rounds) - 1
    quantile = _student(confidence or plan.confidence, degrees)
    reach = quantile * math.hypot(error, plan.expected_error)
    low, high = ratio * math.exp(-reach), ratio * math.exp(reach)
    verdict, more = INCONCLUSIVE, None
    if low > 1 + plan.tolerated:
        verdict = FAIL
    elif high < 1 + plan.slower:
        verdict = PASS
    else:
        more = _more(ratio, reach, len(rounds), plan)
    return Decision(verdict, ratio, low, high, len(rounds), more, measured, error)


def _more(ratio: float, reach: float, rounds: int, plan: Plan) -> int:
    """An interval shrinks with the square root of the rounds; the ratio is taken as it is."""
    to_fail = math.log(ratio / (1 + plan.tolerated))
    to_pass = math.log((1 + plan.slower) / ratio)
    needed = rounds * (reach / max(to_fail, to_pass)) ** 2
    return max(1, math.ceil(needed) - rounds)


def paired_ratio(rounds: Rounds) -> Tuple[float, float]:
    """(candidate over control, the standard error of its logarithm by bootstrap).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, chapter 6.
    """
    times: npt.NDArray[np.float64] = np.log(np.asarray(rounds, dtype=np.float64))
    ratios = times[:, 0] - times[:, 1]
    draw = np.random.default_rng(0)  # the same rounds are decided in the same way
    chosen = ratios[draw.integers(0, len(ratios), (RESAMPLES, len(ratios)))]
    return math.exp(np.median(ratios)), float(np.std(np.median(chosen, axis=1), ddof=1))


def _student(confidence: float, degrees: int) -> float:
    """The quantile of Student's t, by its expansion about the normal one.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z, n = NormalDist().inv_cdf(confidence), degrees
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / n**power for power, term in enumerate(terms, 1))


def detectable(
    rounds: Rounds, plan: Plan, *, power: float = 0.8, count: Optional[int] = None
) -> float:
    """The smallest slowdown that is found at this noise, as a share.

    Two pairs of processes have to show it, each and together, and it must not have passed for
    none before.

    Args:
        power: how often it is found.
        count: of rounds, for which there is time, in both pairs together.
    """
    noise = paired_ratio(rounds)[1] * math.sqrt(len(rounds))  # of one round
    one, two = (NormalDist().inv_cdf(share) for share in (power, math.sqrt(power)))
    none, some = math.log1p(plan.tolerated), math.log1p(plan.slower)
    looks = [n for n in plan.looks if 2 * n <= (count or math.inf)] or [plan.looks[0]]
    unpassed, found = 0.0, []
    for look in looks:
        error = noise / math.sqrt(look)
        sure, likely = (
            _student(confidence, look - 1) * error
            for confidence in (plan.confidence, plan.confidence_of_one)
        )
        unpassed = max(unpassed, min(none + sure, some - sure) + two * error)
        together = _student(plan.confidence, 2 * look - 1) + one
        each = none + likely + two * error
        found.append(max(unpassed, each, none + together * error / math.sqrt(2)))
    return math.expm1(min(found))


def shown(rounds: Rounds, plan: Plan) -> str:
    """The verdict of one pair of processes; a slowdown needs less here, because two have to."""
    verdict = decide(rounds, plan).verdict
    return verdict if verdict != INCONCLUSIVE else _suspected(rounds, plan)


def _suspected(rounds: Rounds, plan: Plan) -> str:
    verdict = decide(rounds, plan, plan.confidence_of_one).verdict
    return FAIL if verdict == FAIL else INCONCLUSIVE
