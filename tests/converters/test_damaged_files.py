"""Whatever a file holds, what comes back is a network or one of our errors; never a traceback."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, Tuple

import pytest

from converters import ConversionError, Graph, load_checkpoint, save_onnx, to_onnx, to_pytorch
from converters.mxnet_format.binding import bind
from converters.mxnet_format.symbol import parse_symbol, symbol_to_json
from converters.onnx.to_mxnet import from_onnx
from fixtures.networks import Network, saved

VALUES: Tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 1.5, 10**30, "", "x", "null", "\ud800", "\0"),
    *([], [[]], [1], [0, 0], [0, 0, 0], [1, 7, 0], [999, 0, 0], {}, {"a": 1}, {"a": {}}),
)


def damaged(part: Any) -> Iterator[None]:
    """While the caller looks at the document, one value in `part` of it is another one."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in list(items):
        for other in VALUES:
            part[key] = other
            yield
        part[key] = value
        if isinstance(value, (dict, list)):
            yield from damaged(value)


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
    document = [json.loads(symbol_to_json(net.symbol(x)))]
    outcomes: Counter[str] = Counter()
    for _ in damaged(document):
        symbol = json.dumps(document[0])
        load = partial(lambda s: bind(parse_symbol(s), net.arrays, name="net", inputs={}), symbol)
        outcomes[outcome(load)] += 1
    check(outcomes)


def check(outcomes: Counter[str]) -> None:
    """Some damage matters and some does not; every error is one paragraph."""
    assert outcomes["a network"] > 5
    assert len(outcomes) > 5
    assert all(message and "\n" not in message for message in outcomes)


def back(path: Path) -> Graph:
    model = from_onnx(path)
    return bind(model.symbol, model.arrays, name="net", inputs=model.inputs)


@pytest.mark.filterwarnings("ignore::converters.UnusedParametersWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["params", "onnx"])
def test_a_file_damaged_at_random(kind: str, seed: int, tmp_path: Path) -> None:
    """Bytes changed where headers and names are, which is everywhere in ONNX; the end cut off."""
    graph = saved(tmp_path / "net")
    save_onnx(to_onnx(graph), tmp_path / "net.onnx")
    path, load = tmp_path / "net.onnx", partial(back, tmp_path / "net.onnx")
    if kind == "params":
        path, load = tmp_path / "net-0000.params", partial(load_checkpoint, tmp_path / "net")
    whole, draw = path.read_bytes(), random.Random(seed)
    starts = range(0, len(whole) - 400, 400) if kind == "onnx" else (0, 0, len(whole) - 400)
    outcomes: Counter[str] = Counter()
    for _ in range(100):
        changed = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            changed[draw.choice(starts) + draw.randrange(400)] = draw.choice((0, 1, 127, 255))
        if draw.random() < 0.2:
            changed = changed[: draw.randrange(len(changed))]
        path.write_bytes(bytes(changed))
        outcomes[outcome(load)] += 1
    check(outcomes)
