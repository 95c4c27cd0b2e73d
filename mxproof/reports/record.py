"""The record of a proof, in JSON: what every report is made from.

A part is what one precision found. Parts make up a target, targets a record; a pytest run, whose
tests judge one precision each, puts the same parts together.
"""

from __future__ import annotations

import math
import os
import platform
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..proof.coverage.coverage import Coverage
from ..proof.outputs.final import OutputProof
from ..proof.proof import PRECISIONS, Proof, TargetProof
from ..proof.results import LayerResult
from ..proof.stored.stored import DIFFERENT, EQUAL, EXEMPT, REARRANGED, VERDICTS, StoredProof
from ..proof.trace_results import TraceResult

SCHEMA = 1
PASS, FAIL, INCOMPLETE = "pass", "fail", "incomplete"
ORDER = (PASS, INCOMPLETE, FAIL)  # the worst is last
#: Precision -> what it measures: the relative error, or the ratio to MXNet's own error.
MEASURES = {"float64": "rel", "float32": "ratio"}
#: What is asked of a target -> the precision that answers it.
QUESTIONS = {"function": "float64", "precision": "float32"}

#: What a live proof is judged by; see `Proof.reference`.
MXNET = "mxnet"

Json = Dict[str, Any]


def number(value: Optional[float]) -> Optional[float]:
    """JSON has no infinity; null stands for a number that could not be had."""
    return float(value) if value is not None and math.isfinite(value) else None


def _pass(passed: bool) -> str:
    return PASS if passed else FAIL


def part(
    comparison: TraceResult,
    alone: Sequence[LayerResult] = (),
    digits_lost: Optional[Mapping[str, float]] = None,
    problems: Sequence[str] = (),
    median: Optional[float] = None,
) -> Json:
    """What one precision found; "beyond": layer -> how many times its limit it uses up, for those
    that differ by themselves, or else in the chain.

    Args:
        alone: the layers that differ although they are given MXNet's inputs.
        digits_lost, problems, median: in float32, and of all layers by themselves: see
            `TargetProof`.
    """
    passed = comparison.passed and not alone and not problems
    other = comparison.function_problems or any(c.another_function for c in alone)
    return {
        "candidate": comparison.candidate,
        "verdict": _pass(passed),
        "function": _pass(not other),
        "precision": _pass(passed or comparison.precision == "float64"),
        "beyond": {c.layer: number(c.used) for c in alone or comparison.failed},
        "expected": len(comparison.expected),
        "problems": [*comparison.problems, *problems],
        "median_ratio": number(median),
        "alone": {c.layer: c.problem for c in alone},
        "digits_lost": dict(digits_lost or {}),
        "layers": [_check(c, comparison.precision) for c in comparison.checks],
    }


def target_part(target: TargetProof, precision: str) -> Json:
    """What one precision found of a target."""
    single = precision == "float32"
    alone, problems = target.introduced.get(precision, ()), target.isolated_problems(precision)
    lost, median = (target.digits_lost, target.median_ratio) if single else (None, None)
    return part(target.comparisons[precision], alone, lost, problems, median)


def _check(check: LayerResult, precision: str) -> Json:
    """One layer in one precision; `allowed` limits the relative error or the ratio."""
    numbers = {
        MEASURES[precision]: number(check.rel if precision == "float64" else check.ratio),
        "allowed": number(check.limit),
        "part": number(check.used),
        "deviation": check.row.reason if check.row else None,
    }
    differences = {"max_abs": number(check.max_abs), "max_rel": number(check.max_rel)}
    return {
        **{"name": check.layer, "op": check.op, "shape": list(check.shape)},
        **{f"{precision}_{key}": value for key, value in numbers.items()},
        **(differences if precision == "float32" else {}),
        "problem": check.problem,
        "note": check.note,
    }


#: A layer that was judged in neither precision.
UNJUDGED: Json = {
    **{"name": "", "op": "", "shape": []},
    **{f"{p}_{k}": None for p, m in MEASURES.items() for k in (m, "allowed", "part", "deviation")},
    **{"max_abs": None, "max_rel": None},
}


def output(proof: OutputProof) -> Json:
    """The final outputs; null stands for what was not compared, and `not_compared` says why."""
    return {
        "max_abs": number(proof.max_abs),
        "max_rel": number(proof.max_rel),
        "top1_equal": proof.top1_equal,
        "top1": proof.top1.verdict if proof.top1 else None,
        "top1_note": proof.top1.note if proof.top1 else "",
        "not_compared": proof.not_compared,
        "function": _pass(proof.same_shapes and not proof.checks.function_problems),
        "precision": _pass(proof.passed),
    }


def stored_record(proof: StoredProof) -> Json:
    """What was found of the stored numbers; null, and a note, where nothing was compared."""
    why = {v: {n: f.why for n, f in proof.only(v).items()} for v in (EXEMPT, DIFFERENT)}
    found = {
        "arrays": len(proof.arrays),
        "numbers": proof.numbers(*VERDICTS),
        "equal": proof.numbers(EQUAL),
        "rearranged": proof.numbers(REARRANGED),
        **why,
    }
    return {"stored": None if proof.note else found, "stored_note": proof.note}


