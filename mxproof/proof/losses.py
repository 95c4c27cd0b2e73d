"""The loss whose gradients are compared, in PyTorch; MXNet's is in mxnet/worker/gradients.py."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

import numpy as np
import torch

from converters import Graph, Node

from ..runtimes.mxnet.worker.gradients import weights


def loss_of(graph: Graph, outputs: List[torch.Tensor]) -> torch.Tensor:
    """See mxnet/worker/gradients.py."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    drawn = weights([tuple(output.shape) for output in outputs])
    total = torch.zeros((), dtype=torch.float64)
    for name, output, weight in zip(graph.outputs, outputs, drawn):
        node = makers.get(name)
        if node is not None and node.op in LOSSES:
            total = total + LOSSES[node.op](output, Options(node.attrs))
        elif output.is_floating_point():
            total = total + (output * torch.from_numpy(np.asarray(weight))).sum()
    return total


class Options(Dict[str, str]):
    """A layer's attributes, as numbers and flags."""

    def number(self, name: str, default: float) -> float:
        return float(self.get(name, default))

    def true(self, name: str) -> bool:
        return self.get(name, "False") in ("True", "true", "1")


def _softmax(output: torch.Tensor, options: Options) -> torch.Tensor:
    """Cross entropy with class 0."""
    multi, norm = options.true("multi_output"), options.get("normalization", "null")
    if not multi:
        last = options.true("preserve_shape") and output.dim() > 1
        output = output.flatten(0, -2) if last else output.flatten(1)
    classes, alpha = output.shape[1], options.number("smooth_alpha", 0)
    target = torch.full((classes,), alpha / max(classes - 1, 1), dtype=output.dtype)
    target[0] = 1 - alpha
    logs = (output.log().movedim(1, -1) * target).sum(-1)
    places = logs[0].numel() if multi else 1
    counts = {"null": 1, "batch": len(output), "valid": logs.numel()}
    scale = np.float32(options.number("grad_scale", 1))  # MXNet computes it in float32
    scale = scale / np.float32(1 if norm == "valid" else places) / np.float32(counts[norm])
    return -float(scale) * logs.sum()


def _svm(output: torch.Tensor, options: Options) -> torch.Tensor:
    output = output.flatten(0, -2)
    sign = -torch.ones_like(output)
    sign[:, 0] = 1
    beyond = (options.number("margin", 1) - sign * output).clamp(min=0)
    loss = beyond if options.true("use_linear") else beyond**2
    return options.number("regularization_coefficient", 1) * loss.sum()


def _regression(loss: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    def scaled(output: torch.Tensor, options: Options) -> torch.Tensor:
        scale = np.float32(options.number("grad_scale", 1)) / np.float32(output[0].numel())
        return float(scale) * loss(output).sum()

    return scaled


#: Layers that are a loss -> what they are the gradient of, with labels of 0, given their output.
LOSSES: Dict[str, Callable[[torch.Tensor, Options], torch.Tensor]] = {
    "SoftmaxOutput": _softmax,
    "SVMOutput": _svm,
    "LinearRegressionOutput": _regression(lambda y: y**2 / 2),
    "MAERegressionOutput": _regression(torch.abs),
    "LogisticRegressionOutput": _regression(lambda y: -(1 - y).log()),
    "MakeLoss": lambda y, options: options.number("grad_scale", 1) * y.sum(),
    "make_loss": lambda y, options: y.sum(),
}


def inner_losses(graph: Graph) -> Iterator[Node]:
    """Layers that are a loss, but whose result other layers read: MXNet's gradient begins at each
    of them, which no loss of the outputs says."""
    read = {name for node in graph.nodes for name in node.inputs}
    return (node for node in graph.nodes if node.op in LOSSES and read.intersection(node.outputs))
