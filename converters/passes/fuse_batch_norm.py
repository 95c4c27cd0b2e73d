"""Fuse batch norms into the convolutions and matrix products beside them.

In inference a batch norm is y = s x + t by channel, with s = gamma / sqrt(var + eps) and
t = beta - s mean. Behind a layer W x + b it makes that layer's weight s W and its bias s b + t.
Before one it makes the weight W s and the bias b + W t, summed over what a filter reads: only
where nothing is padded, because a padded 0 is not t.

What a fold costs. Behind a layer, nothing to speak of: every filter is multiplied by one number,
which changes no relative rounding, as long as no filter leaves float32's normal range. Before a
layer it can cost much. MXNet adds terms of size |W| |y|, the folded layer adds terms of size
|W| |s x| and takes W t away again; where a channel's mean is large beside its deviation, y is a
small difference of large numbers, and the rounding of the large ones stays. Roundings are
independent, so their squares add; the batch norm itself says how large x and y are, E x^2 =
var + mean^2 and E y^2 = s^2 var + beta^2. The loss of a filter is therefore

    sqrt( sum W^2 s^2 (var + mean^2) / sum W^2 (s^2 var + beta^2) )

and a fold is left out where that is above LOSS for any filter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Tuple

import numpy as np

from .. import operators as ops
from ..ir.arrays import Array
from ..ir.graph import Graph, Node
from ..operators.convolution import Convolution
from ..operators.linear import FullyConnected
from ..operators.normalization import BatchNormWithReLU, Norm
from .float_types import with_floats

LOSS = 1.5  # of precision, at most, in a fold before a layer
FLOAT32 = np.finfo(np.float32)


@dataclass(frozen=True)
class Fusion:
    """What became of a network's batch norms.

    Attributes:
        folded: (batch norm, the layer that it went into).
        kept: (batch norm, why it stays).
    """

    folded: Tuple[Tuple[str, str], ...] = ()
    kept: Tuple[Tuple[str, str], ...] = ()

    def __str__(self) -> str:
        total = len(self.folded) + len(self.kept)
        reasons = list(dict.fromkeys(reason for _, reason in self.kept))
        counts = [f"{sum(r == reason for _, r in self.kept)} {reason}" for reason in reasons]
        kept = f"; kept: {', '.join(counts)}" if counts else ""
        return f"{len(self.folded)} of {total} batch norms folded{kept}"


class Kept(Exception):
    """A batch norm that is not folded, and why: words that follow on a number."""


@dataclass(frozen=True)
class _Affine:
    """y = scale x + shift, (C,) in float64, and how large x and y are (mean squares)."""

    scale: Array
    shift: Array
    read: Array
    made: Array


def fuse(graph: Graph, *, wide: bool = False) -> Tuple[Graph, Fusion]:
    """The network with its batch norms folded where that is exact enough, and what was done.

    A layer before a batch norm vanishes: its successor has the batch norm's name and result. A
    batch norm before a layer vanishes itself. `unfolded` still names all.

    Args:
        wide: keep what is folded in float64, and all else with it, to prove the function equal;
            otherwise it is rounded once, to the type that it had.
    """
    found = _Fusing(graph)
    for node in graph.nodes:
        found.visit(node)
    nodes = tuple(found.nodes.values())
    read = {name for node in nodes for name in node.inputs}
    params = {k: v for k, v in found.params.items() if k in read}
    fused = replace(graph, nodes=nodes, params=params, unfolded=graph.listed)
    report = Fusion(tuple(found.folded), tuple(found.kept))
    return (with_floats(fused, "float64") if wide else _narrowed(fused, graph)), report


def _narrowed(fused: Graph, graph: Graph) -> Graph:
    """What is folded, in the type in which the network's parameters are exported."""
    floats = [a.dtype for a in graph.params.values() if a.dtype.kind == "f"]
    dtype = graph.kept(str(np.result_type(*floats))) if floats else "float32"
    stored = fused.params.items()
    params = {k: a if graph.params.get(k) is a else a.astype(dtype) for k, a in stored}
    return replace(fused, params=params)


