"""MXNet's attributes are text; a declaration's annotations say how to read each.

Source: dmlc-core include/dmlc/parameter.h (FieldEntry) and nnvm tuple.h (Tuple's operator>>).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NewType, Optional, Union, get_args, get_origin, get_type_hints

import numpy as np

Ints = tuple[int, ...]
OptionalInts = tuple[Optional[int], ...]  # (None, 3): a slice's ends
Floats = tuple[float, ...]  # of a C double each
#: A C float: a text like 0.1 means 0.100000001490116…, in float64 too.
Single = NewType("Single", float)
Singles = tuple[Single, ...]
#: Names of element types, as NumPy spells them.
DType = Literal["float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool"]

_INT = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?)(\d+))?")
_BOOLS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


class AttributeProblem(Exception):
    """An attribute that the declaration does not know, or a value it does not take."""


def parse_attributes(
    cls: type, ignores: tuple[str, ...], attrs: Mapping[str, str]
) -> dict[str, Any]:
    """Attributes as stored -> constructor arguments of the declaration `cls`.

    Hidden attributes (`__lr_mult__`, and `weight_lr_mult` of old files) are for the trainer.

    Raises:
        AttributeProblem: listing all that is unknown, missing or not allowed.
    """
    hints, required = _fields(cls)
    values: dict[str, Any] = {}
    problems = []
    for key, text in attrs.items():
        if key in ignores or _is_hidden(key):
            continue
        if key not in hints:
            allowed = ", ".join(sorted(hints)) or "none"
            problems.append(f"attribute {key}={text!r} is not known; known are: {allowed}")
            continue
        try:
            values[key] = parse_value(hints[key], text)
        except ValueError:
            problems.append(f"{key}={text!r}; supported: {describe(hints[key])}")
    problems += [f"attribute {key} is missing" for key in required if key not in attrs]
    if problems:
        raise AttributeProblem("; ".join(problems))
    return values


def _is_hidden(key: str) -> bool:
    return key.startswith("__") or key.endswith(("_lr_mult", "_wd_mult", "_ctx_group"))


@cache
def _fields(cls: type) -> tuple[dict[str, Any], tuple[str, ...]]:
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)
    required = tuple(f.name for f in fields if f.default is dataclasses.MISSING)
    return {f.name: hints[f.name] for f in fields}, required


def parse_value(kind: Any, text: str) -> Any:
    """Text -> a value of the annotated type.

    Raises:
        ValueError: the text is no such value.
    """
    text, origin, members = text.strip(), get_origin(kind), get_args(kind)
    if origin is Union:  # Optional
        return None if text == "None" else parse_value(members[0], text)
    if (origin is Literal and text in members) or kind is str:
        return text
    if origin is tuple:
        return tuple(parse_value(members[0], part) for part in _elements(text))
    if kind is bool and text in _BOOLS:
        return _BOOLS[text]
    if kind is int and _INT.fullmatch(text.rstrip("L")):
        return int(text.rstrip("L"))
    if kind in (float, Single) and math.isfinite(float(text)):
        return c_float(text) if kind is Single else float(text)
    raise ValueError(text)


def single(value: float) -> Single:
    """The C float nearest to a number."""
    return Single(float(np.float32(value)))


def c_float(text: str) -> Single:
    """The C float that MXNet reads in a text, which need not be the nearest one.

    What is before the point is rounded by itself, and so is the product with the power of ten.
    Source: dmlc-core include/dmlc/strtonum.h, ParseFloat.

    Raises:
        ValueError: the text is no number.
    """
    match = _FLOAT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    sign, whole, fraction, below, exponent = match.groups()
    digits = (fraction or "")[:19]
    value = np.float32(int(whole or 0)) + np.float32(int(digits or 0) / 10.0 ** len(digits))
    scale = np.float32(1)
    eights, ones = divmod(min(int(exponent or 0), 38), 8)
    for factor in [np.float32(1e8)] * eights + [np.float32(10)] * ones:
        scale *= factor
    value = value / scale if below == "-" else value * scale
    return Single(float(-value if sign == "-" else value))


def _elements(text: str) -> tuple[str, ...]:
    """`(1, 2)`, `[1,2]`, `(1L, 2L)` (Python 2 wrote those), or a bare `3`; None is left out."""
    if text[:1] in ("(", "[") and text[-1:] in (")", "]"):
        text = text[1:-1].strip().rstrip(",")
        return tuple(text.split(",")) if text else ()
    return () if text == "None" else tuple(text.split(","))


def describe(kind: Any) -> str:
    """The annotated type in a user's words: `NCHW, NCDHW` or `an integer or None`."""
    if get_origin(kind) is Union:
        return " or ".join(describe(k) for k in get_args(kind))
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        whole = get_args(kind)[0] in (int, Optional[int])
        return "integers in brackets" if whole else "numbers in brackets"
    names = {int: "an integer", float: "a number", Single: "a number", bool: "True, False"}
    return {**names, str: "text"}.get(kind, "None")
