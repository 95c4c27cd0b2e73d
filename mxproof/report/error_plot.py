"""Error over depth: each layer's error against its budget, a chart for each precision."""

from __future__ import annotations

from typing import Dict, List, Optional

from .chart import Chart, Mark, Series
from .record import FAIL, MEASURES, Json
from .wording import number, one_line, used

#: Precision -> what its chart shows, the unit of the numbers, and their form.
TITLES = {
    "float64": ("error, relative to the layer's magnitude", "", ".1e"),
    "float32": ("error, in multiples of MXNet's own", " times", ".3g"),
}


def error_charts(target: Json) -> List[Chart]:
    """Target record -> a chart for each precision that was judged."""
    layers: List[Json] = target["layers"]
    charts = []
    for precision in (p for p in TITLES if p in target["precisions"]):
        marks = [_mark(target, place, precision) for place in range(len(layers))]
        failed = sum("bad" in mark.kind for mark in marks if mark)
        beyond = f"{failed} of {len(layers)} layers are beyond their budget"
        charts.append(
            Chart(
                f"{precision}: {TITLES[precision][0]}",
                [Series("error", marks)],
                words=beyond if failed else "All layers are within their budget",
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
