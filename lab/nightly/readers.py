"""The records of the steps -> a Run. What is missing, damaged or of another form is a problem of
its step; it never ends the judge."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from xml.etree import ElementTree

from mxproof.errors import UsageError
from mxproof.reports.pytest_report import UNEXPECTED_PASS

from ..calibrate import missed_bars
from ..mutation.outcome import LOCALISED
from . import judge
from .judge import FAILED, PASSED, SKIPPED, Run

#: A case: its name, what became of it, why, and what was measured: see `Run.add`.
Found = Tuple[Any, ...]

STEP, VERSIONS = "step.json", "versions.txt"
#: What pytest's steps may write beside their JUnit XML.
BESIDE = REPORT, ZOO, BENCHMARKS = "report.json", "zoo.jsonl", "benchmark.json"
TIME = "%Y-%m-%dT%H:%M:%SZ"
#: A step that began this much before the last one is left over from an earlier run.
LONGEST_RUN = timedelta(hours=24)
DECISIONS = {"pass": PASSED, "fail": judge.SLOWER, "inconclusive": judge.INCONCLUSIVE}
#: What a record of another form raises; ElementTree's ParseError is a SyntaxError.
BROKEN = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def read_run(folder: Path, demanded: Sequence[str] = ()) -> Run:
    """Read every step in `folder`.

    Args:
        demanded: steps that must have left records.

    Raises:
        UsageError: there is no step in it.
    """
    found = {path: part_of(path.name) for path in sorted(folder.glob("*")) if path.is_dir()}
    parts = {path: part for path, part in found.items() if part}
    if not parts:
        raise UsageError(f"{folder}: has no results. Name the folder that .ci/nightly wrote.")
    run = Run({step: {} for step, _ in parts.values()})
    if (folder / VERSIONS).is_file():
        text = (folder / VERSIONS).read_text(encoding="utf-8", errors="replace")
        run.versions = dict(re.findall(r"^([\w.-]+)(?:==| @ )(\S+)$", text, re.MULTILINE))
    known: List[Found] = []
    for path, (step, _) in parts.items():
        try:
            about = load(path / STEP)
            began = datetime.strptime(about["began"], TIME)
            known.append((step, path.name, began, str(about["commit"])))
            _read_record(run, step, path, int(about["exit"]))
        except BROKEN as error:
            run.problems.append((step, f"{path.name}: {type(error).__name__}: {error}"))
    _check_origin(run, known)
    for name in sorted({name for _, names in parts.values() for name in names}):
        if not (folder / name).is_dir():
            run.problems.append((name.partition("-")[0], f"{name} left nothing"))
    for step in demanded:
        if step not in run.steps:
            run.steps[step] = {}
            run.problems.append((step, "left nothing: it did not run, or ended at once"))
    return run


def _check_origin(run: Run, known: Sequence[Found]) -> None:
    """All parts of a run are of one day and one commit; each is (step, folder, begin, commit)."""
    if not known:
        return
    dates = [began for *_, began, _ in known]
    run.date = min(dates).strftime(TIME)
    run.commit = Counter(commit for *_, commit in known).most_common(1)[0][0]
    for step, name, began, commit in known:
        if max(dates) - began > LONGEST_RUN:
            run.problems.append((step, f"{name} is left over from {began}"))
        if commit != run.commit:
            run.problems.append((step, f"{name} is of commit {commit}, others of {run.commit}"))


def part_of(name: str) -> Optional[Tuple[str, List[str]]]:
    """ "zoo-2-of-3" -> "zoo", and the names of all its parts; None for another name than a step's
    or a part's."""
    match = re.fullmatch(r"([a-z]+)(?:-\d+-of-(\d+))?", name)
    if not match or match[1] not in STEPS:
        return None
    count = int(match[2] or 0)
    return match[1], [f"{match[1]}-{k}-of-{count}" for k in range(1, count + 1)]


