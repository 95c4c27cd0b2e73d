"""`--layers`: the numbers of each layer, in the terminal."""

from __future__ import annotations

from fnmatch import fnmatchcase

from converters.shape import show

from ..report.sheet import Sheet
from ..report.wording import number
from ..subject import UsageError
from ..verdict import Comparison

#: Precision -> what is measured: a heading, and an attribute of `Check`.
MEASURES = {"float64": ("float64 rel", "rel"), "float32": ("float32 ratio", "ratio")}


def layer_sheet(model: str, target: str, comparison: Comparison, pattern: str) -> Sheet:
    """A table of the layers whose names match.

    Args:
        pattern: as in a shell: "stage1_*", or "*" for all.

    Raises:
        UsageError: no layer matches.
    """
    heading, measure = MEASURES[comparison.precision]
    rows = [
        (
            *(check.layer, check.op, show(check.shape)),
            *(number(getattr(check, m), ".2g") for m in ("max_abs", "max_rel", measure)),
            f"{100 * check.part:.2g} %",
            check.problem or "pass",
        )
        for check in comparison.checks
        if fnmatchcase(check.layer, pattern)
    ]
    if not any(fnmatchcase(name, pattern) for name in comparison.expected):
        raise UsageError(f"--layers {pattern}: {model} has no such layer; see `inspect`.")
    headings = ("layer", "operator", "shape", "max abs", "max rel", heading)
    title = f"{model}/{target} {comparison.precision}, layers {pattern}"
    return Sheet(title, (*headings, "of its budget", "verdict"), rows)
