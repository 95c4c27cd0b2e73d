"""`--layers`: the numbers of each layer, in the terminal."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Iterable, List, Tuple

from converters.shape import show

from ..report.sheet import Sheet
from ..report.wording import number
from ..verdict import Check, Comparison

MEASURES = {"float64": "float64 rel", "float32": "float32 ratio"}


def layer_sheets(
    model: str, comparisons: Iterable[Tuple[str, Comparison]], pattern: str
) -> List[Sheet]:
    """A table for each comparison, of the layers whose names match.

    Args:
        comparisons: (target, comparison).
        pattern: as in a shell: "stage1_*", or "*" for all.
    """
    return [
        Sheet(
            f"{model}/{target} {comparison.precision}, layers {pattern}",
            (
                *("layer", "operator", "shape", "max abs", "max rel"),
                *(MEASURES[comparison.precision], "of its budget", "verdict"),
            ),
            [
                _row(c, comparison.precision)
                for c in comparison.checks
                if fnmatchcase(c.layer, pattern)
            ],
        )
        for target, comparison in comparisons
    ]


def _row(check: Check, precision: str) -> Tuple[str, ...]:
    measured = check.rel if precision == "float64" else check.ratio
    return (
        check.layer,
        check.op,
        show(check.shape),
        number(check.max_abs, ".2g"),
        number(check.max_rel, ".2g"),
        number(measured, ".2g"),
        f"{100 * check.part:.2g} %",
        check.problem or "pass",
    )
