"""Every operator to ONNX and back: MXNet computes the same of what comes back, in float64.

What has no way back is listed in back_misses.py; a row that works after all is a failure.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import Callable, Dict, List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import Graph, UnsupportedError, load_checkpoint, to_onnx
from converters.onnx.to_mxnet import from_onnx, save_mxnet
from converters.operators import REGISTRY
from mxproof.runtimes.mxnet.client import Mxnet, MxnetProcess

from .all_rows import ROWS
from .back_misses import ALMOST_ALL, MISSES, PARTLY
from .case import Case
from .prove import drawn, opened
from .row import Row

#: Of float64, as MXNet computes it: ONNX composes some operators of others.
EQUAL = 1e-12
#: Operator -> the same, where constants come back as the float32 that the ONNX file holds.
ROUNDED = {"_contrib_MultiBoxPrior": 2.0**-23}

#: Operator, element type -> another type that may come back: of (s2, 1) truth values, numbers do.
RETYPED = {(op, "bool"): "float64" for op in ("ones_like", "zeros_like")}


def lowest_of_float32(numbers: np.ndarray) -> np.ndarray:
    """An empty window's maximum is the lowest number there is, and ONNX has it in float32."""
    lowest = np.finfo(np.float64).min
    assert (numbers == lowest).any()
    return np.where(numbers == lowest, float(np.finfo(np.float32).min), numbers)


#: Example -> MXNet's numbers as they come back instead.
CHANGED: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Pooling empty last maximum": lowest_of_float32
}

RANDOM = [row for op, row in ROWS.items() if REGISTRY[op].random]
#: Those that become ONNX at all.
OTHERS = [row for row in ROWS.values() if row not in RANDOM and not row.no_onnx]


def goes_back(
    row: Row,
    case: Case,
    mxnet: MxnetProcess,
    changed: Callable[[np.ndarray], np.ndarray] = lambda numbers: numbers,
) -> None:
    """Assert that the case equals MXNet's own; with free sizes if the row has them."""
    with opened(case, mxnet) as (graph, model, folder):
        expected = run(case, graph, model)
        made = from_onnx(to_onnx(graph))
        save_mxnet(made, folder / "back")
        back = load_checkpoint(folder / "back", inputs=made.inputs, types=case.types(), double=True)
        with closing(mxnet.load(folder / "back", 0, back)) as model:
            found = run(case, back, model)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        dtype = str(theirs.dtype)
        assert ours.shape == theirs.shape
        assert str(ours.dtype) in (dtype, RETYPED.get((row.op, dtype)))
        wanted = changed(theirs.astype(np.float64))
        compare(ours.astype(np.float64), wanted, ROUNDED.get(row.op, EQUAL))


def run(case: Case, graph: Graph, model: Mxnet) -> List[np.ndarray]:
    """In float64; and in float32, which must be possible at least."""
    feeds = case.feeds(0)
    inputs = {v.name: feeds[v.name] for v in graph.inputs}
    model.run(inputs, "float32")
    return model.run(inputs, "float64")


def compare(ours: np.ndarray, theirs: np.ndarray, limit: float) -> None:
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    odd = ~np.isfinite(theirs)
    assert np.array_equal(ours[odd], theirs[odd], equal_nan=True)
    largest = np.abs(theirs[~odd]).max(initial=0)
    assert np.abs(ours[~odd] - theirs[~odd]).max(initial=0) <= limit * largest


TRIED = [(row, name, case) for row in OTHERS for name, case in row.examples.items()]


@pytest.mark.parametrize(
    ("row", "name", "case"),
    [pytest.param(row, name, case, id=f"{row.op} {name}") for row, name, case in TRIED],
)
def test_example(row: Row, name: str, case: Case, mxnet: MxnetProcess) -> None:
    _, most, refusal = PARTLY.get(row.op, ALMOST_ALL)
    refusal = MISSES.get(f"{row.op} {name}", "" if most else refusal)
    if refusal:
        with pytest.raises(UnsupportedError, match=refusal):
            goes_back(row, case, mxnet)
    else:
        goes_back(row, case, mxnet, *filter(None, [CHANGED.get(f"{row.op} {name}")]))


def test_misses_are_examples() -> None:
    assert {*MISSES, *CHANGED} <= {f"{row.op} {name}" for row, name, _ in TRIED}
    assert set(PARTLY) <= {row.op for row in OTHERS}


@pytest.mark.parametrize("row", RANDOM, ids=lambda row: row.op)
def test_random_numbers_are_refused(row: Row, mxnet: MxnetProcess) -> None:
    case = next(iter(row.examples.values()))
    with opened(case, mxnet) as (graph, _, _), pytest.raises(UnsupportedError):
        from_onnx(to_onnx(graph))


#: All but Pooling, of which CHANGED says that some numbers do not come back.
DRAWN = [row for row in OTHERS if row.op != "Pooling"]


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.op)
def test_drawn(row: Row, mxnet: MxnetProcess) -> None:
    least, most, refusal = PARTLY.get(row.op, ALMOST_ALL)
    outcomes: List[str] = []

    @drawn(daily=3)
    @given(data=st.data())
    def come_back(data: st.DataObject) -> None:
        case = row.draw(data.draw)
        try:
            goes_back(row, case, mxnet)
        except UnsupportedError as error:
            outcomes.append(f"{case}: {error}")
        else:
            outcomes.append("")

    come_back()
    refused = [text for text in outcomes if text]
    others = [text for text in refused if not re.search(refusal, text)]
    assert not others, "\n".join(["refused for reasons that are not listed:", *others])
    back = 1 - len(refused) / len(outcomes)
    assert least <= back <= most, "\n".join([f"{back:.0%} come back; refused are:", *refused])
