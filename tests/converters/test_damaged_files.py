"""Whatever a file holds, what comes back is a network or one of our errors; never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from converters import (
    ConversionError,
    UnusedParametersWarning,
    load_checkpoint,
    save_checkpoint,
    to_onnx,
    to_pytorch,
)

from .networks import Network, small_resnet

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


def outcome(prefix: Path) -> str:
    """What loading and converting comes to; any exception but ours gets through."""
    try:
        graph = load_checkpoint(prefix)
        to_onnx(graph)
        to_pytorch(graph)
    except ConversionError as error:
        assert str(error)
        assert "\n" not in str(error)
        return "error"
    return "network"


@pytest.mark.filterwarnings("ignore::converters.UnusedParametersWarning")
def test_a_symbol_damaged_in_one_place(tmp_path: Path) -> None:
    """Each value of the file replaced by each of VALUES."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 2, kernel=(1, 1), pad=(0, 0))
    x = net.batch_norm("bn", x, 2, eps=0.1)
    x = net.layer("SoftmaxOutput", "out", x, net.variable("label"))
    save_checkpoint(tmp_path / "net", net.symbol(x), net.arrays)
    path = tmp_path / "net-symbol.json"
    document = json.loads(path.read_text())
    outcomes = {"network": 0, "error": 0}
    for place in places(document):
        for value in VALUES:
            path.write_text(json.dumps(changed(document, place, value)))
            outcomes[outcome(tmp_path / "net")] += 1
    assert min(outcomes.values()) > 50, "some changes matter, some do not"


@pytest.mark.filterwarnings("ignore::converters.UnusedParametersWarning")
@pytest.mark.parametrize("seed", range(4))
def test_parameters_damaged_at_random(tmp_path: Path, seed: int) -> None:
    """Bytes changed, mostly in headers and names; the end cut off."""
    net, head = small_resnet()
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    path = tmp_path / "net-0000.params"
    whole, draw = path.read_bytes(), random.Random(seed)
    arrays = len(whole) - 400
    outcomes = {"network": 0, "error": 0}
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            start = draw.choice((0, 0, arrays))
            damaged[start + draw.randrange(400)] = draw.choice((0, 1, 127, 255))
        if draw.random() < 0.2:
            damaged = damaged[: draw.randrange(len(damaged))]
        path.write_bytes(bytes(damaged))
        outcomes[outcome(tmp_path / "net")] += 1
    assert min(outcomes.values()) > 5


def test_the_damage_above_is_seen() -> None:
    """The loops above would see an exception that is not ours."""
    assert not issubclass(KeyError, ConversionError)
    assert issubclass(UnusedParametersWarning, UserWarning)
