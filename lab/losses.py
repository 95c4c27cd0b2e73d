"""Digits that are lost in one layer: float16 somewhere, TF32, sums in a lower type.

They are planted in the PyTorch candidate's float32 run, where a runtime would lose them: the
layer's result is replaced by what it would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from converters import Graph, Node
from mxproof.runtimes.base import Array, Candidate, Inputs, Visitor

#: (a layer's data, weight, bias), a rounding -> its result, digits lost.
Product = Callable[..., Array]


def float16(values: Array) -> Array:
    return values.astype(np.float16).astype(np.float32)


def kept_bits(values: Array, bits: int) -> Array:
    """Rounded to `bits` of mantissa, in the range of float32."""
    drop = 23 - bits
    words = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (words + np.uint32(1 << (drop - 1))) & np.uint32((1 << 32) - (1 << drop))
    return rounded.view(np.float32).reshape(values.shape)


def bfloat16(values: Array) -> Array:
    return kept_bits(values, 7)


def tf32(values: Array) -> Array:
    return kept_bits(values, 10)


@dataclass(frozen=True)
class Loss:
    """
    Attributes:
        where: "result", "weight", "operands" or "sum".
        to: what it rounds to.
    """

    where: str
    to: Callable[[Array], Array]

    def fits(self, node: Node) -> bool:
        return self.where == "result" or node.op in ("Convolution", "FullyConnected")

    def result(self, node: Node, value: Array, *read: Array) -> Array:
        """What the layer's result becomes, of what it reads."""
        if self.where == "result":
            return self.to(value)
        data, weight, *bias = read
        if self.where == "sum":
            return summed(node, data, weight, bias, self.to)
        data = self.to(data) if self.where == "operands" else data
        return product(node, data, self.to(weight), bias)


LOSSES: Dict[str, Loss] = {
    f"{where} in {kind}": Loss(where, to)
    for where, kinds in {
        "result": {"float16": float16, "bfloat16": bfloat16},
        "weight": {"float16": float16, "bfloat16": bfloat16},
        "operands": {"TF32": tf32},
        "sum": {"float16": float16, "bfloat16": bfloat16},
    }.items()
    for kind, to in kinds.items()
}


def product(node: Node, data: Array, weight: Array, bias: Sequence[Array]) -> Array:
    """A convolution or matrix product in float32."""
    import torch

    x, w, *b = (torch.from_numpy(np.array(a)) for a in (data, weight, *bias))
    if node.op == "FullyConnected":
        dense: Array = torch.nn.functional.linear(x.flatten(1), w, *b).numpy()
        return dense
    groups, pad = int(node.attrs["num_group"]), weight.shape[-1] // 2
    made: Array = torch.nn.functional.conv2d(x, w, *b, padding=pad, groups=groups).numpy()
    return made


def summed(
    node: Node, data: Array, weight: Array, bias: Sequence[Array], to: Callable[[Array], Array]
) -> Array:
    """The same, where each sum is rounded after each addition."""
    kernel = weight.reshape(len(weight), -1)
    total: Array = np.zeros(1, np.float32)
    for k in range(kernel.shape[1]):
        one = np.zeros_like(kernel)
        one[:, k] = kernel[:, k]
        total = to(total + product(node, data, one.reshape(weight.shape), ()))
    return to(total + bias[0].reshape(-1, *(1,) * (total.ndim - 2))) if bias else total


@dataclass
class Lossy:
    """A candidate with a loss in one layer.

    Attributes:
        moved: how far that took the layer, as a part of its RMS, at most.
    """

    candidate: Candidate
    graph: Graph
    node: Node
    loss: Loss
    moved: float = 0.0
    _values: Dict[str, Array] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.candidate.name

    @property
    def precision(self) -> str:
        return self.candidate.precision

    def run(self, inputs: Inputs) -> List[Array]:
        return self.trace(inputs, lambda layer, value: None)

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        self._values = {**self.graph.params, **inputs}

        def planted(layer: str, value: Array) -> Optional[Array]:
            lossy = layer == self.node.outputs[0]
            if lossy:
                read = (self._values[name] for name in self.node.inputs if name)
                with np.errstate(all="ignore"):
                    exact, value = value, self.loss.result(self.node, value, *read)
                    size = np.sqrt(np.square(exact, dtype=np.float64).mean())
                    off = np.sqrt(np.square(value - exact, dtype=np.float64).mean())
                self.moved = max(self.moved, float(off / size) if size else 0.0)
            replaced = visit(layer, value)
            replaced = value if replaced is None and lossy else replaced
            self._values[layer] = value if replaced is None else replaced
            return replaced

        return self.candidate.trace(inputs, planted, portions)
