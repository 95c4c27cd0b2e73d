"""Our float64 definitions of what MXNet has in float32 only, against MXNet's float32 results.

tests/operators holds them to PyTorch and ONNX in float64; the cases are those of its rows.
"""

from __future__ import annotations

from typing import Dict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.operators.attributes import c_float
from mxproof.runtimes.base import Layer
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.mxnet.worker.definitions import DEFINITIONS
from tests.operators.all_rows import ROWS
from tests.operators.case import Case, Data
from tests.operators.prove import opened

#: They compute nothing, so numbers of float32 stay such.
COPIES = {"Crop", "IdentityAttachKLSparseReg"}
#: They run MXNet's operator and fill what it leaves unset: rows_roi.py asks whether they do.
MXNETS_OWN = {"_contrib_ROIAlign"}
#: Always the same: where float32 decides otherwise about a box, the two differ as a whole.
SAME = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def first_layer(case: Case, mxnet: MxnetProcess) -> Layer:
    """MXNet's first result of an operator."""
    with opened(case, mxnet) as (_, model, _):
        return next(iter(model.truth(case.feeds(0))))


@pytest.mark.parametrize("op", sorted(set(DEFINITIONS) - MXNETS_OWN))
def test_is_mxnets(op: str, mxnet: MxnetProcess) -> None:
    """In every example in which the definition takes MXNet's place, and in some that are drawn."""
    cases = list(ROWS[op].examples.values())

    @SAME
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        cases.append(ROWS[op].draw(data.draw))

    draw()
    near, rounded = 1e-6 if op == "LeakyReLU" else 2e-5, []
    for case in cases:
        if not DEFINITIONS[op].when({k: str(v) for k, v in case.attrs.items()}, "float64"):
            continue
        truth = first_layer(case, mxnet)
        size = max(1.0, float(np.abs(truth.float64).max(initial=0)))
        np.testing.assert_allclose(truth.float32, truth.float64, near, 1e-6 * size, str(case))
        rounded.append(np.array_equal(truth.float64, truth.float64.astype(np.float32)))
    assert len(rounded) > 5
    assert all(rounded) if op in COPIES else not all(rounded)


@pytest.mark.parametrize("bounds", [{}, {"lower_bound": -0.1, "upper_bound": 0.7}], ids=str)
def test_rrelu(bounds: Dict[str, float], mxnet: MxnetProcess) -> None:
    """It is defined by us in float32, too; MXNet computes the same as leaky with the mean slope."""
    mean = float(np.mean([*bounds.values()] or [0.125, 0.334]))
    (ours, leaky) = (
        first_layer(Case.of((2, 3, 4), op="LeakyReLU", **attrs), mxnet)
        for attrs in ({"act_type": "rrelu", **bounds}, {"slope": mean})
    )
    np.testing.assert_allclose(leaky.float32, ours.float64, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "text",
    ["0.1", "1.672", "-1.672", "1e-05", "2e-05", "1.0000001", ".5", "3.", "1.679e-27", "6.64e18"],
)
def test_numbers_are_read_as_mxnet_reads_them(text: str, mxnet: MxnetProcess) -> None:
    zero = Data((1,), lambda random, shape: np.zeros(shape))
    read = first_layer(Case.of(zero, op="_contrib_quadratic", c=text), mxnet).float64[0]
    assert read == c_float(text)


def test_target_shape_means_a_padding() -> None:
    """oneDNN has no target_shape; what it means is in deconvolution-inl.h, InferPad."""
    random = np.random.default_rng(0)
    x, weight = random.standard_normal((1, 2, 5, 5)), random.standard_normal((2, 3, 4, 4))
    run = DEFINITIONS["Deconvolution"].run
    common = {"kernel": "(4, 4)", "stride": "(2, 2)"}
    (ours,) = run({**common, "target_shape": "(9, 10)", "pad": "(7, 7)"}, x, weight)
    (padded,) = run({**common, "pad": "(2, 1)", "adj": "(1, 0)"}, x, weight)
    np.testing.assert_array_equal(ours, padded)
