"""Holding one case to MXNet: shapes, types, and numbers on both targets in both precisions.

Nightly a case is tried at every opset of OPSETS. On every push it is tried once for each form that
the converter gives it: where opsets have the same nodes, `turn` chooses one of them.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import suppress
from functools import reduce
from operator import add
from pathlib import Path
from typing import Dict, Iterator, List

import onnx_ir as ir
import pytest
from onnx import TensorProto
from onnx.helper import make_graph, make_model_gen_version, make_opsetid, make_tensor_value_info
from onnxruntime import InferenceSession

from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint, to_onnx
from converters.onnx_model import DEFAULT_OPSET, SUPPORTED_OPSETS
from converters.ops import REGISTRY
from converters.shape import compatible
from mxproof.compare import compare
from mxproof.proof import describe_failure
from mxproof.runtimes.mxnet import Mxnet, MxnetProcess
from mxproof.targets import TARGETS, convert
from mxproof.truth import Truth

from .case import PROFILE, Case, Row


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


def prove(case: Case, row: Row, mxnet: MxnetProcess, turn: int = 0) -> None:
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
            if "pytorch" not in row.impossible:
                judge(graph, case, "pytorch", DEFAULT_OPSET, truth, model, folder)
            for opset in opsets(graph, row, turn):
                judge(graph, case, "onnx", opset, truth, model, folder)
            if "pytorch" in row.impossible:
                with pytest.raises(UnsupportedError, match="'layer'"):
                    convert(graph, "pytorch", folder / "none")
        finally:
            model.close()


def opsets(graph: Graph, row: Row, turn: int) -> List[int]:
    """Those to try the network at; where the operator cannot be written, it must say so."""
    declaration = REGISTRY[row.op]
    first, last = declaration.onnx_since, declaration.onnx_until or OPSETS[-1]
    forms: Dict[bytes, List[int]] = defaultdict(list)
    for opset in OPSETS:
        if "onnx" in row.impossible or not first <= opset <= last:
            with pytest.raises(UnsupportedError, match="'layer'"):
                to_onnx(graph, opset=opset)
            continue
        nodes = ir.to_proto(to_onnx(graph, opset=opset).graph)
        forms[nodes.SerializeToString(deterministic=True)].append(opset)
    if PROFILE != "ci":
        return [opset for alike in forms.values() for opset in alike]
    return [alike[turn % len(alike)] for alike in forms.values()]


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
