"""Pieces of an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Set

import numpy as np
import onnx

from converters.onnx_model import EXTERNAL_DATA_BYTES

from ..runtimes.onnx_nodes import names_read
from ..runtimes.onnx_reference import double_nodes, missing_epsilon, widen
from .piece import NoPiece, Values

NAME = "piece.onnx"


class OnnxFile:
    """An .onnx file. In float64 its pieces are stored in double precision, which ONNX's
    reference evaluator computes in; in float32 as they are, for onnxruntime."""

    def __init__(self, path: Path, precision: str) -> None:
        self._model, self._precision = onnx.load(path), precision

    def cut(self, layer: str, values: Values, folder: Path) -> List[str]:
        graph = self._model.graph
        visible = {i.name for i in (*graph.input, *graph.value_info, *graph.output)}
        stored = {t.name for t in graph.initializer}
        nodes: List[onnx.NodeProto] = []
        needed: Set[str] = {layer}  # and made by one of `nodes`, or stored
        inputs: Set[str] = set()
        for node in reversed(graph.node):
            if needed.isdisjoint(node.output):
                continue
            nodes.insert(0, node)
            for name in names_read(node):
                fed = name in visible and name not in stored and name in values
                (inputs if fed else needed).add(name)
        missing = needed - stored - {name for node in nodes for name in node.output}
        if missing or layer not in visible:
            raise NoPiece(f"nothing in the .onnx file computes {layer!r}")
        read = list(dict.fromkeys(n for node in nodes for n in names_read(node) if n in inputs))
        self._save(self._piece(layer, nodes, read, values), folder)
        return read

    def _piece(
        self, layer: str, nodes: Sequence[onnx.NodeProto], inputs: Sequence[str], values: Values
    ) -> onnx.ModelProto:
        graph = self._model.graph
        typed = {i.name: i for i in (*graph.value_info, *graph.output)}
        used = {name for node in nodes for name in names_read(node)}
        info = onnx.helper.make_tensor_value_info
        return onnx.helper.make_model(
            onnx.helper.make_graph(
                nodes,
                graph.name,
                [info(n, onnx.TensorProto.FLOAT, [None, *values[n].shape[1:]]) for n in inputs],
                [typed[layer]],
                [t for t in graph.initializer if t.name in used],
            ),
            opset_imports=self._model.opset_import,
            functions=self._model.functions,
            ir_version=self._model.ir_version,
        )

    def whole(self, folder: Path) -> List[str]:
        self._save(self._model, folder)
        return [i.name for i in self._model.graph.input]

    def outputs(self, names: Sequence[str]) -> List[str]:
        return list(dict.fromkeys(names))

    def _save(self, model: onnx.ModelProto, folder: Path) -> None:
        if self._precision == "float64":
            model = doubled(model)
        large = sum(len(t.raw_data) for t in model.graph.initializer) > EXTERNAL_DATA_BYTES
        onnx.save(model, folder / NAME, save_as_external_data=large, location=f"{NAME}.data")


def doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in double precision, as OnnxReference computes it: every number widened, and
    what float32 took from an epsilon added to the variance."""
    double = double_nodes(model)
    graph = double.graph
    graph.initializer.extend(model.graph.initializer)
    for tensor in graph.initializer:
        widen(tensor)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        missing = missing_epsilon(node) if node.op_type == "BatchNormalization" else 0.0
        if missing:
            rest, variance = f"{node.name}/rest of epsilon", f"{node.name}/variance"
            graph.initializer.append(onnx.numpy_helper.from_array(np.float64(missing), rest))
            graph.node.append(onnx.helper.make_node("Add", [node.input[4], rest], [variance]))
            node.input[4] = variance
        graph.node.append(node)
    return double
