"""Faults of what the network is fed: preprocessing, layout, order."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Tuple

import numpy as np

from converters import Graph
from converters.shape import Shape
from mxproof.runtimes.base import Array

from .edits import Sites
from .fault import INPUT, PREPROCESSING, Fault, Planted, Site

#: Of ImageNet's pixels between 0 and 1, by channel.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _inputs(graph: Graph) -> Dict[str, Shape]:
    return {v.name: v.shape for v in graph.inputs}


def reading(where: Callable[[Tuple[object, ...]], object] = lambda shape: True) -> Sites:
    """The first layer that reads each input of such a shape."""

    def find(graph: Graph) -> list[str]:
        found = {}
        for name, shape in _inputs(graph).items():
            readers = [n.name for n in graph.nodes if name in n.inputs]
            if readers and where(shape or ()):
                found[readers[0]] = name
        return list(found)

    return find


def fed(
    kind: str, family: str, change: Callable[[Array], Array], sites: Sites, why: str = ""
) -> Fault:
    """The converted model is given another array."""

    def plant(site: Site) -> Planted:
        name = next(n for n in site.node.inputs if n in _inputs(site.graph))

        def feed(inputs: Mapping[str, Array]) -> Dict[str, Array]:
            array = np.ascontiguousarray(change(inputs[name]), dtype=inputs[name].dtype)
            return {**inputs, name: array}

        return Planted(site.graph, f"input {name}", site.layer, feed=feed)

    return Fault(kind, family, sites, plant, why)


def _by_channel(values: Tuple[float, ...], x: Array) -> Array:
    """(3,) -> (3, 1, ...), in the input's unit."""
    unit = 255 if np.abs(x).max() > 10 else 1
    return unit * np.reshape(values, (-1, *(1,) * (x.ndim - 2)))


PICTURES = reading(lambda shape: len(shape) > 3)
COLOURED = reading(lambda shape: len(shape) > 3 and shape[1] == 3)
CLIPS = reading(lambda shape: len(shape) == 5)
WHOLE = "every pixel is a whole number already"
EXACT = "every pixel is a float16 already"

FAULTS: Tuple[Fault, ...] = (
    fed("red and blue exchanged", PREPROCESSING, lambda x: x[:, ::-1], COLOURED),
    fed("scaled by 1/255", PREPROCESSING, lambda x: x / np.float32(255), PICTURES),
    fed(
        "mean subtracted twice",
        PREPROCESSING,
        lambda x: x - _by_channel(MEAN, x).astype(np.float32),
        COLOURED,
    ),
    fed(
        "divided by the deviation twice",
        PREPROCESSING,
        lambda x: x / np.reshape(DEVIATION, (-1, *(1,) * (x.ndim - 2))).astype(np.float32),
        COLOURED,
    ),
    fed("pixels rounded", PREPROCESSING, np.rint, PICTURES, WHOLE),
    fed("pixels in float16", PREPROCESSING, lambda x: x.astype(np.float16), PICTURES, EXACT),
    fed("height and width exchanged", INPUT, lambda x: x.swapaxes(-1, -2), PICTURES),
    fed("left and right exchanged", INPUT, lambda x: x[..., ::-1], PICTURES),
    fed("channels last", INPUT, lambda x: np.moveaxis(x, 1, -1), PICTURES),
    fed("batch in reverse order", INPUT, lambda x: x[::-1], reading()),
    fed("frames in reverse order", INPUT, lambda x: x[:, :, ::-1], CLIPS),
)
