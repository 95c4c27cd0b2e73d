"""The registry of targets: one row for each, with the runtimes that judge it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from converters import DEFAULT_OPSET, Graph

from .base import Candidate, RuntimeFailure, StoredTensor


@dataclass(frozen=True)
class Target:
    """One form a network is converted to.

    Attributes:
        suffix: of the model's file.
        runtimes: precision -> (module in mxproof.runtimes, class, extra arguments).
        tensors: (module, function) that reads what the files store, and the suffix of the file
            that holds it.
        extra: the extra of this distribution that installs the runtimes.
    """

    suffix: str
    runtimes: Mapping[str, Tuple[str, str, Mapping[str, Any]]]
    tensors: Tuple[str, str, str]
    extra: str

    def open(self, path: Path, precision: str, **options: Any) -> Candidate:
        """The converted model at `path` in the runtime for this precision.

        Raises:
            RuntimeFailure: the runtime is not installed.
        """
        module, name, arguments = self.runtimes[precision]
        candidate: Candidate = self._import(module, name)(path, **arguments, **options)
        return candidate

    def stored(self, path: Path) -> Tuple[str, Iterator[StoredTensor]]:
        """The name of the file that holds the numbers of the model at `path`, and its tensors.

        Raises:
            RuntimeFailure: a library that reads it is not installed.
        """
        module, name, suffix = self.tensors
        return path.with_suffix(suffix).name, self._import(module, name)(path)

    def _import(self, module: str, name: str) -> Any:
        try:
            return getattr(importlib.import_module(f".{module}", __package__), name)
        except ImportError as error:
            raise RuntimeFailure(
                f"{error.name} is not installed here: pip install 'mxproof[{self.extra}]'."
            ) from error


TARGETS: Dict[str, Target] = {
    "onnx": Target(
        suffix=".onnx",
        runtimes={
            "float64": ("onnx_reference.evaluator", "OnnxReference", {}),
            "float32": ("onnxruntime", "OnnxRuntime", {}),
        },
        tensors=("onnx_nodes", "stored_tensors", ".onnx"),
        extra="onnx",
    ),
    "pytorch": Target(
        suffix=".py",
        runtimes={p: ("pytorch", "Pytorch", {"precision": p}) for p in ("float64", "float32")},
        tensors=("pytorch", "stored_tensors", ".safetensors"),
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
