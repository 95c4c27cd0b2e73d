"""The pytest file of a reproducer. Foreign text enters it as prose or as a literal only."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Sequence, Tuple

from converters.python_text import INDENT, WIDTH, literal, prose

from ..report.templates import require_jinja

if TYPE_CHECKING:
    import jinja2

TEST = "test_equals_mxnet"

#: Precision -> the arrays in case.npz that go with each output.
NUMBERS: Dict[str, Tuple[str, ...]] = {
    "float64": ("expected", "allowed"),
    "float32": ("expected", "allowed", "allowed_layer", "noise"),
}


def script(precision: str, **values: object) -> str:
    """The text of the file.

    Args:
        values: what reproducer.py.jinja names in its head.
    """
    numbers = NUMBERS[precision]
    return _template().render(precision=precision, numbers=numbers, test=TEST, **values)


@cache
def _template() -> jinja2.Template:
    jinja = require_jinja()
    environment: jinja2.Environment = jinja.Environment(
        loader=jinja.FileSystemLoader(Path(__file__).parent),
        undefined=jinja.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters.update(literal=literal, list_of=_list, paragraph=_paragraph, prose=prose)
    return environment.get_template("reproducer.py.jinja")


def _paragraph(text: str) -> str:
    return textwrap.fill(prose(text), WIDTH - len(INDENT), break_long_words=False)


def _list(items: Sequence[str], name: str) -> str:
    line = f"{name} = [{', '.join(map(literal, items))}]"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = [", *(f"{INDENT}{literal(item)}," for item in items), "]"])
