"""A network under test: a checkpoint of the user's, or a model of the zoo by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, ShapeError, UnsupportedError, load_checkpoint
from converters.examples import example_input
from converters.params import TYPE_FLAGS
from converters.preprocessing import KEY, Preprocessing
from converters.shape import AXES, Shape
from fixtures.weights import STANDARD
from fixtures.zoo import ZOO, Model, obtain

from .runtimes.base import Array
from .sample_inputs import (
    DEFAULT_SIZE,
    DEFAULT_SIZES,
    DISTRIBUTIONS,
    PLANS,
    WHOLE,
    sample_shapes,
)


class UsageError(Exception):
    """What the user asked for makes no sense."""


def require(module: str, extra: str, what: str) -> Any:
    """Import a library that an extra of this distribution installs.

    Args:
        what: begins the message, which ends "is not installed here".

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{what} is not installed here: pip install 'mxproof[{extra}]'."
        ) from error


@dataclass(frozen=True)
class Subject:
    """
    Attributes:
        weights: "pretrained", "seeded" or "user".
        why: one sentence on where the weights come from.
        model: the row of the zoo, or None for the user's own checkpoint.
    """

    graph: Graph
    prefix: Path
    epoch: int
    weights: str
    why: str
    model: Optional[Model]

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def preprocessing(self) -> Optional[Preprocessing]:
        """How pictures become its input, where that is known."""
        text = self.graph.source.get(KEY)
        return Preprocessing.from_text(text) if text else None

    def prepared(self, how: Optional[Preprocessing]) -> Subject:
        """The same network, with this preprocessing on record."""
        if how is None:
            return self
        source = {**self.graph.source, KEY: how.to_text()}
        return replace(self, graph=replace(self.graph, source=source))

    def inputs(
        self, shapes: Mapping[str, Tuple[int, ...]], seed: int = 0, kind: str = "normal"
    ) -> Dict[str, Array]:
        """Arrays for the network: noise from the seed; seed 0 of the zoo is a picture.

        What is read as indices gets whole numbers in their range, and so do whole types.

        Args:
            kind: of noise, a name in DISTRIBUTIONS.
        """
        random = np.random.default_rng(seed)
        if self.model is not None and not seed:
            return {name: self.model.picture(shape) for name, shape in shapes.items()}
        spread = self.model.pixels if self.model is not None else STANDARD
        arrays: Dict[str, Array] = {}
        for name, shape in shapes.items():
            dtype = self.graph.types[name]
            limit = self.graph.index_limits.get(name, 0 if "float" in dtype else WHOLE)
            noise = spread.var**0.5 * DISTRIBUTIONS[kind](random, shape)
            noise += 0.0 if kind == "sparse" else spread.mean
            numbers = random.integers(0, limit, shape) if limit else noise
            arrays[name] = numbers.astype("float32" if "float" in dtype else dtype)
        return arrays

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
        """Fixed shapes of all inputs: as given, else the zoo's, else modest sizes.

        Raises:
            ShapeError: the network cannot take them.
        """
        shapes = {}
        for value in self.graph.inputs:
            shape = given.get(value.name) or (self.model and self.model.layers_input) or value.shape
            if shape is None:
                raise UsageError(
                    f"the shape of input {value.name!r} is not known: "
                    f"give it, e.g. --input {example_input(self.graph, value.name)}."
                )
            shapes[value.name] = tuple(
                d if isinstance(d, int) else DEFAULT_SIZES.get(d or "", DEFAULT_SIZE) for d in shape
            )
        self.graph.with_inputs(shapes)
        return shapes


def load_for_run(checkpoint: str, given: Mapping[str, Shape], **reading: Any) -> Subject:
    """As `load_subject`, with sizes left free although a run gives them.

    One converted model serves every size. A network that is only defined for fixed sizes is
    loaded with those given.
    """
    from converters import to_onnx, to_pytorch

    free = dict(given)
    for name, shape in given.items():
        axes = AXES.get(len(shape or ()))
        if shape and axes:  # all is free but channels
            free[name] = (axes[0], *shape[1:2], *axes[2:])
    try:
        subject = load_subject(checkpoint, inputs=free, **reading)
        for target in (to_onnx, to_pytorch):
            target(subject.graph)
    except (ShapeError, UnsupportedError):
        if not given:
            raise
        return load_subject(checkpoint, inputs=given, **reading)
    return subject


def load_subject(
    checkpoint: str,
    *,
    epoch: int = 0,
    weights: str = "auto",
    inputs: Optional[Mapping[str, Shape]] = None,
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    half: bool = False,
) -> Subject:
    """A prefix (`model/resnet-50`) or a name of the zoo (`resnet50`) -> what to test.

    Args:
        inputs, types, outputs, half: see `load_checkpoint`.

    Raises:
        ConversionError: see `load_checkpoint`.
        DownloadError: `weights` is "pretrained" and cannot be had.
    """
    reading: Dict[str, Any] = {"types": types, "outputs": outputs, "half": half}
    if checkpoint not in ZOO:
        graph = load_checkpoint(Path(checkpoint), epoch, inputs=inputs, **reading)
        return Subject(graph, Path(checkpoint), epoch, "user", "the user's checkpoint", None)
    model = ZOO[checkpoint]
    obtained = obtain(model, weights)
    shapes = {"data": model.input_shape, **(inputs or {})}
    graph = load_checkpoint(obtained.prefix, inputs=shapes, **reading)
    graph = replace(graph, name=model.name, source={**graph.source, "weights": obtained.weights})
    subject = Subject(graph, obtained.prefix, 0, obtained.weights, obtained.why, model)
    return subject.prepared(model.preprocessing)


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
