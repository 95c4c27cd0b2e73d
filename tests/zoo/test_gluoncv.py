"""Each model of GluonCV converts to ONNX and PyTorch, and every layer equals MXNet's.

Daily, these are a few small models of different families; nightly, one of each family. `--zoo all`
runs all of them, which takes hours on two cores: `-n auto` shares them out, `--zoo-results FILE`
keeps a line for each (models proven there are not run again), and `python -m tests.zoo.table FILE`
makes docs/gluoncv-zoo.md of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Callable

import pytest

from converters import operators as ops
from converters.mxnet_format.symbol import parse_symbol
from mxproof.reports.pytest_report import UNEXPECTED_PASS
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.zoo.gluoncv import GLUONCV, Exporter, GluonModel

from .misses import disagreements, outlived
from .prove import prove


def test_model(
    model: GluonModel,
    exporter: Exporter,
    mxnet: MxnetProcess,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    row = prove(model, exporter, mxnet, tmp_path)
    results = request.config.getoption("--zoo-results")
    if results:
        row.append_to(Path(results))
    for unneeded in outlived(model.name, row.reasons):
        record_property(UNEXPECTED_PASS, unneeded)
    wrong = disagreements(model.name, row.reasons)
    if wrong:
        pytest.fail(f"{model.name}: {wrong}", pytrace=False)


@pytest.mark.parametrize("name", ["mobilenet1.0_int8", "ssd_300_vgg16_atrous_voc_int8"])
def test_int8_models_are_refused_in_words(name: str) -> None:
    """Symbols that GluonCV itself ships; each of the others has the same operators."""
    assert GLUONCV[name].hindrance
    package = find_spec("gluoncv")
    if package is None or package.origin is None:
        pytest.skip("needs GluonCV's files")
    path = Path(package.origin).parent / "model_zoo" / "quantized" / f"{name}-symbol.json"
    nodes = parse_symbol(path.read_text()).nodes
    for op, words in (("_contrib_quantize_v2", "quantise"), ("_sg_mkldnn_conv", "fused")):
        node = next(n for n in nodes if n.op == op)
        with pytest.raises(ops.Unsupported, match=words):
            ops.parse(node.op, node.attrs)
