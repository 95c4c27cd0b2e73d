"""Which numbers may be drawn for an input, from what reads it: by what each operator means."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest

from converters.ir.limits import input_limits
from converters.ir.ranges import COMPUTE, inverse
from converters.mxnet_format.symbol import in_visiting_order
from converters.operators.registry import Limits
from fixtures.networks import Network

Entry = Tuple[int, int]
#: (network, data (7, 3, 8), the input in question) -> the network's head.
Build = Callable[[Network, Entry, Entry], Entry]
STEPS, BATCH = 7, 3


def masked(net: Network, data: Entry, length: Entry) -> Entry:
    how = {"use_sequence_length": True}
    return net.layer("SequenceMask", "mask", data, length, **how)


def scalar(op: str, number: float) -> Build:
    return lambda net, data, x: masked(net, data, net.layer(op, "s", x, scalar=number))


def stored(op: str, *numbers: float) -> Build:
    def build(net: Network, data: Entry, x: Entry) -> Entry:
        other = net.variable("stored", np.array(numbers, np.float32))
        return masked(net, data, net.layer(op, "s", x, other))

    return build


def softmax(net: Network, data: Entry, x: Entry) -> Entry:
    """BERT's attention: the length, once for each of 8 rows."""
    x = net.layer("Reshape", "r", x, shape=(-1, 1))
    x = net.layer("Cast", "c", net.layer("broadcast_axis", "b", x, axis=1, size=8), dtype="int32")
    data = net.layer("transpose", "t", data, axes=(1, 2, 0))
    return net.layer("softmax", "softmax", data, x, use_length=True, axis=-1)


def gathered(net: Network, data: Entry, x: Entry) -> Entry:
    """Row 0 is counted, row 1 is the input."""
    rows = net.layer("_contrib_arange_like", "a", x)
    pair = rows, net.layer("Cast", "c", x, dtype="float32")
    x = net.layer("stack", "s", *pair, axis=0, num_args=2)
    return net.layer("gather_nd", "g", data, x)


def transposed(net: Network, data: Entry, x: Entry) -> Entry:
    """Both coordinates of a place beside one another: what fits either."""
    return net.layer("gather_nd", "g", data, net.layer("transpose", "t", x))


def compared(net: Network, data: Entry, x: Entry) -> Entry:
    """A mask made of a length: counted steps are below it."""
    steps = net.layer("_contrib_arange_like", "a", data, axis=0)
    x = net.layer("Reshape", "r", x, shape=(-1, 1))
    steps = net.layer("Reshape", "q", steps, shape=(1, -1))
    return net.layer("broadcast_lesser", "m", steps, x)


def summed(net: Network, data: Entry, x: Entry) -> Entry:
    """A mask (3, 7) whose sum is a length."""
    return masked(net, data, net.layer("sum", "s", x, axis=1))


def chosen(net: Network, data: Entry, x: Entry) -> Entry:
    return net.layer("where", "w", x, data, net.layer("relu", "n", data))


def chosen_and_computed_with(net: Network, data: Entry, x: Entry) -> Entry:
    return net.layer("broadcast_mul", "p", chosen(net, data, x), net.layer("exp", "e", x))


def embedded(net: Network, data: Entry, x: Entry) -> Entry:
    x = net.layer("slice_axis", "a", x, axis=0, begin=0, end=2)
    return net.layer("Embedding", "e", x, net.parameter("w", 9, 4), input_dim=9, output_dim=4)


def both(net: Network, data: Entry, x: Entry) -> Entry:
    last = net.layer("SequenceLast", "last", data, x, use_sequence_length=True)
    four = net.layer("slice_axis", "four", data, axis=0, begin=0, end=4)
    return net.layer("broadcast_add", "sum", last, masked(net, four, x))


def two_terms(net: Network, data: Entry, x: Entry) -> Entry:
    return masked(net, data, net.layer("elemwise_add", "sum", x, net.variable("other")))


NONE = object()


