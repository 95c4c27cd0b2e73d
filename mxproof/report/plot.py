"""Error over depth: each layer's error against its budget, as SVG.

A panel is drawn in percent of its width and in pixels of its height, so that it keeps the size of
its letters at any width: the page stretches it, a file gives it a fixed frame. Colours are CSS
variables (plot.css), so that it follows light and dark.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from converters.files import atomic_write

from .record import FAIL, Json
from .wording import TARGETS, number, one_line, used

HEIGHT = 190  # of the area for points, in pixels
TOP, BOTTOM = 12, 178  # where the largest and the smallest number are
ZERO = 186  # a result that does not differ at all
WIDTH, LEFT = 760, 56  # of a frame of fixed size

DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Point:
    """A layer; `value` is None where it could not be had."""

    name: str
    op: str
    value: Optional[float]
    allowed: Optional[float]
    part: Optional[float]
    failed: bool
    blamed: bool

    @property
    def shown(self) -> bool:
        """Whatever failed, and whatever has a number."""
        return self.failed or self.value is not None


@dataclass(frozen=True)
class Panel:
    """One precision of one target."""

    precision: str
    title: str
    unit: str
    form: str
    points: Sequence[Point]

    def words(self, place: int) -> str:
        """What there is to say of a layer, in two lines."""
        p = self.points[place]
        where = f"{p.op} {one_line(p.name)} (layer {place + 1} of {len(self.points)})"
        if p.value is None:
            lost = "no number to judge" if p.failed else "MXNet is exact here"
            return f"{where}\n{self.precision}: {lost}"
        verdict = "beyond its budget" if p.failed else f"{used(p.part)} of its budget"
        verdict += ", introduced here" if p.blamed else ""
        allowed = number(p.allowed, self.form)
        value = f"{number(p.value, self.form)}{self.unit}"
        return f"{where}\n{self.precision}: {value}, allowed {allowed}, {verdict}"

    @property
    def scale(self) -> Tuple[float, float]:
        """Decades, the lowest and the highest."""
        numbers = [n for p in self.points for n in (p.value, p.allowed) if n]
        low, high = (f(map(math.log10, numbers), default=0.0) for f in (min, max))
        return float(math.floor(low)), float(math.floor(high) + 1)

    def inner(self) -> str:
        """The SVG elements, for a frame of HEIGHT pixels and any width."""
        low, high = self.scale
        y = axis(low, high)
        count = max(1, len(self.points))
        x = [f"{100 * (i + 0.5) / count:.3g}%" for i in range(len(self.points))]
        return "".join(
            (*grid(low, high, y), *_depths(count), *_budget(self.points, y), *self._marks(x, y))
        )

    def _marks(self, xs: Sequence[str], y: Callable[[Optional[float]], str]) -> Iterator[str]:
        ring = 4.5 if len(self.points) < 150 else 3
        for place, (x, point) in enumerate(zip(xs, self.points)):
            if not point.shown:
                continue
            at, title = y(point.value), f"<title>{escape(self.words(place))}</title>"
            if point.failed:
                stem = f'<line x1="{x}" x2="{x}" y1="{at}" y2="{y(point.allowed or 0)}"/>'
                dot = f'<circle cx="{x}" cy="{at}" r="{ring}"/>'
                kind = "mxp-bad mxp-first" if point.blamed else "mxp-bad"
                yield f'<g class="{kind}" data-layer="{place}">{title}{stem}{dot}</g>'
            else:
                yield (
                    f'<circle class="mxp-dot" data-layer="{place}" cx="{x}" cy="{at}" r="2.2">'
                    f"{title}</circle>"
                )


def axis(low: float, high: float) -> Callable[[Optional[float]], str]:
    """A number -> its height; what is no number is at the top, zero below the lowest."""

    def y(value: Optional[float]) -> str:
        if value is None:
            return "4"
        if value <= 0:
            return str(ZERO)
        return f"{BOTTOM - (math.log10(value) - low) / (high - low) * (BOTTOM - TOP):.1f}"

    return y


def grid(low: float, high: float, y: Callable[[Optional[float]], str]) -> Iterator[str]:
    """Lines with their numbers: decades, or parts of them where there are few."""
    step = math.ceil((high - low) / 6)
    ticks = [10.0**e for e in range(int(high), int(low) - 1, -step)]
    if high - low <= 2:
        ticks = [m * t for t in ticks for m in (1, 2, 5) if m * t <= 10.0**high]
    for tick in ticks:
        at = y(tick)
        yield f'<line class="mxp-grid" x1="0" x2="100%" y1="{at}" y2="{at}"/>'
        yield f'<text class="mxp-tick" x="-8" y="{at}" dy="4">{_decade(tick)}</text>'


def _decade(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    if -3 <= exponent <= 3:
        return f"{value:g}"
    times = round(value / 10.0**exponent)
    return f"{times}×" * (times > 1) + "10" + str(exponent).translate(DIGITS)


def _depths(count: int) -> Iterator[str]:
    """Numbers of layers below the panel."""
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if count <= 6 * s * 10**e)
    for depth in range(step, count + 1, step):
        x = f"{100 * (depth - 0.5) / count:.3g}%"
        yield f'<text class="mxp-depth" x="{x}" y="{HEIGHT + 16}">{depth}</text>'


def _budget(points: Sequence[Point], y: Callable[[Optional[float]], str]) -> Iterator[str]:
    """A line at what is allowed: steps, where layers are allowed different things."""
    runs: List[Tuple[str, int, int]] = []
    for place, point in enumerate(points):
        if point.allowed is None:
            continue
        at = y(point.allowed)
        if runs and runs[-1][0] == at:
            runs[-1] = (at, runs[-1][1], place + 1)
        else:
            runs.append((at, place, place + 1))
    for at, begin, end in runs:
        x1, x2 = (f"{100 * i / len(points):.4g}%" for i in (begin, end))
        yield f'<line class="mxp-budget" x1="{x1}" x2="{x2}" y1="{at}" y2="{at}"/>'


#: Precision, key in the record, title, unit and form of the numbers.
KINDS = (
    ("float64", "float64_rel", "error, relative to the layer's magnitude", "", ".1e"),
    ("float32", "float32_ratio", "error, in multiples of MXNet's own", " times", ".3g"),
)


def panels(target: Json) -> List[Panel]:
    """Those precisions that were judged, as panels."""
    found, introduced = [], set(target["introduced"])
    for precision, key, title, unit, form in KINDS:
        if precision not in target["precisions"]:
            continue
        points = [
            Point(
                layer["name"],
                layer["op"],
                layer[key],
                layer[f"{precision}_allowed"],
                layer[f"{precision}_part"],
                layer["verdict"] == FAIL and _beyond(layer[f"{precision}_part"]),
                layer["name"] in introduced,
            )
            for layer in target["layers"]
        ]
        found.append(Panel(precision, f"{precision}: {title}", unit, form, points))
    return found


def _beyond(part: Optional[float]) -> bool:
    return part is None or part > 1


def style() -> str:
    """Colours and lines, for whatever holds panels."""
    return Path(__file__).with_name("plot.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Plot:
    """Error over depth, to look at in a notebook and to keep.

    Attributes:
        targets: name -> its record.
    """

    model: str
    targets: Mapping[str, Json]

    def _repr_svg_(self) -> str:
        parts, y = [], 0
        for name, target in self.targets.items():
            for panel in panels(target):
                title = escape(f"{one_line(self.model)}, {TARGETS.get(name, name)}, {panel.title}")
                parts.append(
                    f'<text class="mxp-title" x="{LEFT}" y="{y + 24}">{title}</text>'
                    f'<svg x="{LEFT}" y="{y + 36}" width="{WIDTH - LEFT - 16}" height="{HEIGHT}" '
                    f'overflow="visible">{panel.inner()}</svg>'
                )
                y += HEIGHT + 76
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="mxp-plot mxp-file" role="img" '
            f'aria-label="{escape(one_line(self.model))}: error of each layer" '
            f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"><style>{style()}</style>'
            f'<rect class="mxp-paper" width="100%" height="100%"/>{"".join(parts)}</svg>'
        )

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write an .svg file."""
        with atomic_write(Path(path)) as file:
            file.write(self._repr_svg_().encode(errors="backslashreplace"))
