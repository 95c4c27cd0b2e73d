"""Batch sizes that a training symbol states, freed where the network is the same for any other.

`Module` writes the training batch into a file in two ways: as `__shape__` of a variable, which it
overrides at its next `bind`, and by layers that were made for it, such as Reshape(shape=(32, -1)).
The layers are restated so that at the training batch all results have the shapes that they had:
what they compute there is the same, and then it is the network that computes it elsewhere, too.
MXNet is given the same network (`Graph.restated`).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import chain, count
from typing import Collection, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ..errors import BakedBatchWarning, ShapeError, UnsupportedError
from ..ir.graph import Graph, Node
from ..ir.input_sizes import letters, some_sizes
from ..ir.shapes import AXES, Shape, show
from ..ir.stated_sizes import sizes_of
from ..operators import Unsupported, parse

Letters = Mapping[str, int]
#: Numbers that a network is tried with for sizes that are free, "" standing for all others.
TRIED: Tuple[Letters, Letters] = ({"N": 1, "T": 16, "": 64}, {"N": 2, "T": 12, "": 96})


def freed(given: Mapping[str, Shape]) -> Dict[str, Shape]:
    """The shapes with all sizes free but those of channels. Sizes share a name only where they are
    stated with one value: two inputs with batches of 1 and 2 do not have one batch."""
    taken = {d for shape in given.values() for d in shape or () if isinstance(d, str)}
    names: Dict[Tuple[str, object], str] = {}

    def named(axis: str, size: object) -> str:
        if (axis, size) not in names:
            choices = chain([axis], (f"{axis}{number}" for number in count(2)))
            names[axis, size] = next(name for name in choices if name not in taken)
            taken.add(names[axis, size])
        return names[axis, size]

    free = dict(given)
    for name, shape in given.items():
        axes = AXES.get(len(shape or ()))
        if shape and axes:
            free[name] = tuple(
                size if place == 1 or isinstance(size, str) else named(str(axis), size)
                for place, (axis, size) in enumerate(zip(axes, shape))
            )
    return free


def sized(graph: Graph, shapes: Mapping[str, Shape], stated: Collection[str]) -> Graph:
    """The network with inputs of these shapes, for any batch where that can be had.

    Args:
        stated: inputs whose shapes the user states, and which keep them.

    Raises:
        ShapeError: the network cannot take them, nor can it with another batch.
    """
    try:
        return free_batch(graph.with_inputs(shapes), stated)
    except ShapeError:
        batches = {shape[0] for shape in shapes.values() if shape}
        if not _baked(graph) or len(batches) != 1:
            raise
        free: Dict[str, Shape] = {n: s and ("N", *s[1:]) for n, s in shapes.items()}
        found = free_batch(graph.with_inputs(free), stated)
        if not found.restated:
            raise
        return found.with_inputs(shapes)


def free_batch(graph: Graph, stated: Collection[str]) -> Graph:
    """The network for any batch, if its file states one and it can be had: not where layers are
    only there to be looked at.

    Args:
        stated: inputs whose shapes the user states, and which keep them.

    Warns:
        BakedBatchWarning: a batch was freed, or could not be.
    """
    if graph.partial and graph.refused:
        return graph
    fixed = {
        v.name: v.shape
        for v in graph.inputs
        if v.name not in stated and v.shape and all(isinstance(d, int) for d in v.shape)
    }
    batches = {size for shape in fixed.values() if isinstance(size := shape[0], int)} - {1}
    if len(batches) == 1 and len(fixed) == len(graph.inputs):
        (batch,) = batches
        for shapes in _freer(fixed, batch):
            found = _served(graph, batch, shapes)
            if found is not None:
                return _told(graph, found, batch)
        warnings.warn(
            f"{graph.name}: takes {batch} samples at a time, no other number: "
            f"{_shown(graph)}, as its file states.",
            BakedBatchWarning,
            stacklevel=4,
        )
        return graph
    baked = _baked(graph)
    if baked and not fixed and not _takes(graph, TRIED[0]):
        for batch, tried in ((b, t) for b in sorted(baked) for t in _trials(graph, b)):
            found = _served(graph, batch, {}, tried) if _takes(graph, tried[0], batch) else None
            if found is not None:
                return _told(graph, found, batch)
    return graph


def _trials(graph: Graph, batch: int) -> Iterator[Tuple[Letters, Letters]]:
    """Sizes to try: the usual ones; then, in their place, those that the network determines at this
    batch."""
    yield TRIED
    shapes = {v.name: v.shape for v in graph.inputs}
    found = None if None in shapes.values() else some_sizes(graph, shapes, batch)
    sizes = letters(shapes, found) if found else {}
    determined = {
        letter: size
        for letter, size in sizes.items()
        if letter != "N" and not _takes(graph, {**sizes, "": 1, letter: 2 * size}, batch)
    }
    if determined:
        yield {**TRIED[0], **determined, "N": 1}, {**TRIED[1], **determined, "N": 3}


def _freer(fixed: Mapping[str, Shape], batch: int) -> Iterator[Dict[str, Shape]]:
    """Shapes with a free batch, and with free heights and widths, too, if that can be."""
    everything = freed(fixed)
    yield everything
    yield {n: (everything[n][0], *shape[1:]) for n, shape in fixed.items()}  # type: ignore[index]


def _told(graph: Graph, found: Graph, batch: int) -> Graph:
    layers = {number for number, _, _ in found.restated}
    names = [f"{node.op} {node.name!r}" for k, node in enumerate(found.listed) if k in layers]
    where = f"{', '.join(names[:3])}{' …' if names[3:] else ''}" if names else _shown(graph)
    warnings.warn(
        f"{graph.name}: made for a batch of {batch} ({where}); it was freed: {_shown(found)}. For "
        f"a batch of {batch} the network is the same.",
        BakedBatchWarning,
        stacklevel=5,
    )
    return found


def _shown(graph: Graph) -> str:
    return ", ".join(f"{v.name} {show(v.shape)}" for v in graph.inputs)


def _baked(graph: Graph) -> Set[int]:
    """First sizes that layers state."""
    return {shape[0] for node in graph.nodes if (shape := sizes_of(node)) and shape[0] > 1}


def _served(
    graph: Graph,
    batch: int,
    shapes: Mapping[str, Shape],
    tried: Tuple[Letters, Letters] = TRIED,
) -> Optional[Graph]:
    """The network with inputs of these shapes, in which the batch is free; None if it does not take
    others, or differs at this one."""
    from ..onnx.exporter import to_onnx
    from ..pytorch.exporter import to_pytorch

    try:
        graph = graph.with_inputs(shapes)
        at = _sized(graph, {**tried[0], "N": batch})
        found = _restated(graph, batch, graph.infer_shapes(at))
        if graph.infer_shapes(at) != found.infer_shapes(at):
            return None
        if not all(_takes(found, sizes) for sizes in tried):
            return None
        to_onnx(found)
        to_pytorch(found)
    except (ShapeError, UnsupportedError):
        return None
    return found


def _sized(graph: Graph, sizes: Letters) -> Dict[str, Shape]:
    """Numbers for the sizes that are free."""
    return {
        v.name: v.shape
        and tuple(sizes.get(d, sizes[""]) if isinstance(d, str) else d for d in v.shape)
        for v in graph.inputs
    }


def _takes(graph: Graph, sizes: Letters, batch: Optional[int] = None) -> bool:
    try:
        graph.infer_shapes(_sized(graph, {**sizes, "N": batch or sizes["N"]}))
    except (ShapeError, UnsupportedError):
        return False
    return True


def _restated(graph: Graph, batch: int, shapes: Mapping[str, Shape]) -> Graph:
    """The layers that state the batch, with a code in its place, where the shape stays the same.

    Args:
        shapes: of all values at this batch.
    """
    changed: Dict[str, Node] = {}
    restated: List[Tuple[int, str, str]] = []
    for number, node in enumerate(graph.listed):
        sizes = sizes_of(node)
        if not sizes or sizes[0] < 1 or sizes[0] % batch or node.outputs[0] not in shapes:
            continue
        result = shapes[node.outputs[0]] or ()
        for choice in _choices(node, sizes, batch, result):
            text = f"({', '.join(map(str, choice))}{',' if len(choice) == 1 else ''})"
            other = replace(node, attrs={**node.attrs, "shape": text})
            if not node.inputs or _same(other, shapes.get(node.inputs[0] or ""), result):
                changed[node.name] = other
                restated.append((number, "shape", text))
                break
    nodes = tuple(changed.get(node.name, node) for node in graph.nodes)
    unfolded = tuple(changed.get(node.name, node) for node in graph.unfolded)
    return replace(graph, nodes=nodes, unfolded=unfolded, restated=tuple(restated))


def _choices(
    node: Node, sizes: Tuple[int, ...], batch: int, result: Tuple[object, ...]
) -> Iterator[Tuple[int, ...]]:
    """What may stand in place of the sizes: the input's own first size, or whatever is left."""
    if sizes[0] == batch:
        yield (0, *sizes[1:])
    if node.op == "Reshape" and len(sizes) == len(result) and min(sizes[1:], default=1) >= -1:
        rest = [r if s == -1 else s for s, r in zip(sizes[1:], result[1:])]
        if all(isinstance(size, int) for size in rest):
            yield (-1, *(int(size) for size in rest))  # type: ignore[call-overload]


def _same(node: Node, given: Shape, result: Tuple[object, ...]) -> bool:
    try:
        return given is not None and parse(node.op, node.attrs).infer(given) == result
    except (ShapeError, Unsupported):
        return False
