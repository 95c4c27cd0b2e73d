"""All layers of a target as a table, which page.js sorts and filters."""

from __future__ import annotations

from html import escape
from typing import Callable, List, Optional, Tuple

from .record import FAIL, Json
from .section_parts import mark
from .wording import number, one_line, shape, used

#: Heading, key, text: the columns of numbers.
NUMBERS: Tuple[Tuple[str, str, Callable[[Optional[float]], str]], ...] = (
    ("float64 error", "float64_rel", number),
    ("float64 budget used", "float64_part", used),
    ("float32 ratio", "float32_ratio", lambda v: number(v, ".3g")),
    ("float32 budget used", "float32_part", used),
    ("float32 max abs", "max_abs", number),
    ("float32 max rel", "max_rel", number),
)
