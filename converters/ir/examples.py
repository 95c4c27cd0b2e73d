"""Example inputs for messages: shapes that the network at hand accepts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterator, Mapping, Sequence, Tuple

from ..errors import ConversionError, UnsupportedError
from .shapes import AXES, Dims, Shape, stating
from .stated_sizes import stated_sizes

if TYPE_CHECKING:
    from .graph import Graph

#: Sizes to try, in turn, for those that are free; the last is what three times eight, twelve and
#: sixteen heads of attention can share.
SIDES = (224, 112, 64, 48, 32, 16, 8, 2, 1, 2304)
USUAL = {"N": 1, "C": 3, "T": 16}
#: An option that is to be completed.
OPTION = re.compile(r"--input(?!-|[ =]\S*[='\"])")


def example_input(graph: Graph, name: str, *, free: bool = False) -> str:
    """`data=1x3x224x224`, or another shape of this input that the network takes.

    Args:
        free: leave sizes free where the network need not know them: `data=Nx3xHxW`.
    """
    sizes = _example(graph, name, SIDES)
    return stating(name, _freed(graph, name, sizes) if free else sizes)


def example_inputs(graph: Graph) -> str:
    """Options that state all inputs whose shapes are unknown: `--input ids=Nx16 --input mask=…`,
    but for those that follow from the others'; and all sizes where a square would not fit."""
    from .input_sizes import fixed_shapes, implied, some_sizes  # which need this module

    asked: Dict[str, Shape] = {}
    shapes: Mapping[str, Shape] = {value.name: value.shape for value in graph.inputs}
    while unknown := [name for name, shape in shapes.items() if shape is None]:
        name = unknown[0]
        asked[name] = _freed(graph, name, _example(graph, name, SIDES))
        shapes = implied(graph, {**shapes, name: asked[name]})
        inputs = tuple(replace(v, shape=shapes[v.name]) for v in graph.inputs)
        graph = replace(graph, inputs=inputs)
    if asked and fixed_shapes(graph, shapes) is None:
        asked.update(some_sizes(graph, shapes) or {})
    return " ".join(f"--input {stating(name, shape)}" for name, shape in asked.items())


def completed(error: UnsupportedError, graph: Graph) -> UnsupportedError:
    """The error, with examples where it asks for inputs of a fixed size: `--input` becomes
    `--input data=1x3x224x224 --input ids=1x16`."""
    said = " ".join(error.problems)
    if not OPTION.search(said):
        return error
    sides = (*map(int, re.findall(r"(?<!\w)[1-9]\d{0,6}(?!\w)", said)), *SIDES)
    options = []
    for value in graph.inputs:  # each beside those before it
        sizes = _example(graph, value.name, sides)
        options.append(f"--input {stating(value.name, sizes)}")
        inputs = (replace(v, shape=sizes) if v is value else v for v in graph.inputs)
        graph = replace(graph, inputs=tuple(inputs))
    return UnsupportedError(
        OPTION.sub(lambda _: " ".join(options), problem) for problem in error.problems
    )


def sized(shape: Dims, side: int, usual: Mapping[str, int] = USUAL) -> Tuple[int, ...]:
    """The shape with numbers for the sizes that are free: usual ones by the names of axes, and one
    sample; `side` for others."""
    axes = AXES.get(len(shape), (None,) * len(shape))
    known: Dict[str, int] = {}
    found = []
    for place, (dim, axis) in enumerate(zip(shape, axes)):
        if isinstance(dim, int):
            found.append(dim)
            continue
        name = dim if dim and dim in usual else "N" if not place else dim or axis or ""
        found.append(known.setdefault(dim or f"axis {place}", usual.get(name, side)))
    return tuple(found)


def _freed(graph: Graph, name: str, sizes: Tuple[int, ...]) -> Shape:
    """The shape with free sizes but for the channels, if the network takes it so."""
    from .input_sizes import counts  # which needs this module

    axes = AXES.get(len(sizes), ("C",) * len(sizes))
    if len(sizes) == 2 and counts(graph, name):
        axes = ("N", "T")
    shown: Shape = tuple(size if axis == "C" else axis for axis, size in zip(axes, sizes))
    return shown if _fits(graph, name, shown) else sizes


def _example(graph: Graph, name: str, sides: Sequence[int]) -> Tuple[int, ...]:
    shapes = list(_candidates(graph, name, sides))
    return next((shape for shape in shapes if _fits(graph, name, shape)), shapes[0])


def _candidates(graph: Graph, name: str, sides: Sequence[int]) -> Iterator[Tuple[int, ...]]:
    shape = next(value.shape for value in graph.inputs if value.name == name)
    if shape is not None:
        yield from (sized(shape, side) for side in sides)
        yield from (sized(shape, side, {"N": 1}) for side in sides)
        yield from (sized(shape, side, {}) for side in sides)
        return
    if name.endswith("label"):
        yield (1,)
    from .input_sizes import counts, implied_by, layouts, some_sizes  # which need this module

    known = {value.name: value.shape for value in graph.inputs}
    chosen = counts(graph, name) or "int" in graph.types[name]
    for guess in (("N", "T"),) if chosen else layouts(graph, name, known):
        shapes = implied_by(graph, known, name, guess)
        batches = (1, *sorted(stated_sizes(graph))) if shapes else ()
        yield from (found[name] for n in batches if (found := some_sizes(graph, shapes or {}, n)))
    if chosen:  # positions along one axis or several, a row for each
        yield from ((rows, USUAL["T"]) for rows in (1, 2, 3, 4))
    yield from ((1, USUAL["C"], side, side) for side in sides)
    read = sorted({a.shape[1] for a in graph.params.values() if a.ndim == 2}, reverse=True)
    yield from ((1, size) for size in read)
    yield from ((1, USUAL["T"], size) for size in read)
    yield from ((1,), (1, USUAL["T"]), (1, USUAL["C"], USUAL["T"], 64, 64))


def _fits(graph: Graph, name: str, shape: Shape) -> bool:
    """Does the network take it, in numbers, too, with one sample and with two?"""
    from .input_sizes import implied, letters, numbered, some_sizes  # which need this module

    try:
        shapes = implied(graph, {**{v.name: v.shape for v in graph.inputs}, name: shape})
        graph.infer_shapes(shapes)
        if None in shapes.values():
            return True
        found = some_sizes(graph, shapes)
        if found and "N" in (shape or ()):
            graph.infer_shapes({**numbered(shapes, {**letters(shapes, found), "N": 2})})
    except ConversionError:
        return False
    return found is not None
