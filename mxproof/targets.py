"""What a network is converted to, and which runtimes judge the result: one row a target."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from converters import DEFAULT_OPSET, Graph

from .runtimes.base import Candidate, RuntimeFailure


@dataclass(frozen=True)
class Target:
    """One form a network is converted to.

    Attributes:
        suffix: of the model's file.
        runtimes: precision -> (module in mxproof.runtimes, class, extra arguments).
        extra: the extra of this distribution that installs the runtimes.
    """

    suffix: str
    runtimes: Mapping[str, Tuple[str, str, Mapping[str, Any]]]
    extra: str

    def open(self, path: Path, precision: str, **options: Any) -> Candidate:
        """The converted model at `path` in the runtime for this precision.

        Raises:
            RuntimeFailure: the runtime is not installed.
        """
        module, name, arguments = self.runtimes[precision]
        try:
            runtime = getattr(importlib.import_module(f".runtimes.{module}", __package__), name)
        except ImportError as error:
            raise RuntimeFailure(
                f"{error.name} is not installed here: pip install 'mxproof[{self.extra}]'."
            ) from error
        candidate: Candidate = runtime(path, **arguments, **options)
        return candidate


TARGETS: Dict[str, Target] = {
    "onnx": Target(
        suffix=".onnx",
        runtimes={
            "float64": ("onnx_reference", "OnnxReference", {}),
            "float32": ("onnxruntime", "OnnxRuntime", {}),
        },
        extra="onnx",
    ),
    "pytorch": Target(
        suffix=".py",
        runtimes={p: ("pytorch", "Pytorch", {"precision": p}) for p in ("float64", "float32")},
        extra="pytorch",
    ),
}


def convert(
    graph: Graph,
    target: str,
    folder: Path,
    opset: int = DEFAULT_OPSET,
    *,
    external_data: bool = False,
) -> List[Path]:
    """Write one target's files into `folder`, which is made if need be; the first is the model.

    Args:
        opset, external_data: of ONNX; whether weights get a file of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if target == "pytorch":  # each target imports its own libraries
        from converters import save_pytorch, to_pytorch

        return save_pytorch(to_pytorch(graph), folder)
    from converters import save_onnx, to_onnx

    path = folder / f"{graph.name}.onnx"
    return save_onnx(to_onnx(graph, opset=opset), path, external_data=external_data)
