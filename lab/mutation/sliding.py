"""Faults of sliding windows: kernels, strides, padding, dilation, and how poolings count."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from converters import Graph, Node

from .edits import (
    Sites,
    attributes,
    axes,
    layers,
    maker,
    nodes,
    other,
    readers,
    step,
    with_attributes,
)
from .fault import HYPER, Fault, Planted, Site

POOLS = layers("Pooling")
GLOBAL_POOLS = layers("Pooling", where=lambda op: op.global_pool)


def windowed(*ops: str, dims: Tuple[int, ...] = (1, 2, 3), **least: int) -> Sites:
    """Layers that slide a window, with at least so much of an attribute on some axis."""

    def fits(op: Any) -> bool:
        slides = not getattr(op, "global_pool", False) and len(op.kernel) in dims
        return slides and all(axes(getattr(op, name), value) for name, value in least.items())

    return layers(*(ops or ("Convolution", "Pooling")), where=fits)


def stepped(site: Site, name: str, by: int, least: int = 0) -> Dict[str, Any]:
    """One axis of an attribute, drawn among those that have at least so much."""
    values = getattr(site.op, name)
    return {name: step(values, site.draw(axes(values, least)), by)}


def temporal(site: Site, name: str, values: Tuple[int, int]) -> Dict[str, Any]:
    """The first of three axes: the first of the values that it does not have."""
    first, *others = getattr(site.op, name)
    return {name: (other(first, values)[0], *others)}


def _dilated(site: Site) -> Dict[str, Any]:
    return {"dilate": tuple(2 * d for d in site.op.dilate)}


def _dilated_in_place(site: Site) -> Dict[str, Any]:
    """The output keeps its size."""
    each = zip(site.op.pad, site.op.kernel, site.op.dilate)
    return {**_dilated(site), "pad": tuple(p + (k - 1) * d // 2 for p, k, d in each)}


def _next_convolution(graph: Graph, layer: str) -> Optional[Node]:
    """The convolution after this one with nothing between them but layers that keep the shape."""
    node = maker(graph, layer)
    while node is not None:
        after = readers(graph, node.name)
        node = after[0] if len(after) == 1 and after[0].inputs[0] == node.name else None
        if node is not None and node.op == "Convolution":
            return node
        if node is not None and not graph.operators[node.name].shape_preserving:
            return None
    return None


def _stride(graph: Graph, node: Node) -> Any:
    op: Any = graph.operators[node.name]
    return op.stride


def _strided_pair(graph: Graph, node: Node) -> bool:
    later = _next_convolution(graph, node.name) if node.op == "Convolution" else None
    return later is not None and _stride(graph, node) != _stride(graph, later)


def _exchange_strides(site: Site) -> Planted:
    later = _next_convolution(site.graph, site.layer)
    assert later is not None
    mine, others = site.op.stride, _stride(site.graph, later)
    graph = with_attributes(site.graph, site.layer, {"stride": others})
    graph = with_attributes(graph, later.name, {"stride": mine})
    return Planted(graph, f"stride {mine} <-> {others} of {later.name}", site.layer)


def row(kind: str, sites: Sites, change: Any, why: str = "") -> Fault:
    return attributes(kind, sites, change, why=why)


POINT = "a kernel of size 1 has nothing to dilate"
ALONE = "a global pooling has one window, without padding or rounding"
EVEN = "its windows come out even, or it has but one"
UNCOUNTED = "only an average over padding counts it"
ONE_FRAME = "it has one frame: no second step is taken"

FAULTS: Tuple[Fault, ...] = (
    row("padding less by one", windowed(pad=1), lambda s: stepped(s, "pad", -1, 1)),
    row("padding left out", windowed(pad=1), lambda s: {"pad": None}),
    row("padding more by one", windowed(), lambda s: stepped(s, "pad", 1)),
    row("stride dropped", windowed(stride=2), lambda s: {"stride": None}),
    row("stride dropped on one axis", windowed(stride=2), lambda s: stepped(s, "stride", -1, 2)),
    Fault("stride moved between two convolutions", HYPER, nodes(_strided_pair), _exchange_strides),
    row("dilation doubled", windowed("Convolution", kernel=2), _dilated),
    row(
        "dilation doubled, padding to match",
        windowed("Convolution", kernel=2, pad=1),
        _dilated_in_place,
    ),
    row(
        "dilation of a point",
        layers("Convolution", where=lambda op: set(op.kernel) == {1}),
        _dilated,
        POINT,
    ),
    row("temporal stride", windowed(dims=(3,)), lambda s: temporal(s, "stride", (1, 2)), ONE_FRAME),
    row("temporal padding", windowed(dims=(3,)), lambda s: temporal(s, "pad", (0, 1))),
    row(
        "pooling convention exchanged",
        POOLS,
        lambda s: {"pooling_convention": other(s.op.pooling_convention, ("valid", "full"))[0]},
        EVEN,
    ),
    row(
        "count_include_pad exchanged",
        POOLS,
        lambda s: {"count_include_pad": not s.op.counts_pad},
        UNCOUNTED,
    ),
    row(
        "max pooling as average",
        layers("Pooling", where=lambda op: op.pool_type == "max"),
        lambda s: {"pool_type": "avg"},
    ),
    row(
        "average pooling as max",
        layers("Pooling", where=lambda op: op.pool_type == "avg"),
        lambda s: {"pool_type": "max"},
    ),
    row(
        "pooling kernel less by one",
        windowed("Pooling", kernel=2),
        lambda s: stepped(s, "kernel", -1, 2),
    ),
    row(
        "kernel of a global pooling",
        GLOBAL_POOLS,
        lambda s: {"kernel": (2,) * len(s.data_shape[2:])},
        ALONE,
    ),
)
