"""One layer as an MXNet checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from converters import Graph, Node, ops
from converters.checkpoint import save_checkpoint
from converters.shape import Shape
from converters.symbol import VARIABLE, Symbol, SymbolNode

MXNET_VERSION = 10901


def data_inputs(graph: Graph, node: Node) -> List[str]:
    """What the layer reads that is no parameter, each once."""
    return list(dict.fromkeys(n for n in node.inputs if n is not None and n not in graph.params))


def save_layer(graph: Graph, node: Node, prefix: Path) -> None:
    """Write the layer with its parameters; its data inputs and labels are variables."""
    names = ops.input_names(node.op, node.attrs)
    roles = dict(enumerate(names))
    nodes: Dict[str, SymbolNode] = {}
    arrays: Dict[str, Any] = {}
    read = []
    for k, value in enumerate(node.inputs):
        role = roles.get(k, "")
        name = f"{node.name}_{role}" if value is None else value
        if name in graph.params:
            kind = "aux" if role in ops.auxiliary_names(node.op) else "arg"
            arrays[f"{kind}:{name}"] = graph.params[name]
        shape = None if value is None or name in graph.params else graph.shapes[name]
        nodes.setdefault(name, SymbolNode(VARIABLE, name, (), _shape_attribute(shape)))
        read.append((list(nodes).index(name), 0))
    layer = SymbolNode(node.op, node.name, tuple(read), node.attrs)
    save_checkpoint(
        prefix, Symbol((*nodes.values(), layer), ((len(nodes), 0),), MXNET_VERSION), arrays
    )


def _shape_attribute(shape: Shape) -> Dict[str, str]:
    """As MXNet states a variable's shape; 0 is a size left free."""
    if not shape:
        return {}
    sizes = ", ".join(str(d) if isinstance(d, int) else "0" for d in shape)
    return {"__shape__": f"({sizes},)" if len(shape) == 1 else f"({sizes})"}
