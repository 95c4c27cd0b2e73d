"""Jinja2 templates for HTML and Markdown. All text that a template prints comes out as text.

Names of layers, messages and file names are foreign: each is put on one line, without control
codes, and escaped for what it is printed into, with no filter that a template could forget.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from ..errors import require
from . import wording
from .chart import error_charts, tick_label

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent


def require_jinja() -> Any:
    """Import Jinja2; raises a UsageError where it is not installed."""
    return require("jinja2", "report", "reports are written with Jinja2, which")


def render(template: str, **values: object) -> str:
    """The text of a template in this folder; a name in .md.jinja prints Markdown, others HTML.

    Raises:
        UsageError: Jinja2 is not installed.
    """
    found = environment(markdown=template.endswith(".md.jinja"))
    return found.get_template(template).render(values)


@cache
def environment(*, markdown: bool = False, folder: Optional[Path] = None) -> jinja2.Environment:
    """Jinja2 with this folder's templates, and all of `wording` for globals.

    Args:
        folder: more templates, which may extend base.jinja and import parts.jinja.
    """
    jinja = require_jinja()
    from markupsafe import Markup

    as_text = escape_markdown if markdown else wording.one_line

    def finalize(value: object) -> str:
        return value if isinstance(value, Markup) else as_text(str(value))

    loader = jinja.FileSystemLoader([HERE] if folder is None else [folder, HERE])
    found: jinja2.Environment = jinja.Environment(
        loader=loader,
        autoescape=not markdown,
        finalize=finalize,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def source(name: str) -> str:
        """A style sheet or script beside the templates."""
        return Markup(loader.get_source(found, name)[0])

    found.globals.update({k: v for k, v in vars(wording).items() if not k.startswith("_")})
    found.globals.update(source=source, digest=digest)
    found.globals.update(error_charts=error_charts, tick_label=tick_label)
    found.filters.update(prod=prod, one_line=wording.one_line, uncompared=wording.uncompared)
    return found


def escape_markdown(foreign: str) -> str:
    """No markup, no link, no HTML, and no cell of its own."""
    line = escape(wording.one_line(foreign), quote=False)
    return re.sub(r"[\\`*_{}\[\]#|!~$@]|:(?=//)|(?<=www)\.", r"\\\g<0>", line)


def digest(script: str) -> str:
    """A script as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
