from __future__ import annotations

from typing import Callable, List, Optional, Tuple

import pytest

from converters import Graph, to_onnx, to_pytorch
from converters.progress import counted, listening, part_of, report
from fixtures.networks import resnet

Told = List[Tuple[str, int, Optional[int]]]


def test_who_listens_is_told_and_nobody_else() -> None:
    outer: Told = []
    inner: Told = []
    report("before")
    with listening(lambda *what: outer.append(what)):
        report("begun")
        with listening(lambda *what: inner.append(what)):
            report("within", 1, 3)
        assert list(counted("ab", "letters")) == ["a", "b"]
    report("after")
    assert inner == [("within", 1, 3)]
    assert outer == [("begun", 0, None), ("letters", 0, 2), ("letters", 1, 2)]


@pytest.mark.parametrize("convert", [to_onnx, to_pytorch])
def test_conversions_tell_of_each_layer(convert: Callable[[Graph], object]) -> None:
    graph = resnet()
    told: Told = []
    with listening(lambda *what: told.append(what)):
        convert(graph)
    count = len(graph.nodes)
    assert [what[1:] for what in told] == [(done, count) for done in range(count)]


def test_a_part_counts_on_from_what_was_done_before() -> None:
    told: Told = []
    with part_of("night 2: ", 10, 30):
        report("nobody listens")
    with listening(lambda *what: told.append(what)):
        with part_of("night 2: ", 10, 30):
            report("third", 3, 10)
        report("after", 1, 2)
    assert told == [("night 2: third", 13, 30), ("after", 1, 2)]


def test_a_listener_that_fails_is_not_left_behind() -> None:
    def fail(*_: object) -> None:
        raise KeyError

    with pytest.raises(KeyError), listening(fail):
        report("x")
    report("y")
