"""Records in words and numbers: what the terminal, the page and Markdown say alike."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..comparison import NAMED
from ..outputs import DIFFERS, EQUAL, UNDECIDED
from ..proof import PRECISIONS
from ..subject import WEIGHTS
from .record import FAIL, INCOMPLETE, MEASURES, ORDER, PASS, Json

NONE = "–"
NOT_COMPARED = "not compared"
TOP = {EQUAL: "equal", UNDECIDED: "too close to tell", DIFFERS: "differs"}
SIGNS = {PASS: "✓", FAIL: "✗", INCOMPLETE: "…"}
VERDICTS = {PASS: "pass", FAIL: "FAIL", INCOMPLETE: "incomplete"}
HEADLINES = {PASS: "Proven equal", FAIL: "Not equal", INCOMPLETE: "Not judged as a whole"}
TARGETS = {"onnx": "ONNX", "pytorch": "PyTorch"}
FUNCTIONS = {PASS: "same function", FAIL: "function not proven", INCOMPLETE: "not judged"}
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
    "float32 ratio, worst layer",
)


def precision_words(target: Json) -> str:
    """The verdict on the precision, in words."""
    if target["precision"] != FAIL:
        return "as precise" if target["precision"] == PASS else "not judged"
    count = len(target["less_precise"])
    return "less precise" + (f" in {layer_count(count)}" if count else "")


def loss_words(target: Json) -> str:
    """What a conversion that is the same function loses, with the layers that lose most of it."""
    beyond: Dict[str, Optional[float]] = target["less_precise"]
    parts = {name: math.inf if part is None else part for name, part in beyond.items()}
    worst = sorted(parts.items(), key=lambda item: -item[1])[:NAMED]
    named = [f"{one_line(name)} (error {part:.2g} times its limit)" for name, part in worst]
    where = f" in {layer_count(len(beyond))}: {', '.join(named)}" if named else ""
    more = f", and {len(beyond) - NAMED} more" if len(beyond) > NAMED else ""
    return f"same function; less precise than MXNet{where}{more}"


def culprits(target: Json) -> List[Tuple[str, str, str]]:
    """Of each layer that introduced a difference: its name, which one it is, and what is wrong with
    it, in the precision that says more."""
    layers: List[Json] = target["layers"]
    places = {layer["name"]: place for place, layer in enumerate(layers)}
    by_itself = [target["precisions"].get(p, {}).get("alone", {}) for p in PRECISIONS]
    found = []
    for name in (n for n in target["introduced"] if n in places):
        layer = layers[places[name]]
        said = [found[name] for found in by_itself if found.get(name)]
        which = f"{layer['op']}, layer {places[name] + 1} of {len(layers)}"
        found.append((name, which, [*said, layer["problem"] or ""][0]))
    return found


def failure_notes(target: Json) -> List[str]:
    """What is to be said of a failed target beside its culprits, in sentences; all there is to say
    where no layer is to blame."""
    if not culprits(target):
        return list(target["explanation"])
    count = sum(layer["verdict"] == FAIL for layer in target["layers"])
    spread = f"{count} of {layer_count(len(target['layers']))} differ in the chain"
    problems = [*([spread] if count else []), *dict.fromkeys(target["problems"])]
    return [problem[:1].upper() + problem[1:].rstrip(".") + "." for problem in problems]


#: Key of a record's coverage -> what it counts.
COVERED = {
    "stored": "stored numbers",
    "channels": "channels",
    "relu_signs": "ReLU channels with both signs",
}


def coverage_words(record: Json) -> str:
    """What took part in the proof, in a sentence; and that its weights are random, if they are."""
    random = f"{WEIGHTS['seeded']}. " if record.get("weights") == "seeded" else ""
    found = record.get("coverage")
    if not found:
        return f"{random}Coverage: {record.get('coverage_note') or 'not known'}."
    shares = [
        f"{words} {_share(found[key], 'chain')} in the chain, {_share(found[key], 'isolated')} "
        "isolated"
        for key, words in COVERED.items()
        if found[key]["total"]
    ]
    return f"{random}Coverage: {'; '.join(shares) or 'nothing is stored'}."


def _share(counts: Json, where: str) -> str:
    """100 % is all of them and not nearly all."""
    return f"{math.floor(1000 * counts[where] / counts['total']) / 10:g} %"


def layer_count(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def summary(target: Json) -> List[Tuple[str, str]]:
    """(heading, text), as SUMMARY lists them."""
    output: Dict[str, Any] = target["output"] or {}
    (rel, layer), (ratio, noisiest) = (worst(target, p) for p in PRECISIONS)
    silent = output.get("max_abs") is None and output.get("top1") is None and bool(output)
    median = target["precisions"].get("float32", {}).get("median_ratio")
    judged = f" (median {median:.2f})" if median is not None else ""
    texts = (
        FUNCTIONS[target["function"]],
        precision_words(target),
        str(len(target["layers"])),
        NOT_COMPARED if silent else number(output.get("max_abs")),
        NOT_COMPARED if silent else number(output.get("max_rel")),
        NOT_COMPARED if silent else TOP.get(output.get("top1", ""), NONE),
        stored_words(target["stored"]),
        f"{number(rel)} {layer}".strip(),
        f"{number(ratio, '.2f')} {noisiest}".strip() + judged,
    )
    return list(zip(SUMMARY, texts))


def stored_words(stored: Optional[Json]) -> str:
    """How many of the stored numbers are in the file, bit for bit."""
    if stored is None:
        return NOT_COMPARED
    exact, total = stored["equal"] + stored["rearranged"], stored["numbers"]
    if stored["different"]:
        return f"{exact:,} of {total:,}"
    reasons = ", ".join(sorted(set(stored["exempt"].values())))
    return f"all {total:,}" + (f" but {total - exact:,} ({reasons})" if reasons else "")


def reasons(target: Json) -> List[str]:
    """Why the numbers of outputs were not compared, in sentences."""
    why: Dict[str, str] = (target["output"] or {}).get("not_compared", {})
    return [f"Output {name!r} was {NOT_COMPARED}: {reason}." for name, reason in why.items()]


def uncompared(layers: Sequence[Json]) -> int:
    """How many layers passed on their type and shape alone, or by their distribution."""
    return sum(c["verdict"] == PASS and c["float64_rel"] is c["max_abs"] is None for c in layers)


def lost_digits(target: Json) -> str:
    """One sentence on layers that are less precise than MXNet's, within what rounding may do; ""
    where there is none."""
    lost: Dict[str, float] = target["digits_lost"]
    if not lost:
        return ""
    layer = max(lost, key=lambda name: lost[name])
    op = next(c["op"] for c in target["layers"] if c["name"] == layer)
    runtime, more = target["precisions"]["float32"]["candidate"], len(lost) - 1
    others = f" (and less in {more} more layer{'s' if more > 1 else ''})" if more else ""
    said = (
        f"{RUNTIMES.get(runtime, runtime)} loses about {lost[layer]:.1f} digits against MXNet in "
        f"{op} {one_line(layer)!r}{others}, within what rounding may do"
    )
    avoided = "BatchNorm" in op and "; `mxproof convert --exact-batch-norm` avoids that"
    return f"{said}{avoided or ''}."


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
