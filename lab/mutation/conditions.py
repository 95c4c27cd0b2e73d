"""Faults that show under a condition: for a batch of three, on large pictures, above 1e3, at 0.

They are planted in the converted files, in front of a layer: in ONNX as a Where, in PyTorch as a
hook of the layer's module. Elsewhere the files compute what they should.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from converters import Graph, Node, ShapeError
from mxproof.inputs.sampling import FULL_SIZE

from .edits import Sites, nodes, producer
from .files import Before, hooked, onnx_edit, submodule_of
from .mutant import GRAPH, SHAPE, Fault, Mutant, MutationSite

#: Layers whose modules take hooks, and which hand on whatever their data is multiplied with.
HOOKED = ("BatchNorm", "Convolution", "FullyConnected")
#: Layers that can have results of any size and of either sign.
UNBOUNDED = HOOKED
LARGE = 200


def _hook(site: MutationSite, body: List[str], path: Path) -> None:
    module = submodule_of(path, site.layer)
    assert module is not None, f"{site.layer} is computed by a function"
    hooked(path, ["(x,) = args", *body], f"get_submodule({module!r}).register_forward_pre_hook")


def _planted(
    site: MutationSite, note: str, change: Callable[[Before], str], body: List[str]
) -> Mutant:
    """
    Args:
        change: adds nodes to the .onnx file; returns what the layer is to read.
        body: statements that return what the layer is to read in the .py file.
    """

    def in_onnx(model: Any) -> None:
        before = Before(model, site.layer)
        before.read(change(before))

    def edit(path: Path) -> None:
        if path.suffix == ".onnx":
            onnx_edit(in_onnx)(path)
        else:
            _hook(site, body, path)

    return Mutant(site.graph, note, site.layer, edit=edit)


def _where_size(site: MutationSite, axis: int, comparison: str, size: int) -> Mutant:
    """The layer's data is a quarter too large if its size on this axis compares so."""

    def change(b: Before) -> str:
        here = b.add("Gather", b.add("Shape", b.data), b.number(axis), axis=0)
        holds = b.add({"==": "Equal", ">": "Greater"}[comparison], here, b.number(size))
        scaled = b.add("Add", b.data, b.add("Div", b.data, b.add("CastLike", b.number(4), b.data)))
        return b.add("Where", holds, scaled, b.data)

    test = f"x.shape[{axis}] {comparison} {size}"
    return _planted(site, test, change, [f"return x + x / 4 if {test} else x"])


def _where_value(site: MutationSite, comparison: str, value: int, other: str) -> Mutant:
    """Numbers of the layer's data that compare so are read as others: "-x", or a constant."""

    def change(b: Before) -> str:
        limit = b.add("CastLike", b.number(value), b.data)
        holds = b.add({"==": "Equal", ">": "Greater", "<": "Less"}[comparison], b.data, limit)
        negated = other == "-x"
        new = b.add("Neg", b.data) if negated else b.add("CastLike", b.number(1), b.data)
        return b.add("Where", holds, new, b.data)

    test = f"x {comparison} {value}"
    body = [f"return torch.where({test}, {'-x' if other == '-x' else 'torch.ones_like(x)'}, x)"]
    return _planted(site, f"{other} where {test}", change, body)


def _sizes_at(graph: Graph, layer: str, axis: int, size: int) -> int:
    """The size of a layer's data where the network's inputs have this one on an axis."""
    shapes: Dict[str, Tuple[int, ...]] = {}
    for value in graph.inputs:
        sizes = [d if isinstance(d, int) else {"N": 1}.get(d or "", 64) for d in value.shape or ()]
        sizes[axis] = size
        shapes[value.name] = tuple(sizes)
    node = next(n for n in graph.nodes if n.name == layer)
    found = graph.infer_shapes(shapes)[str(node.inputs[0])]
    assert found is not None
    return int(found[axis])  # type: ignore[arg-type]


def _free(graph: Graph, axis: int, rank: int) -> bool:
    shapes = [v.shape or () for v in graph.inputs]
    return all(len(s) >= rank and not isinstance(s[axis], int) for s in shapes)


def _hooked(where: Callable[[Graph, Node], Any]) -> Sites:
    return nodes(lambda graph, n: n.op in HOOKED and where(graph, n))


def _larger(axis: int, sizes: Tuple[int, int], rank: int = 4) -> Sites:
    """Layers whose data has more on an axis for the larger of two sizes of the input."""

    def fits(graph: Graph, node: Node) -> bool:
        if len(graph.shapes[str(node.inputs[0])] or ()) < rank or not _free(graph, axis, rank):
            return False
        try:
            small, large = (_sizes_at(graph, node.name, axis, size) for size in sizes)
        except ShapeError:
            return False
        return large > small

    return _hooked(fits)


def _above(axis: int, size: int, rank: int = 4) -> Callable[[MutationSite], Mutant]:
    def plant(site: MutationSite) -> Mutant:
        size_here = _sizes_at(site.graph, site.layer, axis, size)
        return _where_size(site, axis, ">", size_here)

    return plant


def _signed(graph: Graph, node: Node) -> bool:
    """Can the layer's data be large, and of either sign?"""
    source = producer(graph, node.inputs[0])
    return source is None or source.op in UNBOUNDED


def _frames(site: MutationSite) -> Mutant:
    return _where_size(site, 2, ">", 1)


BATCHED = _hooked(
    lambda graph, n: _free(graph, 0, 1) and len(graph.shapes[str(n.inputs[0])] or ()) > 1
)
SIGNED = _hooked(_signed)
FRAMES = _hooked(lambda graph, n: len(graph.shapes[str(n.inputs[0])] or ()) == 5)
HEIGHTS, WIDTHS = (_larger(axis, (LARGE, FULL_SIZE)) for axis in (-2, -1))

FAULTS: Tuple[Fault, ...] = (
    Fault("wrong for a batch of 3", SHAPE, BATCHED, lambda s: _where_size(s, 0, "==", 3)),
    Fault(f"wrong for heights over {LARGE}", SHAPE, HEIGHTS, _above(-2, LARGE)),
    Fault(f"wrong for widths over {LARGE}", SHAPE, WIDTHS, _above(-1, LARGE)),
    Fault("wrong for more than one frame", SHAPE, FRAMES, _frames),
    Fault(
        "wrong above 1e3",
        GRAPH,
        SIGNED,
        partial(_where_value, comparison=">", value=1000, other="-x"),
    ),
    Fault(
        "wrong below -1e3",
        GRAPH,
        SIGNED,
        partial(_where_value, comparison="<", value=-1000, other="-x"),
    ),
    Fault("wrong at 0", GRAPH, SIGNED, partial(_where_value, comparison="==", value=0, other="1")),
    Fault(
        "wrong below 0", GRAPH, SIGNED, partial(_where_value, comparison="<", value=0, other="-x")
    ),
)
