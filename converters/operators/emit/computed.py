"""Operators that are a formula in ONNX and a call of a function in PyTorch."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Callable, ClassVar, List, Mapping, Optional, Tuple, Union

from ...errors import ShapeError
from ...ir.shapes import Dims, may_equal, show, unify
from ...python_text import literal
from ..registry import OnnxBuilder, Operator, TorchBuilder
from .onnx_math import OnnxExpr, formula, result


def options(operator: Any, defaults: Optional[Mapping[str, Any]] = None) -> str:
    """`, topk=400`: the attributes that are not the defaults, for a function with the same.

    Args:
        defaults: of those that the function has; by default the operator's own.
    """
    if defaults is None:
        defaults = {f.name: f.default for f in fields(operator)}
    given = {name: getattr(operator, name) for name in defaults}
    return "".join(f", {k}={literal(v)}" for k, v in given.items() if v != defaults[k])


def takes(name: str, shape: Dims, wanted: Dims) -> Dims:
    """An input's shape, with what is known of the wanted one.

    Raises:
        ShapeError: it is not the wanted one.
    """
    if not may_equal(shape, wanted):
        raise ShapeError(f"takes {name} of shape {show(wanted)}, got {show(shape)}")
    return tuple(map(unify, wanted, shape))


class Computed(Operator):
    """A declaration of what is computed in ONNX, once for all element types."""

    #: The inputs as formulas -> the output (a list for several outputs).
    formula: Callable[..., Union[OnnxExpr, List[OnnxExpr]]]

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        made = self.formula(*(formula(g, value) for value in inputs))
        if isinstance(made, OnnxExpr):
            return result(made)
        return [result(value, number) for number, value in enumerate(made)]


class Called(Computed):
    """One that is a function of converters/pytorch/library in PyTorch.

    Class attributes:
        function: it takes the operator's inputs and its attributes.
        positional: attributes that it takes by their place, and no others. Where there are none,
            those that are not the defaults are named.
    """

    function: ClassVar[str]
    positional: ClassVar[Tuple[str, ...]] = ()

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        values = [literal(getattr(self, name)) for name in self.positional]
        more = "" if self.positional else options(self)
        return f"{m.function(self.function)}({', '.join([*inputs, *values])}{more})"
