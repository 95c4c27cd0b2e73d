"""Distributions to draw from: what MXNet's random operators have in common."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Callable, ClassVar, Tuple

import numpy as np

from .attributes import Single
from .registry import OnnxBuilder, Unsupported

#: "RandomUniform" or "RandomNormal" -> so many draws, between 0 and 1, or around 0.
Draw = Callable[[str], Any]


@dataclass(frozen=True)
class Distribution:
    """One distribution; its fields are its parameters where they are attributes.

    Attributes:
        inputs: MXNet's names of the parameters where they are inputs.
        function: in converters/functions/random.py; a tensor first, then tensors or numbers.
    """

    inputs: ClassVar[Tuple[str, ...]]
    function: ClassVar[str]

    def numbers(self) -> Tuple[float, ...]:
        """The attributes, less those that an operator has beside them."""
        kind = next(c for c in type(self).__mro__ if Distribution in c.__bases__)
        return tuple(getattr(self, f.name) for f in fields(kind))

    def onnx(self, g: OnnxBuilder, draw: Draw, *parameters: Any) -> Any:
        """Parameters that broadcast with the draws -> numbers of the distribution."""
        raise Unsupported(
            "ONNX has no operator that draws from this distribution; supported: uniform, normal "
            "and exponential ones. Convert to PyTorch"
        )


@dataclass(frozen=True)
class Uniform(Distribution):
    low: Single = Single(0.0)
    high: Single = Single(1.0)

    inputs = ("low", "high")
    function = "draw_uniform"

    def onnx(self, g: OnnxBuilder, draw: Draw, *parameters: Any) -> Any:
        low, high = parameters
        scaled = g.op("Mul", draw("RandomUniform"), g.op("Sub", high, low))
        return g.op("Add", scaled, low)


@dataclass(frozen=True)
class Normal(Distribution):
    loc: Single = Single(0.0)
    scale: Single = Single(1.0)

    inputs = ("mu", "sigma")
    function = "draw_normal"

    def onnx(self, g: OnnxBuilder, draw: Draw, *parameters: Any) -> Any:
        mean, deviation = parameters
        return g.op("Add", g.op("Mul", draw("RandomNormal"), deviation), mean)


@dataclass(frozen=True)
class Exponential(Distribution):
    lam: Single = Single(1.0)

    inputs = ("lam",)
    function = "draw_exponential"

    def onnx(self, g: OnnxBuilder, draw: Draw, *parameters: Any) -> Any:
        one = g.constant(np.array(1.0), dtype=g.output_type())
        above = g.op("Sub", one, draw("RandomUniform"))  # never 0
        return g.op("Neg", g.op("Div", g.op("Log", above), parameters[0]))


@dataclass(frozen=True)
class Gamma(Distribution):
    alpha: Single = Single(1.0)
    beta: Single = Single(1.0)

    inputs = ("alpha", "beta")
    function = "draw_gamma"


@dataclass(frozen=True)
class Poisson(Distribution):
    lam: Single = Single(1.0)

    inputs = ("lam",)
    function = "draw_poisson"


@dataclass(frozen=True)
class NegativeBinomial(Distribution):
    """Failures before the k-th success, which has the probability p."""

    k: int = 1
    p: Single = Single(1.0)

    inputs = ("k", "p")
    function = "draw_negative_binomial"


@dataclass(frozen=True)
class GeneralizedNegativeBinomial(Distribution):
    """By mean and dispersion; a dispersion of 0 is Poisson's distribution."""

    mu: Single = Single(1.0)
    alpha: Single = Single(1.0)

    inputs = ("mu", "alpha")
    function = "draw_by_dispersion"


DISTRIBUTIONS = {
    "uniform": Uniform,
    "normal": Normal,
    "exponential": Exponential,
    "gamma": Gamma,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
    "generalized_negative_binomial": GeneralizedNegativeBinomial,
}
