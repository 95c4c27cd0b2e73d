"""Records in words and numbers: what the terminal, the page and Markdown say alike."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..outputs import DIFFERS, EQUAL, UNDECIDED
from ..proof import PRECISIONS
from .record import FAIL, INCOMPLETE, MEASURES, ORDER, PASS, Json

NONE = "–"
TOP = {EQUAL: "equal", UNDECIDED: "too close to tell", DIFFERS: "differs"}
SIGNS = {PASS: "✓", FAIL: "✗", INCOMPLETE: "…"}
VERDICTS = {PASS: "pass", FAIL: "FAIL", INCOMPLETE: "incomplete"}
HEADLINES = {PASS: "Proven equal", FAIL: "Not equal", INCOMPLETE: "Not judged as a whole"}
TARGETS = {"onnx": "ONNX", "pytorch": "PyTorch"}
FUNCTIONS = {PASS: "same function", FAIL: "another function", INCOMPLETE: "not judged"}
RUNTIMES = {"mxnet": "MXNet", "onnxruntime": "onnxruntime", "pytorch": "PyTorch"}


def one_line(text: str) -> str:
    """Foreign text in one line, without control codes."""
    line = re.sub(r"\s*[\r\n]\s*", " ", text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def number(value: Optional[float], form: str = ".1e") -> str:
    if value is None:
        return NONE
    return format(value, form) if value else "0"


def used(part: Optional[float]) -> str:
    """A part of a budget: 0.004 -> "0.4 %", 3e6 -> "3.0e+06 times"."""
    if part is None:
        return NONE
    return f"{100 * part:.3g} %" if part < 10 else f"{part:.2g} times"


def worst(target: Json, precision: str) -> Tuple[Optional[float], str]:
    """The largest error of a layer, relative or as a ratio, and that layer; a layer whose result
    could not be judged in numbers is worse than any."""
    key = f"{precision}_{MEASURES[precision]}"
    rows: List[Json] = target["layers"] if precision in target["precisions"] else []
    broken = [c for c in rows if c["verdict"] == FAIL and c[f"{precision}_part"] is None]
    judged = [c for c in rows if c[key] is not None]
    found = broken[0] if broken else max(judged, key=lambda c: float(c[key]), default=None)
    return (found[key], one_line(found["name"])) if found else (None, "")


#: What is said of a target, beside its name and verdict.
SUMMARY = (
    "function",
    "precision",
    "layers",
    "output max abs",
    "output max rel",
    "top-1",
    "stored numbers",
    "float64 rel, worst layer",
    "float32 ratio, worst layer (median)",
)


def precision_words(target: Json) -> str:
    """The verdict on the precision, in words."""
    if target["precision"] != FAIL:
        return "as precise" if target["precision"] == PASS else "not judged"
    count = len(target["less_precise"])
    return "less precise" + (f" in {layer_count(count)}" if count else "")


def layer_count(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def summary(target: Json) -> List[Tuple[str, str]]:
    """(heading, text), as SUMMARY lists them."""
    output: Dict[str, Any] = target["output"] or {}
    (rel, layer), (ratio, noisiest) = (worst(target, p) for p in PRECISIONS)
    median = target["precisions"].get("float32", {}).get("median_ratio")
    texts = (
        FUNCTIONS[target["function"]],
        precision_words(target),
        str(len(target["layers"])),
        number(output.get("max_abs")),
        number(output.get("max_rel")),
        TOP[output["top1"]] if output else NONE,
        stored_words(target["stored"]),
        f"{number(rel)} {layer}".strip(),
        f"{number(ratio, '.2f')} {noisiest} ({number(median, '.2f')})".replace("  ", " "),
    )
    return list(zip(SUMMARY, texts))


def stored_words(stored: Optional[Json]) -> str:
    """How many of the stored numbers are in the file, bit for bit."""
    if stored is None:
        return "not compared"
    exact, total = stored["equal"] + stored["rearranged"], stored["numbers"]
    if stored["different"]:
        return f"{exact:,} of {total:,}"
    reasons = ", ".join(sorted(set(stored["exempt"].values())))
    return f"all {exact:,}" + (f" but {total - exact:,} ({reasons})" if reasons else "")


def verdict_of(records: Sequence[Json], run: Optional[Json] = None) -> str:
    """The worst; where nothing was compared, nothing is proven."""
    found: List[str] = [record["verdict"] for record in records] or [INCOMPLETE]
    found += [run["verdict"]] if run else []
    return max(found, key=ORDER.index)


def headline_of(records: Sequence[Json], verdict: str) -> str:
    """The verdict in two words; not all that fails is a layer."""
    failed = [t for r in records for t in r["targets"].values() if t["verdict"] == FAIL]
    if verdict != FAIL or any(target["function"] == FAIL for target in failed):
        return HEADLINES[verdict]
    return "Less precise" if failed else "Failed"


def counted(records: Sequence[Json]) -> str:
    """How many models there are of each verdict."""
    counts = Counter(record["verdict"] for record in records)
    words = {FAIL: "failed", INCOMPLETE: "not judged as a whole", PASS: "proven equal"}
    said = ", ".join(f"{counts[v]} {text}" for v, text in words.items() if counts[v])
    return f"Of {models(len(records))}: {said}." if said else "No model was compared."


def models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def by_verdict(records: Sequence[Json]) -> List[Tuple[int, Json, str, Json]]:
    """(place of the record, record, target's name, target), failed targets first."""
    rows = [(i, r, n, t) for i, r in enumerate(records) for n, t in r["targets"].items()]
    return sorted(rows, key=lambda row: -ORDER.index(row[3]["verdict"]))
