"""Faults of what the network is fed: preprocessing, layout, order."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Tuple

import numpy as np

from converters import Graph
from mxproof.runtimes.base import Array

from .edits import Sites, readers
from .mutant import INPUT, PREPROCESSING, Fault, Mutant, MutationSite

#: Of ImageNet's pixels between 0 and 1, by channel.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def reading(where: Callable[[Tuple[Any, ...]], object] = lambda shape: True) -> Sites:
    """The first reader of each input of such a shape."""

    def find(graph: Graph) -> list[str]:
        fitting = [v.name for v in graph.inputs if where(v.shape or ())]
        first = [n.name for name in fitting for n in readers(graph, name)[:1]]
        return list(dict.fromkeys(first))

    return find


def fed(
    kind: str, family: str, change: Callable[[Array], Array], sites: Sites, why: str = ""
) -> Fault:
    """The converted model is given another array."""

    def plant(site: MutationSite) -> Mutant:
        inputs = [v.name for v in site.graph.inputs]
        name = next(str(n) for n in site.node.inputs if n in inputs)

        def feed(given: Mapping[str, Array]) -> Dict[str, Array]:
            array = np.ascontiguousarray(change(given[name]), dtype=given[name].dtype)
            return {**given, name: array}

        return Mutant(site.graph, f"input {name}", site.layer, feed=feed)

    return Fault(kind, family, sites, plant, why)


def _by_channel(values: Tuple[float, ...], x: Array) -> Array:
    """(3,) -> (3, 1, ...), as float32."""
    return np.reshape(values, (-1, *(1,) * (x.ndim - 2))).astype(np.float32)


def _minus_mean(x: Array) -> Array:
    unit = 255 if np.abs(x).max() > 10 else 1
    return x - _by_channel(tuple(unit * m for m in MEAN), x)


PICTURES = reading(lambda shape: len(shape) > 3)
COLOURED = reading(lambda shape: len(shape) > 3 and shape[1] == 3)
CLIPS = reading(lambda shape: len(shape) == 5)
WHOLE = "every pixel is a whole number already"
EXACT = "every pixel is a float16 already"
DIVIDED = "divided by the deviation twice"

FAULTS: Tuple[Fault, ...] = (
    fed("red and blue exchanged", PREPROCESSING, lambda x: x[:, ::-1], COLOURED),
    fed("scaled by 1/255", PREPROCESSING, lambda x: x / np.float32(255), PICTURES),
    fed("mean subtracted twice", PREPROCESSING, _minus_mean, COLOURED),
    fed(DIVIDED, PREPROCESSING, lambda x: x / _by_channel(DEVIATION, x), COLOURED),
    fed("pixels rounded", PREPROCESSING, np.rint, PICTURES, WHOLE),
    fed("pixels in float16", PREPROCESSING, lambda x: x.astype(np.float16), PICTURES, EXACT),
    fed("height and width exchanged", INPUT, lambda x: x.swapaxes(-1, -2), PICTURES),
    fed("left and right exchanged", INPUT, lambda x: x[..., ::-1], PICTURES),
    fed("channels last", INPUT, lambda x: np.moveaxis(x, 1, -1), PICTURES),
    fed("batch in reverse order", INPUT, lambda x: x[::-1], reading()),
    fed("frames in reverse order", INPUT, lambda x: x[:, :, ::-1], CLIPS),
)
