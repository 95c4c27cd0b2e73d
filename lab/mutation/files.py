"""Faults in the .onnx file itself, for what MXNet's attributes cannot state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Tuple

from onnx import TensorProto, helper

from .attributes import CONVOLUTIONS, SOFTMAXES, always, windowed
from .edits import Sites, axes, layers
from .inputs import reading
from .mutant import GRAPH, HYPER, SHAPE, WEIGHTS, Fault, Mutant, MutationSite

ONNX = ("onnx",)


def rewritten(
    kind: str, family: str, sites: Sites, change: Callable[[MutationSite], Mapping[str, Any]]
) -> Fault:
    """The layer's node has other values of these attributes than the converter wrote."""

    def plant(site: MutationSite) -> Mutant:
        changed = change(site)

        def edit(model: Any) -> None:
            node = _node(model, site.layer)
            kept = [a for a in node.attribute if a.name not in changed]
            del node.attribute[:]
            new = [helper.make_attribute(name, value) for name, value in changed.items()]
            node.attribute.extend([*kept, *new])

        note = ", ".join(f"{name} {value}" for name, value in changed.items())
        return Mutant(site.graph, note, site.layer, edit=edit)

    return Fault(kind, family, sites, plant, targets=ONNX)


def _node(model: Any, layer: str) -> Any:
    return next(n for n in model.graph.node if layer in n.output)


def _one_side(site: MutationSite) -> Dict[str, Any]:
    pad: Tuple[int, ...] = site.op.pad
    axis = site.draw(axes(pad))
    begin = [0 if a == axis else p for a, p in enumerate(pad)]
    return {"pads": begin + [2 * p if a == axis else p for a, p in enumerate(pad)]}


def _narrow(site: MutationSite) -> Mutant:
    narrow, wide = f"{site.layer}/narrow", f"{site.layer}/wide"

    def edit(model: Any) -> None:
        node = _node(model, site.layer)
        index = list(model.graph.node).index(node)
        casts = ((narrow, wide, TensorProto.FLOAT), (node.input[0], narrow, TensorProto.FLOAT16))
        for source, name, to in casts:
            model.graph.node.insert(index, helper.make_node("Cast", [source], [name], to=to))
        node.input[0] = wide

    return Mutant(site.graph, "Cast to float16 and back", site.layer, edit=edit)


def _fix_batch(site: MutationSite) -> Mutant:
    """A file for the batch size of the first input only."""
    batch: Dict[str, Any] = {v.name: site.baseline.shapes[v.name][0] for v in site.graph.inputs}
    shapes = {v.name: (batch[v.name], *(v.shape or ())[1:]) for v in site.graph.inputs}
    inputs = tuple(replace(v, shape=shapes[v.name]) for v in site.graph.inputs)
    return site.mutant(replace(site.graph, inputs=inputs), f"{shapes}")


FAULTS: Tuple[Fault, ...] = (
    rewritten("padding on one side", HYPER, windowed(pad=1), _one_side),
    rewritten("softmax over another axis", HYPER, SOFTMAXES, always(axis=0)),
    rewritten("matrix not transposed", WEIGHTS, layers("FullyConnected"), always(transB=0)),
    Fault("input of a layer in float16", GRAPH, CONVOLUTIONS, _narrow, targets=ONNX),
    Fault("batch size fixed in the file", SHAPE, reading(), _fix_batch, targets=ONNX),
)