@pytest.mark.parametrize(
    ("build", "shape", "expected"),
    [
        (masked, (BATCH,), (1, STEPS)),
        (softmax, (BATCH,), (1, STEPS)),
        (scalar("_plus_scalar", 1), (BATCH,), (0, STEPS - 1)),
        (scalar("_minus_scalar", 2), (BATCH,), (3, STEPS + 2)),
        (scalar("_rminus_scalar", 8), (BATCH,), (1, STEPS)),
        (scalar("_mul_scalar", STEPS), (BATCH,), (1 / STEPS, 1)),
        (scalar("_div_scalar", 4), (BATCH,), (4, 4 * STEPS)),
        (stored("broadcast_add", 0, 1, 3), (BATCH,), (1, STEPS - 3)),
        (stored("broadcast_mul", 1, 2, 1), (BATCH,), (1, STEPS / 2)),
        (two_terms, (BATCH,), (0.5, STEPS / 2)),
        (summed, (BATCH, STEPS), (1 / STEPS, 1)),
        (gathered, (2,), (0, BATCH - 1)),
        (transposed, (2, 2), (0, BATCH - 1)),
        (compared, (BATCH,), (0, STEPS)),
        (chosen, (STEPS, BATCH, 8), (0, 1)),
        (chosen_and_computed_with, (STEPS, BATCH, 8), NONE),
        (embedded, (5,), (0, 8)),
        (both, (BATCH,), (1, 4)),
    ],
)
def test_what_reads_it(build: Build, shape: Tuple[int, ...], expected: Any) -> None:
    net = Network()
    data, x = net.variable("data"), net.variable("x")
    shapes = {"data": (STEPS, BATCH, 8), "x": shape, "other": shape}
    head = build(net, net.layer("relu", "first", data), x)
    used = {n.name for n in in_visiting_order(net.symbol(head)).nodes}
    given = {name: size for name, size in shapes.items() if name in used}
    limits = input_limits(net.graph(head, inputs=given), given)
    assert "data" not in limits
    if expected is NONE:
        assert "x" not in limits
        return
    assert (limits["x"].low, np.ravel(limits["x"].high).tolist()) == (
        pytest.approx(expected[0]),
        pytest.approx([expected[1]]),
    )


@pytest.mark.parametrize(
    ("op", "attrs", "shape", "expected"),
    [
        ("gather_nd", {}, (2, 5), [[STEPS - 1], [BATCH - 1]]),
        ("take", {"axis": 1, "mode": "raise"}, (4,), BATCH - 1),
        ("pick", {"axis": 0}, (BATCH, 8), STEPS - 1),
        ("SequenceReverse", {"use_sequence_length": True}, (BATCH,), STEPS),
    ],
)
def test_positions_are_inside_what_they_choose_from(
    op: str, attrs: Dict[str, Any], shape: Tuple[int, ...], expected: Any
) -> None:
    """Rows of coordinates have a limit each."""
    net = Network()
    head = net.layer(op, "chosen", net.variable("data"), net.variable("x"), **attrs)
    shapes = {"data": (STEPS, BATCH, 8), "x": shape}
    limits = input_limits(net.graph(head, inputs=shapes), shapes)["x"]
    np.testing.assert_array_equal(limits.high, expected)
    assert limits.low == int(op == "SequenceReverse")


@pytest.mark.parametrize("kind", COMPUTE)
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("other", [(1, 1), (2, 3), (0.5, 2), None])
def test_arithmetic_is_undone(kind: str, place: int, other: Any) -> None:
    """Whatever the other operand is, the result keeps its limits: tried at all ends."""
    limits = Limits(1, 70)
    found = inverse(kind, place, limits, other)
    if found is None:
        assert kind == "div" and (place == 1 or other is None)
        return
    if other is None:
        rest = inverse(kind, 1 - place, limits, None)
        assert rest is not None
        other = rest.low, rest.high
    assert found.low <= found.high
    for x in (found.low, found.high):
        for y in other:
            result = COMPUTE[kind](*((x, y) if place == 0 else (y, x)))
            assert limits.low - 1e-9 <= result <= limits.high + 1e-9