def questions(parts: Mapping[str, Json], output: Optional[Json]) -> Dict[str, str]:
    """The verdicts on "function" and "precision" as far as parts and output tell."""
    found = [*parts.values(), *filter(None, [output])]
    verdicts = {}
    for question, precision in QUESTIONS.items():
        whole = output is not None and precision in parts
        failed = any(f[question] == FAIL for f in found)
        verdicts[question] = FAIL if failed else PASS if whole else INCOMPLETE
    return verdicts


def target_record(
    parts: Mapping[str, Json],
    output: Optional[Json],
    *,
    verdicts: Mapping[str, str],
    stored: Optional[Json] = None,
    introduced: Sequence[str] = (),
    problems: Sequence[str] = (),
    explanation: Sequence[str] = (),
    notes: Optional[Mapping[str, str]] = None,
) -> Json:
    """Parts by precision -> the record of a target.

    Args:
        verdicts: on the questions, "function" and "precision"; the graver is the target's.
        stored: the comparison of stored numbers, as `stored_record` has it.
        introduced: the layers to blame.
        problems: beside those of the parts.
        notes: layer -> how it is judged, where that is not as usual.
    """
    longest: Json = max(parts.values(), key=lambda p: len(p["layers"]), default={"layers": []})
    first = parts.get(PRECISIONS[0], longest)
    summaries = {p: {k: v for k, v in found.items() if k != "layers"} for p, found in parts.items()}
    return {
        "verdict": max(verdicts.values(), key=ORDER.index),
        **verdicts,
        "less_precise": dict(parts["float32"]["beyond"]) if "float32" in parts else {},
        "digits_lost": parts.get("float32", {}).get("digits_lost", {}),
        "first_introduced": introduced[0] if introduced else None,
        "introduced": list(introduced),
        "problems": [p for found in parts.values() for p in found["problems"]] + list(problems),
        "explanation": list(explanation),
        "output": output,
        **(stored or stored_record(StoredProof())),
        "precisions": summaries,
        "layers": _layers(first, parts, notes or {}),
    }


def _layers(first: Json, parts: Mapping[str, Json], notes: Mapping[str, str]) -> List[Json]:
    by_name = {p: {c["name"]: c for c in found["layers"]} for p, found in parts.items()}
    absent = {"problem": "was not compared"}
    layers = []
    for name in (layer["name"] for layer in first["layers"]):
        found: Dict[str, Json] = {p: by_name[p].get(name, absent) for p in parts}
        said = [f"{p}: {c['problem']}" for p, c in found.items() if c["problem"]]
        own_notes = dict.fromkeys(c["note"] for c in found.values() if c.get("note"))
        alone = [f"{p}: {f['alone'][name]}" for p, f in parts.items() if name in f["alone"]]
        row = {key: value for layer in (UNJUDGED, *found.values()) for key, value in layer.items()}
        own = row["float32_deviation"] or row["float64_deviation"]
        budget = [f"has a budget of its own: {own}"] if own else []
        row.update(
            verdict=FAIL if said else PASS,
            problem="; ".join(said) or None,
            alone="; ".join(alone) or None,
            note="; ".join([*filter(None, [notes.get(name)]), *own_notes, *budget]) or None,
        )
        layers.append(row)
    return layers


def proof_record(proof: Proof) -> Json:
    """The whole record. Keys may be added, never renamed."""
    return {
        "schema": SCHEMA,
        "verdict": PASS if proof.passed else FAIL,
        "problems": list(proof.problems),
        "model": proof.model,
        "input": {name: list(shape) for name, shape in proof.shapes.items()},
        "weights": proof.weights,
        "reference": proof.reference,
        "versions": dict(proof.versions),
        "system": system(),
        "source": dict(proof.source),
        "command": proof.command,
        "notes": dict(proof.notes),
        "targets": {name: _target(t, proof) for name, t in proof.targets.items()},
        "latency": dict(proof.latency),
        **coverage_record(proof.coverage, proof.reference),
    }


def coverage_record(coverage: Optional[Coverage], reference: str = MXNET) -> Json:
    """What took part in the proof; null, and the reason, where that was not measured."""
    if coverage is None:
        note = NOT_IN_MXNET if reference == MXNET else NOT_RECORDED
        return {"coverage": None, "coverage_note": f"not measured: {note}"}
    shares = {n: dict(vars(getattr(coverage, n))) for n in ("stored", "channels", "relu_signs")}
    shares["stored"].update(missing=dict(coverage.missing), exempt=dict(coverage.exempt))
    return {"coverage": shares, "coverage_note": None}


#: Why there is no coverage.
NOT_RECORDED = "a recording cannot be asked which numbers take part"
NOT_IN_MXNET = "MXNet has no layers that compute what is folded"


def _target(target: TargetProof, proof: Proof) -> Json:
    return target_record(
        {precision: target_part(target, precision) for precision in target.comparisons},
        output(target.output),
        verdicts=dict(zip(QUESTIONS, map(_pass, (target.same_function, target.as_precise)))),
        stored=stored_record(target.stored),
        introduced=[] if target.passed else [c.layer for c in target.culprits],
        problems=[*target.output.checks.problems, *target.unlocalized],
        explanation=target.explain(proof.model),
        notes=proof.notes,
    )


def system() -> Json:
    """What this process runs on."""
    return {
        "platform": f"{platform.system()} {platform.release()}",
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }
