"""The rounding bounds of recorded layers, as a file stores them.

A recording's layers cannot be moved by rounding anew, as MXNet's can: what that does is kept with
them. Files from before lack it, and are judged by MXNet's own error.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Mapping, Sequence, Tuple

import numpy as np

from ..runtimes.base import Array, Rounding
from .sketch import form

Shapes = Mapping[str, Tuple[int, ...]]
Column = Tuple[str, Array, str]  # name, numbers, their type in the file
#: RMS by channel, in the network; and the largest error of each layer.
CARRIED, LARGEST, DTYPE = "carried", "largest", "<f4"


def columns(known: Sequence[Rounding], shapes: Sequence[Tuple[int, ...]]) -> Iterator[Column]:
    """The arrays to be written; none where rounding is not known."""
    if known:
        rms = [np.sqrt(r.carried / form(shape)[1]) for r, shape in zip(known, shapes)]
        yield CARRIED, np.concatenate(rms), DTYPE
        yield LARGEST, np.array([r.largest for r in known]), DTYPE


def by_layer(
    shapes: Shapes, load: Callable[[str, str, Tuple[int, ...]], Array]
) -> Dict[str, Rounding]:
    """What the arrays say of each layer.

    Args:
        load: (name, type, shape) -> an array of the file.
    """
    forms = [form(shape) for shape in shapes.values()]
    ends = np.cumsum([channels for channels, _, _ in forms])
    carried, largest = load(CARRIED, DTYPE, (int(ends[-1]),)), load(LARGEST, DTYPE, (len(forms),))
    by_channel = np.split(np.square(carried.astype(np.float64)), ends[:-1])
    return {
        name: Rounding(carried=squares * size, largest=float(most))
        for name, squares, most, (_, size, _) in zip(shapes, by_channel, largest, forms)
    }
