"""The records of the steps -> a Run. What is missing, damaged or of another form is a problem of
its step; it never ends the judge."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple
from xml.etree import ElementTree

from mxproof.report.pytest_report import UNEXPECTED_PASS
from mxproof.subject import UsageError

from . import records
from .records import FAILED, PASSED, SKIPPED, Case, Run, Step

STEP, VERSIONS = "step.json", "versions.txt"
TIME = "%Y-%m-%dT%H:%M:%SZ"
#: A step that began this much before the last one is left over from an earlier run.
LONGEST_RUN = timedelta(hours=24)
#: Records are a few megabytes; parsing one that is much larger would exhaust the memory.
LARGEST = 256 * 2**20
#: The share of the mutations that make a difference which must be named at their layer.
NAMED = 0.99
DECISIONS = {"pass": PASSED, "fail": records.SLOWER, "inconclusive": records.INCONCLUSIVE}
#: What a record of another form raises; ElementTree's ParseError is a SyntaxError.
BROKEN = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def read_run(folder: Path, demanded: Sequence[str] = ()) -> Run:
    """Read every step in `folder`.

    Args:
        demanded: steps that must have left records.

    Raises:
        UsageError: there is no step in it.
    """
    folders = {path: _step_of(path) for path in sorted(folder.glob("*")) if _step_of(path)}
    if not folders:
        raise UsageError(f"{folder}: has no results. Name the folder that .ci/nightly wrote.")
    run = Run(steps={name: Step() for name in folders.values()})
    if (folder / VERSIONS).is_file():
        text = (folder / VERSIONS).read_text(encoding="utf-8", errors="replace")
        run.versions = dict(re.findall(r"^([\w.-]+)(?:==| @ )(\S+)$", text, re.MULTILINE))
    began: Dict[Path, datetime] = {}
    commits: Dict[Path, str] = {}
    for path, name in folders.items():
        try:
            about = load(path / STEP)
            began[path] = datetime.strptime(str(about["began"]), TIME)
            commits[path] = str(about["commit"])
            _read_record(path, run.steps[name], int(about["exit"]))
        except BROKEN as error:
            run.steps[name].problems.append(f"{path.name}: {type(error).__name__}: {error}")
    run.date = min(began.values()).strftime(TIME) if began else ""
    run.commit = Counter(commits.values()).most_common(1)[0][0] if commits else ""
    for path, name in folders.items():
        problems = run.steps[name].problems
        if path in began and max(began.values()) - began[path] > LONGEST_RUN:
            problems.append(f"{path.name} is left over from {began[path]}")
        if commits.get(path, run.commit) != run.commit:
            problems.append(f"{path.name} is of commit {commits[path]}, others of {run.commit}")
        for part in _parts(path.name):
            if folder / part not in folders and f"{part} left nothing" not in problems:
                problems.append(f"{part} left nothing")
    for name in demanded:
        absent = Step(problems=["left nothing: it did not run, or ended at once"])
        run.steps.setdefault(name, absent)
    return run


def _step_of(path: Path) -> str:
    """ "zoo-2-of-8" -> "zoo"; "" for what is not the folder of a step."""
    match = re.fullmatch(r"([a-z]+)(-\d+-of-\d+)?", path.name)
    return match[1] if match and match[1] in STEPS and path.is_dir() else ""


def _parts(name: str) -> List[str]:
    """ "zoo-2-of-3" -> ["zoo-1-of-3", "zoo-2-of-3", "zoo-3-of-3"]; none of a whole step."""
    step, _, count = name.partition("-of-")
    return [f"{step.partition('-')[0]}-{k}-of-{count}" for k in range(1, int(count or 0) + 1)]


def _read_record(folder: Path, step: Step, code: int) -> None:
    """Read a step, or a part of it, that ended with this exit code."""
    name, reader = STEPS[_step_of(folder)]
    reader(folder / name, step, code)
    outcomes = {case.outcome for case in step.cases.values()}
    if code and not outcomes.intersection((*records.RED, records.INCONCLUSIVE)):
        step.problems.append(f"{folder.name}: no case explains its exit code {code}")
    elif not outcomes - {SKIPPED}:
        step.problems.append(f"{folder.name}: no case ran")


def text_of(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{path.name} has {size} bytes; records have at most {LARGEST}")
    return path.read_text(encoding="utf-8")


def load(path: Path) -> Any:
    return json.loads(text_of(path))


def pytest_run(path: Path, step: Step, code: int) -> None:
    """pytest's JUnit XML and, where the step wrote them, the records of the six models, of
    GluonCV's zoo, and of pytest-benchmark."""
    text, folder = text_of(path), path.parent
    if "<!" in text:
        raise ValueError("declares a document type or entities, which pytest never writes")
    for element in ElementTree.fromstring(text).iter("testcase"):
        for case in _cases(element):
            step.add(_id(element), case.outcome, case.message)
    if (folder / "report.json").exists():
        for record in load(folder / "report.json")["records"]:
            _measure(record, record["model"], step)
    if (folder / "zoo.jsonl").exists():
        for line in text_of(folder / "zoo.jsonl").splitlines():
            _measure(json.loads(line), "GluonCV's zoo", step)
    if (folder / "benchmark.json").exists():
        for found in load(folder / "benchmark.json")["benchmarks"]:
            if found["fullname"] in step.cases:
                step.add(found["fullname"], PASSED, "", found["stats"]["median"])


