"""Every operator to ONNX and back: MXNet computes the same of what comes back, in float64.

What has no way back is listed with its reason; a row that works after all is a failure.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint, to_onnx
from converters.mxnet_symbol import from_onnx, save_mxnet
from mxproof.runtimes.mxnet import MxnetProcess

from .all_rows import ROWS
from .case import Case, Row
from .prove import load

#: Of float64, as MXNet computes it: ONNX composes some operators of others.
EQUAL = 1e-12

LOOP = "becomes a Loop, and MXNet's symbols have none without a subgraph"
FED = "weights that are inputs would have to be put in order by layers of their own"
COMPUTED = "a size is computed from numbers (of another shape, with a float scale): fixed ones work"

#: Operator -> example ("" for all) -> why it does not come back.
MISSES: Dict[str, Dict[str, str]] = {
    "Pooling": {"empty last maximum": "the lowest number that there is: ONNX holds float32's"},
    "Pooling_v1": {"zeros in a maximum": "reads where the maximum is, which MXNet has not"},
    "RNN": {
        "gru fed its weights": FED,
        "lstm fed its weights": FED,
        "lstm projected": LOOP,
        "lstm projected and fed its weights": LOOP,
        "lstm projected in both directions": LOOP,
        "rnn_relu fed its weights": FED,
        "rnn_tanh fed its weights": FED,
    },
    "ROIPooling": {"": LOOP},
    "_contrib_BilinearResize2D": {
        "odd_scale": COMPUTED,
        "scale": COMPUTED,
        "to_even_down": COMPUTED,
        "to_even_up": COMPUTED,
        "to_odd_down": COMPUTED,
        "to_odd_up": COMPUTED,
    },
    "_contrib_DeformablePSROIPooling": {"": LOOP},
    "_contrib_MultiBoxDetection": {
        "as in SSD": LOOP,
        "more than there are": LOOP,
        "nothing is found": LOOP,
        "nothing is struck out": "how many are left is a size that is computed",
    },
    "_contrib_MultiProposal": {"": LOOP},
    "_contrib_PSROIPooling": {"": LOOP},
    "_contrib_Proposal": {"": LOOP},
    "_contrib_ROIAlign": {"position sensitive": LOOP},
    "_contrib_RROIAlign": {"": LOOP},
    "_contrib_box_nms": {
        "as GluonCV's SSD": LOOP,
        "boxes left of 0 keep their format": LOOP,
        "more than there are": LOOP,
        "nothing is valid": LOOP,
        "of MXNet's exporter": LOOP,
        "to corners": LOOP,
    },
    "_split_v2": {"uneven": COMPUTED},
    "diag": {"above": COMPUTED, "below": COMPUTED, "made": "ScatterND has no way to MXNet"},
    "nanprod": {name: LOOP for name in ("whole numbers", "bytes", "overflowing", "truth values")},
    "prod": {name: LOOP for name in ("whole numbers", "bytes", "overflowing", "truth values")},
    "reshape_like": {"whole": COMPUTED},
    "topk": {"mask": "ScatterElements has no way to MXNet"},
    "Convolution": {"computed weight": COMPUTED},
    "Deconvolution": {"computed": COMPUTED},
    "UpSampling": {"joined": COMPUTED, "added": COMPUTED, "bilinear, computed": COMPUTED},
}

RANDOM_ROWS = [row for row in ROWS if any(w in row.op for w in ("random", "sample", "shuffle"))]


def goes_back(row: Row, case: Case, mxnet: MxnetProcess) -> None:
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
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        compare(ours.astype(np.float64), theirs.astype(np.float64))


def run(case: Case, graph: Graph, prefix: Path, mxnet: MxnetProcess) -> List[np.ndarray]:
    """In float64; and in float32, which must be possible at least."""
    feeds = case.feeds(0)
    loaded = mxnet.load(prefix, 0, graph)
    try:
        loaded.run({v.name: feeds[v.name] for v in graph.inputs}, "float32")
        return loaded.run({v.name: feeds[v.name] for v in graph.inputs}, "float64")
    finally:
        loaded.close()


def compare(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    odd = ~np.isfinite(theirs)
    assert np.array_equal(ours[odd], theirs[odd], equal_nan=True)
    largest = np.abs(theirs[~odd]).max(initial=0)
    assert np.abs(ours[~odd] - theirs[~odd]).max(initial=0) <= EQUAL * largest


def examples(row: Row) -> List[Tuple[str, Case]]:
    """Those that become ONNX at all."""
    return [] if "onnx" in row.impossible else list(row.examples.items())


TRIED = [
    (row, name, case) for row in ROWS if row not in RANDOM_ROWS for name, case in examples(row)
]


def reason(row: Row, name: str) -> str:
    listed = MISSES.get(row.op, {})
    return listed.get(name) or listed.get("", "")


@pytest.mark.parametrize(
    ("row", "name", "case"),
    [pytest.param(row, name, case, id=f"{row.op} {name}") for row, name, case in TRIED],
)
def test_example(row: Row, name: str, case: Case, mxnet: MxnetProcess) -> None:
    if not reason(row, name):
        goes_back(row, case, mxnet)
        return
    with pytest.raises((UnsupportedError, AssertionError)):
        goes_back(row, case, mxnet)


def test_misses_are_examples() -> None:
    names = {row.op: {name for name, _ in examples(row)} for row in ROWS}
    for op, listed in MISSES.items():
        assert op in names
        assert set(listed) - {""} <= names[op]


@pytest.mark.parametrize("row", RANDOM_ROWS, ids=lambda row: row.op)
def test_random_numbers_are_refused(row: Row) -> None:
    case = next(iter(row.examples.values()))
    net, heads = case.network()
    with tempfile.TemporaryDirectory() as name:
        save_checkpoint(Path(name) / "net", net.symbol(*heads), net.arrays)
        graph = load(case, row, Path(name) / "net")
        with pytest.raises(UnsupportedError):
            from_onnx(to_onnx(graph))


DRAWN = [row for row in ROWS if row.op not in MISSES and row not in RANDOM_ROWS]


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row.op)
@settings(suppress_health_check=list(HealthCheck), max_examples=2)
@given(data=st.data())
def test_drawn(row: Row, mxnet: MxnetProcess, data: st.DataObject) -> None:
    """What is drawn comes back, or is refused in words."""
    with suppress(UnsupportedError):
        goes_back(row, row.draw(data.draw), mxnet)
