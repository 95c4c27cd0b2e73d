"""Numbers over nights, as SVG: in percent of its width and pixels of its height, as report/plot.py
draws errors over layers, so that letters keep their size at any width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from mxproof.report.plot import BOTTOM, HEIGHT, TOP, axis, grid
from mxproof.report.wording import number, one_line

Y = Callable[[Optional[float]], str]
LINES = 6  # of a grid, at most
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Mark:
    """One number of one night.

    Attributes:
        low, high: its interval, if it has one.
        kind: "" as it should be; "bad", or "unsure".
    """

    value: float
    words: str
    low: Optional[float] = None
    high: Optional[float] = None
    kind: str = ""


@dataclass(frozen=True)
class Series:
    """A mark for each night, None where there was no number."""

    name: str
    marks: Sequence[Optional[Mark]]


@dataclass(frozen=True)
class Chart:
    """Several series over the same nights.

    Attributes:
        dates: of the nights.
        changes: nights in which versions changed, and the number of the change.
        logarithmic: decades; else from the smallest number to the largest.
        line: a number to compare with.
    """

    title: str
    series: Sequence[Series]
    dates: Sequence[str]
    changes: Sequence[Tuple[int, int]] = ()
    logarithmic: bool = False
    line: Optional[float] = None
    form: str = ".3g"

    @property
    def numbers(self) -> List[float]:
        marks = [mark for series in self.series for mark in series.marks if mark]
        return [n for m in marks for n in (m.value, m.low, m.high) if n is not None]

    @property
    def words(self) -> str:
        """What is seen at a glance, for those who do not see."""
        said = []
        for series in self.series:
            values = [mark.value for mark in series.marks if mark]
            if values:
                least, most, last = (number(v, self.form) for v in (*_range(values), values[-1]))
                said.append(f"{series.name}: last {last}, from {least} to {most}")
        return one_line(f"{self.title}. {'; '.join(said) or 'no numbers'}")

    def svg(self) -> str:
        """The whole picture."""
        y, lines = self._scale()
        parts = [*lines, *self._changes(), *self._dates(), *self._line(y)]
        for place, series in enumerate(self.series):
            parts.append(f'<g class="mxt-{place}">{"".join(self._drawn(series, place, y))}</g>')
        size = f'width="100%" height="{HEIGHT + 24}"'
        label = f'role="img" aria-label="{escape(self.words)}"'
        return f"<svg {size} {label}>{''.join(parts)}</svg>"

    def _scale(self) -> Tuple[Y, List[str]]:
        numbers = [*self.numbers, *([self.line] if self.line is not None else [])]
        if self.logarithmic:
            above = [math.log10(n) for n in numbers if n > 0] or [0.0]
            low, high = math.floor(min(above)), math.floor(max(above)) + 1
            y = axis(low, high)
            return y, [*grid(low, high, y)]
        ticks = ticks_of(*_range(numbers or [0.0, 1.0]))
        least, most = ticks[0], ticks[-1]

        def linear(value: Optional[float]) -> str:
            return f"{BOTTOM - ((value or 0.0) - least) / (most - least) * (BOTTOM - TOP):.1f}"

        return linear, [
            f'<line class="mxp-grid" x1="0" x2="100%" y1="{linear(t)}" y2="{linear(t)}"/>'
            f'<text class="mxp-tick" x="-8" y="{linear(t)}" dy="4">{t:g}</text>'
            for t in ticks
        ]

    def _x(self, night: float) -> str:
        return f"{100 * (night + 0.5) / max(1, len(self.dates)):.4g}%"

    def _changes(self) -> Iterator[str]:
        for night, label in self.changes:
            x = self._x(night - 0.5)
            yield f'<line class="mxt-change" x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}"/>'
            yield f'<text class="mxt-label" x="{x}" dx="4" y="10">{label}</text>'

    def _dates(self) -> Iterator[str]:
        """The first and the last."""
        places = {0: "start", len(self.dates) - 1: "end"} if len(self.dates) > 1 else {0: "middle"}
        for night, anchor in places.items() if self.dates else ():
            day = escape(one_line(self.dates[night][:10]))
            x = {"start": "0", "end": "100%", "middle": "50%"}[anchor]
            yield f'<text x="{x}" y="{HEIGHT + 18}" text-anchor="{anchor}">{day}</text>'

    def _line(self, y: Y) -> Iterator[str]:
        if self.line is not None:
            at = y(self.line)
            yield f'<line class="mxp-budget" x1="0" x2="100%" y1="{at}" y2="{at}"/>'

    def _drawn(self, series: Series, place: int, y: Y) -> Iterator[str]:
        before: Optional[Tuple[int, float]] = None
        for night, mark in enumerate(series.marks):
            if mark and before and before[0] == night - 1:
                ends = f'x1="{self._x(before[0])}" x2="{self._x(night)}"'
                yield f'<line {ends} y1="{y(before[1])}" y2="{y(mark.value)}"/>'
            before = (night, mark.value) if mark else None
        for night, mark in enumerate(series.marks):
            if mark:
                yield _marked(mark, self._x(night), y, place)


def _marked(mark: Mark, x: str, y: Y, place: int) -> str:
    """A circle, or a square for the second series: colour alone tells nobody enough."""
    at, title = y(mark.value), f"<title>{escape(mark.words)}</title>"
    reach = ""
    if mark.low is not None and mark.high is not None:
        reach = (
            f'<line class="mxt-reach" x1="{x}" x2="{x}" y1="{y(mark.low)}" y2="{y(mark.high)}"/>'
        )
    shape = f'<circle cx="{x}" cy="{at}" r="3"/>'
    if place == 1:
        shape = f'<svg x="{x}" y="{at}" overflow="visible"><path d="M-3-3h6v6h-6z"/></svg>'
    return f'<g class="mxt-mark {mark.kind}">{title}{reach}{shape}</g>'


def ticks_of(least: float, most: float) -> List[float]:
    """Round numbers around all of them."""
    width = most - least or abs(most) / 5 or 1.0
    size = 10.0 ** math.floor(math.log10(width / LINES))
    step = next(s * size for s in (*STEPS, 20.0) if width / (s * size) <= LINES - 2)
    first = math.floor(least / step + 1e-9)
    last = max(math.ceil(most / step - 1e-9), first + 1)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def _range(values: Sequence[float]) -> Tuple[float, float]:
    return min(values), max(values)


def spark(counts: Sequence[float]) -> str:
    """A little line, beside the numbers that say the same."""
    least, most = _range(counts) if counts else (0.0, 0.0)
    points = [
        f"{2 + 156 * i / max(1, len(counts) - 1):.1f},"
        f"{24 - 20 * ((c - least) / (most - least) if most > least else 0.5):.1f}"
        for i, c in enumerate(counts)
    ]
    if len(points) == 1:
        points.append(f"158,{points[0].partition(',')[2]}")
    return (
        '<svg class="mxt-spark" width="160" height="28" aria-hidden="true">'
        f'<polyline points="{" ".join(points)}"/></svg>'
    )
