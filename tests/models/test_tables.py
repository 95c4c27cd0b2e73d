"""Final outputs in every runtime, on views of a photograph: no less precise than MXNet itself."""

from __future__ import annotations

from typing import Dict, List

import numpy as np
import pytest

from mxproof.proof.proof import PRECISIONS
from mxproof.running import RUNTIMES, open_model
from mxproof.runtimes.base import Array
from mxproof.tables import TITLES, judged
from mxproof.zoo.models import ZOO

from .conftest import Case

#: Of MXNet's own error, RMS over all views and largest relative. The worst of the six models with
#: seeded weights is 0.95 (README, `mxproof tables`); a single view scatters more.
LIMIT = 1.5
VIEWS = 8
SIDE = 64


@pytest.mark.models(*ZOO)
@pytest.mark.usefixtures("shared_mxnet")
def test_tables(case: Case) -> None:
    model = case.subject.model
    assert model is not None
    views = model.picture((VIEWS, *model.output_input[1:-2], SIDE, SIDE))
    inputs: List[Dict[str, Array]] = [{"data": view[None]} for view in views]
    truth, reference = ([case.reference.run(x, p) for x in inputs] for p in PRECISIONS)
    for runtime, title in TITLES.items():
        path = case.paths[RUNTIMES[runtime]]
        with open_model(str(path), runtime) as opened:
            row = judged([opened.run(x) for x in inputs], reference, truth)
        assert row.worst_ratio <= LIMIT, f"{title}: {row}"
        assert np.isfinite(row.max_abs)
        if runtime == "mxnet-onnx":
            assert row.max_abs == 0, f"{title}: the same operators on the same numbers: {row}"
