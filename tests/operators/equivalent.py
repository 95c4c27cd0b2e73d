"""Mutants that no row can kill, and why."""

from __future__ import annotations

from typing import Dict

ORDER = "of two that are alike, or of axes that go together, the order is of no account"
HALF = "float16 and float64 networks are not drawn: tests/converters has them"
WORDS = "words of an error, which no right network raises"
STATED = "states what is so by default"

#: A pattern for the outcome's text ("place: kind: note") -> the reason.
EQUIVALENT: Dict[str, str] = {
    "onnx_math.py formula: *'float*": HALF,
    "onnx_math.py exact: *float16*": HALF,
    "scalar.py ScalarOperator._number: *float16*": HALF,
    "*: parts exchanged: *merge*(lhs, rhs) -> *": ORDER,
    "shaping.py ExpandDims.infer: constant changed: *: 1 -> 2": "only the rank is read of it",
    "shaping.py SwapAxis._order: parts exchanged: *": ORDER,
    "computed.py takes: parts exchanged: *": ORDER,
    "*: part dropped: *, axis=0) -> *": STATED,
    "*: part dropped: *g.op('Flatten', *, axis=1) -> *": STATED,
    "*: parts exchanged: *show(*) -> *": WORDS,
}
