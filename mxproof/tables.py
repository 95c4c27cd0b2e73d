"""Tables of the final outputs of every runtime against MXNet's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters.ir.shapes import show
from converters.progress import counted

from .model import Model
from .proof.outputs.agreement import differences, same_top
from .proof.tolerance import ULP32
from .reports.sheet import Sheet
from .running import open_checkpoint
from .runtimes.base import Array, Inputs

#: Runtime -> what the tables call it.
TITLES = {
    "mxnet-onnx": "ONNX (MXNet back)",
    "onnxruntime": "ONNX Runtime",
    "pytorch": "PyTorch",
}
Outputs = List[List[Array]]  # by input, by output of the network


@dataclass(frozen=True)
class Row:
    """One model in one runtime, in float32, over all its inputs.

    t is MXNet's result in float64, m MXNet's in float32, x the runtime's.

    Attributes:
        max_abs, max_rel: max |x - m|, and that over |m| where it is not 0.
        rms_ratio: RMS(x - t) over RMS(m - t). Of all numbers: where a softmax has one large
            output, the largest error is one draw of a rounding, in x as in m, and a ratio of
            two such draws says nothing.
        rel_ratio: max |x - t| / |t| over the same of m.
        top1_equal: is the largest number of every sample the same one? None where samples have
            one number each.
    """

    max_abs: float
    max_rel: float
    rms_ratio: float
    rel_ratio: float
    top1_equal: Optional[bool]

    @property
    def worst_ratio(self) -> float:
        return max(self.rms_ratio, self.rel_ratio)


@dataclass(frozen=True)
class ModelRows:
    """
    Attributes:
        shapes: of the first input.
        samples: how many inputs.
        rows: by runtime.
    """

    model: str
    weights: str
    shapes: Mapping[str, Tuple[int, ...]]
    samples: int
    rows: Mapping[str, Row]


def measure(
    subject: Model, inputs: Sequence[Inputs], mxnet_python: Optional[str] = None
) -> ModelRows:
    """Run one network on the same inputs in MXNet and in all other runtimes.

    Raises:
        RuntimeFailure: a runtime is not installed, or refuses.
    """
    with open_checkpoint(subject, "mxnet", mxnet_python) as network:
        views = list(counted(inputs, f"{subject.name}: MXNet, inputs"))
        truth, reference = ([network.run(x, p) for x in views] for p in ("float64", "float32"))
    rows = {}
    for runtime, title in TITLES.items():
        with open_checkpoint(subject, runtime, mxnet_python) as opened, np.errstate(all="ignore"):
            found = [opened.run(x) for x in counted(inputs, f"{subject.name}: {title}, inputs")]
        rows[runtime] = judged(found, reference, truth)
    shapes = {name: array.shape for name, array in inputs[0].items()}
    return ModelRows(subject.name, subject.weights, shapes, len(inputs), rows)


def judged(found: Outputs, reference: Outputs, truth: Outputs) -> Row:
    """One runtime's outputs; those of a network come in the order of its heads."""
    pairs = _pairs(found, reference)
    max_abs, max_rel = (max(gaps) for gaps in zip(*(differences(x, m) for x, m in pairs)))
    ours, theirs = _errors(found, truth), _errors(reference, truth)
    tops = [same_top(x, m, 1) for x, m in pairs if x.ndim > 1 and x[:1].size > 1]
    top1_equal = all(tops) if tops else None
    return Row(max_abs, max_rel, ours[0] / theirs[0], ours[1] / theirs[1], top1_equal)


def _pairs(some: Outputs, others: Outputs) -> List[Tuple[Array, Array]]:
    return [pair for a, b in zip(some, others) for pair in zip(a, b)]


def _errors(outputs: Outputs, truth: Outputs) -> Tuple[float, float]:
    """RMS(x - t), and max |x - t| / |t|; at least the half of a last bit, which is no error."""
    pairs = _pairs(outputs, truth)
    squares = sum(float(np.square(x.astype(np.float64) - t).sum()) for x, t in pairs)
    size = sum(float(np.square(t).sum()) for _, t in pairs)
    count = sum(t.size for _, t in pairs)
    rms = max(squares, (ULP32 / 2) ** 2 * size)
    return float(np.sqrt(rms / count)), max(*(differences(x, t)[1] for x, t in pairs), ULP32 / 2)


def sheets(models: Sequence[ModelRows]) -> List[Sheet]:
    """A table of errors for each way that a model can go."""
    headings = (
        *("model", "inputs", "max absolute error", "max relative error"),
        *("RMS error / MXNet's own", "max relative error / MXNet's own", "same top-1"),
    )
    tables = {runtime: [_texts(m, m.rows[runtime]) for m in models] for runtime in TITLES}
    title = "{}: errors against MXNet's output"
    return [Sheet(title.format(TITLES[r]), headings, rows) for r, rows in tables.items()]


def _texts(model: ModelRows, row: Row) -> Tuple[str, ...]:
    shapes = ", ".join(map(show, model.shapes.values()))
    errors = (f"{row.max_abs:.3g}", f"{row.max_rel:.3g}")
    ratios = (f"{row.rms_ratio:.2f}", f"{row.rel_ratio:.2f}")
    top = {None: "–", True: "yes", False: "no"}[row.top1_equal]
    name = f"{model.model} (RANDOM weights)" if model.weights == "seeded" else model.model
    return (name, f"{model.samples} of {shapes}", *errors, *ratios, top)
