"""Every operator, with drawn attributes, shapes and numbers, against MXNet.

Each case is converted to PyTorch, and to ONNX at the lowest, the default and the newest opset,
and held to MXNet in float64 and float32. A declared operator without a row fails the suite.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import List, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.ops import REGISTRY
from mxproof.runtimes.mxnet import MxnetProcess
from tests import operators

from .case import Case, Row
from .prove import prove, rows

MODULES = [m.name for m in pkgutil.iter_modules(operators.__path__) if m.name.startswith("rows_")]
ROWS: List[Row] = rows(
    *(importlib.import_module(f"{operators.__name__}.{name}").ROWS for name in MODULES)
)
EXAMPLES: List[Tuple[Row, str, Case]] = [
    (row, name, case) for row in ROWS for name, case in row.examples.items()
]


def test_every_operator_has_a_row() -> None:
    assert {row.op for row in ROWS} == set(REGISTRY)


@pytest.mark.parametrize(
    ("row", "case"),
    [pytest.param(row, case, id=f"{row.op} {name}") for row, name, case in EXAMPLES],
)
def test_example(row: Row, case: Case, mxnet: MxnetProcess) -> None:
    prove(case, row, mxnet)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.op)
@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_drawn(row: Row, mxnet: MxnetProcess, data: st.DataObject) -> None:
    prove(row.draw(data.draw), row, mxnet)
