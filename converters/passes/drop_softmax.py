"""Find the layers before a network's final softmax, which return the logits."""

from __future__ import annotations

from typing import Tuple

from .. import operators as ops
from ..errors import CheckpointError
from ..ir.graph import Graph, Node

#: Operators that turn logits into probabilities.
FINAL = ("SoftmaxOutput", "softmax", "log_softmax", "SoftmaxActivation", "LogisticRegressionOutput")
SIGMOID = ("sigmoid",)


def logits(graph: Graph) -> Tuple[str, ...]:
    """The outputs of the network, with what a final softmax or sigmoid reads in its place.

    Raises:
        CheckpointError: no output is a softmax or a sigmoid, or one reads no layer.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs}
    found = tuple(_before(name, makers[name]) if name in makers else name for name in graph.outputs)
    if found == graph.outputs:
        described = ", ".join(f"{n!r} ({makers[n].op if n in makers else 'input'})" for n in found)
        raise CheckpointError(
            f"--logits: {graph.name} ends in {described}, which is no softmax and no sigmoid: "
            "it returns logits already, or what else that layer computes. Leave --logits out; for "
            "another layer's result: --output LAYER (`mxproof inspect` lists them)."
        )
    for name in found:
        if name not in makers:
            raise CheckpointError(
                f"--logits: {name!r} is no layer of {graph.name}: there would be nothing left."
            )
    return tuple(dict.fromkeys(found))


def _before(name: str, node: Node) -> str:
    act_type = getattr(ops.parse(node.op, node.attrs), "act_type", "")
    if node.op in (*FINAL, *SIGMOID) or act_type in SIGMOID:
        return str(node.inputs[0])
    return name
