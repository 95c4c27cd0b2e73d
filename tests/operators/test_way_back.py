"""Every operator to ONNX and back: MXNet computes the same of what comes back, in float64.

What has no way back is listed in back_misses.py; a row that works after all is a failure.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint, to_onnx
from converters.mxnet_symbol import from_onnx, save_mxnet
from mxproof.runtimes.mxnet import MxnetProcess

from .all_rows import ROWS
from .back_misses import ALMOST_ALL, MISSES, PARTLY
from .case import Case, Row, drawn
from .prove import load

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


#: Operator, example -> MXNet's numbers as they come back instead.
CHANGED: Dict[Tuple[str, str], Callable[[np.ndarray], np.ndarray]] = {
    ("Pooling", "empty last maximum"): lowest_of_float32
}

RANDOM_ROWS = [row for row in ROWS if any(w in row.op for w in ("random", "sample", "shuffle"))]


def goes_back(
    row: Row,
    case: Case,
    mxnet: MxnetProcess,
    changed: Callable[[np.ndarray], np.ndarray] = lambda numbers: numbers,
) -> None:
    """Assert that the case equals MXNet's own; with free sizes if the row has them."""
    net, heads = case.network()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_checkpoint(folder / "net", net.symbol(*heads), net.arrays)
        graph = load(case, row, folder / "net")
        model = from_onnx(to_onnx(graph))
        expected = run(case, graph, folder / "net", mxnet)
        save_mxnet(model, folder / "back")
        back = load_checkpoint(folder / "back", inputs=model.inputs, types=case.types())
        found = run(case, back, folder / "back", mxnet)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        dtype = str(theirs.dtype)
        assert ours.shape == theirs.shape
        assert str(ours.dtype) in (dtype, RETYPED.get((row.op, dtype)))
        wanted = changed(theirs.astype(np.float64))
        compare(ours.astype(np.float64), wanted, ROUNDED.get(row.op, EQUAL))


def run(case: Case, graph: Graph, prefix: Path, mxnet: MxnetProcess) -> List[np.ndarray]:
    """In float64; and in float32, which must be possible at least."""
    feeds = case.feeds(0)
    loaded = mxnet.load(prefix, 0, graph)
    try:
        loaded.run({v.name: feeds[v.name] for v in graph.inputs}, "float32")
        return loaded.run({v.name: feeds[v.name] for v in graph.inputs}, "float64")
    finally:
        loaded.close()


def compare(ours: np.ndarray, theirs: np.ndarray, limit: float) -> None:
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    odd = ~np.isfinite(theirs)
    assert np.array_equal(ours[odd], theirs[odd], equal_nan=True)
    largest = np.abs(theirs[~odd]).max(initial=0)
    assert np.abs(ours[~odd] - theirs[~odd]).max(initial=0) <= limit * largest


def examples(row: Row) -> List[Tuple[str, Case]]:
    """Those that become ONNX at all."""
    return [] if "onnx" in row.impossible else list(row.examples.items())


TRIED = [
    (row, name, case) for row in ROWS if row not in RANDOM_ROWS for name, case in examples(row)
]


@pytest.mark.parametrize(
    ("row", "name", "case"),
    [pytest.param(row, name, case, id=f"{row.op} {name}") for row, name, case in TRIED],
)
def test_example(row: Row, name: str, case: Case, mxnet: MxnetProcess) -> None:
    listed = MISSES.get(row.op, {})
    refusal = listed.get(name) or listed.get("")
    if refusal:
        with pytest.raises(UnsupportedError, match=refusal):
            goes_back(row, case, mxnet)
    elif (row.op, name) in CHANGED:
        goes_back(row, case, mxnet, CHANGED[row.op, name])
    else:
        goes_back(row, case, mxnet)


def test_misses_are_examples() -> None:
    names = {row.op: {name for name, _ in examples(row)} for row in ROWS}
    for op, listed in MISSES.items():
        assert set(listed) - {""} <= names[op]
    for op, name in CHANGED:
        assert name in names[op]


@pytest.mark.parametrize("row", RANDOM_ROWS, ids=lambda row: row.op)
def test_random_numbers_are_refused(row: Row) -> None:
    case = next(iter(row.examples.values()))
    net, heads = case.network()
    with tempfile.TemporaryDirectory() as name:
        save_checkpoint(Path(name) / "net", net.symbol(*heads), net.arrays)
        graph = load(case, row, Path(name) / "net")
        with pytest.raises(UnsupportedError):
            from_onnx(to_onnx(graph))


#: All but Pooling, of which CHANGED says that some numbers do not come back.
DRAWN = [
    row
    for row in ROWS
    if row not in RANDOM_ROWS and "onnx" not in row.impossible and row.op != "Pooling"
]


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
