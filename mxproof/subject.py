"""A network under test: a checkpoint of the user's, or a model of the zoo by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from converters import (
    Graph,
    ShapeError,
    UnsupportedError,
    load_checkpoint,
    preprocessing,
)
from converters.params import TYPE_FLAGS
from converters.preprocessing import Preprocessing
from converters.shape import AXES, Dim, Shape
from fixtures.weights import STANDARD
from fixtures.zoo import ZOO, Model, obtain

from .distributions import DISTRIBUTIONS

Array = npt.NDArray[Any]

#: Sizes for symbolic dimensions where the user states none.
DEFAULT_SIZES = {"N": 1, "T": 16}
DEFAULT_SIZE = 64
WHOLE = 128  # numbers of whole types are below it: all types hold them


class UsageError(Exception):
    """What the user asked for makes no sense."""


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
        text = self.graph.source.get(preprocessing.KEY)
        return Preprocessing.from_text(text) if text else None

    def prepared(self, how: Optional[Preprocessing]) -> Subject:
        """The same network, with this preprocessing on record."""
        if how is None:
            return self
        source = {**self.graph.source, preprocessing.KEY: how.to_text()}
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
        mean, deviation, draw = spread.mean, spread.var**0.5, DISTRIBUTIONS[kind]
        arrays: Dict[str, Array] = {}
        for name, shape in shapes.items():
            dtype = self.graph.types[name]
            limit = self.graph.index_limits.get(name, 0 if "float" in dtype else WHOLE)
            noise = mean + deviation * draw(random, shape)
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
        """Inputs of `samples` seeds, of the shapes that `concrete` finds.

        Every other one is turned, and of one sample more, where the network and the user leave
        that open: a padding that lacks its last row shows on odd sides only, a wrong rounding on
        even ones, a batch size that was baked in on any other.
        """
        shapes = self.concrete(given)
        turned = {
            v.name: shapes[v.name] if v.name in given else _turned(shapes[v.name], v.shape)
            for v in self.graph.inputs
        }
        try:
            self.graph.infer_shapes(turned)
        except ShapeError:
            turned = shapes
        return [
            self.inputs(turned if number % 2 else shapes, seed + number // (2 if self.model else 1))
            for number in range(samples)
        ]

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
                    f"give it, e.g. --input {value.name}=1x3x224x224."
                )
            shapes[value.name] = tuple(_size(d) for d in shape)
        self.graph.with_inputs(shapes)
        return shapes


def _turned(shape: Tuple[int, ...], dims: Shape) -> Tuple[int, ...]:
    """Height and width exchanged, and one more in the batch, as far as these are free."""
    sizes = list(shape)
    free = [not isinstance(d, int) for d in dims or ()] or [True] * len(sizes)
    if len(sizes) > 3 and free[-1] and free[-2]:
        sizes[-2:] = sizes[-1], sizes[-2]
    if sizes and free[0]:
        sizes[0] += 1
    return tuple(sizes)


def _size(dim: Dim) -> int:
    return dim if isinstance(dim, int) else DEFAULT_SIZES.get(dim or "", DEFAULT_SIZE)


def freed(shapes: Mapping[str, Shape]) -> Dict[str, Shape]:
    """Shapes given for a run -> shapes to convert with: all is free but channels."""
    free: Dict[str, Shape] = {}
    for name, shape in shapes.items():
        axes = AXES.get(len(shape or ()))
        if shape is not None and axes is not None:
            free[name] = tuple(d if i == 1 else axes[i] for i, d in enumerate(shape))
        else:
            free[name] = shape
    return free


def load_for_run(checkpoint: str, given: Mapping[str, Shape], **reading: Any) -> Subject:
    """As `load_subject`, with sizes left free although a run gives them.

    One converted model serves every size. A network that is only defined for fixed sizes is
    loaded with those given.
    """
    from converters import to_onnx, to_pytorch

    try:
        subject = load_subject(checkpoint, inputs=freed(given), **reading)
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
    if checkpoint in ZOO:
        model = ZOO[checkpoint]
        obtained = obtain(model, weights)
        shapes = {"data": model.input_shape, **(inputs or {})}
        graph = load_checkpoint(obtained.prefix, inputs=shapes, **reading)
        source = {**graph.source, "weights": obtained.weights}
        graph = replace(graph, name=model.name, source=source)
        subject = Subject(graph, obtained.prefix, 0, obtained.weights, obtained.why, model)
        return subject.prepared(model.preprocessing)
    prefix = Path(checkpoint)
    graph = load_checkpoint(prefix, epoch, inputs=inputs, **reading)
    return Subject(graph, prefix, epoch, "user", "the user's checkpoint", None)


def parse_types(texts: List[str]) -> Dict[str, str]:
    """["ids=int32"] -> {"ids": "int32"}.

    Raises:
        UsageError: not of that form.
    """
    types: Dict[str, str] = {}
    for text in texts:
        name, _, dtype = text.rpartition("=")
        if not name or dtype not in TYPE_FLAGS:
            raise UsageError(
                f"--input-type {text}: write NAME=TYPE, e.g. ids=int32; "
                f"types are: {', '.join(TYPE_FLAGS)}."
            )
        types[name] = dtype
    return types


def parse_inputs(texts: List[str]) -> Dict[str, Shape]:
    """["data=Nx3xHxW"] -> {"data": ("N", 3, "H", "W")}.

    Raises:
        UsageError: not of that form.
    """
    shapes: Dict[str, Shape] = {}
    for text in texts:
        name, _, dims = text.rpartition("=")
        parts = dims.split("x")
        good = all(re.fullmatch("[1-9][0-9]{0,9}", p) or p.isidentifier() for p in parts)
        if not name or not good:
            raise UsageError(
                f"--input {text}: write NAME=SIZExSIZEx…, e.g. data=1x3x224x224; "
                "a letter in place of a size leaves it free, e.g. data=Nx3xHxW."
            )
        shapes[name] = tuple(int(p) if p.isdigit() else p for p in parts)
    return shapes
