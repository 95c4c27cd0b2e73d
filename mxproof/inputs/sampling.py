"""Draw sample inputs of several kinds and shapes for a proof.

A conversion may be wrong for a batch of three only, for large pictures only, at an exact zero only.
So samples take turns (`PLANS`): each differs from the one before it in size and in what its numbers
are like, and together they cost about as much as four plain ones.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
)

import numpy as np

from converters import Graph, ShapeError, UnsupportedError
from converters.ir.shapes import Shape
from converters.operators.registry import Limits

from ..runtimes.base import Array, Inputs

Sizes = Dict[str, Tuple[int, ...]]

#: Height of a tall sample and width of a wide one: the size of pictures in use.
FULL_SIZE = 224
WHOLE = 128  # numbers of whole types are below it: all types hold them


def _with_outliers(random: np.random.Generator, shape: Tuple[int, ...]) -> Array:
    values: Array = random.standard_normal(shape) * np.where(random.random(shape) < 0.02, 1e4, 1.0)
    return values


#: Name -> numbers around 0, of about unit size, shifted and scaled to what the network expects
#: (sparse ones are only scaled, so that zeros stay). Rounding depends on the numbers: constants
#: cancel, outliers swamp their neighbours, tiny and huge values reach the ends of the format. A
#: proof on one kind of input says little of the others.
DISTRIBUTIONS: Dict[str, Callable[[np.random.Generator, Tuple[int, ...]], Array]] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "uniform": lambda random, shape: random.uniform(-(3**0.5), 3**0.5, shape),
    "heavy-tailed": lambda random, shape: random.standard_t(2, shape),
    "constant": lambda random, shape: np.full(shape, random.standard_normal()),
    "sparse": lambda random, shape: random.standard_normal(shape) * (random.random(shape) < 0.02),
    "outliers": _with_outliers,
    "tiny": lambda random, shape: 1e-6 * random.standard_normal(shape),
    "huge": lambda random, shape: 1e4 * random.standard_normal(shape),
}


def draw_within(
    random: np.random.Generator, limits: Limits, shape: Tuple[int, ...], dtype: Any
) -> Array:
    """Whole numbers within the limits; where there is at most one, and the type holds fractions,
    any numbers between them."""
    low, high = np.ceil(limits.low), np.floor(limits.high)
    whole = (
        limits.whole
        and np.all(low <= high)
        and (np.any(low < high) or np.all(limits.low == limits.high))
    )
    if np.dtype(dtype).kind == "f" and not whole:
        return random.uniform(limits.low, limits.high, shape).astype(dtype)
    first, last = np.minimum(low, high).astype(np.int64), high.astype(np.int64)
    if not first.ndim and not last.ndim:
        return random.integers(int(first), int(last) + 1, shape).astype(dtype)
    return random.integers(first, last + 1, shape).astype(dtype)


class SamplingPlan(NamedTuple):
    """One kind of sample.

    Attributes:
        kind: of its numbers, a name in DISTRIBUTIONS.
        more: how many samples its batch has more than the plain one.
        frames: plain number of frames or steps -> its own.
        sides: plain (height, width) -> its own, in order of preference: some networks take
            multiples of 32 only, others nothing small.
    """

    kind: str
    more: int = 0
    frames: Callable[[int], int] = lambda t: t
    sides: Callable[[int, int], List[Tuple[int, int]]] = lambda h, w: [(h, w)]


#: Samples take these turns. A padding that lacks its last row shows on odd sides only, a wrong
#: rounding on even ones; height and width differ, and each is large once. Divided by 4, as by a
#: stride, heights leave each remainder once, and so do widths.
PLANS = (
    SamplingPlan("normal"),
    SamplingPlan(
        "sparse",
        more=2,
        frames=lambda t: t + 1,
        sides=lambda h, w: [(w // 2 + 3, h // 2 + 1), (w // 2, h // 2), (w, h)],
    ),
    SamplingPlan(
        "outliers",
        frames=lambda t: 2 * t // 3,
        sides=lambda h, w: [(FULL_SIZE + 1, w // 2 + 3), (FULL_SIZE, w // 2), (FULL_SIZE, w)],
    ),
    SamplingPlan(
        "normal",
        frames=lambda t: 2 * t // 3,
        sides=lambda h, w: [(h // 2 + 2, FULL_SIZE + 2), (h // 2, FULL_SIZE), (h, FULL_SIZE)],
    ),
)


#: Tried in turn where an output says nothing of its input.
SCALES = (1e-2, 1e2, 1e-4)


def informative(
    run: Callable[[Inputs], List[Array]],
    samples: Sequence[Inputs],
    unscaled: Collection[str] = (),
) -> Sequence[Inputs]:
    """The samples, or if some output is the same for all of them, all but the first at the scale
    at which fewer outputs are.

    Args:
        run: inputs -> outputs.
        unscaled: inputs that stay as they are: they count, or the user limits them.
    """
    still = _unchanging(map(run, samples)) if len(samples) > 1 else 0
    for scale in SCALES if still else ():
        scaled = [
            {
                n: a if n in unscaled or a.dtype.kind != "f" else a * a.dtype.type(scale)
                for n, a in x.items()
            }
            for x in samples[1:]
        ]
        found = [samples[0], *scaled]
        if _unchanging(map(run, found)) < still:
            return found
    return samples


def _unchanging(results: Iterable[List[Array]]) -> int:
    """How many outputs hold the same for every sample, whatever the size of its batch."""
    firsts = [[output[:1] for output in outputs] for outputs in results]
    return sum(
        all(np.array_equal(first, other) for other in others) for first, *others in zip(*firsts)
    )


def sample_shapes(
    graph: Graph, plain: Sizes, free: Mapping[str, Shape], plan: SamplingPlan
) -> Sizes:
    """The first of the plan's shapes that the network takes, else the plain ones.

    Args:
        plain: input -> its sizes in a plain sample.
        free: input -> its shape, where a size that is no number is free.
    """
    for shapes in _planned(plain, free, plan):
        try:
            graph.infer_shapes(shapes)
        except (ShapeError, UnsupportedError):
            continue
        return shapes
    return plain


def _planned(plain: Sizes, free: Mapping[str, Shape], plan: SamplingPlan) -> Iterator[Sizes]:
    """What the plan prefers; then with another batch size only."""
    for choice in range(len(plan.sides(0, 0))):
        yield {name: _changed(sizes, free[name], plan, choice) for name, sizes in plain.items()}
    batch = SamplingPlan(plan.kind, plan.more)
    yield {name: _changed(sizes, free[name], batch, 0) for name, sizes in plain.items()}


def _changed(
    sizes: Tuple[int, ...], dims: Shape, plan: SamplingPlan, choice: int
) -> Tuple[int, ...]:
    """An input's sizes as the plan has them, as far as they are free: (N, ...), with C, and T in
    five dimensions, before the sides."""
    open_ = [not isinstance(d, int) for d in dims or (None,) * len(sizes)]
    rank, changed = len(sizes), list(sizes)
    if rank:
        changed[0] += plan.more
    if rank > 2:
        changed[-2:] = plan.sides(sizes[-2] if rank > 3 else sizes[-1], sizes[-1])[choice]
    steps = [a for a in range(1, rank) if dims and dims[a] == "T"] or ([2] if rank == 5 else [])
    for axis in steps:
        changed[axis] = max(1, plan.frames(sizes[axis]))
    channels = {1} - set(steps)
    kept = (o and a not in channels for a, o in enumerate(open_))
    return tuple(new if k else old for new, old, k in zip(changed, sizes, kept))
