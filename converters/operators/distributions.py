"""Distributions to draw from: what MXNet's random operators have in common."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Callable, ClassVar, Dict, Tuple, Type

from .attributes import Single
from .emit.onnx_math import OnnxExpr
from .registry import Unsupported

#: "RandomUniform" or "RandomNormal" -> so many draws, between 0 and 1, or around 0.
Draw = Callable[[str], OnnxExpr]


@dataclass(frozen=True)
class Distribution:
    """One distribution; its fields are its parameters where they are attributes.

    Attributes:
        inputs: MXNet's names of the parameters where they are inputs.
        function: in converters/pytorch/library/random.py; a tensor first, then tensors or numbers.
    """

    inputs: ClassVar[Tuple[str, ...]]
    function: ClassVar[str]

    def numbers(self) -> Tuple[float, ...]:
        """The attributes, less those that an operator has beside them."""
        kind = next(c for c in type(self).__mro__ if Distribution in c.__bases__)
        return tuple(getattr(self, f.name) for f in fields(kind))

    def onnx(self, draw: Draw, *parameters: OnnxExpr) -> OnnxExpr:
        """Parameters that broadcast with the draws -> numbers of the distribution."""
        raise Unsupported(
            "ONNX has no operator that draws from this distribution; supported: uniform, normal "
            "and exponential ones. Convert to PyTorch"
        )


DISTRIBUTIONS: Dict[str, Type[Distribution]] = {}


def named(
    name: str, *inputs: str, function: str = ""
) -> Callable[[Type[Distribution]], Type[Distribution]]:
    """Class decorator: the distribution that MXNet calls `name`.

    Args:
        inputs: by default the attributes have the same names.
        function: by default `draw_` and the name.
    """

    def register(cls: Type[Distribution]) -> Type[Distribution]:
        DISTRIBUTIONS[name] = made = dataclass(frozen=True)(cls)
        made.inputs = inputs or tuple(f.name for f in fields(made))
        made.function = function or f"draw_{name}"
        return made

    return register


@named("uniform")
class Uniform(Distribution):
    low: Single = Single(0.0)
    high: Single = Single(1.0)

    def onnx(self, draw: Draw, *parameters: OnnxExpr) -> OnnxExpr:
        low, high = parameters
        return draw("RandomUniform") * (high - low) + low


@named("normal", "mu", "sigma")
class Normal(Distribution):
    loc: Single = Single(0.0)
    scale: Single = Single(1.0)

    def onnx(self, draw: Draw, *parameters: OnnxExpr) -> OnnxExpr:
        mean, deviation = parameters
        return draw("RandomNormal") * deviation + mean


@named("exponential")
class Exponential(Distribution):
    lam: Single = Single(1.0)

    def onnx(self, draw: Draw, *parameters: OnnxExpr) -> OnnxExpr:
        above = 1 - draw("RandomUniform")  # never 0
        return -(above.op("Log") / parameters[0])


@named("gamma")
class Gamma(Distribution):
    alpha: Single = Single(1.0)
    beta: Single = Single(1.0)


@named("poisson")
class Poisson(Distribution):
    lam: Single = Single(1.0)


@named("negative_binomial")
class NegativeBinomial(Distribution):
    """Failures before the k-th success, which has the probability p."""

    k: int = 1
    p: Single = Single(1.0)


@named("generalized_negative_binomial", function="draw_by_dispersion")
class GeneralizedNegativeBinomial(Distribution):
    """By mean and dispersion; a dispersion of 0 is Poisson's distribution."""

    mu: Single = Single(1.0)
    alpha: Single = Single(1.0)
