"""Error over depth: each layer's error against its budget, a chart for each precision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from converters.files import atomic_write

from .chart import HEIGHT, Chart, Mark, Series, style
from .record import FAIL, Json
from .wording import TARGETS, number, one_line, used

WIDTH, LEFT, TITLE = 760, 60, 36  # pixels of an .svg file: its width, and the space around a chart


class Measure(NamedTuple):
    """What one precision measures: its key in the record, and how its numbers read."""

    precision: str
    key: str
    title: str
    unit: str
    form: str


MEASURES = (
    Measure("float64", "float64_rel", "error, relative to the layer's magnitude", "", ".1e"),
    Measure("float32", "float32_ratio", "error, in multiples of MXNet's own", " times", ".3g"),
)


def error_charts(target: Json) -> List[Chart]:
    """Target record -> a chart for each precision that was judged."""
    layers: List[Json] = target["layers"]
    charts = []
    for measure in (m for m in MEASURES if m.precision in target["precisions"]):
        marks = [_mark(target, place, measure) for place in range(len(layers))]
        failed = sum("bad" in mark.kind for mark in marks if mark)
        beyond = f"{failed} of {len(layers)} layers are beyond their budget"
        charts.append(
            Chart(
                f"{measure.precision}: {measure.title}",
                [Series("error", marks)],
                words=beyond if failed else "All layers are within their budget",
                x_label="layer",
                ticks=_depths(len(layers)),
                limits=[layer[f"{measure.precision}_allowed"] for layer in layers],
                log_y=True,
                joined=False,
            )
        )
    return charts


def legend(chart: Chart) -> List[Tuple[str, str]]:
    """(class of its sign, words) for what is on the chart."""
    kinds = {mark.kind for mark in chart.series[0].marks if mark}
    beyond = [("ring", "beyond")] if kinds & {"bad", "bad worst"} else []
    introduced = [("ring full", "introduced here")] if "bad worst" in kinds else []
    return [("series-0", "within budget"), *beyond, *introduced, ("rule", "budget")]


def _mark(target: Json, place: int, measure: Measure) -> Optional[Mark]:
    """A layer on its chart; None where there is no error to draw, as where MXNet is exact."""
    layer, precision = target["layers"][place], measure.precision
    part, value = layer[f"{precision}_part"], layer[measure.key]
    failed = layer["verdict"] == FAIL and (part is None or part > 1)
    if value is None and not failed:
        return None
    blamed = failed and layer["name"] in target["introduced"]
    where = f"(layer {place + 1} of {len(target['layers'])})"
    said = "no number to judge"
    if value is not None:
        allowed = number(layer[f"{precision}_allowed"], measure.form)
        verdict = "beyond its budget" if failed else f"{used(part)} of its budget"
        verdict += ", introduced here" if blamed else ""
        said = f"{number(value, measure.form)}{measure.unit}, allowed {allowed}, {verdict}"
    words = f"{layer['op']} {one_line(layer['name'])} {where}\n{precision}: {said}"
    return Mark(value, words, kind="bad worst" if blamed else "bad" if failed else "")


def _depths(count: int) -> Dict[int, str]:
    """Round numbers of layers for the x axis, six at most."""
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if count <= 6 * s * 10**e)
    return {depth - 1: str(depth) for depth in range(step, count + 1, step)}


@dataclass(frozen=True)
class Plot:
    """Error over depth, to look at in a notebook or to save.

    Attributes:
        targets: name -> its record.
    """

    model: str
    targets: Mapping[str, Json]

    def _repr_svg_(self) -> str:
        charts = list(self._charts())
        height = len(charts) * (HEIGHT + 2 * TITLE)
        label = escape(f"{one_line(self.model)}: error of each layer")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart-file" role="img" '
            f'aria-label="{label}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}"><style>{style()}</style>'
            f'<rect class="chart-paper" width="100%" height="100%"/>{"".join(charts)}</svg>'
        )

    def _charts(self) -> Iterator[str]:
        titled = [(n, c) for n, target in self.targets.items() for c in error_charts(target)]
        for place, (name, chart) in enumerate(titled):
            y = place * (HEIGHT + 2 * TITLE)
            title = f"{one_line(self.model)}, {TARGETS.get(name, name)}, {chart.title}"
            yield (
                f'<text class="chart-title" x="8" y="{y + 24}">{escape(title)}</text>'
                f'<svg x="{LEFT}" y="{y + TITLE}" width="{WIDTH - LEFT - 16}" '
                f'height="{HEIGHT}" overflow="visible">{chart.elements()}</svg>'
            )

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write an .svg file."""
        with atomic_write(Path(path)) as file:
            file.write(self._repr_svg_().encode(errors="backslashreplace"))
