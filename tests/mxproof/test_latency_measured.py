"""How latencies are taken; that they are right is for a clock to say, and for tests/models."""

from __future__ import annotations

from typing import Callable, List

import pytest

from mxproof import latency
from mxproof.latency import ROUNDS, WARM_UP, Timing, measure


class Clock:
    """Time that passes only when a runtime takes some."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: List[str] = []

    def runtime(self, name: str, *seconds: float) -> Callable[[], float]:
        """One that takes these times in turn, and then the last of them."""
        times = list(seconds)

        def run() -> float:
            taken = times.pop(0) if len(times) > 1 else times[0]
            self.now += taken
            self.order.append(name)
            return taken

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(latency.time, "perf_counter", lambda: found.now)
    return found


def test_warm_up_does_not_count(clock: Clock) -> None:
    slow_at_first = clock.runtime("a", *[9.0] * WARM_UP, 0.25)
    assert measure({"a": slow_at_first}) == {"a": Timing(250.0, 250.0, 8 + 1)}


def test_median_and_shortest_of_the_second_pass_in_each_turn(clock: Clock) -> None:
    times = clock.runtime("a", *[1.0] * WARM_UP, 0.5, 5.0, 0.5, 1.0, 9.0, 2.0)
    assert measure({"a": times}, seconds=0) == {"a": Timing(2000.0, 1000.0, 3)}


def test_they_take_turns_and_begin_in_turn(clock: Clock) -> None:
    measure({name: clock.runtime(name, 0.001) for name in "abc"}, seconds=0)
    rounds = "".join(clock.order[3 * WARM_UP :])
    assert rounds == "aabbcc" + "bbccaa" + "ccaabb"


@pytest.mark.parametrize(("each", "rounds"), [(1e-4, ROUNDS[1]), (0.25, 5), (100.0, ROUNDS[0])])
def test_time_is_bounded(each: float, rounds: int, clock: Clock) -> None:
    """As many rounds as there is time for, at least enough to tell, at most enough."""
    found = measure({name: clock.runtime(name, each) for name in "ab"}, seconds=4.5)
    assert {timing.rounds for timing in found.values()} == {rounds}


def test_of_nothing() -> None:
    assert measure({}) == {}
