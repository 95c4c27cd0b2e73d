"""Names, literals, comments and line breaks of Python source.

Every foreign word passes through here on its way into a file: nothing of a checkpoint becomes
code, and what comes out reads as if `ruff format` had been over it.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from dataclasses import dataclass
from typing import Any, Collection, List, Sequence, Tuple

WIDTH = 100
INDENT = "    "

_MODULE = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules
named_parameters parameters register_backward_hook register_buffer register_forward_hook
register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
zero_grad self torch nn F
"""
#: Attributes of nn.Module that no layer may be called (a test holds this to torch).
RESERVED = frozenset(_MODULE.split())
VARIABLES = ("x", "y", "z", "u", "v", "w")
#: What the emitted file itself imports under a capital letter.
IMPORTED = ("F", "Path")


@dataclass(frozen=True)
class Argument:
    """A constructor argument of a block's class, in place of a literal."""

    name: str


def _distinct(base: str, taken: Collection[str], between: str = "") -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}{between}{number}"
    return name


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """Any text -> a Python name in ASCII that is not in `taken`.

    No name begins with an underscore: nn.Module keeps its own state under such names.
    """
    text = re.sub(r"[^A-Za-z0-9_]", "_", re.sub(r"_fwd$", "", name)).lstrip("_")
    if not text or text[0].isdigit():
        text = f"n{text}"
    if keyword.iskeyword(text) or text in RESERVED or text in VARIABLES:
        text += "_"
    return _distinct(text, taken, "_")


def class_name(words: Sequence[str], taken: Collection[str] = ()) -> str:
    """Words in ASCII -> the name of a class that is not in `taken`: `Resnet18`."""
    text = "".join(w[:1].upper() + w[1:] for w in words)
    if not text[:1].isalpha() or keyword.iskeyword(text) or text in IMPORTED:
        text = f"Net{text}"
    return _distinct(text, taken)


def literal(value: Any) -> str:
    """A number, text or a tuple of them as source.

    Raises:
        TypeError, ValueError: anything else, and what has no literal (nan, infinity).
    """
    if isinstance(value, Argument):
        return value.name
    if isinstance(value, str):
        quoted = json.dumps(value, ensure_ascii=False)
        return quoted.encode("ascii", "backslashreplace").decode()
    if not isinstance(value, (bool, int, float, tuple)):
        raise TypeError(f"{type(value).__name__} is no literal")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no literal")
    return repr(value)


def prose(text: str) -> str:
    """Any text for a comment or a docstring: ASCII, one line, and it ends neither."""
    # JSON has surrogates for these, and CPython 3.13 compiles no docstring with one.
    plain = re.sub("[\ud800-\udfff\U00010000-\U0010ffff]", lambda m: f"U+{ord(m[0]):04X}", text)
    return json.dumps(plain)[1:-1].replace('\\"', "'")


def with_comment(line: str, text: str, width: int) -> List[str]:
    """The line with a comment behind it, or above it where that would be too long."""
    whole = f"{line}  # {prose(text)}"
    return [whole] if len(whole) <= width else [f"# {prose(text)}", *wrap(line, width)]


def signature(name: str, parameters: Sequence[str], returned: str, width: int) -> List[str]:
    """`def name(parameters) -> returned:` as `ruff format` lays it out."""
    joined = ", ".join(parameters)
    whole = f"def {name}({joined}) -> {returned}:"
    if len(whole) <= width:
        return [whole]
    fits = len(INDENT + joined) <= width
    inside = [joined] if fits else [f"{parameter}," for parameter in parameters]
    return [f"def {name}(", *(INDENT + line for line in inside), f") -> {returned}:"]


def wrap(line: str, width: int) -> List[str]:
    """A line of code as `ruff format` lays it out (it holds no brackets within quotes).

    Whole if it fits; else what its last brackets hold goes on a line of its own; else every
    item does.
    """
    if len(line) <= width:
        return [line]
    if line.startswith("return "):
        return ["return (", *(f"{INDENT}{value}," for value in line[7:].split(", ")), ")"]
    head, items, tail = _last_brackets(line)
    if not any(items):
        return [line]
    inside, room = [", ".join(items)], width - len(INDENT)
    if len(inside[0]) > room:
        comma = "," if len(items) > 1 else ""
        inside = [part for item in items for part in wrap(item + comma, room)]
    return [head, *(INDENT + part for part in inside), tail]


def _last_brackets(line: str) -> Tuple[str, List[str], str]:
    """(What comes before the contents of the last brackets, their items, what comes after)."""
    end = stop = max(line.rfind(")"), line.rfind("]"))
    items: List[str] = []
    depth = 0
    for i in range(end, -1, -1):
        depth += (line[i] in ")]") - (line[i] in "([")
        if depth == 0 or (depth == 1 and line[i] == ","):
            items.insert(0, line[i + 1 : stop].strip())
            stop = i
        if depth == 0:
            break
    return line[: stop + 1], items, line[end:]


def indented(lines: Sequence[str], levels: int) -> List[str]:
    return [INDENT * levels + line for line in lines]
