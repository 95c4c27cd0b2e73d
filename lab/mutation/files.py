"""Faults in the .onnx file itself, for what MXNet's attributes cannot say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

from onnx import TensorProto, helper

from .edits import Sites, axes, layers
from .fault import GRAPH, HYPER, ONNX, SHAPE, WEIGHTS, Fault, FileEdit, Planted, Site
from .feeding import reading


def in_file(
    kind: str, family: str, sites: Sites, change: Callable[[Site], Tuple[FileEdit, str]]
) -> Fault:
    def plant(site: Site) -> Planted:
        edit, note = change(site)
        return Planted(site.graph, note, site.layer, edit=edit)

    return Fault(kind, family, sites, plant, targets=ONNX)


def _node(model: Any, layer: str) -> Any:
    return next(n for n in model.graph.node if layer in n.output)


def _set(model: Any, layer: str, changed: Dict[str, Any]) -> None:
    """The node with other attributes."""
    node = _node(model, layer)
    kept = [a for a in node.attribute if a.name not in changed]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(k, v) for k, v in changed.items())


def _one_side(site: Site) -> Tuple[FileEdit, str]:
    pad: Tuple[int, ...] = site.op.pad
    axis = site.draw(axes(pad))
    begin = [0 if a == axis else p for a, p in enumerate(pad)]
    end = [2 * p if a == axis else p for a, p in enumerate(pad)]
    pads = begin + end
    return lambda model: _set(model, site.layer, {"pads": pads}), f"pads {pads}"


def _other_axis(site: Site) -> Tuple[FileEdit, str]:
    return lambda model: _set(model, site.layer, {"axis": 0}), "axis 1 -> 0"


def _not_transposed(site: Site) -> Tuple[FileEdit, str]:
    return lambda model: _set(model, site.layer, {"transB": 0}), "transB 1 -> 0"


def _narrowed(site: Site) -> Tuple[FileEdit, str]:
    def edit(model: Any) -> None:
        node = _node(model, site.layer)
        index = list(model.graph.node).index(node)
        source, names = node.input[0], (f"{site.layer}/narrow", f"{site.layer}/wide")
        casts: List[Any] = []
        for given, name, to in zip(
            (source, names[0]), names, (TensorProto.FLOAT16, TensorProto.FLOAT)
        ):
            casts.append(helper.make_node("Cast", [given], [name], to=to))
        node.input[0] = names[1]
        for cast in reversed(casts):
            model.graph.node.insert(index, cast)

    return edit, "Cast to float16 and back"


def _fixed_batch(site: Site) -> Planted:
    """A file for the batch of the first input only."""
    shapes = {
        v.name: (site.ground.shapes[v.name][0], *(v.shape or ())[1:]) for v in site.graph.inputs
    }
    inputs = tuple(replace(v, shape=shapes[v.name]) for v in site.graph.inputs)
    return Planted(replace(site.graph, inputs=inputs), f"{shapes}", site.layer)


def _padded(*ops: str) -> Sites:
    return layers(*ops, where=lambda op: not getattr(op, "global_pool", False) and any(op.pad))


FAULTS: Tuple[Fault, ...] = (
    in_file("padding on one side", HYPER, _padded("Convolution", "Pooling"), _one_side),
    in_file("softmax over another axis", HYPER, layers("SoftmaxOutput"), _other_axis),
    in_file("matrix not transposed", WEIGHTS, layers("FullyConnected"), _not_transposed),
    in_file("input of a layer in float16", GRAPH, layers("Convolution"), _narrowed),
    Fault("batch size fixed in the file", SHAPE, reading(), _fixed_batch, targets=ONNX),
)