class _Fusing:
    """The walk through a network's layers, and what has become of them so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: Dict[str, Node] = {node.name: node for node in graph.nodes}
        self.params: Dict[str, Array] = dict(graph.params)
        self.folded: List[Tuple[str, str]] = []
        self.kept: List[Tuple[str, str]] = []

    def visit(self, node: Node) -> None:
        operator = _operator(node)
        if not isinstance(operator, Norm):
            return
        try:
            affine = self._affine(node, operator)
            before = self._maker(node)
            into = self._behind(before, node, affine) if before else self._ahead(node, affine)
            self.folded.append((node.name, into))
        except Kept as reason:
            self.kept.append((node.name, str(reason)))

    def _affine(self, node: Node, operator: Norm) -> _Affine:
        stored = [self.params.get(name or "") for name in node.inputs[1:]]
        if any(array is None for array in stored):
            raise Kept("with statistics that are computed, not stored")
        if isinstance(operator, BatchNormWithReLU):
            raise Kept("with a ReLU in it")
        if operator.axis != 1:
            raise Kept("over another axis than the channels")
        gamma, beta, mean, var = (np.asarray(a, np.float64) for a in stored)
        if operator.fix_gamma:
            gamma = np.ones_like(gamma)
        with np.errstate(all="ignore"):
            scale = gamma / np.sqrt(var + operator.eps)
            shift = beta - scale * mean
            affine = _Affine(scale, shift, scale**2 * (var + mean**2), scale**2 * var + beta**2)
        if not all(np.isfinite(a).all() for a in (scale, shift, affine.read)):
            raise Kept("with statistics that are not finite")
        return affine

    def _readers(self, name: str) -> List[Node]:
        return [n for n in self.nodes.values() if name in n.inputs]

    def _maker(self, node: Node) -> Optional[Node]:
        """The convolution or product before the batch norm, if nothing else reads it."""
        made = node.inputs[0]
        maker = next((n for n in self.nodes.values() if made in n.outputs), None)
        if maker is None or not self._linear(maker) or made in self.graph.outputs:
            return None
        operator = _operator(maker)
        flat = isinstance(operator, FullyConnected) and not operator.flatten
        return None if flat or self._readers(str(made)) != [node] else maker

    def _linear(self, node: Node) -> bool:
        operator = _operator(node)
        stored = all(name in self.params for name in node.inputs[1:])
        return isinstance(operator, (Convolution, FullyConnected)) and stored

    def _arrays(self, node: Node) -> Tuple[Array, Array]:
        """Weight and bias of a layer, in float64."""
        weight = np.asarray(self.params[str(node.inputs[1])], np.float64)
        stored = self.params[str(node.inputs[2])] if len(node.inputs) > 2 else np.zeros(len(weight))
        return weight, np.asarray(stored, np.float64)

    def _behind(self, before: Node, node: Node, affine: _Affine) -> str:
        """The batch norm goes into the layer before it, which takes its name."""
        weight, bias = self._arrays(before)
        by_filter = affine.scale.reshape(-1, *(1,) * (weight.ndim - 1))
        weight, bias = by_filter * weight, affine.scale * bias + affine.shift
        _check_range(weight, bias)
        self._put(before, weight, bias, like=node)
        return before.name

    def _ahead(self, node: Node, affine: _Affine) -> str:
        """The batch norm goes into the layer that alone reads it."""
        made = node.outputs[0]
        readers = self._readers(made)
        linear = [n for n in readers if self._linear(n) and n.inputs[0] == made]
        if not linear:
            raise Kept("with no convolution or matrix product right before or after")
        if made in self.graph.outputs or len(readers) > 1:
            raise Kept("that more than one layer reads")
        reader = linear[0]
        operator = _operator(reader)
        if _pads(operator):
            raise Kept("before a convolution that pads")
        shape = self.graph.shapes[made]
        if isinstance(operator, FullyConnected) and (shape is None or len(shape) != 2):
            raise Kept("before a matrix product over more than channels")
        weight, bias = self._arrays(reader)
        groups = getattr(operator, "num_group", 1)
        scale, shift, read, norm = (
            _by_filter(a, weight, groups)
            for a in (affine.scale, affine.shift, affine.read, affine.made)
        )
        axes = tuple(range(1, weight.ndim))
        terms, wanted = ((weight**2 * a).sum(axes) for a in (read, norm))
        if (terms > LOSS**2 * wanted).any():
            raise Kept("that would lose precision (a mean that is large beside its deviation)")
        bias = bias + (weight * shift).sum(axes)
        weight = weight * scale
        _check_range(weight, bias)
        self._put(reader, weight, bias, like=reader, data=node.inputs[0])
        del self.nodes[node.name]
        return reader.name

    def _put(
        self, layer: Node, weight: Array, bias: Array, *, like: Node, data: Optional[str] = None
    ) -> None:
        """The layer with these numbers, under the name and with the result of `like`."""
        names = [self._name(layer, 1, "weight"), self._name(layer, 2, "bias")]
        self.params.update(zip(names, (weight, bias)))
        fused = replace(
            layer,
            name=like.name,
            mxnet_name=like.mxnet_name,
            outputs=like.outputs,
            attrs={**layer.attrs, "no_bias": "False"},
            inputs=(data or layer.inputs[0], *names),
        )
        if like is not layer:
            del self.nodes[layer.name]
        self.nodes[like.name] = fused  # in its old place

    def _name(self, layer: Node, place: int, role: str) -> str:
        """The parameter's own name, unless others read it or there is none yet."""
        if len(layer.inputs) > place and len(self._readers(str(layer.inputs[place]))) == 1:
            return str(layer.inputs[place])
        name = f"{layer.name}_{role}"
        taken = {*self.params, *self.graph.shapes}
        while name in taken:
            name += "_fused"
        return name


def _operator(node: Node) -> ops.Operator:
    """The declaration of a layer, which may be one that was fused."""
    return ops.parse(node.op, node.attrs)


def _by_filter(values: Array, weight: Array, groups: int) -> Array:
    """(C,) -> what each filter of (F, C / groups, *kernel) reads: (F, C / groups, 1, ...)."""
    parts = values.reshape(groups, -1)
    rows = np.repeat(parts, len(weight) // groups, axis=0)
    return rows.reshape(*rows.shape, *(1,) * (weight.ndim - 2))


def _check_range(weight: Array, bias: Array) -> None:
    """float32 holds it as precisely as other numbers: nothing overflows, and the largest of each
    filter is no subnormal (unless all of it is 0)."""
    peaks = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    small = (peaks > 0) & (peaks < FLOAT32.tiny)
    largest = max(peaks.max(initial=0), np.abs(bias).max(initial=0))
    if not np.isfinite(bias).all() or not largest <= FLOAT32.max or small.any():
        raise Kept("that would leave float32's range")


def _pads(operator: ops.Operator) -> bool:
    return any(getattr(operator, "pad", ()))
