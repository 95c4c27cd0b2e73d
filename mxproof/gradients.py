"""Does training go on in PyTorch as it did in MXNet? One step in both, compared.

MXNet's gradients and its batch norms' statistics after the step are brought into PyTorch's layout
by converting them as the weights are converted: what reorders, splits or ties a weight does the
same to its gradient. Dropout draws nothing here (p = 0 on both sides): no two libraries draw alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

import numpy as np
import torch

from converters import Graph, Node, to_pytorch
from converters.folding import fold_parameters
from converters.ops.normalization import Norm

from .runtimes.base import Array, Inputs, MxnetStep
from .runtimes.mxnet_gradients import weights
from .runtimes.pytorch import Pytorch

#: Of the largest magnitude of a gradient, or of a statistic. The two libraries add in another
#: order in float64 (2e-16 a term); a wrong epsilon, a missing term or another momentum is far
#: above. The worst of the six models, of 152 layers, is 1e-12.
LIMIT = 1e-10


@dataclass(frozen=True)
class Difference:
    """What PyTorch has otherwise than MXNet.

    Attributes:
        name: of the tensor in the emitted module, or of an input or output.
        kind: "gradient", "statistics", or "output".
        error: the largest, in parts of the largest magnitude.
    """

    name: str
    kind: str
    error: float

    def __str__(self) -> str:
        return f"{self.kind} of {self.name}: {self.error:.2g} of its largest magnitude"


@dataclass(frozen=True)
class TorchStep:
    """The same step in PyTorch; a gradient is None where nothing reached the tensor.

    Attributes:
        trained: names of the tensors that an optimiser would change.
        states: the module's state after the step.
    """

    outputs: List[Array]
    inputs: Dict[str, Optional[Array]]
    gradients: Dict[str, Optional[Array]]
    trained: List[str]
    states: Dict[str, Array]


def differences(graph: Graph, path: Path, step: MxnetStep, inputs: Inputs) -> List[Difference]:
    """All that the step in PyTorch is compared by, the worst first.

    Args:
        path: the emitted source.
        step: MXNet's on these inputs.
    """
    found = torch_step(graph, path, inputs, step.train)
    expected = _converted(graph, step)
    made = [
        *(("output", n, *pair) for n, *pair in zip(graph.outputs, found.outputs, step.outputs)),
        *(("gradient", n, g, step.gradients.get(n)) for n, g in found.inputs.items()),
        *(("gradient", n, found.gradients[n], expected[n]) for n in found.trained),
        *(
            ("statistics", n, state, expected[n])
            for n, state in found.states.items()
            if n not in found.trained and n in expected
        ),
    ]
    compared = [Difference(name, kind, _error(x, t)) for kind, name, x, t in made]
    return sorted(compared, key=lambda difference: -difference.error)


def untrained(graph: Graph, path: Path, step: MxnetStep) -> List[str]:
    """Tensors that PyTorch trains and MXNet does not, or the other way round."""
    marks = {n: np.broadcast_to(np.nan, a.shape) for n, a in step.gradients.items()}
    marks.update((name, np.zeros_like(array)) for name, array in step.states.items())
    marked = {n for n, a in _replaced(graph, marks).items() if np.isnan(a).any()}
    model = Pytorch(path, "float64").untraced()
    trained = {n for n, _ in model.named_parameters(remove_duplicate=False) if _.requires_grad}
    return sorted(marked ^ trained)


def torch_step(graph: Graph, path: Path, inputs: Inputs, train: bool) -> TorchStep:
    """One step of the emitted network in float64, the loss being that of mxnet_gradients.py."""
    runtime = Pytorch(path, "float64")
    model = runtime.untraced().train(train)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torch.nn.RNNBase):
            module.dropout = 0.0
    tensors = dict(zip(runtime.inputs, runtime.tensors(inputs)))
    for tensor in tensors.values():
        tensor.requires_grad_(tensor.is_floating_point())
    result = model(*tensors.values())
    outputs = list(result) if isinstance(result, tuple) else [result]
    loss = _loss(graph, outputs)
    if loss.requires_grad:
        loss.backward()
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return TorchStep(
        outputs=[output.detach().numpy() for output in outputs],
        inputs={n: _gradient(t) for n, t in tensors.items() if t.is_floating_point()},
        gradients={n: _gradient(p) for n, p in parameters.items()},
        trained=[n for n, p in parameters.items() if p.requires_grad],
        states={n: state.numpy() for n, state in model.state_dict().items()},
    )


def _gradient(tensor: torch.Tensor) -> Optional[Array]:
    return None if tensor.grad is None else tensor.grad.numpy()


def _error(x: Optional[Array], t: Optional[Array]) -> float:
    """In parts of the largest magnitude of t; no gradient at all is 0 everywhere."""
    if x is None or t is None:
        given = x if t is None else t
        x, t = np.zeros(1), np.zeros(1) if given is None else given
    size = np.abs(t).max(initial=0)
    off = np.abs(np.subtract(x, t, dtype=np.float64)).max(initial=0)
    if not np.isfinite(off):
        return 0.0 if np.array_equal(x, t, equal_nan=True) else float("inf")
    return float(off / size) if size else float("inf" if off else 0)


def _converted(graph: Graph, step: MxnetStep) -> Dict[str, Array]:
    """Name in the emitted module -> MXNet's gradient, or its statistics after the step."""
    return _replaced(graph, {**step.gradients, **_statistics(graph, step)})


