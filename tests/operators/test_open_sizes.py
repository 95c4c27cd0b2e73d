"""Sizes that a file leaves to the layers that read them: first states of unrolled cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest

from converters import ShapeError, UnsupportedError
from converters.ir.shapes import DeferredDim, quotient, resolve, unify
from converters.onnx.exporter import to_onnx
from converters.pytorch.exporter import to_pytorch
from fixtures.networks import Network
from mxproof.runtimes.mxnet.client import MxnetProcess

from .all_rows import ROWS
from .case import Case, Data
from .prove import prove

Entry = Tuple[int, int]


@dataclass(frozen=True)
class Cell(Case):
    """Two steps of a plain recurrent cell, from zeros of shape (0, 4)."""

    sorted: bool = False  # a layer before the cell is judged on given inputs

    def network(self) -> Tuple[Network, List[Entry]]:
        net = Network()
        x = net.variable("data0")
        if self.sorted:
            x = net.layer("sort", "sorted", x)
        weights = [net.parameter("wx", 4, 3), net.parameter("wh", 4, 4)]
        state = net.layer("_zeros", "begin", shape=(0, 4))
        dense: Dict[str, Any] = {"num_hidden": 4, "no_bias": True}
        for step in ("first", "second"):
            new = net.layer("FullyConnected", f"{step}_x", x, weights[0], **dense)
            old = net.layer("FullyConnected", f"{step}_h", state, weights[1], **dense)
            total = net.layer("elemwise_add", f"{step}_sum", new, old)
            state = net.layer("Activation", f"{step}_out", total, act_type="tanh")
        return net, [state]


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("anchored", [False, True])
def test_unrolled_cell(free: bool, anchored: bool, mxnet: MxnetProcess) -> None:
    case = Cell("_zeros", (Data((5, 3)),), free=free, sorted=anchored)
    prove(case, ROWS["_zeros"], mxnet)


def test_the_batch_reaches_the_state() -> None:
    net, heads = Cell("_zeros", (Data((5, 3)),)).network()
    graph = net.graph(*heads, inputs={"data0": ("N", 3)})
    assert graph.shapes["begin"] == ("N", 4)
    assert graph.infer_shapes({"data0": (7, 3)})["begin"] == (7, 4)


def test_what_no_reader_tells_is_refused() -> None:
    net = Network()
    head = net.layer(
        "Activation", "out", net.layer("_zeros", "begin", shape=(0, 4)), act_type="relu"
    )
    data = net.variable("data0")
    graph = net.graph(
        head, net.layer("elemwise_add", "sum", data, data), inputs={"data0": ("N", 3)}
    )
    assert graph.shapes["begin"] == (None, 4)
    for convert in (to_onnx, to_pytorch):
        with pytest.raises(UnsupportedError, match="'begin'.*follows from no layer"):
            convert(graph)


def test_merge_ties_open_sizes() -> None:
    first, second = DeferredDim("a"), DeferredDim("b")
    assert unify(first, second) == "b"
    assert unify(second, "N") == "N"
    assert resolve(first) == resolve(second) == "N"
    assert unify(first, 3) == 3  # numbers before names
    assert unify(None, DeferredDim("c")) == "c"


def test_quotient() -> None:
    assert quotient(("N", 3, 4), ("N",)) == 12
    assert quotient(("N", 3, 4), (12,)) == "N"
    assert quotient(("N", "T", 4), (2,)) is None
    assert quotient((3, 4), ("N",)) is None
    assert quotient((6, 4), (3, np.int64(1).item())) == 8
    with pytest.raises(ShapeError):
        quotient((3, 4), (5,))
