"""Holding one case to MXNet: shapes, types, and numbers on both targets in both precisions.

Nightly a case is tried at every opset of OPSETS. On every push it is tried once for each form that
the converter gives it: where opsets have the same nodes, `turn` chooses one of them.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections import defaultdict
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ContextManager, Iterator, Mapping, Optional

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, settings
from onnx import TensorProto
from onnx.helper import make_graph, make_model_gen_version, make_opsetid, make_tensor_value_info
from onnxruntime import InferenceSession

from converters import Graph, UnsupportedError, load_checkpoint, save_checkpoint, to_onnx
from converters.errors import BakedBatchWarning
from converters.ir.shapes import may_equal
from converters.mxnet_format.symbol import Symbol
from converters.onnx.exporter import DEFAULT_OPSET, SUPPORTED_OPSETS
from converters.operators import REGISTRY
from mxproof.proof.proof import TargetProof
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.tolerance import Budgets
from mxproof.proof.trace import ReferenceTrace
from mxproof.proof.verify import Prover
from mxproof.runtimes.mxnet.client import Mxnet, MxnetProcess
from mxproof.runtimes.registry import convert

from .case import Case
from .row import Row

#: On every push, few cases are drawn and each is tried at one opset; all of it runs nightly.
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev")


def drawn(daily: int) -> settings:
    """As many examples as the profile says; `daily` of them in the profile of every push.

    The first that Hypothesis draws is the simplest one.
    """
    count = daily if PROFILE == "ci" else settings.default.max_examples
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])


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


@contextmanager
def reference(
    symbol: Symbol,
    arrays: Mapping[str, np.ndarray],
    inputs: Mapping[str, Any],
    mxnet: MxnetProcess,
    types: Optional[Mapping[str, str]] = None,
) -> Iterator[tuple[Graph, Mxnet, Path]]:
    """Save a network; yield it as it is read back, as MXNet loads it, and the folder it is in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_checkpoint(folder / "net", symbol, arrays)
        with warnings.catch_warnings():  # a case may state what its free sizes are
            warnings.simplefilter("ignore", BakedBatchWarning)
            graph = load_checkpoint(folder / "net", inputs=inputs, types=types)
        with closing(mxnet.load(folder / "net", 0, graph)) as model:
            yield graph, model, folder


def opened(case: Case, mxnet: MxnetProcess) -> ContextManager[tuple[Graph, Mxnet, Path]]:
    """The case's network in the same way, with the sizes free that the case leaves free."""
    net, heads = case.network()
    return reference(net.symbol(*heads), net.arrays, case.shapes(case.free), mxnet, case.types())


def prove(case: Case, row: Row, mxnet: MxnetProcess, turn: int = 0) -> None:
    """Assert that the case converts and that what comes out is MXNet's function."""
    with opened(case, mxnet) as (graph, model, folder):
        evidence = kept(live(model, [case.feeds(0)], mxnet.versions))
        check_inference(graph, case, row, next(iter(evidence)))
        tries = [("pytorch", DEFAULT_OPSET), *(("onnx", o) for o in opsets(graph, row, turn))]
        for target, opset in tries:
            judge(graph, target, evidence, folder, opset, where=str(case))


def opsets(graph: Graph, row: Row, turn: int) -> list[int]:
    """Those to try the network at; where the operator cannot be written, it must say so."""
    declaration = REGISTRY[row.op]
    first, last = declaration.onnx_since, declaration.onnx_until or OPSETS[-1]
    forms: dict[bytes, list[int]] = defaultdict(list)
    for opset in OPSETS:
        if row.no_onnx or not first <= opset <= last:
            with pytest.raises(UnsupportedError, match="'layer'"):
                to_onnx(graph, opset=opset)
            continue
        nodes = ir.to_proto(to_onnx(graph, opset=opset).graph)
        forms[nodes.SerializeToString(deterministic=True)].append(opset)
    if PROFILE != "ci":
        return [opset for alike in forms.values() for opset in alike]
    return [alike[turn % len(alike)] for alike in forms.values()]


def check_inference(graph: Graph, case: Case, row: Row, truth: ReferenceTrace) -> None:
    """Shapes and types as inferred are those of MXNet's results."""
    inferred = graph.infer_shapes(case.shapes(False))
    for layer in truth:
        actual = layer.float32
        known = may_equal(inferred[layer.name], actual.shape)
        assert (known and row.counted) or inferred[layer.name] == actual.shape, (
            f"{layer.name}: inferred shape {inferred[layer.name]}, MXNet's {actual.shape}"
        )
        assert may_equal(graph.shapes[layer.name], actual.shape), f"{layer.name}: free shape"
        assert graph.types[layer.name] == str(actual.dtype), f"{layer.name}: inferred type"


def judge(
    graph: Graph,
    target: str,
    evidence: Reference,
    folder: Path,
    opset: int = DEFAULT_OPSET,
    *,
    where: str = "",
) -> TargetProof:
    """Assert that every layer and output of the converted network is MXNet's, in both precisions.

    Args:
        where: names the network in the message of a failure.
    """
    path = convert(graph, target, folder / str(opset), opset)[0]
    proof = Prover(graph, {target: path}, Budgets()).prove(evidence)[0][target]
    # A recurrent layer of one ReLU that its drawn weights keep shut has numbers that do nothing.
    equal = replace(proof, coverage=None).passed
    assert equal, f"opset {opset} {where}: {'; '.join(proof.explain('net'))}"
    return proof
