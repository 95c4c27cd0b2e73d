"""Final outputs in every runtime against MXNet's: the tables of a migration."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters.shape import show

from .outputs import differences, same_top
from .report.sheet import Sheet
from .running import open_subject
from .runtimes.base import Array, Inputs
from .runtimes.mxnet import MxnetProcess
from .subject import Subject

#: Runtime -> what the tables call it.
COLUMNS = {
    "mxnet-onnx": "ONNX (MXNet back)",
    "onnxruntime": "ONNX Runtime",
    "pytorch": "PyTorch",
}


@dataclass(frozen=True)
class Row:
    """One model in one runtime, in float32.

    Attributes:
        max_abs, max_rel: against MXNet's float32.
        error_ratio: max |x - t| over max |m - t|; t is MXNet's in float64, m its float32.
        top1_equal: is the largest number of every sample the same one?
    """

    max_abs: float
    max_rel: float
    error_ratio: float
    top1_equal: bool


@dataclass(frozen=True)
class ModelRows:
    """
    Attributes:
        mxnet_error: max |m - t|: MXNet's own.
        rows: by runtime.
    """

    model: str
    weights: str
    shapes: Mapping[str, Tuple[int, ...]]
    mxnet_error: float
    rows: Mapping[str, Row]

    def to_json(self) -> Dict[str, Any]:
        shapes = {name: list(shape) for name, shape in self.shapes.items()}
        return {**asdict(self), "shapes": shapes}


def measure(
    subject: Subject,
    inputs: Inputs,
    *,
    mxnet_python: Optional[str] = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ModelRows:
    """Run one network on the same inputs in MXNet and in all other runtimes.

    Raises:
        RuntimeFailure: a runtime is not installed, or refuses.
    """
    progress(f"{subject.name}: MXNet")
    with MxnetProcess(mxnet_python) as mxnet:
        network = mxnet.load(subject.prefix, subject.epoch, subject.graph)
        truth, reference = (network.run(inputs, p) for p in ("float64", "float32"))
    rows = {}
    for runtime, title in COLUMNS.items():
        progress(f"{subject.name}: {title}")
        with ExitStack() as stack, np.errstate(all="ignore"):
            opened = stack.enter_context(open_subject(subject, runtime, mxnet_python))
            rows[runtime] = judged(opened.run(inputs), reference, truth)
    return ModelRows(
        subject.name,
        subject.weights,
        {name: array.shape for name, array in inputs.items()},
        _error(reference, truth),
        rows,
    )


def judged(found: Sequence[Array], reference: Sequence[Array], truth: Sequence[Array]) -> Row:
    """One runtime's outputs, in the order of the network's heads."""
    gaps = [differences(a, r) for a, r in zip(found, reference)]
    return Row(
        max(gap[0] for gap in gaps),
        max(gap[1] for gap in gaps),
        _error(found, truth) / _error(reference, truth),
        all(same_top(a, r, 1) for a, r in zip(found, reference) if a.ndim > 1),
    )


def _error(outputs: Sequence[Array], truth: Sequence[Array]) -> float:
    """max |x - t|, not 0: where MXNet's float32 is exact, half of its last bit stands in."""
    error = max(differences(x, t)[0] for x, t in zip(outputs, truth))
    return error or float(np.finfo(np.float32).eps / 2 * max(np.abs(t).max() for t in truth))


def sheets(models: Sequence[ModelRows]) -> List[Sheet]:
    """A table of errors for each way that a model can go."""
    headings = (
        *("model", "max absolute error", "max relative error"),
        *("error against float64, of MXNet's own", "largest is the same"),
    )
    return [
        Sheet(
            f"{title}: errors against MXNet's output",
            headings,
            [(_named(model), *_texts(model.rows[runtime])) for model in models],
        )
        for runtime, title in COLUMNS.items()
    ]


def _named(model: ModelRows) -> str:
    return f"{model.model} ({', '.join(show(s) for s in model.shapes.values())})"


def _texts(row: Row) -> Tuple[str, ...]:
    top = "yes" if row.top1_equal else "no"
    return f"{row.max_abs:.3g}", f"{row.max_rel:.3g}", f"{row.error_ratio:.2f}", top
