"""All layers of a target as a table, which page.js sorts and filters."""

from __future__ import annotations

from math import prod
from typing import Callable, Iterator, List, Optional, Set, Tuple

from .markup import mark, text
from .record import FAIL, Json
from .wording import number, shape, used

Form = Callable[[Optional[float]], str]

#: Heading, key in the record, form.
NUMBERS: Tuple[Tuple[str, str, Form], ...] = (
    ("float64 error", "float64_rel", number),
    ("float64 budget used", "float64_part", used),
    ("float32 ratio", "float32_ratio", lambda value: number(value, ".3g")),
    ("float32 budget used", "float32_part", used),
    ("float32 max abs", "max_abs", number),
    ("float32 max rel", "max_rel", number),
)
HEADINGS = ("#", "layer", "operator", "shape", *(heading for heading, _, _ in NUMBERS), "verdict")


def layers_table(target: Json, title: str, key: str, *, opened: bool) -> str:
    """The table, with what filters it."""
    layers: List[Json] = target["layers"]
    if not layers:
        return "<p>No layer was compared.</p>"
    introduced = set(target["introduced"])
    notes = list(dict.fromkeys(layer["note"] for layer in layers if layer["note"]))
    rows = "".join(_row(i, layer, key, introduced, notes) for i, layer in enumerate(layers))
    below = "".join(f"<li>{text(note)}</li>" for note in notes)
    explained = f'<p class="soft">Notes:</p><ol class="notes">{below}</ol>' if notes else ""
    head = "".join(
        f'<th scope="col"><button type="button">{text(h)}<span aria-hidden="true"></span></button>'
        "</th>"
        for h in HEADINGS
    )
    return (
        f"<details{' open' if opened else ''}><summary>All {len(layers)} layers in {text(title)}"
        f'</summary><div class="layers" id="{key}">{_filters(layers, key)}'
        f'<div class="wide tall" tabindex="0" role="region" aria-label="Layers in {text(title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{explained}</div></details>"
    )


def _filters(layers: List[Json], key: str) -> str:
    operators = sorted({layer["op"] for layer in layers})
    options = "".join(f"<option>{text(op)}</option>" for op in operators)
    return (
        f'<form class="filters" role="search"><label>Name<input type="search" name="name" '
        'autocomplete="off" spellcheck="false"></label>'
        f'<label>Operator<select name="op"><option value="">all</option>{options}</select></label>'
        '<label>Verdict<select name="verdict"><option value="">all</option>'
        '<option value="pass">pass</option><option value="fail">fail</option>'
        '<option value="introduced">introduced a difference</option></select></label>'
        f'<output role="status" aria-live="polite" id="{key}-count">{len(layers)} of '
        f"{len(layers)} layers</output></form>"
    )


def _row(place: int, layer: Json, key: str, introduced: Set[str], notes: List[str]) -> str:
    blamed = layer["name"] in introduced
    failed = layer["verdict"] == FAIL
    why = layer["alone"] or layer["problem"] if blamed or failed else None
    note = f"note {1 + notes.index(layer['note'])}" if layer["note"] else None
    said = "".join(f"<small>{text(words)}</small>" for words in (why, note) if words)
    verdict = mark(layer["verdict"], words=True) + ("<small>introduced</small>" if blamed else "")
    order = (2 if blamed else 1) if blamed or failed else 0
    state = "introduced fail" if blamed else layer["verdict"]
    sizes = layer["shape"]
    name = text(layer["name"]).replace("_", "_<wbr>")  # where a long one may be broken
    return (
        f'<tr id="{key}-{place}" data-verdict="{state}"><td>{place + 1}</td>'
        f'<th scope="row"><span>{name}</span>{said}</th><td>{text(layer["op"])}</td>'
        f'<td data-value="{prod(sizes)}">{text(shape(sizes))}</td>{"".join(_numbers(layer))}'
        f'<td data-value="{order}">{verdict}</td></tr>'
    )


def _numbers(layer: Json) -> Iterator[str]:
    """Cells; what could not be had is the worst where the layer failed, and the least otherwise."""
    for _, key, form in NUMBERS:
        value = layer[key]
        lost = "Infinity" if layer["verdict"] == FAIL else "-1"
        exact = lost if value is None else repr(value)
        yield f'<td data-value="{exact}">{form(value)}</td>'
