"""onnxruntime: the shipped .onnx file in float32."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, List, Optional

import onnx
import onnxruntime

from .base import Array, Inputs, Visitor


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
        optimised: bool = True,
        threads: Optional[int] = None,
    ) -> None:
        """
        Args:
            optimised: with onnxruntime's graph optimisations, as its users run it.
            threads: within one operator; None means one a core.
        """
        self.path = Path(path)
        self._options = onnxruntime.SessionOptions()
        if threads:
            self._options.intra_op_num_threads = threads
        levels = onnxruntime.GraphOptimizationLevel
        self._options.graph_optimization_level = (
            levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        )

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

    @cached_property
    def _traced(self) -> onnxruntime.InferenceSession:
        model = onnx.load(self.path)
        hidden = set(self.layers) - {o.name for o in model.graph.output}
        model.graph.output.extend(i for i in model.graph.value_info if i.name in hidden)
        return self._session(model.SerializeToString())

    @cached_property
    def layers(self) -> List[str]:
        """The layers of the file in its own order: the values it states a type for."""
        model = onnx.load(self.path, load_external_data=False)
        known = {i.name for i in (*model.graph.value_info, *model.graph.output)}
        return [name for node in model.graph.node for name in node.output if name in known]

    def trace(self, inputs: Inputs, visit: Visitor) -> List[Array]:
        """See base.Candidate. Replacements are not possible: a session runs as a whole."""
        values = self._traced.run(self.layers, dict(inputs))
        for name, value in zip(self.layers, values):
            if visit(name, value) is not None:
                raise NotImplementedError("onnxruntime cannot run a layer on other inputs")
        by_name = dict(zip(self.layers, values))
        return [by_name[o.name] for o in self.session.get_outputs()]
