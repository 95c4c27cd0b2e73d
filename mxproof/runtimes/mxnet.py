"""The reference: MXNet itself, in a process of its own.

A crash of libmxnet is an error message here, torch and libmxnet never share an OpenMP runtime,
and the worker may be another Python (`--mxnet-python`) where this one cannot hold MXNet.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from converters import Graph, Node
from converters.checkpoint import params_path, symbol_path
from converters.progress import counted
from converters.shape import Shape

from ..portions import LIMIT, portions
from ..truth import Truth
from .base import Array, Inputs, Layer, LayerTruth, RuntimeFailure
from .process import WorkerProcess

PathLike = Union[str, "os.PathLike[str]"]

#: Bytes of results after which the worker is restarted: that takes a second or two, and frees
#: the workspaces that such results took.
SUSPEND_AFTER = 1 << 28


class MxnetProcess(WorkerProcess):
    """A running worker. Starting it takes a second or two."""

    def __init__(
        self, python: Optional[str] = None, *, fused: bool = False, threads: Optional[int] = None
    ) -> None:
        """Start MXNet in `python` (a path; this interpreter by default).

        Args:
            fused: with MXNet's fusion of operators, as its users ran it: for timing. Tracing
                needs it off.
            threads: for MXNet's operators; None means its own choice, half of the processors,
                because it assumes two threads a core.

        Raises:
            RuntimeFailure: that interpreter does not exist, or has no MXNet that imports.
        """
        # Idle threads of MXNet must sleep, not spin: the other runtimes take their turns.
        environment = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        if fused:
            environment["MXNET_SUBGRAPH_BACKEND"] = "MKLDNN"
        super().__init__(
            "mxnet_worker.py",
            "MXNet",
            python,
            environment,
            install="mxnet==1.9.1 (CPython 3.8 to 3.11, numpy<1.24)",
            option="--mxnet-python",
        )

    def load(self, prefix: PathLike, epoch: int, graph: Graph) -> Mxnet:
        """The checkpoint as MXNet itself reads it."""
        return Mxnet(self, prefix, epoch, graph)


class Mxnet:
    """A checkpoint in MXNet, in float32 and float64; results carry the graph's layer names."""

    def __init__(self, process: MxnetProcess, prefix: PathLike, epoch: int, graph: Graph) -> None:
        self._process, self._graph = process, graph
        self._inputs = [v.name for v in graph.inputs]
        self._files = {
            "symbol": str(symbol_path(prefix).resolve()),
            "params": str(params_path(prefix, epoch).resolve()),
            "labels": list(graph.labels),
            "cut_at": list(graph.cut_at),
            "made_labels": list(graph.made_labels),
        }
        self._load()

    def _load(self) -> None:
        self._model = self._process.ask({"do": "load", **self._files})[0]["model"]
        self._started = self._process.starts

    def _request(self, do: str, inputs: Inputs, **more: Any) -> Tuple[Any, List[Array]]:
        if self._started != self._process.starts:
            self._load()
        message = {"do": do, "model": self._model, "inputs": self._inputs, **more}
        return self._process.ask(message, [inputs[name] for name in self._inputs])

    def run(self, inputs: Inputs, precision: str = "float32") -> List[Array]:
        """The network's outputs, in the order of its heads."""
        return self._request("run", inputs, dtype=precision)[1]

    def truth(self, inputs: Inputs) -> Truth:
        """Everything that a candidate is judged by."""
        truth = Truth(inputs, self.layers(inputs), self.run(inputs))
        if truth.nbytes > SUSPEND_AFTER:
            self._process.suspend()
        return truth

    def layers(self, inputs: Inputs, limit: int = LIMIT) -> Iterator[LayerTruth]:
        """Each layer's results in the network's order, one at a time.

        Args:
            limit: bytes of float64 results that the worker may hold at a time.

        Raises:
            RuntimeFailure: MXNet's layers differ from those that the converters read. They are
                matched by position, because names repeat; each position's name must agree.
        """
        layers = [(node.mxnet_name, name) for node in self._graph.listed for name in node.outputs]
        converted = {name for node in self._graph.nodes for name in node.outputs}
        shapes = self._graph.infer_shapes({name: array.shape for name, array in inputs.items()})
        request = self._portions(shapes, limit)
        listed = self._request("trace", inputs, **request)[0]["layers"]
        waiting = len(listed)
        try:
            expected = [mxnet_name for mxnet_name, _ in layers]
            if listed != expected:
                differing = [pair for pair in zip(listed, expected) if pair[0] != pair[1]][:3]
                raise RuntimeFailure(
                    f"MXNet lists {len(listed)} layers, the converters read {len(expected)}; "
                    f"first differences (MXNet's, ours): {differing}."
                )
            for _, layer in counted(layers, f"{self._graph.name}: MXNet, layers"):
                try:
                    float64, float32 = self._process.receive("trace")[1]
                except RuntimeFailure:
                    waiting = 0  # the failure was the last message
                    raise
                waiting -= 1
                if layer in converted:
                    yield Layer(layer, float64, float32)
        finally:
            for _ in range(waiting):  # a caller that stops early leaves the pipe clean
                self._process.receive("trace")

    def _portions(self, shapes: Mapping[str, Shape], limit: int) -> Dict[str, List[int]]:
        """How many layers run at a time, and which of them on given inputs (by number)."""
        known: List[Optional[int]] = []
        for node in self._graph.listed:
            anchored = self._graph.anchored.intersection(node.outputs)
            folded = not any(name in shapes for name in node.outputs)
            known.append(limit if anchored else sum(_bytes(node, shapes, limit)))
            known[-1] = None if folded else known[-1]
        sizes = _filled(known)
        nodes = iter(self._graph.listed)
        counts, anchored_at, done = [], [], 0
        for count in portions(sizes, limit):
            taken = [next(nodes) for _ in range(count)]
            if self._graph.anchored.intersection(taken[0].outputs):
                anchored_at.append(done)
            counts.append(sum(len(node.outputs) for node in taken))
            done += counts[-1]
        return {"portions": counts, "anchored": anchored_at}

    def prepare(self, inputs: Inputs) -> None:
        """Bind the float32 network to these inputs, for `time`."""
        self._request("prepare", inputs)

    def time(self, passes: int, slowdown: float = 0.0) -> Tuple[List[float], List[Array]]:
        """Run over the prepared inputs -> (seconds of each pass, outputs of the last one).

        Args:
            slowdown: lengthens each pass by this fraction.
        """
        request = {"do": "time", "model": self._model, "passes": passes, "slowdown": slowdown}
        answer, outputs = self._process.ask(request)
        return answer["seconds"], outputs

    def close(self) -> None:
        """Free the model's memory."""
        if self._started == self._process.starts:
            self._process.ask({"do": "unload", "model": self._model})


