"""What each step's record says: its cases, and its numbers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional

from mxproof.proof import PRECISIONS
from mxproof.report.record import Json
from mxproof.report.wording import number, worst

from ..mutation.outcome import LOCALISED
from .night import Night
from .outcomes import FAILED, INCONCLUSIVE, PASSED, SKIPPED, SLOWER

KEYS = {"float64": "float64_rel", "float32": "float32_ratio"}
ZOO = "GluonCV's zoo"
DECISIONS = {"pass": PASSED, "fail": SLOWER, "inconclusive": INCONCLUSIVE}
LATENCY = ("verdict", "ratio", "low", "high", "rounds", "more_rounds")


def pytest_run(night: Night, report: Json, step: Json) -> None:
    """`pytest --report`: tests, and the records of the models."""
    for test in report["tests"]:
        outcome = test.get("exception") or test["outcome"]
        night.add(test["id"], outcome, test["message"])
    night.asked.update(report["arguments"])
    night.made_on({k: v for k, v in report["environment"].items() if k in SYSTEM})
    for record in report["records"]:
        _proof(night, record)
    for search in report["searches"]:
        budget = f"{search['model']}/{search['target']} {search['precision']}"
        night.use(budget, float(search["worst"]))


SYSTEM = ("platform", "processor", "cores")


def _proof(night: Night, record: Json) -> None:
    night.made_by(record["versions"])
    if record["weights"]:
        kinds = {*filter(None, night.weights.split(", ")), record["weights"]}
        night.weights = ", ".join(sorted(kinds))
    for name, target in record["targets"].items():
        key = f"{record['model']}/{name}"
        night.numbers[key] = {KEYS[p]: worst(target, p)[0] for p in PRECISIONS}
        for layer in target["layers"]:
            for precision in PRECISIONS:
                row = layer.get(f"{precision}_deviation")
                budget = f"row: {row}" if row else f"{key} {precision}"
                night.use(budget, layer[f"{precision}_part"])


def zoo(night: Night, report: Json, step: Json) -> None:
    """The same, and a line for each model beside it; of their numbers the worst is kept."""
    pytest_run(night, report, step)
    lines = Path(step["folder"]) / "zoo.jsonl"
    for line in lines.read_text(encoding="utf-8").splitlines() if lines.is_file() else ():
        for target, found in json.loads(line)["targets"].items():
            known = night.numbers.setdefault(f"{ZOO}/{target}", dict.fromkeys(KEYS.values()))
            for key in KEYS.values():
                known[key] = _larger(known[key], found[key])


def _larger(a: Optional[float], b: Optional[float]) -> Optional[float]:
    return max((x for x in (a, b) if x is not None), default=None)


def faults(night: Night, record: Json, step: Json) -> None:
    """A campaign's `--json`. Places are drawn, so a case is the n-th of its kind in a model."""
    counts: Dict[str, int] = Counter()
    real: List[Json] = []
    for fault in record["faults"]:
        place = f"{fault['model']}-{fault['target']}"
        counts[f"{fault['kind']} {place}"] += 1
        case = f"faults::{fault['kind']}[{place}-{counts[fault['kind'] + ' ' + place]}]"
        if fault["equivalent"] is None:
            real.append(fault)
            caught = bool(fault["killed"])
            night.add(case, PASSED if caught else FAILED, "" if caught else _said(fault, "missed"))
        else:
            alarm = bool(fault["killed"])
            night.add(case, FAILED if alarm else PASSED, _said(fault, "false alarm") * alarm)
    for clean in record["clean"]:
        case = f"faults::no fault[{clean['model']}-{clean['target']}]"
        alarm = bool(clean["killed"])
        night.add(case, FAILED if alarm else PASSED, "false alarm" * alarm)
    named = sum(bool(fault["localised"]) for fault in real)
    enough = named >= LOCALISED * len(real)
    said = f"{named} of {len(real)} faults were named at their layer"
    night.add("faults::named at their layer", PASSED if enough else FAILED, "" if enough else said)


def _said(fault: Json, what: str) -> str:
    return f"{what}: {fault['kind']}: {fault['site']}"


def gate(night: Night, record: Json, step: Json) -> None:
    """`mxproof gate --json`: a decision for each benchmark."""
    environment = record["environment"]
    versions = {k: v for k, v in environment.items() if isinstance(v, (str, int, float))}
    versions.update(environment.get("versions") or {})
    machine = {"cpu", "system", *SYSTEM}
    night.made_on({k: v for k, v in versions.items() if k in machine})
    night.made_by({k: v for k, v in versions.items() if k not in machine})
    for found in record["benchmarks"]:
        decision = {key: found.get(key) for key in LATENCY}
        outcome = DECISIONS[found["verdict"]]
        night.latencies[found["name"]] = decision
        night.add(f"gate::{found['name']}", outcome, said_of(decision) if outcome != PASSED else "")


def said_of(decision: Json) -> str:
    """A ratio with its interval, in words."""
    low, ratio, high = (number(decision.get(key), ".3f") for key in ("low", "ratio", "high"))
    more = decision.get("more_rounds")
    left = f"; {more} more rounds would tell" if more else ""
    return f"{ratio} times its control ({low} to {high}){left}"


def calibration(night: Night, record: Json, step: Json) -> None:
    """A calibration's `--json`: a case for each slowdown that was tried. Whether the gate found
    enough of them, its exit code says."""
    for rate in record["rates"]:
        percent = f"{100 * rate['slowdown']:g} % slower"
        said = f"{number(100 * rate['share_failed'], '.3g')} % of {rate['trials']} trials failed"
        night.add(f"calibration::{percent}", FAILED if step["exit"] else PASSED, said)


def matrix(night: Night, record: Json, step: Json) -> None:
    """`tox -m matrix --result-json`: an environment is a case; without commands it was skipped."""
    for name, found in record["testenvs"].items():
        result = found.get("result")
        if result is None:
            continue  # what builds the package
        ran = PASSED if found.get("test") else SKIPPED
        night.add(
            f"matrix::{name}",
            ran if result["success"] else FAILED,
            "" if result["success"] else f"exit code {result['exit_code']}",
        )
