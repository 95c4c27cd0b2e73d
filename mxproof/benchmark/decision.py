"""Decide whether a model became slower, from interleaved passes of two runtimes in one run.

A round is A B B A, so that a drift of the machine within it cancels. A turn is several passes, and
the fastest counts: whatever else runs on the machine can only lengthen a pass. What remains of the
machine's moods hits both sides of a round alike (their times correlate by 0.75 to 0.9), so each
round is divided by its level, the geometric mean of its two times, before medians are taken. The
ratio of these medians is the median of the rounds' ratios, and its error is half that of the ratio
of the plain medians. The error is bootstrapped over rounds.

Looking again and again until there is an answer would find a slowdown in any noise, and so would
asking about many models. The accepted risk of a false alarm is therefore divided by the number of
interim analyses and of comparisons (Bonferroni), and each interval is held to that share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Optional, Sequence, Tuple

import numpy as np

from ..runtimes.base import RuntimeFailure

#: (candidate, control) of each round, in seconds.
Rounds = Sequence[Tuple[float, float]]

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"
RESAMPLES = 2000
EXTRA = ("cpuinfo", "psutil", "scipy")


def require_extra() -> None:
    """Check, before anything is measured, that there is what decisions need.

    Raises:
        RuntimeFailure: a library of the `bench` extra is not installed.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise RuntimeFailure(
            f"{', '.join(missing)}: not installed here, but needed to decide about latencies and "
            "to record where they were measured. Install the extra: pip install 'mxproof[bench]'."
        )


@dataclass(frozen=True)
class TestPlan:
    """What counts as slower, and how sure the verdict has to be.

    Attributes:
        noise_floor: slowdowns up to this fraction count as noise: two processes running the same
            code may differ by it, because their memory lies elsewhere.
        min_effect: the smallest slowdown that has to be found; a model passes once its slowdown
            is shown to be smaller.
        alpha: risk of a false alarm, over all comparisons of a run together.
        comparisons: how many are decided in that run.
        interim_analyses: numbers of rounds after which it may be decided, ascending.
        expected: the ratio that counts as unchanged; 1 for the same model on both sides.
        expected_error: the standard error of its logarithm, if it was measured.
    """

    __test__ = False  # its name does not make it one of pytest's

    noise_floor: float = 0.01
    min_effect: float = 0.04
    alpha: float = 0.005
    comparisons: int = 1
    interim_analyses: Tuple[int, ...] = (12, 24, 48, 96)
    expected: float = 1.0
    expected_error: float = 0.0

    @property
    def confidence(self) -> float:
        """Of each side of an interval."""
        return 1 - self.alpha / (self.comparisons * len(self.interim_analyses))

    @property
    def confidence_of_one(self) -> float:
        """The same for one of two process pairs. Both have to show a slowdown, and the chance that
        both do so by accident is the accepted risk."""
        return 1 - math.sqrt(self.alpha / self.comparisons) / len(self.interim_analyses)


@dataclass(frozen=True)
class Decision:
    """A verdict, and the interval behind it.

    Attributes:
        verdict: "pass", "fail" or "inconclusive".
        ratio: candidate over control, where the expected ratio counts as 1.
        low, high: its interval, at the plan's confidence.
        rounds: how many were measured.
        more_rounds: roughly how many more would settle it; None if it is settled.
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


def decide(rounds: Rounds, plan: TestPlan, confidence: Optional[float] = None) -> Decision:
    """The verdict after these rounds.

    Args:
        confidence: of each side of the interval; the plan's by default.
    """
    from scipy import stats

    measured, error = paired_ratio(tuple(rounds))
    ratio, count = measured / plan.expected, len(rounds)
    quantile = stats.t.ppf(confidence or plan.confidence, count - 1)
    reach = float(quantile * math.hypot(error, plan.expected_error))
    low, high = ratio * math.exp(-reach), ratio * math.exp(reach)
    verdict, more = INCONCLUSIVE, None
    if low > 1 + plan.noise_floor:
        verdict = FAIL
    elif high < 1 + plan.min_effect:
        verdict = PASS
    else:  # an interval shrinks with the square root of the rounds
        to_fail = math.log(ratio / (1 + plan.noise_floor))
        to_pass = math.log((1 + plan.min_effect) / ratio)
        more = max(1, math.ceil(count * (reach / max(to_fail, to_pass)) ** 2) - count)
    return Decision(verdict, ratio, low, high, count, more, measured, error)


def decide_one(rounds: Rounds, plan: TestPlan) -> str:
    """The verdict of one process pair; a slowdown needs less here, because two pairs have to
    show it."""
    verdict = decide(rounds, plan).verdict
    if verdict == INCONCLUSIVE and decide(rounds, plan, plan.confidence_of_one).verdict == FAIL:
        return FAIL
    return verdict


@lru_cache(maxsize=256)  # the same rounds are held to several levels of confidence
def paired_ratio(rounds: Tuple[Tuple[float, float], ...]) -> Tuple[float, float]:
    """(candidate over control, the standard error of its logarithm by bootstrap).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, chapter 6.
    """
    from scipy import stats

    times = np.log(np.asarray(rounds, dtype=np.float64))
    ratios = times[:, 0] - times[:, 1]
    again = stats.bootstrap(
        (ratios,),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        random_state=np.random.default_rng(0),  # the same rounds always get the same verdict
    )
    return math.exp(np.median(ratios)), float(again.standard_error)
