"""One layer as an MXNet checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from converters import Graph, Node
from converters import operators as ops
from converters.ir.shapes import Shape
from converters.mxnet_format.checkpoint import save_checkpoint
from converters.mxnet_format.symbol import VARIABLE, Symbol, SymbolNode

MXNET_VERSION = 10901


def data_inputs(graph: Graph, node: Node) -> List[str]:
    """What the layer reads that is no parameter, each once."""
    return list(dict.fromkeys(n for n in node.inputs if n is not None and n not in graph.params))


def save_layer(graph: Graph, node: Node, prefix: Path) -> None:
    """Write the layer with its parameters; its data inputs and labels are variables."""
    roles = dict(enumerate(ops.input_names(node.op, node.attrs)))
    auxiliary = ops.auxiliary_names(node.op)
    variables: Dict[str, SymbolNode] = {}
    arrays: Dict[str, Any] = {}
    names = []
    for k, value in enumerate(node.inputs):
        role = roles.get(k, "")
        names.append(f"{node.name}_{role}" if value is None else value)
        attributes = {}
        if value is not None and value in graph.params:
            arrays[f"{'aux' if role in auxiliary else 'arg'}:{value}"] = graph.params[value]
        elif value is not None:
            attributes = _shape_attribute(graph.shapes[value])
        variables.setdefault(names[-1], SymbolNode(VARIABLE, names[-1], (), attributes))
    entries = tuple((list(variables).index(name), 0) for name in names)
    layer = SymbolNode(node.op, node.name, entries, node.attrs)
    nodes = (*variables.values(), layer)
    save_checkpoint(prefix, Symbol(nodes, ((len(variables), 0),), MXNET_VERSION), arrays)


def _shape_attribute(shape: Shape) -> Dict[str, str]:
    """As MXNet states a variable's shape; 0 is a size left free."""
    sizes = tuple(d if isinstance(d, int) else 0 for d in shape or ())
    return {"__shape__": str(sizes)} if sizes else {}
