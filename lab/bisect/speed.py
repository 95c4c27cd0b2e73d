"""Judges an environment by how long a pass of the model takes in it."""

from __future__ import annotations

import math
import time
from typing import Any, Callable, List, Protocol, Sequence, Tuple

import numpy as np
from scipy.stats import bootstrap

from .environments import CONVERTER_PACKAGES, Environment, changes
from .runner import EnvironmentRunner
from .search import GREEN, RED, UNKNOWN, Outcome

#: Factors that cannot matter if the files are the same.
ONLY_WRITING = {*CONVERTER_PACKAGES, "revision"} - {"numpy"}
SLOWER = "Red means slower than the good environment, timed side by side."
RISK = 0.005  # of a false accusation, over all comparisons of a bisection
NOISE_FLOOR = 0.01  # slowdowns up to this fraction count as noise
MIN_EFFECT = 0.04  # slowdowns from this fraction on must be found
ROUNDS = (12, 60)  # at least, at most
PASSES = 5  # in a turn; the fastest counts


class Timed(Protocol):
    def seconds(self, passes: int) -> float: ...


def race(candidate: Timed, control: Timed, seconds: float) -> List[Tuple[float, float]]:
    """Let two processes take turns, so that other work on the machine slows both.

    Returns:
        Seconds of a pass of (candidate, control), by round.
    """
    rounds: List[Tuple[float, float]] = []
    for side in (candidate, control):
        side.seconds(2 * PASSES)  # warm up
    end = time.monotonic() + seconds
    while len(rounds) < ROUNDS[0] or (len(rounds) < ROUNDS[1] and time.monotonic() < end):
        if len(rounds) % 2:
            rounds.append((candidate.seconds(PASSES), control.seconds(PASSES)))
        else:
            rounds.append((control.seconds(PASSES), candidate.seconds(PASSES))[::-1])
    return rounds


def judge_times(rounds: Sequence[Tuple[float, float]], risk: float) -> Outcome:
    """Judge by the ratio of the medians; each bound of its interval is wrong at this risk."""
    times = tuple(np.transpose(rounds))

    def ratio(candidate: Any, control: Any, axis: int = -1) -> Any:
        return np.median(candidate, axis=axis) / np.median(control, axis=axis)

    level = 1 - 2 * risk
    low, high = bootstrap(
        times, ratio, paired=True, confidence_level=level, method="percentile", random_state=0
    ).confidence_interval
    verdict = RED if low > 1 + NOISE_FLOOR else GREEN if high < 1 + MIN_EFFECT else UNKNOWN
    interval = f"{low:.3f} to {high:.3f}, {len(rounds)} rounds"
    return Outcome(verdict, f"takes {ratio(*times):.3f} times as long ({interval})")


def speed_judge(
    runner: EnvironmentRunner, target: str, good: Environment, risk: float, seconds: float
) -> Tuple[str, Callable[[Environment], Outcome]]:
    """The criterion, and a judge that compares environments with the good one.

    Args:
        risk: that an environment that is not slower is called red.
        seconds: for each environment.
    """

    def compared(environment: Environment) -> Outcome:
        changed = set(changes(good, environment))
        if not changed:
            return Outcome(GREEN, "the good environment itself")
        sides = runner.start(environment, target), runner.start(good, target)
        with sides[0] as (candidate, files), sides[1] as (control, others):
            if files == others and changed <= ONLY_WRITING:
                return Outcome(GREEN, "the same file in the same runtime")
            return judge_times(race(candidate, control, seconds / 2), math.sqrt(risk))

    def judge(environment: Environment) -> Outcome:
        """A process may be slow for as long as it lives, by where its memory lies: red is what is
        red twice, and each time by a risk of which the square is the risk of both."""
        outcome = compared(environment)
        return compared(environment) if outcome.verdict == RED else outcome

    return SLOWER, judge
