"""Sizes of a network's inputs where neither its file nor its user states them.

A dense layer behind a flattened picture has a weight for each of that picture's numbers, so it
determines the picture's size, and with it that of the network's input. Sizes are tried through
shape inference, whose errors tell whether a size is too small or too large; so bisection finds the
range that a network takes in some twenty trials, whatever layers are in between.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from ..errors import ShapeError, UnsupportedError
from .graph import Graph
from .shapes import Dim, Shape, stating

Sizes = Dict[str, Tuple[int, ...]]
Shapes = Mapping[str, Shape]

#: Sizes for symbolic dimensions where the user states none.
DEFAULT_SIZES = {"N": 1, "T": 16}
DEFAULT_SIZE = 64
#: Sides of pictures that networks are made for, and numbers of frames or steps. Of several that a
#: network takes, the first is chosen.
SIDES = (DEFAULT_SIZE, 112, 224, 32, 28, 96, 128, 48, 24, 12, 36, 40, 80, 160, 256, 299, 384, 512)
STEPS = (DEFAULT_SIZES["T"], 8, 32, 64, 4, 1)
LARGEST = 2**16
#: A size is left free where the network takes another that is so many times as large.
OTHERS = (2, 3, 4, 0.5)
#: Layouts of a picture, where the first layers do not say.
LAYOUTS: Tuple[Shape, ...] = (
    *(("N", 3, "H", "W"), ("N", 1, "H", "W")),
    *(("N", "H", "W", 3), ("N", "H", "W", 1)),
)
SMALLEST = 8
#: No picture in use is so many times as long as it is wide: where only such fit, others are tried.
STRETCH = 3
#: How many shapes are named to a user who has to choose one.
NAMED = 4


def implied(graph: Graph, shapes: Shapes) -> Dict[str, Shape]:
    """The shapes, with those that follow from other inputs': a length for each sample, states."""
    found = dict(shapes)
    for node in graph.nodes if None in found.values() else ():
        operator = graph.operators.get(node.name)
        given = list(zip(operator.input_names(), node.inputs)) if operator else []
        for role, name in given[1:]:
            if operator and name in found and found[name] is None:
                data = graph.infer_shapes(found)[given[0][1] or ""]
                shape = operator.implied_shapes(data).get(role) if data else None
                found[name] = None if None in (shape or ()) else shape
    return found


def implied_by(graph: Graph, shapes: Shapes, name: str, shape: Shape) -> Optional[Shapes]:
    """All shapes where this input has this one; None where they do not follow, or do not fit."""
    try:
        found = implied(graph, {**shapes, name: shape})
    except (ShapeError, UnsupportedError):
        return None
    return None if None in found.values() else found


@contextmanager
def fitting_named(graph: Graph, shapes: Shapes) -> Iterator[None]:
    """Errors on inputs that are too small or too large name such as fit these shapes."""
    try:
        yield
    except ShapeError as error:
        if error.misfit is None or None in shapes.values():
            raise
        fitting = choices(graph, shapes)
        raise ShapeError(f"{error} {fitting}".rstrip(), error.misfit) from None


def choices(graph: Graph, shapes: Shapes) -> str:
    """A sentence on the shapes that the network takes; "" where none was found."""
    found = fixed_shapes(graph, shapes)
    fitting = [found] if found else rectangles(graph, shapes)
    return f"It takes, e.g., {' or '.join(map(in_words, fitting))}." if fitting else ""


def in_words(shapes: Shapes) -> str:
    """Shapes as a user states them: data=1x3x112x96."""
    return ", ".join(stating(name, shape) for name, shape in shapes.items())


def shapes_that_fit(graph: Graph, shapes: Shapes) -> Sizes:
    """As `fixed_shapes`.

    Raises:
        ShapeError: none was found; the message asks for one, and names some that fit.
    """
    found = fixed_shapes(graph, shapes)
    if found is not None:
        return found
    fitting = choices(graph, shapes)
    if not fitting:
        with fitting_named(graph, {v.name: v.shape for v in graph.inputs}):
            graph.infer_shapes(numbered(shapes, DEFAULT_SIZES, DEFAULT_SIZE))
    raise ShapeError(
        f"{graph.name}: no height equal to the width fits {in_words(shapes)}. {fitting} Choose "
        "one by --input."
    )


def some_sizes(graph: Graph, shapes: Shapes, batch: int = 1) -> Optional[Sizes]:
    """As `fixed_shapes`, or else with another height than width."""
    return fixed_shapes(graph, shapes, batch) or next(iter(rectangles(graph, shapes, batch)), None)


def fixed_shapes(graph: Graph, shapes: Shapes, batch: int = 1) -> Optional[Sizes]:
    """Fixed shapes that the network takes, with height and width alike; None where none was found.

    Args:
        shapes: of all inputs; their free sizes are letters, or None.
    """
    if _free(shapes) == {"T"}:
        return _filled(graph, shapes, {"N": batch}, STEPS)
    for steps in STEPS if "T" in _free(shapes) else STEPS[:1]:
        found = _filled(graph, shapes, {"N": batch, "T": steps}, SIDES)
        if found:
            return found
    return None


