"""Records in words and numbers: what the terminal, the page and Markdown say alike."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..outputs import DIFFERS, EQUAL, UNDECIDED
from ..proof import PRECISIONS
from .record import FAIL, INCOMPLETE, PASS, Json

NONE = "–"
LONGEST = 2000  # characters of a message in a summary, which may hold a megabyte
TOP = {EQUAL: "equal", UNDECIDED: "too close to tell", DIFFERS: "differs"}
SIGNS = {PASS: "✓", FAIL: "✗", INCOMPLETE: "…"}
VERDICTS = {PASS: "pass", FAIL: "FAIL", INCOMPLETE: "incomplete"}
HEADLINES = {PASS: "Proven equal", FAIL: "Not equal", INCOMPLETE: "Not judged as a whole"}
TARGETS = {"onnx": "ONNX", "pytorch": "PyTorch"}
ORDER = (PASS, INCOMPLETE, FAIL)  # the worst is last
WEIGHTS = {
    "pretrained": "as published",
    "seeded": "random, from a seed",
    "user": "of the user's checkpoint",
}
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


def shape(sizes: Sequence[int]) -> str:
    return "×".join(map(str, sizes)) or "scalar"


def shapes(inputs: Mapping[str, Sequence[int]]) -> str:
    return ", ".join(f"{one_line(name)} {shape(sizes)}" for name, sizes in inputs.items())


def worst(target: Json, precision: str) -> Tuple[Optional[float], str]:
    """The largest error of a layer, relative or as a ratio, and that layer; a layer whose result
    could not be judged in numbers is worse than any."""
    key = {"float64": "float64_rel", "float32": "float32_ratio"}[precision]
    ran = [layer for layer in target["layers"] if precision in target["precisions"]]
    broken = [c for c in ran if c["verdict"] == FAIL and c[f"{precision}_part"] is None]
    judged = [layer for layer in ran if layer[key] is not None]
    found = broken[:1] or sorted(judged, key=lambda layer: -layer[key])[:1]
    return (found[0][key], one_line(found[0]["name"])) if found else (None, "")


#: What is said of a target, beside its name and verdict.
SUMMARY = (
    "layers",
    "output max abs",
    "output max rel",
    "top-1",
    "float64 rel, worst layer",
    "float32 ratio, worst layer (median)",
)


def summary(target: Json) -> List[Tuple[str, str]]:
    """(heading, text), as SUMMARY lists them."""
    output: Dict[str, Any] = target["output"] or {}
    (rel, layer), (ratio, noisiest) = (worst(target, p) for p in PRECISIONS)
    median = target["precisions"].get("float32", {}).get("median_ratio")
    texts = (
        str(len(target["layers"])),
        number(output.get("max_abs")),
        number(output.get("max_rel")),
        TOP[output["top1"]] if output else NONE,
        f"{number(rel)} {layer}".strip(),
        f"{number(ratio, '.2f')} {noisiest} ({number(median, '.2f')})".replace("  ", " "),
    )
    return list(zip(SUMMARY, texts))


def verdict_of(records: Sequence[Json], run: Optional[Json] = None) -> str:
    """The worst; where nothing was compared, nothing is proven."""
    found: List[str] = [record["verdict"] for record in records] or [INCOMPLETE]
    found += [run["verdict"]] if run else []
    return max(found, key=ORDER.index)


def headline_of(records: Sequence[Json], verdict: str) -> str:
    """The verdict in two words; not all that fails is a layer."""
    differs = any(t["verdict"] == FAIL for record in records for t in record["targets"].values())
    return "Failed" if verdict == FAIL and not differs else HEADLINES[verdict]


def counted(records: Sequence[Json]) -> str:
    """How many models there are of each verdict."""
    counts = {v: sum(r["verdict"] == v for r in records) for v in (FAIL, INCOMPLETE, PASS)}
    words = {FAIL: "failed", INCOMPLETE: "not judged as a whole", PASS: "proven equal"}
    said = [f"{count} {words[v]}" for v, count in counts.items() if count]
    return f"Of {models(len(records))}: {', '.join(said)}." if said else "No model was compared."


def models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def sentence(record: Json) -> str:
    """What the verdict means."""
    targets = record["targets"]
    failed = {name: t for name, t in targets.items() if t["verdict"] == FAIL}
    if failed:
        return " ".join(_blame(name, target) for name, target in failed.items())
    if record["verdict"] == FAIL:
        return "No layer differs, but see what else went wrong."
    names = " and ".join(TARGETS.get(name, name) for name in targets)
    count = max((len(t["layers"]) for t in targets.values()), default=0)
    if record["verdict"] == INCOMPLETE:
        return "Nothing failed, but not every layer was judged in both precisions."
    verb = "compute" if len(targets) > 1 else "computes"
    return (
        f"{names} {verb} what MXNet computes: each of {count} layers is the same function in "
        "float64, and as precise as MXNet in float32."
    )


def _blame(name: str, target: Json) -> str:
    first, others = target["first_introduced"], len(target["introduced"]) - 1
    shown, layers = TARGETS.get(name, name), target["layers"]
    if first is None:
        return f"{shown} fails."
    place = next((i for i, c in enumerate(layers, 1) if c["name"] == first), None)
    where = f" (layer {place} of {len(layers)})" if place else ""
    op = f"{layers[place - 1]['op']} " if place else ""
    more = f", and in {others} more" if others > 0 else ""
    return f"{shown} differs from MXNet, first in {op}{one_line(first)}{where}{more}."


def outcomes(run: Json) -> str:
    """How many tests of a pytest run there were of each outcome."""
    return ", ".join(f"{count} {outcome}" for outcome, count in run["counts"].items() if count)


def skips(run: Json) -> Dict[str, int]:
    """Reason -> how many tests were skipped for it."""
    return Counter(t["message"] for t in run["tests"] if t["outcome"] == "skipped")


def by_verdict(records: Sequence[Json]) -> List[Tuple[int, Json, str, Json]]:
    """(place of the record, record, target's name, target), failed targets first."""
    rows = [(i, r, n, t) for i, r in enumerate(records) for n, t in r["targets"].items()]
    return sorted(rows, key=lambda row: -ORDER.index(row[3]["verdict"]))
