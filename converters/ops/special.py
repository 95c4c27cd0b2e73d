"""Functions that ONNX does not have, composed of what it has; the long ones in float64."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from .arithmetic import Arithmetic


def _in_double(formula: Callable[[Arithmetic, Any], Any]) -> Callable[[Arithmetic, Any], Any]:
    """What is composed of many operators would lose too much in float32."""

    def build(a: Arithmetic, x: Any) -> Any:
        if a.type == "float64":
            return formula(a, x)
        wide = a.copy("float64")
        return a.g.cast(formula(wide, a.g.cast(x, "float64")), a.type)

    return build


def expm1(a: Arithmetic, x: Any) -> Any:
    """tanh(x / 2) (e^x + 1): near 0, e^x - 1 would leave nothing but rounding."""
    half = a.op("Tanh", a.op("Mul", x, a.number(0.5)))
    return a.op("Mul", half, a.op("Add", a.op("Exp", x), a.number(1)))


#: Coefficients of P. Godfrey's for the approximation of C. Lanczos with g = 607 / 128.
# fmt: off
LANCZOS = (
    57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
    -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4,
    -0.98374475304879564677e-4, 0.15808870322491248884e-3, -0.21026444172410488319e-3,
    0.21743961811521264320e-3, -0.16431810653676389022e-3, 0.84418223983852743293e-4,
    -0.26190838401581408670e-4, 0.36899182659531622704e-5,
)
# fmt: on
LANCZOS_0, LANCZOS_G = 0.99999999999999709182, 607 / 128


def _gammaln_above_0(a: Arithmetic, x: Any) -> Any:
    """log of sqrt(2 pi) / x (c0 + the sum of c_k / (x + k)) t^(x + 1/2) e^-t, t = x + g + 1/2."""
    row = a.op("Unsqueeze", x, a.g.ints((-1,)))
    steps = a.op("Add", row, a.numbers(np.arange(1.0, len(LANCZOS) + 1)))
    terms = a.op("Div", a.numbers(np.array(LANCZOS)), steps)
    series = a.op("Add", a.g.reduce("ReduceSum", terms, (-1,), False), a.number(LANCZOS_0))
    log = a.op("Log", a.op("Div", a.op("Mul", series, a.number(math.sqrt(2 * math.pi))), x))
    t = a.op("Add", x, a.number(LANCZOS_G + 0.5))
    power = a.op("Mul", a.op("Add", x, a.number(0.5)), a.op("Log", t))
    return a.op("Add", a.op("Sub", power, t), log)


@_in_double
def gammaln(a: Arithmetic, x: Any) -> Any:
    """log |gamma(x)|; below 1/2 it is log |pi / sin(pi x)| - log gamma(1 - x)."""
    low = a.op("Less", x, a.number(0.5))
    above = _gammaln_above_0(a, a.op("Where", low, a.op("Sub", a.number(1), x), x))
    part = a.op("Sub", x, a.op("Round", x))
    sine = a.op("Abs", a.op("Sin", a.op("Mul", part, a.number(math.pi))))
    reflected = a.op("Sub", a.op("Log", a.op("Div", a.number(math.pi), sine)), above)
    return a.op("Where", low, reflected, above)


@_in_double
def gamma(a: Arithmetic, x: Any) -> Any:
    """e^gammaln(x); below 0 its sign changes at every whole number."""
    size = a.op("Exp", gammaln(a, x))
    odd = a.op("Mod", a.op("Floor", x), a.number(2), fmod=1)  # 0 or -1 below 0
    negative = a.op("And", a.op("Less", x, a.number(0)), a.truth(odd))
    return a.op("Where", negative, a.op("Neg", size), size)


#: Of Cephes' ndtri, as in MXNet: the quantile of the normal distribution
#: in the middle, by squares of y - 1/2, …
# fmt: off
MIDDLE = (
    (
        -5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
        1.39312609387279679503e1, -1.23916583867381258016e0,
    ),
    (
        1.0, 1.95448858338141759834e0, 4.67627912898881538453e0,
        8.63602421390890590575e1, -2.25462687854119370527e2, 2.00260212380060660359e2,
        -8.20372256168333339912e1, 1.59056225126211695515e1, -1.18331621121330003142e0,
    ),
)
#: … and below e^-2, by 1 / z, where z = sqrt(-2 log y) is at most 8.
TAIL = (
    (
        4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1,
        4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0,
        -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4,
    ),
    (
        1.0, 1.57799883256466749731e1, 4.53907635128879210584e1,
        4.13172038254672030440e1, 1.50425385692907503408e1, 2.50464946208309415979e0,
        -1.42182922854787788574e-1, -3.80806407691578277194e-2, -9.33259480895457427372e-4,
    ),
)
# fmt: on


@_in_double
def erfinv(a: Arithmetic, x: Any) -> Any:
    """The normal distribution's quantile at (1 + x) / 2, over sqrt(2)."""

    def ratio(table: Any, at: Any) -> Any:
        return a.op("Div", a.polynomial(at, *table[0]), a.polynomial(at, *table[1]))

    size = a.op("Abs", x)
    half = a.op("Mul", size, a.number(0.5))
    square = a.op("Mul", half, half)
    series = a.op("Add", a.op("Mul", square, ratio(MIDDLE, square)), a.number(1))
    middle = a.op("Mul", a.op("Mul", half, series), a.number(math.sqrt(2 * math.pi)))
    y = a.op("Sub", a.number(0.5), half)
    z = a.op("Sqrt", a.op("Mul", a.op("Log", y), a.number(-2)))
    inverse = a.op("Reciprocal", z)
    near = a.op("Sub", z, a.op("Mul", a.op("Log", z), inverse))
    tail = a.op("Sub", near, a.op("Mul", inverse, ratio(TAIL, inverse)))
    end = a.op("Equal", size, a.number(1))
    tail = a.op("Where", end, a.number(math.inf), tail)
    chosen = a.op("Where", a.op("Greater", y, a.number(math.exp(-2))), middle, tail)
    return a.op("Mul", a.op("Mul", a.op("Sign", x), chosen), a.number(math.sqrt(0.5)))
