"""What a network is converted to, and which runtimes judge the result: one row a target."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

from converters import DEFAULT_OPSET, Graph

from .runtimes.base import Candidate, RuntimeFailure


@dataclass(frozen=True)
class Target:
    """One form a network is converted to.

    Attributes:
        write: (graph, folder, opset, whether ONNX's weights get a file of their own) -> the files
            written; the first is the model.
        runtimes: precision -> (module in mxproof.runtimes, class, extra arguments).
        extra: the extra of this distribution that installs the runtimes.
    """

    write: Callable[[Graph, Path, int, bool], List[Path]]
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


def _write_onnx(graph: Graph, folder: Path, opset: int, external: bool) -> List[Path]:
    from converters import save_onnx, to_onnx

    return save_onnx(
        to_onnx(graph, opset=opset), folder / f"{graph.name}.onnx", external_data=external
    )


def _write_pytorch(graph: Graph, folder: Path, opset: int, external: bool) -> List[Path]:
    from converters import save_pytorch, to_pytorch

    return save_pytorch(to_pytorch(graph), folder)


TARGETS: Dict[str, Target] = {
    "onnx": Target(
        write=_write_onnx,
        runtimes={
            "float64": ("onnx_reference", "OnnxReference", {}),
            "float32": ("onnxruntime", "OnnxRuntime", {}),
        },
        extra="onnx",
    ),
    "pytorch": Target(
        write=_write_pytorch,
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
    """Write one target's files into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return TARGETS[target].write(graph, folder, opset, external_data)
