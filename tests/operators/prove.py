"""Holding one case to MXNet: shapes, types, and numbers on both targets in both precisions."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import reduce
from operator import add
from pathlib import Path
from typing import Iterator

import pytest
from onnx import TensorProto
from onnx.helper import make_graph, make_model_gen_version, make_opsetid, make_tensor_value_info
from onnxruntime import InferenceSession

from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint
from converters.onnx_model import DEFAULT_OPSET, SUPPORTED_OPSETS
from converters.ops import REGISTRY
from converters.shape import compatible
from mxproof.compare import compare
from mxproof.proof import describe_failure
from mxproof.runtimes.mxnet import Mxnet, MxnetProcess
from mxproof.targets import TARGETS, convert
from mxproof.truth import Truth

from .case import Case, Row


def newest_read() -> int:
    """The newest opset that this onnxruntime reads: its last for CPython 3.10 is behind onnx."""
    for opset in reversed(SUPPORTED_OPSETS):
        value = make_tensor_value_info("x", TensorProto.FLOAT, [1])
        graph = make_graph([], "nothing", [value], [value])
        model = make_model_gen_version(graph, opset_imports=[make_opsetid("", opset)])
        with suppress(Exception):
            InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            return opset
    raise RuntimeError("this onnxruntime reads no supported opset")


#: The lowest, the default and the newest.
OPSETS = sorted({SUPPORTED_OPSETS[0], DEFAULT_OPSET, newest_read()})
#: Inputs over which the noise of few numbers is pooled before it is called too much.
RETRIES = 8


def prove(case: Case, row: Row, mxnet: MxnetProcess) -> None:
    """Assert that the case converts and that what comes out is MXNet's function."""
    net, heads = case.network()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_checkpoint(folder / "net", net.symbol(*heads), net.arrays)
        graph = load(case, row, folder / "net")
        model = mxnet.load(folder / "net", 0, graph)
        try:
            truth = model.truth(case.feeds(0))
            check_inference(graph, case, row, truth)
            for target, opsets in (("pytorch", [DEFAULT_OPSET]), ("onnx", OPSETS)):
                for opset in opsets:
                    first, last = REGISTRY[case.op].onnx_since, REGISTRY[case.op].onnx_until
                    beyond = target == "onnx" and not first <= opset <= (last or opset)
                    if beyond or target in row.impossible:  # then it must say so
                        with pytest.raises(UnsupportedError, match="'layer'"):
                            convert(graph, target, folder / "none", opset)
                        continue
                    judge(graph, case, target, opset, truth, model, folder)
        finally:
            model.close()


def load(case: Case, row: Row, prefix: Path) -> Graph:
    """With free sizes where the case asks for them and the operator takes them."""
    free = case.free and not row.fixed
    return load_checkpoint(prefix, inputs=case.shapes(free), types=case.types())


def check_inference(graph: Graph, case: Case, row: Row, truth: Truth) -> None:
    """Shapes and types as inferred are those of MXNet's results."""
    inferred = graph.infer_shapes(case.shapes(False))
    for layer in truth:
        actual = layer.float32
        known = compatible(inferred[layer.name], actual.shape)
        assert (known and row.counted) or inferred[layer.name] == actual.shape, (
            f"{layer.name}: inferred shape {inferred[layer.name]}, MXNet's {actual.shape}"
        )
        assert compatible(graph.shapes[layer.name], actual.shape), f"{layer.name}: free shape"
        assert graph.types[layer.name] == str(actual.dtype), f"{layer.name}: inferred type"


def judge(
    graph: Graph,
    case: Case,
    target: str,
    opset: int,
    truth: Truth,
    model: Mxnet,
    folder: Path,
) -> None:
    path = convert(graph, target, folder / str(opset), opset)[0]
    for precision in TARGETS[target].runtimes:
        candidate = TARGETS[target].open(path, precision)
        result = compare(truth, candidate, graph)
        if precision == "float32" and result.failed and not result.stopped:
            more = (compare(t, candidate, graph) for t in further(case, model))
            result = reduce(add, more, result)
        where = f"{target} opset {opset} {precision}, {case}"
        assert result.stopped is None, f"{where}: {result.stopped}"
        assert not result.failed, f"{where}: {describe_failure('net', target, result)}"
        assert tuple(c.layer for c in result.checks) == truth.names, where


def further(case: Case, model: Mxnet) -> Iterator[Truth]:
    return (model.truth(case.feeds(seed)) for seed in range(1, RETRIES))
