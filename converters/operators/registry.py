"""Declaring operators: one class each, its annotations being its specification.

A declaration's fields are MXNet's attributes with MXNet's types and defaults; its
`infer(data, weight, bias=None)` names MXNet's inputs in MXNet's order. Everything that reads,
checks, converts or documents operators is derived from that.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    TypeVar,
    Union,
)

import numpy as np

from ..ir.shapes import Dims, Shape
from .aliases import RENAMES
from .attributes import AttributeProblem, parse_attributes
from .refused import refusal

if TYPE_CHECKING:  # both import this module; declarations name them in annotations only
    from typing_extensions import dataclass_transform

    from ..onnx.builder import OnnxBuilder as OnnxBuilder
    from ..pytorch.exporter import TorchBuilder as TorchBuilder
else:
    OnnxBuilder = TorchBuilder = Any

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda decorator: decorator


#: Attributes, whether a value is supported, and which ones are, in words.
Allowed = tuple[tuple[str, Callable[[Any], bool], str], ...]


class Limits(NamedTuple):
    """The least and the largest of the numbers that an input may hold.

    Attributes:
        low, high: numbers, or arrays that broadcast against the input: a limit for each row.
        optional: other numbers make sense, too, so that these are drawn only where all that reads
            the input agrees.
        whole: whole numbers only, if there are several.
    """

    low: Any
    high: Any
    optional: bool = False
    whole: bool = True


def places(shapes: Sequence[Shape], number: int, axis: int) -> Limits:
    """Positions along an axis of one of the inputs; the first one where its size is unknown."""
    shape = shapes[number] if number < len(shapes) else None
    size = shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else 1
    return Limits(0, size - 1 if isinstance(size, int) else 0)


def rows(limits: Sequence[int], rank: int) -> Limits:
    """Positions along several axes of these sizes: a row of the input, of that rank, for each."""
    high = np.reshape(np.array(limits) - 1, (-1,) + (1,) * (rank - 1))
    return Limits(0, high)


class Unsupported(Exception):
    """Raised inside a declaration; the loop that called it adds the operator and the layer."""


class Operator:
    """What every declaration has. Shapes are tuples of int, a name, or None for unknown.

    Class attributes:
        mxnet_name: the operator's canonical name in MXNet.
        ignores: attributes without a meaning for inference (tuning, training, hardware).
        parameters: inputs that a checkpoint stores.
        auxiliary: those of them that training updates outside the gradient.
        labels: inputs that only training reads; they are cut away.
        shape_preserving: the output has the data's shape.
        order_dependent: the result depends on which of two numbers is larger, or on whether
            they are equal (sorting, suppressing, comparing): where they are as good as equal,
            the least rounding decides.
        random: the result is drawn anew each time; only its distribution can be compared.
        input_types: inputs that MXNet takes in whole types only -> the type of theirs where
            nothing states another.
        outputs: how many are converted: the first ones, which MXNet lists.
        hidden_outputs: how many more the node has in MXNet's graph.
        onnx_since: the oldest opset that has what `to_onnx` builds with.
        onnx_until: the newest one for which onnxruntime has it, where that is not the newest.
        limits: what of MXNet's operator is not converted, and why, for the table in the docs.
        allowed: attributes of which only some values are supported.
    """

    mxnet_name: ClassVar[str]
    ignores: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[str, ...]] = ()
    auxiliary: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[tuple[str, ...]] = ()
    shape_preserving: ClassVar[bool] = False
    order_dependent: ClassVar[bool] = False
    random: ClassVar[bool] = False
    input_types: ClassVar[Mapping[str, str]] = {}
    outputs: ClassVar[int] = 1
    hidden_outputs: ClassVar[int] = 0
    onnx_since: ClassVar[int] = 13
    onnx_until: ClassVar[Optional[int]] = None
    limits: ClassVar[str] = ""
    allowed: ClassVar[Allowed] = ()

    #: Shapes of the inputs -> shape of the output (a list of them for several outputs).
    infer: Callable[..., Union[Shape, list[Shape]]]
    #: (builder, *inputs) -> the output's value. See converters/onnx/exporter.py.
    to_onnx: Callable[..., Any]
    #: (builder, *inputs) -> the output's expression. See converters/pytorch/exporter.py.
    to_pytorch: Callable[..., Any]

    def __post_init__(self) -> None:
        for name, is_allowed, words in self.allowed:
            if not is_allowed(getattr(self, name)):
                raise Unsupported(f"{name}={getattr(self, name)}; supported: {words}")

    def input_names(self) -> tuple[str, ...]:
        """MXNet's names of the inputs this node has, given its attributes.

        By default all of `infer`'s parameters, but with `no_bias` no "bias"; none for a variadic
        operator.
        """
        kinds = inspect.signature(type(self).infer).parameters
        left_out = ("self", "bias") if getattr(self, "no_bias", False) else ("self",)
        return tuple(
            n for n, p in kinds.items() if n not in left_out and p.kind != p.VAR_POSITIONAL
        )

    def infer_type(self, *types: Optional[str]) -> Union[Optional[str], list[Optional[str]]]:
        """Element types of the inputs -> type of the output (a list for several outputs).

        None is a label that was cut away. By default the attribute `dtype`, or the same of the
        class, and that of the first input where there is none.
        """
        given = (t for t in (getattr(self, "dtype", None), *types) if t is not None)
        return [next(given, "float32")] * self.visible_outputs()

    def visible_outputs(self) -> int:
        """Outputs that are converted, given the node's attributes."""
        return self.outputs

    def stored_outputs(self) -> int:
        """Outputs that the node has in MXNet's graph, given its attributes."""
        return self.visible_outputs() + self.hidden_outputs

    def parameter_shapes(self, data: Shape) -> dict[str, Dims]:
        """Input name -> the shape that it must have; None where `data`, the shape of the first,
        leaves it open."""
        return {}

    def implied_shapes(self, data: Shape) -> dict[str, Dims]:
        """Input name -> the shape that an input has where nothing states another."""
        return self.parameter_shapes(data)

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        """Parameter shapes -> the shape of `data` that they imply, or None.

        Used to guess the input of a network whose user did not state it.
        """
        return None

    def unread(self) -> dict[str, tuple[str, Optional[float]]]:
        """Stored inputs that do not enter the result -> why, and the number that stands in the
        place of theirs, if one does."""
        return dict.fromkeys(self.labels, ("only training reads it", None))

    def index_limits(self, *shapes: Shape) -> dict[str, Limits]:
        """Inputs that count or choose (positions, lengths, conditions) -> the numbers they may be,
        given the inputs' shapes.

        Used to feed a network whose input is read so: noise would choose the first places only, and
        MXNet writes beyond its arrays where a length is negative. See converters/ir/limits.py.
        """
        return {}