def _id(element: ElementTree.Element) -> str:
    """pytest's id: file, classes, function with its parameters."""
    file, groups = element.get("file", ""), element.get("classname", "")
    if file:
        groups = groups[len(file) - len(".py") + 1 :].replace(".", "::")
    return "::".join(filter(None, (file, groups, element.get("name", ""))))


def _cases(element: ElementTree.Element) -> Iterator[Case]:
    """All that became of a test: it may fail, and its teardown again."""
    yield Case(PASSED)
    properties = {p.get("name"): p.get("value", "") for p in element.iter("property")}
    for child in element:
        message = child.get("message", "")
        if child.tag == "skipped":
            expected = child.get("type") == "pytest.xfail"
            yield Case(records.XFAILED if expected else SKIPPED, message)
        elif child.tag in ("failure", "error") and UNEXPECTED_PASS in properties:
            yield Case(records.UNUSED, properties[UNEXPECTED_PASS])
        elif child.tag in ("failure", "error"):
            unexpected = message.startswith("[XPASS(strict)]")
            yield Case(records.XPASSED if unexpected else FAILED, message)


def _measure(record: Any, model: str, step: Step) -> None:
    """The worst layer of each target: the tests say whether it is good enough."""
    for target, found in record["targets"].items():
        for layer in found.get("layers", [found]):
            for key in ("float64_rel", "float32_ratio"):
                if layer.get(key) is not None:
                    step.add(f"{key}::{model}/{target}", PASSED, "", layer[key])


def mutation_run(path: Path, step: Step, code: int) -> None:
    """`python -m lab mutation --json`. A case is the n-th mutant of its kind in a model, because
    the layers to mutate are drawn."""
    record, count, named = load(path), Counter[str](), []
    for mutant in record["faults"]:
        group = f"mutation::{mutant['kind']}[{mutant['site'].partition(' ')[0]}"
        count[group] += 1
        equivalent, killed = mutant["equivalent"] is not None, bool(mutant["killed"])
        message = f"{'false alarm' if equivalent else 'survived'}: {mutant['site']}"
        outcome = FAILED if killed is equivalent else PASSED
        step.add(f"{group}-{count[group]}]", outcome, message)
        if not equivalent:
            named.append(bool(mutant.get("localised", mutant["named"])))
    for clean in record.get("clean", ()):
        name = f"mutation::none[{clean['model']}/{clean['target']}]"
        step.add(name, FAILED if clean["killed"] else PASSED, "false alarm")
    share = sum(named) / max(1, len(named))
    message = f"{sum(named)} of {len(named)} were; {NAMED:.0%} are required"
    step.add("mutation::named at the layer", PASSED if share >= NAMED else FAILED, message, share)


def latency_run(path: Path, step: Step, code: int) -> None:
    """`mxproof bench --against … --json`: a decision for each benchmark."""
    for found in load(path)["decisions"]:
        ratio, low, high = (found.get(key) for key in ("ratio", "low", "high"))
        message = f"{ratio} times its control ({low} to {high})"
        step.add(
            f"latency::{found['name']}", DECISIONS[found["verdict"]], message, ratio, low, high
        )


def calibration_run(path: Path, step: Step, code: int) -> None:
    """`python -m lab calibrate --json`. Its exit code says whether its bars were met."""
    for rate in load(path)["rates"]:
        name = f"calibration::{100 * rate['slowdown']:g} % slower"
        step.add(name, PASSED, "", rate["share_failed"])
    shares = "; ".join(f"{name[13:]}: {case.value} failed" for name, case in step.cases.items())
    step.add("calibration::bars", FAILED if code == 1 else PASSED, shares)


def matrix_run(path: Path, step: Step, code: int) -> None:
    """`tox -m matrix --result-json`: a case for each environment."""
    for name, found in load(path)["testenvs"].items():
        result = found.get("result")  # the environment that builds the package has none
        if result:
            outcome = PASSED if found.get("test") else SKIPPED
            message = f"exit code {result['exit_code']}"
            step.add(f"matrix::{name}", outcome if result["success"] else FAILED, message)


#: Step -> the record that it must leave, and its reader.
STEPS: Dict[str, Tuple[str, Callable[[Path, Step, int], None]]] = {
    "models": ("junit.xml", pytest_run),
    "operators": ("junit.xml", pytest_run),
    "zoo": ("junit.xml", pytest_run),
    "mutation": ("mutation.json", mutation_run),
    "latency": ("latency.json", latency_run),
    "calibration": ("calibration.json", calibration_run),
    "matrix": ("tox.json", matrix_run),
    "docs": ("junit.xml", pytest_run),
}
