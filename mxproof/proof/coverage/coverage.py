"""The coverage of a proof: stored numbers, channels, and signs before ReLUs.

A number that no result depends on, on the inputs at hand, could be any other and the proof would
not see it. In the chain some always are: behind a ReLU that is 0 everywhere, say. So each layer is
judged by itself as well, on inputs drawn for it (see drawing.py), and there every number must take
part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Tuple

import numpy as np

from ...runtimes.base import Array
from ..judge import channels


@dataclass(frozen=True)
class Share:
    """Of `total`, how many took part in the chain, and in a layer by itself."""

    total: int
    chain: int
    isolated: int


@dataclass(frozen=True)
class Coverage:
    """
    Attributes:
        stored: numbers, but for those that are exempt.
        channels: of layers' results, that are not the same number everywhere.
        relu_signs: channels that a ReLU reads, in which it saw numbers of both signs.
        missing: array -> how many of its numbers took part in no layer by itself.
        exempt: array -> why some or all of its numbers can take part in none, or in few.
        readers: array -> a layer that reads it, for those that are missing.
    """

    stored: Share
    channels: Share
    relu_signs: Share
    missing: Mapping[str, int]
    exempt: Mapping[str, str]
    readers: Mapping[str, str]

    @property
    def problems(self) -> List[str]:
        """A phrase, if stored numbers took part in no layer."""
        if not self.missing:
            return []
        named = [f"{n} of {a!r} ({self.readers[a]})" for a, n in self.missing.items()]
        more = f" and {len(named) - 5} more arrays" if len(named) > 5 else ""
        return [
            f"{sum(self.missing.values()):,} of {self.stored.total:,} stored numbers took part in "
            f"no layer, not even by itself on inputs drawn for it, so nothing is known of them: "
            f"{', '.join(named[:5])}{more}"
        ]


class Ranges:
    """The smallest and the largest number in each channel of each value, over all inputs."""

    def __init__(self) -> None:
        self.known: Dict[str, Tuple[Array, Array]] = {}

    def add(self, name: str, array: Array) -> None:
        if not array.size:
            return
        low, high = (f(channels(array), axis=(0, 2)) for f in (np.min, np.max))
        if low.size == array.size:  # one number each: it is something if it is not 0
            low = np.minimum(low, 0)
        known = self.known.get(name, (low, high))
        if len(known[0]) != len(low):  # another axis is second: a batch's, of any size
            low, high = low.min(keepdims=True), high.max(keepdims=True)
            known = known[0].min(keepdims=True), known[1].max(keepdims=True)
        self.known[name] = np.minimum(low, known[0]), np.maximum(high, known[1])

    def channels(self) -> int:
        return sum(len(low) for low, _ in self.known.values())

    def varied(self) -> int:
        return sum(int((low < high).sum()) for low, high in self.known.values())

    def of_both_signs(self) -> int:
        return sum(int(((low < 0) & (high > 0)).sum()) for low, high in self.known.values())
