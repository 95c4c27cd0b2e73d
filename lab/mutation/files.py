"""Faults in the .onnx file itself, for what MXNet's attributes cannot state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Tuple

from onnx import TensorProto, helper

from .attributes import CONVOLUTIONS, SOFTMAXES, windowed
from .edits import Sites, axes, layers
from .inputs import reading
from .mutant import GRAPH, HYPER, SHAPE, WEIGHTS, Fault, FileEdit, Mutant, MutationSite

ONNX = ("onnx",)
Change = Callable[[MutationSite], Tuple[FileEdit, str]]


def in_file(kind: str, family: str, sites: Sites, change: Change) -> Fault:
    def plant(site: MutationSite) -> Mutant:
        edit, note = change(site)
        return Mutant(site.graph, note, site.layer, edit=edit)

    return Fault(kind, family, sites, plant, targets=ONNX)


def _node(model: Any, layer: str) -> Any:
    return next(n for n in model.graph.node if layer in n.output)


def _set(name: str, was: Any, value: Any) -> Change:
    """The node with another value of an attribute."""

    def edit(model: Any, layer: str) -> None:
        node = _node(model, layer)
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return lambda site: (lambda model: edit(model, site.layer), f"{name} {was} -> {value}")


def _one_side(site: MutationSite) -> Tuple[FileEdit, str]:
    pad: Tuple[int, ...] = site.op.pad
    axis = site.draw(axes(pad))
    begin = [0 if a == axis else p for a, p in enumerate(pad)]
    end = [2 * p if a == axis else p for a, p in enumerate(pad)]
    edit, _ = _set("pads", "", begin + end)(site)
    return edit, f"pads {begin + end}"


def _narrowed(site: MutationSite) -> Tuple[FileEdit, str]:
    narrow, wide = f"{site.layer}/narrow", f"{site.layer}/wide"

    def edit(model: Any) -> None:
        node = _node(model, site.layer)
        index = list(model.graph.node).index(node)
        casts = ((narrow, wide, TensorProto.FLOAT), (node.input[0], narrow, TensorProto.FLOAT16))
        for source, name, to in casts:
            model.graph.node.insert(index, helper.make_node("Cast", [source], [name], to=to))
        node.input[0] = wide

    return edit, "Cast to float16 and back"


def _fixed_batch(site: MutationSite) -> Mutant:
    """A file for the batch size of the first input only."""
    batch: Dict[str, Any] = {v.name: site.baseline.shapes[v.name][0] for v in site.graph.inputs}
    shapes = {v.name: (batch[v.name], *(v.shape or ())[1:]) for v in site.graph.inputs}
    inputs = tuple(replace(v, shape=shapes[v.name]) for v in site.graph.inputs)
    return site.mutant(replace(site.graph, inputs=inputs), f"{shapes}")


PADDED = windowed(pad=1)

FAULTS: Tuple[Fault, ...] = (
    in_file("padding on one side", HYPER, PADDED, _one_side),
    in_file("softmax over another axis", HYPER, SOFTMAXES, _set("axis", 1, 0)),
    in_file("matrix not transposed", WEIGHTS, layers("FullyConnected"), _set("transB", 1, 0)),
    in_file("input of a layer in float16", GRAPH, CONVOLUTIONS, _narrowed),
    Fault("batch size fixed in the file", SHAPE, reading(), _fixed_batch, targets=ONNX),
)
