"""Compare one training step in PyTorch with the same step in MXNet.

MXNet's gradients, and its batch norms' statistics after the step, are brought into PyTorch's
layout by converting them as the weights are converted: what reorders, splits or repeats a weight
does the same to its gradient. So a tensor that PyTorch trains and MXNet does not, or the other way
round, is compared with what it cannot equal. Dropout draws nothing here (p = 0 on both sides): no
two libraries draw alike.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

import numpy as np
import torch

from converters import Graph, to_pytorch
from converters.operators.normalization import Norm
from converters.passes.fold_constants import fold_parameters

from ..runtimes.base import Array, Inputs, MxnetStep, RuntimeFailure
from ..runtimes.mxnet.client import Mxnet
from ..runtimes.pytorch import Pytorch
from .losses import loss_of

#: Of the largest magnitude of a gradient, or of a statistic, by the precision of MXNet's. In
#: float64 the two libraries add in another order (2e-16 a term); a wrong epsilon, a missing term or
#: another momentum is far above. The worst of the six models, of 152 layers, is 5e-12. Some layers
#: have gradients in float32 only, whose own sums are off by some hundred roundings of 6e-8.
LIMITS = {"float64": 1e-10, "float32": 1e-5}

#: Of how far rounding moves a gradient: two libraries round independently, and the largest of
#: many such differences is compared with the largest of many others.
MARGIN = 16

#: Of the sum of the magnitudes that a bias's gradient adds up. A batch norm or a softmax takes such
#: a bias away again, so that its true gradient is 0: what is left are the errors of the terms, each
#: of which is as near as any layer's float64 result must be.
CANCELLED = 1e-12

#: Layers whose bias is added to each number of a channel.
BIASED = (
    *(torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d),
    *(torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d),
)

#: ("output", name), ("gradient", input), or ("tensor", name in the emitted module): its gradient
#: if it is trained, else what the step leaves there.
Tensors = Dict[Tuple[str, str], Array]


@dataclass(frozen=True)
class Difference:
    """How far PyTorch is from MXNet in one tensor.

    Attributes:
        kind, name: see Tensors.
        error: the largest.
        largest: magnitude of MXNet's.
        precision: of MXNet's.
        noise: how far rounding moves MXNet's own, where that was measured. It decides where the
            true gradient is 0.
        terms: the sum of the magnitudes that are added up to it, of the channel in which that is
            largest; 0 where it is not known.
    """

    kind: str
    name: str
    error: float
    largest: float
    precision: str
    noise: float = 0.0
    terms: float = 0.0

    @property
    def excess(self) -> float:
        """The error in parts of what is allowed."""
        rounding = max(MARGIN * self.noise, CANCELLED * self.terms)
        allowed = max(LIMITS[self.precision] * self.largest, rounding)
        return self.error / allowed if allowed else float("inf" if self.error else 0)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.error:.2g} off, its largest is {self.largest:.2g}"


def differences(
    graph: Graph, path: Path, model: Mxnet, inputs: Inputs, train: bool = True
) -> List[Difference]:
    """One step in both, compared tensor by tensor, the worst first.

    Args:
        path: the emitted source.
        train: as in training; otherwise batch norms read their moving statistics.

    Raises:
        RuntimeFailure: a layer has no gradient in MXNet.
    """
    precision = "float64"
    try:
        step = model.training_step(inputs, train=train)
    except RuntimeFailure as error:
        if "in float64" not in str(error):
            raise
        precision = "float32"
        step = model.training_step(inputs, train=train, precision=precision)
    expected, (found, terms) = expected_of(graph, step), torch_step(graph, path, step, inputs)
    distances = {key: _distance(found.get(key), t) for key, t in expected.items()}
    compared = [Difference(*key, *far, precision) for key, far in distances.items()]
    if any(difference.excess > 1 for difference in compared):
        again = model.training_step(inputs, train=train, precision=precision, moved=True)
        moved = expected_of(graph, again)
        noise = [_distance(moved[key], t)[0] for key, t in expected.items()]
        added = [terms.get(key, 0.0) for key in expected]
        compared = [replace(d, noise=n, terms=t) for d, n, t in zip(compared, noise, added)]
    return sorted(compared, key=lambda difference: -difference.excess)


def _distance(x: Any, t: Array) -> Tuple[float, float]:
    """The largest error of x, and magnitude of t; where there is no gradient at all, it is 0."""
    x = np.zeros_like(t) if x is None else x
    if x.shape != t.shape:
        return float("inf"), 0.0
    with np.errstate(invalid="ignore"):  # infinity less infinity
        off = np.abs(np.subtract(x, t, dtype=float))
    off = np.where((x == t) | (np.isnan(x) & np.isnan(t)), 0, off)
    error = float(off.max(initial=0))
    return (error if np.isfinite(error) else float("inf")), float(np.abs(t).max(initial=0))


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same sums in the same order on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def torch_step(
    graph: Graph, path: Path, step: MxnetStep, inputs: Inputs
) -> Tuple[Tensors, Dict[Tuple[str, str], float]]:
    """The same step of the emitted network in float64, and the sums of the magnitudes that the
    gradients of biases add up. The loss is that of mxnet/worker/gradients.py."""
    runtime = Pytorch(path, "float64")
    model = runtime.untraced().train(step.train)
    terms: Dict[Tuple[str, str], float] = {}
    for name, module in model.named_modules():
        if isinstance(module, BIASED) and module.bias is not None:
            module.register_full_backward_hook(_adding(terms, ("tensor", f"{name}.bias")))
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torch.nn.RNNBase):
            module.dropout = 0.0
    given = dict(zip(runtime.inputs, runtime.tensors(inputs)))
    for name, tensor in given.items():
        tensor.requires_grad_(name in step.gradients)
    with _one_thread():
        result = model(*given.values())
        outputs = list(result) if isinstance(result, tuple) else [result]
        loss = loss_of(graph, outputs)
        if loss.requires_grad:
            loss.backward()
    parameters = dict(model.named_parameters(remove_duplicate=False))
    state = {name: parameters.get(name, tensor) for name, tensor in model.state_dict().items()}
    found: Tensors = {("output", n): y.detach().numpy() for n, y in zip(graph.outputs, outputs)}
    read = {("gradient", name): tensor for name, tensor in given.items()}
    for key, tensor in {**read, **{("tensor", name): t for name, t in state.items()}}.items():
        if not tensor.requires_grad:
            found[key] = tensor.detach().numpy()
        elif tensor.grad is not None:
            found[key] = tensor.grad.numpy()
    return found, terms


def _adding(terms: Dict[Tuple[str, str], float], key: Tuple[str, str]) -> Callable[..., None]:
    """A module's hook, which adds up the magnitudes of the gradients of its output."""

    def add(module: Any, given: Any, made: Any) -> None:
        axis = -1 if isinstance(module, torch.nn.Linear) else 1
        each = made[0].abs().movedim(axis, 0)
        terms[key] = terms.get(key, 0.0) + float(each.reshape(len(each), -1).sum(1).max())

    return add


