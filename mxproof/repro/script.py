"""The pytest file of a reproducer. Foreign text enters it as prose or as a literal only."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Mapping, Sequence, Tuple

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


def script(
    target: str,
    precision: str,
    subject: str,
    about: Mapping[str, str],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> str:
    """The text of the file.

    Args:
        subject: what is tested, e.g. "BatchNorm 'bn1'".
        about: for the docstring: sentence -> a command that goes with it, or "".
        inputs: the values that the piece reads.
        outputs: a title for each of its outputs.
    """
    return _template().render(
        target=target,
        precision=precision,
        subject=subject,
        about=_docstring(about),
        inputs=inputs,
        outputs=outputs,
        numbers=NUMBERS[precision],
        test=TEST,
    )


@cache
def _template() -> jinja2.Template:
    jinja = require_jinja()
    environment: jinja2.Environment = jinja.Environment(
        loader=jinja.FileSystemLoader(Path(__file__).parent),
        undefined=jinja.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters.update(literal=literal, list_of=_list)
    return environment.get_template("reproducer.py.jinja")


def _docstring(about: Mapping[str, str]) -> str:
    parts = []
    for sentence, command in about.items():
        lines = textwrap.wrap(prose(sentence), WIDTH - len(INDENT), break_long_words=False)
        parts.append("\n".join([*lines, *(["", INDENT + prose(command)] if command else [])]))
    return "\n\n".join(parts)


def _list(items: Sequence[str], name: str) -> str:
    line = f"{name} = [{', '.join(map(literal, items))}]"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = [", *(f"{INDENT}{literal(item)}," for item in items), "]"])
