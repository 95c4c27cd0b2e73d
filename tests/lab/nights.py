"""Folders of results as `.ci/nightly` leaves them, made up: what its judgement is tried on."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from lab.nightly.cases import read_list, write_list
from lab.nightly.history import opened
from lab.nightly.judge import Judgement, judge
from lab.nightly.results import read_night
from mxproof.report.record import Json
from tests.mxproof.records import proof

LAYERS = "tests/models/test_layers.py"
BROWSER = "tests/models/test_outputs.py"
ZOO = "tests/zoo/test_gluoncv.py"
CASES = {
    **{f"{LAYERS}::test_layers[small-{t}]": "passed" for t in ("onnx", "pytorch")},
    f"{BROWSER}::test_it": "passed",
    f"{BROWSER}::test_in_a_browser": "passed",
    f"{BROWSER}::test_known_to_fail": "xfailed",
}
SHARDS = (("alexnet", "vgg11"), ("darknet53",))
SEARCH = {"precision": "float64", "worst": "0.310"}
VERSIONS = {"mxnet": "1.9.1", "torch": "2.13.0", "onnxruntime": "1.23.0"}


def case_of(name: str) -> str:
    return f"{ZOO}::test_model[{name}]"


EXPECTED = (*CASES, *(case_of(name) for shard in SHARDS for name in shard))


def a_test(case: str, outcome: str = "passed", message: str = "") -> Json:
    """What a report has of a test that is marked or not."""
    plain = {"xfailed": "skipped", "xpassed": "failed"}.get(outcome, outcome)
    test = {"id": case, "outcome": plain, "seconds": 0.5, "message": message}
    return {**test, "exception": outcome} if outcome != plain else test


def report(tests: List[Json], arguments: List[str], records: Optional[List[Json]] = None) -> Json:
    environment = {"pytest": "9", "exit code": 0, "platform": "Linux", "processor": "x", "cores": 2}
    return {
        "schema": 1,
        "verdict": "pass",
        "tests": tests,
        "arguments": arguments,
        "environment": environment,
        "searches": [],
        "records": records or [],
    }


def decision(name: str, verdict: str = "pass", ratio: float = 0.7) -> Json:
    interval = {"ratio": ratio, "low": ratio - 0.02, "high": ratio + 0.02, "rounds": 20}
    model, runtime = name.rsplit("-", 1)
    about = {"name": name, "model": model, "runtime": runtime, "control": "mxnet"}
    more = 40 if verdict == "inconclusive" else None
    return {**about, "verdict": verdict, **interval, "more_rounds": more}


def fault(kind: str, *, killed: bool = True, equivalent: Optional[str] = None) -> Json:
    about = {"model": "small", "target": "onnx", "kind": kind, "site": f"small/onnx {kind}"}
    return {**about, "killed": killed, "localised": killed, "equivalent": equivalent}


def whole_night(date: str = "2026-11-20T03:17:00Z") -> Dict[str, Any]:
    """Folder -> its files; nothing is wrong with it."""
    record = deepcopy(proof().to_json())
    record["versions"] = dict(VERSIONS)
    models = report([a_test(*row) for row in CASES.items()], ["tests/models"], [record])
    models["searches"].append({"model": "small", "target": "onnx", **SEARCH})
    made: Dict[str, Any] = {
        "models": {"report.json": models},
        "faults": {
            "faults.json": {
                "faults": [fault("pad"), fault("pad"), fault("idle", killed=False, equivalent="0")],
                "clean": [{"model": "small", "target": "onnx", "killed": False}],
            }
        },
        "latency": {
            "gate.json": {
                "environment": {"python": "3.11", "cpu": "x", "cores": 2},
                "benchmarks": [decision("small-onnxruntime"), decision("small-pytorch", ratio=0.8)],
                "verdict": "pass",
            }
        },
    }
    for place, shard in enumerate(SHARDS, 1):
        rows = [
            {"targets": {"onnx": {"float64_rel": place * 1e-15, "float32_ratio": 1.5}}}
            for _ in shard
        ]
        made[f"zoo-{place}-of-2"] = {
            "report.json": report([a_test(case_of(name)) for name in shard], ["tests/zoo"]),
            "zoo.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows),
        }
    for name, files in made.items():
        step, _, shard = name.partition("-")
        about = {"step": step, "shard": shard.replace("-of-", "/"), "exit": 0, "commit": "abc"}
        files["step.json"] = {**about, "began": date, "seconds": 9}
    return made


def write(folder: Path, made: Dict[str, Any]) -> Path:
    for name, files in made.items():
        (folder / name).mkdir(parents=True)
        for file, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / name / file).write_text(text, encoding="utf-8")
    return folder


def expected(path: Path) -> Path:
    write_list(path, EXPECTED)
    return path


STEPS = ["models", "zoo", "faults", "latency"]


Made = Dict[str, Any]


class House:
    """A history, a list of expected cases, and nights that are added to the history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.history = folder / "history.jsonl"
        self.list = expected(folder / "expected.txt")
        self.count = 0

    def night(self, *changes: Callable[[Made], Any], accept: str = "", **options: Any) -> Judgement:
        self.count += 1
        made = whole_night(f"2026-11-{self.count % 28 + 1:02}T03:17:00Z")
        for change in changes:
            change(made)
        results = write(self.folder / f"night{self.count}", made)
        with opened(self.history) as history:
            night = read_night(results, options.get("steps", STEPS))
            listed = read_list(self.list) if options.get("listed", True) else None
            found = judge(night, history, listed, accept)
            history.append(found.entry)
        return found


def results_of(made: Made, step: str = "models") -> List[Any]:
    found: List[Any] = made[step]["report.json"]["tests"]
    return found


def replaced(case: str, outcome: str, message: str = "", step: str = "models") -> Any:
    def change(made: Made) -> None:
        place = next(i for i, test in enumerate(results_of(made, step)) if test["id"] == case)
        results_of(made, step)[place] = a_test(case, outcome, message)

    return change


def removed(case: str, step: str = "models") -> Any:
    def change(made: Made) -> None:
        results_of(made, step)[:] = [test for test in results_of(made, step) if test["id"] != case]

    return change


def ended(step: str, code: int) -> Any:
    return lambda made: made[step]["step.json"].update(exit=code)


def in_file(step: str, file: str, change: Callable[[Any], Any]) -> Any:
    return lambda made: change(made[step][file])


def slow(name: str, verdict: str, ratio: float) -> Any:
    def change(gate: Any) -> None:
        gate["benchmarks"] = [
            decision(name, verdict, ratio) if b["name"] == name else b for b in gate["benchmarks"]
        ]

    return in_file("latency", "gate.json", change)


ONE = f"{LAYERS}::test_layers[small-onnx]"


IN_A_BROWSER = f"{BROWSER}::test_in_a_browser"


GATE = "small-onnxruntime"


def step_of(name: str, code: int = 0) -> Json:
    return {"step": name, "exit": code, "began": "2026-11-20T03:17:00Z", "commit": "abc"}


def same_day(made: Made) -> None:
    for files in made.values():
        files["step.json"]["began"] = step_of("")["began"]


def without(made: Dict[str, Any], case: str) -> Dict[str, Any]:
    report = made["models"]["report.json"]
    report["tests"] = [test for test in report["tests"] if test["id"] != case]
    return made


def lines(path: Path) -> List[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]
