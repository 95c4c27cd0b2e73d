"""Whatever a file holds, what comes back is a network or one of our errors; never a traceback."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, Tuple

import pytest

from converters import ConversionError, Graph, load_checkpoint, to_onnx, to_pytorch
from converters.binding import bind
from converters.symbol import parse_symbol, symbol_to_json

from .networks import Network, saved

VALUES: Tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 1.5, 10**30, "", "x", "null", "\ud800", "\0"),
    *([], [[]], [1], [0, 0], [0, 0, 0], [1, 7, 0], [999, 0, 0], {}, {"a": 1}, {"a": {}}),
)


def places(document: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    """Paths to everything inside a JSON document."""
    yield path
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield from places(value, (*path, key))


def changed(document: Any, path: Tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


def outcome(load: Callable[[], Graph]) -> str:
    """What loading and converting comes to; any exception but ours gets through."""
    try:
        graph = load()
        to_onnx(graph)
        to_pytorch(graph)
    except ConversionError as error:
        return str(error)
    return "a network"


@pytest.mark.filterwarnings("ignore::converters.UnusedParametersWarning")
def test_a_symbol_damaged_in_one_place() -> None:
    """Each value of the file replaced by each of VALUES."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 2, kernel=(1, 1), pad=(0, 0))
    x = net.batch_norm("bn", x, 2, eps=0.1)
    x = net.layer("SoftmaxOutput", "out", x, net.variable("label"))
    document = json.loads(symbol_to_json(net.symbol(x)))
    outcomes: Counter[str] = Counter()
    for place in places(document):
        for value in VALUES:
            text = json.dumps(changed(document, place, value))
            load = partial(bind_text, text, net)
            outcomes[outcome(load)] += 1
    check(outcomes)


def bind_text(text: str, net: Network) -> Graph:
    return bind(parse_symbol(text), net.arrays, name="net", inputs={})


def check(outcomes: Counter[str]) -> None:
    """Some damage matters and some does not; every error is one paragraph."""
    assert outcomes["a network"] > 5
    assert len(outcomes) > 5
    assert all(message and "\n" not in message for message in outcomes)


@pytest.mark.filterwarnings("ignore::converters.UnusedParametersWarning")
@pytest.mark.parametrize("seed", range(4))
def test_parameters_damaged_at_random(tmp_path: Path, seed: int) -> None:
    """Bytes changed, mostly in headers and names; the end cut off."""
    saved(tmp_path / "net")
    path = tmp_path / "net-0000.params"
    whole, draw = path.read_bytes(), random.Random(seed)
    arrays = len(whole) - 400
    outcomes: Counter[str] = Counter()
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            start = draw.choice((0, 0, arrays))
            damaged[start + draw.randrange(400)] = draw.choice((0, 1, 127, 255))
        if draw.random() < 0.2:
            damaged = damaged[: draw.randrange(len(damaged))]
        path.write_bytes(bytes(damaged))
        outcomes[outcome(partial(load_checkpoint, tmp_path / "net"))] += 1
    check(outcomes)
