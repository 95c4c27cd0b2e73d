"""onnxruntime: the shipped .onnx file in float32."""

from __future__ import annotations

import os
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import onnx
import onnxruntime

from .base import Array, Inputs, Visitor
from .onnx_nodes import names_read

_LEVEL = onnxruntime.GraphOptimizationLevel
LEVELS = {
    "all": _LEVEL.ORT_ENABLE_ALL,
    "extended": _LEVEL.ORT_ENABLE_EXTENDED,
    "basic": _LEVEL.ORT_ENABLE_BASIC,
    "disabled": _LEVEL.ORT_DISABLE_ALL,
}


class OnnxRuntime:
    """A session on an .onnx file.

    Showing a layer keeps it from being fused with its neighbours, so with optimisation on, a
    traced run may round differently from an untraced one. With optimisation off the two are
    the same bits.
    """

    name = "onnxruntime"
    precision = "float32"

    def __init__(
        self,
        path: os.PathLike[str] | str,
        *,
        optimisation: str = "all",
        threads: Optional[int] = None,
    ) -> None:
        """
        Args:
            optimisation: of the graph: a name in LEVELS; its users run it with "all".
            threads: within one operator; None means one a core.
        """
        self.path = Path(path)
        self._options = onnxruntime.SessionOptions()
        if threads:
            self._options.intra_op_num_threads = threads
        # Threads that spin for work between two runs take the cores from the other runtimes.
        self._options.add_session_config_entry("session.force_spinning_stop", "1")
        self._options.graph_optimization_level = LEVELS[optimisation]
        self._whole: Optional[onnxruntime.InferenceSession] = None

    def _session(self, model: Any) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(
            model, self._options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The file as its user opens it."""
        return self._session(str(self.path))

    def run(self, inputs: Inputs) -> List[Array]:
        outputs: List[Array] = self.session.run(None, dict(inputs))
        return outputs

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        """See base.Candidate. A session runs as a whole, so the model is cut into several where
        results are to be replaced, or do not all fit in memory."""
        if portions is None or len(portions) == 1:
            return self._trace_whole(inputs, visit)
        model = onnx.load(self.path)
        cuts = _cuts(model.graph, portions)
        values: Dict[str, Array] = dict(inputs)
        for begin, end in zip([0, *cuts], cuts):
            piece, layers = cut(model, begin, end, values)
            names = [o.name for o in piece.graph.output]
            feeds = {i.name: values[i.name] for i in piece.graph.input}
            values.update(zip(names, self._session(piece.SerializeToString()).run(names, feeds)))
            for layer in layers:
                replacement = visit(layer, values[layer])
                if replacement is not None:
                    values[layer] = replacement.astype(values[layer].dtype)
            needed = _read(model.graph.node[end:]) | {o.name for o in model.graph.output}
            values = {name: value for name, value in values.items() if name in needed}
        return [values[o.name] for o in model.graph.output]

    def _trace_whole(self, inputs: Inputs, visit: Visitor) -> List[Array]:
        if self._whole is None:
            model = onnx.load(self.path)
            outputs = {o.name for o in model.graph.output}
            model.graph.output.extend(i for i in model.graph.value_info if i.name not in outputs)
            self._layers = _layers(model.graph)
            self._outputs = list(outputs)
            self._whole = self._session(model.SerializeToString())
        by_name = dict(zip(self._layers, self._whole.run(self._layers, dict(inputs))))
        for layer, value in by_name.items():
            if visit(layer, value) is not None and len(by_name) > 1:
                raise NotImplementedError("onnxruntime replaces results of single portions only")
        known = {**inputs, **by_name}  # an output may be an input
        return [known[o.name] for o in self.session.get_outputs()]


def _layers(graph: onnx.GraphProto) -> List[str]:
    """The layers in the file's order: the values that it states a type for."""
    known = {i.name for i in (*graph.value_info, *graph.output)}
    return [name for node in graph.node for name in node.output if name in known]


def _read(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    return {name for node in nodes for name in names_read(node)}


def _cuts(graph: onnx.GraphProto, portions: Sequence[int]) -> List[int]:
    """Counts of layers -> the index of the node after each portion's last."""
    layers = set(_layers(graph))
    after = [i for i, node in enumerate(graph.node, 1) for n in node.output if n in layers]
    ends = [min(count, len(after)) for count in accumulate(portions)]
    return sorted({after[end - 1] for end in ends[:-1]} | {len(graph.node)})


def cut(
    model: onnx.ModelProto, begin: int, end: int, values: Inputs
) -> Tuple[onnx.ModelProto, List[str]]:
    """Nodes `begin` to `end` (exclusive) as a model of their own, and its layers.

    Args:
        values: name -> array of at least everything that these nodes read from before them.

    The outputs are its layers and whatever else is read behind it.
    """
    graph, nodes = model.graph, model.graph.node[begin:end]
    read = _read(nodes)
    made = [name for node in nodes for name in node.output if name]
    typed = {i.name: i for i in (*graph.value_info, *graph.output)}
    later = _read(graph.node[end:])
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(values[name].dtype), np.shape(values[name])
        )
        for name in sorted(read & set(values))
    ]
    outputs = [
        typed.get(name) or onnx.ValueInfoProto(name=name)
        for name in made
        if name in typed or name in later
    ]
    piece = onnx.helper.make_model(
        onnx.helper.make_graph(
            nodes, graph.name, inputs, outputs, [t for t in graph.initializer if t.name in read]
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    return piece, [name for name in made if name in typed]