def _replaced(graph: Graph, arrays: Mapping[str, Array]) -> Dict[str, Array]:
    """What the emitted module would hold if these were the parameters."""
    stored = {**graph.unfolded_params, **graph.params}
    made = {name for node in graph.listed for name in node.outputs}
    params = {name: arrays.get(name, array) for name, array in stored.items() if name not in made}
    unfolded = replace(graph, nodes=graph.listed, params=params, unfolded=(), unfolded_params={})
    return to_pytorch(fold_parameters(unfolded)).state


def _statistics(graph: Graph, step: MxnetStep) -> Dict[str, Array]:
    """MXNet's moving statistics after the step, as PyTorch defines them.

    MXNet moves towards the batch's variance, PyTorch (as cuDNN, and so MXNet on a GPU) towards
    n / (n - 1) times that, of n numbers; and MXNet's momentum is a C float, in which 0.9 is
    0.89999998. Both are taken out of MXNet's result, and PyTorch's are put in.
    """
    states = dict(step.states)
    shapes = graph.infer_shapes(step.shapes)
    for node in graph.nodes:
        operator = graph.operators[node.name]
        if not isinstance(operator, Norm) or operator.use_global_stats or not step.train:
            continue
        shape = shapes[str(node.inputs[0])] or ()
        count = np.prod([int(d or 0) for d in shape]) / int(shape[operator.axis] or 1)
        kept = float(np.float32(operator.momentum))
        for name, factor in zip(node.inputs[3:], (1.0, count / (count - 1))):
            if name in graph.params and name in states:
                old = np.asarray(graph.params[name], np.float64)
                batch = (states[name] - kept * old) / (1 - kept)
                share = round(1 - operator.momentum, 12)
                states[name] = (1 - share) * old + share * factor * batch
    return states


def _loss(graph: Graph, outputs: List[torch.Tensor]) -> torch.Tensor:
    """See mxnet_gradients.py."""
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
    scale = 1 / counts[norm] / (1 if norm == "valid" else places)
    return -options.number("grad_scale", 1) * scale * logs.sum()


def _svm(output: torch.Tensor, options: Options) -> torch.Tensor:
    sign = -torch.ones_like(output)
    sign[:, 0] = 1
    beyond = (options.number("margin", 1) - sign * output).clamp(min=0)
    loss = beyond if options.true("use_linear") else beyond**2
    return options.number("regularization_coefficient", 1) * loss.sum()


def _regression(loss: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    def scaled(output: torch.Tensor, options: Options) -> torch.Tensor:
        return options.number("grad_scale", 1) * loss(output).sum() / output[0].numel()

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
