"""Faults around the network: what it is fed, and what is written into its .onnx file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Tuple

import numpy as np
from onnx import TensorProto, helper

from converters import Graph
from mxproof.runtimes.base import Array

from .attributes import CONVOLUTIONS, SOFTMAXES, always, windowed
from .edits import Sites, axes, layers, readers
from .files import Before, onnx_edit, producer_of
from .mutant import (
    GRAPH,
    HYPER,
    INPUT,
    PREPROCESSING,
    SHAPE,
    WEIGHTS,
    Fault,
    Mutant,
    MutationSite,
)

ONNX = ("onnx",)
#: Of ImageNet's pixels between 0 and 1, by channel.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def reading(where: Callable[[Tuple[Any, ...]], object] = lambda shape: True) -> Sites:
    """The first reader of each input of such a shape."""

    def find(graph: Graph) -> list[str]:
        fitting = [v.name for v in graph.inputs if where(v.shape or ())]
        first = [n.name for name in fitting for n in readers(graph, name)[:1]]
        return list(dict.fromkeys(first))

    return find


def fed(kind: str, family: str, change: Callable[[Array], Array], sites: Sites) -> Fault:
    """The converted model is given another array."""

    def plant(site: MutationSite) -> Mutant:
        inputs = [v.name for v in site.graph.inputs]
        name = next(str(n) for n in site.node.inputs if n in inputs)

        def feed(given: Mapping[str, Array]) -> Dict[str, Array]:
            array = np.ascontiguousarray(change(given[name]), dtype=given[name].dtype)
            return {**given, name: array}

        return Mutant(site.graph, f"input {name}", site.layer, feed=feed)

    return Fault(kind, family, sites, plant)


def _by_channel(values: Tuple[float, ...], x: Array) -> Array:
    """(3,) -> (3, 1, ...), as float32."""
    return np.reshape(values, (-1, *(1,) * (x.ndim - 2))).astype(np.float32)


def _minus_mean(x: Array) -> Array:
    unit = 255 if np.abs(x).max() > 10 else 1
    return x - _by_channel(tuple(unit * m for m in MEAN), x)


# --- the .onnx file, for what MXNet's attributes cannot state --------------------------------


def rewritten(
    kind: str, family: str, sites: Sites, change: Callable[[MutationSite], Mapping[str, Any]]
) -> Fault:
    """The layer's node has other values of these attributes than the converter wrote."""

    def plant(site: MutationSite) -> Mutant:
        changed = change(site)

        def edit(model: Any) -> None:
            node = producer_of(model, site.layer)
            kept = [a for a in node.attribute if a.name not in changed]
            del node.attribute[:]
            new = [helper.make_attribute(name, value) for name, value in changed.items()]
            node.attribute.extend([*kept, *new])

        note = ", ".join(f"{name} {value}" for name, value in changed.items())
        return Mutant(site.graph, note, site.layer, edit=onnx_edit(edit))

    return Fault(kind, family, sites, plant, targets=ONNX)


def _one_side(site: MutationSite) -> Dict[str, Any]:
    pad: Tuple[int, ...] = site.op.pad
    axis = site.draw(axes(pad))
    begin = [0 if a == axis else p for a, p in enumerate(pad)]
    return {"pads": begin + [2 * p if a == axis else p for a, p in enumerate(pad)]}


def _narrow(site: MutationSite) -> Mutant:
    def edit(model: Any) -> None:
        before = Before(model, site.layer)
        narrow = before.add("Cast", before.data, to=TensorProto.FLOAT16)
        before.read(before.add("Cast", narrow, to=TensorProto.FLOAT))

    note = "Cast to float16 and back"
    return Mutant(site.graph, note, site.layer, edit=onnx_edit(edit))


def _fix_batch(site: MutationSite) -> Mutant:
    """A file for the batch size of the first input only."""
    batch: Dict[str, Any] = {v.name: site.baseline.shapes[v.name][0] for v in site.graph.inputs}
    shapes = {v.name: (batch[v.name], *(v.shape or ())[1:]) for v in site.graph.inputs}
    inputs = tuple(replace(v, shape=shapes[v.name]) for v in site.graph.inputs)
    return site.mutant(replace(site.graph, inputs=inputs), f"{shapes}")


PICTURES = reading(lambda shape: len(shape) > 3)
COLOURED = reading(lambda shape: len(shape) > 3 and shape[1] == 3)
CLIPS = reading(lambda shape: len(shape) == 5)
DIVIDED = "divided by the deviation twice"

FAULTS: Tuple[Fault, ...] = (
    fed("red and blue exchanged", PREPROCESSING, lambda x: x[:, ::-1], COLOURED),
    fed("scaled by 1/255", PREPROCESSING, lambda x: x / np.float32(255), PICTURES),
    fed("mean subtracted twice", PREPROCESSING, _minus_mean, COLOURED),
    fed(DIVIDED, PREPROCESSING, lambda x: x / _by_channel(DEVIATION, x), COLOURED),
    fed("pixels rounded", PREPROCESSING, np.rint, PICTURES),
    fed("pixels in float16", PREPROCESSING, lambda x: x.astype(np.float16), PICTURES),
    fed("height and width exchanged", INPUT, lambda x: x.swapaxes(-1, -2), PICTURES),
    fed("left and right exchanged", INPUT, lambda x: x[..., ::-1], PICTURES),
    fed("channels last", INPUT, lambda x: np.moveaxis(x, 1, -1), PICTURES),
    fed("batch in reverse order", INPUT, lambda x: x[::-1], reading()),
    fed("frames in reverse order", INPUT, lambda x: x[:, :, ::-1], CLIPS),
    rewritten("padding on one side", HYPER, windowed(pad=1), _one_side),
    rewritten("softmax over another axis", HYPER, SOFTMAXES, always(axis=0)),
    rewritten("matrix not transposed", WEIGHTS, layers("FullyConnected"), always(transB=0)),
    Fault("input of a layer in float16", GRAPH, CONVOLUTIONS, _narrow, targets=ONNX),
    Fault("batch size fixed in the file", SHAPE, reading(), _fix_batch, targets=ONNX),
)