def rectangles(graph: Graph, shapes: Shapes, batch: int = 1) -> List[Sizes]:
    """The same with height and width not alike, the most nearly square first."""
    first = next((name for name, shape in shapes.items() if "H" in (shape or ())), None)
    if first is None:
        return []

    def stretch(sizes: Sizes) -> float:
        height, width = (sizes[first][(shapes[first] or ()).index(axis)] for axis in "HW")
        return max(height, width) / min(height, width)

    def of(heights: Iterable[int]) -> List[Sizes]:
        known = ({**DEFAULT_SIZES, "N": batch, "H": height} for height in heights)
        return list(filter(None, (_filled(graph, shapes, sizes, SIDES) for sizes in known)))

    found = of(SIDES)
    if min(map(stretch, found), default=STRETCH) >= STRETCH:
        found += of(n for n in range(SMALLEST, DEFAULT_SIZE) if n not in SIDES)
    return sorted(found, key=stretch)[:NAMED]


def with_determined_sizes(graph: Graph) -> Graph:
    """The network with numbers for those free sizes that its weights leave no choice in.

    Of a few sizes that make no difference (convolutions with a stride round) it is the usual one.
    """
    shapes = {v.name: v.shape for v in graph.inputs}
    names = _free(shapes)
    found = fixed_shapes(graph, shapes) if names and None not in shapes.values() else None
    if found is None:
        return graph
    sizes = letters(shapes, found)

    def free(*names: Dim) -> bool:
        others = ({n: max(1, int(times * sizes[n])) for n in names} for times in OTHERS)
        return any(_misfit(graph, numbered(shapes, {**sizes, **o})) == 0 for o in others)

    fixed = set() if free(*names) else {name for name in names if not free(name)}
    if not fixed:
        return graph
    return graph.with_inputs(
        {n: tuple(sizes[d] if d in fixed else d for d in s or ()) for n, s in shapes.items()}
    )


def layouts(graph: Graph, name: str, shapes: Shapes) -> List[Shape]:
    """Shapes that an input may have of which the first layers do not say how many axes there are:
    pictures, or what the first layer with weights takes."""
    stored: Dict[str, Shape] = {k: tuple(v.shape) for k, v in graph.params.items()}
    given = (
        graph.operators[node.name].data_shape(
            {
                role: stored.get(value or "")
                for role, value in zip(graph.operators[node.name].input_names(), node.inputs)
            }
        )
        for node in graph.nodes
        if node.name in graph.operators
    )
    another = any("H" in (shape or ()) for shape in shapes.values())
    pictures = () if another or counts(graph, name) else LAYOUTS
    guesses = (next(filter(None, given), None), *pictures)
    tried = {guess: implied_by(graph, shapes, name, guess) for guess in guesses if guess}
    fitting = ((guess, some_sizes(graph, s) if s else None) for guess, s in tried.items())
    return [guess for guess, sizes in fitting if sizes and _is_picture(guess, sizes[name])]


def counts(graph: Graph, name: str) -> bool:
    """Does a layer take its numbers for positions, lengths or ids?"""
    known = ((graph.operators[n.name], n) for n in graph.nodes if n.name in graph.operators)
    return any(
        read == name and role in (limits := operator.index_limits()) and not limits[role].optional
        for operator, node in known
        for role, read in zip(operator.input_names(), node.inputs)
    )


def _is_picture(shape: Shape, sizes: Tuple[int, ...]) -> bool:
    """Is no side so small that only an axis of channels could be?"""
    return all(size >= SMALLEST for d, size in zip(shape or (), sizes) if d in ("H", "W"))


def _free(shapes: Shapes) -> Set[Dim]:
    """The sizes, but for the batch's, that are no numbers."""
    dims = chain.from_iterable(shape or () for shape in shapes.values())
    return {d for d in dims if not isinstance(d, int) and d != "N"}


def numbered(shapes: Shapes, sizes: Mapping[Any, int], other: int = 1) -> Sizes:
    """The shapes with these numbers for free sizes, and `other` for those that are left."""
    return {
        name: tuple(d if isinstance(d, int) else sizes.get(d, other) for d in shape or ())
        for name, shape in shapes.items()
    }


def letters(shapes: Shapes, sizes: Sizes) -> Dict[Any, int]:
    """Dimension -> its number in these sizes."""
    return {d: size for n, shape in shapes.items() for d, size in zip(shape or (), sizes[n])}


def _misfit(graph: Graph, sizes: Sizes) -> Optional[int]:
    """0 where the network takes these sizes, -1 where they are too small, 1 where they are too
    large, None where it is not known which."""
    try:
        graph.infer_shapes(dict(sizes))
    except ShapeError as error:
        return error.misfit
    except UnsupportedError:
        return None
    return 0


def _filled(
    graph: Graph, shapes: Shapes, known: Mapping[Any, int], usual: Sequence[int]
) -> Optional[Sizes]:
    """The shapes with known sizes, and with one number for all others.

    Args:
        usual: such numbers, the first of which is preferred.
    """

    @cache
    def misfit(size: int) -> Optional[int]:
        return _misfit(graph, numbered(shapes, known, size))

    if misfit(usual[0]) == 0:
        return numbered(shapes, known, usual[0])
    least = _first(lambda size: misfit(size) != -1, usual[0])
    beyond = _first(lambda size: misfit(size) == 1, usual[0])
    # Several fit where strides round; layers that halve the picture were made for the roundest.
    roundest = sorted(range(least, min(beyond, 2 * least)), key=lambda size: -(size & -size))
    for size in (*(s for s in usual if least <= s < beyond), *roundest[:NAMED]):
        if misfit(size) == 0:
            return numbered(shapes, known, size)
    return None


def _first(reached: Callable[[int], bool], start: int) -> int:
    """The smallest number up to LARGEST from which on it is reached, by bisection."""
    low, high = 1, start
    while high < LARGEST and not reached(high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low
