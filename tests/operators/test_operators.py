"""Every operator, with drawn attributes, shapes and numbers, against MXNet.

Each case is converted to PyTorch, and to ONNX at the lowest, the default and the newest opset (see
prove.py), and held to MXNet in float64 and float32. A declared operator without a row fails the
suite.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import SUPPORTED_OPSETS
from converters.operators import REGISTRY
from mxproof.runtimes.mxnet.client import MxnetProcess

from .all_rows import ROWS
from .case import Case
from .prove import OPSETS, drawn, prove
from .row import Row
from .table import FILE, table

EXAMPLES = [(row, name, case) for row in ROWS.values() for name, case in row.examples.items()]


def test_every_operator_has_a_row() -> None:
    assert set(ROWS) == set(REGISTRY)


def test_the_newest_opset_is_tried() -> None:
    """With the versions of constraints.txt it can be; where not, this says so."""
    assert OPSETS[-1] == SUPPORTED_OPSETS[-1], "onnxruntime is older than onnx: upgrade it"


def test_the_table_is_current() -> None:
    current = FILE.read_text(encoding="utf-8") == table()
    assert current, "run: python -m tests.operators.table"


@pytest.mark.parametrize(
    ("row", "case", "turn"),
    [
        pytest.param(row, case, turn, id=f"{row.op} {name}")
        for turn, (row, name, case) in enumerate(EXAMPLES)
    ],
)
def test_example(row: Row, case: Case, turn: int, mxnet: MxnetProcess) -> None:
    prove(case, row, mxnet, turn)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@drawn(daily=3)
@given(data=st.data())
def test_drawn(row: Row, mxnet: MxnetProcess, data: st.DataObject) -> None:
    turn = data.draw(st.integers(0, len(OPSETS) - 1), label="turn")
    prove(row.draw(data.draw), row, mxnet, turn)
