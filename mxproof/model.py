"""A model under test: a user's checkpoint, or one of the zoo's by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, ShapeError, UnsupportedError, load_checkpoint
from converters.ir.arrays import TYPE_FLAGS
from converters.ir.examples import example_inputs
from converters.ir.input_sizes import implied, shapes_that_fit
from converters.ir.limits import input_limits
from converters.ir.shapes import Shape, may_equal
from converters.mxnet_format.checkpoint_files import CheckpointFiles, PathLike, find_files
from converters.operators.registry import Limits
from converters.passes.free_batch import freed
from converters.preprocessing import KEY, Preprocessing

from .errors import UsageError
from .inputs.sampling import DISTRIBUTIONS, PLANS, WHOLE, draw_within, sample_shapes
from .runtimes.base import Array
from .zoo.models import ZOO, ZooModel, obtain
from .zoo.weights import STANDARD

#: Kind of weights -> what files and reports call them.
WEIGHTS = {
    "pretrained": "the published weights",
    "seeded": "RANDOM weights, drawn from a seed",
    "user": "the user's weights",
}


@dataclass(frozen=True)
class Model:
    """
    Attributes:
        weights: "pretrained", "seeded" or "user".
        why: one sentence on where the weights come from.
        model: the row of the zoo, or None for the user's own checkpoint.
        ranges: what the user has drawn for inputs: from the first number to the second.
    """

    graph: Graph
    files: CheckpointFiles
    weights: str
    why: str
    model: Optional[ZooModel]
    ranges: Mapping[str, Limits] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def preprocessing(self) -> Optional[Preprocessing]:
        """How pictures become its input, where that is known."""
        text = self.graph.source.get(KEY)
        return Preprocessing.from_text(text) if text else None

    def prepared(self, how: Optional[Preprocessing]) -> Model:
        """The same network, with this preprocessing on record."""
        if how is None:
            return self
        source = {**self.graph.source, KEY: how.to_text()}
        return replace(self, graph=replace(self.graph, source=source))

    def within(self, ranges: Mapping[str, Tuple[float, float]]) -> Model:
        """The same network, with what is drawn for its inputs limited.

        Raises:
            UsageError: a name that is no input.
        """
        names = [value.name for value in self.graph.inputs]
        for name in ranges.keys() - names:
            raise UsageError(
                f"--input-range {name}: the network has no such input; it has: {', '.join(names)}."
            )
        return replace(self, ranges={n: Limits(low, high) for n, (low, high) in ranges.items()})

    def inputs(
        self, shapes: Mapping[str, Tuple[int, ...]], seed: int = 0, kind: str = "normal"
    ) -> Dict[str, Array]:
        """Arrays for the network: noise from the seed; seed 0 of the zoo is a picture.

        An input gets numbers of the range that the user states, or of that in which what reads it
        takes them for positions, lengths or ids; whole types get whole numbers.

        Args:
            kind: of noise, a name in DISTRIBUTIONS.
        """
        random = np.random.default_rng(seed)
        spread = self.model.pixels if self.model is not None else STANDARD
        limits, arrays = self.limits(shapes), {}
        for name, shape in shapes.items():
            dtype = self.graph.types[name]
            dtype = "float32" if "float" in dtype else dtype
            if name in limits:
                arrays[name] = draw_within(random, limits[name], shape, dtype)
            elif self.model is not None and not seed:
                arrays[name] = self.model.picture(shape)
            else:
                noise = spread.var**0.5 * DISTRIBUTIONS[kind](random, shape)
                noise += 0.0 if kind == "sparse" else spread.mean
                arrays[name] = noise.astype(dtype)
        return arrays

    def limits(self, shapes: Mapping[str, Tuple[int, ...]]) -> Dict[str, Limits]:
        """Inputs that are not noise -> the numbers that they may hold."""
        types = self.graph.types
        whole = (v.name for v in self.graph.inputs if "float" not in types[v.name])
        found = {
            **dict.fromkeys(whole, Limits(0, WHOLE - 1)),
            **input_limits(self.graph, shapes),
        }
        stated = {n: limits._replace(whole=n in found) for n, limits in self.ranges.items()}
        return {**found, **stated}

    @property
    def gate_shapes(self) -> Dict[str, Shape]:
        """Input -> the size at which speed is judged, where the user names none."""
        return {"data": self.model.gate_input} if self.model else {}

    def evidence(
        self, given: Mapping[str, Shape], *, seed: int = 0, samples: int = 4
    ) -> List[Dict[str, Array]]:
        """Inputs of `samples` seeds: the first of the shapes that `concrete` finds, the others in
        turns as `PLANS` has them, where the network and the user leave that open."""
        shapes = self.concrete(given)
        free = {v.name: given.get(v.name) or v.shape for v in self.graph.inputs}
        sizes = [sample_shapes(self.graph, shapes, free, plan) for plan in PLANS]
        turns = zip(range(samples), cycle(zip(PLANS, sizes)))
        return [self.inputs(sizes, seed + n, plan.kind) for n, (plan, sizes) in turns]

    def concrete(self, given: Mapping[str, Shape]) -> Dict[str, Tuple[int, ...]]:
        """Fixed shapes of all inputs: as given, else the zoo's, else modest sizes that fit.

        Raises:
            ShapeError: the network cannot take them, or no size is known to fit.
            UsageError: not even the number of dimensions is known.
        """
        usual, inputs = self.model and self.model.layers_input, self.graph.inputs
        stated = {v.name: given.get(v.name) or usual or v.shape for v in inputs}
        shapes = implied(self.graph, stated)
        for name in (name for name, shape in shapes.items() if shape is None):
            known = tuple(replace(v, shape=shapes[v.name]) for v in inputs)
            example = example_inputs(replace(self.graph, inputs=known))
            raise UsageError(f"the shape of input {name!r} is not known: give it, e.g. {example}.")
        return shapes_that_fit(self.graph, shapes)


def load_for_run(
    checkpoint: str,
    given: Mapping[str, Shape],
    *,
    kept: Optional[Mapping[str, Shape]] = None,
    **reading: Any,
) -> Model:
    """As `load_model`, with sizes left free although a run gives them.

    One converted model serves every size. A network that is only defined for fixed sizes is
    loaded with those given, and with a free batch size where it takes any.

    Args:
        kept: shapes that stay as they are.
    """
    from converters import to_onnx, to_pytorch

    kept = kept or {}
    free = {**freed(given), **kept}
    batch = {n: shape and (*(free[n] or ())[:1], *shape[1:]) for n, shape in given.items()}
    for inputs in (free, {**batch, **kept}) if given else (free,):
        try:
            subject = load_model(checkpoint, inputs=inputs, **reading)
            subject.graph.with_inputs(given)
            for target in (to_onnx, to_pytorch):
                target(subject.graph)
            shapes = {v.name: v.shape for v in subject.graph.inputs}
        except (ShapeError, UnsupportedError):
            if not given:
                raise
            continue
        if all(may_equal(shape, given.get(name)) for name, shape in shapes.items()):
            return subject
    return load_model(checkpoint, inputs=given, **reading)


def load_model(
    checkpoint: str,
    *,
    epoch: Optional[int] = None,
    params: Optional[PathLike] = None,
    weights: str = "auto",
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    half: bool = False,
    partial: bool = False,
    double: bool = False,
    ranges: Optional[Mapping[str, Tuple[float, float]]] = None,
) -> Model:
    """A prefix (`model/resnet-50`) or a name of the zoo (`resnet50`) -> what to test.

    Args:
        epoch, params: of the user's checkpoint; see `find_files` in
            `converters.mxnet_format.checkpoint_files`.
        inputs, types, outputs, half, partial, double: see `load_checkpoint`.
        ranges: input -> the least and the largest number that is drawn for it.

    Raises:
        ConversionError: see `load_checkpoint`.
        DownloadError: `weights` is "pretrained" and cannot be had.
        UsageError: `ranges` names no input; or `params` goes with no model of the zoo.
    """
    reading: Dict[str, Any] = {"types": types, "outputs": outputs, "half": half, "double": double}
    reading["partial"] = partial
    if checkpoint not in ZOO:
        files = find_files(checkpoint, epoch, params)
        graph = load_checkpoint(files, inputs=inputs, **reading)
        subject = Model(graph, files, "user", "the user's checkpoint", None)
        return subject.within(ranges or {})
    if params is not None:
        raise UsageError(f"--params {params}: {checkpoint}, a model by name, has parameters.")
    model = ZOO[checkpoint]
    obtained = obtain(model, weights)
    shapes = {"data": model.input_shape, **(inputs or {})}
    files = find_files(obtained.prefix, 0)
    graph = load_checkpoint(files, inputs=shapes, **reading)
    source = {**graph.source, "weights": WEIGHTS[obtained.weights]}
    graph = replace(graph, name=model.name, source=source)
    subject = Model(graph, files, obtained.weights, obtained.why, model)
    return subject.prepared(model.preprocessing).within(ranges or {})


def parse_types(texts: List[str]) -> Dict[str, str]:
    """["ids=int32"] -> {"ids": "int32"}.

    Raises:
        UsageError: not of that form.
    """
    types = {}
    for text in texts:
        name, _, types[name] = text.rpartition("=")
        if not name or types[name] not in TYPE_FLAGS:
            raise UsageError(
                f"--input-type {text}: write NAME=TYPE, e.g. ids=int32; "
                f"types are: {', '.join(TYPE_FLAGS)}."
            )
    return types


def parse_inputs(texts: List[str]) -> Dict[str, Shape]:
    """["data=Nx3xHxW"] -> {"data": ("N", 3, "H", "W")}.

    Raises:
        UsageError: not of that form.
    """
    shapes: Dict[str, Shape] = {}
    for text in texts:
        name, _, dims = text.rpartition("=")
        sizes = dims.split("x")
        good = all(re.fullmatch("[1-9][0-9]{0,9}", d) or d.isidentifier() for d in sizes)
        if not name or not good:
            numbers = re.fullmatch(r"\W?[1-9]\d*([,;:*/\u00d7 ]+[1-9]\d*)*\W?", dims)
            meant = "x".join(re.findall(r"\d+", dims)) if numbers else "1x3x224x224"
            raise UsageError(
                f"--input {text}: write NAME=SIZExSIZEx…, e.g. {name or 'data'}={meant}; "
                "a letter in place of a size leaves it free, e.g. data=Nx3xHxW."
            )
        shapes[name] = tuple(int(d) if d.isdigit() else d for d in sizes)
    return shapes
