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
from .records import FAILED, PASSED, SKIPPED, Run, Step

#: A case: its name, what became of it, why, and what was measured: see `Step.add`.
Found = Tuple[Any, ...]

STEP, VERSIONS, CALIBRATION = "step.json", "versions.txt", "calibration.json"
TIME = "%Y-%m-%dT%H:%M:%SZ"
#: A step that began this much before the last one is left over from an earlier run.
LONGEST_RUN = timedelta(hours=24)
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
    found = {path: _step_of(path.name) for path in sorted(folder.glob("*")) if path.is_dir()}
    folders = {path: step for path, step in found.items() if step}
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
    for path in began:
        problems = run.steps[folders[path]].problems
        if max(began.values()) - began[path] > LONGEST_RUN:
            problems.append(f"{path.name} is left over from {began[path]}")
        if commits.get(path, run.commit) != run.commit:
            problems.append(f"{path.name} is of commit {commits[path]}, others of {run.commit}")
    for part in sorted({part for path in folders for part in _parts(path)} - {*folders}):
        run.steps[_step_of(part.name)].problems.append(f"{part.name} left nothing")
    for name in demanded:
        absent = Step(problems=["left nothing: it did not run, or ended at once"])
        run.steps.setdefault(name, absent)
    return run


def _step_of(name: str) -> str:
    """ "zoo-2-of-8" -> "zoo"; "" for another name than a step's."""
    match = re.fullmatch(r"([a-z]+)(-\d+-of-\d+)?", name)
    return match[1] if match and match[1] in STEPS else ""


def _parts(path: Path) -> List[Path]:
    """ "zoo-2-of-3" -> "zoo-1-of-3", "zoo-2-of-3", "zoo-3-of-3"; none of a whole step."""
    step, _, count = path.name.partition("-of-")
    step = step.partition("-")[0]
    return [path.with_name(f"{step}-{k}-of-{count}") for k in range(1, int(count or 0) + 1)]


def _read_record(folder: Path, step: Step, code: int) -> None:
    """Read a step, or a part of it, that ended with this exit code."""
    name, reader = STEPS[_step_of(folder.name)]
    for case in reader(folder / name):
        step.add(*case)
    if name == CALIBRATION:  # its exit code says whether the bars were met
        shares = "; ".join(f"{name[13:]}: {case.value} failed" for name, case in step.cases.items())
        step.add("calibration::bars", FAILED if code == 1 else PASSED, shares)
    outcomes = {case.outcome for case in step.cases.values()}
    if code and not outcomes.intersection((*records.RED, records.INCONCLUSIVE)):
        step.problems.append(f"{folder.name}: no case explains its exit code {code}")
    elif not outcomes - {SKIPPED}:
        step.problems.append(f"{folder.name}: no case ran")


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
        yield name, PASSED
        yield from ((name, *bad) for bad in _outcomes(element))
    if (folder / "report.json").exists():
        for record in load(folder / "report.json")["records"]:
            yield from _worst(record, record["model"])
    if (folder / "zoo.jsonl").exists():
        for line in (folder / "zoo.jsonl").read_text(encoding="utf-8").splitlines():
            yield from _worst(json.loads(line), "GluonCV's zoo")
    if (folder / "benchmark.json").exists():
        for found in load(folder / "benchmark.json")["benchmarks"]:
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
            yield records.XFAILED if child.get("type") == "pytest.xfail" else SKIPPED, message
        elif child.tag in ("failure", "error") and UNEXPECTED_PASS in properties:
            yield records.UNUSED, properties[UNEXPECTED_PASS]
        elif child.tag in ("failure", "error"):
            yield records.XPASSED if message.startswith("[XPASS(strict)]") else FAILED, message


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
    record, count, named = load(path), Counter[str](), []
    for mutant in record["faults"]:
        group = f"mutation::{mutant['kind']}[{mutant['site'].partition(' ')[0]}"
        count[group] += 1
        equivalent, killed = mutant["equivalent"] is not None, bool(mutant["killed"])
        message = f"{'false alarm' if equivalent else 'survived'}: {mutant['site']}"
        yield f"{group}-{count[group]}]", FAILED if killed is equivalent else PASSED, message
        if not equivalent:
            named.append(bool(mutant.get("localised", mutant["named"])))
    for clean in record.get("clean", ()):
        name = f"mutation::none[{clean['model']}/{clean['target']}]"
        yield name, FAILED if clean["killed"] else PASSED, "false alarm"
    share = sum(named) / max(1, len(named))
    message = f"{sum(named)} of {len(named)} were; {NAMED:.0%} are required"
    yield "mutation::named at the layer", PASSED if share >= NAMED else FAILED, message, share


def latency_cases(path: Path) -> Iterator[Found]:
    """`mxproof bench --against … --json`: a decision for each benchmark."""
    for found in load(path)["decisions"]:
        numbers = tuple(found.get(key) for key in ("ratio", "low", "high"))
        message = "{} times its control ({} to {})".format(*numbers)
        yield (f"latency::{found['name']}", DECISIONS[found["verdict"]], message, *numbers)


def calibration_cases(path: Path) -> Iterator[Found]:
    """`python -m lab calibrate --json`."""
    for rate in load(path)["rates"]:
        name = f"calibration::{100 * rate['slowdown']:g} % slower"
        yield name, PASSED, "", rate["share_failed"]


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
    "latency": ("latency.json", latency_cases),
    "calibration": (CALIBRATION, calibration_cases),
    "matrix": ("tox.json", matrix_cases),
    "docs": ("junit.xml", pytest_cases),
}