def _read_record(run: Run, step: str, folder: Path, code: int) -> None:
    """Read a step, or a part of it, that ended with this exit code."""
    record, reader = STEPS[step]
    for case in reader(folder / record):
        run.add(step, *case)
    outcomes = {case.outcome for case in run.steps[step].values()}
    if code and not outcomes.intersection((*judge.RED, judge.INCONCLUSIVE)):
        problem = f"{folder.name}: no case explains its exit code {code}"
        run.problems.append((step, problem))
    elif not outcomes - {SKIPPED}:
        run.problems.append((step, f"{folder.name}: no case ran"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def pytest_cases(path: Path) -> Iterator[Found]:
    """pytest's JUnit XML and, where the step wrote them, the records of the six models, of
    GluonCV's zoo, and of pytest-benchmark."""
    text, folder = path.read_text(encoding="utf-8"), path.parent
    if "<!" in text:
        raise ValueError("declares a document type or entities, which pytest never writes")
    tests = [(_id(element), element) for element in ElementTree.fromstring(text).iter("testcase")]
    for name, element in tests:
        yield (name,)
        yield from ((name, *bad) for bad in _outcomes(element))
    if (folder / REPORT).exists():
        for record in load(folder / REPORT)["records"]:
            yield from _worst(record, record["model"])
    if (folder / ZOO).exists():
        for line in (folder / ZOO).read_text(encoding="utf-8").splitlines():
            yield from _worst(json.loads(line), "GluonCV's zoo")
    if (folder / BENCHMARKS).exists():
        for found in load(folder / BENCHMARKS)["benchmarks"]:
            if found["fullname"] in dict(tests):
                yield found["fullname"], PASSED, "", found["stats"]["median"]


def _id(element: ElementTree.Element) -> str:
    """pytest's id: file, classes, function with its parameters."""
    file, groups = element.get("file", ""), element.get("classname", "")
    if file:
        groups = groups[len(file) - len(".py") + 1 :].replace(".", "::")
    return "::".join(filter(None, (file, groups, element.get("name", ""))))


def _outcomes(element: ElementTree.Element) -> Iterator[Tuple[str, str]]:
    """All that kept a test from passing: it may fail, and its teardown again."""
    properties = {p.get("name"): p.get("value", "") for p in element.iter("property")}
    for child in element:
        message = child.get("message", "")
        if child.tag == "skipped":
            yield judge.XFAILED if child.get("type") == "pytest.xfail" else SKIPPED, message
        elif child.tag in ("failure", "error") and UNEXPECTED_PASS in properties:
            yield judge.UNUSED, properties[UNEXPECTED_PASS]
        elif child.tag in ("failure", "error"):
            yield judge.XPASSED if message.startswith("[XPASS(strict)]") else FAILED, message


def _worst(record: Any, model: str) -> Iterator[Found]:
    """The layers of each target, of which the worst counts: tests say whether it is good enough."""
    for target, found in record["targets"].items():
        for layer in found.get("layers", [found]):
            for key in ("float64_rel", "float32_ratio"):
                if layer.get(key) is not None:
                    yield f"{key}::{model}/{target}", PASSED, "", layer[key]


def mutation_cases(path: Path) -> Iterator[Found]:
    """`python -m lab mutation --json`. A case is the n-th mutant of its kind in a model, because
    the layers to mutate are drawn."""
    record, count = load(path), Counter[str]()
    for mutant in record["faults"]:
        group = f"mutation::{mutant['kind']}[{mutant['site'].partition(' ')[0]}"
        count[group] += 1
        equivalent = mutant["equivalent"] is not None
        message = f"{'false alarm' if equivalent else 'survived'}: {mutant['site']}"
        bad = bool(mutant["killed"]) is equivalent
        yield f"{group}-{count[group]}]", FAILED if bad else PASSED, message
    for clean in record["clean"]:
        name = f"mutation::none[{clean['model']}/{clean['target']}]"
        yield name, FAILED if clean["killed"] else PASSED, "false alarm"
    named = [bool(m["localised"]) for m in record["faults"] if m["equivalent"] is None]
    share = sum(named) / max(1, len(named))
    message = f"{sum(named)} of {len(named)} were; {LOCALISED:.0%} are required"
    yield "mutation::named at the layer", PASSED if share >= LOCALISED else FAILED, message, share


def declaration_cases(path: Path) -> Iterator[Found]:
    """`python -m tests.operators.mutation --json`: the share of slips that the rows catch."""
    record = load(path)
    totals = {
        key: sum(kind[key] for kind in record["kinds"].values()) for key in ("cases", "killed")
    }
    share = totals["killed"] / max(1, totals["cases"])
    message = f"{totals['killed']} of {totals['cases']} were; {record['required']:.0%} are required"
    outcome = PASSED if share >= record["required"] else FAILED
    yield "declarations::slips that a row caught", outcome, message, share


def latency_cases(path: Path) -> Iterator[Found]:
    """`mxproof bench --against … --json`: a decision for each benchmark."""
    for found in load(path)["decisions"]:
        numbers = tuple(found.get(key) for key in ("ratio", "low", "high"))
        message = "{} times its control ({} to {})".format(*numbers)
        yield (f"latency::{found['name']}", DECISIONS[found["verdict"]], message, *numbers)


def calibration_cases(path: Path) -> Iterator[Found]:
    """`python -m lab calibrate --json`."""
    for rate in load(path)["rates"]:
        missed, name = missed_bars([rate]), f"calibration::{100 * rate['slowdown']:g} % slower"
        yield name, FAILED if missed else PASSED, "".join(missed), rate["share_failed"]


def matrix_cases(path: Path) -> Iterator[Found]:
    """`tox -m matrix --result-json`: a case for each environment."""
    for name, found in load(path)["testenvs"].items():
        result = found.get("result")  # the environment that builds the package has none
        if result:
            outcome = PASSED if found.get("test") else SKIPPED
            message = f"exit code {result['exit_code']}"
            yield f"matrix::{name}", outcome if result["success"] else FAILED, message


#: Step -> the record that it must leave, and its reader.
STEPS: Dict[str, Tuple[str, Callable[[Path], Iterator[Found]]]] = {
    "models": ("junit.xml", pytest_cases),
    "operators": ("junit.xml", pytest_cases),
    "zoo": ("junit.xml", pytest_cases),
    "mutation": ("mutation.json", mutation_cases),
    "declarations": ("declarations.json", declaration_cases),
    "latency": ("latency.json", latency_cases),
    "calibration": ("calibration.json", calibration_cases),
    "matrix": ("tox.json", matrix_cases),
    "docs": ("junit.xml", pytest_cases),
}
