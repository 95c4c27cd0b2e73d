"""Charts as inline SVG: a number for each layer of a network, or for each nightly run.

Why not a plotting library: these charts stand in pages that load nothing and are read on a phone.
matplotlib's SVG has a fixed viewBox, so 12 px letters of a 760 px figure measure 6 px on a 375 px
screen, and a figure drawn for the phone is a poster on a desktop. Its colours are inline, so that
dark mode, marks that say what they are, and ids that two charts on a page do not share all need a
rewrite of its output; that costs 0.7 s to import and 0.6 s for the 515 layers of ResNet-152, which
this one draws in 25 ms. Vega-Altair draws by 800 kB of scripts.

This module holds the data and computes positions; chart.jinja draws them. Colours are CSS
variables (chart.css), for light and dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .record import FAIL, MEASURES, Json
from .wording import number, one_line, uncompared, used

TOP, BOTTOM = 28, 190  # pixels: where the ends of the y axis are
NO_NUMBER, ZERO = 20, 197  # marks without a number, and zeros of a logarithmic axis
TICKS = 6  # at most, about
Scale = Tuple[float, float, List[float]]  # what is at the ends, and where the ticks are
DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Precision -> what its chart shows, the unit of the numbers, and their form.
TITLES = {
    "float64": ("error, relative to the layer's magnitude", "", ".1e"),
    "float32": ("error, in multiples of MXNet's own", " times", ".3g"),
}


@dataclass(frozen=True)
class Mark:
    """One value of a series.

    Attributes:
        value: None puts the mark above the axis: its number could not be had.
        words: a description, shown when the mark is pointed at.
        low, high: the ends of its interval, if it has one.
        kind: "" as it should be; "bad", "bad worst" or "unsure", as chart.css draws them.
    """

    value: Optional[float]
    words: str = ""
    low: Optional[float] = None
    high: Optional[float] = None
    kind: str = ""


@dataclass(frozen=True)
class Series:
    """A mark for each place on the x axis; None leaves the place empty."""

    name: str
    marks: Sequence[Optional[Mark]]


@dataclass(frozen=True)
class Chart:
    """Up to two series over the same x axis.

    Attributes:
        words: what the chart shows; by default the last, least and largest of each series.
        x_label: a word or two.
        ticks: place -> its text below the x axis.
        limits: what each place is allowed, drawn as a line of steps.
        events: place -> the label of a dashed line before it.
        joined: draw lines between neighbouring marks.
    """

    title: str
    series: Sequence[Series]
    words: str = ""
    x_label: str = ""
    ticks: Mapping[int, str] = field(default_factory=dict)
    limits: Sequence[Optional[float]] = ()
    events: Mapping[int, str] = field(default_factory=dict)
    log_y: bool = False
    joined: bool = True

    @property
    def summary(self) -> str:
        """The chart for those who do not see it."""
        parts = [self.words] if self.words else []
        for series in self.series if not self.words else ():
            values = [m.value for m in series.marks if m and m.value is not None]
            if values:
                ends = (number(v, ".3g") for v in (values[-1], min(values), max(values)))
                parts.append("{}: last {}, from {} to {}".format(series.name, *ends))
        return f"{self.title}. {'; '.join(parts) or 'No numbers.'}"

    @cached_property
    def _scale(self) -> Scale:
        marks = [mark for series in self.series for mark in series.marks if mark]
        numbers = [n for m in marks for n in (m.value, m.low, m.high) if n is not None]
        numbers += [limit for limit in self.limits if limit is not None]
        return (log_scale if self.log_y else linear_scale)(numbers)

    @cached_property
    def count(self) -> int:
        """How many places there are on the x axis."""
        return max([1, *(len(series.marks) for series in self.series)])

    def x(self, place: float) -> str:
        """The middle of a place."""
        return f"{100 * (place + 0.5) / self.count:.4g}%"

    def height(self, value: Optional[float]) -> float:
        """How far down a value is."""
        if value is None:
            return NO_NUMBER
        if self.log_y and value <= 0:
            return ZERO
        low, high, _ = self._scale
        part = ((math.log10(value) if self.log_y else value) - low) / (high - low)
        return BOTTOM - part * (BOTTOM - TOP)

    def y(self, value: Optional[float]) -> str:
        """The same as an attribute."""
        return f"{self.height(value):.1f}"

    @property
    def y_ticks(self) -> List[float]:
        """Values at which the y axis has a line and a label."""
        return self._scale[2]

    def steps(self) -> Iterator[Tuple[float, float, float]]:
        """(begin, end, limit) of each run of places that have the same limit."""
        end = 0
        for limit, run in groupby(self.limits):
            begin, end = end, end + len(list(run))
            if limit is not None:
                yield begin - 0.5, end - 0.5, limit


def error_charts(target: Json) -> List[Chart]:
    """Target record -> error over depth: each layer's error against its budget, a chart for each
    precision that was judged."""
    layers: List[Json] = target["layers"]
    charts = []
    for precision in (p for p in TITLES if p in target["precisions"]):
        marks = [_mark(target, place, precision) for place in range(len(layers))]
        failed = sum("bad" in mark.kind for mark in marks if mark)
        beyond = f"{failed} of {len(layers)} layers are beyond their budget"
        silent, within = uncompared(layers), "All layers are within their budget"
        if silent:
            within += f", of those that were compared in numbers: {silent} were not"
        charts.append(
            Chart(
                f"{precision}: {TITLES[precision][0]}",
                [Series("error", marks)],
                words=beyond if failed else within,
                x_label="layer",
                ticks=_depths(len(layers)),
                limits=[layer[f"{precision}_allowed"] for layer in layers],
                log_y=True,
                joined=False,
            )
        )
    return charts


def _mark(target: Json, place: int, precision: str) -> Optional[Mark]:
    """A layer on its chart; None where there is no error to draw, as where MXNet is exact."""
    layer, (_, unit, form) = target["layers"][place], TITLES[precision]
    value, allowed, part = (
        layer[f"{precision}_{key}"] for key in (MEASURES[precision], "allowed", "part")
    )
    failed = layer["verdict"] == FAIL and (part is None or part > 1)
    if value is None and not failed:
        return None
    blamed = failed and layer["name"] in target["introduced"]
    said = "no number to judge"
    if value is not None:
        verdict = "beyond its budget" if failed else f"{used(part)} of its budget"
        verdict += ", introduced here" if blamed else ""
        said = f"{number(value, form)}{unit}, allowed {number(allowed, form)}, {verdict}"
    where = f"(layer {place + 1} of {len(target['layers'])})"
    words = f"{layer['op']} {one_line(layer['name'])} {where}\n{precision}: {said}"
    return Mark(value, words, kind="bad worst" if blamed else "bad" if failed else "")


def _depths(count: int) -> Dict[int, str]:
    """Round numbers of layers for the x axis, six at most."""
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if count <= 6 * s * 10**e)
    return {depth - 1: str(depth) for depth in range(step, count + 1, step)}


def log_scale(values: Sequence[float]) -> Scale:
    """Positive numbers -> exponents around all of them, and ticks: decades, or parts of them
    where few."""
    exponents = [math.log10(v) for v in values if v > 0] or [0.0]
    low, high = math.floor(min(exponents)), math.floor(max(exponents)) + 1
    ticks = [10.0**e for e in range(low, high + 1, math.ceil((high - low) / TICKS))]
    if high - low <= 2:
        ticks = [m * t for t in ticks for m in (1, 2, 5) if m * t <= 10.0**high]
    return low, high, ticks


def linear_scale(values: Sequence[float]) -> Scale:
    """Numbers -> round ticks around all of them."""
    least, most = (f(values, default=float(f is max)) for f in (min, max))
    width = most - least or abs(most) / 5 or 1.0
    size = 10.0 ** math.floor(math.log10(width / TICKS))
    step = next(s * size for s in (1, 2, 2.5, 5, 10, 20) if width / (s * size) <= TICKS - 2)
    first = math.floor(least / step + 1e-9)
    last = max(math.ceil(most / step - 1e-9), first + 1)
    ticks = [float(f"{k * step:.12g}") for k in range(first, last + 1)]
    return ticks[0], ticks[-1], ticks


def tick_label(value: float) -> str:
    """0.05 as it is, and 2e-7 as a product with a power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:g}"
    digits, exponent = f"{value:.3e}".split("e")
    times = f"{float(digits):g}×" if float(digits) != 1 else ""
    return f"{times}10{str(int(exponent)).translate(DIGITS)}"
