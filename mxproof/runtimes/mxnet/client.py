"""The reference: MXNet itself, in a process of its own.

A crash of libmxnet is an error message here, torch and libmxnet never share an OpenMP runtime,
and the worker may be another Python (`--mxnet-python`) where this one cannot hold MXNet.
"""

from __future__ import annotations

import os
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from converters import Graph, Node
from converters.mxnet_format.checkpoint_files import Checkpoint, CheckpointFiles, find_files
from converters.mxnet_format.naming import readable
from converters.progress import counted

from ...proof.trace import LIMIT, ReferenceTrace
from ..base import (
    Array,
    Inputs,
    Layer,
    MxnetStep,
    RandomLayer,
    RoundedLayer,
    Rounding,
    RuntimeFailure,
    StoredArray,
)
from ..operator_kinds import random_layers
from ..process import WorkerProcess
from .listing import disagreements

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
            Path(__file__).parent,
            "worker",
            "MXNet",
            python,
            environment,
            install="mxnet==1.9.1 (CPython 3.8 to 3.11, numpy<1.24)",
            option="--mxnet-python",
        )

    def load(self, checkpoint: Checkpoint, epoch: Optional[int], graph: Graph) -> Mxnet:
        """The checkpoint as MXNet itself reads it; see `find_files`."""
        return Mxnet(self, find_files(checkpoint, epoch), graph)


