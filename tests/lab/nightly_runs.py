"""Results of a nightly run as `.ci/nightly` leaves them, made up: path -> content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict
from xml.etree.ElementTree import Element, SubElement, tostring

from mxproof.reports.pytest_report import UNEXPECTED_PASS

Made = Dict[str, Any]

LAYERS, TABLES, ZOO = "tests/models/test_layers.py", "tests/models/test_tables.py", "tests/zoo/t.py"
#: Outcome -> the element that pytest writes for it.
ELEMENTS: Dict[str, Any] = {
    "failed": ("failure", {"message": "it differs"}),
    "skipped": ("skipped", {"type": "pytest.skip", "message": "needs Chromium"}),
    "expected failure": ("skipped", {"type": "pytest.xfail", "message": "known"}),
    "unexpected pass": ("failure", {"message": "[XPASS(strict)] known"}),
    "unused override": ("failure", {"message": "AssertionError"}),
}
MUTANTS = 121  # of which one may be caught and not named


def green_results(date: str = "2026-11-20T03:17:00Z") -> Made:
    """Every kind of record; nothing is wrong with it."""
    made: Made = {
        "models/junit.xml": {
            **{f"{LAYERS}::test_layers[small-{t}]": "passed" for t in ("onnx", "pytorch")},
            f"{TABLES}::Rows::test_row": "passed",
            f"{TABLES}::test_known": "expected failure",
            f"{TABLES}::test_elsewhere": "skipped",
        },
        "models/report.json": {"records": [{"model": "small", "targets": {"onnx": _target()}}]},
        "models/benchmark.json": {
            "benchmarks": [
                {"fullname": f"{LAYERS}::test_layers[small-onnx]", "stats": {"median": 2}}
            ]
        },
        "zoo-1-of-2/junit.xml": {f"{ZOO}::test_model[{n}]": "passed" for n in ("vgg11", "alexnet")},
        "zoo-1-of-2/zoo.jsonl": json.dumps({"targets": {"onnx": _target()["layers"][0]}}),
        "zoo-2-of-2/junit.xml": {f"{ZOO}::test_model[darknet53]": "passed"},
        "docs/junit.xml": {"tests/docs/test_commands.py::test_it[README.md:12]": "passed"},
        "mutation/mutation.json": {
            "faults": [*map(_mutant, range(MUTANTS)), {**_mutant(0, "0 = 0"), "killed": False}],
            "clean": [{"model": "small", "target": "onnx", "killed": False}],
        },
        "declarations/declarations.json": {
            "required": 0.9,
            "kinds": {k: {"cases": 10, "killed": 9} for k in ("part dropped", "default changed")},
        },
        "latency/latency.json": {
            "decisions": [decision(f"small-{runtime}") for runtime in ("onnxruntime", "pytorch")]
        },
        "calibration/calibration.json": {
            "rates": [{"slowdown": s, "trials": 40, "share_failed": s * 10} for s in (0.0, 0.1)]
        },
        "matrix/tox.json": {
            "testenvs": {".pkg": {}, **{n: _row() for n in ("py39-oldest", "py313-newest")}}
        },
        "versions.txt": "torch==2.13.0\nmxproof @ git+file:///mxproof@abc\n",
    }
    for step in {path.partition("/")[0] for path in made if "/" in path}:
        made[f"{step}/step.json"] = {"exit": 0, "began": date, "seconds": 9, "commit": "abc"}
    return made


def decision(name: str, verdict: str = "pass", ratio: float = 0.7) -> Made:
    interval = {"ratio": ratio, "low": ratio - 0.02, "high": ratio + 0.02}
    return {"name": name, "verdict": verdict, **interval, "process_pairs": 9}


def _target() -> Made:
    return {
        "verdict": "pass",
        "layers": [{"float64_rel": 2e-15, "float32_ratio": 1.5}, {"op": "x"}],
    }


def _mutant(place: int, equivalent: Any = None) -> Made:
    about = {"kind": "stride dropped", "site": f"small/onnx conv{place}: 2 to 1"}
    return {**about, "killed": True, "localised": True, "equivalent": equivalent}


def _row() -> Made:
    return {"test": [{"retcode": 0}], "result": {"success": True, "exit_code": 0, "duration": 1}}


def junit(cases: Dict[str, str]) -> str:
    """id -> outcome, as pytest writes it; test_nightly_readers.py reads its own files."""
    suite = Element("testsuite")
    for case, outcome in cases.items():
        file, *groups, name = case.split("::")
        classname = ".".join((file[: -len(".py")].replace("/", "."), *groups))
        test = SubElement(suite, "testcase", classname=classname, name=name, file=file)
        if outcome == "unused override":
            properties = SubElement(test, "properties")
            SubElement(properties, "property", name=UNEXPECTED_PASS, value="delete the row")
        if outcome in ELEMENTS:
            SubElement(test, *ELEMENTS[outcome])
    return tostring(suite, encoding="unicode")


def write(folder: Path, made: Made) -> Path:
    for path, content in made.items():
        if path.endswith(".xml") and isinstance(content, dict):
            content = junit(content)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
