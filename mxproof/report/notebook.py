"""A proof in a notebook: its table and charts."""

from __future__ import annotations

from .error_plot import Plot
from .record import Json
from .templates import render


def compact(record: Json) -> str:
    """HTML to stand among other people's HTML."""
    plot = Plot(record["model"], record["targets"])._repr_svg_()
    return render("notebook.jinja", record=record, plot=plot)