class Mxnet:
    """A checkpoint in MXNet, in float32 and float64; results carry the graph's layer names."""

    def __init__(self, process: MxnetProcess, files: CheckpointFiles, graph: Graph) -> None:
        self._process, self.graph = process, graph
        self._inputs = [v.name for v in graph.inputs]
        self._files: Dict[str, Any] = {
            "symbol": str(files.symbol.resolve()),
            "params": str(files.params.resolve()),
            "labels": list(graph.labels),
            "cut_at": list(graph.cut_at),
            "made_labels": list(graph.made_labels),
            "narrowed": graph.narrowed,
            "renamed": dict(graph.renamed),
            "restated": list(graph.restated),
        }
        self._load()

    def _load(self) -> None:
        answer = self._process.ask("load", **self._files)[0]
        self._model = answer["model"]
        wrong = "; ".join(disagreements(self.graph, **answer["listing"]))
        if wrong:
            raise RuntimeFailure(
                f"{self.graph.name}: MXNet and the converters read the symbol differently: "
                f"{wrong}. This is a mistake of the converters: please report it."
            )
        self._started = self._process.starts

    def _ask(
        self, do: str, inputs: Optional[Inputs] = None, **options: Any
    ) -> Tuple[Any, List[Array]]:
        if self._started != self._process.starts:
            self._load()
        return self._process.ask(do, inputs, model=self._model, **options)

    @cached_property
    def stored(self) -> Tuple[StoredArray, ...]:
        """The arrays of the file that the network reads."""
        found = self._ask("stored")[0]["stored"]
        return tuple(StoredArray(readable(name), *rest) for name, *rest in found)

    def run(self, inputs: Inputs, precision: str = "float32") -> List[Array]:
        """The network's outputs, in the order of its heads."""
        return self._ask("run", self._fed(inputs), dtype=precision)[1]

    def _fed(self, inputs: Inputs) -> Inputs:
        return {name: inputs[name] for name in self._inputs}

    def truth(self, inputs: Inputs, draws: int = 0) -> ReferenceTrace:
        """Everything that a candidate is judged by; `draws` as for `layers`."""
        truth = ReferenceTrace(inputs, self.layers(inputs, draws=draws), self.run(inputs))
        if truth.nbytes > SUSPEND_AFTER:
            self._process.suspend()
        return truth

    def layers(self, inputs: Inputs, limit: int = LIMIT, draws: int = 0) -> Iterator[Layer]:
        """Each layer's results in the network's order, one at a time.

        Args:
            limit: bytes of float64 results that the worker may hold at a time.
            draws: how often the network is also run with all numbers moved by rounding.

        Raises:
            RuntimeFailure: MXNet's layers differ from those that the converters read. They are
                matched by position, because names repeat; each position's name must agree.
        """
        layers = [(node.mxnet_name, name) for node in self.graph.listed for name in node.outputs]
        converted = {name for node in self.graph.nodes for name in node.outputs}
        anchored = [k for k, (_, name) in enumerate(layers) if name in self.graph.anchored]
        drawn = random_layers(self.graph)
        options = {"limit": limit, "anchored": anchored, "draws": draws}
        options["random_layers"] = [k for k, (_, name) in enumerate(layers) if name in drawn]
        listed = self._ask("trace", self._fed(inputs), **options)[0]["layers"]
        expected = [mxnet_name for mxnet_name, _ in layers]
        if listed != expected:
            differing = [pair for pair in zip(listed, expected) if pair[0] != pair[1]][:3]
            raise RuntimeFailure(
                f"MXNet lists {len(listed)} layers, the converters read {len(expected)}; "
                f"first differences (MXNet's, ours): {differing}."
            )
        for _, layer in counted(layers, f"{self.graph.name}: MXNet, layers"):
            float64, float32, *rounding = self._process.receive("trace")[1]
            if layer not in converted:
                continue
            if layer in drawn:
                yield RandomLayer(layer, float64, float32, rounding[-1])
            elif draws:
                isolated, carried, (own, largest) = rounding
                found = Rounding(isolated, carried, float(largest), float(own))
                yield RoundedLayer(layer, float64, float32, found)
            else:
                yield Layer(layer, float64, float32)

    def isolated(
        self, node: Node, inputs: Mapping[int, Array], stored: Sequence[int] = (), run: bool = True
    ) -> Tuple[List[Array], Dict[int, Array]]:
        """One layer by itself: its float64 results, and which of its stored numbers take part.

        Args:
            inputs: by position, those that the checkpoint does not hold.
            stored: the positions of the inputs that are asked about; a mask comes back for each,
                of a shape that is broadcast to its.
            run: whether the results are wanted.

        Raises:
            RuntimeFailure: MXNet does not compute the layer on such numbers.
        """
        given = {str(position): array for position, array in inputs.items()}
        options = {"first": self._places[node.name], "count": len(node.outputs), "results": run}
        found = self._ask("isolate", given, stored=list(stored), **options)[1]
        count = len(node.outputs) if run else 0
        return found[:count], dict(zip(stored, found[count:]))

    def rounding(self, node: Node, inputs: Mapping[int, Array], draws: int) -> List[Rounding]:
        """How far rounding moves each result of a layer by itself; `inputs` as for `isolated`."""
        given = {str(position): array for position, array in inputs.items()}
        options = {"first": self._places[node.name], "count": len(node.outputs)}
        answer, found = self._ask("round", given, draws=draws, **options)
        return [Rounding(isolated=a, own=own) for a, own in zip(found, answer["own"])]

    def training_step(
        self,
        inputs: Inputs,
        *,
        train: bool = True,
        precision: str = "float64",
        moved: bool = False,
    ) -> MxnetStep:
        """One step of training: gradients, and the auxiliary states after it.

        Args:
            train: as in training; otherwise batch norms read their moving statistics.
            moved: with all numbers moved by a rounding, to see how far that moves the gradients.

        Raises:
            RuntimeFailure: a layer has no gradient (in float64).
        """
        options = {"dtype": precision, "train": train, "moved": moved}
        answer, arrays = self._ask("differentiate", self._fed(inputs), **options)
        names, states = ([readable(n) for n in answer[k]] for k in ("arguments", "states"))
        first = len(arrays) - len(names) - len(states)
        last = first + len(names)
        gradients, after = dict(zip(names, arrays[first:last])), dict(zip(states, arrays[last:]))
        shapes = {name: array.shape for name, array in self._fed(inputs).items()}
        return MxnetStep(train, arrays[:first], gradients, after, shapes)

    @cached_property
    def _places(self) -> Dict[str, int]:
        """Layer -> the place of its first result among all that MXNet lists."""
        listed = self.graph.listed
        counts = accumulate([0, *(len(node.outputs) for node in listed)])
        return {node.name: place for node, place in zip(listed, counts)}

    def prepare(self, inputs: Inputs) -> None:
        """Bind the float32 network to these inputs, for the process to `time`."""
        self._ask("prepare", self._fed(inputs))

    def close(self) -> None:
        """Free the model's memory."""
        if self._started == self._process.starts:
            self._process.ask("unload", model=self._model)