class SameShape(Operator):
    """An operator on one input, whose output has the input's shape."""

    shape_preserving = True

    def infer(self, data: Dims) -> Dims:
        return data


class Written(Operator):
    """An operator whose PyTorch expression is one text.

    Class attributes:
        text: of {0}, {1}, … (the inputs), {dtype} (the output's) and {self.…}; a name followed by
            a bracket is a function's, of converters/pytorch/library.
    """

    text: ClassVar[str]

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return written(m, self.text, *inputs, self=self)


def written(m: TorchBuilder, text: str, *inputs: str, **more: Any) -> str:
    """The text with its fields filled in. See Written."""
    name, call, rest = text.partition("(")
    if call and name.isidentifier():
        text = f"{m.function(name)}{call}{rest}"
    return text.format(*inputs, dtype=m.dtype(m.output_type()), **more)


REGISTRY: dict[str, type[Operator]] = {}
SPARSE = "_sparse_"

_Declared = TypeVar("_Declared", bound=type[Operator])


@dataclass_transform(frozen_default=True)
def operator(
    name: str,
    *,
    ignores: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    auxiliary: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
) -> Callable[[_Declared], _Declared]:
    """Class decorator: this frozen dataclass declares MXNet's operator `name`."""

    def register(cls: _Declared) -> _Declared:
        if name in REGISTRY:
            raise ValueError(
                f"operator {name!r} is declared twice: in {REGISTRY[name].__module__} "
                f"and in {cls.__module__}"
            )
        if "__dataclass_fields__" not in vars(cls):
            dataclass(frozen=True)(cls)
        cls.mxnet_name, cls.ignores = name, ignores
        cls.parameters, cls.auxiliary, cls.labels = (*parameters, *auxiliary), auxiliary, labels
        REGISTRY[name] = cls
        return cls

    return register


def declare(
    name: str,
    base: type[Operator],
    *others: type,
    ignores: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    **body: Any,
) -> None:
    """Declare the operator `name`: a class like `base` but for the attributes in `body`."""
    body.update(__doc__=base.__doc__, __module__=base.__module__)
    operator(name, ignores=ignores, labels=labels)(type(name, (base, *others), body))


def canonical_name(op: str) -> str:
    """`_Plus` -> `elemwise_add`, `_sparse_abs` -> `abs`; a name that is no alias stays."""
    plain = op[len(SPARSE) :] if op.startswith(SPARSE) else op
    name = RENAMES.get(plain, plain)
    return name if name in REGISTRY else op


def parse(op: str, attrs: Mapping[str, str]) -> Operator:
    """Operator name and MXNet's string attributes -> the typed declaration.

    Raises:
        Unsupported: no such declaration, or attributes that it does not know or take.
    """
    return _parse(op, tuple(sorted(attrs.items())))


@lru_cache(maxsize=4096)
def _parse(op: str, attrs: tuple[tuple[str, str], ...]) -> Operator:
    if op not in REGISTRY:
        unknown = "the operator is not known; docs/operators.md lists those that are"
        raise Unsupported(refusal(op) or unknown)
    cls = REGISTRY[op]
    try:
        return cls(**parse_attributes(cls, cls.ignores, dict(attrs)))
    except AttributeProblem as problem:
        raise Unsupported(str(problem)) from None