def expected_of(graph: Graph, step: MxnetStep) -> Tensors:
    """What PyTorch must have after MXNet's step."""
    found: Tensors = {("output", n): y for n, y in zip(graph.outputs, step.outputs)}
    read = {v.name for v in graph.inputs} & set(step.gradients)
    found.update((("gradient", name), step.gradients[name]) for name in read)
    converted = _converted(graph, {**step.gradients, **_statistics(graph, step)})
    found.update((("tensor", name), array) for name, array in converted.items())
    return found


def _converted(graph: Graph, arrays: Mapping[str, Array]) -> Dict[str, Array]:
    """What the emitted module would hold if these were the parameters."""
    stored = {**graph.unfolded_params, **graph.params}
    made = {name for node in graph.listed for name in node.outputs}
    params = {name: arrays.get(name, array) for name, array in stored.items() if name not in made}
    params = {n: a.astype(np.float64) if a.dtype.kind == "f" else a for n, a in params.items()}
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
        shape: Any = shapes[str(node.inputs[0])]
        count = np.prod(shape) / shape[operator.axis]
        kept, share = float(np.float32(operator.momentum)), round(1 - operator.momentum, 12)
        for name, factor in zip(node.inputs[3:], (1.0, count / (count - 1))):
            if name in graph.params and name in states:
                old = np.asarray(graph.params[name], np.float64)
                batch = (states[name] - kept * old) / (1 - kept)
                states[name] = (1 - share) * old + share * factor * batch
    return states
