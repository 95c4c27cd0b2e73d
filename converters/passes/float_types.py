"""Convert a whole network to another floating-point type."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Mapping, Tuple

import numpy as np

from .. import operators as ops
from ..errors import LayerProblem, UnsupportedError, listed, sentences
from ..ir.arrays import TYPE_FLAGS, Array
from ..ir.graph import Graph, Node
from ..mxnet_format.symbol import Symbol, SymbolNode

HALF, SINGLE = np.finfo(np.float16), np.finfo(np.float32)


def singled(symbol: Symbol, arrays: Mapping[str, Array]) -> Tuple[Symbol, Dict[str, Array]]:
    """A float64 checkpoint in float32: stored numbers, and what layers make.

    Raises:
        UnsupportedError: parameters that float32 cannot hold.
    """
    narrow = {key: a.astype(np.float32) if a.dtype == "f8" else a for key, a in arrays.items()}
    beyond = [
        repr(key)
        for key, array in narrow.items()
        if array is not arrays[key] and (np.isinf(array) & np.isfinite(arrays[key])).any()
    ]
    if beyond:
        mixed = any(a.dtype.kind == "f" and a.dtype != "f8" for a in arrays.values())
        cast = "cast all parameters to float64 (net.cast), and then " if mixed else ""
        more = [f"{len(beyond) - 3} more"] if len(beyond) > 3 else []
        raise UnsupportedError(
            [
                f"parameters hold numbers beyond {SINGLE.max:.3g}, where float32 ends: "
                f"{', '.join(beyond[:3] + more)}; {cast}keep them: mxproof convert --float64."
            ]
        )
    return replace(symbol, nodes=tuple(map(_single, symbol.nodes))), narrow


def _single(node: SymbolNode) -> SymbolNode:
    """A variable or a layer whose attributes say float64, in float32."""
    double, single = (str(TYPE_FLAGS.index(dtype)) for dtype in ("float64", "float32"))
    named = {"dtype": ("float64", "float32"), "out_dtype": ("float64", "float32")}
    known = {**named, "__dtype__": (double, single)}
    changed = {k: new for k, (old, new) in known.items() if node.attrs.get(k) == old}
    return replace(node, attrs={**node.attrs, **changed})


def with_floats(graph: Graph, dtype: str) -> Graph:
    """The network with all floating-point parameters and inputs of this type."""
    params = {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in graph.params.items()}
    inputs = tuple(replace(v, type=dtype) if "float" in v.type else v for v in graph.inputs)
    return replace(graph, params=params, inputs=inputs)


def halved(graph: Graph) -> Graph:
    """The network in float16 throughout: parameters, inputs, and what layers make.

    Raises:
        UnsupportedError: parameters that float16 cannot hold, or layers that stay float32.
    """
    largest = {
        name: float(np.abs(array[np.isfinite(array)]).max(initial=0))
        for name, array in graph.params.items()
        if array.dtype.kind == "f"
    }
    beyond = [f"{name!r} {number:.3g}" for name, number in largest.items() if number > HALF.max]
    if beyond:
        raise UnsupportedError(
            [
                f"parameters hold more than float16, which ends at {HALF.max:.0f}: "
                f"{listed(beyond)}. Leave --float16 out; a batch norm may be folded away: --fuse."
            ]
        )
    nodes = tuple(_stated(node) for node in graph.nodes)
    half = replace(with_floats(graph, "float16"), nodes=nodes, half=True)
    wide = [n for n in nodes for o in n.outputs if half.types[o] in ("float32", "float64")]
    if wide:
        allowed = "supported with --float16: layers that keep the type of what they read"
        made = ((n, half.types[n.outputs[0]]) for n in wide)
        problems = (LayerProblem(n.op, n.name, f"makes {dtype}; {allowed}") for n, dtype in made)
        raise UnsupportedError(sentences(problems))
    return half


def lost(graph: Graph) -> int:
    """How many numbers of the parameters become 0 in float16 and are not."""
    return sum(
        int(((a.astype(np.float16) == 0) & (a != 0)).sum())
        for a in graph.params.values()
        if a.dtype.kind == "f"
    )


def _stated(node: Node) -> Node:
    """A layer whose attribute says float32, or says nothing and means it, in float16."""
    operator = ops.parse(node.op, node.attrs)
    if getattr(operator, "dtype", None) not in ("float32", "float64"):
        return node
    return replace(node, attrs={**node.attrs, "dtype": "float16"})
