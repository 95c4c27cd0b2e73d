"""Functions that ONNX does not have, composed of what it has; the long ones in float64."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any, Callable, Sequence

import numpy as np

from .emit.onnx_math import OnnxExpr


def _in_double(function: Callable[[OnnxExpr], OnnxExpr]) -> Callable[[OnnxExpr], OnnxExpr]:
    """What is composed of many operators would lose too much in float32."""
    return lambda x: function(x.to("float64")).to(x.kind)


def expm1(x: OnnxExpr) -> OnnxExpr:
    """tanh(x / 2) (e^x + 1): near 0, e^x - 1 would leave nothing but rounding."""
    return (x * 0.5).op("Tanh") * (x.op("Exp") + 1)


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


def _gammaln_above_0(x: OnnxExpr) -> OnnxExpr:
    """log of sqrt(2 pi) / x (c0 + the sum of c_k / (x + k)) t^(x + 1/2) e^-t, t = x + g + 1/2."""
    terms = x.array(LANCZOS) / (x.unsqueeze(-1) + x.array(np.arange(1.0, len(LANCZOS) + 1)))
    series = terms.reduced("ReduceSum", -1) + LANCZOS_0
    t = x + (LANCZOS_G + 0.5)
    return (x + 0.5) * t.op("Log") - t + (series * math.sqrt(2 * math.pi) / x).op("Log")


@_in_double
def gammaln(x: OnnxExpr) -> OnnxExpr:
    """log |gamma(x)|; below 1/2 it is log |pi / sin(pi x)| - log gamma(1 - x)."""
    low = x < 0.5
    above = _gammaln_above_0(low.where(1 - x, x))
    sine = abs(((x - x.op("Round")) * math.pi).op("Sin"))
    return low.where((math.pi / sine).op("Log") - above, above)


@_in_double
def gamma(x: OnnxExpr) -> OnnxExpr:
    """e^gammaln(x); below 0 its sign changes at every whole number."""
    size = gammaln(x).op("Exp")
    odd = x.op("Floor").op("Mod", 2, fmod=1)  # 0 or -1 below 0
    return ((x < 0) & odd.to("bool")).where(-size, size)


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


def polynomial(x: OnnxExpr, coefficients: Sequence[float]) -> OnnxExpr:
    """c0 x^n + c1 x^(n-1) + … + cn"""
    first, *others = coefficients
    return reduce(lambda total, c: total * x + c, others, x.array(first))


@_in_double
def erfinv(x: OnnxExpr) -> OnnxExpr:
    """The normal distribution's quantile at (1 + x) / 2, over sqrt(2)."""

    def ratio(table: Any, at: OnnxExpr) -> OnnxExpr:
        return polynomial(at, table[0]) / polynomial(at, table[1])

    size = abs(x)
    half = size * 0.5
    square = half * half
    middle = half * (square * ratio(MIDDLE, square) + 1) * math.sqrt(2 * math.pi)
    y = 0.5 - half
    z = (y.op("Log") * -2).op("Sqrt")
    inverse = z.op("Reciprocal")
    tail = z - z.op("Log") * inverse - inverse * ratio(TAIL, inverse)
    tail = size.equals(1).where(x.array(math.inf), tail)
    return x.op("Sign") * (y > math.exp(-2)).where(middle, tail) * math.sqrt(0.5)
