"""Each model of GluonCV converts to ONNX and PyTorch, and every layer equals MXNet's.

By default one small model of each family; `--zoo all` runs them all, which takes hours on two
cores: `-n auto` shares them out, `--zoo-results FILE` keeps a line for each (models that have one
are not run again), and `python -m tests.zoo.table FILE` makes docs/gluoncv-zoo.md of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from fixtures.gluoncv import GLUONCV, Exporter
from mxproof.runtimes.mxnet import MxnetProcess

from .misses import MISSES
from .prove import prove

MODELS = [name for name, model in GLUONCV.items() if not model.hindrance]

pytestmark = pytest.mark.gluoncv_zoo


def disagreements(found: Dict[str, str], expected: Dict[str, str]) -> str:
    """What fails and should not, and what should fail and does not."""
    lines = [f"{target}: {reason}" for target, reason in found.items() if target not in expected]
    for target, reason in expected.items():
        if target not in found:
            lines.append(f"{target} passes: delete its row in misses.py ({reason})")
    return "\n".join(lines)


@pytest.mark.parametrize("name", MODELS)
def test_model(
    name: str,
    exporter: Exporter,
    mxnet: MxnetProcess,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    row = prove(GLUONCV[name], exporter, mxnet, tmp_path)
    results = request.config.getoption("--zoo-results")
    if results:
        row.append_to(Path(results))
    wrong = disagreements(row.reasons, MISSES.get(name, {}))
    if wrong:
        pytest.fail(f"{name}: {wrong}", pytrace=False)