def _filled(sizes: Sequence[Optional[int]]) -> List[int]:
    """A folded layer, whose shape is unknown, counts as its larger neighbour."""
    found = []
    for i, size in enumerate(sizes):
        before = next((s for s in reversed(sizes[:i]) if s is not None), 0)
        after = next((s for s in sizes[i:] if s is not None), 0)
        found.append(max(before, after) if size is None else size)
    return found


def _bytes(node: Node, shapes: Mapping[str, Shape], unknown: int) -> Iterator[int]:
    """Of each of a layer's results in float64; `unknown` where the shape does not follow from the
    inputs'. A convolution counts with the matrix that MXNet makes of its input: a large one is a
    portion of its own, which the worker can compute in tiles."""
    for name in node.outputs:
        sizes = _known(shapes.get(name))
        numbers = int(np.prod(sizes)) if sizes else unknown // 8
        if len(sizes) > 1 and node.op == "Convolution" and node.inputs[1] is not None:
            window = _known(shapes.get(node.inputs[1]))[1:]
            numbers = max(numbers, numbers // sizes[1] * int(np.prod(window)))
        yield 8 * numbers


def _known(shape: Shape) -> List[int]:
    """The sizes of a shape; [] if one of them is not known."""
    sizes = [d for d in shape or () if isinstance(d, int)]
    return sizes if shape is not None and len(sizes) == len(shape) else []
