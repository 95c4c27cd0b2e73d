"""`pytest --report DIR`: the page, the records, a summary and JUnit's file of a whole run.

Tests hand in what they found by `record_property`, so that it works under xdist too; it is taken
out of their reports again, so that JUnit's file stays small.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

import pytest

from converters.files import atomic_write

from ..errors import UsageError
from ..proof.proof import PRECISIONS
from ..writable import writable_folder
from .page import markdown, page, today
from .record import (
    FAIL,
    INCOMPLETE,
    PASS,
    SCHEMA,
    Json,
    coverage_record,
    questions,
    system,
    target_record,
)
from .templates import require_jinja
from .wording import verdict_of

#: The key of a property: {"model": …, "target": …}, with any of "about", "part", "output" and
#: "latency".
FOUND = "mxproof_found"
#: The key of a property: how close to its budget a search came (tests/models/test_shapes.py).
SEARCH = "mxproof_search"
#: The key of a property, for JUnit's file, of a test that failed because a row in a table of known
#: exceptions is no longer needed; the value says which.
UNEXPECTED_PASS = "mxproof_unexpected_pass"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("mxproof").addoption(
        "--report",
        metavar="DIR",  # write --report=DIR: pytest may take a folder that is there for tests
        help="write what tests/models finds there: a page to look at (index.html), report.json, "
        "summary.md for a CI job's page, and junit.xml",
    )


@pytest.hookimpl(tryfirst=True)  # before pytest asks where to write JUnit's file
def pytest_configure(config: pytest.Config) -> None:
    folder = _folder(config)
    if folder is None:
        return
    try:
        require_jinja()
        writable_folder(f"--report {folder}", folder)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if not config.option.xmlpath:
        config.option.xmlpath = str(folder / "junit.xml")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Register last: what other plugins make of the run is then known at its end."""
    folder = _folder(session.config)
    if folder is not None:
        session.config.pluginmanager.register(Report(folder), "mxproof-report")


def _folder(config: pytest.Config) -> Optional[Path]:
    """Where to write; workers of xdist write nothing."""
    given = config.getoption("--report")
    return Path(given) if given and not hasattr(config, "workerinput") else None


class Report:
    """Collects what the tests found, and writes it when all have run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: List[Json] = []
        self.searches: List[Json] = []
        self.tests: Dict[str, Json] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: List[Tuple[str, Any]] = report.user_properties
        mine: List[Any] = [value for key, value in properties if key == FOUND]
        report.user_properties = [p for p in properties if p[0] != FOUND]
        test = self._test(report.nodeid)
        test["seconds"] += report.duration
        if report.when == "call":  # the report of the teardown repeats it
            self.found += mine
            self.searches += [dict(value) for key, value in properties if key == SEARCH]
        if mine:
            judged = any("part" in found or "output" in found for found in mine)
            test.update(model=mine[0]["model"], target=mine[0].get("target"), judged=judged)
        if report.outcome != "passed" and test["outcome"] != "failed":
            test.update(outcome=report.outcome, message=_message(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported is a failure although none of its tests ran, and a file
        that is skipped as a whole is a skip."""
        if not report.passed:
            self._test(report.nodeid).update(outcome=report.outcome, message=_message(report))

    def _test(self, name: str) -> Json:
        new = {"id": name, "outcome": "passed", "seconds": 0.0, "message": ""}
        return self.tests.setdefault(name, new)

    @pytest.hookimpl(trylast=True)  # other plugins may find that the run failed
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        run, records, made = self.run(session.exitstatus), self.records(), today()
        whole = {"schema": SCHEMA, "made": made, **run}
        whole.update(searches=self.searches, records=records)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("report.json", json.dumps(whole, indent=1)),
            ("index.html", page(records, made=made, run=run)),
            ("summary.md", markdown(records, run)),
        ):
            with atomic_write(self.folder / name) as file:
                file.write(text.encode(errors="backslashreplace"))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(f"report: {self.folder / 'index.html'}")

    def run(self, exitstatus: int) -> Json:
        """What the tests did."""
        tests = list(self.tests.values())
        counts = {o: len(_where(tests, outcome=o)) for o in ("failed", "passed", "skipped")}
        fine = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        passed = PASS if counts["passed"] else INCOMPLETE
        versions = {"pytest": pytest.__version__, "exit code": int(exitstatus)}
        return {
            "verdict": passed if fine and not counts["failed"] else FAIL,
            "counts": counts,
            "tests": tests,
            "environment": {**versions, **system()},
        }

    def records(self) -> List[Json]:
        """One for each model, in the order in which they came."""
        failed = _where(self.tests.values(), outcome="failed")
        models = dict.fromkeys(found["model"] for found in self.found)
        return [_record(m, _where(self.found, model=m), _where(failed, model=m)) for m in models]


def _where(rows: Iterable[Json], **wanted: str) -> List[Json]:
    """The rows that have these values."""
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def _record(model: str, found: List[Json], failed: List[Json]) -> Json:
    """The record of a model.

    Args:
        found: properties of its tests.
        failed: those of its tests that failed.
    """
    judged = [f for f in found if "part" in f or "output" in f]
    names = sorted({f["target"] for f in judged})
    targets = {n: _target(_where(judged, target=n), _where(failed, target=n)) for n in names}
    elsewhere = [t for t in failed if t.get("target") not in targets]
    return {
        **{"schema": SCHEMA, "input": {}, "weights": "", "reference": "mxnet", "versions": {}},
        **{"source": {}, "command": "", "system": system(), **coverage_record(None)},
        **_first(found, "about", {}),
        "model": model,
        "verdict": FAIL if elsewhere else verdict_of(list(targets.values())),
        "problems": [f"{t['id']} failed" for t in elsewhere],
        "targets": targets,
        "latency": {k: v for each in found for k, v in each.get("latency", {}).items()},
        "notes": {k: v for each in found for k, v in each.get("notes", {}).items()},
    }


def _target(found: List[Json], failed: List[Json]) -> Json:
    given = {f["precision"]: f["part"] for f in found if "part" in f}
    parts, output = {p: given[p] for p in PRECISIONS if p in given}, _first(found, "output", None)
    said = [f["explanation"] for f in found if f.get("explanation")]
    verdicts = questions(parts, output)
    explained = all(t.get("judged") for t in failed) and FAIL in verdicts.values()
    if failed and not explained:  # by what it handed in; so the graver of the two fails
        verdicts["function"] = FAIL
    return target_record(
        parts,
        output,
        verdicts=verdicts,
        stored=_first(found, "stored", None),
        introduced=_first(found, "introduced", ()),
        problems=[f"{t['id']} failed" for t in failed],
        explanation=said or [f"{t['id']}: {t['message']}" for t in failed],
        notes=_first(found, "notes", {}),
    )


def _first(found: List[Json], key: str, default: Any) -> Any:
    return next((f[key] for f in found if f.get(key)), default)


def _message(report: Union[pytest.TestReport, pytest.CollectReport]) -> str:
    """Why a test was skipped, or how it failed."""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).replace("Skipped: ", "", 1)
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext
