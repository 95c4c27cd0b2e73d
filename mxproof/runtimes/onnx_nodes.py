"""Read the nodes and the stored tensors of an .onnx file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Dict, Iterator, List, Set

import onnx
from onnx import numpy_helper

from .base import StoredTensor


def names_read(node: onnx.NodeProto) -> List[str]:
    """The values that a node reads, in its bodies (of a Loop, an If) too."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            made = {i.name for i in attribute.g.input}
            for inner in attribute.g.node:
                found += [name for name in names_read(inner) if name not in made]
                made.update(inner.output)
    return list(dict.fromkeys(found))


def stored_tensors(path: Path) -> Iterator[StoredTensor]:
    """The tensors of an .onnx file, and of the file of weights beside it."""
    graph = onnx.load(path, load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}
    named = {value.name for value in (*graph.value_info, *graph.output)}  # of layers
    layers: Dict[str, Set[str]] = {tensor.name: set() for tensor in graph.initializer}
    for layer in named.intersection(makers):
        waiting, seen = names_read(makers[layer]), {layer}
        while waiting:
            name = waiting.pop()
            if name in layers:
                layers[name].add(layer)
            elif name in makers and name not in named | seen:
                waiting += names_read(makers[name])
            seen.add(name)
    for tensor in graph.initializer:
        load = partial(numpy_helper.to_array, tensor, str(path.parent))
        yield StoredTensor(tensor.name, load, frozenset(layers[tensor.name]))
