"""onnxruntime: the shipped .onnx file in float32."""

from __future__ import annotations

import os
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Container, Dict, List, Optional, Sequence

import numpy as np
import onnx
import onnxruntime

from .base import Array, Inputs, Visitor
from .onnx_nodes import names_read
from .timing_worker import open_session

#: Bytes from which on a weight is large.
LARGE = 1 << 10


class OnnxRuntime:
    """A session on an .onnx file.

    Showing a layer keeps it from being fused with its neighbours, so with optimisation on, a
    traced run may round differently from an untraced one. With optimisation off the two are
    the same bits.
    """

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, path: os.PathLike[str] | str, **options: Any) -> None:
        """
        Args:
            options: of `open_session`: threads, and the optimisation of the graph.
        """
        self.path = Path(path)
        self._session: Any = partial(open_session, **options)
        #: Shows all layers at once.
        self._whole: Optional[onnxruntime.InferenceSession] = None
        self._seeds = np.random.default_rng(0)

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The file as its user opens it."""
        return self._session(str(self.path))

    @cached_property
    def _structure(self) -> onnx.ModelProto:
        """The file without its weights."""
        model = onnx.load(self.path)
        del model.graph.initializer[:]
        return model

    @cached_property
    def _stored(self) -> Stored:
        """Its weights, on whose memory the sessions of a trace rely."""
        return Stored(onnx.load(self.path))

    @property
    def input_names(self) -> List[str]:
        return [value.name for value in self._structure.graph.input]

    @property
    def output_names(self) -> List[str]:
        return [output.name for output in self._structure.graph.output]

    def run(self, inputs: Inputs) -> List[Array]:
        outputs: List[Array] = self.session.run(None, dict(inputs))
        return outputs

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        """See base.Candidate. A session runs as a whole, so the model is cut into several where
        results are to be replaced, or do not all fit in memory."""
        model = self._structure
        nodes, outputs = model.graph.node, [o.name for o in model.graph.output]
        # The layers are the values that the file states a type for.
        typed = {i.name: i for i in (*model.graph.value_info, *model.graph.output)}
        ends = _ends(nodes, typed, portions)
        values: Dict[str, Array] = dict(inputs)
        for begin, end in zip([0, *ends], ends):
            needed = {*outputs, *(name for node in nodes[end:] for name in names_read(node))}
            made = [name for node in nodes[begin:end] for name in node.output if name]
            made = [name for name in made if name in typed or name in needed]
            infos = [typed.get(name) or onnx.ValueInfoProto(name=name) for name in made]
            session = self._piece(begin, end, values, infos)
            feeds = {i.name: values[i.name] for i in session.get_inputs()}
            values.update(zip(made, session.run(made, feeds)))
            layers = [name for name in made if name in typed]
            for layer in layers:
                _check_stated(typed[layer], values[layer])
                replacement = visit(layer, values[layer])
                if replacement is None:
                    continue
                if portions is None and len(layers) > 1:
                    raise NotImplementedError("onnxruntime replaces results between portions only")
                values[layer] = replacement.astype(values[layer].dtype)
            values = {name: value for name, value in values.items() if name in needed}
        return [values[name] for name in outputs]

    def _piece(
        self,
        begin: int,
        end: int,
        values: Inputs,
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnxruntime.InferenceSession:
        """A session on the nodes from `begin` to `end` (exclusive).

        Args:
            values: at least everything that these nodes read from before them.
        """
        model = self._structure
        whole = end - begin == len(model.graph.node)
        if whole and self._whole is not None:
            return self._whole
        nodes, stated = model.graph.node[begin:end], {i.name: i for i in model.graph.input}
        read = dict.fromkeys(name for node in nodes for name in names_read(node))
        inputs = stated.values() if whole else [_info(n, values[n]) for n in read if n in values]
        weights = self._stored
        tensors = [weights.tensors[name] for name in read if name in weights.tensors]
        graph = onnx.helper.make_graph(nodes, model.graph.name, inputs, outputs, tensors)
        piece = onnx.helper.make_model(
            graph,
            opset_imports=model.opset_import,
            ir_version=model.ir_version,
            functions=model.functions,
        )
        onnxruntime.set_seed(int(self._seeds.integers(1 << 31)))  # or all draw the same numbers
        large = {t.name: weights.values[t.name] for t in tensors if t.name in weights.values}
        session = self._session(piece.SerializeToString(), weights=large)
        self._whole = session if whole else None
        return session


class Stored:
    """A file's weights. Large ones are handed to a session as they are, because to write them into
    its protobuf takes longer than to compute with them.

    Attributes:
        tensors: by name; those in `values` say that their numbers are elsewhere.
        values: the numbers of large ones.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.tensors: Dict[str, onnx.TensorProto] = {}
        self.values: Dict[str, onnxruntime.OrtValue] = {}
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) > LARGE:
                array = onnx.numpy_helper.to_array(tensor)
                self.values[tensor.name] = onnxruntime.OrtValue.ortvalue_from_numpy(array)
                tensor = onnx.TensorProto(
                    name=tensor.name,
                    dims=tensor.dims,
                    data_type=tensor.data_type,
                    data_location=onnx.TensorProto.EXTERNAL,
                    external_data=[onnx.StringStringEntryProto(key="location", value="elsewhere")],
                )
            self.tensors[tensor.name] = tensor


def _check_stated(info: onnx.ValueInfoProto, value: Array) -> None:
    """Hold a result to the sizes that the file states for it: onnxruntime only warns, and who plans
    memory by them does not get that far.

    Raises:
        ValueError: another size is stated.
    """
    dims = info.type.tensor_type.shape.dim
    if dims and [d.dim_value or n for d, n in zip(dims, value.shape)] != list(value.shape):
        stated = [d.dim_value or d.dim_param or "?" for d in dims]
        raise ValueError(f"the file states shape {stated} of {info.name!r}, which is {value.shape}")


def _info(name: str, value: Array) -> onnx.ValueInfoProto:
    dtype = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_value_info(name, dtype, value.shape)


def _ends(
    nodes: Sequence[onnx.NodeProto], layers: Container[str], portions: Optional[Sequence[int]]
) -> List[int]:
    """Counts of layers -> the index of the node after each portion's last."""
    after = [i for i, node in enumerate(nodes, 1) for name in node.output if name in layers]
    ends = [min(count, len(after)) for count in accumulate(portions or ())]
    return sorted({*(after[end - 1] for end in ends[:-1]), len(nodes)} - {0})
